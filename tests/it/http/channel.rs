//! Channels over REST: their capacity, and what keeps one from being deleted.

use super::life::Life;
use super::office::*;
use serde_json::json;

#[tokio::test]
async fn a_channel_is_made_read_listed_changed_and_deleted() {
    let life = Life {
        path: "/v1/channels",
        new: json!({"default_capacity": 2}),
        change: json!({"default_capacity": 5}),
        refused: vec![
            (json!({"name": "x", "default_capacity": 51}), "/default_capacity", "out_of_range"),
            (json!({"name": "x", "default_capacity": -1}), "/default_capacity", "wrong_type"),
        ],
        refused_changes: vec![
            (json!({"default_capacity": 51}), "/default_capacity", "out_of_range"),
            (json!({"name": "other"}), "/name", "unknown_field"),
        ],
    };
    life.is_lived().await;
}

#[tokio::test]
async fn a_channel_without_capacity_has_room_for_one_and_gives_it_to_every_worker() {
    let office = Office::new().await;
    office.furnish().await;
    assert_eq!(office.post("/v1/channels", json!({"name": "fax"})).await.is(201).body["default_capacity"], 1);
    assert_eq!(office.get("/v1/workers/ann").await.is(200).body["capacity"]["fax"], 1);
    office.patch("/v1/channels/fax", json!({"default_capacity": 4})).await.is(200);
    assert_eq!(office.get("/v1/workers/ann").await.is(200).body["capacity"]["fax"], 4);
}

#[tokio::test]
async fn a_channel_in_use_stays() {
    let office = Office::new().await;
    office.furnish().await;
    office.post("/v1/channels", json!({"name": "fax"})).await.is(201);
    let item = office.post("/v1/work-items", json!({"workflow": "support", "channel": "fax"})).await.is(201).id();
    let path = "/v1/channels/fax";
    assert_eq!(office.call(ADMIN, "DELETE", path, None).await.is(409).code(), "channel_in_use");
    office.post(&format!("/v1/work-items/{item}/cancel"), json!({})).await.is(200);
    office.patch("/v1/workers/ann", json!({"capacity": {"fax": 2}})).await.is(200);
    assert_eq!(office.call(ADMIN, "DELETE", path, None).await.is(409).code(), "channel_in_use");
    office.patch("/v1/workers/ann", json!({"capacity": {}})).await.is(200);
    office.call(ADMIN, "DELETE", path, None).await.is(204);
    assert_eq!(office.get("/v1/workers/ann").await.is(200).body["capacity"].get("fax"), None);
}
