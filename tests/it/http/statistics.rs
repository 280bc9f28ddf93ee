//! The numbers of the moment over REST, as work comes and goes.

use super::office::*;
use serde_json::{Value, json};
use std::time::Duration;

async fn queue(office: &Office) -> Value {
    office.get("/v1/statistics/realtime").await.is(200).body["queues"][0].clone()
}

#[tokio::test]
async fn the_numbers_follow_an_item_from_waiting_to_done() {
    let office = Office::new().await;
    office.furnish().await;
    let numbers =
        |queue: &Value| ["waiting", "offered", "assigned"].map(|name| queue[name].as_u64().expect("a number"));
    let offered = office.item().await;
    let waiting = office.item().await;
    office.clock.advance(Duration::from_secs(30));
    let now = queue(&office).await;
    assert_eq!((numbers(&now), &now["name"]), ([1, 1, 0], &json!("support")));
    assert_eq!(now["longest_wait_s"], 30.0);
    assert_eq!(now["workers"], json!({"available": 1, "busy": 0, "eligible": 1}), "an offer is not work yet");
    let (offer, _) = office.offer(&offered).await.expect("ann is free");
    office.post(&format!("/v1/reservations/{offer}/accept"), json!({})).await.is(200);
    let now = queue(&office).await;
    assert_eq!((numbers(&now), &now["workers"]["busy"]), ([1, 0, 1], &json!(1)));
    office.post(&format!("/v1/work-items/{waiting}/cancel"), json!({})).await.is(200);
    office.post(&format!("/v1/work-items/{offered}/complete"), json!({})).await.is(200);
    let now = queue(&office).await;
    assert_eq!((numbers(&now), &now["longest_wait_s"]), ([0, 0, 0], &json!(0.0)));
}

#[tokio::test]
async fn workers_are_counted_by_activity_and_agents_are_not_told() {
    let office = Office::new().await;
    office.furnish().await;
    office.post("/v1/workers", json!({"name": "bob", "activity": "Break"})).await.is(201);
    let numbers = office.get("/v1/statistics/realtime").await.is(200).body;
    let activities = numbers["activities"].as_array().expect("a list");
    for (name, available, workers) in [("Available", true, 1), ("Break", false, 1), ("Offline", false, 0)] {
        let found = activities.iter().find(|it| it["name"] == name).expect("it is there");
        assert_eq!((&found["available"], &found["workers"]), (&json!(available), &json!(workers)), "{name}");
    }
    let token = office.post("/v1/workers/ann/token", json!({})).await.is(201).body["token"].clone();
    let token = token.as_str().expect("a token");
    office.call(token, "GET", "/v1/statistics/realtime", None).await.is(403);
}
