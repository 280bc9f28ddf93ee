//! Finds the workers for which an expression is true without asking each of them: for every path that some expression
//! reads, the distinct values are kept with the bitmap of the workers that hold them.
//!
//! `and`, `or` and `!` become algebra on bitmaps. An operation that reads one path is evaluated once for each distinct
//! value of it; equality with a text is looked up. What reads several paths at once is evaluated worker by worker. A
//! worker for whom the evaluation fails does not match, exactly as if it had been evaluated for that worker.

use super::expression::Expression;
use super::variable::{lookup, operands, operation, path_and_default};
use roaring::RoaringBitmap;
use serde_json::{Map, Value};
use std::collections::HashMap;

type Slot = u32;

#[derive(Debug, Default)]
pub struct WorkerIndex {
    facts: Vec<Option<Value>>,
    all: RoaringBitmap,
    columns: HashMap<Box<str>, Column>,
}

/// One path: who holds which value.
#[derive(Debug, Default)]
struct Column {
    /// By the value's text.
    texts: HashMap<Box<str>, RoaringBitmap>,
    /// By JSON text, everything that is not text; absence as `None`.
    others: HashMap<Box<str>, (Option<Value>, RoaringBitmap)>,
}

/// Workers for whom an operation is true, and those for whom it fails.
struct Outcome {
    truthy: RoaringBitmap,
    failed: RoaringBitmap,
}

impl WorkerIndex {
    /// Takes in the facts of a worker and answers the indexed paths whose value is another than before.
    pub fn set(&mut self, slot: Slot, facts: &Value) -> Vec<Box<str>> {
        if self.facts.len() <= slot as usize {
            self.facts.resize(slot as usize + 1, None);
        }
        let old = self.facts[slot as usize].replace(facts.clone());
        self.all.insert(slot);
        let mut changed = Vec::new();
        for (path, column) in &mut self.columns {
            let before = old.as_ref().map(|old| lookup(old, path));
            let after = lookup(facts, path);
            if before.is_some_and(|before| same(before, after)) {
                continue;
            }
            if let Some(before) = before {
                column.remove(slot, before);
            }
            column.insert(slot, after);
            changed.push(path.clone());
        }
        changed
    }

    pub fn remove(&mut self, slot: Slot) {
        let Some(facts) = self.facts.get_mut(slot as usize).and_then(Option::take) else { return };
        self.all.remove(slot);
        for (path, column) in &mut self.columns {
            column.remove(slot, lookup(&facts, path));
        }
    }

    /// Whether an expression is true for one worker.
    pub fn matches(&self, slot: Slot, expression: &Expression) -> bool {
        let facts = self.facts.get(slot as usize).and_then(Option::as_ref);
        facts.is_some_and(|facts| expression.truthy(facts).unwrap_or(false))
    }

    /// All workers for whom an expression is true.
    pub fn select(&mut self, expression: &Expression) -> RoaringBitmap {
        // Evaluation stops early and may never reach a path, yet every later change of it is to be told.
        for path in expression.paths().into_iter().flatten() {
            column_of(&mut self.columns, path, &self.facts);
        }
        self.outcome(expression.source()).truthy
    }

    fn outcome(&mut self, rule: &Value) -> Outcome {
        match operation(rule) {
            Some(("and", of)) => self.all_of(operands(of)),
            Some(("or", of)) => self.any_of(operands(of)),
            Some(("!", of)) if operands(of).len() == 1 => {
                let Outcome { truthy, failed } = self.outcome(&operands(of)[0]);
                Outcome { truthy: &(&self.all - &truthy) - &failed, failed }
            }
            Some(_) | None => self.leaf(rule),
        }
    }

    fn all_of(&mut self, rules: &[Value]) -> Outcome {
        let (mut alive, mut failed) = (self.all.clone(), RoaringBitmap::new());
        for rule in rules {
            if alive.is_empty() {
                break;
            }
            let outcome = self.outcome(rule);
            // An operand is only evaluated when those before it were true.
            failed |= &alive & &outcome.failed;
            alive &= outcome.truthy;
        }
        let truthy = if rules.is_empty() { RoaringBitmap::new() } else { alive };
        Outcome { truthy, failed }
    }

    fn any_of(&mut self, rules: &[Value]) -> Outcome {
        let mut undecided = self.all.clone();
        let (mut truthy, mut failed) = (RoaringBitmap::new(), RoaringBitmap::new());
        for rule in rules {
            if undecided.is_empty() {
                break;
            }
            let outcome = self.outcome(rule);
            truthy |= &undecided & &outcome.truthy;
            failed |= &undecided & &outcome.failed;
            undecided -= outcome.truthy | outcome.failed;
        }
        Outcome { truthy, failed }
    }

    fn leaf(&mut self, rule: &Value) -> Outcome {
        let nobody = || Outcome { truthy: RoaringBitmap::new(), failed: self.all.clone() };
        let Ok(expression) = Expression::compile(rule) else { return nobody() };
        match expression.paths() {
            Some([]) => match expression.truthy(&Value::Object(Map::new())) {
                Ok(true) => Outcome { truthy: self.all.clone(), failed: RoaringBitmap::new() },
                Ok(false) => Outcome { truthy: RoaringBitmap::new(), failed: RoaringBitmap::new() },
                Err(_) => nobody(),
            },
            Some([path]) if path.contains('.') => {
                let path = path.clone();
                self.by_values(&path, &expression)
            }
            Some(_) | None => self.one_by_one(&expression),
        }
    }

    fn by_values(&mut self, path: &str, expression: &Expression) -> Outcome {
        let column = column_of(&mut self.columns, path, &self.facts);
        let mut outcome = Outcome { truthy: RoaringBitmap::new(), failed: RoaringBitmap::new() };
        match wanted_texts(expression.source()) {
            Some(wanted) => {
                for text in wanted {
                    if let Some(holders) = column.texts.get(text) {
                        outcome.truthy |= holders;
                    }
                }
            }
            None => {
                for (text, holders) in &column.texts {
                    outcome.add(expression, path, Some(Value::String(text.to_string())), holders);
                }
            }
        }
        for (value, holders) in column.others.values() {
            outcome.add(expression, path, value.clone(), holders);
        }
        outcome
    }

    fn one_by_one(&self, expression: &Expression) -> Outcome {
        let mut outcome = Outcome { truthy: RoaringBitmap::new(), failed: RoaringBitmap::new() };
        for (slot, facts) in self.facts.iter().enumerate() {
            let Some(facts) = facts else { continue };
            match expression.truthy(facts) {
                Ok(true) => outcome.truthy.insert(slot as Slot),
                Ok(false) => continue,
                Err(_) => outcome.failed.insert(slot as Slot),
            };
        }
        outcome
    }
}

impl Outcome {
    fn add(&mut self, expression: &Expression, path: &str, value: Option<Value>, holders: &RoaringBitmap) {
        match expression.truthy(&facts_with(path, value)) {
            Ok(true) => self.truthy |= holders,
            Ok(false) => {}
            Err(_) => self.failed |= holders,
        }
    }
}

impl Column {
    fn insert(&mut self, slot: Slot, value: Option<&Value>) {
        match value {
            Some(Value::String(text)) => self.texts.entry(text.as_str().into()).or_default().insert(slot),
            value => self.others.entry(key(value)).or_insert_with(|| (value.cloned(), RoaringBitmap::new())).1.insert(slot),
        };
    }

    fn remove(&mut self, slot: Slot, value: Option<&Value>) {
        match value {
            Some(Value::String(text)) => {
                if let Some(holders) = self.texts.get_mut(text.as_str()) {
                    holders.remove(slot);
                    if holders.is_empty() {
                        self.texts.remove(text.as_str());
                    }
                }
            }
            value => {
                let key = key(value);
                if let Some((_, holders)) = self.others.get_mut(&key) {
                    holders.remove(slot);
                    if holders.is_empty() {
                        self.others.remove(&key);
                    }
                }
            }
        }
    }
}

fn key(value: Option<&Value>) -> Box<str> {
    value.map_or_else(|| "".into(), |value| value.to_string().into())
}

/// Whether two values stand under the same key: `0.0` and `-0.0` are equal and yet written differently.
fn same(left: Option<&Value>, right: Option<&Value>) -> bool {
    left == right && (matches!(left, None | Some(Value::String(_) | Value::Bool(_))) || key(left) == key(right))
}

/// The column of a path, made when the first expression reads it.
fn column_of<'a>(columns: &'a mut HashMap<Box<str>, Column>, path: &str, facts: &[Option<Value>]) -> &'a Column {
    columns.entry(path.into()).or_insert_with(|| {
        let mut column = Column::default();
        for (slot, facts) in facts.iter().enumerate() {
            if let Some(facts) = facts {
                column.insert(slot as Slot, lookup(facts, path));
            }
        }
        column
    })
}

/// Facts that hold one value at one path.
fn facts_with(path: &str, value: Option<Value>) -> Value {
    let Some(value) = value else { return Value::Object(Map::new()) };
    path.rsplit('.').fold(value, |value, step| {
        let mut fields = Map::new();
        fields.insert(step.to_owned(), value);
        Value::Object(fields)
    })
}

/// The only texts for which an operation can be true, where that can be told: equality with a text, and a search of the
/// fact in a list of texts. Two texts are equal only when they are the same; for other values nothing is said.
fn wanted_texts(rule: &Value) -> Option<Vec<&str>> {
    let (operator, of) = operation(rule)?;
    let [left, right] = operands(of) else { return None };
    let reads = |value: &Value| {
        matches!(operation(value), Some(("var", of)) if path_and_default(of).is_some_and(|(_, default)| default.is_none()))
    };
    match operator {
        "==" | "===" if reads(left) => Some(vec![right.as_str()?]),
        "==" | "===" if reads(right) => Some(vec![left.as_str()?]),
        "in" if reads(left) => right.as_array()?.iter().map(Value::as_str).collect(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn attribute() -> impl Strategy<Value = Value> {
        let scalar = prop_oneof![
            Just(json!(null)),
            any::<bool>().prop_map(Value::from),
            (-3i64..4).prop_map(Value::from),
            prop::sample::select(vec![0.0, -0.0, 1.0, 2.5]).prop_map(Value::from),
            prop::sample::select(vec!["a", "b", "", "3", "ab"]).prop_map(Value::from),
        ];
        prop_oneof![scalar.clone(), prop::collection::vec(scalar, 0..3).prop_map(Value::from)]
    }

    fn facts() -> impl Strategy<Value = Value> {
        prop::collection::btree_map(prop::sample::select(vec!["x", "y", "z"]), attribute(), 0..4)
            .prop_map(|attributes| json!({"worker": attributes, "sys": {"worker": {"name": "n"}}}))
    }

    fn rule() -> impl Strategy<Value = Value> {
        let path = || prop::sample::select(vec!["worker.x", "worker.y", "worker.z", "sys.worker.name", "worker"]);
        let leaf = prop_oneof![
            attribute(),
            path().prop_map(|path| json!({"var": path})),
            (path(), attribute()).prop_map(|(path, default)| json!({"var": [path, default]})),
        ];
        let comparison = (prop::sample::select(vec!["==", "===", "!=", "<", ">=", "in", "+"]), leaf.clone(), leaf)
            .prop_map(|(operator, left, right)| json!({operator: [left, right]}));
        comparison.prop_recursive(3, 12, 3, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 1..4).prop_map(|rules| json!({"and": rules})),
                prop::collection::vec(inner.clone(), 1..4).prop_map(|rules| json!({"or": rules})),
                inner.clone().prop_map(|rule| json!({"!": [rule]})),
                (inner.clone(), inner.clone(), inner).prop_map(|(a, b, c)| json!({"if": [a, b, c]})),
            ]
        })
    }

    proptest! {
        #[test]
        fn selects_exactly_those_for_whom_it_is_true(
            before in prop::collection::vec(facts(), 1..6),
            after in prop::collection::vec(facts(), 1..6),
            rules in prop::collection::vec(rule(), 1..4),
        ) {
            let mut index = WorkerIndex::default();
            for facts in before.iter().chain(&after).take(1) {
                index.set(9, facts);
            }
            for (slot, facts) in before.iter().enumerate() {
                index.set(slot as Slot, facts);
            }
            let expressions: Vec<_> = rules.iter().filter_map(|rule| Expression::compile(rule).ok()).collect();
            for expression in &expressions {
                index.select(expression);
            }
            index.remove(9);
            for (slot, facts) in after.iter().enumerate() {
                index.set(slot as Slot, facts);
            }
            for expression in &expressions {
                let selected = index.select(expression);
                for slot in 0..10 {
                    prop_assert_eq!(selected.contains(slot), index.matches(slot, expression), "{:?} {}", expression, slot);
                }
            }
        }

        #[test]
        fn filling_changes_no_outcome(rule in rule(), worker in facts(), x in attribute(), y in attribute()) {
            // The same rule with one fact moved from the worker to the item.
            let text = rule.to_string().replace("worker.x", "item.x").replace("worker.y", "item.y");
            let rule: Value = serde_json::from_str(&text).expect("still JSON");
            let item = json!({"item": {"x": x, "y": y}});
            let mut whole = worker.clone();
            whole["item"] = item["item"].clone();
            if let Ok(rest) = crate::rule::Template::compile(&rule).and_then(|template| template.fill(&item)) {
                let filled = Expression::compile(&rest).and_then(|rest| rest.truthy(&worker)).unwrap_or(false);
                let direct = Expression::compile(&rule).and_then(|rule| rule.truthy(&whole)).unwrap_or(false);
                prop_assert_eq!(filled, direct, "{} left {}", rule, rest);
            }
        }
    }
}
