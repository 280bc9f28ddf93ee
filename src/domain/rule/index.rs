//! Finds the workers for which an expression is true without asking each of them: every path that some expression reads
//! has a column of who holds which value.
//!
//! `and`, `or` and `!` become algebra on bitmaps, and what reads one path is answered by its column. What reads several
//! paths at once is evaluated worker by worker. A worker for whom the evaluation fails does not match, exactly as if it
//! had been evaluated for that worker.

use super::column::{Column, Outcome, is_element, literals, same};
use super::expression::Expression;
use super::variable::{has_outer_root, lookup, operands, operation, path_and_default};
use roaring::RoaringBitmap;
use serde_json::{Map, Value, json};
use std::collections::HashMap;

type Slot = u32;

#[derive(Debug, Default)]
pub struct WorkerIndex {
    facts: Vec<Option<Value>>,
    all: RoaringBitmap,
    columns: HashMap<Box<str>, Column>,
}

impl WorkerIndex {
    /// Takes in the facts of a worker and answers the indexed paths whose value is another than before.
    pub fn set(&mut self, slot: Slot, facts: Value) -> Vec<Box<str>> {
        if self.facts.len() <= slot as usize {
            self.facts.resize(slot as usize + 1, None);
        }
        self.all.insert(slot);
        let old = self.facts[slot as usize].take();
        let mut changed = Vec::new();
        for (path, column) in &mut self.columns {
            let before = old.as_ref().map(|old| lookup(old, path));
            let after = lookup(&facts, path);
            if before.is_some_and(|before| same(before, after)) {
                continue;
            }
            if let Some(before) = before {
                column.remove(slot, before);
            }
            column.insert(slot, after);
            changed.push(path.clone());
        }
        self.facts[slot as usize] = Some(facts);
        changed
    }

    /// What is known of a worker.
    pub fn facts(&self, slot: Slot) -> Option<&Value> {
        self.facts.get(slot as usize)?.as_ref()
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
        self.facts(slot).is_some_and(|facts| expression.truthy(facts).unwrap_or(false))
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
            Some(("!", of)) if operands(of).len() == 1 => self.opposite(&operands(of)[0]),
            // Equality of two never fails, so its opposite is true for all others.
            Some(("!=", of)) if operands(of).len() == 2 => self.opposite(&json!({ "==": of })),
            Some(("!==", of)) if operands(of).len() == 2 => self.opposite(&json!({ "===": of })),
            Some((operator @ ("all" | "some" | "none"), of)) => match unrolled(operator, operands(of)) {
                Some(rule) => self.outcome(&rule),
                None => self.leaf(rule),
            },
            Some(_) | None => self.leaf(rule),
        }
    }

    fn opposite(&mut self, rule: &Value) -> Outcome {
        let Outcome { truthy, failed } = self.outcome(rule);
        Outcome { truthy: &(&self.all - &truthy) - &failed, failed }
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
                column_of(&mut self.columns, path, &self.facts).outcome(path, &expression)
            }
            Some(_) | None => self.one_by_one(&expression),
        }
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

/// Questions about every element of a list of literals, as one question about each.
fn unrolled(operator: &str, rules: &[Value]) -> Option<Value> {
    let [list, body] = rules else { return None };
    let list = literals(list).filter(|list| !list.is_empty())?;
    let ("in", of) = operation(body)? else { return None };
    let [element, searched] = operands(of) else { return None };
    if !is_element(element) || !matches!(operation(searched), Some(("var", of)) if reads_outside(of)) {
        return None;
    }
    let each: Vec<Value> = list.iter().map(|literal| json!({"in": [literal, searched]})).collect();
    match operator {
        "all" => Some(json!({ "and": each })),
        "some" => Some(json!({ "or": each })),
        _ => Some(json!({ "!": [{ "or": each }] })),
    }
}

fn reads_outside(of: &Value) -> bool {
    path_and_default(of).is_some_and(|(path, default)| default.is_none() && has_outer_root(path))
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
            prop::sample::select(vec!["a", "b", "", "3", "ab", " 3", "nan", "inf", "-0", "1e0"]).prop_map(Value::from),
        ];
        prop_oneof![
            3 => scalar.clone(),
            2 => prop::collection::vec(scalar, 0..3).prop_map(Value::from),
        ]
    }

    fn facts() -> impl Strategy<Value = Value> {
        let held = prop_oneof![6 => attribute(), 1 => attribute().prop_map(|value| json!({"a": value}))];
        prop::collection::btree_map(prop::sample::select(vec!["x", "y", "z"]), held, 0..4)
            .prop_map(|attributes| json!({"worker": attributes, "sys": {"worker": {"name": "n"}}}))
    }

    fn rule() -> impl Strategy<Value = Value> {
        let path = || {
            prop::sample::select(vec![
                "worker.x",
                "worker.y",
                "worker.z",
                "worker.z.a",
                "worker.x.0",
                "sys.worker.name",
                "worker",
            ])
        };
        let leaf = prop_oneof![
            attribute(),
            path().prop_map(|path| json!({"var": path})),
            (path(), attribute()).prop_map(|(path, default)| json!({"var": [path, default]})),
        ];
        let operators = vec!["==", "===", "!=", "!==", "<", "<=", ">", ">=", "in", "+", "cat"];
        let comparison = (prop::sample::select(operators), leaf.clone(), leaf.clone())
            .prop_map(|(operator, left, right)| json!({operator: [left, right]}));
        let element = || Just(json!({"var": ""}));
        let body = prop_oneof![
            (element(), leaf.clone()).prop_map(|(left, right)| json!({"in": [left, right]})),
            (leaf.clone(), element()).prop_map(|(left, right)| json!({"in": [left, right]})),
            (element(), leaf.clone()).prop_map(|(left, right)| json!({"==": [left, right]})),
        ];
        let elements = (prop::sample::select(vec!["all", "some", "none"]), leaf.clone(), body)
            .prop_map(|(operator, list, body)| json!({operator: [list, body]}));
        let missing = path().prop_map(|path| json!({"missing": [path]}));
        prop_oneof![6 => comparison, 3 => elements, 1 => leaf, 1 => missing].prop_recursive(3, 12, 3, |inner| {
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
                index.set(9, facts.clone());
            }
            for (slot, facts) in before.iter().enumerate() {
                index.set(slot as Slot, facts.clone());
            }
            let expressions: Vec<_> = rules.iter().filter_map(|rule| Expression::compile(rule).ok()).collect();
            for expression in &expressions {
                index.select(expression);
            }
            index.remove(9);
            for (slot, facts) in after.iter().enumerate() {
                index.set(slot as Slot, facts.clone());
            }
            for expression in &expressions {
                let selected = index.select(expression);
                for slot in 0..10 {
                    prop_assert_eq!(selected.contains(slot), index.matches(slot, expression), "{:?} {}", expression, slot);
                }
            }
        }
    }
}
