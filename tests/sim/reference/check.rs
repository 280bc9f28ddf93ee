//! What must be true between two commands, whatever happened: asked of the whole picture, by looking at everything.

use super::follow::Faults;
use super::world::World;
use cordboard_domain::time::Timestamp;
use cordboard_domain::work::{ItemState, ReservationState};

impl World {
    /// Checks the picture at rest: no timer is due at `now`, and the engine's next one is at `next`.
    pub fn check(&self, next: Option<Timestamp>) -> Faults {
        let mut faults = Faults::new();
        self.check_pairs(&mut faults);
        self.check_states(&mut faults);
        self.check_timers(next, &mut faults);
        self.check_presence(&mut faults);
        faults
    }

    /// No free eligible worker stands beside an item that wants an offer.
    fn check_pairs(&self, faults: &mut Faults) {
        for item in self.items.values().filter(|item| self.wants_offers(item)) {
            if let Some(worker) = self.workers.values().find(|worker| self.bar(item, worker).is_none()) {
                let (load, capacity) = (self.load(worker.id, &item.channel), self.capacity(worker, &item.channel));
                faults.push(format!(
                    "{} waits while {} is free for it: {load} of {capacity} on {}, {} for {:?}, declined by {:?}",
                    item.id, worker.name, item.channel, worker.attributes, item.ask, item.declines
                ));
            }
        }
    }

    fn check_states(&self, faults: &mut Faults) {
        for item in self.items.values() {
            let offers = self.offers_of(item.id);
            let held = self.live_of_item(item.id).count() - offers;
            let right = match item.state {
                ItemState::Pending => offers == 0 && held == 0,
                ItemState::Reserved => offers > 0 && held == 0,
                ItemState::Assigned => held == 1 && (offers == 0 || item.handover.is_some()),
                ItemState::Wrapping => held == 1 && offers == 0,
                ItemState::Completed | ItemState::Canceled => false,
            };
            if !right {
                faults.push(format!("{} is {:?} with {offers} offers, {held} held", item.id, item.state));
            }
            let most = item.ask.as_ref().map_or(0, |ask| ask.offers as usize);
            if offers > most {
                faults.push(format!("{} has {offers} offers of {most}", item.id));
            }
        }
        if let Some(worker) = self.to_move.first() {
            faults.push(format!("{worker} has missed as often as it may and was not moved"));
        }
        for reservation in self.reservations.values() {
            if !self.items.contains_key(&reservation.item) || !self.workers.contains_key(&reservation.worker) {
                faults.push(format!("{} lives without its item or worker", reservation.id));
            }
        }
    }

    /// Everything with an end has a timer, and none is late.
    fn check_timers(&self, next: Option<Timestamp>, faults: &mut Faults) {
        let mut ends: Vec<(Timestamp, String)> = Vec::new();
        for offer in self.reservations.values().filter(|it| it.state == ReservationState::Offered) {
            ends.push((offer.expires_at, format!("the offer {}", offer.id)));
        }
        for item in self.items.values() {
            if matches!(item.state, ItemState::Pending | ItemState::Reserved) {
                ends.push((item.expires_at, format!("the item {}", item.id)));
                ends.extend(item.wait_until.map(|at| (at, format!("the wait of {}", item.id))));
            }
            let until = item.wrap_up_until.filter(|_| item.state == ItemState::Wrapping);
            ends.extend(until.map(|at| (at, format!("after-call work of {}", item.id))));
            // A transfer's time ends without an event of its own while an offer is open.
            let silent = item.handover.is_some() && self.offers_of(item.id) > 0;
            if let Some(ask) = item.ask.as_ref().filter(|_| !silent) {
                ends.extend(ask.deadline.map(|at| (at, format!("the step of {}", item.id))));
            }
        }
        let Some((first, what)) = ends.into_iter().min() else { return };
        if first <= self.now {
            faults.push(format!("{what} should have ended at {first}"));
        } else if next.is_none_or(|next| next > first) {
            faults.push(format!("{what} ends at {first}, and the next timer is at {next:?}"));
        }
    }

    /// A lost connection makes a worker that needs one unreachable when the grace period is over.
    fn check_presence(&self, faults: &mut Faults) {
        let grace = self.account.settings.presence_grace_s;
        for worker in self.workers.values().filter(|worker| worker.connection_required && worker.reachable) {
            if worker.disconnected_at.is_some_and(|at| at.plus_seconds(grace) <= self.now) {
                faults.push(format!("{} is unreachable and does not show it", worker.name));
            }
        }
    }
}
