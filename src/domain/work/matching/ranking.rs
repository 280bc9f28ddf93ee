//! Free workers of a channel in the order in which one `order_by` would have them, kept sorted so that the first
//! eligible one is found without looking at all of them.

use super::floor::Slot;
use super::order::{IdleKey, SortKey, WorkerKey};
use crate::rule::Expression;
use roaring::RoaringBitmap;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// Candidates up to this many are compared one by one; more are found by walking the sorted tree.
const ENUMERATED_MAX: u64 = 32;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RankingId(u32);

/// The keys of an `order_by` with the item's values filled in.
#[derive(Debug, Clone)]
pub struct OrderBy {
    /// Canonical text, by which rankings are shared.
    pub text: Arc<str>,
    pub keys: Arc<[(Expression, bool)]>,
    /// Whether it reads the item, so that a sorted tree of it would serve one item alone.
    pub of_one_item: bool,
}

impl OrderBy {
    /// Longest idle first, and nothing before it.
    pub fn none() -> Self {
        Self { text: Arc::from(""), keys: Arc::from([]), of_one_item: false }
    }
}

#[derive(Debug)]
struct Ranking {
    channel: u16,
    order_by: OrderBy,
    uses: u32,
    sorted: BTreeSet<(WorkerKey, Slot)>,
    placed: HashMap<Slot, WorkerKey>,
}

/// What a ranking needs to know of a worker.
pub trait Ranked {
    fn idle(&self, slot: Slot) -> Option<IdleKey>;
    fn sort(&self, slot: Slot, keys: &[(Expression, bool)]) -> Vec<SortKey>;
}

#[derive(Debug, Default)]
pub struct Rankings {
    entries: Vec<Option<Ranking>>,
    vacant: Vec<u32>,
    by_text: HashMap<(u16, Arc<str>), RankingId>,
}

impl Rankings {
    /// The ranking of a channel's free workers by `order_by`, with one more use.
    pub fn acquire(
        &mut self,
        channel: u16,
        order_by: &OrderBy,
        free: &RoaringBitmap,
        workers: &impl Ranked,
    ) -> RankingId {
        if let Some(&id) = self.by_text.get(&(channel, Arc::clone(&order_by.text))) {
            if let Some(ranking) = self.entries[id.0 as usize].as_mut() {
                ranking.uses += 1;
            }
            return id;
        }
        let mut ranking =
            Ranking { channel, order_by: order_by.clone(), uses: 1, sorted: BTreeSet::new(), placed: HashMap::new() };
        for slot in free {
            ranking.place(slot, workers);
        }
        let id = match self.vacant.pop() {
            Some(place) => {
                self.entries[place as usize] = Some(ranking);
                RankingId(place)
            }
            None => {
                self.entries.push(Some(ranking));
                RankingId(self.entries.len() as u32 - 1)
            }
        };
        self.by_text.insert((channel, Arc::clone(&order_by.text)), id);
        id
    }

    pub fn release(&mut self, id: RankingId) {
        let entry = &mut self.entries[id.0 as usize];
        let Some(ranking) = entry.as_mut() else { return };
        ranking.uses -= 1;
        // A ranking that reads no item is kept: there are few of them, and the next item wants it sorted.
        if ranking.uses == 0 && ranking.order_by.of_one_item {
            let key = (ranking.channel, Arc::clone(&ranking.order_by.text));
            *entry = None;
            self.by_text.remove(&key);
            self.vacant.push(id.0);
        }
    }

    /// Takes note that a worker is free on a channel, is not, or sorts elsewhere now.
    pub fn update(&mut self, slot: Slot, channel: u16, free: bool, workers: &impl Ranked) {
        for ranking in self.entries.iter_mut().flatten().filter(|ranking| ranking.channel == channel) {
            ranking.take(slot);
            if free {
                ranking.place(slot, workers);
            }
        }
    }

    /// The first of the candidates.
    pub fn first(&self, id: RankingId, candidates: &RoaringBitmap, workers: &impl Ranked) -> Option<Slot> {
        let ranking = self.entries.get(id.0 as usize)?.as_ref()?;
        if candidates.len() > ENUMERATED_MAX && !ranking.order_by.of_one_item {
            let walked = ranking.sorted.iter().find(|(_, slot)| candidates.contains(*slot));
            return walked.map(|(_, slot)| *slot);
        }
        let keyed = candidates.iter().filter_map(|slot| Some((ranking.key(slot, workers)?, slot)));
        keyed.min().map(|(_, slot)| slot)
    }

    pub fn keys(&self, id: RankingId) -> Arc<[(Expression, bool)]> {
        let ranking = self.entries.get(id.0 as usize).and_then(Option::as_ref);
        ranking.map_or_else(|| Arc::from([]), |ranking| Arc::clone(&ranking.order_by.keys))
    }
}

impl Ranking {
    fn key(&self, slot: Slot, workers: &impl Ranked) -> Option<WorkerKey> {
        if let Some(key) = self.placed.get(&slot) {
            return Some(key.clone());
        }
        let idle = workers.idle(slot)?;
        Some(WorkerKey { sort: workers.sort(slot, &self.order_by.keys), idle })
    }

    fn place(&mut self, slot: Slot, workers: &impl Ranked) {
        if self.order_by.of_one_item {
            return;
        }
        if let Some(key) = self.key(slot, workers) {
            self.sorted.insert((key.clone(), slot));
            self.placed.insert(slot, key);
        }
    }

    fn take(&mut self, slot: Slot) {
        if let Some(key) = self.placed.remove(&slot) {
            self.sorted.remove(&(key, slot));
        }
    }
}
