//! # route
//!
//! The item waits in a queue until a worker accepts it.
//!
//! - `queue` (needed): id or name of the queue.
//! - `workers`: a predicate; of the queue's members only those are offered the item for whom it is true. It reads
//!   `item`, `worker`, `sys.worker`, `sys.channel` and `sys.priority`.
//! - `prefer`: id or name of a worker, or an expression for it. That worker comes first whenever eligible.
//! - `prefer_wait_s` (0–1,209,600, default 0): seconds from entering the step in which the item waits for that worker
//!   when it is not eligible, and is offered to no one else. Its decline ends that wait.
//! - `known_worker_only` (default false): only the worker of `prefer` is offered the item; when `prefer` names nobody
//!   the step is skipped.
//! - `order_by`: up to 5 of `{"value": …, "direction": "asc" | "desc"}` (default `asc`), each an expression over the
//!   worker; workers with equal values come by the longest idle.
//! - `priority` (±1,000,000): the item's priority from here on.
//! - `timeout_s` (1–1,209,600): seconds until the item moves on to the next step. Without it the item stays until its
//!   own time to live ends. An open offer is never cut short.
//! - `skip_if`: a condition looked at once on entering; when true the step is skipped. It alone may read `sys.queue`.
//! - `offers` (1–50, default 1): how many workers are offered the item at once; the first to accept has it.
//! - `reservation_timeout_s` (1–1,209,600): how long an offer lasts; the document's is the default, then 120.
//!
//! ```json
//! {"route": {"queue": "support",
//!            "workers": {"in": [{"var": "item.language"}, {"var": "worker.languages"}]},
//!            "order_by": [{"value": {"var": "worker.skill"}, "direction": "desc"}],
//!            "skip_if": {"==": [{"var": "sys.queue.available"}, 0]},
//!            "timeout_s": 20}}
//! ```

use crate::limit::*;
use crate::rule::{Place, Template};
use crate::work::document::code;
use crate::work::document::program::{Action, Route};
use crate::work::document::read::{Notes, Object, RouteSite};
use serde_json::Value;

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

pub(in crate::work::document) fn read(value: &Value, pointer: &str, notes: &mut Notes) -> Option<Action> {
    let object = notes.object(value, pointer, &FIELDS, "a route")?;
    let queue = notes.required(object, "queue", "the id or name of the queue to wait in");
    let queue = queue.and_then(|queue| notes.text(queue, &object.at("queue"), NAME_CHARS_MAX));
    let workers = object.get("workers").and_then(|workers| notes.template(workers, &object.at("workers")));
    let prefer = object.get("prefer").and_then(|prefer| read_prefer(prefer, object, notes));
    let skip_if = object.get("skip_if");
    let skip_if = skip_if.and_then(|skip_if| notes.expression(skip_if, &object.at("skip_if"), Place::SkipIf));
    let route = Route {
        queue: queue.clone().unwrap_or_default().into(),
        workers,
        prefer,
        prefer_wait_s: notes.whole_u32(object, "prefer_wait_s", 0, DURATION_S_MAX).unwrap_or(0),
        known_worker_only: notes.flag(object, "known_worker_only").unwrap_or(false),
        order_by: object.get("order_by").map_or_else(Vec::new, |keys| read_order(keys, object, notes)),
        priority: notes.whole(object, "priority", -PRIORITY_MAX, PRIORITY_MAX),
        timeout_s: notes.whole_u32(object, "timeout_s", 1, DURATION_S_MAX),
        skip_if,
        offers: notes.whole_u32(object, "offers", 1, OFFERS_MAX).unwrap_or(1),
        reservation_timeout_s: notes.whole_u32(object, "reservation_timeout_s", 1, DURATION_S_MAX),
    };
    check_preference(object, &route, notes);
    let queue = queue?;
    let workers = object.get("workers").filter(|_| route.workers.is_some());
    let workers = workers.map(|workers| (workers.clone(), object.at("workers")));
    notes.routes.push(RouteSite { queue, queue_pointer: object.at("queue"), workers });
    Some(Action::Route(Box::new(route)))
}

fn read_prefer(value: &Value, object: Object<'_>, notes: &mut Notes) -> Option<crate::rule::Expression> {
    let pointer = object.at("prefer");
    match value {
        Value::String(name) => notes.preferred.push((name.clone(), pointer.clone())),
        Value::Object(_) => {}
        other => {
            notes.wrong_type(other, pointer, "the id or name of a worker, or an expression for it,");
            return None;
        }
    }
    notes.expression(value, &pointer, Place::Item)
}

fn check_preference(object: Object<'_>, route: &Route, notes: &mut Notes) {
    if object.get("prefer").is_some() {
        if route.known_worker_only && route.prefer_wait_s > 0 {
            let message = "with `known_worker_only` the item waits for its worker as long as the step lasts; take \
                           `prefer_wait_s` out";
            notes.add(code::WITHOUT_EFFECT, object.at("prefer_wait_s"), message);
        }
        return;
    }
    for name in ["prefer_wait_s", "known_worker_only"].iter().filter(|name| object.get(name).is_some()) {
        let message = format!("`{name}` is about the worker of `prefer`, which is missing; add it or take this out");
        notes.add(code::PREFER_MISSING, object.at(name), message);
    }
}

fn read_order(value: &Value, object: Object<'_>, notes: &mut Notes) -> Vec<(Template, bool)> {
    let pointer = object.at("order_by");
    let Value::Array(keys) = value else {
        notes.wrong_type(value, pointer, "a list of keys such as {\"value\": {\"var\": \"worker.skill\"}}");
        return Vec::new();
    };
    if keys.len() > ORDER_BY_KEYS_MAX {
        let message = format!("at most {ORDER_BY_KEYS_MAX} keys, not {}", keys.len());
        notes.add(code::TOO_MANY, pointer, message);
        return Vec::new();
    }
    let keys = keys.iter().enumerate();
    keys.filter_map(|(place, key)| read_key(key, &format!("{pointer}/{place}"), notes)).collect()
}

fn read_key(value: &Value, pointer: &str, notes: &mut Notes) -> Option<(Template, bool)> {
    let object = notes.object(value, pointer, &["value", "direction"], "a key of `order_by`")?;
    let descending = match object.get("direction") {
        Some(direction) => notes.choice(direction, &object.at("direction"), &[("asc", false), ("desc", true)]),
        None => Some(false),
    };
    let value = notes.required(object, "value", "an expression over the worker");
    Some((value.and_then(|value| notes.template(value, &object.at("value")))?, descending?))
}
