//! What waits: items of one queue and channel form a lane, those of a lane that ask for the same workers in the same
//! order form a class. Only the heads of classes are ever looked at.

use super::floor::Slot;
use super::held::PredicateSet;
use super::order::{Across, Discipline, WaitKey};
use super::predicate::PredicateId;
use super::ranking::RankingId;
use crate::id::{ItemId, QueueId};
use crate::time::Timestamp;
use smallvec::SmallVec;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Heads of a lane up to this many are walked; of more it is looked up first which a worker may take.
const HEADS_WALKED_MAX: usize = 256;

/// How many heads are walked in the time in which one class is looked up.
const HEADS_PER_LOOK_UP: u64 = 16;

/// What makes items interchangeable in everything but their place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClassKey {
    pub queue: QueueId,
    pub channel: u16,
    pub predicate: PredicateId,
    pub ranking: RankingId,
    /// Waits for this worker alone.
    pub only: Option<Slot>,
}

#[derive(Debug)]
struct Lane {
    discipline: Discipline,
    /// The members of the queue, as a predicate.
    members: PredicateId,
    heads: BTreeMap<WaitKey, ClassKey>,
    /// The classes of `heads` by what they ask for, and the predicates among them.
    asking: BTreeSet<(PredicateId, RankingId)>,
    asked: PredicateSet,
    classes: usize,
}

/// All waiting items of an account.
#[derive(Debug, Default)]
pub struct Waiting {
    lanes: BTreeMap<(QueueId, u16), Lane>,
    classes: HashMap<ClassKey, BTreeSet<WaitKey>>,
    /// Classes of items that wait for one worker; they never stand in another worker's way.
    personal: HashMap<Slot, BTreeSet<ClassKey>>,
}

/// An item found for a worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found {
    pub item: ItemId,
    pub class: ClassKey,
    key: WaitKey,
    place: Across,
}

impl Found {
    /// Whether this item is served before the other: by their queue's own order, or as heads of different queues.
    pub fn comes_before(&self, other: &Self) -> bool {
        if self.class.queue == other.class.queue { self.key < other.key } else { self.place < other.place }
    }
}

impl Waiting {
    /// Puts an item in its place. `true` when it is the first of its class, which then holds its predicate and ranking.
    pub fn insert(&mut self, class: ClassKey, key: WaitKey, discipline: Discipline, members: PredicateId) -> bool {
        let lane = self.lanes.entry((class.queue, class.channel)).or_insert_with(|| Lane {
            discipline,
            members,
            heads: BTreeMap::new(),
            asking: BTreeSet::new(),
            asked: PredicateSet::default(),
            classes: 0,
        });
        let items = self.classes.entry(class).or_default();
        let old_head = items.first().copied();
        items.insert(key);
        if old_head.is_none() {
            lane.classes += 1;
        }
        match class.only {
            Some(slot) => {
                self.personal.entry(slot).or_default().insert(class);
            }
            None => lane.move_head(class, old_head, items.first().copied()),
        }
        old_head.is_none()
    }

    /// Takes an item out. `true` when the class is now empty and gone.
    pub fn remove(&mut self, class: ClassKey, key: WaitKey) -> bool {
        let Some(items) = self.classes.get_mut(&class) else { return false };
        let old_head = items.first().copied();
        items.remove(&key);
        let new_head = items.first().copied();
        let gone = new_head.is_none();
        if let Some(lane) = self.lanes.get_mut(&(class.queue, class.channel)) {
            if class.only.is_none() {
                lane.move_head(class, old_head, new_head);
            }
            if gone {
                lane.classes -= 1;
                if lane.classes == 0 {
                    self.lanes.remove(&(class.queue, class.channel));
                }
            }
        }
        if gone {
            self.classes.remove(&class);
            if let Some(slot) = class.only
                && let Some(own) = self.personal.get_mut(&slot)
            {
                own.remove(&class);
                if own.is_empty() {
                    self.personal.remove(&slot);
                }
            }
        }
        gone
    }

    /// The item that comes first among all those that a worker may take.
    ///
    /// `free` says whether the worker is free on a channel, `held` which predicates hold for it, and `barred` whether it
    /// may not be offered an item for now.
    pub fn best(
        &self,
        slot: Slot,
        now: Timestamp,
        free: impl Fn(u16) -> bool,
        held: &PredicateSet,
        barred: impl Fn(ItemId) -> bool,
    ) -> Option<Found> {
        let belongs = |predicate: PredicateId| held.contains(predicate);
        // One head per queue: its channels are served in one order, which for LIFO is not the order across queues.
        let mut heads: SmallVec<[Found; 8]> = SmallVec::new();
        let mut consider = |lane: &Lane, class: ClassKey, key: WaitKey| {
            let found = Found { item: key.id, class, key, place: lane.discipline.across(key, now) };
            match heads.iter_mut().rev().find(|head| head.class.queue == class.queue) {
                Some(head) if found.comes_before(head) => *head = found,
                Some(_) => {}
                None => heads.push(found),
            }
        };
        for (&(queue, channel), lane) in &self.lanes {
            if lane.heads.is_empty() || !free(channel) || !belongs(lane.members) {
                continue;
            }
            let common = lane.common(held);
            let first = if common * common * HEADS_PER_LOOK_UP <= lane.heads.len() as u64 {
                self.first_by_look_up(lane, queue, channel, held, &barred)
            } else {
                self.first_in_lane(lane, &belongs, &barred)
            };
            if let Some((class, key)) = first {
                consider(lane, class, key);
            }
        }
        for class in self.personal.get(&slot).into_iter().flatten() {
            let Some(lane) = self.lanes.get(&(class.queue, class.channel)) else { continue };
            let open = free(class.channel) && belongs(lane.members) && belongs(class.predicate);
            if open && let Some(key) = self.first_in_class(class, &barred) {
                consider(lane, *class, key);
            }
        }
        heads.into_iter().min_by_key(|found| found.place)
    }

    /// The first item of the few classes that a worker may take, which may stand behind many that it may not.
    fn first_by_look_up(
        &self,
        lane: &Lane,
        queue: QueueId,
        channel: u16,
        held: &PredicateSet,
        barred: &impl Fn(ItemId) -> bool,
    ) -> Option<(ClassKey, WaitKey)> {
        let classes = lane.asked.common(held).flat_map(|predicate| {
            let rankings = lane.asking.range((predicate, RankingId::FIRST)..=(predicate, RankingId::LAST));
            rankings.map(move |&(_, ranking)| ClassKey { queue, channel, predicate, ranking, only: None })
        });
        classes.filter_map(|class| Some((class, self.first_in_class(&class, barred)?))).min_by_key(|(_, key)| *key)
    }

    fn first_in_lane(
        &self,
        lane: &Lane,
        belongs: &impl Fn(PredicateId) -> bool,
        barred: &impl Fn(ItemId) -> bool,
    ) -> Option<(ClassKey, WaitKey)> {
        let mut first: Option<(ClassKey, WaitKey)> = None;
        for (head, class) in &lane.heads {
            // Behind a barred head a class may still hold the first item, until another class's head comes before it.
            if first.is_some_and(|(_, key)| key < *head) {
                break;
            }
            if belongs(class.predicate)
                && let Some(key) = self.first_in_class(class, barred)
                && first.is_none_or(|(_, other)| key < other)
            {
                first = Some((*class, key));
            }
        }
        first
    }

    fn first_in_class(&self, class: &ClassKey, barred: &impl Fn(ItemId) -> bool) -> Option<WaitKey> {
        self.classes.get(class)?.iter().find(|key| !barred(key.id)).copied()
    }

    /// Items that wait for this worker alone, in a fixed order.
    pub fn personal_items(&self, slot: Slot) -> Vec<ItemId> {
        let classes = self.personal.get(&slot).into_iter().flatten();
        let keys = classes.filter_map(|class| self.classes.get(class)).flatten();
        keys.map(|key| key.id).collect()
    }

    /// How many items of a class wait.
    pub fn class_len(&self, class: &ClassKey) -> usize {
        self.classes.get(class).map_or(0, BTreeSet::len)
    }

    pub fn contains(&self, class: &ClassKey, key: &WaitKey) -> bool {
        self.classes.get(class).is_some_and(|items| items.contains(key))
    }

    pub fn item_count(&self) -> usize {
        self.classes.values().map(BTreeSet::len).sum()
    }
}

impl Lane {
    fn move_head(&mut self, class: ClassKey, old: Option<WaitKey>, new: Option<WaitKey>) {
        if old == new {
            return;
        }
        match old {
            Some(key) => {
                self.heads.remove(&key);
            }
            None => {
                self.asking.insert((class.predicate, class.ranking));
                self.asked.insert(class.predicate);
            }
        }
        match new {
            Some(key) => {
                self.heads.insert(key, class);
            }
            None => {
                let (first, last) = ((class.predicate, RankingId::FIRST), (class.predicate, RankingId::LAST));
                self.asking.remove(&(class.predicate, class.ranking));
                if self.asking.range(first..=last).next().is_none() {
                    self.asked.remove(class.predicate);
                }
            }
        }
    }

    /// How many of the predicates that are asked for hold for a worker; where there are few heads, all may.
    fn common(&self, held: &PredicateSet) -> u64 {
        let few = self.heads.len() <= HEADS_WALKED_MAX;
        if few { self.heads.len() as u64 } else { self.asked.common_count(held) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::work::QueueOrder;
    use proptest::prelude::*;

    const QUEUE: QueueId = QueueId(1);
    const CHANNEL: u16 = 0;

    fn class(predicate: u32, sorted: bool) -> ClassKey {
        let ranking = if sorted { RankingId::LAST } else { RankingId::FIRST };
        ClassKey { queue: QUEUE, channel: CHANNEL, predicate: PredicateId(predicate), ranking, only: None }
    }

    proptest! {
        #[test]
        fn looking_up_finds_what_walking_finds(
            items in prop::collection::vec((0u32..6, any::<bool>(), 0i64..4, 0i64..6, any::<bool>()), 1..30),
            holds in prop::collection::btree_set(0u32..6, 0..5),
            barred in prop::collection::btree_set(0u128..30, 0..10),
        ) {
            let discipline = Discipline { order: QueueOrder::Fifo, slope_milli: 0 };
            let mut waiting = Waiting::default();
            let mut gone = Vec::new();
            for (id, (predicate, sorted, priority, since, leaves)) in (0u128..).zip(items) {
                let key = discipline.key(priority, Timestamp::from_millis(since), ItemId(id));
                waiting.insert(class(predicate, sorted), key, discipline, PredicateId(0));
                if leaves {
                    gone.push((class(predicate, sorted), key));
                }
            }
            for (class, key) in gone {
                waiting.remove(class, key);
            }
            let mut held = PredicateSet::default();
            holds.iter().for_each(|id| held.insert(PredicateId(*id)));
            let belongs = |id: PredicateId| held.contains(id);
            let barred = |id: ItemId| barred.contains(&id.0);
            for lane in waiting.lanes.values() {
                let asked: BTreeSet<_> = lane.heads.values().map(|class| class.predicate).collect();
                prop_assert!(lane.asked.iter().eq(asked));
                let walked = waiting.first_in_lane(lane, &belongs, &barred);
                prop_assert_eq!(waiting.first_by_look_up(lane, QUEUE, CHANNEL, &held, &barred), walked);
            }
        }
    }
}
