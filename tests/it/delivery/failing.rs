//! Receivers that do not take what they are sent: the schedule, its end, sending again, and that nobody else suffers.

use super::hook::{Hook, soon};
use super::post::{Post, time};
use crate::fetch::receiver::{Receiver, head};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::sync::Notify;

/// Pauses between attempts, in seconds; each may be a tenth longer.
const PAUSES_S: [i64; 7] = [5, 300, 1_800, 7_200, 18_000, 36_000, 36_000];

/// Advances to the next attempt of the newest delivery, which is not made a moment before; how long it waited for it.
async fn to_next_attempt(post: &Post, hook: &mut Hook, delivery: &Value) -> i64 {
    let (now, next) = (post.office.state.runtime.now(), time(&delivery["next_attempt_at"]));
    post.office.clock.set(next.plus_millis(-1));
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
    assert_eq!(hook.rest().len(), 0, "too early");
    post.office.clock.set(next);
    next.millis_since(now)
}

#[tokio::test]
async fn a_delivery_is_tried_eight_times_on_schedule_and_then_the_next_one_is() {
    let post = Post::new().await;
    let (mut hook, subscription) = post.hook().await;
    hook.answer(&[500; 9]);
    post.event("one").await;
    let first = hook.next().await;
    for (attempt, pause_s) in (1..).zip(PAUSES_S) {
        let delivery = post.attempted(&subscription, attempt).await;
        let waited_ms = to_next_attempt(&post, &mut hook, &delivery).await;
        assert!((pause_s * 1_000..=pause_s * 1_100).contains(&waited_ms), "attempt {attempt}: {waited_ms} ms");
        let again = hook.next().await;
        assert_eq!((again.id(), &again.body), (first.id(), &first.body));
    }
    let failed = post.delivery(&subscription, |delivery| delivery["state"] == "failed").await;
    assert_eq!(failed["attempts"].as_array().expect("a list").len(), 8);
    assert_eq!(failed["attempts"][7]["error"]["code"], "server_error");
    assert_eq!((&failed["attempts"][7]["status"], &failed["next_attempt_at"]), (&json!(500), &Value::Null));
    assert!(post.subscription(&subscription, |it| !it["failing_since"].is_null()).await["state"] == "active");
    // The next one is tried, and its arrival ends the failing.
    post.event("two").await;
    let second = hook.next().await;
    assert_ne!(second.id(), first.id());
    let delivery = post.attempted(&subscription, 1).await;
    to_next_attempt(&post, &mut hook, &delivery).await;
    assert_eq!(hook.next().await.id(), second.id());
    post.subscription(&subscription, |it| it["failing_since"].is_null()).await;
    let told = ["subscription.created", "subscription.failing", "subscription.recovered"];
    assert_eq!(post.told_of(&subscription).await, told);
}

#[tokio::test]
async fn after_five_days_of_failing_a_subscription_is_switched_off_and_can_be_switched_on() {
    let post = Post::new().await;
    let (mut hook, subscription) = post.hook().await;
    hook.answer(&[500; 1_000]);
    let begun = post.office.state.runtime.now();
    for number in 0..20 {
        post.event(&format!("event {number}")).await;
    }
    hook.next().await;
    let disabled = soon(async {
        loop {
            let found = post.office.get(&format!("/v1/subscriptions/{subscription}")).await.is(200).body;
            if found["state"] == "disabled" {
                return found;
            }
            let progress = post.office.get(&format!("/v1/subscriptions/{subscription}/progress")).await.is(200).body;
            match progress["waiting"]["next_attempt_at"].as_str() {
                Some(_) => post.office.clock.set(time(&progress["waiting"]["next_attempt_at"])),
                None => tokio::task::yield_now().await,
            }
        }
    })
    .await;
    let lasted_s = post.office.state.runtime.now().millis_since(begun) / 1_000;
    assert!((5 * 86_400..5 * 86_400 + 60).contains(&lasted_s), "after {lasted_s} s");
    assert!(disabled["disabled_reason"].as_str().expect("a reason").contains("five days"), "{disabled}");
    assert_eq!(post.told_of(&subscription).await.last().expect("events"), "subscription.disabled");
    // Mended and switched on: what did not arrive yet is sent at once, in order.
    hook.rest();
    let mut mended = Hook::new().await;
    let body = json!({"url": mended.url, "state": "active"});
    post.office.patch(&format!("/v1/subscriptions/{subscription}"), body).await.is(200);
    let first = mended.next().await.sequence();
    let mut last = first;
    while mended_name(&mended.next().await.json(), &mut last) != "event 19" {}
    assert!(last > first);
    // What was given up can be had again, with the range that it is in.
    let order = json!({"from_sequence": 1, "to_sequence": first});
    let path = format!("/v1/subscriptions/{subscription}/retry");
    let resent = post.office.post(&path, order).await.is(200).body;
    let count = resent["resent"].as_u64().expect("a count");
    assert!(count > 0 && resent["more"] == false, "{resent}");
    let again = mended.next_n(count as usize).await;
    assert!(again.iter().all(|request| request.sequence() < first));
}

fn mended_name(event: &Value, last: &mut u64) -> String {
    let sequence = event["sequence"].as_u64().expect("a number");
    assert!(sequence > *last, "in order");
    *last = sequence;
    event["data"]["resource"]["name"].as_str().expect("a name").to_owned()
}

#[tokio::test]
async fn a_delivery_is_sent_again_on_demand() {
    let post = Post::new().await;
    let (mut hook, subscription) = post.hook().await;
    let path = format!("/v1/subscriptions/{subscription}/retry");
    post.event("one").await;
    let sent = hook.next().await;
    post.delivery(&subscription, |delivery| delivery["state"] == "delivered").await;
    // One that has arrived.
    assert_eq!(post.office.post(&path, json!({"delivery": sent.id()})).await.is(200).body["resent"], 1);
    assert_eq!(hook.next().await.id(), sent.id());
    post.delivery(&subscription, |delivery| delivery["attempts"][1]["status"] == 204).await;
    post.office.post(&path, json!({"delivery": "evt_00000000000000000000000000"})).await.is(404);
    let both = json!({"delivery": sent.id(), "from_sequence": 1});
    assert_eq!(post.office.post(&path, both).await.is(422).first_error(), ("/delivery", "not_with_range"));
    // What a database would refuse even to look for.
    for id in ["evt_\0", &"x".repeat(201)] {
        let refused = post.office.post(&path, json!({ "delivery": id })).await.is(422);
        assert_eq!(refused.first_error(), ("/delivery", "bad_value"));
    }
    // One that waits hours for its next attempt.
    hook.answer(&[500]);
    post.event("two").await;
    let second = hook.next().await;
    post.attempted(&subscription, 1).await;
    assert_eq!(post.office.post(&path, json!({})).await.is(200).body["resent"], 1);
    assert_eq!(hook.next().await.id(), second.id());
    // A range in which nothing failed, and the whole of it.
    post.delivered(&subscription, 2).await;
    assert_eq!(post.office.post(&path, json!({"from_sequence": 0})).await.is(200).body["resent"], 0);
    let all = json!({"from_sequence": 0, "delivered_too": true});
    assert_eq!(post.office.post(&path, all).await.is(200).body["resent"], 2);
    let again = hook.next_n(2).await;
    assert_eq!([again[0].id(), again[1].id()], [sent.id(), second.id()]);
}

/// What each kind of misbehaviour is called. Those that linger are left when time has passed.
#[tokio::test]
async fn receivers_that_misbehave_are_told_apart_and_harm_nobody() {
    let post = Post::new().await;
    let (mut healthy, healthy_subscription) = post.hook().await;
    let closed = TcpListener::bind("127.0.0.1:0").await.expect("a port").local_addr().expect("bound");
    let hangs = Arc::new(Notify::new());
    let heard = Arc::clone(&hangs);
    let hanging = Receiver::new(move |mut stream| {
        let heard = Arc::clone(&heard);
        async move {
            head(&mut stream).await?;
            heard.notify_one();
            std::future::pending().await
        }
    })
    .await;
    let endless = Receiver::new(|mut stream| async move {
        head(&mut stream).await?;
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?;
        loop {
            stream.write_all(&[b'a'; 4_096]).await?;
        }
    })
    .await;
    let mut cases = vec![
        (format!("http://{closed}/"), "connection_refused"),
        (endless.url(), "answer_too_large"),
        (hanging.url(), "timeout"),
    ];
    let mut answering = Vec::new();
    for (answer, code) in [
        ("", "connection_closed"),
        ("HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n", "redirect"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", "connection_closed"),
        ("HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n", "client_error"),
        ("SSH-2.0-x\r\n\r\n", "malformed_answer"),
    ] {
        let receiver = Receiver::answering(answer).await;
        cases.push((receiver.url(), code));
        answering.push(receiver);
    }
    let plain = Receiver::new(|mut stream| async move { stream.write_all(b"HTTP/1.1 400 Bad\r\n\r\n").await }).await;
    cases.push((format!("https://{}/", plain.address), "tls_failed"));
    let unproven = crate::fetch::tls::receiver("receiver.test", None, |_| ()).await;
    cases.push((format!("https://receiver.test:{}/", unproven.address.port()), "certificate_refused"));
    // A byte now and then, and never the end.
    let drips = Arc::new(Notify::new());
    let heard = Arc::clone(&drips);
    let dripping = Receiver::new(move |mut stream| {
        let heard = Arc::clone(&heard);
        async move {
            head(&mut stream).await?;
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nab").await?;
            heard.notify_one();
            std::future::pending().await
        }
    })
    .await;
    cases.push((dripping.url(), "timeout"));
    let mut subscriptions = Vec::new();
    for (url, code) in &cases {
        subscriptions.push((post.subscribe("activities", url).await, *code));
    }
    post.event("one").await;
    post.event("two").await;
    // While two linger, the sound one has everything.
    soon(hangs.notified()).await;
    soon(drips.notified()).await;
    let arrived = healthy.next_n(2).await;
    assert!(arrived[0].sequence() < arrived[1].sequence());
    // Those that linger are left when time has passed, the others before.
    subscriptions.sort_by_key(|(_, code)| *code == "timeout");
    let mut passed = false;
    for (subscription, code) in subscriptions {
        if code == "timeout" && !passed {
            post.office.clock.advance(Duration::from_secs(15));
            passed = true;
        }
        let waiting = soon(async {
            loop {
                let path = format!("/v1/subscriptions/{subscription}/progress");
                let progress = post.office.get(&path).await.is(200).body;
                if progress["waiting"]["attempts"][0].is_object() {
                    break progress["waiting"].clone();
                }
                tokio::task::yield_now().await;
            }
        })
        .await;
        assert_eq!(waiting["attempts"][0]["error"]["code"], code, "{waiting}");
        assert_eq!(waiting["last_sequence"], arrived[0].sequence());
    }
    assert_eq!(post.told_of(&healthy_subscription).await, ["subscription.created"]);
}
