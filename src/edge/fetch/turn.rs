//! Whose turn it is: how many requests are under way at once, altogether and to one host, and how many may wait. A dead
//! receiver holds up its own requests, not those to others.

use crate::runtime::fetch::{FetchCode, FetchFailure};
use dashmap::DashMap;
use std::sync::Arc;
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore, SemaphorePermit};

/// Requests that are under way or wait.
pub const REQUESTS_HELD_MAX: usize = 10_000;

/// Those of one host among them.
pub const HOST_REQUESTS_HELD_MAX: usize = 1_000;

pub(super) struct Turns {
    held: Arc<Semaphore>,
    at_once: Arc<Semaphore>,
    host_at_once: usize,
    /// Hosts with a request under way or waiting, so never more than there are requests.
    hosts: Arc<DashMap<String, HostTurns>>,
}

struct HostTurns {
    at_once: Arc<Semaphore>,
    held: usize,
}

/// One request among those held, until it is dropped.
pub(super) struct Place {
    host: String,
    host_at_once: Arc<Semaphore>,
    at_once: Arc<Semaphore>,
    hosts: Arc<DashMap<String, HostTurns>>,
    _held: OwnedSemaphorePermit,
}

impl Turns {
    pub fn new(at_once: usize, host_at_once: usize) -> Self {
        Self {
            held: Arc::new(Semaphore::new(REQUESTS_HELD_MAX)),
            at_once: Arc::new(Semaphore::new(at_once)),
            host_at_once,
            hosts: Arc::default(),
        }
    }

    /// # Errors
    /// [`FetchCode::Overloaded`] or [`FetchCode::HostBusy`] when too many wait already.
    pub fn place(&self, host: &str) -> Result<Place, FetchFailure> {
        let Ok(held) = Arc::clone(&self.held).try_acquire_owned() else {
            return Err(overloaded());
        };
        let fresh = || HostTurns { at_once: Arc::new(Semaphore::new(self.host_at_once)), held: 0 };
        let mut turns = self.hosts.entry(host.to_owned()).or_insert_with(fresh);
        if turns.held == HOST_REQUESTS_HELD_MAX {
            return Err(busy(host));
        }
        turns.held += 1;
        Ok(Place {
            host: host.to_owned(),
            host_at_once: Arc::clone(&turns.at_once),
            at_once: Arc::clone(&self.at_once),
            hosts: Arc::clone(&self.hosts),
            _held: held,
        })
    }
}

impl Place {
    /// The first thing to wait for, so that those who wait for a dead host take no turn from others.
    pub async fn host_turn(&self) -> Result<SemaphorePermit<'_>, AcquireError> {
        self.host_at_once.acquire().await
    }

    /// The second.
    pub async fn turn(&self) -> Result<SemaphorePermit<'_>, AcquireError> {
        self.at_once.acquire().await
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.hosts.remove_if_mut(&self.host, |_, turns| {
            turns.held -= 1;
            turns.held == 0
        });
    }
}

pub(super) fn overloaded() -> FetchFailure {
    FetchFailure::new(FetchCode::Overloaded, "too many outbound requests are waiting")
}

pub(super) fn busy(host: &str) -> FetchFailure {
    FetchFailure::new(FetchCode::HostBusy, format!("too many requests to {host} are waiting"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_forgotten_with_its_last_request() {
        let turns = Turns::new(2, 1);
        let first = turns.place("a:80").expect("a place");
        let second = turns.place("a:80").expect("a place");
        drop(first);
        assert_eq!(turns.hosts.len(), 1);
        drop(second);
        assert!(turns.hosts.is_empty());
    }

    #[test]
    fn a_busy_host_leaves_places_for_others() {
        let turns = Turns::new(1, 1);
        let places: Vec<Place> = (0..HOST_REQUESTS_HELD_MAX).map(|_| turns.place("a:80").expect("a place")).collect();
        let code = |host: &str| turns.place(host).err().map(|failure| failure.code);
        assert_eq!((code("a:80"), code("b:80")), (Some(FetchCode::HostBusy), None));
        drop(places);
        assert_eq!(code("a:80"), None);
    }

    #[test]
    fn all_requests_together_are_bounded() {
        let turns = Turns::new(1, 1);
        let host = |number: usize| format!("{number}:80");
        let places: Vec<Place> = (0..REQUESTS_HELD_MAX).map(|it| turns.place(&host(it)).expect("a place")).collect();
        assert_eq!(turns.place("b:80").err().map(|failure| failure.code), Some(FetchCode::Overloaded));
        drop(places);
        assert!(turns.hosts.is_empty());
    }
}
