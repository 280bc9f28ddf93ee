//! `route`: wait in a queue for a worker.
//!
//! ```json
//! {"route": {"queue": "support",
//!            "workers": {"in": [{"var": "item.language"}, {"var": "worker.languages"}]},
//!            "prefer": {"var": "item.last_worker"}, "prefer_wait_s": 10,
//!            "order_by": [{"value": {"var": "worker.skill"}, "direction": "desc"}],
//!            "priority": 50, "timeout_s": 20, "offers": 1, "reservation_timeout_s": 15,
//!            "skip_if": {"==": [{"var": "sys.queue.available"}, 0]}}}
//! ```
//!
//! Only workers that belong to the queue and for whom `workers` is true are offered the item: first the one that
//! `prefer` names, by id or name, while it is eligible, and nobody else for `prefer_wait_s`; then by the keys of
//! `order_by`; then the longest idle. With `known_worker_only` nobody but the preferred worker is offered the item, and
//! the step is skipped when `prefer` names nobody. `offers` workers (1–50) are offered the item at once. `timeout_s`
//! counts from entering the step and never cuts a live offer short; without it the item waits here for good. The step
//! is skipped when `skip_if`, which alone may read `sys.queue`, is true on entering it.

use super::super::reader::{Fields, Reader};
use super::super::{Action, Op};
use super::{Builder, Flow};
use crate::limit::*;
use crate::rule::operator::nearest;
use crate::rule::{Expression, Place, Template};
use serde_json::Value;

#[derive(Debug, Clone)]
pub struct Route {
    /// Name or id.
    pub queue: Box<str>,
    pub workers: Option<Template>,
    pub prefer: Option<Expression>,
    pub prefer_wait_s: u32,
    pub known_worker_only: bool,
    /// Keys with whether the highest comes first.
    pub order_by: Vec<(Template, bool)>,
    pub priority: Option<i64>,
    pub timeout_s: Option<u32>,
    pub skip_if: Option<Expression>,
    pub offers: u32,
    pub reservation_timeout_s: Option<u32>,
}

const FIELDS: [&str; 11] = [
    "queue",
    "workers",
    "prefer",
    "prefer_wait_s",
    "known_worker_only",
    "order_by",
    "priority",
    "timeout_s",
    "skip_if",
    "offers",
    "reservation_timeout_s",
];

pub(super) fn parse(reader: &mut Reader<'_>, builder: &mut Builder, body: &Value, pointer: &str, at: &str) -> Flow {
    let Some(fields) = reader.fields(body, at, &FIELDS) else { return Flow::On };
    let get = |name: &str| fields.map.get(name);
    let queue = queue(reader, fields);
    let workers = get("workers").and_then(|value| template(reader, value, &fields.at("workers")));
    if get("workers") == Some(&Value::Bool(false)) {
        reader.warn("matches_nobody", &fields.at("workers"), "no worker is ever eligible in this step");
    }
    let prefer = get("prefer").and_then(|value| reader.expression(value, &fields.at("prefer"), Place::Item));
    let skip_if = get("skip_if").and_then(|value| reader.expression(value, &fields.at("skip_if"), Place::SkipIf));
    let order_by = get("order_by").map(|value| order_by(reader, value, &fields.at("order_by"))).unwrap_or_default();
    let known_worker_only = reader.flag(fields, "known_worker_only").unwrap_or(false);
    for name in ["prefer_wait_s", "known_worker_only"] {
        if get(name).is_some() && get("prefer").is_none() {
            reader.error("prefer_missing", &fields.at(name), format!("`{name}` needs `prefer` beside it"));
        }
    }
    let timeout_s = reader.seconds(fields, "timeout_s", 1);
    let offers = reader.integer(fields, "offers", 1..=i64::from(OFFERS_MAX)).unwrap_or(1);
    let route = Route {
        queue: queue.unwrap_or_default(),
        workers,
        prefer,
        prefer_wait_s: reader.seconds(fields, "prefer_wait_s", 0).unwrap_or(0),
        known_worker_only,
        order_by,
        priority: reader.integer(fields, "priority", -PRIORITY_MAX..=PRIORITY_MAX),
        timeout_s,
        skip_if,
        offers: u32::try_from(offers).unwrap_or(1),
        reservation_timeout_s: reader.seconds(fields, "reservation_timeout_s", 1),
    };
    let may_be_left = get("timeout_s").is_some() || get("skip_if").is_some() || known_worker_only;
    builder.push(pointer, Op::Step(Action::Route(Box::new(route))));
    if may_be_left { Flow::On } else { Flow::Ends }
}

fn queue(reader: &mut Reader<'_>, fields: Fields<'_>) -> Option<Box<str>> {
    let Some(queue) = reader.text(fields, "queue") else {
        if !fields.map.contains_key("queue") {
            reader.error("missing_field", fields.pointer, "a route needs a `queue`");
        }
        return None;
    };
    if !reader.queues.iter().any(|known| **known == *queue) {
        reader.queues.push(queue.into());
    }
    if let Some(directory) = reader.directory.filter(|directory| !directory.has_queue(queue)) {
        let names = directory.queue_names();
        let hint = match nearest(queue, names.iter().map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "create it first".to_owned(),
        };
        reader.error("unknown_queue", &fields.at("queue"), format!("no queue has the name or id `{queue}`; {hint}"));
    }
    Some(queue.into())
}

fn template(reader: &mut Reader<'_>, value: &Value, pointer: &str) -> Option<Template> {
    if !reader.sound(value, pointer, Place::Workers) {
        return None;
    }
    match Template::compile(value) {
        Ok(template) => Some(template),
        Err(error) => {
            reader.error("bad_expression", pointer, error.message);
            None
        }
    }
}

fn order_by(reader: &mut Reader<'_>, value: &Value, pointer: &str) -> Vec<(Template, bool)> {
    let Some(keys) = reader.list(value, pointer, ORDER_BY_KEYS_MAX) else { return Vec::new() };
    let mut order = Vec::new();
    for (place, key) in keys.iter().enumerate() {
        let at = format!("{pointer}/{place}");
        let Some(fields) = reader.fields(key, &at, &["value", "direction"]) else { continue };
        let descending = match reader.text(fields, "direction") {
            None | Some("asc") => false,
            Some("desc") => true,
            Some(_) => {
                reader.error("out_of_range", &fields.at("direction"), "a direction is `asc` or `desc`");
                false
            }
        };
        match fields.map.get("value") {
            Some(value) => {
                order.extend(template(reader, value, &fields.at("value")).map(|template| (template, descending)));
            }
            None => reader.error("missing_field", &at, "a key needs a `value`, such as {\"var\": \"worker.skill\"}"),
        }
    }
    order
}
