//! What must hold between any two commands. The simulator asks after every command; nothing in production does.

use super::{Engine, Kind};
use crate::event_channel::{SubscriptionKind, SubscriptionState};
use crate::id::{ItemId, QueueId};
use crate::limit::SIGNING_SECRETS_MAX;
use crate::time::Timestamp;
use crate::work::timer::Timer;
use crate::work::*;
use std::collections::BTreeMap;

/// Something that must hold and does not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    pub subject: String,
    pub what: &'static str,
}

impl Engine {
    /// Everything that is broken at `now`; nothing, unless the engine has a defect.
    pub fn invariants(&self, now: Timestamp) -> Vec<Violation> {
        let mut broken = Vec::new();
        let mut require = |holds: bool, subject: &dyn std::fmt::Display, what: &'static str| {
            if !holds {
                broken.push(Violation { subject: subject.to_string(), what });
            }
        };
        for (_, seat) in self.floor.iter() {
            let mut load = vec![0; self.config.channels.len()];
            let mut held = 0;
            for reservation in seat.reservations.iter().filter_map(|id| self.reservations.get(id)) {
                require(reservation.worker == seat.worker.id, &reservation.id, "is kept by another worker");
                held += u32::from(reservation.state != ReservationState::Offered);
                let channel = self.items.get(&reservation.item).map(|entry| &*entry.item.channel);
                if let Some(number) = channel.and_then(|name| self.config.channel_number(name)) {
                    load[number as usize] += 1;
                }
            }
            require(load == seat.load, &seat.worker.id, "has a load other than its live reservations");
            require(held == seat.held, &seat.worker.id, "holds another number of items than it counts");
        }
        for (id, reservation) in &self.reservations {
            require(reservation.state.is_live(), id, "is kept although it has ended");
            let of_item = self.items.get(&reservation.item).is_some_and(|entry| entry.live.contains(id));
            require(of_item, id, "is not among its item's reservations");
            let of_worker = self.floor.seat_of(reservation.worker).is_some_and(|seat| seat.reservations.contains(id));
            require(of_worker, id, "is not among its worker's reservations");
            let armed = self.timers.contains(reservation.expires_at, Timer::Offer(*id));
            require(armed == (reservation.state == ReservationState::Offered), id, "has a timer against its state");
        }
        let mut listed = 0;
        for (id, entry) in &self.items {
            self.item_invariants(*id, entry, now, &mut require);
            if let Some(wait) = entry.wait.as_deref().filter(|wait| wait.listed) {
                listed += 1;
                require(self.waiting.contains(&wait.class, &wait.key), id, "is listed but not in the waiting room");
            }
        }
        require(
            listed == self.waiting.item_count(),
            &self.account.id,
            "has items in the waiting room that are not listed",
        );
        self.queue_invariants(&mut require);
        self.subscription_invariants(&mut require);
        broken
    }

    fn item_invariants(
        &self,
        id: ItemId,
        entry: &super::Entry,
        now: Timestamp,
        require: &mut impl FnMut(bool, &dyn std::fmt::Display, &'static str),
    ) {
        let item = &entry.item;
        let live = || entry.live.iter().filter_map(|id| self.reservations.get(id));
        let held = live().filter(|reservation| reservation.state != ReservationState::Offered).count();
        let offered = self.open_offers(id);
        require(item.state.is_open(), &id, "is kept although it has ended");
        let sound = match item.state {
            ItemState::Pending => held == 0 && offered == 0,
            ItemState::Reserved => held == 0 && offered > 0,
            ItemState::Assigned | ItemState::Wrapping => held == 1,
            ItemState::Completed | ItemState::Canceled => false,
        };
        require(sound, &id, "has live reservations against its state");
        let unassigned = matches!(item.state, ItemState::Pending | ItemState::Reserved);
        require(
            self.timers.contains(item.expires_at, Timer::Item(id)) == unassigned,
            &id,
            "has a timer against its state",
        );
        let key_kept = item.unique_key.as_ref().is_none_or(|key| self.unique_keys.get(key.as_str()) == Some(&id));
        require(key_kept, &id, "has lost its unique key");
        let armed = item.place.deadline.is_some_and(|at| self.timers.contains(at, Timer::Step(id)));
        require(!item.place.awaits_answer() || armed, &id, "waits for an answer without a last resort");
        let Some(wait) = entry.wait.as_deref() else { return };
        let wants = offered < wait.offers && !item.place.expired;
        require(wait.listed == wants, &id, "is listed against what it wants");
        if wait.listed
            && let Some(mut left) = self.candidates(id)
        {
            self.strike_barred(now, id, &mut left);
            let alone = wait.class.only.is_none_or(|only| left.contains(only));
            // A decline that has run out by the clock counts once its timer has fired.
            let due = item.declines.iter().any(|decline| decline.until <= now);
            require(left.is_empty() || !alone || due, &id, "waits beside a free worker");
        }
    }

    fn subscription_invariants(&self, require: &mut impl FnMut(bool, &dyn std::fmt::Display, &'static str)) {
        for channel in self.event_channels() {
            let named = self.config.named(Kind::EventChannel, &channel.name) == Some(channel.id.0);
            require(named, &channel.id, "is not found by its name");
            let past = channel.effective_after <= self.sequence();
            require(past, &channel.id, "takes effect after an event that has not happened");
        }
        for subscription in self.subscriptions() {
            let id = &subscription.id;
            let channel = self.event_channel(subscription.event_channel);
            require(channel.is_some(), id, "is of an event channel that is not there");
            require(subscription.start_after <= self.sequence(), id, "starts after an event that has not happened");
            let disabled = subscription.state == SubscriptionState::Disabled;
            let reason = subscription.disabled_reason.is_some();
            require(disabled == reason, id, "has a reason against its state");
            let signs = subscription.target.kind() == SubscriptionKind::Webhook;
            let (newest, count) = (subscription.secrets.first(), subscription.secrets.len());
            require(newest.is_some() == signs, id, "has secrets against its kind");
            require(newest.is_none_or(|it| it.signs_until.is_none()), id, "has a newest secret that ends");
            require(count <= SIGNING_SECRETS_MAX, id, "has too many secrets");
        }
    }

    fn queue_invariants(&self, require: &mut impl FnMut(bool, &dyn std::fmt::Display, &'static str)) {
        let mut counts: BTreeMap<QueueId, (u32, u32, u32)> = BTreeMap::new();
        for item in self.items.values().map(|entry| &entry.item) {
            let Some(queue) = item.queue else { continue };
            let (pending, reserved, assigned) = counts.entry(queue).or_default();
            match item.state {
                ItemState::Pending => *pending += 1,
                ItemState::Reserved => *reserved += 1,
                ItemState::Assigned | ItemState::Wrapping => *assigned += 1,
                ItemState::Completed | ItemState::Canceled => {}
            }
        }
        for (id, entry) in &self.config.queues {
            let counted = counts.get(id).copied().unwrap_or_default();
            let kept = (entry.pending_count, entry.reserved_count, entry.assigned_count);
            require(counted == kept, id, "counts other items than it has");
            require(
                entry.pending.values().sum::<u32>() == counted.0,
                id,
                "knows other entry times than its items have",
            );
        }
    }
}
