//! A compiled expression and its evaluation, on the JSONLogic crate.

use super::variable::{self, OUTER_ROOTS};
use datalogic_rs::{Engine, EvaluationConfig, Logic, Session};
use serde_json::{Map, Value, json};
use std::cell::RefCell;
use std::sync::{Arc, LazyLock};

/// Scope jumps of `val` that always lead to the outermost scope: the crate stops there.
const TO_OUTERMOST: u32 = 99;

static ENGINE: LazyLock<Engine> = LazyLock::new(|| {
    // A comparison of different types is false, as in the reference implementation, and not an error.
    let config = EvaluationConfig::default().with_loose_equality_errors(false);
    Engine::builder().with_config(config).build()
});

thread_local! {
    static SESSION: RefCell<Session<'static>> = RefCell::new(ENGINE.session());
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
        Ok(Self(Arc::new(Inner { source: source.clone(), logic, paths: variable::paths(source) })))
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
        SESSION.with_borrow_mut(|session| {
            let value = session.eval_into::<Value, _>(&self.0.logic, facts);
            session.reset();
            Ok(value?)
        })
    }

    /// Whether the outcome counts as true: everything but `false`, `null`, `0`, `""`, `[]` and `{}`.
    ///
    /// # Errors
    /// As [`Expression::evaluate`].
    pub fn truthy(&self, facts: &Value) -> Result<bool, RuleError> {
        SESSION.with_borrow_mut(|session| {
            let truthy = match session.eval_borrowed(&self.0.logic, facts) {
                Ok(value) => Ok(ENGINE.truthy(value)),
                Err(error) => Err(error.into()),
            };
            session.reset();
            truthy
        })
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

/// Lets names that begin with `item`, `worker` or `sys` mean the outer facts inside `all`, `some` and their like too,
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
