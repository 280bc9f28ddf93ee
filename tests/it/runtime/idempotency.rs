//! The same idempotency key carries out one request once, whatever happens in between.

use super::desk::*;
use crate::support::failing_store::Fate;
use cordboard::runtime::store::StoredAnswer;
use cordboard::runtime::{Answered, Failure};
use cordboard_domain::id::*;
use cordboard_domain::work::*;
use std::time::Duration;

fn replayed(answered: Result<Answered, Failure>) -> StoredAnswer {
    match answered {
        Ok(Answered::Replayed(answer)) => answer,
        other => panic!("not replayed: {other:?}"),
    }
}

#[tokio::test]
async fn the_same_request_gets_the_same_answer() {
    let mut desk = Desk::new().await;
    let made = item(desk.ask(once("key", 1, new_item(None))).await.expect("it is carried out"));
    let expected = StoredAnswer { status: 201, body: format!("{:?}", Some(made.id)) };
    assert_eq!(replayed(desk.ask(once("key", 1, new_item(None))).await), expected);
    desk.restart().await;
    assert_eq!(replayed(desk.ask(once("key", 1, new_item(None))).await), expected);
    assert_eq!(desk.waiting().await, 1);
    item(desk.ask(once("other key", 1, new_item(None))).await.expect("it is carried out"));
    assert_eq!(desk.waiting().await, 2);
}

#[tokio::test]
async fn another_request_with_the_key_is_refused() {
    let desk = Desk::new().await;
    desk.ask(once("key", 1, new_item(None))).await.expect("it is carried out");
    let answered = desk.ask(once("key", 2, new_item(None))).await;
    assert!(matches!(answered, Err(Failure::IdempotencyConflict)));
    assert_eq!(desk.waiting().await, 1);
}

#[tokio::test]
async fn a_request_in_progress_is_not_begun_again() {
    let desk = Desk::new().await;
    let before = desk.store.begun().len();
    desk.store.hold();
    let first = desk.send(once("key", 1, new_item(None))).await;
    desk.store.began(before + 1).await;
    let answered = desk.ask(once("key", 1, new_item(None))).await;
    assert!(matches!(answered, Err(Failure::IdempotencyInProgress)));
    // Not even when the caller has given up.
    first.abort();
    let_others_run().await;
    let answered = desk.ask(once("key", 1, new_item(None))).await;
    assert!(matches!(answered, Err(Failure::IdempotencyInProgress)));
    desk.store.release();
    let mut answered = desk.ask(once("key", 1, new_item(None))).await;
    while matches!(answered, Err(Failure::IdempotencyInProgress)) {
        let_others_run().await;
        answered = desk.ask(once("key", 1, new_item(None))).await;
    }
    assert_eq!(replayed(answered).status, 201);
    assert_eq!(desk.waiting().await, 1);
}

#[tokio::test]
async fn only_what_was_carried_out_is_kept() {
    let desk = Desk::new().await;
    let cancel = || Command::CancelItem { id: ItemId(1), reason: None, expected: None };
    for _ in 0..2 {
        let answered = desk.ask(once("key", 1, cancel())).await;
        assert!(matches!(answered, Err(Failure::Rejected(Rejection::NotFound { .. }))));
    }
    desk.store.fail_next(Fate::FailBefore);
    assert!(matches!(desk.ask(once("key", 1, new_item(None))).await, Err(Failure::Unavailable)));
    desk.store.loaded(2).await;
    let_others_run().await;
    item(desk.ask(once("key", 1, new_item(None))).await.expect("it is carried out now"));
    assert_eq!(desk.waiting().await, 1);
}

#[tokio::test]
async fn an_answer_that_was_durable_after_all_is_replayed() {
    let desk = Desk::new().await;
    desk.store.fail_next(Fate::FailAfter);
    assert!(matches!(desk.ask(once("key", 1, new_item(None))).await, Err(Failure::Unavailable)));
    desk.store.loaded(2).await;
    assert_eq!(replayed(desk.ask(once("key", 1, new_item(None))).await).status, 201);
    assert_eq!(desk.waiting().await, 1);
}

#[tokio::test]
async fn a_key_may_be_used_again_after_a_day() {
    let desk = Desk::new().await;
    desk.ask(once("key", 1, new_item(None))).await.expect("it is carried out");
    desk.clock.advance(Duration::from_secs(86_400 - 1));
    replayed(desk.ask(once("key", 1, new_item(None))).await);
    desk.clock.advance(Duration::from_secs(1));
    item(desk.ask(once("key", 2, new_item(None))).await.expect("it is carried out"));
    replayed(desk.ask(once("key", 2, new_item(None))).await);
}
