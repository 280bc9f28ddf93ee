//! Presence: the first connection makes a worker reachable, the last one's loss unreachable when the grace period is
//! over, whatever the store does meanwhile.

use super::desk::*;
use crate::support::failing_store::Fate;
use cordboard::runtime::feed::{Feed, Wanted};
use cordboard::runtime::presence::Presence;
use cordboard_domain::id::WorkerId;
use cordboard_domain::work::*;
use std::time::Duration;
use tokio::time::timeout;

/// What takes longer has gone wrong; only a test that fails waits for it.
const PATIENCE: Duration = Duration::from_secs(60);
/// An account's grace period unless it says otherwise.
const GRACE: Duration = Duration::from_secs(15);
const MOMENT: Duration = Duration::from_millis(1);

impl Desk {
    /// A worker that must be connected.
    async fn remote_worker(&self, name: &str) -> WorkerId {
        let Command::CreateWorker(worker) = new_worker(name, "Available") else { unreachable!("it makes one") };
        let reply = self.done(Command::CreateWorker(NewWorker { connection_required: true, ..worker })).await;
        let Reply::Worker(view) = reply else { panic!("not a worker: {reply:?}") };
        view.worker.id
    }

    /// Reachable, and whether the engine knows of a connection.
    async fn standing(&self, id: WorkerId) -> (bool, bool) {
        let read = self.runtime.read(self.account, move |engine, _| {
            let worker = engine.worker(id).expect("it is there").worker;
            (worker.reachable, worker.disconnected_at.is_none())
        });
        read.await.expect("it is read")
    }

    async fn reachability(&self) -> Feed {
        let types = vec!["worker.reachable".to_owned(), "worker.unreachable".to_owned()];
        self.runtime.feed(self.account, None, Wanted { types, worker: None }).await.expect("it is given")
    }
}

async fn told(feed: &mut Feed) -> String {
    let event = timeout(PATIENCE, feed.next()).await.expect("it comes").expect("the feed goes on");
    event.event_type.to_string()
}

/// Waits until the engine knows whether a worker is connected.
async fn known(desk: &Desk, id: WorkerId, connected: bool) {
    let until = async {
        while desk.standing(id).await.1 != connected {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, until).await.expect("the engine is told");
}

#[tokio::test]
async fn the_first_connection_makes_reachable_and_the_last_lost_unreachable() {
    let desk = Desk::new().await;
    let (ann, presence) = (desk.remote_worker("ann").await, Presence::new(desk.runtime.clone()));
    let mut feed = desk.reachability().await;
    assert_eq!(desk.standing(ann).await, (false, false));
    desk.done(new_item(None)).await;
    assert_eq!(desk.waiting().await, 1, "nobody is there to take it");
    let first = presence.connect(desk.account, ann);
    assert_eq!(told(&mut feed).await, "worker.reachable");
    assert_eq!((desk.standing(ann).await, desk.waiting().await), ((true, true), 0));
    // Another tab, and the first one closed.
    let second = presence.connect(desk.account, ann);
    drop(first);
    let_others_run().await;
    desk.clock.advance(Duration::from_secs(1));
    assert_eq!(desk.standing(ann).await, (true, true));
    drop(second);
    known(&desk, ann, false).await;
    desk.clock.advance(GRACE - MOMENT);
    let_others_run().await;
    assert_eq!(desk.standing(ann).await, (true, false), "it may come back");
    desk.clock.advance(MOMENT);
    assert_eq!(told(&mut feed).await, "worker.unreachable");
    assert_eq!(desk.standing(ann).await, (false, false));
    desk.assert_gapless().await;
}

#[tokio::test]
async fn who_comes_back_in_time_was_never_away() {
    let desk = Desk::new().await;
    let (ann, presence) = (desk.remote_worker("ann").await, Presence::new(desk.runtime.clone()));
    let mut feed = desk.reachability().await;
    let mut connection = presence.connect(desk.account, ann);
    assert_eq!(told(&mut feed).await, "worker.reachable");
    for _ in 0..5 {
        drop(connection);
        known(&desk, ann, false).await;
        desk.clock.advance(GRACE - MOMENT);
        connection = presence.connect(desk.account, ann);
        known(&desk, ann, true).await;
        desk.clock.advance(GRACE);
        let_others_run().await;
        assert_eq!(desk.standing(ann).await, (true, true));
    }
    // Faster than the engine can be told: only how things stand in the end counts.
    for _ in 0..100 {
        drop(connection);
        connection = presence.connect(desk.account, ann);
    }
    let_others_run().await;
    known(&desk, ann, true).await;
    drop(connection);
    known(&desk, ann, false).await;
    desk.clock.advance(GRACE);
    assert_eq!(told(&mut feed).await, "worker.unreachable");
}

#[tokio::test]
async fn after_a_start_nobody_is_connected() {
    let mut desk = Desk::new().await;
    let (ann, bob) = (desk.remote_worker("ann").await, desk.remote_worker("bob").await);
    let before = Presence::new(desk.runtime.clone());
    let connections = [before.connect(desk.account, ann), before.connect(desk.account, bob)];
    known(&desk, ann, true).await;
    known(&desk, bob, true).await;
    desk.restart().await;
    // They went down with the server, which could not tell the engine any more.
    assert_eq!(desk.standing(ann).await, (true, true));
    let presence = Presence::new(desk.runtime.clone());
    presence.begin(desk.account).await.expect("the workers are read");
    known(&desk, ann, false).await;
    known(&desk, bob, false).await;
    let mut feed = desk.reachability().await;
    let back = presence.connect(desk.account, bob);
    known(&desk, bob, true).await;
    desk.clock.advance(GRACE);
    assert_eq!(told(&mut feed).await, "worker.unreachable");
    assert_eq!(desk.standing(ann).await, (false, false));
    assert_eq!(desk.standing(bob).await, (true, true));
    drop((back, connections));
}

#[tokio::test]
async fn an_engine_that_cannot_listen_is_told_again() {
    let desk = Desk::new().await;
    let (ann, presence) = (desk.remote_worker("ann").await, Presence::new(desk.runtime.clone()));
    let mut feed = desk.reachability().await;
    desk.store.fail_next(Fate::FailBefore);
    desk.store.fail_next(Fate::FailBefore);
    let connection = presence.connect(desk.account, ann);
    let told_in_the_end = async {
        loop {
            tokio::select! {
                biased;
                event = told(&mut feed) => return event,
                () = let_others_run() => desk.clock.advance(Duration::from_millis(500)),
            }
        }
    };
    let event = timeout(PATIENCE, told_in_the_end).await.expect("it is told");
    assert_eq!(event, "worker.reachable");
    assert_eq!(desk.standing(ann).await, (true, true));
    drop(connection);
    desk.assert_gapless().await;
}

#[tokio::test]
async fn a_worker_that_is_gone_is_forgotten() {
    let desk = Desk::new().await;
    let (ann, presence) = (desk.remote_worker("ann").await, Presence::new(desk.runtime.clone()));
    let connection = presence.connect(desk.account, ann);
    known(&desk, ann, true).await;
    desk.done(Command::DeleteWorker { id: ann, expected: None }).await;
    let before = desk.store.begun().len();
    drop(connection);
    let_others_run().await;
    desk.clock.advance(Duration::from_secs(60));
    let_others_run().await;
    assert_eq!(desk.store.begun().len(), before, "nothing is written for it");
}
