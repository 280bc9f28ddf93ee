//! Feeds: from any position on, whatever commits fail meanwhile, an account's events come in order, each once and none
//! left out.

use super::desk::*;
use crate::support::dice::Dice;
use crate::support::failing_store::Fate;
use cordboard::runtime::feed::{Feed, FeedEnd, Wanted};
use cordboard::runtime::{Answered, Failure, FeedRefused, Limits};
use cordboard_domain::event::CATALOGUE;
use cordboard_domain::id::*;
use cordboard_domain::work::*;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::timeout;

/// What takes longer has gone wrong; only a test that fails waits for it.
const PATIENCE: Duration = Duration::from_secs(60);
const ITEMS: usize = 200;
const READERS: u64 = 4;

impl Desk {
    async fn feed(&self, after: u64) -> Feed {
        self.runtime.feed(self.account, Some(after), Wanted::default()).await.expect("it is given")
    }

    async fn last(&self) -> u64 {
        self.events().await.last().expect("there are events").0
    }
}

async fn next(feed: &mut Feed) -> u64 {
    timeout(PATIENCE, feed.next()).await.expect("it comes").expect("the feed goes on").sequence
}

/// Reads up to the position that is told in the end, through one feed after the other.
async fn reads(desk: Arc<Desk>, mut dice: Dice, mut end: watch::Receiver<Option<u64>>) {
    let mut position = 0;
    while end.borrow().is_none_or(|end| position < end) {
        let mut feed = match desk.runtime.feed(desk.account, Some(position), Wanted::default()).await {
            Ok(feed) => feed,
            // The engine is being rebuilt.
            Err(FeedRefused::Failed(Failure::Unavailable)) => {
                tokio::task::yield_now().await;
                continue;
            }
            Err(refused) => panic!("{refused}"),
        };
        assert_eq!(feed.position(), position);
        for _ in 0..dice.below(60) {
            let event = tokio::select! {
                event = feed.next() => event.expect("the store can be read"),
                _ = end.changed() => break,
            };
            assert_eq!(event.sequence, position + 1, "neither a gap nor a repetition");
            position = event.sequence;
            // Whoever is slow now and then reads from the store again.
            if dice.below(20) == 0 {
                let_others_run().await;
            }
            assert_eq!(feed.position(), position);
        }
    }
}

/// Load with commits that fail by chance, and readers that resume by chance.
async fn resume_under_load(failing_one_in: Option<u64>) {
    let desk = Arc::new(Desk::with(Limits { batches_unread_max: 4, ..Limits::default() }).await);
    let (told, end) = watch::channel(None);
    let readers: Vec<_> = (0..READERS)
        .map(|number| tokio::spawn(reads(Arc::clone(&desk), Dice(IdSource::new(number)), end.clone())))
        .collect();
    let mut dice = Dice(IdSource::new(99));
    let mut done = 0;
    while done < ITEMS {
        if desk.runtime.is_ready() && failing_one_in.is_some_and(|many| dice.below(many) == 0) {
            desk.store.fail_next(if dice.below(2) == 0 { Fate::FailBefore } else { Fate::FailAfter });
        }
        match desk.ask(request(new_item(None))).await {
            Ok(_) => done += 1,
            // A rebuild may wait for its pause.
            Err(Failure::Unavailable) => desk.clock.advance(Duration::from_millis(50)),
            Err(failure) => panic!("{failure}"),
        }
        tokio::task::yield_now().await;
    }
    let last = desk.last().await;
    told.send(Some(last)).expect("they read");
    for reader in readers {
        timeout(PATIENCE, reader).await.expect("it comes to the end").expect("it misses nothing");
    }
    desk.assert_gapless().await;
}

#[tokio::test]
async fn resumed_anywhere_under_load_it_misses_nothing() {
    resume_under_load(None).await;
}

#[tokio::test]
async fn resumed_anywhere_while_commits_fail_it_misses_nothing() {
    resume_under_load(Some(12)).await;
}

#[tokio::test]
async fn it_gives_the_types_that_are_wanted() {
    let desk = Desk::new().await;
    desk.done(new_worker("Ann", "Available")).await;
    let types = Wanted::of_patterns(["work_item.*", "reservation.offered"].into_iter()).expect("they exist");
    let wanted = Wanted { types: types.clone(), worker: None };
    let mut stored = desk.runtime.feed(desk.account, Some(0), wanted.clone()).await.expect("it is given");
    let mut live = desk.runtime.feed(desk.account, None, wanted).await.expect("it is given");
    for _ in 0..5 {
        desk.done(new_item(None)).await;
    }
    let events = desk.events().await;
    let expected: Vec<u64> = events.iter().filter(|(_, kind)| types.contains(kind)).map(|(at, _)| *at).collect();
    for feed in [&mut stored, &mut live] {
        for sequence in &expected {
            assert_eq!(next(feed).await, *sequence);
        }
    }
}

#[test]
fn patterns_are_a_type_a_resource_or_all() {
    let of = |patterns: &[&'static str]| Wanted::of_patterns(patterns.iter().copied());
    assert_eq!(of(&["queue.created"]), Ok(vec!["queue.created".to_owned()]));
    assert_eq!(of(&["*"]).map(|types| types.len()), Ok(CATALOGUE.len()));
    let items = of(&["work_item.*"]).expect("there are some");
    assert!(items.len() > 5 && items.iter().all(|name| name.starts_with("work_item.")), "{items:?}");
    assert_eq!(of(&[]), Ok(Vec::new()));
    for wrong in ["", "work_item", "work_item*", "work*", "work_item.", "*.created", "lost.*", "queue.created ", "**"] {
        assert_eq!(of(&["queue.created", wrong]), Err(wrong));
    }
}

#[tokio::test]
async fn who_lags_reads_what_was_missed_from_the_store() {
    let desk = Desk::with(Limits { batches_unread_max: 2, ..Limits::default() }).await;
    let begin = desk.last().await;
    let mut feed = desk.runtime.feed(desk.account, None, Wanted::default()).await.expect("it is given");
    assert_eq!(feed.position(), begin);
    for _ in 0..50 {
        desk.done(new_item(None)).await;
    }
    for sequence in begin + 1..=desk.last().await {
        assert_eq!(next(&mut feed).await, sequence);
    }
    desk.done(new_item(None)).await;
    assert_eq!(next(&mut feed).await, feed.position());
}

#[tokio::test]
async fn what_was_durable_after_all_is_given_at_once() {
    let desk = Desk::new().await;
    let begin = desk.last().await;
    let mut feed = desk.feed(begin).await;
    desk.store.fail_next(Fate::FailAfter);
    let answered = desk.ask(request(new_item(None))).await;
    assert!(matches!(answered, Err(Failure::Unavailable)));
    // Nothing else happens.
    for sequence in begin + 1..=desk.last().await {
        assert_eq!(next(&mut feed).await, sequence);
    }
    assert!(desk.last().await > begin);
}

#[tokio::test]
async fn what_was_never_durable_is_never_given() {
    let desk = Desk::new().await;
    let begin = desk.last().await;
    let mut feed = desk.feed(begin).await;
    desk.store.fail_next(Fate::FailBefore);
    assert!(matches!(desk.ask(request(new_item(None))).await, Err(Failure::Unavailable)));
    desk.store.loaded(2).await;
    let_others_run().await;
    let Answered::Fresh(Reply::Resource(made)) = desk.ask(request(new_item(None))).await.expect("it is carried out")
    else {
        panic!("an item is made")
    };
    let Record::Item(item) = *made else { panic!("it is an item") };
    let first = timeout(PATIENCE, feed.next()).await.expect("it comes").expect("the feed goes on");
    assert_eq!(first.sequence, begin + 1);
    assert!(first.text().contains(&item.id.to_string()), "{}", first.text());
}

#[tokio::test]
async fn a_position_without_events_after_it_is_refused() {
    let desk = Desk::new().await;
    desk.done(new_item(None)).await;
    let last = desk.last().await;
    let feed = |after| desk.runtime.feed(desk.account, after, Wanted::default());
    assert!(matches!(feed(Some(last + 1)).await, Err(FeedRefused::Ahead { last: told }) if told == last));
    assert!(matches!(feed(Some(u64::MAX)).await, Err(FeedRefused::Ahead { .. })));
    desk.store.keeps_from(3);
    assert!(matches!(feed(Some(1)).await, Err(FeedRefused::Gone { first: 3 })));
    assert_eq!(next(&mut feed(Some(2)).await.expect("it is kept")).await, 3);
    assert_eq!(feed(None).await.expect("now is always kept").position(), last);
    // All are gone: what comes next is what is kept.
    desk.store.keeps_from(last + 1);
    assert!(matches!(feed(Some(last - 1)).await, Err(FeedRefused::Gone { .. })));
    assert_eq!(feed(Some(last)).await.expect("nothing is missing").position(), last);
    let stranger = desk.runtime.feed(AccountId(1), None, Wanted::default()).await;
    assert!(matches!(stranger, Err(FeedRefused::Failed(Failure::NoAccount))));
}

#[tokio::test]
async fn it_ends_with_the_store_or_the_server() {
    let desk = Desk::new().await;
    desk.store.fail_event_reads(1);
    let mut feed = desk.feed(0).await;
    assert!(matches!(feed.next().await, Err(FeedEnd::Store(_))));
    // It can be asked again, and nothing was lost.
    assert_eq!(next(&mut feed).await, 1);
    let mut feed = desk.feed(desk.last().await).await;
    desk.runtime.stop().await;
    let ended = timeout(PATIENCE, feed.next()).await.expect("it ends");
    assert!(matches!(ended, Err(FeedEnd::Stopped)));
}
