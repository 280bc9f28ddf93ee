//! Workflows over REST: findings with pointers, versions, and the dry run.

use super::office::*;
use serde_json::json;

#[tokio::test]
async fn a_document_with_errors_is_refused_with_all_of_them() {
    let office = Office::new().await;
    let document = json!({"default": [{"rout": {}}, {"route": {"queue": "nope"}}]});
    let answer = office.post("/v1/workflows", json!({"name": "w", "document": document})).await.is(422);
    let pointers: Vec<_> = answer.body["errors"].as_array().expect("a list").iter().map(|it| &it["pointer"]).collect();
    assert!(pointers.contains(&&json!("/document/default/0/rout")), "{answer:?}");
    assert!(pointers.contains(&&json!("/document/default/1/route/queue")), "{answer:?}");
    assert_eq!(office.get("/v1/workflows").await.is(200).body["data"], json!([]));
}

#[tokio::test]
async fn versions_are_numbered_and_kept() {
    let office = Office::new().await;
    office.furnish().await;
    let item = office.item().await;
    let document = json!({"default": [{"set": {"priority": 9}}, {"route": {"queue": "support"}}]});
    let put = office.call(ADMIN, "PUT", "/v1/workflows/support/document", Some(document.clone())).await.is(200);
    assert_eq!(put.body["version"], 2);
    assert_eq!(office.get(&format!("/v1/work-items/{item}")).await.is(200).body["workflow_version"], 1);
    let versions = office.get("/v1/workflows/support/versions").await.is(200);
    let numbers: Vec<_> = versions.body["data"].as_array().expect("a list").iter().map(|it| &it["version"]).collect();
    assert_eq!(numbers, [2, 1]);
    assert_eq!(office.get("/v1/workflows/support/versions/2").await.is(200).body["document"], document);
    office.get("/v1/workflows/support/versions/3").await.is(404);
    let path = "/v1/workflows/support/document?reevaluate=true";
    office.call(ADMIN, "PUT", path, Some(document)).await.is(200);
    let moved = office.get(&format!("/v1/work-items/{item}")).await.is(200);
    assert_eq!((&moved.body["workflow_version"], &moved.body["priority"]), (&json!(3), &json!(9)));
}

#[tokio::test]
async fn a_dry_run_tells_and_changes_nothing() {
    let office = Office::new().await;
    office.furnish().await;
    let before = office.get("/v1/events?limit=200").await.is(200).body;
    let document =
        json!({"default": [{"route": {"queue": "support", "timeout_s": 20}}, {"finish": {"outcome": "cancel"}}]});
    let body = json!({"document": document, "samples": [{"attributes": {"x": 1}}]});
    let run = office.post("/v1/workflows/check", body).await.is(200);
    let sample = &run.body["samples"][0];
    assert_eq!((&sample["rule"], &sample["state"]), (&json!("default"), &json!("canceled")), "{run:?}");
    assert_eq!(sample["steps"][0]["workers"][0]["name"], "ann");
    assert_eq!(sample["steps"][1]["after_s"], 20.0);
    let broken = office.post("/v1/workflows/check", json!({"document": {"defalt": []}})).await.is(200);
    assert_eq!(broken.body["findings"][0]["severity"], "error");
    office.post("/v1/workflows/support/check", json!({"samples": [{}]})).await.is(200);
    office.post("/v1/workflows/nope/check", json!({})).await.is(404);
    assert_eq!(office.get("/v1/events?limit=200").await.is(200).body, before);
}
