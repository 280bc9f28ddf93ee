//! The floor: every worker in a dense slot with its load, what it is free for, and the bitmaps that matching reads.
//! It knows no items; it is told when a reservation takes or gives back capacity.

use super::order::{IdleKey, SortKey};
use super::predicate::{PredicateId, Predicates};
use super::ranking::{OrderBy, Ranked, RankingId, Rankings};
use crate::id::{ReservationId, WorkerId};
use crate::rule::{Expression, RuleError};
use crate::work::Worker;
use roaring::RoaringBitmap;
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use std::sync::Arc;

/// Index of a worker in the bitmaps.
pub type Slot = u32;

/// A worker at its place: the record and what follows from it and from its live reservations.
#[derive(Debug, Clone)]
pub struct Seat {
    pub worker: Worker,
    pub activity: Arc<str>,
    pub activity_available: bool,
    /// Live reservations by channel: offers count, they hold capacity.
    pub load: Vec<u32>,
    /// Capacity by channel before exclusions.
    pub capacity: Vec<u32>,
    /// Accepted or wrapping reservations: while there are any, the worker is not idle.
    pub held: u32,
    pub reservations: Vec<ReservationId>,
}

impl Seat {
    pub fn available(&self) -> bool {
        self.activity_available && self.worker.reachable
    }

    pub fn idle_key(&self) -> IdleKey {
        IdleKey { holds_work: self.held > 0, since: self.worker.idle_since, id: self.worker.id }
    }

    /// Capacity on a channel with the exclusions that the present load brings.
    pub fn effective_capacity(&self, channel: u16, exclusions: &[ChannelExclusion]) -> u32 {
        let own = self.capacity.get(channel as usize).copied().unwrap_or(0);
        exclusions
            .iter()
            .filter(|rule| rule.channel == channel && self.load_on(rule.while_channel) > 0)
            .fold(own, |capacity, rule| capacity.min(rule.capacity))
    }

    pub fn load_on(&self, channel: u16) -> u32 {
        self.load.get(channel as usize).copied().unwrap_or(0)
    }

    /// What predicates and orderings may read of the worker.
    pub fn facts(&self) -> Value {
        let own = json!({"id": self.worker.id, "name": self.worker.name, "activity": &*self.activity});
        let mut facts = Map::new();
        // Put in by itself: `json!` would take the attributes to pieces and make them anew.
        facts.insert("worker".to_owned(), self.worker.attributes.clone());
        facts.insert("sys".to_owned(), json!({ "worker": own }));
        facts.into()
    }
}

/// An exclusion with its channels resolved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChannelExclusion {
    pub while_channel: u16,
    pub channel: u16,
    pub capacity: u32,
}

/// What a change of a seat may have changed for the order of workers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Changed {
    /// At most what the worker is free for.
    Load,
    /// Also since when it is idle.
    Idleness,
    /// Also what predicates and orderings read.
    Facts,
}

#[derive(Debug, Default)]
pub struct Floor {
    seats: Seats,
    by_id: HashMap<WorkerId, Slot>,
    vacant: Vec<Slot>,
    pub predicates: Predicates,
    rankings: Rankings,
    available: RoaringBitmap,
    free: Vec<RoaringBitmap>,
    exclusions: Vec<ChannelExclusion>,
}

#[derive(Debug, Default)]
struct Seats(Vec<Option<Arc<Seat>>>);

/// What rankings read: who sits where, and what is known of them.
struct Standing<'a> {
    seats: &'a Seats,
    predicates: &'a Predicates,
}

impl Ranked for Standing<'_> {
    fn idle(&self, slot: Slot) -> Option<IdleKey> {
        self.seats.get(slot).map(Seat::idle_key)
    }

    fn sort(&self, slot: Slot, keys: &[(Expression, bool)]) -> Arc<[SortKey]> {
        let Some(facts) = self.predicates.facts(slot).filter(|_| !keys.is_empty()) else { return Arc::default() };
        // A value that cannot be computed for a worker sorts as missing, and the explanation says why.
        let value = |expression: &Expression| expression.evaluate(facts).unwrap_or(Value::Null);
        keys.iter().map(|(expression, descending)| SortKey::new(&value(expression), *descending)).collect()
    }
}

impl Seats {
    fn get(&self, slot: Slot) -> Option<&Seat> {
        self.0.get(slot as usize)?.as_deref()
    }
}

impl Floor {
    pub fn slot(&self, id: WorkerId) -> Option<Slot> {
        self.by_id.get(&id).copied()
    }

    pub fn seat(&self, slot: Slot) -> Option<&Seat> {
        self.seats.get(slot)
    }

    pub fn seat_of(&self, id: WorkerId) -> Option<&Seat> {
        self.slot(id).and_then(|slot| self.seat(slot))
    }

    /// A view of all seats that stays as it is while the floor goes on changing.
    pub fn snapshot(&self) -> Vec<(Slot, Arc<Seat>)> {
        let numbered = self.seats.0.iter().enumerate();
        numbered.filter_map(|(slot, seat)| Some((slot as Slot, Arc::clone(seat.as_ref()?)))).collect()
    }

    pub fn iter(&self) -> impl Iterator<Item = (Slot, &Seat)> {
        self.seats.0.iter().enumerate().filter_map(|(slot, seat)| Some((slot as Slot, seat.as_deref()?)))
    }

    pub fn len(&self) -> usize {
        self.by_id.len()
    }

    pub fn seat_worker(&mut self, seat: Seat) -> Slot {
        let id = seat.worker.id;
        let facts = seat.facts();
        let slot = match self.vacant.pop() {
            Some(slot) => {
                self.seats.0[slot as usize] = Some(Arc::new(seat));
                slot
            }
            None => {
                self.seats.0.push(Some(Arc::new(seat)));
                self.seats.0.len() as Slot - 1
            }
        };
        self.by_id.insert(id, slot);
        self.predicates.set_worker(slot, facts, true);
        self.refresh(slot, Changed::Facts);
        slot
    }

    pub fn unseat(&mut self, slot: Slot) {
        let Some(seat) = self.seats.0.get_mut(slot as usize).and_then(Option::take) else { return };
        self.by_id.remove(&seat.worker.id);
        self.available.remove(slot);
        for channel in 0..self.free.len() {
            self.free[channel].remove(slot);
            let standing = Standing { seats: &self.seats, predicates: &self.predicates };
            self.rankings.update(slot, channel as u16, false, true, &standing);
        }
        self.predicates.remove_worker(slot);
        self.vacant.push(slot);
    }

    /// Changes a seat, then everything that follows from it.
    pub fn change<T>(&mut self, slot: Slot, change: impl FnOnce(&mut Seat) -> T) -> Option<T> {
        let seat = Arc::make_mut(self.seats.0.get_mut(slot as usize)?.as_mut()?);
        let before = seat.idle_key();
        let answer = change(seat);
        let changed = if seat.idle_key() == before { Changed::Load } else { Changed::Idleness };
        self.refresh(slot, changed);
        Some(answer)
    }

    /// As [`Self::change`], for changes of name, attributes or activity.
    pub fn change_facts<T>(&mut self, slot: Slot, change: impl FnOnce(&mut Seat) -> T) -> Option<T> {
        let seat = Arc::make_mut(self.seats.0.get_mut(slot as usize)?.as_mut()?);
        let answer = change(seat);
        let facts = seat.facts();
        self.predicates.set_worker(slot, facts, false);
        self.refresh(slot, Changed::Facts);
        Some(answer)
    }

    fn refresh(&mut self, slot: Slot, changed: Changed) {
        let Some(seat) = self.seats.get(slot) else { return };
        let available = seat.available();
        set_bit(&mut self.available, slot, available);
        let standing = Standing { seats: &self.seats, predicates: &self.predicates };
        for (channel, all_free) in self.free.iter_mut().enumerate() {
            let number = channel as u16;
            let free = available && seat.load_on(number) < seat.effective_capacity(number, &self.exclusions);
            let was_free = all_free.contains(slot);
            if free != was_free {
                set_bit(all_free, slot, free);
            }
            let moves = match changed {
                Changed::Load => free != was_free,
                Changed::Idleness => free || was_free,
                Changed::Facts => true,
            };
            if moves {
                self.rankings.update(slot, number, free, changed == Changed::Facts, &standing);
            }
        }
    }

    /// Sets the number of channels and the exclusions between them.
    pub fn set_channels(&mut self, channels: usize, exclusions: Vec<ChannelExclusion>) {
        self.free.resize_with(channels, RoaringBitmap::new);
        self.exclusions = exclusions;
        for slot in 0..self.seats.0.len() as Slot {
            self.refresh(slot, Changed::Idleness);
        }
    }

    pub fn exclusions(&self) -> &[ChannelExclusion] {
        &self.exclusions
    }

    pub fn is_free(&self, slot: Slot, channel: u16) -> bool {
        self.free.get(channel as usize).is_some_and(|free| free.contains(slot))
    }

    pub fn is_free_anywhere(&self, slot: Slot) -> bool {
        self.free.iter().any(|free| free.contains(slot))
    }

    /// Workers with capacity left on at least one channel.
    pub fn free_anywhere(&self) -> RoaringBitmap {
        self.free.iter().fold(RoaringBitmap::new(), |all, free| all | free)
    }

    pub fn acquire_ranking(&mut self, channel: u16, order_by: &OrderBy) -> RankingId {
        let nobody = RoaringBitmap::new();
        let free = self.free.get(channel as usize).unwrap_or(&nobody);
        let standing = Standing { seats: &self.seats, predicates: &self.predicates };
        self.rankings.acquire(channel, order_by, free, &standing)
    }

    pub fn release_ranking(&mut self, ranking: RankingId) {
        self.rankings.release(ranking);
    }

    pub fn ranking_keys(&self, ranking: RankingId) -> Arc<[(Expression, bool)]> {
        self.rankings.keys(ranking)
    }

    /// Workers of the queue that satisfy the predicate and are free on the channel.
    pub fn eligible(&self, members: PredicateId, predicate: PredicateId, channel: u16) -> RoaringBitmap {
        let Some(free) = self.free.get(channel as usize).filter(|free| !free.is_empty()) else {
            return RoaringBitmap::new();
        };
        match (self.predicates.selected(members), self.predicates.selected(predicate)) {
            (Some(members), Some(selected)) => (free & selected) & members,
            _ => RoaringBitmap::new(),
        }
    }

    pub fn first(&self, ranking: RankingId, candidates: &RoaringBitmap) -> Option<Slot> {
        let standing = Standing { seats: &self.seats, predicates: &self.predicates };
        self.rankings.first(ranking, candidates, &standing)
    }

    /// Members of a queue in an available activity and reachable.
    pub fn available_members(&self, members: PredicateId) -> u64 {
        self.predicates.selected(members).map_or(0, |members| members.intersection_len(&self.available))
    }

    pub fn available(&self) -> &RoaringBitmap {
        &self.available
    }

    pub fn acquire_predicate(&mut self, residual: &Value) -> Result<PredicateId, RuleError> {
        self.predicates.acquire(residual)
    }
}

fn set_bit(bitmap: &mut RoaringBitmap, slot: Slot, on: bool) {
    if on {
        bitmap.insert(slot);
    } else {
        bitmap.remove(slot);
    }
}
