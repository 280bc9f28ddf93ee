//! A store that fails: whoever waits is told, and the engine is what the store holds.

use super::desk::*;
use crate::support::failing_store::Fate;
use cordboard::runtime::{Answered, Failure, Limits, Ports, Runtime};
use cordboard_domain::work::*;
use std::time::Duration;

fn unavailable(answered: &Result<Answered, Failure>) -> bool {
    matches!(answered, Err(Failure::Unavailable))
}

#[tokio::test]
async fn a_failed_commit_fails_all_that_was_built_on_it() {
    let desk = Desk::new().await;
    desk.done(new_item(None)).await;
    let before = desk.store.begun().len();
    desk.store.hold();
    desk.store.fail_next(Fate::FailBefore);
    let in_flight = desk.send(request(new_item(None))).await;
    desk.store.began(before + 1).await;
    let decided = desk.send(request(new_item(None))).await;
    // Refused because of what is in flight, and so as little to be relied on as that.
    let name = "main".to_owned();
    let refused = desk.send(request(Command::CreateActivity { name: name.clone(), available: true })).await;
    let (runtime, account) = (desk.runtime.clone(), desk.account);
    let read = tokio::spawn(async move { runtime.read(account, |engine, _| engine.sequence()).await });
    let_others_run().await;
    desk.store.release();
    assert!(unavailable(&in_flight.await.expect("it ends")));
    assert!(unavailable(&decided.await.expect("it ends")));
    assert!(unavailable(&refused.await.expect("it ends")));
    assert!(matches!(read.await.expect("it ends"), Err(Failure::Unavailable)));
    // Two loads: the one when the account was made, and this one.
    desk.store.loaded(2).await;
    let_others_run().await;
    assert!(desk.runtime.is_ready());
    assert_eq!(desk.waiting().await, 1);
    desk.assert_engine_is_what_is_stored().await;
    desk.done(new_item(None)).await;
    assert_eq!(desk.waiting().await, 2);
    desk.assert_gapless().await;
}

#[tokio::test]
async fn a_commit_that_was_durable_after_all_counts() {
    let desk = Desk::new().await;
    desk.store.fail_next(Fate::FailAfter);
    assert!(unavailable(&desk.ask(request(new_item(Some("order-1")))).await));
    desk.store.loaded(2).await;
    let_others_run().await;
    assert_eq!(desk.waiting().await, 1);
    // Whoever tries again gets the item that is there.
    let Reply::Existing(_) = desk.done(new_item(Some("order-1"))).await else { panic!("it exists") };
    desk.done(new_item(None)).await;
    desk.assert_gapless().await;
    desk.assert_engine_is_what_is_stored().await;
}

#[tokio::test]
async fn a_store_that_is_gone_is_waited_for() {
    let desk = Desk::new().await;
    desk.store.fail_loads(4);
    desk.store.fail_next(Fate::FailBefore);
    assert!(unavailable(&desk.ask(request(new_item(None))).await));
    desk.store.loaded(2).await;
    let_others_run().await;
    // Without a store nobody is kept waiting.
    assert!(!desk.runtime.is_ready());
    assert!(unavailable(&desk.ask(request(new_item(None))).await));
    let read = desk.runtime.read(desk.account, |engine, _| engine.sequence()).await;
    assert!(matches!(read, Err(Failure::Unavailable)));
    for loads in 3..=6 {
        assert!(!desk.runtime.is_ready());
        desk.clock.advance(Duration::from_secs(5));
        desk.store.loaded(loads).await;
        let_others_run().await;
    }
    assert!(desk.runtime.is_ready());
    desk.done(new_item(None)).await;
    assert_eq!(desk.waiting().await, 1);
    desk.assert_gapless().await;
}

#[tokio::test]
async fn a_store_that_takes_no_commits_is_not_hammered() {
    let desk = Desk::new().await;
    for attempt in 0..5 {
        desk.store.fail_next(Fate::FailBefore);
        // The engine is back at once after the first failure, and then after ever longer pauses.
        let answered = loop {
            let answered = desk.ask(request(new_item(None))).await;
            if desk.store.begun().len() > 2 + attempt {
                break answered;
            }
            desk.clock.advance(Duration::from_millis(50));
            let_others_run().await;
        };
        assert!(unavailable(&answered));
        if attempt == 0 {
            desk.store.loaded(2).await;
        }
        let_others_run().await;
        assert_eq!(desk.runtime.is_ready(), attempt == 0, "attempt {attempt}");
    }
    desk.clock.advance(Duration::from_secs(5));
    desk.store.loaded(6).await;
    let_others_run().await;
    desk.done(new_item(None)).await;
    assert!(desk.runtime.is_ready());
    desk.assert_gapless().await;
}

#[tokio::test]
async fn a_second_writer_is_noticed() {
    let desk = Desk::new().await;
    let ports = Ports { store: desk.database.again().await, ..desk.ports() };
    let second = Runtime::start(ports, Limits::default());
    let second = second.await.expect("it starts");
    second.handle(desk.account, request(new_item(None))).await.expect("it is carried out");
    // The first one's engine is out of date: its commit is refused, and it reads what is there.
    assert!(unavailable(&desk.ask(request(new_item(None))).await));
    desk.store.loaded(2).await;
    let_others_run().await;
    assert_eq!(desk.waiting().await, 1);
    desk.done(new_item(None)).await;
    assert!(unavailable(&second.handle(desk.account, request(new_item(None))).await));
    desk.assert_gapless().await;
    let loaded = crate::support::loaded::load(&*desk.store, desk.account).await.expect("read").expect("there");
    let items = loaded.records.iter().filter(|record| matches!(record, Record::Item(_))).count();
    assert_eq!(items, 2);
}

/// An engine of half an account would forget the other half.
#[tokio::test]
async fn a_reading_that_ends_early_is_no_account() {
    let desk = Desk::new().await;
    let whole = crate::support::loaded::load(&*desk.store, desk.account).await.expect("read").expect("there");
    let (sender, stretches) = tokio::sync::mpsc::channel(1);
    sender.try_send(Ok(Some(whole.records))).expect("there is room");
    drop(sender);
    let mut loading = cordboard::runtime::store::Loading { account: whole.account, sequence: 0, commits: 0, stretches };
    assert!(loading.next().await.expect("a stretch").is_some());
    assert!(loading.next().await.is_err(), "nobody said that this was all");
}
