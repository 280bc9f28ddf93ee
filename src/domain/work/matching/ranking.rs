//! Free workers of a channel in the order in which one `order_by` would have them, kept sorted so that the first
//! eligible one is found without looking at all of them.

use super::floor::Slot;
use super::order::{IdleKey, SortKey, WorkerKey};
use crate::rule::Expression;
use roaring::RoaringBitmap;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RankingId(u32);

impl RankingId {
    pub const FIRST: Self = Self(0);
    pub const LAST: Self = Self(u32::MAX);
}

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
    /// By slot: the key of a worker that is or was free; what is sorted by stays known while the worker is not.
    known: Vec<Option<Known>>,
}

#[derive(Debug)]
struct Known {
    key: WorkerKey,
    /// Stands in `sorted`.
    listed: bool,
}

/// What a ranking needs to know of a worker.
pub trait Ranked {
    fn idle(&self, slot: Slot) -> Option<IdleKey>;
    fn sort(&self, slot: Slot, keys: &[(Expression, bool)]) -> Arc<[SortKey]>;
}

#[derive(Debug, Default)]
pub struct Rankings {
    entries: Vec<Option<Ranking>>,
    vacant: Vec<u32>,
    by_text: HashMap<(u16, Arc<str>), RankingId>,
    /// Those of each channel that are kept sorted.
    sorted: HashMap<u16, Vec<RankingId>>,
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
        let order_by = order_by.clone();
        let text = Arc::clone(&order_by.text);
        let sorts = !order_by.of_one_item;
        let mut ranking = Ranking { channel, order_by, uses: 1, sorted: BTreeSet::new(), known: Vec::new() };
        if sorts {
            ranking.fill(free, workers);
        }
        let place = self.vacant.pop().unwrap_or_else(|| {
            self.entries.push(None);
            self.entries.len() as u32 - 1
        });
        self.entries[place as usize] = Some(ranking);
        let id = RankingId(place);
        self.by_text.insert((channel, text), id);
        if sorts {
            self.sorted.entry(channel).or_default().push(id);
        }
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

    /// Takes note that a worker is free on a channel, is not, or sorts elsewhere now. `facts_changed` says whether what
    /// an `order_by` reads may be another.
    pub fn update(&mut self, slot: Slot, channel: u16, free: bool, facts_changed: bool, workers: &impl Ranked) {
        for id in self.sorted.get(&channel).into_iter().flatten() {
            let Some(ranking) = self.entries[id.0 as usize].as_mut() else { continue };
            ranking.take(slot);
            if facts_changed && let Some(known) = ranking.known.get_mut(slot as usize) {
                *known = None;
            }
            if free {
                ranking.place(slot, workers);
            }
        }
    }

    /// The first of the candidates.
    pub fn first(&self, id: RankingId, candidates: &RoaringBitmap, workers: &impl Ranked) -> Option<Slot> {
        let ranking = self.entries.get(id.0 as usize)?.as_ref()?;
        if ranking.order_by.of_one_item {
            let keyed = candidates.iter().filter_map(|slot| Some((ranking.key(slot, workers)?, slot)));
            return keyed.min().map(|(_, slot)| slot);
        }
        // Many candidates are met soon on the way through the order; few are compared sooner than met.
        let nearest = ranking.sorted.iter().take(candidates.len() as usize);
        let met = nearest.map(|(_, slot)| *slot).find(|slot| candidates.contains(*slot));
        met.or_else(|| {
            let keyed = candidates.iter().filter_map(|slot| Some((ranking.listed(slot)?, slot)));
            keyed.min().map(|(_, slot)| slot)
        })
    }

    pub fn keys(&self, id: RankingId) -> Arc<[(Expression, bool)]> {
        let ranking = self.entries.get(id.0 as usize).and_then(Option::as_ref);
        ranking.map_or_else(|| Arc::from([]), |ranking| Arc::clone(&ranking.order_by.keys))
    }
}

impl Ranking {
    fn key(&self, slot: Slot, workers: &impl Ranked) -> Option<WorkerKey> {
        Some(WorkerKey { sort: workers.sort(slot, &self.order_by.keys), idle: workers.idle(slot)? })
    }

    fn listed(&self, slot: Slot) -> Option<&WorkerKey> {
        self.known.get(slot as usize)?.as_ref().filter(|known| known.listed).map(|known| &known.key)
    }

    /// Sorts all free workers at once.
    fn fill(&mut self, free: &RoaringBitmap, workers: &impl Ranked) {
        for slot in free {
            if let Some(key) = self.key(slot, workers) {
                self.note(slot, key);
            }
        }
        let listed = self.known.iter().zip(0..).filter_map(|(known, slot)| Some((known.as_ref()?.key.clone(), slot)));
        self.sorted = listed.collect();
    }

    fn place(&mut self, slot: Slot, workers: &impl Ranked) {
        let known = self.known.get(slot as usize).and_then(Option::as_ref);
        let key = match known {
            Some(known) => workers.idle(slot).map(|idle| WorkerKey { sort: Arc::clone(&known.key.sort), idle }),
            None => self.key(slot, workers),
        };
        if let Some(key) = key {
            self.sorted.insert((key.clone(), slot));
            self.note(slot, key);
        }
    }

    fn note(&mut self, slot: Slot, key: WorkerKey) {
        if self.known.len() <= slot as usize {
            self.known.resize_with(slot as usize + 1, || None);
        }
        self.known[slot as usize] = Some(Known { key, listed: true });
    }

    fn take(&mut self, slot: Slot) {
        if let Some(known) = self.known.get_mut(slot as usize).and_then(Option::as_mut)
            && known.listed
        {
            known.listed = false;
            self.sorted.remove(&(known.key.clone(), slot));
        }
    }
}
