//! Statistics of the past: a fold over an account's events that fills cells, and the measures that cells give.
//!
//! A cell counts what was charged to one quarter of an hour (UTC) and one group: the whole account, a queue, a worker, a
//! workflow or a channel. Cells are sums, so they merge into any longer time without loss. `docs/statistics.md` defines
//! each measure. Nothing here knows how events are read or cells are kept.

mod cell;
mod fold;
mod group;
mod histogram;
mod measure;
mod observed;
mod presence;
mod span;
#[cfg(test)]
mod tests;

pub use cell::{Cell, Count, Hour, QUARTERS_PER_HOUR, Time, UnreadableCell};
pub use chrono_tz::Tz;
pub use fold::{Changes, Fold};
pub use group::{Dimension, Group, HourKey};
pub use histogram::Histogram;
pub use measure::{Durations, Measures};
pub use observed::{Observed, UnreadableEvent, WANTED};
pub use presence::{Presence, charge_open};
pub use span::{Interval, Span, SpanFault, day_of};

use crate::time::Timestamp;

/// The length of what a cell counts. Every time zone in use is a whole number of them away from UTC.
pub const QUARTER_MS: i64 = 900_000;
/// The length of what is stored together.
pub const HOUR_MS: i64 = 3_600_000;

/// Whether a service level can be told exactly for this threshold: whole seconds with at most three significant digits
/// are edges of the histogram.
pub fn is_threshold(seconds: u32) -> bool {
    let mut digits = seconds;
    while digits > 0 && digits.is_multiple_of(10) {
        digits /= 10;
    }
    (1..1_000).contains(&digits)
}

/// Hours since 1970 in which an instant lies.
pub fn hour_of(at: Timestamp) -> i64 {
    at.millis().div_euclid(HOUR_MS)
}
