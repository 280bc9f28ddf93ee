//! Settling: after a command, every freed worker and every newly waiting item gets its match. Afterwards no free worker
//! stands beside an item that it may take, which is why one newcomer on either side is all there ever is to look at.

use super::{Engine, Turn};
use crate::id::ItemId;
use crate::time::Timestamp;
use crate::work::Plant;
use crate::work::matching::floor::{Seat, Slot};
use crate::work::matching::waiting::Found;
use crate::work::timer::Timer;
use roaring::RoaringBitmap;
use smallvec::SmallVec;

impl Engine {
    pub(super) fn settle(&mut self, turn: &mut Turn<'_>) {
        // Offers change what there is to settle, so both lists are read until they stay empty.
        loop {
            if let Some(slot) = turn.freed.pop() {
                self.occupy(turn, slot);
            } else if let Some(item) = turn.stirred.pop() {
                // By way of the worker, so that an item which stirred with it and comes before it is served first.
                while let Some(first) = self.first_for(turn, item) {
                    self.occupy(turn, first);
                }
            } else {
                return;
            }
        }
    }

    /// Gives a free worker the best item that it may take, again and again until it is not free or nothing is left.
    ///
    /// When several workers are free at once, the item may belong to another of them, and that one may have a better
    /// item still; following this chain keeps the waiting order strict. Each link holds an earlier item, so it ends; only
    /// LIFO queues beside others can lead it in a circle, and then the item where it closes is as good as any.
    fn occupy(&mut self, turn: &mut Turn<'_>, slot: Slot) {
        while let Some(mut found) = self.best_for(turn, slot) {
            let mut passed: SmallVec<[ItemId; 8]> = SmallVec::new();
            loop {
                let Some(first) = self.first_for(turn, found.item) else { return };
                passed.push(found.item);
                match self.best_for(turn, first) {
                    Some(better) if better.comes_before(&found) && !passed.contains(&better.item) => found = better,
                    Some(_) | None => {
                        self.make_offer(turn, found.item, first);
                        break;
                    }
                }
            }
        }
    }

    fn best_for(&self, turn: &Turn<'_>, slot: Slot) -> Option<Found> {
        if !self.floor.is_free_anywhere(slot) {
            return None;
        }
        let seat = self.floor.seat(slot)?;
        let free = |channel| self.floor.is_free(slot, channel);
        let held = self.floor.predicates.held_by(slot)?;
        let barred = |item: ItemId| self.barred(turn, item, seat.worker.id);
        let now = if self.planted.has(Plant::AgeingForgotten) { Timestamp::default() } else { turn.now };
        self.waiting.best(slot, now, free, held, barred)
    }

    /// Whether a worker may not be offered an item for now: it has declined it, or it has it already.
    pub(in crate::work) fn barred(&self, turn: &Turn<'_>, item: ItemId, worker: crate::id::WorkerId) -> bool {
        let Some(entry) = self.items.get(&item) else { return true };
        let declined = |decline: &crate::work::Decline| decline.worker == worker && decline.until > turn.now;
        let has = |id| self.reservations.get(id).is_some_and(|reservation| reservation.worker == worker);
        entry.item.declines.iter().any(declined) || entry.live.iter().any(has)
    }

    /// The worker that an item is offered to next.
    fn first_for(&self, turn: &Turn<'_>, item: ItemId) -> Option<Slot> {
        let wait = self.items.get(&item)?.wait.as_deref().filter(|wait| wait.listed)?;
        let mut candidates = self.candidates(item)?;
        self.strike_barred(turn.now, item, &mut candidates);
        if let Some(only) = wait.class.only {
            return candidates.contains(only).then_some(only);
        }
        let preferred = wait.preferred.and_then(|id| self.floor.slot(id));
        let prefers = !self.planted.has(Plant::PreferForgotten);
        if let Some(slot) = preferred.filter(|slot| prefers && candidates.contains(*slot)) {
            return Some(slot);
        }
        if self.planted.has(Plant::IdleReversed) {
            return candidates.iter().max_by_key(|slot| self.floor.seat(*slot).map(Seat::idle_key));
        }
        self.floor.first(wait.class.ranking, &candidates)
    }

    /// Eligible workers of an item but for those that are barred from it.
    pub(in crate::work) fn candidates(&self, item: ItemId) -> Option<RoaringBitmap> {
        let class = self.items.get(&item)?.wait.as_deref()?.class;
        let members = self.members_of(class.queue);
        Some(self.floor.eligible(members, class.predicate, class.channel))
    }

    pub(in crate::work) fn strike_barred(&self, now: Timestamp, item: ItemId, candidates: &mut RoaringBitmap) {
        let Some(entry) = self.items.get(&item) else { return };
        if candidates.is_empty() {
            return;
        }
        let declined = entry.item.declines.iter().filter(|decline| decline.until > now).map(|decline| decline.worker);
        let having = entry.live.iter().filter_map(|id| self.reservations.get(id)).map(|reservation| reservation.worker);
        for slot in declined.chain(having).filter_map(|worker| self.floor.slot(worker)) {
            candidates.remove(slot);
        }
    }

    /// Fires due timers one by one, each a decision of its own, up to a bound so that commands are heard between.
    pub(super) fn tick(&mut self, turn: &mut Turn<'_>) -> Result<super::Answer, crate::work::Rejection> {
        for _ in 0..crate::limit::TIMERS_PER_TICK_MAX {
            let Some((_, timer)) = self.timers.pop_due(turn.now) else { break };
            match timer {
                Timer::Offer(reservation) => self.offer_timed_out(turn, reservation),
                Timer::WrapUp(item) => self.wrap_up_ended(turn, item),
                Timer::Reoffer(item) => self.reoffer_due(turn, item),
                Timer::Prefer(item) => self.prefer_ended(turn, item),
                Timer::Step(item) => self.step_ended(turn, item),
                Timer::Item(item) => self.item_timed_out(turn, item),
                Timer::Presence(worker) => self.presence_lost(turn, worker),
            }
            self.settle(turn);
            self.finish(turn);
        }
        Ok(super::Answer::Done)
    }
}
