//! A histogram of durations that merges without loss: log-linear in decimal, so that thresholds people ask for are
//! edges of it.
//!
//! Up to a second each millisecond has a bucket of its own; above, a bucket holds the durations that agree in their
//! first three digits, so it is at most one hundredth as wide as what is in it. A bucket is open below and closed above:
//! "within 20 s" takes exactly 20 s in.

/// Durations are held at 31 years.
const LONGEST_MS_MAX: u64 = 1_000_000_000_000;
/// The last bucket of single milliseconds; bucket 0 is that of no time at all.
const LAST_EXACT: u16 = 1_000;
/// Buckets of each power of ten above.
const PER_DECADE: u16 = 900;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Histogram {
    count: u64,
    sum_ms: u64,
    longest_ms: u64,
    /// In the order of their durations, none empty.
    buckets: Vec<(u16, u64)>,
}

impl Histogram {
    pub fn add(&mut self, ms: u64) {
        let ms = ms.min(LONGEST_MS_MAX);
        self.count += 1;
        self.sum_ms += ms;
        self.longest_ms = self.longest_ms.max(ms);
        let bucket = bucket_of(ms);
        match self.buckets.binary_search_by_key(&bucket, |(bucket, _)| *bucket) {
            Ok(place) => self.buckets[place].1 += 1,
            Err(place) => self.buckets.insert(place, (bucket, 1)),
        }
    }

    pub fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.sum_ms += other.sum_ms;
        self.longest_ms = self.longest_ms.max(other.longest_ms);
        if self.buckets.is_empty() {
            self.buckets.clone_from(&other.buckets);
            return;
        }
        // A few into many is the common case: a quarter of an hour into a month.
        if other.buckets.len() * 8 < self.buckets.len() {
            for (bucket, count) in &other.buckets {
                match self.buckets.binary_search_by_key(bucket, |(bucket, _)| *bucket) {
                    Ok(place) => self.buckets[place].1 += count,
                    Err(place) => self.buckets.insert(place, (*bucket, *count)),
                }
            }
            return;
        }
        let mut merged = Vec::with_capacity(self.buckets.len() + other.buckets.len());
        let (mut own, mut others) = (self.buckets.iter().peekable(), other.buckets.iter().peekable());
        loop {
            let next = match (own.peek(), others.peek()) {
                (Some(a), Some(b)) if a.0 == b.0 => {
                    let both = (a.0, a.1 + b.1);
                    own.next();
                    others.next();
                    both
                }
                (Some(a), Some(b)) if a.0 > b.0 => {
                    let one = **b;
                    others.next();
                    one
                }
                (Some(a), _) => {
                    let one = **a;
                    own.next();
                    one
                }
                (None, Some(b)) => {
                    let one = **b;
                    others.next();
                    one
                }
                (None, None) => break,
            };
            merged.push(next);
        }
        self.buckets = merged;
    }

    pub fn count(&self) -> u64 {
        self.count
    }

    pub fn sum_ms(&self) -> u64 {
        self.sum_ms
    }

    pub fn longest_ms(&self) -> Option<u64> {
        (self.count > 0).then_some(self.longest_ms)
    }

    /// How many lasted at most so long; exact where that is an edge ([`super::is_threshold`]).
    pub fn within(&self, ms: u64) -> u64 {
        self.buckets.iter().take_while(|(bucket, _)| upper_of(*bucket) <= ms).map(|(_, count)| count).sum()
    }

    /// The nearest-rank percentile (1–100): at least what it was, and at most one hundredth more.
    pub fn percentile_ms(&self, percent: u64) -> Option<u64> {
        let rank = (self.count * percent).div_ceil(100).max(1);
        let mut seen = 0;
        let found = self.buckets.iter().find(|(_, count)| {
            seen += count;
            seen >= rank
        })?;
        Some(upper_of(found.0).min(self.longest_ms))
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        write_number(out, self.sum_ms);
        write_number(out, self.longest_ms);
        write_number(out, self.buckets.len() as u64);
        let mut before = 0;
        for (bucket, count) in &self.buckets {
            write_number(out, u64::from(bucket - before));
            write_number(out, *count);
            before = *bucket;
        }
    }

    /// `None` when it was not written by [`Self::write`].
    pub(super) fn read(from: &mut &[u8]) -> Option<Self> {
        let (sum_ms, longest_ms) = (read_number(from)?, read_number(from)?);
        let length = usize::try_from(read_number(from)?).ok().filter(|length| *length <= from.len())?;
        let mut histogram = Self { count: 0, sum_ms, longest_ms, buckets: Vec::with_capacity(length) };
        let mut before = 0u16;
        for _ in 0..length {
            before = before.checked_add(u16::try_from(read_number(from)?).ok()?)?;
            let count = read_number(from)?;
            histogram.count = histogram.count.checked_add(count)?;
            histogram.buckets.push((before, count));
        }
        (before <= bucket_of(LONGEST_MS_MAX)).then_some(histogram)
    }
}

fn bucket_of(ms: u64) -> u16 {
    // One less, because a bucket is closed above.
    let Some(mut digits) = ms.checked_sub(1) else { return 0 };
    if digits < u64::from(LAST_EXACT) {
        return digits as u16 + 1;
    }
    let mut decades = 0;
    while digits >= 1_000 {
        digits /= 10;
        decades += 1;
    }
    LAST_EXACT + 1 + (decades - 1) * PER_DECADE + (digits - 100) as u16
}

/// The longest duration of a bucket.
fn upper_of(bucket: u16) -> u64 {
    let Some(above) = bucket.checked_sub(LAST_EXACT + 1) else { return u64::from(bucket) };
    let digits = u64::from(above % PER_DECADE) + 100;
    (digits + 1) * 10u64.pow(u32::from(above / PER_DECADE) + 1)
}

/// Seven bits to a byte, the lowest first (LEB128).
pub(super) fn write_number(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

pub(super) fn read_number(from: &mut &[u8]) -> Option<u64> {
    let mut number = 0u64;
    for shift in (0..64).step_by(7) {
        let (first, rest) = from.split_first()?;
        *from = rest;
        number |= u64::from(first & 0x7f) << shift;
        if first & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_is_closed_above_and_a_hundredth_wide() {
        let mut below = 0;
        for bucket in 1..=bucket_of(LONGEST_MS_MAX) {
            let upper = upper_of(bucket);
            assert!(upper > below, "{bucket}");
            assert_eq!((bucket_of(below + 1), bucket_of(upper)), (bucket, bucket));
            assert!((upper - below - 1) * 100 <= below + 1, "{bucket}: {below} to {upper}");
            below = upper;
        }
    }

    #[test]
    fn every_threshold_is_an_edge() {
        for seconds in (1..1_000_000).filter(|seconds| super::super::is_threshold(*seconds)) {
            let ms = u64::from(seconds) * 1_000;
            assert_eq!(upper_of(bucket_of(ms)), ms);
        }
        let fine: Vec<u32> = [0, 1_001, 12_345].into_iter().filter(|it| super::super::is_threshold(*it)).collect();
        assert!(fine.is_empty(), "{fine:?}");
    }

    #[test]
    fn merged_it_is_what_one_would_have_been() {
        let (mut whole, mut parts) = (Histogram::default(), vec![Histogram::default(); 5]);
        let mut ms = 1u64;
        for turn in 0..5_000usize {
            ms = ms.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let value = ms >> (34 + turn % 30);
            whole.add(value);
            // The first part is much the smaller one.
            let part = if turn % 50 == 0 { 0 } else { 1 + turn % 4 };
            parts[part].add(value);
        }
        let mut merged = Histogram::default();
        parts.iter().rev().for_each(|part| merged.merge(part));
        assert_eq!(merged, whole);
        let mut written = Vec::new();
        whole.write(&mut written);
        assert_eq!(Histogram::read(&mut &written[..]), Some(whole));
        assert_eq!(Histogram::read(&mut &written[..written.len() - 1]), None);
    }

    #[test]
    fn what_is_longer_than_all_is_held_at_the_end() {
        let mut histogram = Histogram::default();
        histogram.add(u64::MAX);
        assert_eq!(histogram.percentile_ms(50), Some(LONGEST_MS_MAX));
    }
}
