//! Who may call, and how far each role and each worker reaches.

use super::office::*;
use axum::body::Body;
use axum::http::Request;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use std::time::Duration;

#[tokio::test]
async fn a_key_is_bearer_or_the_password_of_anybody() {
    let office = Office::new().await;
    let with = |value: String| {
        Request::builder().uri("/v1/queues").header("authorization", value).body(Body::empty()).expect("a request")
    };
    office.send(with(format!("Bearer {ADMIN}"))).await.is(200);
    office.send(with(format!("Basic {}", STANDARD.encode(format!("anybody:{ADMIN}"))))).await.is(200);
    for wrong in ["Bearer nonsense".to_owned(), "Basic %%".to_owned(), "Digest x".to_owned(), "x".to_owned()] {
        let answer = office.send(with(wrong)).await.is(401);
        assert_eq!(answer.code(), "unauthorized");
        assert!(answer.headers.contains_key("www-authenticate"));
    }
    let naked = Request::builder().uri("/v1/queues").body(Body::empty()).expect("a request");
    office.send(naked).await.is(401);
}

#[tokio::test]
async fn keys_are_shown_once_expire_and_are_revoked() {
    let office = Office::new().await;
    let expires_at = "2026-01-05T10:00:00.000Z";
    let made = office.post("/v1/api-keys", json!({"name": "ci", "expires_at": expires_at})).await.is(201);
    let key = made.body["key"].as_str().expect("it is shown").to_owned();
    assert_eq!(office.get(&format!("/v1/api-keys/{}", made.id())).await.is(200).body.get("key"), None);
    office.call(&key, "GET", "/v1/queues", None).await.is(200);
    office.clock.advance(Duration::from_secs(3_601));
    office.call(&key, "GET", "/v1/queues", None).await.is(401);

    let made = office.post("/v1/api-keys", json!({"name": "ci"})).await.is(201);
    let key = made.body["key"].as_str().expect("it is shown").to_owned();
    office.call(&key, "GET", "/v1/queues", None).await.is(200);
    office.call(ADMIN, "DELETE", &format!("/v1/api-keys/{}", made.id()), None).await.is(204);
    office.call(&key, "GET", "/v1/queues", None).await.is(401);
    let events = office.get("/v1/events?types=api_key.created,api_key.deleted").await.is(200);
    assert_eq!(events.body["data"].as_array().map(Vec::len), Some(3));
}

#[tokio::test]
async fn roles_reach_so_far() {
    let office = Office::new().await;
    office.furnish().await;
    let mut keys = Vec::new();
    for role in ["integrator", "supervisor"] {
        let made = office.post("/v1/api-keys", json!({"name": role, "role": role})).await.is(201);
        keys.push(made.body["key"].as_str().expect("it is shown").to_owned());
    }
    let [integrator, supervisor] = &keys[..] else { unreachable!("two were made") };
    let queue = || Some(json!({"name": "other"}));
    assert_eq!(office.call(supervisor, "POST", "/v1/queues", queue()).await.is(403).code(), "forbidden");
    office.call(integrator, "POST", "/v1/queues", queue()).await.is(201);
    office.call(supervisor, "GET", "/v1/workers", None).await.is(200);
    office.call(supervisor, "PATCH", "/v1/workers/ann", Some(json!({"activity": "Break"}))).await.is(200);
    office.call(supervisor, "GET", "/v1/api-keys", None).await.is(403);
    let admin = Some(json!({"name": "x", "role": "admin"}));
    office.call(integrator, "POST", "/v1/api-keys", admin).await.is(403);
    office.call(ADMIN, "GET", "/v1/accounts", None).await.is(403);
    office.call(OPERATOR, "GET", "/v1/accounts", None).await.is(200);
    office.call(OPERATOR, "GET", "/v1/queues", None).await.is(401);
}

#[tokio::test]
async fn a_workers_token_reaches_its_own_resources_until_it_expires() {
    let office = Office::new().await;
    office.furnish().await;
    office.post("/v1/workers", json!({"name": "bob", "activity": "Break"})).await.is(201);
    let made = office.post("/v1/workers/ann/token", json!({"expires_in_s": 600})).await.is(201);
    let token = made.body["token"].as_str().expect("a token").to_owned();
    let item = office.item().await;
    let (reservation, _) = office.offer(&item).await.expect("ann is free");

    office.call(&token, "GET", "/v1/workers/ann", None).await.is(200);
    office.call(&token, "GET", "/v1/workers/bob", None).await.is(404);
    office.call(&token, "GET", "/v1/queues", None).await.is(403);
    office.call(&token, "PATCH", "/v1/workers/ann", Some(json!({"attributes": {"skill": 9}}))).await.is(403);
    office.call(&token, "POST", "/v1/work-items", Some(json!({"workflow": "support"}))).await.is(403);
    office.call(&token, "POST", &format!("/v1/work-items/{item}/complete"), None).await.is(403);
    office.call(&token, "POST", &format!("/v1/reservations/{reservation}/accept"), None).await.is(200);
    office.call(&token, "POST", &format!("/v1/work-items/{item}/wrap-up"), None).await.is(200);
    office.call(&token, "GET", &format!("/v1/work-items/{item}/explanation"), None).await.is(200);
    office.call(&token, "POST", &format!("/v1/work-items/{item}/complete"), None).await.is(200);

    let forged = format!("{}x", &token[..token.len() - 1]);
    office.call(&forged, "GET", "/v1/workers/ann", None).await.is(401);
    office.clock.advance(Duration::from_secs(601));
    office.call(&token, "GET", "/v1/workers/ann", None).await.is(401);
}

#[tokio::test]
async fn a_key_that_calls_too_often_is_told_when_to_come_again() {
    let office = Office::with_burst(3).await;
    for _ in 0..3 {
        office.get("/v1/queues").await.is(200);
    }
    let answer = office.get("/v1/queues").await.is(429);
    assert_eq!(answer.code(), "rate_limited");
    assert!(answer.headers.contains_key("retry-after"));
    office.call(STRANGER, "GET", "/v1/queues", None).await.is(200);
}

#[tokio::test]
async fn what_holds_a_secret_is_checked_and_made_without_an_idempotency_key() {
    let office = Office::new().await;
    office.furnish().await;
    let header: &[(&str, &str)] = &[("idempotency-key", "once")];
    let cases = [
        (OPERATOR, "/v1/accounts", json!({"name": "initech"})),
        (ADMIN, "/v1/api-keys", json!({"name": "ci"})),
        (ADMIN, "/v1/workers/ann/token", json!({})),
    ];
    for (key, path, body) in cases {
        let refused = office.call_with(key, "POST", path, Some(body.clone()), header).await.is(400);
        assert_eq!(refused.first_error(), ("?Idempotency-Key", "not_supported"), "{path}");
        office.call(key, "POST", path, Some(body)).await.is(201);
    }
    for name in ["", " ", "a\u{7}", &"x".repeat(121)] {
        let body = || Some(json!({ "name": name }));
        assert_eq!(office.call(OPERATOR, "POST", "/v1/accounts", body()).await.is(422).first_error().1, "bad_name");
        assert_eq!(office.call(ADMIN, "POST", "/v1/api-keys", body()).await.is(422).first_error().1, "bad_name");
    }
    let past = json!({"name": "late", "expires_at": "2026-01-05T08:59:59.000Z"});
    assert_eq!(office.post("/v1/api-keys", past).await.is(422).first_error(), ("/expires_at", "in_the_past"));
}
