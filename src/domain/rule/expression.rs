//! A compiled expression and its evaluation, on the JSONLogic crate.

use super::variable::{self, OUTER_ROOTS};
use datalogic_rs::bumpalo::Bump;
use datalogic_rs::{DataValue, Engine, EvaluationConfig, FromDataValue, Logic};
use serde_json::{Map, Value, json};
use smallvec::SmallVec;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};

/// Scope jumps of `val` that always lead to the outermost scope: the crate stops there.
const TO_OUTERMOST: u32 = 99;

static ENGINE: LazyLock<Engine> = LazyLock::new(|| {
    // A comparison of different types is false, as in the reference implementation, and not an error.
    let config = EvaluationConfig::default().with_loose_equality_errors(false);
    Engine::builder().with_config(config).build()
});

thread_local! {
    static ARENA: RefCell<Bump> = RefCell::new(Bump::new());
}

/// Why an expression cannot be compiled or evaluated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct RuleError {
    pub message: String,
}

impl From<datalogic_rs::Error> for RuleError {
    fn from(error: datalogic_rs::Error) -> Self {
        Self { message: error.to_string() }
    }
}

/// One JSONLogic expression, compiled; cheap to clone.
#[derive(Clone)]
pub struct Expression(Arc<Inner>);

struct Inner {
    source: Value,
    logic: Logic,
    /// Paths of facts that it reads, or `None` when it may read anything.
    paths: Option<Box<[Box<str>]>>,
    /// The same by root, or `None`.
    readings: Option<Box<[Reading]>>,
}

/// What is read of one root: `worker` whole, or some of its fields.
struct Reading {
    root: Box<str>,
    fields: Option<Box<[Box<str>]>>,
}

impl std::fmt::Debug for Expression {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Expression({})", self.0.source)
    }
}

impl PartialEq for Expression {
    fn eq(&self, other: &Self) -> bool {
        self.0.source == other.0.source
    }
}

impl Expression {
    /// # Errors
    /// What is no expression: an unknown operator, or operands of the wrong number or kind where that can be told.
    pub fn compile(source: &Value) -> Result<Self, RuleError> {
        Self::compile_within(source, false)
    }

    /// As [`Expression::compile`], for a part that may stand inside an operation over elements and reads none of them.
    pub(super) fn compile_within(source: &Value, inside: bool) -> Result<Self, RuleError> {
        let logic = ENGINE.compile(&reach_out(source, inside))?;
        let paths = variable::paths(source);
        let readings = paths.as_deref().map(Reading::all);
        Ok(Self(Arc::new(Inner { source: source.clone(), logic, paths, readings })))
    }

    /// The expression as it was written.
    pub fn source(&self) -> &Value {
        &self.0.source
    }

    /// Paths of the facts that it reads (`worker.languages`); `None` when it may read anything.
    pub fn paths(&self) -> Option<&[Box<str>]> {
        self.0.paths.as_deref()
    }

    /// The outcome over facts.
    ///
    /// # Errors
    /// Operands that an operator cannot take, such as a text that is no number in a sum.
    pub fn evaluate(&self, facts: &Value) -> Result<Value, RuleError> {
        self.over(facts, |value| Value::from_arena(value).map_err(RuleError::from))
    }

    /// Whether the outcome counts as true: everything but `false`, `null`, `0`, `""`, `[]` and `{}`.
    ///
    /// # Errors
    /// As [`Expression::evaluate`].
    pub fn truthy(&self, facts: &Value) -> Result<bool, RuleError> {
        self.over(facts, |value| Ok(ENGINE.truthy(value)))
    }

    fn over<T>(
        &self,
        facts: &Value,
        answer: impl FnOnce(&DataValue<'_>) -> Result<T, RuleError>,
    ) -> Result<T, RuleError> {
        ARENA.with_borrow_mut(|arena| {
            let outcome = ENGINE.evaluate(&self.0.logic, self.part_of(facts, arena), arena);
            let answer = outcome.map_err(RuleError::from).and_then(answer);
            arena.reset();
            answer
        })
    }

    /// The facts that the expression reads, as the evaluator takes them: handing over all of them would take many times
    /// as long as evaluating.
    fn part_of<'a>(&'a self, facts: &'a Value, arena: &'a Bump) -> DataValue<'a> {
        match (&self.0.readings, facts) {
            (Some(readings), Value::Object(roots)) => {
                let read = readings
                    .iter()
                    .filter_map(|reading| Some((&*reading.root, reading.part_of(roots.get(&*reading.root)?, arena))));
                object(read, arena)
            }
            (_, whole) => converted(whole, arena),
        }
    }
}

impl Reading {
    fn all(paths: &[Box<str>]) -> Box<[Self]> {
        let mut roots: BTreeMap<&str, Option<BTreeSet<&str>>> = BTreeMap::new();
        for path in paths {
            let mut steps = path.split('.');
            let fields = roots.entry(steps.next().unwrap_or_default()).or_insert_with(|| Some(BTreeSet::new()));
            match (steps.next(), fields.as_mut()) {
                (Some(field), Some(fields)) => {
                    fields.insert(field);
                }
                (None, _) => *fields = None,
                (Some(_), None) => {}
            }
        }
        let owned = |fields: BTreeSet<&str>| fields.into_iter().map(Box::from).collect();
        roots.into_iter().map(|(root, fields)| Self { root: root.into(), fields: fields.map(owned) }).collect()
    }

    fn part_of<'a>(&'a self, value: &'a Value, arena: &'a Bump) -> DataValue<'a> {
        match (&self.fields, value) {
            (Some(fields), Value::Object(held)) => {
                let read = fields.iter().filter_map(|field| Some((&**field, converted(held.get(&**field)?, arena))));
                object(read, arena)
            }
            (_, whole) => converted(whole, arena),
        }
    }
}

fn object<'a>(fields: impl Iterator<Item = (&'a str, DataValue<'a>)>, arena: &'a Bump) -> DataValue<'a> {
    let fields: SmallVec<[_; 8]> = fields.collect();
    DataValue::Object(arena.alloc_slice_copy(&fields))
}

fn converted<'a>(value: &'a Value, arena: &'a Bump) -> DataValue<'a> {
    match value {
        Value::String(text) => DataValue::String(text),
        Value::Array(values) => {
            let values: SmallVec<[_; 8]> = values.iter().map(|value| converted(value, arena)).collect();
            DataValue::Array(arena.alloc_slice_copy(&values))
        }
        Value::Object(fields) => object(fields.iter().map(|(name, value)| (&**name, converted(value, arena))), arena),
        Value::Null | Value::Bool(_) | Value::Number(_) => DataValue::from_serde_value_in(value, arena),
    }
}

/// Whether a value counts as true, as [`Expression::truthy`] has it.
pub(super) fn is_true(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(truth) => *truth,
        Value::Number(number) => number.as_f64().is_some_and(|number| number != 0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(values) => !values.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
    }
}

/// Lets names that begin with `item`, `worker`, `sys` or `event` mean the outer facts inside `all`, `some` and their like too,
/// where plain JSONLogic would look for them in the element and silently find nothing.
fn reach_out(source: &Value, inside: bool) -> Value {
    match source {
        Value::Array(values) => Value::Array(values.iter().map(|value| reach_out(value, inside)).collect()),
        Value::Object(fields) if fields.len() == 1 => {
            let Some((name, operands)) = fields.iter().next() else { return source.clone() };
            if name == "var" && inside {
                return outer_variable(operands).unwrap_or_else(|| element_variable(operands));
            }
            let body = super::operator::find(name).and_then(|operator| operator.body);
            let operands = match (operands, body) {
                (Value::Array(values), Some(body)) => {
                    let values = values.iter().enumerate();
                    Value::Array(values.map(|(place, value)| reach_out(value, inside || place == body)).collect())
                }
                (operands, _) => reach_out(operands, inside),
            };
            let mut rewritten = Map::new();
            rewritten.insert(name.clone(), operands);
            Value::Object(rewritten)
        }
        other => other.clone(),
    }
}

/// A part of the element, whose default may reach out.
fn element_variable(operands: &Value) -> Value {
    match operands {
        Value::Array(values) => {
            let rewritten = values.iter().map(|value| reach_out(value, true)).collect();
            json!({ "var": Value::Array(rewritten) })
        }
        single => json!({ "var": single }),
    }
}

fn outer_variable(operands: &Value) -> Option<Value> {
    let (path, default) = variable::path_and_default(operands)?;
    let mut steps = path.split('.');
    let root = steps.next().filter(|root| OUTER_ROOTS.contains(root))?;
    let mut reach = vec![json!([TO_OUTERMOST]), json!(root)];
    reach.extend(steps.map(|step| json!(step)));
    let reached = json!({ "val": reach });
    Some(match default {
        // Null counts as absent here, for nothing inside an element tells the two apart.
        Some(default) => json!({"if": [{"===": [reached.clone(), null]}, reach_out(default, true), reached]}),
        None => reached,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn eval(rule: Value, facts: Value) -> Result<Value, RuleError> {
        Expression::compile(&rule)?.evaluate(&facts)
    }

    #[test]
    fn outer_names_reach_out_of_elements() {
        let rule = json!({"all": [{"var": "item.skills"}, {"in": [{"var": ""}, {"var": "worker.skills"}]}]});
        let with = |skills: Value| json!({"item": {"skills": ["a", "b"]}, "worker": {"skills": skills}});
        assert_eq!(eval(rule.clone(), with(json!(["b", "c", "a"]))), Ok(json!(true)));
        assert_eq!(eval(rule, with(json!(["b"]))), Ok(json!(false)));
        let fallback = json!({"some": [[1], {"==": [{"var": ["worker.x", {"var": "item.y"}]}, {"var": ["z", {"var": "item.y"}]}]}]});
        assert_eq!(eval(fallback, json!({"item": {"y": 7}})), Ok(json!(true)));
        let nested = json!({"some": [[1], {"some": [[2], {"==": [{"var": "sys.x"}, 7]}]}]});
        assert_eq!(eval(nested, json!({"sys": {"x": 7}})), Ok(json!(true)));
    }

    #[test]
    fn what_is_read_is_all_that_counts() {
        let rules = [
            json!({"+": [{"var": "worker.x"}, {"var": ["item.y", 2]}]}),
            json!({"var": "worker"}),
            json!({"merge": [{"var": "worker.x"}, {"var": "worker"}, {"var": "sys.worker.name"}]}),
            json!({"var": "worker.x.0"}),
            json!({"var": ["worker.a.b", {"var": "item"}]}),
            json!({"var": "worker."}),
            json!({"missing": ["worker.x", "worker.a.b", "sys.worker.name", "item.y"]}),
            json!({"missing_some": [1, ["worker.x", "worker.z"]]}),
            json!({"map": [{"var": "worker.x"}, {"cat": [{"var": ""}, {"var": "item.y"}, {"var": ["p", "-"]}]}]}),
            json!({"some": [[1], {"missing": ["worker.x"]}]}),
            json!({"var": ""}),
            json!({"var": {"cat": ["worker.", "x"]}}),
        ];
        let facts = [
            json!({"worker": {"x": [1, "a"], "a": {"b": null, "c": 1}, "": 4}, "item": {"y": 7}, "sys": {"worker": {"name": "n"}}}),
            json!({"worker": {"x": 1.5, "a": 3, "z": {}}, "sys": {"worker": null}, "other": true}),
            json!({"worker": [1, {"x": 2}], "item": "text"}),
            json!([{"worker": 1}]),
            json!(null),
        ];
        let arena = Bump::new();
        for rule in &rules {
            let expression = Expression::compile(rule).expect("compiles");
            for facts in &facts {
                let whole = ENGINE.evaluate(&expression.0.logic, facts, &arena).map_err(RuleError::from);
                let whole = whole.and_then(|value| Value::from_arena(value).map_err(RuleError::from));
                assert_eq!(expression.evaluate(facts), whole, "{rule} over {facts}");
            }
        }
    }

    #[test]
    fn different_types_are_unequal_and_not_an_error() {
        let rule = json!({"==": [{"var": "worker.level"}, 3]});
        assert_eq!(eval(rule.clone(), json!({"worker": {"level": "senior"}})), Ok(json!(false)));
        assert_eq!(eval(rule, json!({"worker": {"level": ["x"]}})), Ok(json!(false)));
    }

    #[test]
    fn unknown_operators_do_not_evaluate() {
        assert!(eval(json!({"launch": [1]}), json!({})).is_err());
    }
}
