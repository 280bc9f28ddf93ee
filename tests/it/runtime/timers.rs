//! Timers fire when the clock says so, after a restart too, and however many commands come.

use super::desk::*;
use crate::support::failing_store::Fate;
use cordboard_domain::work::*;
use std::time::Duration;

async fn next_types(
    events: &mut tokio::sync::broadcast::Receiver<std::sync::Arc<cordboard::runtime::feed::Committed>>,
) -> Vec<&'static str> {
    events.recv().await.expect("events come").events.iter().map(|event| event.event_type).collect()
}

#[tokio::test]
async fn an_offer_times_out() {
    let desk = Desk::new().await;
    desk.done(new_worker("Ann", "Available")).await;
    let made = desk.done(new_item(None)).await;
    let Reply::Resource(record) = made else { panic!("{made:?}") };
    assert!(matches!(&*record, Record::Item(item) if item.state == ItemState::Reserved));
    let mut events = desk.runtime.subscribe(desk.account).expect("the account is there");
    desk.clock.advance(Duration::from_secs(OFFER_S) - Duration::from_millis(1));
    let_others_run().await;
    assert!(events.try_recv().is_err(), "it is not yet time");
    desk.clock.advance(Duration::from_millis(1));
    let types = next_types(&mut events).await;
    assert!(types.contains(&"reservation.timed_out") && types.contains(&"worker.activity_changed"), "{types:?}");
    assert_eq!(desk.waiting().await, 1);
    desk.assert_gapless().await;
}

#[tokio::test]
async fn what_was_due_meanwhile_fires_at_the_start() {
    let mut desk = Desk::new().await;
    desk.done(new_worker("Ann", "Available")).await;
    desk.done(new_item(None)).await;
    desk.runtime.stop().await;
    desk.clock.advance(Duration::from_secs(3_000));
    let commits = desk.store.begun().len();
    desk.restart().await;
    desk.store.began(commits + 1).await;
    assert_eq!(desk.waiting().await, 1);
    let events = desk.events().await;
    assert!(events.iter().any(|(_, event_type)| event_type == "reservation.timed_out"));
    // The item's own time to live counts from its creation, not from the start.
    desk.clock.advance(Duration::from_secs(600));
    desk.store.began(commits + 2).await;
    let_others_run().await;
    assert_eq!(desk.waiting().await, 0);
    desk.assert_gapless().await;
    desk.assert_engine_is_what_is_stored().await;
}

#[tokio::test]
async fn a_timer_whose_commit_failed_fires_again() {
    let desk = Desk::new().await;
    desk.done(new_worker("Ann", "Available")).await;
    desk.done(new_item(None)).await;
    let commits = desk.store.begun().len();
    desk.store.fail_next(Fate::FailBefore);
    desk.clock.advance(Duration::from_secs(OFFER_S));
    desk.store.began(commits + 2).await;
    let_others_run().await;
    assert_eq!(desk.waiting().await, 1);
    desk.assert_gapless().await;
}

#[tokio::test]
async fn timers_fire_while_commands_pour_in() {
    let desk = Desk::new().await;
    desk.done(new_worker("Ann", "Available")).await;
    desk.done(new_item(None)).await;
    desk.clock.advance(Duration::from_secs(OFFER_S));
    // The timer is due and commands wait: none of them may find the offer still open.
    let pending: Vec<_> = (0..500)
        .map(|_| {
            let (runtime, account) = (desk.runtime.clone(), desk.account);
            tokio::spawn(async move { runtime.handle(account, request(new_item(None))).await })
        })
        .collect();
    for pending in pending {
        item(pending.await.expect("it ends").expect("it is carried out"));
    }
    let events = desk.events().await;
    let timed_out = events.iter().position(|(_, event_type)| event_type == "reservation.timed_out");
    let created: Vec<_> =
        events.iter().enumerate().filter(|(_, (_, event_type))| event_type == "work_item.created").collect();
    assert!(timed_out.expect("it timed out") < created[1].0);
}
