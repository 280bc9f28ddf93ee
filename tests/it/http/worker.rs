//! Workers over REST: pages and filters.

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
