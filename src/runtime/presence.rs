//! Who is connected: a worker is, while at least one stream of its events is open. The engine is told when the first
//! opens and when the last has closed; what that means for a worker that must be connected is the engine's.

use super::{Failure, Request, Runtime};
use cordboard_domain::id::{AccountId, WorkerId};
use cordboard_domain::work::{Actor, Command};
use dashmap::DashMap;
use std::sync::Arc;
use std::time::Duration;

/// Pause before the engine is told again, after it could not take the word.
const TELL_AGAIN_AFTER: Duration = Duration::from_secs(1);

type Place = (AccountId, WorkerId);

#[derive(Default)]
struct Seen {
    connections: u32,
    /// What the engine was last told.
    told: Option<bool>,
    /// A task is telling it now, and will tell what has changed meanwhile.
    telling: bool,
}

#[derive(Clone)]
pub struct Presence(Arc<Inner>);

struct Inner {
    runtime: Runtime,
    workers: DashMap<Place, Seen>,
}

/// A live connection of a worker; it ends when this is dropped.
pub struct Connection {
    presence: Presence,
    place: Place,
}

impl Presence {
    pub fn new(runtime: Runtime) -> Self {
        Self(Arc::new(Inner { runtime, workers: DashMap::new() }))
    }

    pub fn connect(&self, account: AccountId, worker: WorkerId) -> Connection {
        let place = (account, worker);
        self.change(place, |connections| connections.saturating_add(1));
        Connection { presence: self.clone(), place }
    }

    /// After a start nobody is connected, whatever was so before: those who must be are given their grace period to
    /// come back.
    pub async fn begin(&self, account: AccountId) -> Result<(), Failure> {
        let connected = self.0.runtime.read(account, |engine, _| {
            let workers = engine.workers().map(|view| view.worker);
            let lost = workers.filter(|worker| worker.disconnected_at.is_none());
            lost.map(|worker| worker.id).collect::<Vec<_>>()
        });
        for worker in connected.await? {
            self.change((account, worker), |connections| connections);
        }
        Ok(())
    }

    fn change(&self, place: Place, change: impl FnOnce(u32) -> u32) {
        let mut seen = self.0.workers.entry(place).or_default();
        seen.connections = change(seen.connections);
        if !seen.telling {
            seen.telling = true;
            tokio::spawn(self.clone().tell(place));
        }
    }

    /// Tells the engine until it knows how things stand. One task per worker at a time, so that the last word counts.
    async fn tell(self, place: Place) {
        while let Some(connected) = self.untold(place) {
            let (account, id) = place;
            let command = Command::SetConnection { id, connected };
            let request = Request { actor: Actor::Worker(id), command, keys: Vec::new(), once: None };
            match self.0.runtime.handle(account, request).await {
                // A worker that was deleted needs no word any more.
                Ok(_) | Err(Failure::Rejected(_)) => {
                    if let Some(mut seen) = self.0.workers.get_mut(&place) {
                        seen.told = Some(connected);
                    }
                }
                Err(Failure::NoAccount) => {
                    self.0.workers.remove(&place);
                    return;
                }
                Err(failure) => {
                    tracing::warn!(worker = %id, %failure, "a worker's connection could not be told; trying again");
                    self.0.runtime.pause(TELL_AGAIN_AFTER).await;
                }
            }
        }
    }

    /// What the engine does not know yet; a worker without connections is forgotten once it does.
    fn untold(&self, place: Place) -> Option<bool> {
        let mut seen = self.0.workers.get_mut(&place)?;
        let connected = seen.connections > 0;
        if seen.told != Some(connected) {
            return Some(connected);
        }
        seen.telling = false;
        drop(seen);
        self.0.workers.remove_if(&place, |_, seen| seen.connections == 0 && !seen.telling);
        None
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.presence.change(self.place, |connections| connections.saturating_sub(1));
    }
}
