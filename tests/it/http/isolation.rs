//! Another account's resources are not there: every route of the document is asked for them.

use super::office::*;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Resources of one account by the path of their collection.
async fn furnished(office: &Office) -> BTreeMap<&'static str, String> {
    let worker = office.furnish().await;
    let item = office.item().await;
    let (reservation, _) = office.offer(&item).await.expect("ann is free");
    let schedule = office.post("/v1/schedules", json!({"name": "hours", "time_zone": "UTC"})).await.is(201).id();
    let key = office.post("/v1/api-keys", json!({"name": "secret"})).await.is(201).id();
    let new = json!({"name": "all"});
    let channel = office.post("/v1/event-channels", new).await.is(201).id();
    let new = json!({"event_channel": "all", "kind": "webhook", "url": "https://crm.example/"});
    let subscription = office.post("/v1/subscriptions", new).await.is(201).id();
    let mut ids = BTreeMap::from([
        ("event-channels", channel),
        ("subscriptions", subscription),
        ("workers", worker),
        ("work-items", item),
        ("reservations", reservation),
        ("schedules", schedule),
        ("api-keys", key),
    ]);
    for path in ["queues", "workflows", "activities", "channels"] {
        let page = office.get(&format!("/v1/{path}")).await.is(200);
        ids.insert(path, page.body["data"][0]["id"].as_str().expect("an id").to_owned());
    }
    let event = office.get("/v1/events?limit=1").await.is(200).body["data"][0]["source"].clone();
    let account = event.as_str().and_then(|source| source.strip_prefix("/accounts/")).expect("an account").to_owned();
    ids.insert("accounts", account);
    ids
}

#[tokio::test]
async fn every_route_hides_another_accounts_resources() {
    let office = Office::new().await;
    let ids = furnished(&office).await;
    let document = office.get("/openapi.json").await.is(200).body;
    let before = office.get("/v1/events?limit=200").await.is(200).body;
    let mut asked = 0;
    for (path, methods) in document["paths"].as_object().expect("paths") {
        let collection = path.split('/').nth(2).expect("a collection");
        if !path.contains("{id}") {
            continue;
        }
        let own = ids.get(collection).unwrap_or_else(|| panic!("a resource of {collection}"));
        let path = path.replace("{id}", own).replace("{version}", "1");
        for method in methods.as_object().expect("methods").keys() {
            let body = (method != "get" && method != "delete").then(|| json!({}));
            let answer = office.call(STRANGER, &method.to_uppercase(), &path, body).await;
            // The body is read first, so an empty one may be refused before anything is looked for.
            assert!(matches!(answer.status.as_u16(), 404 | 422), "{method} {path}: {answer:?}");
            assert!(!answer.body.to_string().contains("\"ann\""), "{method} {path}: {answer:?}");
            asked += 1;
        }
    }
    assert!(asked >= 35, "only {asked} operations were asked");
    assert_eq!(office.get("/v1/events?limit=200").await.is(200).body, before, "nothing was changed");
}

#[tokio::test]
async fn lists_references_and_names_stay_within_the_account() {
    let office = Office::new().await;
    let ids = furnished(&office).await;
    let lists = ["queues", "workflows", "workers", "work-items", "reservations", "schedules", "events"];
    for path in lists.into_iter().chain(["event-channels", "subscriptions"]) {
        let page = office.call(STRANGER, "GET", &format!("/v1/{path}"), None).await.is(200);
        assert_eq!(page.body["data"], json!([]), "{path}");
    }
    for channel in ["all", &ids["event-channels"]] {
        let new = json!({"event_channel": channel, "kind": "webhook", "url": "https://globex.example/"});
        let answer = office.call(STRANGER, "POST", "/v1/subscriptions", Some(new)).await.is(422);
        assert_eq!(answer.first_error(), ("/event_channel", "unknown_reference"));
        let list = format!("/v1/subscriptions?event_channel={channel}");
        office.call(STRANGER, "GET", &list, None).await.is(400);
    }
    let item = Some(json!({"workflow": ids["workflows"]}));
    let answer = office.call(STRANGER, "POST", "/v1/work-items", item).await.is(422);
    assert_eq!(answer.first_error(), ("/workflow", "unknown_reference"));
    office.call(STRANGER, "POST", "/v1/queues", Some(json!({"name": "support"}))).await.is(201);
    let keys = office.call(STRANGER, "GET", "/v1/api-keys", None).await.is(200);
    assert_eq!(keys.body["data"].as_array().map(Vec::len), Some(1));
    let statistics: Value = office.call(STRANGER, "GET", "/v1/statistics/realtime", None).await.is(200).body;
    assert_eq!(statistics["queues"].as_array().map(Vec::len), Some(1));
}
