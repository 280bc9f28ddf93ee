//! What the fold must remember of a worker between events: since when it is busy or idle. The time until now is charged
//! when that changes, split at the quarters of the hour.

use super::cell::Count;
use super::{HOUR_MS, QUARTER_MS};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Presence {
    /// Name of the activity.
    pub activity: Box<str>,
    /// Whether that activity is one in which work may be offered; holds only while the worker is reachable.
    pub activity_available: bool,
    pub reachable: bool,
    /// Items in its hands, those in after-call work included.
    pub held: u32,
    /// Up to here all of its time is charged.
    pub charged_to: Timestamp,
}

impl Presence {
    /// What its time counts as now; neither when it is away and has nothing to do.
    pub fn counts_as(&self) -> Option<Count> {
        match self.held {
            0 => (self.activity_available && self.reachable).then_some(Count::IdleMs),
            _ => Some(Count::BusyMs),
        }
    }
}

/// The parts of a time within each quarter of an hour: where each begins, and its milliseconds.
fn quarters(from: Timestamp, to: Timestamp) -> impl Iterator<Item = (Timestamp, u64)> {
    let mut at = from.millis();
    std::iter::from_fn(move || {
        let quarter = at.div_euclid(QUARTER_MS) * QUARTER_MS;
        let end = (quarter + QUARTER_MS).min(to.millis());
        let lasted = end.checked_sub(at).filter(|lasted| *lasted > 0)?;
        at = end;
        Some((Timestamp::from_millis(quarter), lasted as u64))
    })
}

/// Tells of each quarter how much of a worker's time that is not charged yet goes to it.
pub fn charge_open(presence: &Presence, until: Timestamp, mut charge: impl FnMut(Timestamp, Count, u64)) {
    let Some(count) = presence.counts_as() else { return };
    for (quarter, lasted) in quarters(presence.charged_to, until) {
        charge(quarter, count, lasted);
    }
}

/// The end of the hour that begins at or before `at`.
pub(super) fn end_of_hour(at: Timestamp) -> Timestamp {
    Timestamp::from_millis((at.millis().div_euclid(HOUR_MS) + 1) * HOUR_MS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_split_at_quarters_and_nothing_is_lost() {
        let at = Timestamp::from_millis;
        let parts =
            |from, to| quarters(at(from), at(to)).map(|(quarter, ms)| (quarter.millis(), ms)).collect::<Vec<_>>();
        assert_eq!(parts(900_000, 900_000), []);
        assert_eq!(parts(5, 4), []);
        assert_eq!(parts(899_999, 900_000), [(0, 1)]);
        assert_eq!(parts(899_999, 1_800_001), [(0, 1), (900_000, 900_000), (1_800_000, 1)]);
        assert_eq!(end_of_hour(at(3_600_000)), at(7_200_000));
        assert_eq!(end_of_hour(at(3_599_999)), at(3_600_000));
    }
}
