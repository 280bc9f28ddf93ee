//! Interned worker predicates: each distinct residual predicate is compiled once and keeps the bitmap of the workers
//! for which it is true, so that asking whether a worker belongs is one bit.

use super::floor::Slot;
use crate::rule::{Expression, RuleError, WorkerIndex};
use roaring::RoaringBitmap;
use serde_json::Value;
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

/// Predicates that nothing uses at the moment and that are kept in case the next item needs them.
const UNUSED_PREDICATES_MAX: usize = 4_096;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PredicateId(u32);

#[derive(Debug)]
struct Entry {
    text: Arc<str>,
    expression: Expression,
    selected: RoaringBitmap,
    uses: u32,
}

/// All predicates in use, over one index of the workers' facts.
#[derive(Debug, Default)]
pub struct Predicates {
    index: WorkerIndex,
    entries: Vec<Option<Entry>>,
    vacant: Vec<u32>,
    by_text: HashMap<Arc<str>, PredicateId>,
    unused: VecDeque<PredicateId>,
    /// Which predicates read a path of the worker's facts; those that may read anything stand under none.
    by_path: HashMap<Box<str>, BTreeSet<PredicateId>>,
    reads_anything: BTreeSet<PredicateId>,
}

impl Predicates {
    /// The predicate for a residual expression, with one more use.
    pub fn acquire(&mut self, residual: &Value) -> Result<PredicateId, RuleError> {
        let text = residual.to_string();
        if let Some(&id) = self.by_text.get(text.as_str()) {
            if let Some(entry) = self.entries[id.0 as usize].as_mut() {
                entry.uses += 1;
            }
            return Ok(id);
        }
        let expression = Expression::compile(residual)?;
        let selected = self.index.select(&expression);
        let text: Arc<str> = text.into();
        let entry = Entry { text: Arc::clone(&text), expression, selected, uses: 1 };
        let id = match self.vacant.pop() {
            Some(place) => {
                self.entries[place as usize] = Some(entry);
                PredicateId(place)
            }
            None => {
                self.entries.push(Some(entry));
                PredicateId(self.entries.len() as u32 - 1)
            }
        };
        self.by_text.insert(text, id);
        match self.entries[id.0 as usize].as_ref().and_then(|entry| entry.expression.paths()) {
            Some(paths) => {
                for path in paths {
                    self.by_path.entry(path.clone()).or_default().insert(id);
                }
            }
            None => {
                self.reads_anything.insert(id);
            }
        }
        Ok(id)
    }

    /// The predicate that is true for every worker.
    pub fn everybody(&mut self) -> PredicateId {
        match self.acquire(&Value::Bool(true)) {
            Ok(id) => id,
            Err(error) => unreachable!("a literal is an expression: {error}"),
        }
    }

    /// One use less. The bitmap is kept for a while: the next item is likely to need it again.
    pub fn release(&mut self, id: PredicateId) {
        let Some(entry) = self.entries[id.0 as usize].as_mut() else { return };
        entry.uses -= 1;
        if entry.uses > 0 {
            return;
        }
        self.unused.push_back(id);
        if self.unused.len() > UNUSED_PREDICATES_MAX
            && let Some(oldest) = self.unused.pop_front()
        {
            self.forget_if_unused(oldest);
        }
    }

    fn forget_if_unused(&mut self, id: PredicateId) {
        // A predicate that came back into use and left again stands in the line twice; the later place counts.
        if self.unused.contains(&id) {
            return;
        }
        let slot = &mut self.entries[id.0 as usize];
        if slot.as_ref().is_some_and(|entry| entry.uses == 0)
            && let Some(entry) = slot.take()
        {
            self.by_text.remove(&entry.text);
            self.reads_anything.remove(&id);
            for path in entry.expression.paths().into_iter().flatten() {
                if let Some(readers) = self.by_path.get_mut(path) {
                    readers.remove(&id);
                    if readers.is_empty() {
                        self.by_path.remove(path);
                    }
                }
            }
            self.vacant.push(id.0);
        }
    }

    pub fn selected(&self, id: PredicateId) -> Option<&RoaringBitmap> {
        self.entries.get(id.0 as usize)?.as_ref().map(|entry| &entry.selected)
    }

    pub fn contains(&self, id: PredicateId, slot: Slot) -> bool {
        self.selected(id).is_some_and(|selected| selected.contains(slot))
    }

    pub fn expression(&self, id: PredicateId) -> Option<&Expression> {
        self.entries.get(id.0 as usize)?.as_ref().map(|entry| &entry.expression)
    }

    /// Takes in a worker's facts (`worker` and `sys.worker`); only predicates that read what has changed are asked.
    /// A worker that is `new` to its slot is asked about by all.
    pub fn set_worker(&mut self, slot: Slot, facts: &Value, new: bool) {
        let changed = self.index.set(slot, facts);
        if new {
            for entry in self.entries.iter_mut().flatten() {
                entry.ask(&self.index, slot);
            }
            return;
        }
        let readers = changed.iter().filter_map(|path| self.by_path.get(path)).flatten();
        for id in readers.chain(&self.reads_anything) {
            if let Some(entry) = self.entries[id.0 as usize].as_mut() {
                entry.ask(&self.index, slot);
            }
        }
    }

    pub fn remove_worker(&mut self, slot: Slot) {
        self.index.remove(slot);
        for entry in self.entries.iter_mut().flatten() {
            entry.selected.remove(slot);
        }
    }
}

impl Entry {
    fn ask(&mut self, index: &WorkerIndex, slot: Slot) {
        if index.matches(slot, &self.expression) {
            self.selected.insert(slot);
        } else {
            self.selected.remove(slot);
        }
    }
}
