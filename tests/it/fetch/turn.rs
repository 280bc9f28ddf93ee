//! Turns: a receiver that hangs holds up its own requests and nobody else's, and all of them have a bound.

use super::receiver::{Desk, Receiver, TOTAL, get, loopback, options, soon};
use cordboard::edge::fetch::HttpFetchOptions;
use cordboard::runtime::fetch::{Fetch, FetchCode};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::Notify;

/// Accepts, gives a sign, and keeps all who come.
async fn hanging() -> (Receiver, Arc<Notify>, Arc<AtomicUsize>) {
    let (sign, came) = (Arc::new(Notify::new()), Arc::new(AtomicUsize::new(0)));
    let (given, count) = (Arc::clone(&sign), Arc::clone(&came));
    let receiver = Receiver::new(move |stream| {
        count.fetch_add(1, Ordering::SeqCst);
        given.notify_one();
        // Accepts on while this one is kept.
        tokio::spawn(async move {
            std::future::pending::<()>().await;
            drop(stream);
        });
        std::future::ready(Ok(()))
    })
    .await;
    (receiver, sign, came)
}

fn desk(at_once: usize, host_at_once: usize) -> Desk {
    let limits = HttpFetchOptions {
        requests_at_once: at_once,
        host_requests_at_once: host_at_once,
        ..options(&["127.0.0.0/8"])
    };
    Desk::new(limits, loopback())
}

#[tokio::test]
async fn a_host_that_hangs_keeps_only_its_own_waiting() {
    let (dead, sign, came) = hanging().await;
    let alive = Receiver::answering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
    let desk = desk(8, 2);
    let neighbour = async {
        while came.load(Ordering::SeqCst) < 2 {
            sign.notified().await;
        }
        for _ in 0..5 {
            assert_eq!(desk.get(&alive.url()).await.expect("an answer").status, 200);
        }
        desk.clock.advance(TOTAL);
    };
    let dead = dead.url();
    let (first, second, third, ()) = soon(async {
        tokio::join!(
            desk.fetch.fetch(get(&dead)),
            desk.fetch.fetch(get(&dead)),
            desk.fetch.fetch(get(&dead)),
            neighbour
        )
    })
    .await;
    let codes = [first, second, third].map(|answer| answer.expect_err("too late").code);
    assert_eq!(codes, [FetchCode::Timeout, FetchCode::Timeout, FetchCode::HostBusy]);
    assert_eq!(came.load(Ordering::SeqCst), 2, "the third was never sent");
}

#[tokio::test]
async fn all_hosts_together_have_a_bound() {
    let (dead, sign, _) = hanging().await;
    let (other, _, came) = hanging().await;
    let desk = desk(1, 1);
    let moved = async {
        sign.notified().await;
        desk.clock.advance(TOTAL);
    };
    let (dead, other) = (dead.url(), other.url());
    let (first, second, ()) =
        soon(async { tokio::join!(desk.fetch.fetch(get(&dead)), desk.fetch.fetch(get(&other)), moved) }).await;
    assert_eq!(first.expect_err("too late").code, FetchCode::Timeout);
    assert_eq!(second.expect_err("no turn").code, FetchCode::Overloaded);
    assert_eq!(came.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_turn_is_given_back_by_whoever_leaves() {
    let (dead, sign, _) = hanging().await;
    let alive = Receiver::answering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
    let desk = desk(1, 1);
    for _ in 0..3 {
        tokio::select! {
            answer = desk.fetch.fetch(get(&dead.url())) => panic!("{answer:?}"),
            () = sign.notified() => {}
        }
        assert_eq!(desk.get(&alive.url()).await.expect("an answer").status, 200);
    }
}
