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
    let before = office.get(&path).await.is(200).body;
    let first = before["secret"].as_str().expect("a text").to_owned();
    assert!(Secret::parse(&first).is_ok(), "{first}");
    assert_eq!(before["previous"], json!([]));
    let accounts = office.call(OPERATOR, "GET", "/v1/accounts", None).await.is(200).body;
    for account in accounts["data"].as_array().expect("a list") {
        let other = format!("/v1/accounts/{}/signing-secret", account["id"].as_str().expect("an id"));
        let shown = office.call(OPERATOR, "GET", &other, None).await.is(200).body;
        assert_eq!(shown["secret"] == first.as_str(), other == path, "each account has its own");
    }
    let (account, rotate) = (path.trim_end_matches("/signing-secret"), format!("{path}/rotate"));
    let etag = office.get(account).await.is(200).headers["etag"].to_str().expect("text").to_owned();
    let once: &[(&str, &str)] = &[("if-match", &etag), ("idempotency-key", "rotate")];
    let overlap = Some(json!({"overlap_s": 60}));
    let rotated = office.call_with(ADMIN, "POST", &rotate, overlap.clone(), once).await.is(200);
    assert!(!rotated.body.to_string().contains("whsec_"), "an answer that is kept has no secret in it");
    let again = office.call_with(ADMIN, "POST", &rotate, overlap, once).await.is(200);
    assert_eq!(again.headers["idempotent-replayed"], "true");
    office.call_with(ADMIN, "POST", &rotate, Some(json!({})), &[("if-match", &etag)]).await.is(412);
    let after = office.get(&path).await.is(200).body;
    let second = after["secret"].as_str().expect("a text").to_owned();
    assert_ne!(first, second);
    assert_eq!(after["previous"][0]["secret"], first);
    office.clock.advance(Duration::from_secs(60));
    assert_eq!(office.get(&path).await.is(200).body, json!({"secret": second, "previous": []}));
    let refused = office.post(&rotate, json!({"overlap_s": 604_801})).await.is(422);
    assert_eq!(refused.first_error(), ("/overlap_s", "out_of_range"));
    assert_eq!(office.post(&rotate, json!({"secret": "short"})).await.is(422).first_error(), ("/secret", "bad_secret"));
    assert_eq!(office.post(&rotate, json!({"secret": second})).await.is(409).code(), "secret_in_use");
    let own = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    office.post(&rotate, json!({"secret": own, "overlap_s": 0})).await.is(200);
    assert_eq!(office.get(&path).await.is(200).body, json!({"secret": own, "previous": []}));
    // It is told that it was rotated, and nowhere what it is.
    let events = office.get("/v1/events?limit=200").await.is(200).body.to_string();
    assert!(events.contains("account.signing_secret_rotated") && !events.contains("whsec_"));
    assert!(!office.get(account).await.is(200).body.to_string().contains("whsec_"));
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
