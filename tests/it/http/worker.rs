//! Workers over REST: their life, pages and filters, and that a token ends with its worker.

use super::life::Life;
use super::office::*;
use serde_json::{Value, json};

fn names(page: &Answer) -> Vec<&str> {
    let workers = page.body["data"].as_array().expect("a list");
    workers.iter().map(|worker| worker["name"].as_str().expect("a name")).collect()
}

#[tokio::test]
async fn workers_are_listed_newest_first_by_page_and_by_filter() {
    let office = Office::new().await;
    let new = [("ann", "Available", "sales"), ("bob", "Break", "sales"), ("cat", "Available", "help")];
    for (name, activity, team) in new {
        office.clock.advance(std::time::Duration::from_millis(1));
        let worker = json!({"name": name, "activity": activity, "attributes": {"team": team}});
        office.post("/v1/workers", worker).await.is(201);
    }
    let sales = json!({"==": [{"var": "worker.team"}, "sales"]});
    office.post("/v1/queues", json!({"name": "sales", "workers": sales})).await.is(201);
    let cases = [
        ("", vec!["cat", "bob", "ann"]),
        ("?queue=sales", vec!["bob", "ann"]),
        ("?queue=sales&available=true", vec!["ann"]),
        ("?activity=Available", vec!["cat", "ann"]),
        ("?available=false", vec!["bob"]),
        ("?name=cat", vec!["cat"]),
        ("?name=dan", vec![]),
    ];
    for (filter, expected) in cases {
        assert_eq!(names(&office.get(&format!("/v1/workers{filter}")).await.is(200)), expected, "{filter}");
    }
    let first = office.get("/v1/workers?limit=1&queue=sales").await.is(200);
    assert_eq!(names(&first), ["bob"]);
    let cursor = first.body["next"].as_str().expect("there is more");
    let last = office.get(&format!("/v1/workers?limit=1&queue=sales&after={cursor}")).await.is(200);
    assert_eq!((names(&last), &last.body["next"]), (vec!["ann"], &Value::Null));
    assert_eq!(office.get("/v1/workers?queue=nope").await.is(400).first_error(), ("?queue", "unknown_reference"));
}

#[tokio::test]
async fn a_worker_is_made_read_listed_changed_and_deleted() {
    let life = Life {
        path: "/v1/workers",
        new: json!({"attributes": {"teams": ["sales"]}, "activity": "Break", "connection_required": true}),
        change: json!({"attributes": {"teams": []}, "connection_required": false, "activity": "Available"}),
        refused: vec![
            (json!({"name": "x", "activity": "nowhere"}), "/activity", "unknown_reference"),
            (json!({"name": "x", "attributes": []}), "/attributes", "not_an_object"),
            (json!({"name": "x", "capacity": {"nowhere": 1}}), "/capacity/nowhere", "unknown_reference"),
            (json!({"name": "x", "capacity": {"chat": 51}}), "/capacity/chat", "out_of_range"),
        ],
        refused_changes: vec![
            (json!({"activity": "nowhere"}), "/activity", "unknown_reference"),
            (json!({"attributes": {"x": "y".repeat(33_000)}}), "/attributes", "too_large"),
            (json!({"capacity": {"chat": -1}}), "/capacity/chat", "wrong_type"),
        ],
    };
    life.is_lived().await;
}

#[tokio::test]
async fn a_deleted_workers_token_is_refused() {
    let office = Office::new().await;
    office.furnish().await;
    let token = office.post("/v1/workers/ann/token", json!({})).await.is(201).body["token"].clone();
    let token = token.as_str().expect("a token");
    office.call(token, "GET", "/v1/reservations", None).await.is(200);
    office.call(ADMIN, "DELETE", "/v1/workers/ann", None).await.is(204);
    for path in ["/v1/reservations", "/v1/work-items", "/v1/workers/ann"] {
        assert_eq!(office.call(token, "GET", path, None).await.is(401).code(), "unauthorized", "{path}");
    }
    // Another of the same name is another worker.
    office.post("/v1/workers", json!({"name": "ann"})).await.is(201);
    office.call(token, "GET", "/v1/workers/ann", None).await.is(401);
}

#[tokio::test]
async fn a_tokens_life_is_bounded() {
    let office = Office::new().await;
    office.furnish().await;
    for (seconds, code) in
        [(json!(59), "out_of_range"), (json!(86_401), "out_of_range"), (json!("an hour"), "wrong_type")]
    {
        let answer = office.post("/v1/workers/ann/token", json!({"expires_in_s": seconds})).await.is(422);
        assert_eq!(answer.first_error(), ("/expires_in_s", code), "{seconds}");
    }
    let made = office.post("/v1/workers/ann/token", json!({})).await.is(201);
    assert_eq!(made.body["expires_at"], "2026-01-05T10:00:00.000Z", "an hour");
    office.post("/v1/workers/nobody/token", json!({})).await.is(404);
    office.call(STRANGER, "POST", "/v1/workers/ann/token", None).await.is(404);
}
