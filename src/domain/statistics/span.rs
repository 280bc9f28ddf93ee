//! The intervals of a question: where each begins, in UTC or by the calendar of a time zone. Each must begin and end
//! with a quarter of an hour, or cells would have to be divided.

use super::QUARTER_MS;
use crate::time::Timestamp;
use chrono::{Days, NaiveDate, NaiveTime, TimeZone};
use chrono_tz::Tz;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interval {
    Quarter,
    HalfHour,
    Hour,
    /// From midnight to midnight of the time zone: 23 or 25 hours when its clocks change.
    Day,
    /// The whole span as one.
    Total,
}

impl Interval {
    pub const ALL: [(Self, &str); 5] = [
        (Self::Quarter, "15m"),
        (Self::HalfHour, "30m"),
        (Self::Hour, "1h"),
        (Self::Day, "1d"),
        (Self::Total, "total"),
    ];

    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(_, known)| *known == name).map(|(interval, _)| interval)
    }

    pub fn name(self) -> &'static str {
        Self::ALL.into_iter().find(|(interval, _)| *interval == self).map_or("", |(_, name)| name)
    }
}

/// Why a span has no such intervals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpanFault {
    /// `to` is not after `from`.
    Empty,
    /// An interval does not begin at `from`; the last one that begins before it.
    From(Timestamp),
    /// None ends at `to`; the last end before it.
    To(Timestamp),
    TooMany {
        intervals_max: usize,
    },
    /// The time zone was not a whole number of quarters away from UTC then.
    Zone,
}

/// Consecutive intervals, by their bounds: each begins where the one before ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    bounds: Vec<Timestamp>,
}

/// Quarters until there must be a midnight: no clock was ever set forward by more than a day.
const MIDNIGHT_QUARTERS_MAX: i64 = 2 * 96;

impl Span {
    pub fn new(
        (from, to): (Timestamp, Timestamp),
        interval: Interval,
        zone: Tz,
        intervals_max: usize,
    ) -> Result<Self, SpanFault> {
        if to <= from {
            return Err(SpanFault::Empty);
        }
        let length = match interval {
            Interval::Day => return Self::days(from, to, zone, intervals_max),
            Interval::Total | Interval::Quarter => QUARTER_MS,
            Interval::HalfHour => 2 * QUARTER_MS,
            Interval::Hour => 4 * QUARTER_MS,
        };
        let offset = offset_ms(from, zone);
        if offset.rem_euclid(QUARTER_MS) != 0 {
            return Err(SpanFault::Zone);
        }
        let past = (from.millis() + offset).rem_euclid(length);
        if past != 0 {
            return Err(SpanFault::From(from.plus_millis(-past)));
        }
        let over = (to.millis() - from.millis()).rem_euclid(length);
        if over != 0 {
            return Err(SpanFault::To(to.plus_millis(-over)));
        }
        if interval == Interval::Total {
            return Ok(Self { bounds: vec![from, to] });
        }
        if (to.millis() - from.millis()) / length > intervals_max as i64 {
            return Err(SpanFault::TooMany { intervals_max });
        }
        let bounds = (0..=(to.millis() - from.millis()) / length).map(|number| from.plus_millis(number * length));
        Ok(Self { bounds: bounds.collect() })
    }

    fn days(from: Timestamp, to: Timestamp, zone: Tz, intervals_max: usize) -> Result<Self, SpanFault> {
        let mut date = from.to_utc().with_timezone(&zone).date_naive();
        let first = midnight(date, zone).ok_or(SpanFault::Zone)?;
        if first != from {
            return Err(SpanFault::From(first));
        }
        let mut bounds = vec![from];
        let mut last = from;
        while last < to {
            if bounds.len() > intervals_max {
                return Err(SpanFault::TooMany { intervals_max });
            }
            date = date.checked_add_days(Days::new(1)).ok_or(SpanFault::Zone)?;
            let next = midnight(date, zone).ok_or(SpanFault::Zone)?;
            if next > to {
                return Err(SpanFault::To(last));
            }
            // A date that a time zone left out has no midnight of its own.
            if next > last {
                bounds.push(next);
            }
            last = next;
        }
        match bounds.iter().all(|bound| bound.millis().rem_euclid(QUARTER_MS) == 0) {
            true => Ok(Self { bounds }),
            false => Err(SpanFault::Zone),
        }
    }

    pub fn from(&self) -> Timestamp {
        self.bounds[0]
    }

    pub fn to(&self) -> Timestamp {
        self.bounds[self.bounds.len() - 1]
    }

    /// How many intervals there are; at least one.
    pub fn count(&self) -> usize {
        self.bounds.len() - 1
    }

    pub fn intervals(&self) -> impl Iterator<Item = (Timestamp, Timestamp)> {
        self.bounds.windows(2).map(|pair| (pair[0], pair[1]))
    }

    /// The interval in which an instant lies.
    pub fn place(&self, at: Timestamp) -> Option<usize> {
        let after = self.bounds.partition_point(|bound| *bound <= at);
        after.checked_sub(1).filter(|place| *place < self.count())
    }
}

/// The bounds of the day in which an instant lies.
pub fn day_of(at: Timestamp, zone: Tz) -> Option<(Timestamp, Timestamp)> {
    let date = at.to_utc().with_timezone(&zone).date_naive();
    Some((midnight(date, zone)?, midnight(date.checked_add_days(Days::new(1))?, zone)?))
}

fn offset_ms(at: Timestamp, zone: Tz) -> i64 {
    let local = at.to_utc().with_timezone(&zone).naive_local();
    (local - at.to_utc().naive_utc()).num_milliseconds()
}

/// The first instant of a date: midnight, or the first that there is after it where clocks are set forward over it.
fn midnight(date: NaiveDate, zone: Tz) -> Option<Timestamp> {
    let mut time = date.and_time(NaiveTime::MIN);
    for _ in 0..MIDNIGHT_QUARTERS_MAX {
        if let Some(found) = zone.from_local_datetime(&time).earliest() {
            return Some(Timestamp::from_millis(found.timestamp_millis()));
        }
        time = time.checked_add_signed(chrono::TimeDelta::milliseconds(QUARTER_MS))?;
    }
    None
}
