//! Webhooks that arrive: in order, signed as the standard wants it, once, and from where they were to begin.

use super::hook::Hook;
use super::post::{Post, SECRET};
use serde_json::{Value, json};
use standardwebhooks::Webhook;
use std::time::Duration;

#[tokio::test]
async fn events_arrive_in_order_and_are_verified_by_the_standards_own_library() {
    let post = Post::today().await;
    let (mut hook, subscription) = post.hook().await;
    let mut subjects = Vec::new();
    for name in ["one", "two", "three"] {
        subjects.push(post.event(name).await);
    }
    let received = hook.next_n(3).await;
    let got: Vec<Value> = received.iter().map(|request| request.json()["subject"].clone()).collect();
    assert_eq!(got, subjects);
    let library = Webhook::new(SECRET).expect("a secret");
    for request in &received {
        assert_eq!(request.headers["content-type"], "application/cloudevents+json");
        assert_eq!(request.json()["id"], request.id());
        library.verify(&request.body, &request.headers).expect("the signature holds");
        let mut forged = request.body.to_vec();
        forged[20] ^= 1;
        library.verify(&forged, &request.headers).expect_err("it does not hold for another body");
    }
    let seconds: i64 = received[0].headers["webhook-timestamp"].to_str().expect("a text").parse().expect("a number");
    assert_eq!(seconds, post.office.state.runtime.now().millis() / 1_000);
    let last = post.delivered(&subscription, 3).await;
    assert_eq!((&last["attempts"][0]["status"], &last["attempts"][0]["error"]), (&json!(204), &Value::Null));
    let path = format!("/v1/subscriptions/{subscription}/deliveries/{}", received[2].id());
    assert_eq!(post.office.get(&path).await.is(200).body["body"], received[2].json());
    let progress = post.office.get(&format!("/v1/subscriptions/{subscription}/progress")).await.is(200).body;
    assert_eq!((&progress["position"], &progress["waiting"]), (&progress["last_sequence"], &Value::Null));
}

#[tokio::test]
async fn while_a_secret_is_replaced_both_sign() {
    let post = Post::today().await;
    let (mut hook, subscription) = post.hook().await;
    let fresh = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
    let path = format!("/v1/subscriptions/{subscription}/rotate-secret");
    post.office.post(&path, json!({"secret": fresh, "overlap_s": 60})).await.is(200);
    post.event("during").await;
    let during = hook.next().await;
    for secret in [SECRET, fresh] {
        let library = Webhook::new(secret).expect("a secret");
        library.verify(&during.body, &during.headers).expect("it holds for both");
    }
    post.office.clock.advance(Duration::from_secs(60));
    post.event("after").await;
    let after = hook.next().await;
    let verify = |secret| Webhook::new(secret).expect("a secret").verify(&after.body, &after.headers);
    verify(fresh).expect("it holds for the new one");
    verify(SECRET).expect_err("the old one has ended");
}

#[tokio::test]
async fn a_subscription_begins_where_it_is_told_to_and_begins_anew() {
    let post = Post::new().await;
    for name in ["one", "two"] {
        post.event(name).await;
    }
    post.channel("all", json!({"types": ["activity.created"]})).await;
    let mut hook = Hook::new().await;
    let body = json!({"event_channel": "all", "kind": "webhook", "url": hook.url, "from": 0});
    let subscription = post.office.post("/v1/subscriptions", body).await.is(201).id();
    let all = hook.next_n(2).await;
    let path = format!("/v1/subscriptions/{subscription}");
    post.delivered(&subscription, 2).await;
    // From the second again: the same message with the same id.
    post.office.patch(&path, json!({"from": all[0].sequence()})).await.is(200);
    assert_eq!(hook.next().await.id(), all[1].id());
    // From now on: nothing that was before.
    post.office.patch(&path, json!({"from": "now"})).await.is(200);
    post.event("three").await;
    assert_eq!(hook.next().await.json()["data"]["resource"]["name"], "three");
    assert_eq!(hook.rest().len(), 0);
}

#[tokio::test]
async fn what_happens_while_a_subscription_is_paused_is_sent_afterwards() {
    let post = Post::new().await;
    let (mut hook, subscription) = post.hook().await;
    let path = format!("/v1/subscriptions/{subscription}");
    post.office.patch(&path, json!({"state": "paused"})).await.is(200);
    post.event("meanwhile").await;
    let refused = post.office.post(&format!("{path}/retry"), json!({})).await.is(409);
    assert_eq!(refused.code(), "subscription_not_active");
    assert_eq!(hook.rest().len(), 0);
    post.office.patch(&path, json!({"state": "active"})).await.is(200);
    assert_eq!(hook.next().await.json()["data"]["resource"]["name"], "meanwhile");
}

#[tokio::test]
async fn batches_are_arrays_with_an_id_of_their_own() {
    let post = Post::new().await;
    post.channel("batches", json!({"types": ["activity.created"], "batch": {"events_max": 2, "delay_s": 5}})).await;
    let mut hook = Hook::new().await;
    let subscription = post.subscribe("batches", &hook.url).await;
    for name in ["one", "two", "three"] {
        post.event(name).await;
    }
    let full = hook.next().await;
    assert_eq!(full.headers["content-type"], "application/cloudevents-batch+json");
    let events = full.json();
    let names: Vec<&Value> =
        events.as_array().expect("an array").iter().map(|event| &event["data"]["resource"]["name"]).collect();
    assert_eq!(names, ["one", "two"]);
    let due = super::hook::while_time_passes(&post.office.clock, hook.next()).await;
    assert_eq!(due.json().as_array().expect("an array").len(), 1);
    let listed = post.delivery(&subscription, |delivery| delivery["id"] == due.id()).await;
    assert_eq!((&listed["type"], &listed["events"]), (&Value::Null, &json!(1)));
}

#[tokio::test]
async fn a_change_of_the_channel_takes_effect_at_its_place_in_the_log() {
    let post = Post::new().await;
    let channel = post.channel("changing", json!({"types": ["activity.created"], "fields": ["subject"]})).await;
    let mut hook = Hook::new().await;
    let subscription = post.subscribe("changing", &hook.url).await;
    let path = format!("/v1/subscriptions/{subscription}");
    // Whoever lags is sent what was before by the rules that held then.
    post.office.patch(&path, json!({"state": "paused"})).await.is(200);
    post.event("before").await;
    let change = json!({"types": ["activity.deleted"], "fields": null});
    let effective = post.office.patch(&format!("/v1/event-channels/{channel}"), change).await.is(200);
    let effective_after = effective.body["effective_after"].as_u64().expect("a number");
    let gone = post.event("after").await;
    post.office.call(crate::http::office::ADMIN, "DELETE", &format!("/v1/activities/{gone}"), None).await.is(204);
    post.office.patch(&path, json!({"state": "active"})).await.is(200);
    let (before, after) = (hook.next().await, hook.next().await);
    assert!(before.sequence() < effective_after && effective_after < after.sequence());
    assert_eq!((&before.json()["type"], before.json().get("data")), (&json!("activity.created"), None));
    assert_eq!((&after.json()["type"], &after.json()["subject"]), (&json!("activity.deleted"), &json!(gone)));
    assert!(after.json()["data"].is_object());
}

#[tokio::test]
async fn a_ping_tells_what_came_of_it_and_is_not_listed() {
    let post = Post::today().await;
    let (mut hook, subscription) = post.hook().await;
    let path = format!("/v1/subscriptions/{subscription}/ping");
    let answer = post.office.post(&path, json!({})).await.is(200).body;
    assert_eq!((&answer["status"], &answer["error"]), (&json!(204), &Value::Null));
    let ping = hook.next().await;
    assert_eq!(ping.json()["type"], "subscription.ping");
    let library = Webhook::new(SECRET).expect("a secret");
    library.verify(&ping.body, &ping.headers).expect("it is signed");
    hook.answer(&[503]);
    let answer = post.office.post(&path, json!({})).await.is(200).body;
    assert_eq!((&answer["status"], &answer["error"]["code"]), (&json!(503), &json!("server_error")));
    assert_eq!(answer["answer"], "come back later");
    assert_eq!(post.deliveries(&subscription).await.len(), 0);
}

#[tokio::test]
async fn a_deleted_subscription_is_sent_nothing_and_leaves_nothing() {
    let post = Post::new().await;
    let (mut hook, subscription) = post.hook().await;
    post.event("one").await;
    hook.next().await;
    let path = format!("/v1/subscriptions/{subscription}");
    post.office.call(crate::http::office::ADMIN, "DELETE", &path, None).await.is(204);
    post.event("two").await;
    let id = cordboard_domain::id::SubscriptionId::parse(&subscription).expect("an id");
    let store = post.office.state.deliveries.store();
    super::hook::soon(async {
        while store.delivery_position(id).await.expect("read").is_some() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(hook.rest().len(), 0);
    post.office.get(&format!("{path}/deliveries")).await.is(404);
}

#[tokio::test]
async fn what_is_not_kept_any_more_is_told_of_in_the_form_of_the_channel() {
    for batch in [Value::Null, json!({"events_max": 5, "delay_s": 0})] {
        let post = Post::new().await;
        post.channel("late", json!({"types": ["activity.created"], "batch": batch})).await;
        let mut hook = Hook::new().await;
        let subscription = post.subscribe("late", &hook.url).await;
        let path = format!("/v1/subscriptions/{subscription}");
        post.office.patch(&path, json!({"state": "paused"})).await.is(200);
        let from = post.office.get(&path).await.is(200).body["from"].as_u64().expect("a number");
        post.event("forgotten").await;
        let kept = post.office.get(&format!("/v1/events?after_sequence={from}")).await.is(200).body;
        let kept =
            kept["data"].as_array().expect("a list").last().expect("events")["sequence"].as_u64().expect("one") + 1;
        post.office.store.keeps_from(kept);
        post.event("kept").await;
        post.office.patch(&path, json!({"state": "active"})).await.is(200);
        let [gap, next] = [hook.next().await.json(), hook.next().await.json()].map(|body| match body {
            Value::Array(mut events) if !batch.is_null() => events.remove(0),
            event if batch.is_null() => event,
            other => panic!("not in the form of the channel: {other}"),
        });
        let data = json!({
            "event_channel": gap["subject"], "reason": "forgotten", "first_sequence": from + 1, "last_sequence": kept - 1,
        });
        assert_eq!((&gap["type"], &gap["data"]), (&json!("event_channel.events_dropped"), &data));
        assert_eq!(next["data"]["resource"]["name"], "kept");
    }
}

#[tokio::test]
async fn deliveries_that_are_over_are_forgotten_in_time() {
    let post = Post::new().await;
    let (mut hook, subscription) = post.hook().await;
    post.event("old").await;
    hook.next().await;
    post.delivered(&subscription, 1).await;
    let kept = Duration::from_secs(u64::from(crate::http::office::DELIVERIES_KEPT_S));
    // The next look is within the hour.
    post.office.clock.advance(kept + Duration::from_secs(3_601));
    super::hook::soon(async {
        while !post.deliveries(&subscription).await.is_empty() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}
