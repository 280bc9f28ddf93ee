//! A reservation over REST: retries of what holds already, what its state forbids, and whose it is.

use super::office::*;
use serde_json::{Value, json};

#[tokio::test]
async fn a_retry_of_what_holds_answers_with_the_reservation() {
    let office = Office::new().await;
    office.furnish().await;
    let item = office.item().await;
    let (offer, _) = office.offer(&item).await.expect("ann is free");
    for (action, state) in [("accept", "accepted"), ("wrap-up", "wrapping"), ("complete", "completed")] {
        let path = format!("/v1/reservations/{offer}/{action}");
        if action == "complete" {
            let long = json!({"reason": "x".repeat(501)});
            assert_eq!(office.post(&path, long).await.is(422).first_error(), ("/reason", "bad_reason"));
        }
        for _ in 0..2 {
            assert_eq!(office.post(&path, json!({})).await.is(200).body["state"], state, "{action}");
        }
    }
    for action in ["accept", "reject", "wrap-up"] {
        let path = format!("/v1/reservations/{offer}/{action}");
        assert_eq!(office.post(&path, json!({})).await.is(409).code(), "reservation_state", "{action}");
    }
    assert_eq!(office.get(&format!("/v1/work-items/{item}")).await.is(200).body["state"], "completed");
}

#[tokio::test]
async fn an_action_on_condition_is_refused_when_the_reservation_moved_on() {
    let office = Office::new().await;
    office.furnish().await;
    let (offer, _) = office.offer(&office.item().await).await.expect("ann is free");
    let path = format!("/v1/reservations/{offer}");
    let etag = office.get(&path).await.is(200).headers["etag"].to_str().expect("text").to_owned();
    let condition: &[(&str, &str)] = &[("if-match", &etag)];
    office.call_with(ADMIN, "POST", &format!("{path}/accept"), None, condition).await.is(200);
    let stale = office.call_with(ADMIN, "POST", &format!("{path}/complete"), None, condition).await.is(412);
    assert_eq!(stale.code(), "stale");
    assert_eq!(office.get(&path).await.is(200).body["state"], "accepted");
}

#[tokio::test]
async fn a_rejection_may_change_the_workers_activity() {
    let office = Office::new().await;
    office.furnish().await;
    let (offer, _) = office.offer(&office.item().await).await.expect("ann is free");
    let path = format!("/v1/reservations/{offer}/reject");
    assert_eq!(
        office.post(&path, json!({"activity": "nowhere"})).await.is(422).first_error(),
        ("/activity", "unknown_reference")
    );
    assert_eq!(office.post(&path, json!({"reason": ""})).await.is(422).first_error().0, "/reason");
    let rejected = office.post(&path, json!({"reason": "lunch", "activity": "Break"})).await.is(200);
    assert_eq!(rejected.body["reason"], "lunch");
    assert_eq!(office.post(&path, json!({"reason": "lunch", "activity": "Break"})).await.is(200).id(), offer);
    assert_eq!(office.get("/v1/workers/ann").await.is(200).body["available"], false);
}

#[tokio::test]
async fn a_token_sees_its_own_workers_reservations() {
    let office = Office::new().await;
    office.furnish().await;
    office.post("/v1/workers", json!({"name": "bob", "activity": "Break"})).await.is(201);
    let (offer, ann) = office.offer(&office.item().await).await.expect("ann is free");
    let mut tokens = Vec::new();
    for worker in ["ann", "bob"] {
        let made = office.post(&format!("/v1/workers/{worker}/token"), json!({})).await.is(201);
        tokens.push(made.body["token"].as_str().expect("a token").to_owned());
    }
    let seen =
        |page: Answer| page.body["data"].as_array().expect("a list").iter().map(|it| it["worker"].clone()).collect();
    let own: Vec<Value> = seen(office.call(&tokens[0], "GET", "/v1/reservations", None).await.is(200));
    assert_eq!(own, [json!(ann)]);
    let others: Vec<Value> = seen(office.call(&tokens[1], "GET", "/v1/reservations", None).await.is(200));
    assert!(others.is_empty(), "{others:?}");
    let path = format!("/v1/reservations/{offer}");
    office.call(&tokens[1], "GET", &path, None).await.is(404);
    for action in ["accept", "reject", "wrap-up", "complete"] {
        office.call(&tokens[1], "POST", &format!("{path}/{action}"), None).await.is(404);
    }
    assert_eq!(office.get(&path).await.is(200).body["state"], "offered");
}
