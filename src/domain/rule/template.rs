//! Filling an item's values into an expression, so that only what reads the worker is left. Items whose values lead to
//! the same rest ask for the same workers.

use super::expression::{Expression, RuleError};
use super::variable::{has_outer_root, operation, operands, path_and_default, walk};
use serde_json::{Map, Value};

/// An expression split into what the item decides and what the worker decides.
#[derive(Debug, Clone, PartialEq)]
pub struct Template {
    root: Node,
    reads_item: bool,
}

#[derive(Debug, Clone, PartialEq)]
enum Node {
    /// Reads the item or the platform: evaluated when filling.
    Filled(Expression),
    /// Reads the worker or an element, or nothing at all: stays as it is.
    Kept(Value),
    /// Reads both: its operands are filled one by one.
    Mixed { operator: String, operands: Vec<Node> },
    List(Vec<Node>),
}

impl Template {
    pub fn compile(source: &Value) -> Result<Self, RuleError> {
        let root = split(source)?;
        let mut reads_item = false;
        walk(source, "", false, &mut |value, _, inside| reads_item |= reads_item_fact(value, inside));
        Ok(Self { root, reads_item })
    }

    /// Whether different items may be left with different rests.
    pub fn reads_item(&self) -> bool {
        self.reads_item
    }

    /// The rest for one item, in one canonical form, to be evaluated over `worker` and `sys.worker` alone.
    pub fn fill(&self, facts: &Value) -> Result<Value, RuleError> {
        Ok(simplify(fill(&self.root, facts)?))
    }
}

fn reads_worker_fact(value: &Value, _inside: bool) -> bool {
    let Some(("var", of)) = operation(value) else { return false };
    match path_and_default(of) {
        Some((path, _)) => is_worker_path(path),
        None => true,
    }
}

fn is_worker_path(path: &str) -> bool {
    path == "worker" || path.starts_with("worker.") || path == "sys.worker" || path.starts_with("sys.worker.")
}

fn reads_item_fact(value: &Value, inside: bool) -> bool {
    let Some(("var", of)) = operation(value) else { return false };
    path_and_default(of).is_some_and(|(path, _)| has_outer_root(path) && !is_worker_path(path) || !inside && path.is_empty())
}

fn reads_element(value: &Value, inside: bool) -> bool {
    let Some(("var", of)) = operation(value) else { return false };
    inside && path_and_default(of).is_none_or(|(path, _)| !has_outer_root(path))
}

/// `inside` is false here for every node: an operation over elements is filled as a whole or kept, never entered with
/// its elements known, so that reading an element outside of one is impossible.
fn split(source: &Value) -> Result<Node, RuleError> {
    let (mut worker, mut item) = (false, false);
    walk(source, "", false, &mut |value, _, inside| {
        worker |= reads_worker_fact(value, inside);
        item |= reads_item_fact(value, inside);
    });
    match (item, worker) {
        (false, _) => Ok(Node::Kept(source.clone())),
        (true, false) => Ok(Node::Filled(Expression::compile(source)?)),
        (true, true) => split_mixed(source, false),
    }
}

fn split_mixed(source: &Value, inside: bool) -> Result<Node, RuleError> {
    if let Value::Array(values) = source {
        let nodes = values.iter().map(|value| split_within(value, inside));
        return Ok(Node::List(nodes.collect::<Result<_, _>>()?));
    }
    let Some((operator, of)) = operation(source) else { return Ok(Node::Kept(source.clone())) };
    let body = super::operator::find(operator).and_then(|operator| operator.body);
    let nodes = operands(of).iter().enumerate();
    let nodes = nodes.map(|(place, value)| split_within(value, inside || body == Some(place)));
    Ok(Node::Mixed { operator: operator.to_owned(), operands: nodes.collect::<Result<_, _>>()? })
}

fn split_within(source: &Value, inside: bool) -> Result<Node, RuleError> {
    let (mut worker, mut item, mut element) = (false, false, false);
    walk(source, "", inside, &mut |value, _, inside| {
        worker |= reads_worker_fact(value, inside);
        item |= reads_item_fact(value, inside);
    });
    if inside {
        // Elements of operations within this one are its own; only readings of the operation around it count.
        walk_own_elements(source, &mut element);
    }
    match (item, worker || element) {
        (false, _) => Ok(Node::Kept(source.clone())),
        (true, false) => Ok(Node::Filled(Expression::compile(source)?)),
        (true, true) => split_mixed(source, inside),
    }
}

fn walk_own_elements(source: &Value, element: &mut bool) {
    walk(source, "", true, &mut |value, _, inside| *element |= reads_element(value, inside));
}

fn fill(node: &Node, facts: &Value) -> Result<Value, RuleError> {
    match node {
        Node::Kept(value) => Ok(value.clone()),
        Node::Filled(expression) => literal(expression.evaluate(facts)?),
        Node::List(nodes) => Ok(Value::Array(nodes.iter().map(|node| fill(node, facts)).collect::<Result<_, _>>()?)),
        Node::Mixed { operator, operands } => {
            let filled = operands.iter().map(|node| fill(node, facts)).collect::<Result<_, _>>()?;
            let mut fields = Map::new();
            fields.insert(operator.clone(), Value::Array(filled));
            Ok(Value::Object(fields))
        }
    }
}

/// A value may stand in an expression as it is unless it holds an object, which would be read as an operation.
fn literal(value: Value) -> Result<Value, RuleError> {
    fn holds_object(value: &Value) -> bool {
        match value {
            Value::Object(_) => true,
            Value::Array(values) => values.iter().any(holds_object),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
        }
    }
    if holds_object(&value) {
        let message = "an object of the item cannot be compared with a worker; compare one of its fields".to_owned();
        return Err(RuleError { message });
    }
    Ok(value)
}

/// Folds what has become constant, where only truth counts: the whole expression and the operands of and, or and not.
fn simplify(value: Value) -> Value {
    let Some((operator, of)) = operation(&value) else { return value };
    match operator {
        "and" => fold(operands(of), true, value.clone()),
        "or" => fold(operands(of), false, value.clone()),
        _ => value,
    }
}

/// For `and` the neutral operand is true and a false one decides; for `or` the other way round. Operands after the
/// deciding one are never evaluated, so they may be dropped; those before it may fail and are kept.
fn fold(operands: &[Value], neutral: bool, whole: Value) -> Value {
    let mut left = Vec::new();
    for operand in operands {
        let operand = simplify(operand.clone());
        match constant(&operand) {
            Some(truth) if truth == neutral => {}
            Some(truth) if left.is_empty() => return Value::Bool(truth),
            Some(truth) => {
                left.push(Value::Bool(truth));
                break;
            }
            None => left.push(operand),
        }
    }
    match left.len() {
        0 => Value::Bool(neutral),
        1 => left.remove(0),
        _ => match whole {
            Value::Object(mut fields) => {
                if let Some(of) = fields.values_mut().next() {
                    *of = Value::Array(left);
                }
                Value::Object(fields)
            }
            other => other,
        },
    }
}

/// The truth of a literal.
fn constant(value: &Value) -> Option<bool> {
    match value {
        Value::Null => Some(false),
        Value::Bool(truth) => Some(*truth),
        Value::Number(number) => Some(number.as_f64() != Some(0.0)),
        Value::String(text) => Some(!text.is_empty()),
        Value::Array(values) if values.is_empty() => Some(false),
        Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn rest(rule: Value, item: Value) -> Value {
        let facts = json!({"item": item, "sys": {"channel": "voice", "priority": 5}});
        Template::compile(&rule).and_then(|template| template.fill(&facts)).expect("fills")
    }

    #[test]
    fn only_what_reads_the_worker_is_left() {
        let rule = json!({"and": [
            {"==": [{"var": "sys.channel"}, "voice"]},
            {"in": [{"var": "item.language"}, {"var": "worker.languages"}]},
        ]});
        let left = rest(rule.clone(), json!({"language": "de"}));
        assert_eq!(left, json!({"in": ["de", {"var": "worker.languages"}]}));
        assert_eq!(rest(json!({"and": [{"var": "item.x"}, {"var": "worker.y"}]}), json!({})), json!(false));
        assert_eq!(rest(json!({"or": [{"var": "item.x"}, {"var": "worker.y"}]}), json!({"x": 1})), json!(true));
    }

    #[test]
    fn items_of_elements_are_filled_in_too() {
        let rule = json!({"some": [{"var": "worker.skills"}, {">=": [{"var": "level"}, {"var": "item.least"}]}]});
        let left = rest(rule, json!({"least": 3}));
        assert_eq!(left, json!({"some": [{"var": "worker.skills"}, {">=": [{"var": "level"}, 3]}]}));
        let rule = json!({"all": [{"var": "item.skills"}, {"in": [{"var": ""}, {"var": "worker.skills"}]}]});
        let left = rest(rule, json!({"skills": ["a", "b"]}));
        assert_eq!(left, json!({"all": [["a", "b"], {"in": [{"var": ""}, {"var": "worker.skills"}]}]}));
    }

    #[test]
    fn objects_of_the_item_are_refused() {
        let rule = json!({"in": [{"var": "worker.id"}, {"var": "item.people"}]});
        let template = Template::compile(&rule).expect("compiles");
        assert!(template.fill(&json!({"item": {"people": [{"id": 1}]}})).is_err());
    }
}
