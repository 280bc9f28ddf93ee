//! The real clock and the real randomness; the only place that reads either.
#![expect(clippy::disallowed_methods, reason = "this is where time and randomness come from")]

use crate::runtime::{Clock, Entropy};
use cordboard_domain::time::Timestamp;
use std::pin::Pin;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A wait ends early after this, so that a clock that was set forward is noticed.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// The clock of the machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        // A clock before 1970 is read as 1970.
        let passed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_millis(i64::try_from(passed.as_millis()).unwrap_or(i64::MAX))
    }

    fn until(&self, at: Timestamp) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        let left = Duration::from_millis(u64::try_from(at.millis_since(self.now())).unwrap_or(0));
        Box::pin(tokio::time::sleep(left.min(LOOK_AGAIN)))
    }

    fn pause(&self, length: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(tokio::time::sleep(length))
    }
}

/// The randomness of the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        rand::fill(bytes);
    }
}
