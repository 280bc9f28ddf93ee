//! Who may be offered an item, one condition after the other, for every item and every worker.

use super::logic::{Facts, holds};
use super::order;
use super::world::{Ask, Held, World};
use cordboard_domain::id::{ItemId, QueueId, WorkerId};
use cordboard_domain::work::{ItemState, Queue, QueueOrder, ReservationState, Worker};
use std::collections::BTreeMap;

/// What keeps a worker from being offered an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bar {
    NotWaiting,
    Unavailable,
    NoCapacity,
    Declined,
    OfferedAlready,
    NotMember,
    PredicateFalse,
    /// The item waits for another worker.
    Another,
}

impl World {
    /// Whether the item wants (further) offers now.
    pub fn wants_offers(&self, item: &Held) -> bool {
        let Some(ask) = &item.ask else { return false };
        let transferred = item.state == ItemState::Assigned && item.handover.is_some();
        (transferred || matches!(item.state, ItemState::Pending | ItemState::Reserved))
            && !ask.closed
            && self.offers_of(item.id) < ask.offers as usize
    }

    pub fn offers_of(&self, item: ItemId) -> usize {
        self.live_of_item(item).filter(|offer| offer.state == ReservationState::Offered).count()
    }

    /// The first reason why the worker may not be offered the item at this moment; `None` = it may.
    pub fn bar(&self, item: &Held, worker: &Worker) -> Option<Bar> {
        if !self.wants_offers(item) {
            return Some(Bar::NotWaiting);
        }
        let Some(ask) = &item.ask else { return Some(Bar::NotWaiting) };
        if let Some(bar) = self.bar_of_worker(item, ask, worker) {
            return Some(bar);
        }
        self.kept_for_another(item, ask, worker.id).then_some(Bar::Another)
    }

    /// The conditions of the worker itself, whomever the item may be waiting for.
    pub fn bar_of_worker(&self, item: &Held, ask: &Ask, worker: &Worker) -> Option<Bar> {
        if !self.is_available(worker) {
            return Some(Bar::Unavailable);
        }
        if self.load(worker.id, &item.channel) >= self.capacity(worker, &item.channel) {
            return Some(Bar::NoCapacity);
        }
        if item.declines.get(&worker.id).is_some_and(|until| self.now < *until) {
            return Some(Bar::Declined);
        }
        if self.live_of_item(item.id).any(|offer| offer.worker == worker.id) {
            return Some(Bar::OfferedAlready);
        }
        if !self.is_member(ask, worker) {
            return Some(Bar::NotMember);
        }
        (!self.predicate_holds(item, ask, worker)).then_some(Bar::PredicateFalse)
    }

    /// Whether the item is reserved for somebody else than this worker: the target of a transfer, the known worker, or
    /// the preferred one while it is eligible or waited for.
    fn kept_for_another(&self, item: &Held, ask: &Ask, worker: WorkerId) -> bool {
        if let Some(only) = ask.only {
            return only != worker;
        }
        let Some(preferred) = ask.prefer else { return false };
        if preferred == worker {
            return false;
        }
        let Some(record) = self.workers.get(&preferred) else { return false };
        let eligible = self.bar_of_worker(item, ask, record).is_none();
        let waited_for = ask.prefer_until.is_some_and(|until| self.now < until);
        eligible || waited_for
    }

    pub fn is_available(&self, worker: &Worker) -> bool {
        self.activities.get(&worker.activity).is_some_and(|activity| activity.available) && worker.reachable
    }

    /// Capacity on a channel, with the exclusions that the worker's present work brings.
    pub fn capacity(&self, worker: &Worker, channel: &str) -> u32 {
        let default =
            self.channels.values().find(|known| known.name == channel).map_or(0, |known| known.default_capacity);
        let own = worker.capacity.get(channel).copied().unwrap_or(default);
        self.account
            .settings
            .exclusions
            .iter()
            .filter(|rule| rule.channel == channel && self.load(worker.id, &rule.while_channel) > 0)
            .map(|rule| rule.capacity)
            .fold(own, u32::min)
    }

    pub fn is_member(&self, ask: &Ask, worker: &Worker) -> bool {
        match ask.queue {
            Some(queue) => self.queues.get(&queue).is_some_and(|queue| self.belongs(queue, worker)),
            None => true,
        }
    }

    pub fn belongs(&self, queue: &Queue, worker: &Worker) -> bool {
        self.memo.member(queue, worker, || {
            let name = self.activity_name(worker);
            holds(&queue.workers, &Facts::of_worker(&worker.attributes, &worker.id.to_string(), &worker.name, name))
        })
    }

    pub fn predicate_holds(&self, item: &Held, ask: &Ask, worker: &Worker) -> bool {
        let Some(predicate) = &ask.workers else { return true };
        self.memo.predicate(item, worker, || holds(predicate, &order::facts(self, item, worker)))
    }

    /// All workers that may be offered the item at this moment, in the order in which they would be.
    pub fn eligible_workers(&self, item: &Held) -> Vec<WorkerId> {
        if !self.wants_offers(item) {
            return Vec::new();
        }
        let Some(ask) = &item.ask else { return Vec::new() };
        let mut eligible: Vec<_> = self.workers.values().filter(|worker| self.bar(item, worker).is_none()).collect();
        eligible.sort_by(|one, two| order::workers(self, ask, item, one, two));
        eligible.into_iter().map(|worker| worker.id).collect()
    }

    /// The item that the worker must be offered next: the first of the heads of all queues in which it is eligible.
    pub fn first_item(&self, worker: &Worker) -> Option<&Held> {
        let mut heads: BTreeMap<Option<QueueId>, &Held> = BTreeMap::new();
        for item in self.items.values().filter(|item| self.bar(item, worker).is_none()) {
            let Some(ask) = item.ask.as_ref() else { continue };
            let head = heads.entry(ask.queue).or_insert(item);
            if order::within_queue(item, head, self.discipline(ask.queue), self.now).is_lt() {
                *head = item;
            }
        }
        let place = |queue: &Option<QueueId>| self.discipline(*queue);
        let first = heads
            .iter()
            .min_by(|one, two| order::across_queues((one.1, place(one.0)), (two.1, place(two.0)), self.now));
        first.map(|(_, item)| *item)
    }

    /// Order and ageing of a queue; items transferred to one worker come oldest first and do not age.
    fn discipline(&self, queue: Option<QueueId>) -> order::Discipline {
        match queue.and_then(|queue| self.queues.get(&queue)) {
            Some(queue) => (queue.order, queue.priority_per_minute_milli),
            None => (QueueOrder::Fifo, 0),
        }
    }
}
