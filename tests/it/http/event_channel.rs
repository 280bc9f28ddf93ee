//! Event channels over REST: their rules, from which sequence on a change holds, and what keeps one from being deleted.

use super::life::Life;
use super::office::*;
use serde_json::{Value, json};

#[tokio::test]
async fn an_event_channel_is_made_read_listed_changed_and_deleted() {
    let life = Life {
        path: "/v1/event-channels",
        new: json!({
            "types": ["work_item.*", "reservation.offered"],
            "filter": {"==": [{"var": "event.data.resource.channel"}, "voice"]},
            "fields": ["subject", "data.resource.state"],
            "throttle": {"events_per_s": 10},
            "batch": {"events_max": 100, "delay_s": 0},
            "retention_s": 3600,
            "state": "paused",
        }),
        change: json!({"types": [], "filter": null, "throttle": null, "batch": {"events_max": 1, "delay_s": 60}}),
        refused: vec![
            (json!({"name": "x", "types": ["work_itm.*"]}), "/types/0", "unknown_event_type"),
            (json!({"name": "x", "filter": {"var": "item.x"}}), "/filter/var", "unknown_fact"),
            (json!({"name": "x", "fields": [""]}), "/fields/0", "bad_path"),
            (json!({"name": "x", "throttle": {}}), "/throttle/events_per_s", "missing_field"),
            (json!({"name": "x", "throttle": {"events_per_s": 1, "per": 2}}), "/throttle/per", "unknown_field"),
            (json!({"name": "x", "batch": {"events_max": 101, "delay_s": 0}}), "/batch/events_max", "out_of_range"),
            (json!({"name": "x", "retention_s": 0}), "/retention_s", "out_of_range"),
            (json!({"name": "x", "state": "disabled"}), "/state", "wrong_type"),
        ],
        refused_changes: vec![
            (json!({"filter": {"=": [1, 2]}}), "/filter/=", "unknown_operator"),
            (json!({"types": ["*", "x"]}), "/types/1", "unknown_event_type"),
            (json!({"name": " x"}), "/name", "bad_name"),
        ],
    };
    life.is_lived().await;
}

#[tokio::test]
async fn all_that_is_wrong_is_told_at_once() {
    let office = Office::new().await;
    let wrong = json!({"name": "x", "types": ["x"], "fields": ["a..b"], "retention_s": 0});
    let answer = office.post("/v1/event-channels", wrong).await.is(422);
    let pointers: Vec<_> = answer.body["errors"].as_array().expect("errors").iter().map(|it| &it["pointer"]).collect();
    assert_eq!(pointers, ["/types/0", "/fields/0", "/retention_s"]);
}

#[tokio::test]
async fn a_change_holds_after_its_own_event_which_tells_what_held_before() {
    let office = Office::new().await;
    let event = |events: Value| events["data"].as_array().and_then(|all| all.last().cloned()).expect("an event");
    let made = office.post("/v1/event-channels", json!({"name": "all"})).await.is(201).body;
    let created = event(office.get("/v1/events?types=event_channel.created").await.is(200).body);
    assert_eq!(made["effective_after"], created["sequence"]);
    assert_eq!(created["data"]["resource"], made);
    office.post("/v1/queues", json!({"name": "between"})).await.is(201);
    let changed = office.patch("/v1/event-channels/all", json!({"types": ["queue.*"], "state": "paused"})).await;
    let changed = changed.is(200).body;
    let updated = event(office.get("/v1/events?types=event_channel.updated").await.is(200).body);
    assert_eq!(changed["effective_after"], updated["sequence"]);
    assert_eq!(updated["data"]["resource"], changed);
    let before = &updated["data"]["detail"]["before"];
    for field in ["types", "filter", "fields", "throttle", "batch", "retention_s", "state"] {
        assert_eq!(before[field], made[field], "{field}");
    }
    assert_eq!(before.as_object().map(serde_json::Map::len), Some(7));
}

#[tokio::test]
async fn a_channel_is_found_by_its_name_and_stays_while_it_is_subscribed_to() {
    let office = Office::new().await;
    for name in ["one", "other"] {
        office.post("/v1/event-channels", json!({"name": name})).await.is(201);
    }
    let page = office.get("/v1/event-channels?name=one").await.is(200).body;
    assert_eq!((page["data"].as_array().map(Vec::len), &page["data"][0]["name"]), (Some(1), &json!("one")));
    let new = json!({"event_channel": "one", "kind": "webhook", "url": "https://crm.example/"});
    let subscription = office.post("/v1/subscriptions", new).await.is(201).id();
    let refused = office.call(ADMIN, "DELETE", "/v1/event-channels/one", None).await.is(409);
    assert_eq!(refused.code(), "event_channel_in_use");
    office.call(ADMIN, "DELETE", &format!("/v1/subscriptions/{subscription}"), None).await.is(204);
    office.call(ADMIN, "DELETE", "/v1/event-channels/one", None).await.is(204);
}
