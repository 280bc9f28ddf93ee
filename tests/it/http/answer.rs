//! What holds for all answers: entity tags, pages, names as references, and idempotency keys.

use super::office::*;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use serde_json::json;
use std::time::Duration;
use tower::ServiceExt;

#[tokio::test]
async fn a_change_on_condition_is_refused_when_the_resource_moved_on() {
    let office = Office::new().await;
    let made = office.post("/v1/queues", json!({"name": "support"})).await.is(201);
    assert_eq!(made.headers["location"], format!("/v1/queues/{}", made.id()));
    let etag = made.headers["etag"].to_str().expect("text").to_owned();
    let change = || Some(json!({"priority_per_minute": 2.5}));
    let path = "/v1/queues/support";
    let changed = office.call_with(ADMIN, "PATCH", path, change(), &[("if-match", &etag)]).await.is(200);
    assert_eq!(changed.body["priority_per_minute"], 2.5);
    assert_ne!(changed.headers["etag"], etag);
    let stale = office.call_with(ADMIN, "PATCH", path, change(), &[("if-match", &etag)]).await.is(412);
    assert_eq!(stale.code(), "stale");
    office.call_with(ADMIN, "PATCH", path, change(), &[("if-match", "\"nonsense\"")]).await.is(412);
    office.call_with(ADMIN, "DELETE", path, None, &[("if-match", &etag)]).await.is(412);
    office.call_with(ADMIN, "DELETE", path, None, &[("if-match", "*")]).await.is(204);
    office.get(path).await.is(404);
}

#[tokio::test]
async fn a_condition_is_any_or_a_list_of_entity_tags() {
    let office = Office::new().await;
    office.post("/v1/queues", json!({"name": "support"})).await.is(201);
    office.patch("/v1/queues/support", json!({"order": "lifo"})).await.is(200);
    let change = async |condition: &str| {
        let path = "/v1/queues/support";
        office.call_with(ADMIN, "PATCH", path, Some(json!({})), &[("if-match", condition)]).await
    };
    // It is at revision 2, and each change that is carried out raises it.
    for refused in
        ["\"1\"", "\"1\", \"7\"", "W/\"2\"", "\"02\"", "\"+2\"", "\"x,y\" , \"\"", "\"18446744073709551615\""]
    {
        assert_eq!(change(refused).await.is(412).code(), "stale", "{refused}");
    }
    for (met, after) in [("\"2\"", 3), ("\"1\",\"3\"", 4), (", \"9\" ,\t\"4\", W/\"1\",", 5), (" * ", 6), ("\"6\"", 7)]
    {
        assert_eq!(change(met).await.is(200).headers["etag"], format!("\"{after}\""), "{met}");
    }
    let long = ["\"1\""; 21].join(",");
    for malformed in ["7", "\"7", "\"7\" \"8\"", "*, \"7\"", "w/\"7\"", "\"a b\"", "", ",", &long] {
        assert_eq!(change(malformed).await.is(400).first_error(), ("?If-Match", "bad_value"), "{malformed}");
    }
    // Several lines are one list, and what is not there is not found whatever the condition.
    let lines = [("if-match", "\"1\""), ("if-match", "\"7\"")];
    office.call_with(ADMIN, "PATCH", "/v1/queues/support", Some(json!({})), &lines).await.is(200);
    office.call_with(ADMIN, "PATCH", "/v1/queues/other", Some(json!({})), &[("if-match", "\"x\"")]).await.is(404);
}

#[tokio::test]
async fn a_list_of_entity_tags_and_an_idempotency_key_go_together() {
    let office = Office::new().await;
    office.furnish().await;
    let item = office.item().await;
    let etag = office.get(&format!("/v1/work-items/{item}")).await.is(200).headers["etag"].clone();
    let tags = format!("\"0\", {}", etag.to_str().expect("text"));
    let headers: &[(&str, &str)] = &[("if-match", &tags), ("idempotency-key", "once")];
    let path = format!("/v1/work-items/{item}/cancel");
    let first = office.call_with(ADMIN, "POST", &path, None, headers).await.is(200);
    let again = office.call_with(ADMIN, "POST", &path, None, headers).await.is(200);
    assert_eq!((&again.body, &again.headers["idempotent-replayed"]), (&first.body, &"true".parse().expect("a value")));
}

#[tokio::test]
async fn pages_follow_each_other_without_gap_or_repetition() {
    let office = Office::new().await;
    office.furnish().await;
    let mut made = Vec::new();
    for _ in 0..7 {
        office.clock.advance(Duration::from_millis(1));
        made.push(office.item().await);
    }
    made.reverse();
    let (mut seen, mut after) = (Vec::new(), String::new());
    loop {
        let page = office.get(&format!("/v1/work-items?limit=3{after}")).await.is(200);
        let entries = page.body["data"].as_array().expect("a list");
        seen.extend(entries.iter().map(|item| item["id"].as_str().expect("an id").to_owned()));
        match page.body["next"].as_str() {
            Some(cursor) => after = format!("&after={cursor}"),
            None => break,
        }
    }
    assert_eq!(seen, made);
}

#[tokio::test]
async fn the_same_idempotency_key_is_carried_out_once() {
    let office = Office::new().await;
    office.furnish().await;
    let header: &[(&str, &str)] = &[("idempotency-key", "order-1")];
    let item = |number: u32| Some(json!({"workflow": "support", "attributes": {"number": number}}));
    let first = office.call_with(ADMIN, "POST", "/v1/work-items", item(1), header).await.is(201);
    let again = office.call_with(ADMIN, "POST", "/v1/work-items", item(1), header).await.is(201);
    assert_eq!((first.id(), &first.headers["etag"]), (again.id(), &again.headers["etag"]));
    assert_eq!(again.headers["idempotent-replayed"], "true");
    let other = office.call_with(ADMIN, "POST", "/v1/work-items", item(2), header).await.is(409);
    assert_eq!(other.code(), "idempotency_conflict");
    // Another account's same key is another key.
    office
        .call_with(STRANGER, "POST", "/v1/activities", Some(json!({"name": "x", "available": true})), header)
        .await
        .is(201);
    // A refusal is not kept: the same request may succeed later.
    let header: &[(&str, &str)] = &[("idempotency-key", "order-2")];
    let queue = || Some(json!({"name": "support"}));
    office.call_with(ADMIN, "POST", "/v1/queues", queue(), header).await.is(409);
    office.patch("/v1/queues/support", json!({"order": "lifo"})).await.is(200);
    office.clock.advance(Duration::from_secs(86_401));
    let late: &[(&str, &str)] = &[("idempotency-key", "order-1")];
    office.call_with(ADMIN, "POST", "/v1/work-items", item(2), late).await.is(201);
}

#[tokio::test]
async fn an_action_with_a_key_is_replayed_although_its_resource_has_ended_since() {
    let office = Office::new().await;
    office.furnish().await;
    let item = office.item().await;
    let (offer, _) = office.offer(&item).await.expect("ann is free");
    let (accept, wrap_up) = (format!("/v1/reservations/{offer}/accept"), format!("/v1/work-items/{item}/wrap-up"));
    let calls = [(&accept, "key-1"), (&wrap_up, "key-2")];
    let mut first = Vec::new();
    for (path, key) in calls {
        first.push(office.call_with(ADMIN, "POST", path, None, &[("idempotency-key", key)]).await.is(200).body);
    }
    office.post(&format!("/v1/work-items/{item}/complete"), json!({})).await.is(200);
    for ((path, key), first) in calls.into_iter().zip(first) {
        let again = office.call_with(ADMIN, "POST", path, None, &[("idempotency-key", key)]).await.is(200);
        assert_eq!((&again.body, &again.headers["idempotent-replayed"]), (&first, &"true".parse().expect("a value")));
        let other = office.call_with(ADMIN, "POST", path, Some(json!({})), &[("idempotency-key", key)]).await.is(409);
        assert_eq!(other.code(), "idempotency_conflict");
        let unused = office.call_with(ADMIN, "POST", path, None, &[("idempotency-key", "key-3")]).await.is(409);
        assert!(unused.code().ends_with("_state"), "{unused:?}");
    }
}

#[tokio::test]
async fn the_explorer_and_the_health_of_the_server_need_no_key() {
    let office = Office::new().await;
    for path in ["/healthz", "/readyz", "/metrics", "/openapi.json", "/docs/"] {
        office.call("none", "GET", path, None).await.is(200);
    }
    let document = office.get("/openapi.json").await;
    assert_eq!(document.body["openapi"], "3.1.0");
}

#[tokio::test]
async fn no_answer_may_load_or_run_anything_and_the_explorer_only_its_own() {
    let office = Office::new().await;
    for path in ["/v1/queues", "/v1/nothing", "/openapi.json", "/healthz"] {
        let policy = office.get(path).await.headers["content-security-policy"].clone();
        assert_eq!(policy, "default-src 'none'; frame-ancestors 'none'", "{path}");
    }
    let request = Request::builder().uri("/docs/").body(Body::empty()).expect("a request");
    let explorer = office.router.clone().oneshot(request).await.expect("the router always answers");
    let policy = explorer.headers()["content-security-policy"].to_str().expect("text").to_owned();
    assert!(policy.contains("script-src 'self';") && !policy.contains("http"), "{policy}");
    let page = to_bytes(explorer.into_body(), usize::MAX).await.expect("it is read");
    let page = String::from_utf8(page.to_vec()).expect("text");
    // What the policy forbids, the page does not need: scripts within it, and other hosts.
    for script in page.split("<script").skip(1) {
        assert!(script.starts_with(" src=\"./"), "{script}");
    }
    assert!(!page.contains("//") && !page.contains("<style") && !page.contains(" on"), "{page}");
}
