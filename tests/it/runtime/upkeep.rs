//! What is old is forgotten from time to time, and whoever asks for it is told.

use super::desk::*;
use cordboard::runtime::feed::Wanted;
use cordboard::runtime::statistics::store::StatisticsStore;
use cordboard::runtime::store::Store;
use cordboard::runtime::{FeedRefused, Limits};
use cordboard_domain::statistics::Group;
use std::time::Duration;

/// More than enough turns for the upkeep to come to its end.
const LOOKS_MAX: usize = 100_000;

#[tokio::test]
async fn events_are_kept_for_as_long_as_configured() {
    let desk = Desk::with(Limits { events_kept_s: 7_200, ..Limits::default() }).await;
    desk.done(new_item(None)).await;
    let last = desk.events().await.len() as u64;
    // The first round is too early, the third is not.
    desk.clock.advance(Duration::from_secs(3_600));
    let_others_run().await;
    assert_eq!(desk.store.first_event(desk.account).await.expect("read"), 1);
    let mut forgotten = false;
    for _ in 0..LOOKS_MAX {
        desk.clock.advance(Duration::from_secs(3_601));
        let_others_run().await;
        forgotten = desk.store.first_event(desk.account).await.expect("read") > last;
        if forgotten {
            break;
        }
    }
    assert!(forgotten, "the old events are still there");
    // What happens now is numbered on, and a position before it is refused with what there is.
    let next = desk.store.first_event(desk.account).await.expect("read");
    let refused = desk.runtime.feed(desk.account, Some(0), Wanted::default()).await.err();
    assert!(matches!(refused, Some(FeedRefused::Gone { first }) if first == next), "{refused:?}");
    let mut feed = desk.runtime.feed(desk.account, Some(next - 1), Wanted::default()).await.expect("it is kept");
    desk.done(new_item(None)).await;
    assert_eq!(feed.next().await.expect("an event").sequence, next);
}

#[tokio::test]
async fn a_feed_that_was_overtaken_says_so() {
    let desk = Desk::with(Limits { events_kept_s: 7_200, ..Limits::default() }).await;
    let mut feed = desk.runtime.feed(desk.account, Some(0), Wanted::default()).await.expect("all is kept");
    // It has read nothing yet when what it is to read goes.
    let at = desk.runtime.now().plus_seconds(1);
    while desk.store.forget_events_before(desk.account, at, u64::MAX).await.expect("forgotten") {}
    let ended = feed.next().await.err().map(|end| end.to_string());
    assert!(ended.is_some_and(|end| end.contains("are not kept any more")));
}

#[tokio::test]
async fn events_are_kept_until_they_are_counted() {
    // Gathered for longer than the test lasts.
    let limits = Limits { events_kept_s: 7_200, statistics_every_ms: u32::MAX, ..Limits::default() };
    let mut desk = Desk::with(limits).await;
    desk.done(new_item(None)).await;
    for _ in 0..5 {
        desk.clock.advance(Duration::from_secs(3_601));
        for _ in 0..20 {
            let_others_run().await;
        }
        assert_eq!(desk.store.first_event(desk.account).await.expect("read"), 1);
    }
    desk.limits.statistics_every_ms = 0;
    desk.restart().await;
    let mut forgotten = false;
    for _ in 0..LOOKS_MAX {
        desk.clock.advance(Duration::from_secs(3_601));
        let_others_run().await;
        forgotten = desk.store.first_event(desk.account).await.expect("read") > 1;
        if forgotten {
            break;
        }
    }
    assert!(forgotten, "what is counted may go");
    let position = desk.store.statistics_position(desk.account).await.expect("read");
    assert_eq!(position.complete_from, None);
}

#[tokio::test]
async fn statistics_are_kept_for_as_long_as_configured() {
    let limits = Limits { statistics_kept_days: 2, statistics_every_ms: 0, ..Limits::default() };
    let desk = Desk::with(limits).await;
    desk.done(new_item(None)).await;
    let hours = async || {
        let extract = desk.store.statistics_extract(desk.account, &[Group::All], 0..1_000_000).await.expect("read");
        extract.hours[0].len()
    };
    let mut seen = 0;
    for _ in 0..LOOKS_MAX {
        let_others_run().await;
        seen = hours().await;
        if seen > 0 {
            break;
        }
    }
    assert_eq!(seen, 1, "it is counted");
    for _ in 0..LOOKS_MAX {
        desk.clock.advance(Duration::from_secs(36_000));
        let_others_run().await;
        seen = hours().await;
        if seen == 0 {
            break;
        }
    }
    assert_eq!(seen, 0, "it is old, and still there");
}
