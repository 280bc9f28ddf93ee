//! Deliveries over a stop and a start of the server.

use super::hook::while_time_passes;
use super::post::Post;
use crate::http::office::ADMIN;
use crate::support::failing_store::Fate;
use cordboard::edge::sink::AllSinks;
use cordboard::runtime::delivery::Deliveries;
use cordboard_domain::id::SubscriptionId;
use serde_json::json;
use std::sync::Arc;

#[tokio::test]
async fn what_was_not_delivered_before_a_stop_is_delivered_after_the_start() {
    let mut post = Post::new().await;
    let (mut hook, subscription) = post.hook().await;
    hook.answer(&[500]);
    post.event("one").await;
    let first = hook.next().await;
    post.attempted(&subscription, 1).await;
    let (runtime, store) = (post.office.state.runtime.clone(), Arc::clone(post.office.state.deliveries.store()));
    let sinks = Arc::new(AllSinks::new(Arc::clone(runtime.fetch()), None).expect("a client"));
    post.office.delivering.take().expect("they run").stop().await;
    let _begun = Deliveries::begin(runtime.clone(), store, sinks, 0).await.expect("they begin");
    post.event("two").await;
    assert_eq!(hook.rest().len(), 0, "the first still waits for its time, and the second for the first");
    let waiting = post.office.get(&format!("/v1/subscriptions/{subscription}/progress")).await.is(200).body;
    post.office.clock.set(super::post::time(&waiting["waiting"]["next_attempt_at"]));
    let (again, second) = (hook.next().await, hook.next().await);
    assert_eq!(again.id(), first.id());
    assert_eq!(second.json()["data"]["resource"]["name"], json!("two"));
}

/// Its commit seems to fail, the engine is made anew without the subscription, and the log cannot be read for a while.
#[tokio::test]
async fn a_deletion_that_nobody_heard_of_is_noticed() {
    let post = Post::new().await;
    let (mut hook, subscription) = post.hook().await;
    post.event("one").await;
    hook.next().await;
    post.delivered(&subscription, 1).await;
    post.office.store.fail_event_reads(10);
    post.office.store.fail_next(Fate::FailAfter);
    let path = format!("/v1/subscriptions/{subscription}");
    post.office.call(ADMIN, "DELETE", &path, None).await.is(503);
    let id = SubscriptionId::parse(&subscription).expect("an id");
    let store = post.office.state.deliveries.store();
    while_time_passes(&post.office.clock, async {
        while store.delivery_position(id).await.expect("read").is_some() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    post.event("two").await;
    assert_eq!(hook.rest().len(), 0);
    post.office.get(&path).await.is(404);
}
