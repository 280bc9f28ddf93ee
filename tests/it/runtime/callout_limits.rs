//! Bounds of callouts: how many are made at once, how many wait and how long, and that a slow server of one account is
//! nobody else's affair.

use super::callout::{Asking, asking_workflow, item_in};
use super::desk::*;
use crate::support::ear::Ear;
use cordboard::runtime::Limits;
use cordboard_domain::work::*;
use std::time::Duration;

fn narrow() -> Limits {
    Limits { callouts_at_once_max: 1, callouts_waiting_max: 1, ..Limits::default() }
}

#[tokio::test]
async fn what_overflows_and_what_waits_too_long_fails_as_overloaded() {
    let mut asking = Asking::with(narrow()).await;
    asking.desk.done(asking_workflow("asking", None)).await;
    asking.desk.done(item_in("asking")).await;
    let slow = asking.calls.next().await;
    asking.desk.done(item_in("asking")).await;
    // One is asked and one waits; there is no room for a third.
    asking.desk.done(item_in("asking")).await;
    let told = asking.hears("workflow.request_failed").await;
    assert_eq!(told["detail"]["causes"][0]["code"], "overloaded");
    assert_eq!(told["detail"]["causes"][0]["asked"], serde_json::Value::Null);
    // Who waits longer than it may has waited in vain.
    asking.desk.clock.advance(Duration::from_secs(10));
    assert_eq!(asking.hears("workflow.request_failed").await["detail"]["causes"][0]["code"], "overloaded");
    slow.answers(200, "{}");
    asking.hears("workflow.request_answered").await;
    asking.desk.done(item_in("asking")).await;
    asking.calls.next().await.answers(200, "{}");
    asking.hears("workflow.request_answered").await;
}

#[tokio::test]
async fn a_restart_waits_for_turns_instead_of_failing() {
    let mut asking = Asking::with(Limits { callouts_waiting_max: 10, ..narrow() }).await;
    asking.desk.done(asking_workflow("asking", None)).await;
    for _ in 0..4 {
        asking.desk.done(item_in("asking")).await;
    }
    asking.calls.next().await;
    // With less room than there is to be made again.
    asking.desk.limits = narrow();
    asking.desk.restart().await;
    asking.ear = Ear::new(&asking.desk.runtime, asking.desk.account);
    asking.desk.runtime.begin_callouts();
    for _ in 0..4 {
        let call = asking.calls.next().await;
        asking.calls.none().await;
        call.answers(200, "{}");
    }
    asking.hears("workflow.request_answered").await;
    let_others_run().await;
    assert_eq!(asking.desk.waiting().await, 4);
}

#[tokio::test]
async fn one_accounts_servers_hold_up_no_other_account() {
    let mut asking = Asking::with(narrow()).await;
    asking.desk.done(asking_workflow("asking", None)).await;
    for _ in 0..2 {
        asking.desk.done(item_in("asking")).await;
    }
    let slow = asking.calls.next().await;
    let first = asking.desk.account;
    let other = asking.desk.runtime.create_account("Globex", |_| None).await.expect("made").id;
    asking.desk.account = other;
    let (workers, order) = (serde_json::json!(true), QueueOrder::Fifo);
    asking
        .desk
        .done(Command::CreateQueue { name: QUEUE.to_owned(), workers, order, priority_per_minute_milli: 0 })
        .await;
    asking.desk.done(asking_workflow("asking", None)).await;
    asking.ear = Ear::new(&asking.desk.runtime, other);
    asking.desk.done(item_in("asking")).await;
    let call = asking.calls.next().await;
    assert_eq!(call.body()["account"], other.to_string());
    call.answers(200, "{}");
    asking.hears("workflow.request_answered").await;
    // And the first account goes on with its other work meanwhile.
    asking.desk.account = first;
    asking.desk.done(new_item(None)).await;
    assert!(!slow.is_given_up());
}

#[tokio::test]
async fn nobody_is_asked_before_callouts_are_begun() {
    let (servers, mut calls) = crate::support::servers::Servers::new();
    let desk = Desk::asking(Limits::default(), |_| std::sync::Arc::new(servers)).await;
    desk.done(asking_workflow("asking", None)).await;
    desk.done(item_in("asking")).await;
    calls.none().await;
    desk.runtime.begin_callouts();
    calls.next().await.answers(200, "{}");
}

#[tokio::test]
async fn an_answer_that_never_comes_counts_as_lost() {
    let mut asking = Asking::new().await;
    asking.desk.done(asking_workflow("asking", None)).await;
    asking.desk.done(item_in("asking")).await;
    let _silent = asking.calls.next().await;
    // Three seconds for the one attempt, and twenty for what may come between.
    asking.desk.clock.advance(Duration::from_secs(22));
    asking.calls.none().await;
    assert_eq!(asking.desk.waiting().await, 0);
    asking.desk.clock.advance(Duration::from_secs(1));
    let told = asking.hears("workflow.request_failed").await;
    assert_eq!(told["detail"]["causes"][0]["code"], "answer_lost");
    assert_eq!(told["actor"]["kind"], "system");
}
