//! Time that moves only when a test moves it, and randomness that is the same in every run.

use cordboard::runtime::{Clock, Entropy};
use cordboard_domain::time::Timestamp;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::watch;

/// 2026-01-05T09:00:00Z, a Monday.
pub const START: Timestamp = Timestamp::from_millis(1_767_603_600_000);

pub struct ManualClock {
    now: watch::Sender<Timestamp>,
}

impl Default for ManualClock {
    fn default() -> Self {
        Self { now: watch::Sender::new(START) }
    }
}

impl ManualClock {
    pub fn advance(&self, by: Duration) {
        self.now.send_modify(|now| *now = now.plus_millis(by.as_millis() as i64));
    }

    pub fn set(&self, at: Timestamp) {
        self.now.send_replace(at);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        *self.now.borrow()
    }

    fn until(&self, at: Timestamp) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        let mut now = self.now.subscribe();
        Box::pin(async move {
            // As the port says it may: whoever waits for a time looks at the clock again.
            if *now.borrow_and_update() < at {
                now.changed().await.expect("the clock outlives whoever waits");
            }
        })
    }

    fn pause(&self, length: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        let (mut now, end) = (self.now.subscribe(), self.now().plus_millis(length.as_millis() as i64));
        Box::pin(async move {
            now.wait_for(|now| *now >= end).await.expect("the clock outlives whoever waits");
        })
    }
}

/// Every seed differs from the one before, and every run has the same ones.
#[derive(Default)]
pub struct CountingEntropy(AtomicU64);

impl Entropy for CountingEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let word = scattered(self.0.fetch_add(1, Ordering::Relaxed));
            chunk.copy_from_slice(&word.to_le_bytes()[..chunk.len()]);
        }
    }
}

/// MurmurHash3's finalizer (Appleby, 2011). The seeds must not lie in a row: ids are drawn by adding a constant to the
/// seed, and where seeds are multiples of it, an engine that is rebuilt at a standing clock gives the ids of its
/// predecessor again.
fn scattered(count: u64) -> u64 {
    let mut word = count.wrapping_add(1);
    word = (word ^ (word >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    word = (word ^ (word >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    word ^ (word >> 33)
}
