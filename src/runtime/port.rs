//! Where time and randomness come from, and everything else that the runtime is given.

use super::fetch::Fetch;
use super::store::Store;
use cordboard_domain::time::Timestamp;
use std::sync::Arc;
use std::time::Duration;

/// What the runtime stands on: the world as its edges make it, or as a test does.
#[derive(Clone)]
pub struct Ports {
    pub store: Arc<dyn Store>,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<dyn Entropy>,
    /// The one client for every request that leaves.
    pub fetch: Arc<dyn Fetch>,
}

pub trait Clock: Send + Sync {
    fn now(&self) -> Timestamp;
    /// Ends when `now` may have reached `at`; a clock that is moved by hand ends it when it is moved.
    fn until(&self, at: Timestamp) -> std::pin::Pin<Box<dyn Future<Output = ()> + Send + '_>>;
    /// Ends after a length of time: the pause before trying again.
    fn pause(&self, length: Duration) -> std::pin::Pin<Box<dyn Future<Output = ()> + Send + '_>>;
}

pub trait Entropy: Send + Sync {
    fn fill(&self, bytes: &mut [u8]);

    fn seed(&self) -> u64 {
        let mut bytes = [0; 8];
        self.fill(&mut bytes);
        u64::from_le_bytes(bytes)
    }
}
