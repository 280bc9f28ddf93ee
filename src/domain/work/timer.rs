//! The engine's timers in order of their deadlines. One timer of each kind per subject; setting it again replaces it.

use crate::id::{ItemId, ReservationId, WorkerId};
use crate::time::Timestamp;
use std::collections::BTreeSet;

/// What is due. The order of the variants decides between timers of the same millisecond: offers resolve before the
/// steps that wait for them, and those before the item's own end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Timer {
    /// An offer was not answered in time.
    Offer(ReservationId),
    /// After-call work has lasted as long as it may.
    WrapUp(ItemId),
    /// A declined worker may be offered the item again.
    Reoffer(ItemId),
    /// The item has waited long enough for its preferred worker.
    Prefer(ItemId),
    /// A route's timeout or the end of a wait.
    Step(ItemId),
    /// The item has been unassigned as long as it may.
    Item(ItemId),
    /// A lost connection has lasted longer than the grace period.
    Presence(WorkerId),
}

#[derive(Debug, Clone, Default)]
pub struct Timers {
    due: BTreeSet<(Timestamp, Timer)>,
}

impl Timers {
    pub fn set(&mut self, at: Timestamp, timer: Timer) {
        self.due.insert((at, timer));
    }

    /// Takes a timer back; the caller knows when it was due.
    pub fn clear(&mut self, at: Option<Timestamp>, timer: Timer) {
        if let Some(at) = at {
            self.due.remove(&(at, timer));
        }
    }

    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.due.first().map(|(at, _)| *at)
    }

    /// The earliest timer if it is due at `now`.
    pub fn pop_due(&mut self, now: Timestamp) -> Option<(Timestamp, Timer)> {
        let first = *self.due.first()?;
        if first.0 > now {
            return None;
        }
        self.due.pop_first()
    }

    pub fn contains(&self, at: Timestamp, timer: Timer) -> bool {
        self.due.contains(&(at, timer))
    }
}
