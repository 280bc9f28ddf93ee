//! Event channels over the event stream and the event socket.

use super::live::*;
use super::office::*;
use crate::support::dice::Dice;
use cordboard_domain::id::IdSource;
use serde_json::{Value, json};

async fn channel(live: &Live, name: &str, rules: Value) -> String {
    let mut body = rules;
    body["name"] = json!(name);
    live.office.post("/v1/event-channels", body).await.is(201).id()
}

async fn activity(live: &Live, name: &str) -> String {
    live.office.post("/v1/activities", json!({"name": name, "available": false})).await.is(201).id()
}

fn name(event: &Value) -> &str {
    event["data"]["resource"]["name"].as_str().expect("a name")
}

#[tokio::test]
async fn both_kinds_send_what_the_channel_makes_of_the_events() {
    let live = Live::new().await;
    let rules = json!({
        "types": ["activity.*"],
        "filter": {"starts_with": [{"var": "event.data.resource.name"}, "wanted"]},
        "fields": ["data.resource.name"],
    });
    channel(&live, "chosen", rules).await;
    let (mut stream, mut socket) = (live.stream("channel=chosen").await, live.socket("channel=chosen").await);
    for told in ["wanted one", "other", "wanted two"] {
        activity(&live, told).await;
    }
    for expected in ["wanted one", "wanted two"] {
        let (block, message) = (stream.event().await, event(&mut socket).await);
        assert_eq!(block.event(), message);
        assert_eq!((block.event.as_deref(), block.position()), (Some("activity.created"), sequence(&message)));
        assert_eq!(message["data"], json!({"resource": {"name": expected}}));
    }
}

#[tokio::test]
async fn batches_are_one_message_and_a_throttle_tells_what_it_dropped() {
    let live = Live::new().await;
    let rules = json!({
        "types": ["activity.created"], "batch": {"events_max": 2, "delay_s": 60}, "throttle": {"events_per_s": 3},
    });
    channel(&live, "few", rules).await;
    let mut stream = live.stream("channel=few").await;
    for number in 0..6 {
        activity(&live, &format!("number {number}")).await;
    }
    let first = stream.event().await;
    assert_eq!(first.event.as_deref(), Some("batch"));
    let names =
        |block: &Block| block.event().as_array().expect("an array").iter().map(name_or_type).collect::<Vec<_>>();
    assert_eq!(names(&first), ["number 0", "number 1"]);
    assert_eq!(first.position(), sequence(&first.event()[1]));
    // The third waits for company, and gets the summary once its second is over.
    let second = while_time_passes(&live.office.clock, stream.event()).await;
    assert_eq!(names(&second), ["number 2", "event_channel.events_dropped"]);
    assert_eq!(second.event()[1]["data"]["dropped"], 3);
}

#[tokio::test]
async fn a_batch_without_a_delay_holds_what_is_there_at_once() {
    let live = Live::new().await;
    channel(&live, "together", json!({"types": ["activity.created"], "batch": {"events_max": 4, "delay_s": 0}})).await;
    let from = last(&live.office).await;
    for number in 0..6 {
        activity(&live, &format!("number {number}")).await;
    }
    let mut stream = live.stream(&format!("channel=together&after={from}")).await;
    for expected in [4, 2] {
        let batch = stream.event().await.event();
        assert_eq!(batch.as_array().expect("an array").len(), expected);
    }
}

fn name_or_type(event: &Value) -> String {
    let named = event["data"]["resource"]["name"].as_str();
    named.or(event["type"].as_str()).expect("a name or a type").to_owned()
}

#[tokio::test]
async fn a_change_holds_from_its_place_on_even_for_who_resumes_before_it() {
    let live = Live::new().await;
    let id = channel(&live, "changing", json!({"types": ["activity.created"], "fields": ["subject"]})).await;
    let from = last(&live.office).await;
    let mut watching = live.stream("channel=changing").await;
    activity(&live, "before").await;
    let change = json!({"fields": null, "filter": {"!=": [{"var": "event.data.resource.name"}, "left out"]}});
    let path = format!("/v1/event-channels/{id}");
    let changed = live.office.patch(&path, change).await.is(200).body;
    for told in ["left out", "after"] {
        activity(&live, told).await;
    }
    live.office.patch(&path, json!({"state": "paused"})).await.is(200);
    activity(&live, "in the pause").await;
    live.office.patch(&path, json!({"state": "active"})).await.is(200);
    activity(&live, "in the end").await;
    let mut resumed = live.stream(&format!("channel={id}&after={from}")).await;
    for stream in [&mut watching, &mut resumed] {
        let before = stream.event().await;
        assert!(before.position() < changed["effective_after"].as_u64().expect("a number"));
        assert_eq!(before.event().get("data"), None);
        assert_eq!(name(&stream.event().await.event()), "after");
        let paused = stream.event().await.event();
        assert_eq!((&paused["data"]["reason"], &paused["data"]["dropped"]), (&json!("paused"), &json!(1)));
        assert_eq!(name(&stream.event().await.event()), "in the end");
    }
}

#[tokio::test]
async fn a_deleted_channel_ends_its_streams_with_a_word() {
    let live = Live::new().await;
    let id = channel(&live, "short", json!({"types": ["activity.created"]})).await;
    let (mut stream, mut socket) = (live.stream("channel=short").await, live.socket("channel=short").await);
    activity(&live, "last words").await;
    live.office.call(ADMIN, "DELETE", &format!("/v1/event-channels/{id}"), None).await.is(204);
    assert_eq!(name(&stream.event().await.event()), "last words");
    let goodbye = stream.block().await.expect("a word");
    assert_eq!(goodbye.comments, ["the event channel was deleted"]);
    assert!(stream.block().await.is_none());
    let (code, reason) = closed(&mut socket).await;
    assert_eq!(code, 4404);
    assert!(reason.starts_with("the event channel was deleted; resume after="), "{reason}");
}

#[tokio::test]
async fn what_cannot_be_meant_and_who_may_not_are_refused() {
    let live = Live::new().await;
    channel(&live, "mine", json!({})).await;
    for (query, status) in [
        ("channel=nobodys", 400),
        ("channel=ech_00000000000000000000000000", 400),
        ("channel=mine&types=activity.*", 400),
        ("channel=mine&after=100000", 400),
    ] {
        assert_eq!(live.ask(ADMIN, query, None).await.status(), status, "{query}");
        assert_eq!(connect(live.address, ADMIN, query).await.err(), Some(status), "{query}");
    }
    assert_eq!(live.ask(STRANGER, "channel=mine", None).await.status(), 400, "it is not theirs");
    let worker = live.office.get("/v1/workers/ann").await.is(200).id();
    let token = live.token(&worker, 60).await;
    assert_eq!(live.ask(&token, "channel=mine", None).await.status(), 403);
}

/// Cut anywhere and resumed after what it has, a receiver misses nothing and gets nothing twice.
#[tokio::test]
async fn a_channel_is_resumed_without_a_gap() {
    let live = Live::new().await;
    channel(&live, "all", json!({"types": ["activity.*", "queue.*"]})).await;
    let from = last(&live.office).await;
    let mut expected = Vec::new();
    for number in 0..60 {
        activity(&live, &format!("number {number}")).await;
        expected.push(format!("number {number}"));
    }
    let (mut dice, mut got, mut position) = (Dice(IdSource::new(11)), Vec::new(), from);
    while got.len() < expected.len() {
        let mut stream = live.stream(&format!("channel=all&after={position}")).await;
        for _ in 0..dice.below(5).min((expected.len() - got.len()) as u64) {
            let block = stream.event().await;
            got.push(name(&block.event()).to_owned());
            position = block.position();
        }
    }
    assert_eq!(got, expected);
}
