//! Turns of messages on their way. Each account has its own, so that no tenant waits for another's receivers, and those
//! that fail take theirs apart from those that answer: a receiver that hangs takes no room from its neighbours.

use cordboard_domain::id::AccountId;
use dashmap::DashMap;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Messages of one account on their way at once: to receivers that take what they are sent, to those that do not, and
/// tests of receivers that somebody asked for.
const DELIVERIES_AT_ONCE_MAX: usize = 32;
const FAILING_DELIVERIES_AT_ONCE_MAX: usize = 8;
const PINGS_AT_ONCE_MAX: usize = 4;

pub(super) struct Lanes {
    pub sound: Semaphore,
    pub failing: Semaphore,
    pub pings: Semaphore,
}

#[derive(Default)]
pub(super) struct AllLanes(DashMap<AccountId, Arc<Lanes>>);

impl AllLanes {
    pub fn of(&self, account: AccountId) -> Arc<Lanes> {
        let lanes = || Lanes {
            sound: Semaphore::new(DELIVERIES_AT_ONCE_MAX),
            failing: Semaphore::new(FAILING_DELIVERIES_AT_ONCE_MAX),
            pings: Semaphore::new(PINGS_AT_ONCE_MAX),
        };
        Arc::clone(&self.0.entry(account).or_insert_with(|| Arc::new(lanes())))
    }
}
