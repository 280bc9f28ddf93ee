//! A work item's life over REST, and every action that its state forbids.

use super::office::*;
use serde_json::json;
use std::time::Duration;

#[tokio::test]
async fn an_item_is_offered_rejected_offered_on_accepted_and_completed() {
    let office = Office::new().await;
    let ann = office.furnish().await;
    office.clock.advance(Duration::from_secs(1));
    let bob = office.post("/v1/workers", json!({"name": "bob", "activity": "Available"})).await.is(201).id();
    let item = office.item().await;
    let (first, to) = office.offer(&item).await.expect("somebody is free");
    assert_eq!(to, ann, "the longest idle");
    office.post(&format!("/v1/reservations/{first}/reject"), json!({"reason": "lunch"})).await.is(200);
    let (second, to) = office.offer(&item).await.expect("the other is free");
    assert_eq!(to, bob);
    let told = office.get(&format!("/v1/work-items/{item}/explanation")).await.is(200);
    assert_eq!(told.body["excluded"][0]["reasons"][0]["code"], "declined", "{told:?}");
    assert_eq!(told.body["summary"], "The item is offered to bob and waits for an answer.");
    let accept = format!("/v1/reservations/{second}/accept");
    office.post(&accept, json!({})).await.is(200);
    office.post(&accept, json!({})).await.is(200);
    let complete = format!("/v1/work-items/{item}/complete");
    assert_eq!(office.post(&complete, json!({})).await.is(200).body["state"], "completed");
    assert_eq!(office.post(&complete, json!({})).await.is(200).body["state"], "completed", "it holds already");
    let events = office.get(&format!("/v1/work-items/{item}/events?limit=200")).await.is(200);
    let types: Vec<_> = events.body["data"].as_array().expect("a list").iter().map(|it| it["type"].clone()).collect();
    assert_eq!(types.first(), Some(&json!("work_item.created")));
    assert_eq!(types.last(), Some(&json!("work_item.completed")));
    let told = office.get(&format!("/v1/work-items/{item}/explanation")).await.is(200);
    assert!(told.body["summary"].as_str().is_some_and(|summary| summary.starts_with("The item was completed")));
}

#[tokio::test]
async fn a_state_forbids_what_does_not_follow_it() {
    let office = Office::new().await;
    office.furnish().await;
    let item = office.item().await;
    let at = |action: &str| format!("/v1/work-items/{item}/{action}");
    for action in ["complete", "wrap-up"] {
        assert_eq!(office.post(&at(action), json!({})).await.is(409).code(), "work_item_state", "{action}");
    }
    assert_eq!(office.post(&at("transfer"), json!({"queue": "support"})).await.is(409).code(), "work_item_state");
    let (offer, _) = office.offer(&item).await.expect("ann is free");
    assert_eq!(
        office.post(&format!("/v1/reservations/{offer}/complete"), json!({})).await.is(409).code(),
        "reservation_state"
    );
    assert_eq!(office.call(ADMIN, "DELETE", "/v1/workers/ann", None).await.is(409).code(), "worker_has_work");
    assert_eq!(office.call(ADMIN, "DELETE", "/v1/queues/support", None).await.is(409).code(), "queue_in_use");
    assert_eq!(office.call(ADMIN, "DELETE", "/v1/workflows/support", None).await.is(409).code(), "workflow_in_use");
    office.post(&at("cancel"), json!({"reason": "caller gave up"})).await.is(200);
    office.post(&at("cancel"), json!({})).await.is(200);
    for action in ["complete", "wrap-up", "reroute"] {
        assert_eq!(office.post(&at(action), json!({})).await.is(409).code(), "work_item_state", "{action}");
    }
    assert_eq!(
        office.patch(&format!("/v1/work-items/{item}"), json!({"priority": 1})).await.is(409).code(),
        "work_item_state"
    );
    assert_eq!(
        office.post(&format!("/v1/reservations/{offer}/accept"), json!({})).await.is(409).code(),
        "reservation_state"
    );
}

#[tokio::test]
async fn creation_is_checked_and_idempotent_by_unique_key() {
    let office = Office::new().await;
    office.furnish().await;
    let cases = [
        (json!({"workflow": "nope"}), ("/workflow", "unknown_reference")),
        (json!({"workflow": "support", "channel": "fax"}), ("/channel", "unknown_reference")),
        (json!({"workflow": "support", "priority": 1_000_001}), ("/priority", "out_of_range")),
        (json!({"workflow": "support", "timeout_s": 0}), ("/timeout_s", "out_of_range")),
        (json!({"workflow": "support", "attributes": []}), ("/attributes", "not_an_object")),
        (json!({"workflow": "support", "attributes": {"x": "y".repeat(33_000)}}), ("/attributes", "too_large")),
        (json!({"workflow": "support", "unique_key": ""}), ("/unique_key", "bad_unique_key")),
    ];
    for (body, expected) in cases {
        assert_eq!(office.post("/v1/work-items", body).await.is(422).first_error(), expected);
    }
    let unique = || json!({"workflow": "support", "unique_key": "order-7"});
    let first = office.post("/v1/work-items", unique()).await.is(201).id();
    assert_eq!(office.post("/v1/work-items", unique()).await.is(200).id(), first);
    office.post(&format!("/v1/work-items/{first}/cancel"), json!({})).await.is(200);
    assert_ne!(office.post("/v1/work-items", unique()).await.is(201).id(), first, "the key lives as long as its item");
}

#[tokio::test]
async fn a_transfer_goes_to_exactly_one_place() {
    let office = Office::new().await;
    let ann = office.furnish().await;
    let item = office.item().await;
    let (offer, _) = office.offer(&item).await.expect("ann is free");
    office.post(&format!("/v1/reservations/{offer}/accept"), json!({})).await.is(200);
    let path = format!("/v1/work-items/{item}/transfer");
    for body in [json!({}), json!({"queue": "support", "worker": "bob"})] {
        assert_eq!(office.post(&path, body).await.is(422).first_error().1, "one_of");
    }
    assert_eq!(office.post(&path, json!({"worker": "ann"})).await.is(422).first_error(), ("/worker", "same_worker"));
    office.post("/v1/workers", json!({"name": "bob", "activity": "Break"})).await.is(201);
    assert_eq!(office.post(&path, json!({"worker": "bob"})).await.is(409).code(), "worker_unavailable");
    office.patch("/v1/workers/bob", json!({"activity": "Available"})).await.is(200);
    let warm = office.post(&path, json!({"worker": "bob", "warm": true})).await.is(200);
    assert_eq!((&warm.body["state"], &warm.body["worker"]), (&json!("assigned"), &json!(ann)), "ann keeps it for now");
    let (offer, _) = office.offer(&item).await.expect("bob is free");
    office.post(&format!("/v1/reservations/{offer}/accept"), json!({})).await.is(200);
    let taken = office.get(&format!("/v1/work-items/{item}")).await.is(200);
    assert_ne!(taken.body["worker"], json!(ann));
}
