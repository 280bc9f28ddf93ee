//! Points in time and lengths of it, in whole milliseconds. Time is always an argument here; nothing reads a clock.

use chrono::{DateTime, Datelike, NaiveDate, SecondsFormat, Timelike, Utc};
use serde::de::Visitor;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// Milliseconds since 1970-01-01T00:00:00Z; as text RFC 3339 in UTC with milliseconds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(i64);

impl Timestamp {
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    pub const fn millis(self) -> i64 {
        self.0
    }

    pub const fn plus_seconds(self, seconds: u32) -> Self {
        Self(self.0.saturating_add(seconds as i64 * 1_000))
    }

    pub const fn plus_millis(self, millis: i64) -> Self {
        Self(self.0.saturating_add(millis))
    }

    /// Milliseconds from `earlier` to this, never below zero.
    pub const fn millis_since(self, earlier: Self) -> i64 {
        let passed = self.0.saturating_sub(earlier.0);
        if passed < 0 { 0 } else { passed }
    }

    /// Seconds from `earlier` to this, with the milliseconds as a fraction.
    pub fn seconds_since(self, earlier: Self) -> f64 {
        self.millis_since(earlier) as f64 / 1_000.0
    }

    /// Reads a time as RFC 3339 has it, in any zone.
    pub fn parse(text: &str) -> Result<Self, chrono::ParseError> {
        if let Some(time) = parse_common(text.as_bytes()) {
            return Ok(time);
        }
        DateTime::parse_from_rfc3339(text).map(|time| Self(time.timestamp_millis()))
    }

    /// `2023-11-14T22:13:20.042Z`, for years of four digits. Several times stand in each event and each record, and
    /// the calendar library's own formatting took as long as everything else about writing them.
    fn common_text(self) -> Option<[u8; COMMON_TEXT_BYTES]> {
        let time = self.to_utc();
        let year = u32::try_from(time.year()).ok().filter(|year| *year <= 9_999)?;
        let mut text = *b"0000-00-00T00:00:00.000Z";
        let millis = self.0.rem_euclid(1_000) as u32;
        let date = [(0..4, year), (5..7, time.month()), (8..10, time.day())];
        let clock = [(11..13, time.hour()), (14..16, time.minute()), (17..19, time.second()), (20..23, millis)];
        for (places, mut number) in date.into_iter().chain(clock) {
            for digit in text[places].iter_mut().rev() {
                *digit += (number % 10) as u8;
                number /= 10;
            }
        }
        Some(text)
    }

    /// The same instant for calendar arithmetic. Out-of-range values are held at the ends of the calendar.
    pub fn to_utc(self) -> DateTime<Utc> {
        let end = if self.0 < 0 { DateTime::<Utc>::MIN_UTC } else { DateTime::<Utc>::MAX_UTC };
        DateTime::from_timestamp_millis(self.0).unwrap_or(end)
    }
}

/// Bytes of `2023-11-14T22:13:20.042Z`.
const COMMON_TEXT_BYTES: usize = 24;

/// Reads exactly the form that is written here; whatever else RFC 3339 allows is left to the calendar library.
fn parse_common(text: &[u8]) -> Option<Timestamp> {
    let pattern = b"0000-00-00T00:00:00.000Z";
    let fits = |(byte, wanted): (&u8, &u8)| if *wanted == b'0' { byte.is_ascii_digit() } else { byte == wanted };
    if text.len() != COMMON_TEXT_BYTES || !text.iter().zip(pattern).all(fits) {
        return None;
    }
    let number = |from: usize, to: usize| text[from..to].iter().fold(0, |sum, byte| sum * 10 + u32::from(byte - b'0'));
    let date = NaiveDate::from_ymd_opt(number(0, 4) as i32, number(5, 7), number(8, 10))?;
    let time = date.and_hms_milli_opt(number(11, 13), number(14, 16), number(17, 19), number(20, 23))?;
    Some(Timestamp(time.and_utc().timestamp_millis()))
}

/// Reads a time from a text where it lies.
struct Parsed;

impl Visitor<'_> for Parsed {
    type Value = Timestamp;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a time as RFC 3339 has it")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Timestamp, E> {
        Timestamp::parse(text).map_err(E::custom)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.common_text() {
            Some(text) => f.write_str(std::str::from_utf8(&text).unwrap_or_default()),
            None => f.write_str(&self.to_utc().to_rfc3339_opts(SecondsFormat::Millis, true)),
        }
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.common_text() {
            Some(text) => serializer.serialize_str(std::str::from_utf8(&text).unwrap_or_default()),
            None => serializer.collect_str(self),
        }
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Parsed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_has_milliseconds_and_zulu() {
        let time = Timestamp::from_millis(1_700_000_000_042);
        assert_eq!(time.to_string(), "2023-11-14T22:13:20.042Z");
        assert_eq!(Timestamp::parse("2023-11-14T23:13:20.042+01:00"), Ok(time));
    }

    #[test]
    fn the_quick_way_writes_and_reads_what_the_calendar_library_does() {
        let mut millis = -62_167_219_200_000; // the first of the year 0
        while millis < 253_402_300_800_000 + 1_000_000 {
            let time = Timestamp::from_millis(millis);
            let text = time.to_utc().to_rfc3339_opts(SecondsFormat::Millis, true);
            assert_eq!(time.to_string(), text);
            assert_eq!(serde_json::to_string(&time).expect("it is text"), format!("\"{text}\""));
            assert_eq!(serde_json::from_str::<Timestamp>(&format!("\"{text}\"")).expect("it is a time"), time);
            millis += 86_400_000 * 97 + 12_345_678;
        }
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in
            ["2023-02-29T00:00:00.000Z", "2023-11-14T24:13:20.042Z", "2023-11-14", "", "0000-00-00T00:00:00.000Z"]
        {
            assert!(Timestamp::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn passed_time_never_runs_backwards() {
        let (early, late) = (Timestamp::from_millis(5), Timestamp::from_millis(9));
        assert_eq!(late.millis_since(early), 4);
        assert_eq!(early.millis_since(late), 0);
    }
}
