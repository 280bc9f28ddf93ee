//! Business hours: weekly hours and holidays in a time zone. Hours are local: an hour that the clocks skip in spring is
//! not there, and one that they repeat in autumn is open twice.

use crate::rule::{Finding, Severity};
use crate::time::Timestamp;
use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveDateTime, NaiveTime, TimeZone, Timelike};
use chrono_tz::Tz;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Opening spans of one day.
pub const SPANS_PER_DAY_MAX: usize = 24;
/// Holidays of one schedule.
pub const HOLIDAYS_MAX: usize = 1_000;
/// Days after today and after each holiday in which hours that change at all change: three weeks, since in one of them
/// the clocks may skip the only hour that differs.
const NEXT_CHANGE_DAYS_MAX: u64 = 21;
/// A local day lies within this many hours of the same day in UTC.
const OFFSET_HOURS_MAX: i64 = 15;
/// No time zone changes its clocks twice within this many hours.
const CLOCK_CHANGE_APART_HOURS: i64 = 6;
const HOUR_MS: i64 = 3_600_000;

const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const MINUTES_PER_DAY: u16 = 24 * 60;

/// Minutes of the day from the first, included, to the second, excluded.
type Span = (u16, u16);

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    time_zone: Tz,
    /// By days from Monday.
    weekly: [Vec<Span>; 7],
    /// Days that differ: closed when they have no hours.
    holidays: BTreeMap<NaiveDate, Vec<Span>>,
}

impl Schedule {
    /// Reads `{"time_zone": "Europe/Berlin", "weekly": {"mon": [["09:00", "17:00"]], …}, "holidays": [{"date":
    /// "2026-12-24", "name": "…", "hours": [["09:00", "12:00"]]}]}`. Days that are not named are closed, and so is a
    /// holiday without hours. `24:00` is the end of a day.
    ///
    /// # Errors
    /// Everything that is wrong, each with its JSON pointer.
    pub fn parse(value: &Value) -> Result<Self, Vec<Finding>> {
        let mut reader = Reader { findings: Vec::new() };
        let schedule = reader.schedule(value);
        match schedule {
            Some(schedule) if reader.findings.is_empty() => Ok(schedule),
            Some(_) | None => Err(reader.findings),
        }
    }

    pub fn is_open(&self, at: Timestamp) -> bool {
        let local = local(self.time_zone, at);
        let minute = (local.hour() * 60 + local.minute()) as u16;
        self.spans(local.date_naive()).iter().any(|(from, to)| (*from..*to).contains(&minute))
    }

    fn spans(&self, date: NaiveDate) -> &[Span] {
        match self.holidays.get(&date) {
            Some(hours) => hours,
            None => &self.weekly[date.weekday().num_days_from_monday() as usize],
        }
    }

    /// The first instant after `at` at which it opens or closes; `None` when it never does again.
    pub fn next_change(&self, at: Timestamp) -> Option<Timestamp> {
        let now_open = self.is_open(at);
        self.days_from(local(self.time_zone, at).date_naive()).into_iter().find_map(|date| {
            // Candidates are midnight, before which another day's hours held, the ends of spans, each of which may exist
            // once, twice or not at all, and the changes of the clocks, at which hours may begin or end without a span
            // doing so.
            let ends = self.spans(date).iter().flat_map(|(from, to)| [*from, *to]);
            let mut instants: Vec<Timestamp> =
                std::iter::once(0).chain(ends).flat_map(|minute| self.instants(date, minute)).collect();
            instants.extend(self.clock_changes(date));
            instants.sort_unstable();
            instants.into_iter().find(|instant| *instant > at && self.is_open(*instant) != now_open)
        })
    }

    /// The days on which the next change can be, in order.
    fn days_from(&self, today: NaiveDate) -> BTreeSet<NaiveDate> {
        let holidays = self.holidays.range(today..).map(|(date, _)| *date);
        let starts = std::iter::once(today).chain(holidays);
        let ahead =
            |date: NaiveDate| (0..=NEXT_CHANGE_DAYS_MAX).map_while(move |days| date.checked_add_days(Days::new(days)));
        starts.flat_map(ahead).collect()
    }

    fn instants(&self, date: NaiveDate, minute: u16) -> Vec<Timestamp> {
        let days = u64::from(minute / MINUTES_PER_DAY);
        let date = date.checked_add_days(Days::new(days)).unwrap_or(date);
        let seconds = u32::from(minute % MINUTES_PER_DAY) * 60;
        let Some(time) = NaiveTime::from_num_seconds_from_midnight_opt(seconds, 0) else { return Vec::new() };
        let found = self.time_zone.from_local_datetime(&NaiveDateTime::new(date, time));
        let both = [found.earliest(), found.latest()].into_iter().flatten();
        both.map(|time| Timestamp::from_millis(time.timestamp_millis())).collect()
    }

    /// Instants of a local day at which the offset from UTC changes.
    fn clock_changes(&self, date: NaiveDate) -> Vec<Timestamp> {
        let offset = |millis| {
            let at = Timestamp::from_millis(millis);
            local(self.time_zone, at).naive_local() - at.to_utc().naive_utc()
        };
        let midnight = date.and_time(NaiveTime::MIN).and_utc().timestamp_millis();
        let (from, to) = (midnight - OFFSET_HOURS_MAX * HOUR_MS, midnight + (24 + OFFSET_HOURS_MAX) * HOUR_MS);
        let mut changes = Vec::new();
        let mut low = from;
        while low < to {
            let next = low + CLOCK_CHANGE_APART_HOURS * HOUR_MS;
            let (before, mut high) = (offset(low), next);
            if before != offset(high) {
                while high - low > 1 {
                    let middle = low + (high - low) / 2;
                    if offset(middle) == before { low = middle } else { high = middle }
                }
                changes.push(Timestamp::from_millis(high));
            }
            low = next;
        }
        changes.retain(|change| local(self.time_zone, *change).date_naive() == date);
        changes
    }
}

fn local(time_zone: Tz, at: Timestamp) -> DateTime<Tz> {
    at.to_utc().with_timezone(&time_zone)
}

/// The facts `sys.now` of a time zone: `weekday` 1 (Monday) to 7, `hour` 0–23, `minute` 0–59, `date` as `2026-12-24`.
pub fn local_facts(time_zone: Tz, at: Timestamp) -> Value {
    let local = local(time_zone, at);
    json!({
        "weekday": local.weekday().number_from_monday(),
        "hour": local.hour(),
        "minute": local.minute(),
        "date": local.date_naive().to_string(),
    })
}

struct Reader {
    findings: Vec<Finding>,
}

impl Reader {
    fn error(&mut self, code: &'static str, pointer: &str, message: impl Into<String>) {
        let (message, pointer) = (message.into(), pointer.to_owned());
        self.findings.push(Finding { severity: Severity::Error, code, message, pointer });
    }

    fn object<'a>(&mut self, value: &'a Value, pointer: &str, known: &[&str]) -> Option<&'a Map<String, Value>> {
        let Some(fields) = value.as_object() else {
            self.error("wrong_type", pointer, "expected an object");
            return None;
        };
        for name in fields.keys().filter(|name| !known.contains(&name.as_str())) {
            let message = format!("unknown field `{name}`; known are {}", known.join(", "));
            self.error("unknown_field", &format!("{pointer}/{name}"), message);
        }
        Some(fields)
    }

    fn schedule(&mut self, value: &Value) -> Option<Schedule> {
        let fields = self.object(value, "", &["time_zone", "weekly", "holidays"])?;
        let time_zone = match fields.get("time_zone").map(Value::as_str) {
            Some(Some(name)) => match name.parse::<Tz>() {
                Ok(zone) => Some(zone),
                Err(_) => {
                    let message = format!("`{name}` is no time zone of the IANA database, such as Europe/Berlin");
                    self.error("unknown_time_zone", "/time_zone", message);
                    None
                }
            },
            Some(None) => {
                self.error("wrong_type", "/time_zone", "expected the name of a time zone");
                None
            }
            None => {
                self.error("missing_field", "/time_zone", "a time zone is needed, such as Europe/Berlin");
                None
            }
        };
        let mut weekly: [Vec<Span>; 7] = Default::default();
        if let Some(days) = fields.get("weekly")
            && let Some(days) = self.object(days, "/weekly", &DAYS)
        {
            for (place, day) in DAYS.iter().enumerate() {
                if let Some(hours) = days.get(*day) {
                    weekly[place] = self.spans(hours, &format!("/weekly/{day}"));
                }
            }
        }
        let holidays = match fields.get("holidays") {
            Some(holidays) => self.holidays(holidays),
            None => BTreeMap::new(),
        };
        Some(Schedule { time_zone: time_zone?, weekly, holidays })
    }

    fn holidays(&mut self, value: &Value) -> BTreeMap<NaiveDate, Vec<Span>> {
        let mut holidays = BTreeMap::new();
        let Some(values) = value.as_array() else {
            self.error("wrong_type", "/holidays", "expected a list");
            return holidays;
        };
        if values.len() > HOLIDAYS_MAX {
            self.error("too_many", "/holidays", format!("at most {HOLIDAYS_MAX} holidays"));
            return holidays;
        }
        for (place, value) in values.iter().enumerate() {
            let pointer = format!("/holidays/{place}");
            let Some(fields) = self.object(value, &pointer, &["date", "name", "hours"]) else { continue };
            let hours = match fields.get("hours") {
                Some(hours) => self.spans(hours, &format!("{pointer}/hours")),
                None => Vec::new(),
            };
            if fields.get("name").is_some_and(|name| !name.is_string()) {
                self.error("wrong_type", &format!("{pointer}/name"), "expected a text");
            }
            let date = fields.get("date").and_then(Value::as_str);
            match date.and_then(|date| NaiveDate::parse_from_str(date, "%Y-%m-%d").ok()) {
                Some(date) if holidays.contains_key(&date) => {
                    self.error("duplicate", &format!("{pointer}/date"), format!("{date} is in the list already"));
                }
                Some(date) => {
                    holidays.insert(date, hours);
                }
                None => self.error("bad_date", &format!("{pointer}/date"), "expected a date such as 2026-12-24"),
            }
        }
        holidays
    }

    fn spans(&mut self, value: &Value, pointer: &str) -> Vec<Span> {
        let Some(values) = value.as_array() else {
            self.error("wrong_type", pointer, "expected a list of spans such as [\"09:00\", \"17:00\"]");
            return Vec::new();
        };
        if values.len() > SPANS_PER_DAY_MAX {
            self.error("too_many", pointer, format!("at most {SPANS_PER_DAY_MAX} spans a day"));
            return Vec::new();
        }
        let mut spans: Vec<Span> = Vec::new();
        for (place, value) in values.iter().enumerate() {
            let pointer = format!("{pointer}/{place}");
            let ends = value.as_array().filter(|ends| ends.len() == 2);
            let span = ends.and_then(|ends| Some((minute(&ends[0])?, minute(&ends[1])?)));
            match span {
                None => {
                    self.error("bad_span", &pointer, "expected two times such as [\"09:00\", \"17:00\"], up to 24:00")
                }
                Some((from, to)) if from >= to => {
                    self.error("bad_span", &pointer, "a span ends after it begins; one over midnight is two spans");
                }
                Some((from, to)) if spans.iter().any(|span| from < span.1 && span.0 < to) => {
                    self.error("overlapping_spans", &pointer, "this span overlaps one before it");
                }
                Some(span) => spans.push(span),
            }
        }
        spans
    }
}

/// Minutes since midnight of `HH:MM`.
fn minute(value: &Value) -> Option<u16> {
    let (hours, minutes) = value.as_str()?.split_once(':')?;
    let digits =
        |text: &str| (text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok());
    let (hours, minutes): (u16, u16) = (digits(hours)??, digits(minutes)??);
    let total = hours * 60 + minutes;
    (minutes < 60 && total <= MINUTES_PER_DAY).then_some(total)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn berlin() -> Schedule {
        Schedule::parse(&json!({
            "time_zone": "Europe/Berlin",
            "weekly": {"mon": [["09:00", "12:00"], ["13:00", "17:00"]], "sun": [["02:00", "04:00"]]},
            "holidays": [{"date": "2026-12-21", "name": "closed"}, {"date": "2026-12-22", "hours": [["22:00", "24:00"]]}],
        }))
        .expect("sound")
    }

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).expect("a time")
    }

    #[test]
    fn hours_are_local_and_end_before_their_end() {
        let hours = berlin();
        assert!(hours.is_open(at("2026-11-23T09:00:00+01:00")));
        assert!(!hours.is_open(at("2026-11-23T12:00:00+01:00")));
        assert!(hours.is_open(at("2026-07-06T09:00:00+02:00")));
        assert!(!hours.is_open(at("2026-07-06T08:59:59+02:00")));
    }

    #[test]
    fn holidays_replace_the_week() {
        let hours = berlin();
        assert!(!hours.is_open(at("2026-12-21T10:00:00+01:00")));
        assert!(hours.is_open(at("2026-12-22T23:59:59+01:00")));
        assert!(!hours.is_open(at("2026-12-23T00:00:00+01:00")));
    }

    #[test]
    fn a_skipped_hour_is_not_there_and_a_repeated_one_is_open_twice() {
        let hours = berlin();
        // 2026-03-29: 02:00 becomes 03:00. 2026-10-25: 03:00 becomes 02:00.
        assert!(!hours.is_open(at("2026-03-29T01:59:59+01:00")));
        assert!(hours.is_open(at("2026-03-29T03:00:00+02:00")));
        assert_eq!(hours.next_change(at("2026-03-29T01:00:00+01:00")), Some(at("2026-03-29T03:00:00+02:00")));
        assert!(hours.is_open(at("2026-10-25T02:30:00+02:00")));
        assert!(hours.is_open(at("2026-10-25T02:30:00+01:00")));
        assert_eq!(hours.next_change(at("2026-10-25T02:30:00+02:00")), Some(at("2026-10-25T04:00:00+01:00")));
    }

    #[test]
    fn the_next_change_is_found_over_days() {
        let hours = berlin();
        assert_eq!(hours.next_change(at("2026-11-23T12:30:00+01:00")), Some(at("2026-11-23T13:00:00+01:00")));
        assert_eq!(hours.next_change(at("2026-11-23T18:00:00+01:00")), Some(at("2026-11-29T02:00:00+01:00")));
        let never = Schedule::parse(&json!({"time_zone": "UTC"})).expect("sound");
        assert_eq!(never.next_change(at("2026-01-01T00:00:00Z")), None);
    }

    fn always(time_zone: &str, holidays: Value) -> Schedule {
        let day = json!([["00:00", "24:00"]]);
        let weekly: Map<String, Value> = DAYS.iter().map(|name| ((*name).to_owned(), day.clone())).collect();
        Schedule::parse(&json!({"time_zone": time_zone, "weekly": weekly, "holidays": holidays})).expect("sound")
    }

    #[test]
    fn a_midnight_that_the_clocks_skip_is_no_obstacle() {
        // São Paulo, 2018-11-04: 00:00 becomes 01:00. Havana, 2026-03-08: the same.
        let sunday = |time_zone| json!({"time_zone": time_zone, "weekly": {"sun": [["00:30", "08:00"]]}});
        for (time_zone, before, opens) in [
            ("America/Sao_Paulo", "2018-11-03T20:00:00-03:00", "2018-11-04T01:00:00-02:00"),
            ("America/Havana", "2026-03-07T20:00:00-05:00", "2026-03-08T01:00:00-04:00"),
        ] {
            let hours = Schedule::parse(&sunday(time_zone)).expect("sound");
            assert_eq!(hours.next_change(at(before)), Some(at(opens)), "{time_zone}");
        }
        // Apia had no 2011-12-30 at all.
        let hours = Schedule::parse(&json!({"time_zone": "Pacific/Apia", "weekly": {"sat": [["00:00", "12:00"]]}}));
        let opens = hours.expect("sound").next_change(at("2011-12-29T12:00:00-10:00"));
        assert_eq!(opens, Some(at("2011-12-31T00:00:00+14:00")));
    }

    #[test]
    fn a_holiday_years_ahead_is_the_next_change_of_hours_that_never_end() {
        let hours = always("Europe/Berlin", json!([{"date": "2031-05-01"}]));
        let closes = at("2031-05-01T00:00:00+02:00");
        assert_eq!(hours.next_change(at("2026-01-01T12:00:00+01:00")), Some(closes));
        assert_eq!(hours.next_change(closes), Some(at("2031-05-02T00:00:00+02:00")));
        assert_eq!(hours.next_change(at("2031-05-02T00:00:00+02:00")), None);
    }

    #[test]
    fn local_facts_follow_the_clocks() {
        let berlin = |text| local_facts(chrono_tz::Europe::Berlin, at(text));
        let facts = |weekday: u8, hour: u8, minute: u8, date: &str| json!({"weekday": weekday, "hour": hour, "minute": minute, "date": date});
        assert_eq!(berlin("2026-03-29T00:59:59Z"), facts(7, 1, 59, "2026-03-29"));
        assert_eq!(berlin("2026-03-29T01:00:00Z"), facts(7, 3, 0, "2026-03-29"));
        assert_eq!(berlin("2026-10-25T00:30:00Z"), facts(7, 2, 30, "2026-10-25"));
        assert_eq!(berlin("2026-10-25T01:30:00Z"), facts(7, 2, 30, "2026-10-25"));
        assert_eq!(berlin("2026-12-31T23:00:00Z"), facts(5, 0, 0, "2027-01-01"));
        assert_eq!(local_facts(chrono_tz::Asia::Kathmandu, at("2026-01-05T00:00:00Z")), facts(1, 5, 45, "2026-01-05"));
    }

    fn hours() -> impl Strategy<Value = Value> {
        prop::collection::btree_set(prop::sample::select(vec![0u16, 30, 60, 90, 120, 150, 180, 720, 1380, 1440]), 0..5)
            .prop_map(|ends| {
                let text: Vec<String> = ends.iter().map(|end| format!("{:02}:{:02}", end / 60, end % 60)).collect();
                json!(text.chunks_exact(2).collect::<Vec<_>>())
            })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// Against looking at every minute; the weeks around are those in which these clocks change.
        #[test]
        fn the_next_change_is_the_first_minute_that_differs(
            days in prop::collection::vec(hours(), 7),
            holidays in prop::collection::btree_map(0u8..14, hours(), 0..3),
            (time_zone, from) in prop::sample::select(vec![
                ("Europe/Berlin", "2026-03-22T00:00:00Z"), ("Europe/Berlin", "2026-10-19T00:00:00Z"),
                ("America/Havana", "2026-03-02T00:00:00Z"), ("America/Sao_Paulo", "2018-10-29T00:00:00Z"),
                ("Australia/Lord_Howe", "2026-03-29T00:00:00Z"), ("Pacific/Apia", "2011-12-24T00:00:00Z"),
                ("Asia/Beirut", "2026-03-23T00:00:00Z"), ("UTC", "2026-02-23T00:00:00Z"),
            ]),
            start in 0i64..14 * 24 * 60,
        ) {
            let weekly: Map<String, Value> = DAYS.iter().zip(days).map(|(name, hours)| ((*name).to_owned(), hours)).collect();
            let first = at(from).to_utc().date_naive();
            let dated = holidays.into_iter().map(|(day, hours)| {
                json!({"date": (first + Days::new(u64::from(day))).to_string(), "hours": hours})
            });
            let hours = json!({"time_zone": time_zone, "weekly": weekly, "holidays": dated.collect::<Vec<_>>()});
            let hours = Schedule::parse(&hours).expect("sound");
            let start = at(from).plus_millis(start * 60_000);
            let open = hours.is_open(start);
            let later = (1i64..30 * 24 * 60).map(|minute| start.plus_millis(minute * 60_000));
            let expected = later.into_iter().find(|at| hours.is_open(*at) != open);
            prop_assert_eq!(hours.next_change(start), expected, "{:?} from {}", hours, start);
        }
    }

    #[test]
    fn faults_have_codes_and_pointers() {
        let faults = Schedule::parse(&json!({
            "time_zone": "Mars/Olympus",
            "weekly": {"mon": [["09:00", "08:00"]], "tue": [["9:00", "10:00"]], "wed": [["08:00", "10:00"], ["09:00", "11:00"]],
                       "someday": []},
            "holidays": [{"date": "24.12."}],
        }))
        .expect_err("has faults");
        let told: Vec<_> = faults.iter().map(|finding| (finding.code, finding.pointer.as_str())).collect();
        assert_eq!(
            told,
            [
                ("unknown_time_zone", "/time_zone"),
                ("unknown_field", "/weekly/someday"),
                ("bad_span", "/weekly/mon/0"),
                ("bad_span", "/weekly/tue/0"),
                ("overlapping_spans", "/weekly/wed/1"),
                ("bad_date", "/holidays/0/date"),
            ]
        );
    }
}
