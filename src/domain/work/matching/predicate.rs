//! Interned worker predicates: each distinct residual predicate is compiled once and keeps the bitmap of the workers
//! for which it is true, so that asking whether a worker belongs is one bit.

use super::floor::Slot;
use super::held::PredicateSet;
use crate::rule::{Expression, RuleError, WorkerIndex, truth_form};
use roaring::RoaringBitmap;
use serde_json::Value;
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

/// Predicates that nothing uses at the moment and that are kept in case the next item needs them.
const UNUSED_PREDICATES_MAX: usize = 4_096;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PredicateId(pub(super) u32);

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
    /// By slot: the predicates that hold for the worker there, the same pairs as in `selected` the other way round. A
    /// freed worker is asked about many predicates at once, and each would be a look at another bitmap.
    held: Vec<PredicateSet>,
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
        // Only truth counts here: rests that differ in nothing else share one predicate.
        let residual = truth_form(residual.clone());
        let text = residual.to_string();
        if let Some(&id) = self.by_text.get(text.as_str()) {
            if let Some(entry) = self.entries[id.0 as usize].as_mut() {
                entry.uses += 1;
            }
            return Ok(id);
        }
        let expression = Expression::compile(&residual)?;
        let selected = self.index.select(&expression);
        let text: Arc<str> = text.into();
        let place = self.vacant.pop().unwrap_or_else(|| {
            self.entries.push(None);
            self.entries.len() as u32 - 1
        });
        let id = PredicateId(place);
        for slot in &selected {
            self.held[slot as usize].insert(id);
        }
        self.entries[place as usize] = Some(Entry { text: Arc::clone(&text), expression, selected, uses: 1 });
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
            for slot in &entry.selected {
                self.held[slot as usize].remove(id);
            }
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

    /// The predicates that hold for a worker.
    pub fn held_by(&self, slot: Slot) -> Option<&PredicateSet> {
        self.held.get(slot as usize)
    }

    /// What is known of a worker.
    pub fn facts(&self, slot: Slot) -> Option<&Value> {
        self.index.facts(slot)
    }

    pub fn expression(&self, id: PredicateId) -> Option<&Expression> {
        self.entries.get(id.0 as usize)?.as_ref().map(|entry| &entry.expression)
    }

    /// Takes in a worker's facts (`worker` and `sys.worker`); only predicates that read what has changed are asked.
    /// A worker that is `new` to its slot is asked about by all.
    pub fn set_worker(&mut self, slot: Slot, facts: Value, new: bool) {
        if self.held.len() <= slot as usize {
            self.held.resize_with(slot as usize + 1, PredicateSet::default);
        }
        let changed = self.index.set(slot, facts);
        let (index, held) = (&self.index, &mut self.held[slot as usize]);
        let mut ask = |id: PredicateId, entry: &mut Entry| {
            if index.matches(slot, &entry.expression) {
                entry.selected.insert(slot);
                held.insert(id);
            } else {
                entry.selected.remove(slot);
                held.remove(id);
            }
        };
        if new {
            let entries = self.entries.iter_mut().zip(0..);
            let used = entries.filter_map(|(entry, place)| Some((PredicateId(place), entry.as_mut()?)));
            used.for_each(|(id, entry)| ask(id, entry));
            return;
        }
        let readers = changed.iter().filter_map(|path| self.by_path.get(path)).flatten();
        for id in readers.chain(&self.reads_anything) {
            if let Some(entry) = self.entries[id.0 as usize].as_mut() {
                ask(*id, entry);
            }
        }
    }

    pub fn remove_worker(&mut self, slot: Slot) {
        self.index.remove(slot);
        let Some(held) = self.held.get_mut(slot as usize).map(std::mem::take) else { return };
        for id in held.iter() {
            if let Some(entry) = self.entries[id.0 as usize].as_mut() {
                entry.selected.remove(slot);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    /// Whether a predicate holds for a worker; both directions must say the same.
    fn holds(predicates: &Predicates, id: PredicateId, slot: Slot) -> bool {
        let selected = predicates.selected(id).is_some_and(|selected| selected.contains(slot));
        let held = predicates.held_by(slot).is_some_and(|held| held.contains(id));
        assert_eq!(selected, held);
        held
    }

    fn facts(x: i64, y: i64) -> Value {
        json!({"worker": {"x": x, "y": y}, "sys": {"worker": {"name": "n"}}})
    }

    #[test]
    fn changes_are_heard_of_facts_that_an_operand_never_reached_reads() {
        let mut predicates = Predicates::default();
        let both = json!({"and": [{"==": [{"var": "worker.x"}, 1]}, {"==": [{"var": "worker.y"}, 1]}]});
        let either = json!({"or": [{"==": [{"var": "worker.x"}, 0]}, {"==": [{"var": "worker.y"}, 1]}]});
        let nested = json!({"and": [{"!": [either.clone()]}, {"var": "sys.worker.name"}]});
        let ids = [both, either, nested].map(|rule| predicates.acquire(&rule).expect("compiles"));
        let all = |predicates: &Predicates| ids.map(|id| holds(predicates, id, 7));
        predicates.set_worker(7, facts(0, 0), true);
        assert_eq!(all(&predicates), [false, true, false]);
        predicates.set_worker(7, facts(1, 0), false);
        assert_eq!(all(&predicates), [false, false, true]);
        predicates.set_worker(7, facts(1, 1), false);
        assert_eq!(all(&predicates), [true, true, false]);
    }

    fn leaf() -> impl Strategy<Value = Value> {
        let path = prop::sample::select(vec!["worker.x", "worker.y", "worker"]);
        (prop::sample::select(vec!["==", "<", "!=", "in"]), path, -1i64..3)
            .prop_map(|(operator, path, literal)| json!({operator: [{"var": path}, literal]}))
    }

    fn rule() -> impl Strategy<Value = Value> {
        leaf().prop_recursive(3, 10, 3, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 1..4).prop_map(|rules| json!({"and": rules})),
                prop::collection::vec(inner.clone(), 1..4).prop_map(|rules| json!({"or": rules})),
                inner.prop_map(|rule| json!({"!": [rule]})),
            ]
        })
    }

    #[derive(Debug, Clone)]
    enum Act {
        Acquire(Value),
        Set(Slot, i64, i64),
        Remove(Slot),
    }

    fn act() -> impl Strategy<Value = Act> {
        prop_oneof![
            rule().prop_map(Act::Acquire),
            (0u32..4, -1i64..3, -1i64..3).prop_map(|(slot, x, y)| Act::Set(slot, x, y)),
            (0u32..4, -1i64..3, -1i64..3).prop_map(|(slot, x, y)| Act::Set(slot, x, y)),
            (0u32..4).prop_map(Act::Remove),
        ]
    }

    proptest! {
        #[test]
        fn predicates_hold_for_exactly_those_for_whom_they_are_true(acts in prop::collection::vec(act(), 1..20)) {
            let mut predicates = Predicates::default();
            let mut workers: HashMap<Slot, Value> = HashMap::new();
            let mut acquired = BTreeSet::new();
            for act in acts {
                match act {
                    Act::Acquire(rule) => {
                        acquired.insert(predicates.acquire(&rule).expect("compiles"));
                    }
                    Act::Set(slot, x, y) => {
                        let new = workers.insert(slot, facts(x, y)).is_none();
                        predicates.set_worker(slot, facts(x, y), new);
                    }
                    Act::Remove(slot) => {
                        workers.remove(&slot);
                        predicates.remove_worker(slot);
                    }
                }
                for &id in &acquired {
                    let expression = predicates.expression(id).expect("in use");
                    for slot in 0..4 {
                        let truth = workers.get(&slot).is_some_and(|facts| expression.truthy(facts).unwrap_or(false));
                        prop_assert_eq!(holds(&predicates, id, slot), truth, "{:?} {}", expression, slot);
                    }
                }
            }
        }
    }
}
