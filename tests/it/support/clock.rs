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
            now.wait_for(|now| *now >= at).await.expect("the clock outlives whoever waits");
        })
    }

    fn pause(&self, length: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        self.until(self.now().plus_millis(length.as_millis() as i64))
    }
}

/// Every seed differs from the one before, and every run has the same ones.
#[derive(Default)]
pub struct CountingEntropy(AtomicU64);

impl Entropy for CountingEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            // Not the step of the ids' own generator: seeds some of its steps apart would make the same ids.
            let next = self.0.fetch_add(1, Ordering::Relaxed).wrapping_mul(0xd1b5_4a32_d192_ed03);
            chunk.copy_from_slice(&next.to_le_bytes()[..chunk.len()]);
        }
    }
}
