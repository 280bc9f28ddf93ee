//! Spans by the clocks of time zones, measures of a cell, and a fold that is interrupted anywhere.

use super::*;
use crate::id::WorkerId;

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).expect("a time")
}

fn span(from: &str, to: &str, interval: Interval, zone: Tz) -> Result<Span, SpanFault> {
    Span::new((at(from), at(to)), interval, zone, 3_000)
}

#[test]
fn days_are_those_of_the_zone_when_its_clocks_change() {
    let march =
        span("2026-03-27T23:00:00Z", "2026-03-30T22:00:00Z", Interval::Day, Tz::Europe__Berlin).expect("three days");
    let hours: Vec<i64> = march.intervals().map(|(start, end)| end.millis_since(start) / HOUR_MS).collect();
    assert_eq!(hours, [24, 23, 24]);
    let october =
        span("2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z", Interval::Day, Tz::Europe__Berlin).expect("one day");
    assert_eq!(october.intervals().map(|(start, end)| end.millis_since(start) / HOUR_MS).collect::<Vec<_>>(), [25]);
    // Clocks that go forward at midnight: the day begins at one o'clock.
    let cairo = day_of(at("2026-04-24T12:00:00Z"), Tz::Africa__Cairo).expect("a day");
    assert_eq!(cairo, (at("2026-04-23T22:00:00Z"), at("2026-04-24T21:00:00Z")));
    // Samoa had no 30 December 2011.
    let samoa =
        span("2011-12-29T10:00:00Z", "2011-12-31T10:00:00Z", Interval::Day, Tz::Pacific__Apia).expect("two days");
    assert_eq!(samoa.count(), 2);
}

#[test]
fn intervals_begin_with_the_clock_of_the_zone() {
    let day = ("2026-01-05T18:15:00Z", "2026-01-06T18:15:00Z");
    let nepal = span(day.0, day.1, Interval::Hour, Tz::Asia__Kathmandu).expect("midnight to midnight");
    assert_eq!(nepal.count(), 24);
    let before = SpanFault::From(at("2026-01-05T18:00:00Z"));
    assert_eq!(span(day.0, day.1, Interval::Hour, Tz::UTC), Err(before));
    assert_eq!(span(day.0, day.1, Interval::HalfHour, Tz::UTC), Err(before));
    assert_eq!(span(day.0, day.1, Interval::Quarter, Tz::UTC).map(|span| span.count()), Ok(96));
    assert_eq!(span(day.0, day.1, Interval::Total, Tz::UTC).map(|span| span.count()), Ok(1));
    let (from, late) = ("2026-01-05T00:00:00Z", "2026-01-06T00:30:00Z");
    assert_eq!(span(from, late, Interval::Hour, Tz::UTC), Err(SpanFault::To(at("2026-01-06T00:00:00Z"))));
    assert_eq!(span(from, late, Interval::Day, Tz::UTC), Err(SpanFault::To(at("2026-01-06T00:00:00Z"))));
    assert_eq!(span(from, from, Interval::Day, Tz::UTC), Err(SpanFault::Empty));
    let long = span("2026-01-01T00:00:00Z", "2026-02-02T00:00:00Z", Interval::Quarter, Tz::UTC);
    assert_eq!(long, Err(SpanFault::TooMany { intervals_max: 3_000 }));
    // A zone that was minutes away from UTC.
    let odd = span("1970-01-01T00:00:00Z", "1970-01-02T00:00:00Z", Interval::Hour, Tz::Africa__Monrovia);
    assert_eq!(odd, Err(SpanFault::Zone));
}

#[test]
fn an_instant_lies_in_the_interval_that_begins_with_it() {
    let span = span("2026-01-05T00:00:00Z", "2026-01-05T01:00:00Z", Interval::Quarter, Tz::UTC).expect("an hour");
    let place = |text| span.place(at(text));
    assert_eq!(place("2026-01-04T23:59:59.999Z"), None);
    assert_eq!(place("2026-01-05T00:00:00Z"), Some(0));
    assert_eq!(place("2026-01-05T00:14:59.999Z"), Some(0));
    assert_eq!(place("2026-01-05T00:15:00Z"), Some(1));
    assert_eq!(place("2026-01-05T00:59:59.999Z"), Some(3));
    assert_eq!(place("2026-01-05T01:00:00Z"), None);
}

#[test]
fn the_service_level_counts_who_was_kept_waiting() {
    let mut cell = Cell::default();
    for waited in [0, 5_000, 20_000, 20_001, 60_000] {
        cell.add_time(Time::SpeedOfAnswer, waited);
    }
    for gave_up_after in [3_000, 20_000, 25_000] {
        cell.add_time(Time::TimeToAbandon, gave_up_after);
    }
    cell.add(Count::Expired, 1);
    let measures = Measures::of(&cell, Dimension::Queue, 20);
    assert_eq!((measures.accepted, measures.accepted_within), (5, 3));
    // Two gave up before they could have been late.
    assert_eq!(measures.service_level, Some(3.0 / 7.0));
    assert_eq!(measures.abandonment_rate, Some(3.0 / 9.0));
    assert_eq!(measures.speed_of_answer.average_s, Some(21.0002));
    assert_eq!((measures.created, measures.occupancy), (None, None));
    assert_eq!(Measures::of(&cell, Dimension::Queue, 60).service_level, Some(5.0 / 6.0));
    let nothing = Measures::of(&Cell::default(), Dimension::All, 20);
    assert_eq!((nothing.service_level, nothing.occupancy, nothing.created), (None, None, Some(0)));
    assert_eq!((nothing.handle_time.total_s, nothing.handle_time.p99_s), (0.0, None));
}

fn worker_event(time: Timestamp, id: WorkerId, activity: &str, available: bool) -> Observed {
    let data = format!(
        r#"{{"resource":{{"id":"{id}","name":"w","activity":"{activity}","available":{available},"reachable":true}},
            "actor":"system"}}"#
    );
    Observed::read("worker.activity_changed", time, &data).expect("an event")
}

#[test]
fn long_times_of_many_workers_are_charged_in_small_parts() {
    let start = at("2026-01-05T09:07:00Z");
    let workers: Vec<WorkerId> = (1..=40).map(WorkerId).collect();
    let month = start.plus_millis(30 * 24 * HOUR_MS + 61_001);
    let data = r#"{"resource":{"id":"x","name":"Gone","available":false},"detail":{"former":{"name":"In"}}}"#;
    let away = || Observed::read("activity.updated", month, data).expect("an event");
    let begin = || {
        let mut fold = Fold::default();
        workers.iter().for_each(|id| fold.take(worker_event(start, *id, "In", true)));
        fold
    };
    let mut whole = begin();
    whole.take(away());
    let whole = whole.take_changes();

    let (mut fold, mut parts) = (begin(), Changes::default());
    let mut stored = std::collections::BTreeMap::new();
    let mut keep = |changes: Changes| {
        assert!(changes.hours.len() <= 100, "{}", changes.hours.len());
        for (key, hour) in changes.hours {
            parts.hours.entry(key).or_default().merge(&hour);
        }
        parts.workers.extend(changes.workers);
        parts.names.extend(changes.names);
    };
    while !fold.prepare(&away(), 99) {
        let changes = fold.take_changes();
        // As after a restart: what was stored of the workers is all that is known.
        for (id, presence) in &changes.workers {
            stored.insert(*id, presence.clone().expect("nobody is gone"));
        }
        fold = Fold::new(stored.clone());
        keep(changes);
    }
    fold.take(away());
    keep(fold.take_changes());
    assert_eq!(parts, whole);
    let idle: u64 = whole
        .hours
        .iter()
        .filter(|(key, _)| key.group == Group::All)
        .map(|(_, hour)| hour.quarters.iter().map(|cell| cell.count(Count::IdleMs)).sum::<u64>())
        .sum();
    assert_eq!(idle, 40 * (30 * 24 * HOUR_MS as u64 + 61_001));
}

#[test]
fn a_clock_that_was_set_back_takes_no_time() {
    let (now, later) = (at("2026-01-05T10:00:00Z"), "2026-01-05T10:30:00.000Z");
    let (item, workflow, worker) = (crate::id::ItemId(1), crate::id::WorkflowId(2), WorkerId(3));
    let abandoned = format!(
        r#"{{"resource":{{"id":"{item}","workflow":"{workflow}","channel":"chat","waiting_since":"{later}",
            "entered_queue_at":"{later}","state":"canceled"}},"actor":{{"kind":"system"}},"detail":{{"requested":true}}}}"#
    );
    let completed = format!(
        r#"{{"resource":{{"id":"{}","work_item":"{item}","workflow":"{workflow}","channel":"chat","worker":"{worker}",
            "resolved_at":"{later}","wrapping_at":"{later}"}},"actor":{{"kind":"system"}}}}"#,
        crate::id::ReservationId(4)
    );
    let mut fold = Fold::default();
    for (kind, data) in [("work_item.canceled", abandoned), ("reservation.completed", completed)] {
        fold.take(Observed::read(kind, now, &data).expect("an event"));
    }
    let changes = fold.take_changes();
    let all = changes.hours.iter().find(|(key, _)| key.group == Group::All).expect("counted");
    let cell = &all.1.quarters[0];
    for kind in [Time::TimeToAbandon, Time::Handle, Time::Wrap] {
        assert_eq!((cell.time(kind).count(), cell.time(kind).sum_ms()), (1, 0), "{kind:?}");
    }
}
