//! One path of the workers' facts: who holds which value, by the value, by number in order and by element of lists.
//!
//! The usual questions (equality, membership, ranges against literals) are looked up. Every other operation is evaluated
//! once for each distinct value. Both give what evaluating for each worker would.

use super::expression::Expression;
use super::variable::{operands, operation, path_and_default};
use roaring::{MultiOps, RoaringBitmap};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;

type Slot = u32;
type Distinct<V> = HashMap<Box<str>, (V, RoaringBitmap)>;

/// Workers for whom an operation is true, and those for whom it fails.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub truthy: RoaringBitmap,
    pub failed: RoaringBitmap,
}

#[derive(Debug, Default)]
pub(super) struct Column {
    texts: HashMap<Box<str>, RoaringBitmap>,
    /// By JSON text.
    numbers: Distinct<Value>,
    lists: Distinct<Value>,
    /// Null, booleans and objects; absence as `None`.
    others: Distinct<Option<Value>>,
    /// Holders of a number, by its place in the order of numbers.
    by_number: BTreeMap<u64, Holders>,
    /// Holders of a list, by a text or number in it.
    by_element: HashMap<Element, RoaringBitmap>,
    number_holders: RoaringBitmap,
    list_holders: RoaringBitmap,
}

/// Who holds one number: often a single worker, for whom a bitmap would be three places in memory to look at.
#[derive(Debug)]
enum Holders {
    One(Slot),
    Many(RoaringBitmap),
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Element {
    Text(Box<str>),
    Number(u64),
}

/// A question about one fact that can be looked up.
enum Question<'a> {
    /// Equal to a text or a number.
    Equal { literal: &'a Value, strict: bool },
    /// In order to a number.
    Range(Bound<u64>, Bound<u64>),
    /// One of these texts and numbers.
    Among(&'a [Value]),
    /// A list with this text or number in it, or a text with this text in it.
    Containing(&'a Value),
    /// A list with one of these texts and numbers in it.
    Meeting(&'a [Value]),
}

impl Column {
    pub fn insert(&mut self, slot: Slot, value: Option<&Value>) {
        match value {
            Some(Value::String(text)) => {
                self.texts.entry(text.as_str().into()).or_default().insert(slot);
            }
            Some(value @ Value::Number(_)) => {
                self.number_holders.insert(slot);
                let held = self.by_number.entry(place(value));
                held.and_modify(|holders| holders.insert(slot)).or_insert(Holders::One(slot));
                self.numbers
                    .entry(key(Some(value)))
                    .or_insert_with(|| (value.clone(), RoaringBitmap::new()))
                    .1
                    .insert(slot);
            }
            Some(value @ Value::Array(elements)) => {
                self.list_holders.insert(slot);
                for element in elements.iter().filter_map(Element::of) {
                    self.by_element.entry(element).or_default().insert(slot);
                }
                self.lists
                    .entry(key(Some(value)))
                    .or_insert_with(|| (value.clone(), RoaringBitmap::new()))
                    .1
                    .insert(slot);
            }
            Some(Value::Null | Value::Bool(_) | Value::Object(_)) | None => {
                let held = self.others.entry(key(value)).or_insert_with(|| (value.cloned(), RoaringBitmap::new()));
                held.1.insert(slot);
            }
        }
    }

    pub fn remove(&mut self, slot: Slot, value: Option<&Value>) {
        match value {
            Some(Value::String(text)) => {
                if let Some(holders) = self.texts.get_mut(text.as_str()) {
                    holders.remove(slot);
                    if holders.is_empty() {
                        self.texts.remove(text.as_str());
                    }
                }
            }
            Some(value @ Value::Number(_)) => {
                self.number_holders.remove(slot);
                let place = place(value);
                if self.by_number.get_mut(&place).is_some_and(|holders| holders.remove(slot)) {
                    self.by_number.remove(&place);
                }
                release(&mut self.numbers, slot, Some(value));
            }
            Some(value @ Value::Array(elements)) => {
                self.list_holders.remove(slot);
                for element in elements.iter().filter_map(Element::of) {
                    if let Some(holders) = self.by_element.get_mut(&element) {
                        holders.remove(slot);
                        if holders.is_empty() {
                            self.by_element.remove(&element);
                        }
                    }
                }
                release(&mut self.lists, slot, Some(value));
            }
            Some(Value::Null | Value::Bool(_) | Value::Object(_)) | None => release(&mut self.others, slot, value),
        }
    }

    /// Who holds a value for which an expression over this path alone is true.
    pub fn outcome(&self, path: &str, expression: &Expression) -> Outcome {
        let mut outcome = Outcome::default();
        match Question::of(expression.source()) {
            Some(question) => {
                self.look_up(&question, path, expression, &mut outcome);
            }
            None => {
                self.ask_texts(path, expression, &mut outcome);
                for (value, holders) in self.numbers.values().chain(self.lists.values()) {
                    outcome.add(expression, path, Some(value.clone()), holders);
                }
            }
        }
        for (value, holders) in self.others.values() {
            outcome.add(expression, path, value.clone(), holders);
        }
        outcome
    }

    fn look_up(&self, question: &Question<'_>, path: &str, expression: &Expression, outcome: &mut Outcome) {
        match question {
            Question::Equal { literal, strict } => self.equal(literal, *strict, path, expression, outcome),
            Question::Range(low, high) => {
                outcome.truthy |= self.within((*low, *high));
                // A list has no place among numbers.
                outcome.failed |= &self.list_holders;
                self.ask_texts(path, expression, outcome);
            }
            Question::Among(literals) => {
                for literal in *literals {
                    self.equal(literal, true, path, expression, outcome);
                }
            }
            Question::Containing(literal) => {
                self.holding(literal, outcome);
                if let Value::String(literal) = literal {
                    let found = self.texts.iter().filter(|(text, _)| text.contains(literal.as_str()));
                    outcome.truthy |= found.map(|(_, holders)| holders).union();
                }
            }
            Question::Meeting(literals) => {
                literals.iter().for_each(|literal| self.holding(literal, outcome));
                self.ask_texts(path, expression, outcome);
                for (value, holders) in self.numbers.values() {
                    outcome.add(expression, path, Some(value.clone()), holders);
                }
            }
        }
    }

    /// A text equals the same text; a number the same number, and loosely a text that is written like it.
    fn equal(&self, literal: &Value, strict: bool, path: &str, expression: &Expression, outcome: &mut Outcome) {
        match literal {
            Value::String(text) => {
                outcome.add_held(self.texts.get(text.as_str()));
                if !strict && let Some(number) = text.parse::<f64>().ok().filter(|number| !number.is_nan()) {
                    outcome.add_number(self.by_number.get(&place_of(number)));
                }
            }
            number => {
                outcome.add_number(self.by_number.get(&place(number)));
                if !strict {
                    self.ask_texts(path, expression, outcome);
                }
            }
        }
    }

    fn holding(&self, literal: &Value, outcome: &mut Outcome) {
        outcome.add_held(Element::of(literal).and_then(|element| self.by_element.get(&element)));
    }

    /// Holders of numbers within bounds; of the two sides of the bounds the shorter one is walked.
    fn within(&self, bounds: (Bound<u64>, Bound<u64>)) -> RoaringBitmap {
        let middle = self.by_number.len() / 2;
        let inside = self.by_number.range(bounds).map(|(_, holders)| holders);
        if inside.clone().nth(middle).is_none() {
            return all_of(inside);
        }
        let (low, high) = bounds;
        let below = self.by_number.range((Bound::Unbounded, opposite(low)));
        let above = self.by_number.range((opposite(high), Bound::Unbounded));
        let outside = [(low, below), (high, above)].into_iter().filter(|(bound, _)| *bound != Bound::Unbounded);
        &self.number_holders - all_of(outside.flat_map(|(_, side)| side.map(|(_, holders)| holders)))
    }

    fn ask_texts(&self, path: &str, expression: &Expression, outcome: &mut Outcome) {
        for (text, holders) in &self.texts {
            outcome.add(expression, path, Some(Value::String(text.to_string())), holders);
        }
    }
}

impl<'a> Question<'a> {
    fn of(rule: &'a Value) -> Option<Self> {
        let (operator, of) = operation(rule)?;
        let [left, right] = operands(of) else { return None };
        let in_order = matches!(operator, "<" | "<=" | ">" | ">=");
        match operator {
            "==" | "===" => {
                let literal = if reads(left) { right } else { Some(left).filter(|_| reads(right))? };
                let strict = operator == "===";
                Element::of(literal).map(|_| Self::Equal { literal, strict })
            }
            _ if in_order && reads(left) && right.is_number() => Some(Self::range(operator, place(right), false)),
            _ if in_order && reads(right) && left.is_number() => Some(Self::range(operator, place(left), true)),
            "in" if reads(left) => literals(right).map(Self::Among),
            "in" if reads(right) => Element::of(left).map(|_| Self::Containing(left)),
            "some" if reads(left) => match operation(right) {
                Some(("in", of)) => match operands(of) {
                    [element, wanted] if is_element(element) => literals(wanted).map(Self::Meeting),
                    _ => None,
                },
                _ => None,
            },
            _ => None,
        }
    }

    fn range(operator: &str, place: u64, reversed: bool) -> Self {
        let less = operator.starts_with('<') != reversed;
        let bound = if operator.ends_with('=') { Bound::Included(place) } else { Bound::Excluded(place) };
        if less { Self::Range(Bound::Unbounded, bound) } else { Self::Range(bound, Bound::Unbounded) }
    }
}

/// Whether this is a fact without a default.
fn reads(value: &Value) -> bool {
    matches!(operation(value), Some(("var", of)) if path_and_default(of).is_some_and(|(_, default)| default.is_none()))
}

/// Whether this is the whole element of an operation over elements.
pub(super) fn is_element(value: &Value) -> bool {
    matches!(operation(value), Some(("var", of)) if path_and_default(of) == Some(("", None)))
}

/// A list of nothing but texts and numbers.
pub(super) fn literals(value: &Value) -> Option<&[Value]> {
    value.as_array().filter(|values| values.iter().all(|value| Element::of(value).is_some())).map(Vec::as_slice)
}

impl Element {
    fn of(value: &Value) -> Option<Self> {
        match value {
            Value::String(text) => Some(Self::Text(text.as_str().into())),
            Value::Number(_) => Some(Self::Number(place(value))),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        }
    }
}

impl Outcome {
    pub fn add(&mut self, expression: &Expression, path: &str, value: Option<Value>, holders: &RoaringBitmap) {
        match expression.truthy(&facts_with(path, value)) {
            Ok(true) => self.truthy |= holders,
            Ok(false) => {}
            Err(_) => self.failed |= holders,
        }
    }

    fn add_number(&mut self, holders: Option<&Holders>) {
        self.truthy |= all_of(holders.into_iter());
    }

    fn add_held(&mut self, holders: Option<&RoaringBitmap>) {
        if let Some(holders) = holders {
            self.truthy |= holders;
        }
    }
}

impl Holders {
    fn insert(&mut self, slot: Slot) {
        match self {
            Self::One(one) => *self = Self::Many([*one, slot].into_iter().collect()),
            Self::Many(many) => {
                many.insert(slot);
            }
        }
    }

    /// `true` when nobody is left.
    fn remove(&mut self, slot: Slot) -> bool {
        match self {
            Self::One(one) => *one == slot,
            Self::Many(many) => {
                many.remove(slot);
                many.is_empty()
            }
        }
    }
}

/// All of these together. Thousands of single workers are set as plain bits first, which is far less work than as many
/// unions.
fn all_of<'a>(holders: impl Iterator<Item = &'a Holders>) -> RoaringBitmap {
    let (mut bytes, mut several) = (Vec::new(), Vec::new());
    for holders in holders {
        match holders {
            Holders::One(slot) => {
                let (byte, bit) = (*slot as usize / 8, slot % 8);
                if bytes.len() <= byte {
                    bytes.resize(byte + 1, 0u8);
                }
                bytes[byte] |= 1 << bit;
            }
            Holders::Many(many) => several.push(many),
        }
    }
    several.union() | RoaringBitmap::from_lsb0_bytes(0, &bytes)
}

fn opposite(bound: Bound<u64>) -> Bound<u64> {
    match bound {
        Bound::Included(place) => Bound::Excluded(place),
        Bound::Excluded(place) => Bound::Included(place),
        Bound::Unbounded => Bound::Unbounded,
    }
}

fn release<V>(held: &mut Distinct<V>, slot: Slot, value: Option<&Value>) {
    let key = key(value);
    if let Some((_, holders)) = held.get_mut(&key) {
        holders.remove(slot);
        if holders.is_empty() {
            held.remove(&key);
        }
    }
}

/// Whether two values stand under the same key: `0.0` and `-0.0` are equal and yet written differently.
pub(super) fn same(left: Option<&Value>, right: Option<&Value>) -> bool {
    left == right && (matches!(left, None | Some(Value::String(_) | Value::Bool(_))) || key(left) == key(right))
}

fn key(value: Option<&Value>) -> Box<str> {
    value.map_or_else(|| "".into(), |value| value.to_string().into())
}

/// The place of a number among all, as the evaluator compares them.
fn place(number: &Value) -> u64 {
    place_of(number.as_f64().unwrap_or_default())
}

/// The order of IEEE 754 bits is that of the numbers once negatives are flipped; −0 counts as 0.
fn place_of(number: f64) -> u64 {
    let bits = (number + 0.0).to_bits();
    if bits >> 63 == 1 { !bits } else { bits | (1 << 63) }
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
