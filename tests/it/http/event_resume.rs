//! Connections are cut at random, again and again, while items pour in: whoever resumes where it was cut misses nothing,
//! gets nothing twice and everything in order.

use super::live::*;
use super::office::*;
use crate::support::dice::Dice;
use cordboard_domain::id::IdSource;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// Cuts of each kind of receiver, or as many as `RESUME_CUTS` says.
const CUTS: u32 = 1_000;
const RECEIVERS_OF_A_KIND: u64 = 2;
/// Events that a receiver takes at most before it is cut.
const TAKEN_MAX: u64 = 40;

struct Receiver {
    address: SocketAddr,
    dice: Dice,
    /// The last event that it has.
    position: u64,
    cuts_left: Arc<AtomicU32>,
}

impl Receiver {
    fn cut_again(&self) -> bool {
        let took_one = |left: u32| left.checked_sub(1);
        self.cuts_left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, took_one).is_ok()
    }

    fn take(&mut self, sequence: u64) {
        assert_eq!(sequence, self.position + 1, "neither a gap nor a repetition");
        self.position = sequence;
    }

    /// By `Last-Event-ID`; the connection is dropped after some events, wherever the bytes of the next one are.
    async fn listens(mut self) -> u64 {
        while self.cut_again() {
            let position = self.position.to_string();
            let answer = ask(self.address, ADMIN, "after=0", Some(&position)).await;
            // The end of the last connection may not have been seen yet.
            if answer.status() == 503 {
                continue;
            }
            let mut stream = EventSource::new(answer);
            assert_eq!(stream.block().await.expect("it begins").position(), self.position);
            for _ in 0..self.dice.below(TAKEN_MAX) {
                let block = stream.event().await;
                assert_eq!(sequence(&block.event()), block.position());
                self.take(block.position());
            }
        }
        self.position
    }

    async fn converses(mut self) -> u64 {
        while self.cut_again() {
            let Ok(mut socket) = connect(self.address, ADMIN, &format!("after={}", self.position)).await else {
                continue;
            };
            for _ in 0..self.dice.below(TAKEN_MAX) {
                let event = event(&mut socket).await;
                self.take(sequence(&event));
            }
        }
        self.position
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cut_thousands_of_times_nobody_misses_an_event() {
    let live = Live::new().await;
    let cuts = std::env::var("RESUME_CUTS").ok().and_then(|text| text.parse().ok()).unwrap_or(CUTS);
    let (listening, conversing) = (Arc::new(AtomicU32::new(cuts)), Arc::new(AtomicU32::new(cuts)));
    let mut receivers = Vec::new();
    for number in 0..RECEIVERS_OF_A_KIND {
        let receiver = |kind: u64, cuts_left: &Arc<AtomicU32>| Receiver {
            address: live.address,
            dice: Dice(IdSource::new(2 * number + kind)),
            position: 0,
            cuts_left: Arc::clone(cuts_left),
        };
        receivers.push(tokio::spawn(receiver(0, &listening).listens()));
        receivers.push(tokio::spawn(receiver(1, &conversing).converses()));
    }
    let mut items = 0;
    while receivers.iter().any(|receiver| !receiver.is_finished()) {
        live.office.item().await;
        items += 1;
    }
    let mut positions = Vec::new();
    for receiver in receivers {
        positions.push(receiver.await.expect("it misses nothing"));
    }
    println!("{cuts} cuts of each kind, {items} items, receivers at {positions:?}");
    assert!(positions.iter().all(|position| *position > u64::from(cuts)), "{positions:?}");
}
