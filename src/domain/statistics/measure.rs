//! What is told of a cell: counts, the service level and other ratios, durations with their percentiles. What a
//! dimension has no such thing of is `null`, never 0.

use super::cell::{Cell, Count, Time};
use super::group::Dimension;
use super::histogram::Histogram;
use serde::Serialize;

/// The measures of one group in one interval, as the API shows them.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Measures {
    pub created: Option<u64>,
    pub entered: Option<u64>,
    pub offered: u64,
    pub accepted: u64,
    pub rejected: u64,
    pub missed: u64,
    pub rescinded: u64,
    pub withdrawn: u64,
    pub handled: u64,
    pub completed: u64,
    pub canceled: Option<u64>,
    pub abandoned: Option<u64>,
    pub expired: Option<u64>,
    /// Answered within the threshold.
    pub accepted_within: u64,
    pub service_level: Option<f64>,
    pub abandonment_rate: Option<f64>,
    pub speed_of_answer: Durations,
    pub time_to_abandon: Option<Durations>,
    pub handle_time: Durations,
    pub work_time: Durations,
    pub wrap_time: Durations,
    pub busy_s: Option<f64>,
    pub idle_s: Option<f64>,
    pub occupancy: Option<f64>,
}

/// Durations of one kind; without any, all but the total are `null`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Durations {
    pub total_s: f64,
    pub average_s: Option<f64>,
    pub p50_s: Option<f64>,
    pub p90_s: Option<f64>,
    pub p95_s: Option<f64>,
    pub p99_s: Option<f64>,
    pub longest_s: Option<f64>,
}

impl Durations {
    fn of(histogram: &Histogram) -> Self {
        let percentile = |percent| histogram.percentile_ms(percent).map(seconds);
        Self {
            total_s: seconds(histogram.sum_ms()),
            average_s: ratio(histogram.sum_ms(), histogram.count()).map(|ms| ms / 1_000.0),
            p50_s: percentile(50),
            p90_s: percentile(90),
            p95_s: percentile(95),
            p99_s: percentile(99),
            longest_s: histogram.longest_ms().map(seconds),
        }
    }
}

fn seconds(ms: u64) -> f64 {
    ms as f64 / 1_000.0
}

fn ratio(part: u64, of: u64) -> Option<f64> {
    (of > 0).then(|| part as f64 / of as f64)
}

impl Measures {
    /// `threshold_s` must be one of which [`super::is_threshold`] is true.
    pub fn of(cell: &Cell, dimension: Dimension, threshold_s: u32) -> Self {
        // A worker has no waits: those that nobody answered are nobody's. An item is created in no queue.
        let has_waits = dimension != Dimension::Worker;
        let has_items = has_waits && dimension != Dimension::Queue;
        let has_workers = matches!(dimension, Dimension::All | Dimension::Worker);
        let (answers, abandons) = (cell.time(Time::SpeedOfAnswer), cell.time(Time::TimeToAbandon));
        let (busy, idle) = (cell.count(Count::BusyMs), cell.count(Count::IdleMs));
        let within = answers.within(u64::from(threshold_s) * 1_000);
        let abandoned_later = abandons.count() - abandons.within(u64::from(threshold_s) * 1_000);
        let (accepted, abandoned, expired) = (answers.count(), abandons.count(), cell.count(Count::Expired));
        Self {
            created: has_items.then(|| cell.count(Count::Created)),
            entered: has_waits.then(|| cell.count(Count::Entered)),
            offered: cell.count(Count::Offered),
            accepted,
            rejected: cell.count(Count::Rejected),
            missed: cell.count(Count::Missed),
            rescinded: cell.count(Count::Rescinded),
            withdrawn: cell.count(Count::Withdrawn),
            handled: cell.time(Time::Handle).count(),
            completed: cell.count(Count::Completed),
            canceled: has_waits.then(|| cell.count(Count::Canceled)),
            abandoned: has_waits.then_some(abandoned),
            expired: has_waits.then_some(expired),
            accepted_within: within,
            service_level: ratio(within, accepted + abandoned_later + expired),
            abandonment_rate: ratio(abandoned, accepted + abandoned + expired).filter(|_| has_waits),
            speed_of_answer: Durations::of(answers),
            time_to_abandon: has_waits.then(|| Durations::of(abandons)),
            handle_time: Durations::of(cell.time(Time::Handle)),
            work_time: Durations::of(cell.time(Time::Work)),
            wrap_time: Durations::of(cell.time(Time::Wrap)),
            busy_s: has_workers.then(|| seconds(busy)),
            idle_s: has_workers.then(|| seconds(idle)),
            occupancy: ratio(busy, busy + idle).filter(|_| has_workers),
        }
    }
}
