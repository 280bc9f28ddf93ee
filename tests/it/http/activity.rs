//! Activities over REST, and what keeps one from being deleted.

use super::life::Life;
use super::office::*;
use serde_json::json;

#[tokio::test]
async fn an_activity_is_made_read_listed_changed_and_deleted() {
    let life = Life {
        path: "/v1/activities",
        new: json!({"available": false}),
        change: json!({"available": true}),
        refused: vec![
            (json!({"name": "x"}), "/available", "missing_field"),
            (json!({"name": "x", "available": "yes"}), "/available", "wrong_type"),
            (json!({"name": "x".repeat(121), "available": true}), "/name", "bad_name"),
        ],
        refused_changes: vec![
            (json!({"available": 1}), "/available", "wrong_type"),
            (json!({"name": "a\u{7}"}), "/name", "bad_name"),
        ],
    };
    life.is_lived().await;
}

#[tokio::test]
async fn an_activity_in_use_stays_and_names_are_not_given_twice() {
    let office = Office::new().await;
    office.furnish().await;
    for used in ["Available", "Offline"] {
        let answer = office.call(ADMIN, "DELETE", &format!("/v1/activities/{used}"), None).await.is(409);
        assert_eq!(answer.code(), "activity_in_use", "{used}");
    }
    let answer = office.patch("/v1/activities/Break", json!({"name": "Available"})).await.is(409);
    assert_eq!(answer.code(), "name_taken");
    office.patch("/v1/activities/Break", json!({"name": "Pause"})).await.is(200);
    office.patch("/v1/workers/ann", json!({"activity": "Pause"})).await.is(200);
    assert_eq!(office.get("/v1/workers/ann").await.is(200).body["available"], false);
}

#[tokio::test]
async fn the_availability_of_an_activity_is_that_of_its_workers() {
    let office = Office::new().await;
    office.furnish().await;
    office.patch("/v1/activities/Available", json!({"available": false})).await.is(200);
    let item = office.item().await;
    assert_eq!(office.offer(&item).await, None, "nobody is available");
    office.patch("/v1/activities/Available", json!({"available": true})).await.is(200);
    assert!(office.offer(&item).await.is_some(), "ann is");
}
