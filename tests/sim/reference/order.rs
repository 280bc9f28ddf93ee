//! The two orders, written from their description: which waiting item comes first, which worker is offered it first.

use super::logic::{Facts, value};
use super::world::{Ask, Held, World};
use cordboard_domain::id::WorkerId;
use cordboard_domain::time::Timestamp;
use cordboard_domain::work::{QueueOrder, Worker};
use serde_json::Value;
use std::cmp::Ordering;

/// A queue's order and its thousandths of a point of score for each minute waited.
pub type Discipline = (QueueOrder, u32);

/// Score in points × 60,000,000: priority plus minutes waited × the queue's points per minute, without rounding.
pub fn score(item: &Held, queue: Discipline, now: Timestamp) -> i128 {
    let waited_ms = i128::from(now.millis()) - i128::from(since(item).millis());
    i128::from(item.priority) * 60_000_000 + waited_ms * i128::from(queue.1)
}

fn since(item: &Held) -> Timestamp {
    item.waiting_since.unwrap_or_default()
}

/// `Less` when `one` is served before `two`, both waiting in `queue`.
pub fn within_queue(one: &Held, two: &Held, queue: Discipline, now: Timestamp) -> Ordering {
    let by_age = match queue.0 {
        QueueOrder::Fifo => since(one).cmp(&since(two)),
        QueueOrder::Lifo => since(two).cmp(&since(one)),
    };
    score(two, queue, now).cmp(&score(one, queue, now)).then(by_age).then(one.id.cmp(&two.id))
}

/// `Less` when `one` is served before `two`, the heads of two queues.
pub fn across_queues(one: (&Held, Discipline), two: (&Held, Discipline), now: Timestamp) -> Ordering {
    score(two.0, two.1, now)
        .cmp(&score(one.0, one.1, now))
        .then(since(one.0).cmp(&since(two.0)))
        .then(one.0.id.cmp(&two.0.id))
}

/// `Less` when `one` is offered the item before `two`: the step's keys, then the longest idle, then the id.
pub fn workers(world: &World, ask: &Ask, item: &Held, one: &Worker, two: &Worker) -> Ordering {
    for (expression, descending) in &ask.order_by {
        let one = value(expression, &facts(world, item, one));
        let two = value(expression, &facts(world, item, two));
        let by_key = sort_values(&one, &two, *descending);
        if by_key != Ordering::Equal {
            return by_key;
        }
    }
    idle(world, one.id, two.id)
}

/// Who holds work comes after all who hold none; then who changed to idle first; then the id.
fn idle(world: &World, one: WorkerId, two: WorkerId) -> Ordering {
    let key = |id: WorkerId| (world.holds_work(id), world.idle_since(id), id);
    key(one).cmp(&key(two))
}

/// Numbers before texts, and what has no value last, in either direction.
fn sort_values(one: &Value, two: &Value, descending: bool) -> Ordering {
    let class = |value: &Value| match value {
        Value::Number(_) | Value::Bool(_) => 0,
        Value::String(_) => 1,
        Value::Null | Value::Array(_) | Value::Object(_) => 2,
    };
    let by_class = class(one).cmp(&class(two));
    if by_class != Ordering::Equal {
        return by_class;
    }
    let ascending = match (one, two) {
        (Value::String(one), Value::String(two)) => one.cmp(two),
        _ => match (number(one), number(two)) {
            (Some(one), Some(two)) => one.partial_cmp(&two).unwrap_or(Ordering::Equal),
            _ => Ordering::Equal,
        },
    };
    if descending { ascending.reverse() } else { ascending }
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::Bool(flag) => Some(f64::from(u8::from(*flag))),
        _ => None,
    }
}

pub fn facts(world: &World, item: &Held, worker: &Worker) -> Facts {
    let activity = world.activity_name(worker);
    let mut facts = Facts::of_worker(&worker.attributes, &worker.id.to_string(), &worker.name, activity);
    facts.item = item.attributes.clone();
    facts
}
