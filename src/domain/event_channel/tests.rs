//! The shaper, rule by rule.

use super::*;
use crate::id::{AccountId, EventChannelId};
use crate::time::Timestamp;
use serde_json::{Value, json};

const NOON_MS: i64 = 1_767_700_800_000;

fn at(ms: i64) -> Timestamp {
    Timestamp::from_millis(NOON_MS + ms)
}

struct Bench {
    shaper: Shaper,
    out: Vec<Message>,
    sequence: u64,
}

impl Bench {
    fn new(rules: Value) -> Self {
        Self::with(rules, false)
    }

    fn with(rules: Value, paused: bool) -> Self {
        let rules: ChannelRules = serde_json::from_value(rules).expect("rules");
        assert_eq!(rules.findings(), []);
        let shaper = Shaper::new(AccountId(1), EventChannelId(2), rules, paused).expect("sound");
        Self { shaper, out: Vec::new(), sequence: 0 }
    }

    /// An event of this type made `ms` after noon and seen at once.
    fn event(&mut self, ms: i64, event_type: &str) {
        self.event_seen(ms, ms, event_type);
    }

    fn event_seen(&mut self, made_ms: i64, seen_ms: i64, event_type: &str) {
        self.sequence += 1;
        let (sequence, time) = (self.sequence, at(made_ms));
        let id = format!("evt_{sequence}");
        let text = json!({
            "specversion": "1.0", "id": id, "source": "/accounts/x", "type": event_type, "subject": "itm", "time": time,
            "datacontenttype": "application/json", "sequence": sequence,
            "data": {"resource": {"state": "pending", "n": sequence}},
        });
        let event = Passing { sequence, id: &id, event_type, time, text: &text.to_string() };
        self.shaper.take(at(seen_ms), &event, &mut self.out);
    }

    fn tick(&mut self, ms: i64) {
        self.shaper.tick(at(ms), &mut self.out);
    }

    /// The sequences of the messages sent so far; of a batch, all of them.
    fn sent(&mut self) -> Vec<Value> {
        self.bodies()
            .into_iter()
            .map(|body| match body {
                Value::Array(events) => events.iter().map(|event| event["sequence"].clone()).collect(),
                event => event["sequence"].clone(),
            })
            .collect()
    }

    fn bodies(&mut self) -> Vec<Value> {
        let parsed = |message: Message| serde_json::from_str(&message.body).expect("JSON");
        self.out.drain(..).map(parsed).collect()
    }
}

#[test]
fn types_and_filter_choose() {
    let mut bench = Bench::new(json!({
        "types": ["work_item.*"],
        "filter": {">": [{"var": "event.data.resource.n"}, 2]},
    }));
    for kind in ["work_item.created", "reservation.offered", "work_item.queued", "work_item.reserved"] {
        bench.event(0, kind);
    }
    assert_eq!(bench.sent(), [json!(3), json!(4)]);
    assert_eq!(bench.shaper.held_from(), None);
}

#[test]
fn an_event_is_sent_word_for_word_unless_fields_are_selected() {
    let mut whole = Bench::new(json!({}));
    whole.event(0, "work_item.created");
    assert_eq!(whole.bodies()[0]["data"]["resource"]["n"], 1);
    let mut some = Bench::new(json!({"fields": ["data.resource.state"]}));
    some.event(0, "work_item.created");
    let expected = json!({
        "specversion": "1.0", "id": "evt_1", "source": "/accounts/x", "type": "work_item.created", "sequence": 1,
        "data": {"resource": {"state": "pending"}},
    });
    assert_eq!(some.bodies(), [expected]);
}

#[test]
fn a_throttle_tells_what_it_dropped() {
    let mut bench = Bench::new(json!({"throttle": {"events_per_s": 2}}));
    for (ms, kind) in [(0, "work_item.created"), (10, "work_item.queued"), (20, "work_item.queued")] {
        bench.event(ms, kind);
    }
    bench.event(999, "work_item.reserved");
    assert_eq!(bench.sent(), [json!(1), json!(2)]);
    assert_eq!((bench.shaper.held_from(), bench.shaper.next_deadline()), (Some(3), Some(at(1_000))));
    bench.tick(999);
    assert_eq!(bench.sent(), Vec::<Value>::new());
    bench.tick(1_000);
    let summary = bench.bodies().remove(0);
    assert_eq!((&summary["type"], &summary["sequence"]), (&json!(EVENTS_DROPPED), &json!(4)));
    let expected = json!({
        "event_channel": EventChannelId(2), "reason": "throttle", "dropped": 2,
        "by_type": {"work_item.queued": 1, "work_item.reserved": 1}, "first_sequence": 3, "last_sequence": 4,
    });
    assert_eq!(summary["data"], expected);
    // The next second has room again, and an event that comes late is counted in it.
    bench.event(1_000, "work_item.created");
    bench.event(998, "work_item.created");
    bench.event(1_001, "work_item.created");
    assert_eq!(bench.sent(), [json!(5), json!(6)]);
    // The first event of the next second brings the summary with it, in front.
    bench.event(2_000, "work_item.created");
    assert_eq!(bench.sent(), [json!(7), json!(8)]);
}

#[test]
fn a_throttle_that_is_read_late_tells_once() {
    let mut bench = Bench::new(json!({"throttle": {"events_per_s": 1}}));
    for ms in 0..100 {
        bench.event_seen(ms, 60_000, "work_item.created");
        bench.tick(60_000);
    }
    bench.tick(61_000);
    assert_eq!(bench.sent(), [json!(1), json!(100)]);
}

#[test]
fn a_batch_is_full_or_due() {
    let mut bench = Bench::new(json!({"batch": {"events_max": 3, "delay_s": 2}}));
    for ms in [0, 500, 1_000, 1_500] {
        bench.event(ms, "work_item.created");
    }
    let message = bench.out[0].clone();
    assert_eq!((message.first_sequence, message.last_sequence, message.events), (1, 3, 3));
    assert_eq!((message.id.as_str(), message.event_type), ("evt_1-3", None));
    assert_eq!(bench.sent(), [json!([1, 2, 3])]);
    assert_eq!((bench.shaper.held_from(), bench.shaper.next_deadline()), (Some(4), Some(at(3_500))));
    bench.tick(3_499);
    assert_eq!(bench.sent(), Vec::<Value>::new());
    bench.tick(3_500);
    // One event is an array too: a channel has one form.
    assert_eq!(bench.sent(), [json!([4])]);
}

#[test]
fn what_is_too_old_is_counted_and_told_before_what_is_not() {
    let mut bench = Bench::new(json!({"retention_s": 60}));
    bench.event_seen(0, 60_001, "work_item.created");
    bench.event_seen(10, 60_011, "work_item.queued");
    assert_eq!(bench.sent(), Vec::<Value>::new());
    bench.event_seen(60, 60_020, "work_item.reserved");
    let bodies = bench.bodies();
    assert_eq!(bodies[0]["data"]["reason"], "retention");
    assert_eq!(bodies[0]["data"]["dropped"], 2);
    assert_eq!(bodies[1]["sequence"], 3);
    // Told by itself when nothing follows.
    bench.event_seen(61, 70_000, "work_item.reserved");
    bench.tick(71_000);
    assert_eq!(bench.bodies()[0]["data"]["last_sequence"], 4);
}

#[test]
fn a_paused_channel_counts_until_its_end() {
    let mut bench = Bench::with(json!({"batch": {"events_max": 5, "delay_s": 0}}), true);
    bench.event(0, "work_item.created");
    bench.event(1, "work_item.created");
    assert_eq!((bench.shaper.next_deadline(), bench.shaper.held_from()), (None, Some(1)));
    bench.shaper.end(at(5), &mut bench.out);
    let bodies = bench.bodies();
    assert_eq!((&bodies[0][0]["data"]["reason"], &bodies[0][0]["data"]["dropped"]), (&json!("paused"), &json!(2)));
    assert_eq!(bench.shaper.held_from(), None);
}

#[test]
fn a_filter_that_fails_is_told() {
    let mut bench = Bench::new(json!({"filter": {"+": [{"var": "event.type"}, 1]}}));
    bench.event(0, "work_item.created");
    bench.tick(1_000);
    let told = bench.bodies().remove(0);
    assert_eq!(told["data"]["reason"], "filter_failed");
    assert!(told["data"]["error"].is_string(), "{told}");
}

#[test]
fn a_dropped_event_between_two_reasons_keeps_the_order() {
    let mut bench = Bench::new(json!({"throttle": {"events_per_s": 1}, "retention_s": 5}));
    bench.event_seen(0, 10_000, "work_item.created");
    bench.event(10_000, "work_item.created");
    bench.event(10_001, "work_item.created");
    bench.event_seen(4_000, 10_002, "work_item.created");
    bench.shaper.end(at(10_003), &mut bench.out);
    assert_eq!(bench.sent(), [json!(1), json!(2), json!(3), json!(4)]);
}
