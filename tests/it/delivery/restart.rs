//! Deliveries over a stop and a start of the server.

use super::post::Post;
use cordboard::edge::sink::AllSinks;
use cordboard::runtime::delivery::Deliveries;
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
