//! Queues over REST: order, ageing, members, and what keeps one from being deleted.

use super::life::Life;
use super::office::*;
use serde_json::json;

#[tokio::test]
async fn a_queue_is_made_read_listed_changed_and_deleted() {
    let members = json!({"in": ["sales", {"var": "worker.teams"}]});
    let life = Life {
        path: "/v1/queues",
        new: json!({"workers": members, "order": "lifo", "priority_per_minute": 1.5}),
        change: json!({"workers": true, "order": "fifo", "priority_per_minute": 0.001}),
        refused: vec![
            (json!({"name": "x", "order": "random"}), "/order", "wrong_type"),
            (json!({"name": "x", "priority_per_minute": 1_000.1}), "/priority_per_minute", "out_of_range"),
            (json!({"name": "x", "workers": {"var": "item.x"}}), "/workers/var", "item_not_here"),
        ],
        refused_changes: vec![
            (json!({"priority_per_minute": -0.1}), "/priority_per_minute", "out_of_range"),
            (json!({"workers": {"=": [1, 2]}}), "/workers/=", "unknown_operator"),
            (json!({"name": " x"}), "/name", "bad_name"),
        ],
    };
    life.is_lived().await;
}

#[tokio::test]
async fn a_queue_that_a_workflow_names_stays() {
    let office = Office::new().await;
    office.furnish().await;
    let path = "/v1/queues/support";
    assert_eq!(office.call(ADMIN, "DELETE", path, None).await.is(409).code(), "queue_in_use");
    office.call(ADMIN, "DELETE", "/v1/workflows/support", None).await.is(204);
    office.call(ADMIN, "DELETE", path, None).await.is(204);
}

#[tokio::test]
async fn a_change_of_members_offers_what_waits() {
    let office = Office::new().await;
    office.furnish().await;
    office.patch("/v1/queues/support", json!({"workers": false})).await.is(200);
    let item = office.item().await;
    assert_eq!(office.offer(&item).await, None, "nobody belongs");
    office.patch("/v1/queues/support", json!({"workers": true})).await.is(200);
    assert!(office.offer(&item).await.is_some());
}
