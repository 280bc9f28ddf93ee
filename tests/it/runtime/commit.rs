//! Group commit and pipelining: what is told when.

use super::desk::*;
use crate::support::clock::START;
use cordboard::runtime::{Clock, Failure, Limits};
use cordboard_domain::id::*;
use cordboard_domain::work::*;
use std::time::Duration;

#[tokio::test]
async fn what_comes_during_a_commit_is_committed_together() {
    let desk = Desk::new().await;
    let before = desk.store.begun().len();
    desk.store.hold();
    let mut pending = vec![desk.send(request(new_item(None))).await];
    desk.store.began(before + 1).await;
    for _ in 0..20 {
        pending.push(desk.send(request(new_item(None))).await);
    }
    desk.store.release();
    for pending in pending {
        item(pending.await.expect("it ends").expect("it is carried out"));
    }
    let commits = &desk.store.begun()[before..];
    assert_eq!(commits.len(), 2, "one, and one for all that came meanwhile: {commits:?}");
    assert_eq!(commits[1].events, commits[0].events * 20);
    desk.assert_gapless().await;
}

#[tokio::test]
async fn nothing_is_told_before_its_own_commit() {
    let desk = Desk::new().await;
    let mut events = desk.runtime.subscribe(desk.account).expect("the account is there");
    let before = desk.store.begun().len();
    desk.store.hold();
    let first = desk.send(request(new_item(None))).await;
    desk.store.began(before + 1).await;
    // Decided while the first is in flight: another item, a refusal, and a read that sees both items.
    let second = desk.send(request(new_item(None))).await;
    let refused = desk.send(request(Command::CancelItem { id: ItemId(1), reason: None, expected: None })).await;
    let (runtime, account) = (desk.runtime.clone(), desk.account);
    let read = tokio::spawn(async move { runtime.read(account, |engine, now| engine.statistics(now)).await });
    let_others_run().await;
    assert!(!first.is_finished() && !second.is_finished() && !refused.is_finished() && !read.is_finished());
    assert!(events.try_recv().is_err());
    assert_eq!(desk.store.begun().len(), before + 1);
    desk.store.release();
    item(first.await.expect("it ends").expect("it is carried out"));
    item(second.await.expect("it ends").expect("it is carried out"));
    assert!(matches!(refused.await.expect("it ends"), Err(Failure::Rejected(Rejection::NotFound { .. }))));
    assert_eq!(read.await.expect("it ends").expect("it is read").queues[0].waiting, 2);
    // The events come after their commits, in order.
    let told = [events.recv().await.expect("the first"), events.recv().await.expect("the second")];
    let sequences: Vec<u64> = told.iter().flat_map(|told| told.events.iter().map(|event| event.sequence)).collect();
    let last = desk.events().await.len() as u64;
    assert_eq!(sequences, (last - sequences.len() as u64 + 1..=last).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_read_or_a_refusal_alone_needs_no_commit() {
    let desk = Desk::new().await;
    let before = desk.store.begun().len();
    assert_eq!(desk.waiting().await, 0);
    let refused = desk.ask(request(Command::CancelItem { id: ItemId(1), reason: None, expected: None })).await;
    assert!(matches!(refused, Err(Failure::Rejected(Rejection::NotFound { .. }))));
    assert_eq!(desk.store.begun().len(), before);
}

#[tokio::test]
async fn more_than_may_wait_is_refused_at_once() {
    let desk = Desk::with(Limits { commands_waiting_max: 3, batch_size_max: 1, ..Limits::default() }).await;
    let before = desk.store.begun().len();
    desk.store.hold();
    let mut pending = vec![desk.send(request(new_item(None))).await];
    desk.store.began(before + 1).await;
    // One is decided and fills the next batch, three wait.
    for _ in 0..4 {
        pending.push(desk.send(request(new_item(None))).await);
    }
    assert!(matches!(desk.ask(request(new_item(None))).await, Err(Failure::Overloaded)));
    desk.store.release();
    for pending in pending {
        item(pending.await.expect("it ends").expect("it is carried out"));
    }
    assert_eq!(desk.waiting().await, 5);
}

#[tokio::test]
async fn a_stop_finishes_what_was_taken() {
    let desk = Desk::new().await;
    let before = desk.store.begun().len();
    desk.store.hold();
    let first = desk.send(request(new_item(None))).await;
    desk.store.began(before + 1).await;
    let second = desk.send(request(new_item(None))).await;
    let runtime = desk.runtime.clone();
    let stopping = tokio::spawn(async move { runtime.stop().await });
    let_others_run().await;
    assert!(!stopping.is_finished());
    assert!(!desk.runtime.is_ready());
    assert!(matches!(desk.ask(request(new_item(None))).await, Err(Failure::Unavailable)));
    desk.store.release();
    stopping.await.expect("it stops");
    item(first.await.expect("it ends").expect("it is carried out"));
    item(second.await.expect("it ends").expect("it is carried out"));
    desk.assert_gapless().await;
}

#[tokio::test]
async fn an_unknown_account_is_told_so() {
    let desk = Desk::new().await;
    let answered = desk.runtime.handle(AccountId(1), request(new_item(None))).await;
    assert!(matches!(answered, Err(Failure::NoAccount)));
    assert!(desk.runtime.subscribe(AccountId(1)).is_none());
}

#[tokio::test]
async fn time_does_not_run_backwards() {
    let desk = Desk::new().await;
    desk.clock.advance(Duration::from_secs(60));
    let first = item(desk.ask(request(new_item(None))).await.expect("it is carried out"));
    desk.clock.set(START);
    let second = item(desk.ask(request(new_item(None))).await.expect("it is carried out"));
    assert_eq!(desk.clock.now(), START);
    assert_eq!(first.stamp.created_at, START.plus_seconds(60));
    assert_eq!(second.stamp.created_at, first.stamp.created_at);
}
