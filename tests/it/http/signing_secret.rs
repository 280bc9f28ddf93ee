//! The signing secret of an account: who sees it, how it is rotated, and that it shows nowhere else.

use super::office::*;
use cordboard::runtime::signature::Secret;
use serde_json::json;
use std::time::Duration;

async fn path(office: &Office) -> String {
    let event = office.get("/v1/events?limit=1").await.is(200).body;
    let source = event["data"][0]["source"].as_str().expect("a source").to_owned();
    format!("/v1{source}/signing-secret")
}

#[tokio::test]
async fn a_secret_is_rotated_and_the_former_signs_for_a_while() {
    let office = Office::new().await;
    office.furnish().await;
    let path = path(&office).await;
    let before = office.get(&path).await.is(200);
    let first = before.body["secret"].as_str().expect("a text").to_owned();
    assert!(Secret::parse(&first).is_ok(), "{first}");
    assert_eq!(before.body["former_until"], json!(null));
    let stranger = office.call(OPERATOR, "GET", "/v1/accounts", None).await.is(200).body;
    for account in stranger["data"].as_array().expect("a list") {
        let other = format!("/v1/accounts/{}/signing-secret", account["id"].as_str().expect("an id"));
        let shown = office.call(OPERATOR, "GET", &other, None).await.is(200).body;
        assert_eq!(shown["secret"] == first.as_str(), other == path, "each account has its own");
    }
    let rotate = format!("{path}/rotate");
    let etag = before.headers["etag"].to_str().expect("text").to_owned();
    let condition: &[(&str, &str)] = &[("if-match", &etag)];
    let after = office.call_with(ADMIN, "POST", &rotate, Some(json!({"overlap_s": 60})), condition).await.is(200);
    let second = after.body["secret"].as_str().expect("a text").to_owned();
    assert_ne!(first, second);
    office.call_with(ADMIN, "POST", &rotate, Some(json!({})), condition).await.is(412);
    let signing = || async {
        let account = cordboard_domain::id::AccountId::parse(path.split('/').nth(3).expect("an id")).expect("an id");
        let read = office.state.runtime.read(account, |engine, now| engine.account().signing.secrets(now)).await;
        read.expect("read").iter().map(|secret| secret.reveal().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(signing().await, [second.clone(), first.clone()]);
    office.clock.advance(Duration::from_secs(60));
    assert_eq!(signing().await, std::slice::from_ref(&second));
    assert_eq!(office.get(&path).await.is(200).body["former_until"], json!(null));
    let refused = office.post(&rotate, json!({"overlap_s": 604_801})).await.is(422);
    assert_eq!(refused.first_error(), ("/overlap_s", "out_of_range"));
    office.call_with(ADMIN, "POST", &rotate, Some(json!({})), &[("idempotency-key", "k")]).await.is(400);
    // It is told that it was rotated, and nowhere what it is.
    let events = office.get("/v1/events?limit=200").await.is(200).body.to_string();
    assert!(events.contains("account.signing_secret_rotated") && !events.contains("whsec_"));
    let account = office.get(path.trim_end_matches("/signing-secret")).await.is(200).body.to_string();
    assert!(!account.contains("whsec_"));
}

#[tokio::test]
async fn only_an_admin_and_the_operator_see_it() {
    let office = Office::new().await;
    office.furnish().await;
    let path = path(&office).await;
    for body in [
        json!({"name": "i", "role": "integrator"}),
        json!({"name": "s", "role": "supervisor"}),
        json!({"name": "a", "role": "agent", "worker": "ann"}),
    ] {
        let key = office.post("/v1/api-keys", body).await.is(201).body["key"].as_str().expect("a key").to_owned();
        assert_eq!(office.call(&key, "GET", &path, None).await.is(403).code(), "forbidden");
        office.call(&key, "POST", &format!("{path}/rotate"), Some(json!({}))).await.is(403);
    }
    office.call(STRANGER, "GET", &path, None).await.is(404);
    office.call(STRANGER, "POST", &format!("{path}/rotate"), Some(json!({}))).await.is(404);
    office.call(OPERATOR, "POST", &format!("{path}/rotate"), Some(json!({}))).await.is(200);
}
