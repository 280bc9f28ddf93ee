//! What is counted: the numbers and durations of one group in one quarter of an hour, and the compact form in which
//! four of them are stored.

use super::histogram::{Histogram, read_number, write_number};

/// What is added up. The places are those of the stored form: new ones go to the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Count {
    Created,
    Entered,
    Offered,
    Rejected,
    Missed,
    Rescinded,
    Withdrawn,
    Completed,
    Canceled,
    Expired,
    /// Milliseconds in which a worker held work.
    BusyMs,
    /// Milliseconds in which a worker was available and held none.
    IdleMs,
}

const COUNTS: usize = 12;

/// Durations of which each single one goes into a histogram; new ones go to the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Time {
    SpeedOfAnswer,
    TimeToAbandon,
    Handle,
    Work,
    Wrap,
}

const TIMES: usize = 5;

pub const QUARTERS_PER_HOUR: usize = 4;
/// First byte of a stored hour.
const FORMAT: u8 = 1;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("stored statistics are damaged or of a newer version")]
pub struct UnreadableCell;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cell {
    counts: [u64; COUNTS],
    times: [Histogram; TIMES],
}

impl Cell {
    pub fn count(&self, count: Count) -> u64 {
        self.counts[count as usize]
    }

    pub fn time(&self, time: Time) -> &Histogram {
        &self.times[time as usize]
    }

    pub fn add(&mut self, count: Count, by: u64) {
        self.counts[count as usize] += by;
    }

    pub fn add_time(&mut self, time: Time, ms: u64) {
        self.times[time as usize].add(ms);
    }

    pub fn is_empty(&self) -> bool {
        self.counts.iter().all(|count| *count == 0) && self.times.iter().all(|time| time.count() == 0)
    }

    pub fn merge(&mut self, other: &Self) {
        for (own, other) in self.counts.iter_mut().zip(other.counts) {
            *own += other;
        }
        for (own, other) in self.times.iter_mut().zip(&other.times) {
            if other.count() > 0 {
                own.merge(other);
            }
        }
    }

    /// A bit for each count and histogram that is there, then those in the same order.
    fn write(&self, out: &mut Vec<u8>) {
        let counts = self.counts.iter().map(|count| *count > 0);
        let times = self.times.iter().map(|time| time.count() > 0);
        let present = counts.chain(times).enumerate().filter(|(_, present)| *present);
        write_number(out, present.map(|(place, _)| 1 << place).sum());
        self.counts.iter().filter(|count| **count > 0).for_each(|count| write_number(out, *count));
        self.times.iter().filter(|time| time.count() > 0).for_each(|time| time.write(out));
    }

    fn read(from: &mut &[u8]) -> Option<Self> {
        let mut present = read_number(from).filter(|present| *present < 1 << (COUNTS + TIMES))?;
        let mut cell = Self::default();
        for count in &mut cell.counts {
            if present & 1 == 1 {
                *count = read_number(from)?;
            }
            present >>= 1;
        }
        for time in &mut cell.times {
            if present & 1 == 1 {
                *time = Histogram::read(from)?;
            }
            present >>= 1;
        }
        Some(cell)
    }
}

/// The four cells of one hour.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hour {
    pub quarters: [Cell; QUARTERS_PER_HOUR],
}

impl Hour {
    pub fn merge(&mut self, other: &Self) {
        for (own, other) in self.quarters.iter_mut().zip(&other.quarters) {
            own.merge(other);
        }
    }

    pub fn encode(&self) -> Vec<u8> {
        let mut out = vec![FORMAT, 0];
        for (place, cell) in self.quarters.iter().enumerate().filter(|(_, cell)| !cell.is_empty()) {
            out[1] |= 1 << place;
            cell.write(&mut out);
        }
        out
    }

    pub fn decode(body: &[u8]) -> Result<Self, UnreadableCell> {
        let mut hour = Self::default();
        Self::read(body, |quarter, cell| hour.quarters[quarter] = cell)?;
        Ok(hour)
    }

    /// Reads the cells that are not empty, each with its place in the hour.
    pub fn read(body: &[u8], mut take: impl FnMut(usize, Cell)) -> Result<(), UnreadableCell> {
        let (&[FORMAT, present], mut rest) = body.split_first_chunk().ok_or(UnreadableCell)? else {
            return Err(UnreadableCell);
        };
        if present >= 1 << QUARTERS_PER_HOUR {
            return Err(UnreadableCell);
        }
        for quarter in (0..QUARTERS_PER_HOUR).filter(|quarter| present >> quarter & 1 == 1) {
            take(quarter, Cell::read(&mut rest).ok_or(UnreadableCell)?);
        }
        if rest.is_empty() { Ok(()) } else { Err(UnreadableCell) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_comes_back_as_it_was_and_damage_is_noticed() {
        let mut hour = Hour::default();
        assert_eq!(Hour::decode(&hour.encode()), Ok(Hour::default()));
        hour.quarters[1].add(Count::Created, 300);
        hour.quarters[1].add(Count::IdleMs, 900_000);
        hour.quarters[3].add_time(Time::Wrap, 0);
        hour.quarters[3].add_time(Time::Wrap, 20_001);
        let body = hour.encode();
        assert_eq!(Hour::decode(&body), Ok(hour.clone()));
        for length in 0..body.len() {
            assert_eq!(Hour::decode(&body[..length]), Err(UnreadableCell), "{length}");
        }
        for damaged in [vec![2, 0], vec![1, 0, 0], vec![1, 16], [&body[..], &[0]].concat()] {
            assert_eq!(Hour::decode(&damaged), Err(UnreadableCell), "{damaged:?}");
        }
        let mut twice = hour.clone();
        twice.merge(&hour);
        assert_eq!(twice.quarters[1].count(Count::Created), 600);
        assert_eq!(twice.quarters[3].time(Time::Wrap).count(), 4);
    }
}
