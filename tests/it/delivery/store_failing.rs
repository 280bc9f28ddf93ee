//! Deliveries whose store fails for a while: they go on when it works again, and nothing is lost.

use super::hook::{Received, while_time_passes};
use super::post::Post;
use crate::support::failing_deliveries::FailingDeliveries;
use cordboard::edge::sink::AllSinks;
use cordboard::runtime::delivery::{Deliveries, Running};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

async fn begin(post: &Post, store: &Arc<FailingDeliveries>) -> Running {
    let runtime = post.office.state.runtime.clone();
    let sinks = Arc::new(AllSinks::new(Arc::clone(runtime.fetch()), None).expect("a client"));
    Deliveries::begin(runtime, store.clone(), sinks, 0).await.expect("they begin")
}

/// What came, each message once, in the order of its first coming; what came again had the same body.
fn subjects(received: &[Received]) -> Vec<String> {
    let mut known = BTreeMap::new();
    let mut subjects = Vec::new();
    for request in received {
        match known.insert(request.id(), &request.body) {
            Some(before) => assert_eq!(before, &request.body),
            None => subjects.push(request.json()["subject"].as_str().expect("a subject").to_owned()),
        }
    }
    subjects
}

#[tokio::test]
async fn a_store_that_fails_for_a_while_loses_nothing() {
    let mut post = Post::new().await;
    let (mut hook, subscription) = post.hook().await;
    post.office.delivering.take().expect("they run").stop().await;
    let store = Arc::new(FailingDeliveries::new(Arc::clone(post.office.state.deliveries.store())));
    // It cannot be read in the beginning either.
    store.reads_refused.store(2, Ordering::SeqCst);
    let mut running = begin(&post, &store).await;
    let mut made = Vec::new();
    for round in 0..6 {
        store.writes_refused.store(round % 3, Ordering::SeqCst);
        store.answers_lost.store(round % 2, Ordering::SeqCst);
        for number in 0..3 {
            made.push(post.event(&format!("number {number} of {round}")).await);
        }
        let all = while_time_passes(&post.office.clock, async {
            while !store.has_failed() {
                tokio::task::yield_now().await;
            }
            post.delivered(&subscription, made.len()).await
        });
        all.await;
        if round == 3 {
            running.stop().await;
            running = begin(&post, &store).await;
        }
    }
    assert_eq!(subjects(&hook.rest()), made);
    running.stop().await;
}
