//! The two orders of distribution: which waiting item comes first, and which worker is offered it first. Both are total,
//! so that every run agrees.

use crate::id::{ItemId, WorkerId};
use crate::time::Timestamp;
use crate::work::QueueOrder;
use serde_json::Value;
use std::cmp::{Ordering, Reverse};
use std::sync::Arc;

/// One point of priority in units of score: milliseconds per minute times thousandths of a point.
const POINT: i64 = 60_000_000;

/// Place of an item within one queue: the least key is served first.
///
/// All items of a queue age with the same slope, so their order never changes while they wait and the key needs no
/// clock: score(t) − slope·t is the same for every t.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WaitKey {
    rank: i64,
    tie: i64,
    pub id: ItemId,
}

/// How one queue orders its items.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Discipline {
    pub order: QueueOrder,
    /// Thousandths of a point of score for each minute waited.
    pub slope_milli: u32,
}

impl Discipline {
    pub fn key(&self, priority: i64, since: Timestamp, id: ItemId) -> WaitKey {
        let aged = since.millis().saturating_mul(i64::from(self.slope_milli));
        let rank = aged.saturating_sub(priority.saturating_mul(POINT));
        let tie = match self.order {
            QueueOrder::Fifo => since.millis(),
            QueueOrder::Lifo => -since.millis(),
        };
        WaitKey { rank, tie, id }
    }

    /// The key as it compares across queues at `now`: higher score first, then the oldest, then the id.
    pub fn across(&self, key: WaitKey, now: Timestamp) -> Across {
        let score = now.millis().saturating_mul(i64::from(self.slope_milli)).saturating_sub(key.rank);
        let since = match self.order {
            QueueOrder::Fifo => key.tie,
            QueueOrder::Lifo => -key.tie,
        };
        Across { score: Reverse(score), since, id: key.id }
    }
}

/// An item's place among the heads of several queues; the least is served first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Across {
    score: Reverse<i64>,
    since: i64,
    id: ItemId,
}

/// One `order_by` value of one worker, with its direction applied. Numbers come before texts, and a worker without the
/// value comes last in either direction.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum SortKey {
    Number(u64),
    TextAscending(String),
    TextDescending(Reverse<String>),
    Missing,
}

impl SortKey {
    pub fn new(value: &Value, descending: bool) -> Self {
        match value {
            Value::Number(number) => Self::number(number.as_f64().unwrap_or(f64::NAN), descending),
            Value::Bool(flag) => Self::number(f64::from(u8::from(*flag)), descending),
            Value::String(text) if descending => Self::TextDescending(Reverse(text.clone())),
            Value::String(text) => Self::TextAscending(text.clone()),
            Value::Null | Value::Array(_) | Value::Object(_) => Self::Missing,
        }
    }

    fn number(number: f64, descending: bool) -> Self {
        if number.is_nan() {
            return Self::Missing;
        }
        // The order of IEEE 754 bits is that of the numbers once negatives are flipped; −0 counts as 0.
        let bits = (number + 0.0).to_bits();
        let ordered = if bits >> 63 == 1 { !bits } else { bits | (1 << 63) };
        Self::Number(if descending { !ordered } else { ordered })
    }
}

/// Place of a worker among those free for an item: the least is offered first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerKey {
    pub sort: Arc<[SortKey]>,
    pub idle: IdleKey,
}

/// Longest idle first: a worker that holds work is not idle and comes after all that hold none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IdleKey {
    pub holds_work: bool,
    pub since: Timestamp,
    pub id: WorkerId,
}

impl Ord for WorkerKey {
    fn cmp(&self, other: &Self) -> Ordering {
        self.sort.cmp(&other.sort).then_with(|| self.idle.cmp(&other.idle))
    }
}

impl PartialOrd for WorkerKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    const FIFO: Discipline = Discipline { order: QueueOrder::Fifo, slope_milli: 0 };

    #[test]
    fn priority_then_age_then_id() {
        let old = FIFO.key(0, at(1), ItemId(9));
        let twin = FIFO.key(0, at(1), ItemId(10));
        let young = FIFO.key(0, at(2), ItemId(1));
        let urgent = FIFO.key(1, at(3), ItemId(2));
        let mut keys = [young, twin, old, urgent];
        keys.sort();
        assert_eq!(keys, [urgent, old, twin, young]);
    }

    #[test]
    fn lifo_takes_the_newest_only_at_equal_score() {
        let lifo = Discipline { order: QueueOrder::Lifo, slope_milli: 0 };
        let (old, young) = (lifo.key(0, at(1), ItemId(1)), lifo.key(0, at(2), ItemId(2)));
        assert!(young < old);
        assert!(lifo.key(1, at(0), ItemId(3)) < young);
    }

    #[test]
    fn ageing_overtakes_priority_after_the_stated_minutes() {
        // Two points a minute: ten points of priority are worth five minutes.
        let ageing = Discipline { order: QueueOrder::Fifo, slope_milli: 2_000 };
        let urgent = ageing.key(10, at(300_000), ItemId(1));
        assert!(ageing.key(0, at(1), ItemId(2)) > urgent);
        assert!(ageing.key(0, at(0), ItemId(3)) < urgent, "at equal score the oldest comes first");
    }

    #[test]
    fn queues_with_different_slopes_compare_at_the_moment() {
        let ageing = Discipline { order: QueueOrder::Fifo, slope_milli: 1_000 };
        let (aged, fixed) = (ageing.key(0, at(0), ItemId(1)), FIFO.key(5, at(0), ItemId(2)));
        let places = |now| (ageing.across(aged, at(now)), FIFO.across(fixed, at(now)));
        let (aged_early, fixed_early) = places(60_000);
        assert!(fixed_early < aged_early);
        let (aged_late, fixed_late) = places(360_000);
        assert!(aged_late < fixed_late);
    }

    #[test]
    fn sort_keys_order_numbers_in_both_directions_and_missing_last() {
        for descending in [false, true] {
            let mut values = [json!(null), json!(3), json!(-2.5), json!(0), json!("a")];
            values.sort_by_key(|value| SortKey::new(value, descending));
            let numbers =
                if descending { [json!(3), json!(0), json!(-2.5)] } else { [json!(-2.5), json!(0), json!(3)] };
            assert_eq!(values[..3], numbers);
            assert_eq!(values[3..], [json!("a"), json!(null)]);
        }
    }
}
