//! Where time and randomness come from.

use cordboard_domain::time::Timestamp;
use std::time::Duration;

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
