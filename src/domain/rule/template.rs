//! Filling an item's values into an expression, so that only what reads the worker is left. Items whose values lead to
//! the same rest ask for the same workers.
//!
//! The rest evaluates to what the whole would: operands that a known value decides are dropped, and a part that fails
//! still fails when it is reached, and only then.

use super::expression::{Expression, RuleError, is_true};
use super::variable::{self, has_outer_root, missing_names, operands, operation, path_and_default, walk};
use serde_json::{Map, Value, json};

const HOLDS_OBJECT: &str = "an object of the item cannot be compared with a worker; compare one of its fields";
const COMPUTED_MISSING: &str = "the names in `missing` are literal texts, and those in `missing_some` are either all of \
                                the worker or none";

/// An expression split into what the item decides and what the worker decides.
#[derive(Debug, Clone, PartialEq)]
pub struct Template {
    source: Value,
    root: Node,
    reads_item: bool,
    reads_worker: bool,
}

#[derive(Debug, Clone, PartialEq)]
enum Node {
    /// Reads no worker and no element: evaluated when filling.
    Filled(Expression),
    /// Reads the worker or an element and not the item: stays as it is.
    Kept(Value),
    /// Reads both: its operands are filled one by one.
    Mixed {
        operator: String,
        operands: Vec<Node>,
    },
    List(Vec<Node>),
    /// A fact of the item with a default that reads the worker; inside elements null counts as absent.
    Default {
        fact: String,
        inside: bool,
        default: Box<Node>,
    },
}

/// What is known of a part once the item is.
enum Part {
    Known(Value),
    Rest(Value),
    Failed(String),
}

/// What a part's value is used for.
#[derive(Clone, Copy, PartialEq)]
enum Use {
    /// Its truth, or its place in an order: an object counts like a list there.
    Outcome,
    Operand,
}

impl Template {
    /// # Errors
    /// What does not compile, and a `missing` whose names cannot be told apart.
    pub fn compile(source: &Value) -> Result<Self, RuleError> {
        Expression::compile(source)?;
        let reads = Reads::of(source, false)?;
        let (reads_item, reads_worker) = (reads.item, reads.worker);
        Ok(Self { source: source.clone(), root: split(source, false)?, reads_item, reads_worker })
    }

    /// The expression as it was written.
    pub fn source(&self) -> &Value {
        &self.source
    }

    /// Whether different items may be left with different rests.
    pub fn reads_item(&self) -> bool {
        self.reads_item
    }

    /// Whether different workers may have different outcomes.
    pub fn reads_worker(&self) -> bool {
        self.reads_worker
    }

    /// The rest for one item, in one canonical form, to be evaluated over `worker` and `sys.worker` alone.
    ///
    /// # Errors
    /// When the outcome fails whoever the worker is, and when an object of the item would have to be compared with a
    /// worker.
    pub fn fill(&self, facts: &Value) -> Result<Value, RuleError> {
        match fill(&self.root, facts, Use::Outcome) {
            Part::Failed(message) => Err(RuleError { message }),
            part @ (Part::Known(_) | Part::Rest(_)) => Ok(part.written(Use::Outcome)),
        }
    }

    /// Why no worker whatever can satisfy the expression for this item: it fails when it is evaluated. `None` when it
    /// does not, though it may be false for everybody.
    pub fn fault(&self, facts: &Value) -> Option<String> {
        match self.fill(facts) {
            Ok(rest) => failing_for_all(&rest).map(str::to_owned),
            Err(error) => Some(error.message),
        }
    }
}

/// The failure that stands where every worker either is refused before or comes to it.
fn failing_for_all(rest: &Value) -> Option<&str> {
    match operation(rest)? {
        ("throw", message) => message.as_str(),
        ("and", of) => operands(of).iter().find_map(failing_for_all),
        ("or", of) => operands(of).first().and_then(failing_for_all),
        _ => None,
    }
}

/// Which kinds of facts an expression reads; `element` only when it stands inside an operation over elements.
struct Reads {
    item: bool,
    worker: bool,
    element: bool,
}

impl Reads {
    fn of(source: &Value, inside: bool) -> Result<Self, RuleError> {
        let mut reads = Self { item: false, worker: false, element: false };
        let mut unclear = false;
        walk(source, "", inside, &mut |value, _, within| match operation(value) {
            Some(("var", of)) => match path_and_default(of) {
                Some((path, _)) => reads.note(path, within),
                // A number is a part of the element; anything else is computed and may be whatever.
                None => reads.element |= within,
            },
            Some((name @ ("missing" | "missing_some"), of)) => match missing_names(name, of) {
                Some(names) if !within => {
                    let worker = names.iter().filter(|name| variable::is_worker_path(name)).count();
                    unclear |= name == "missing_some" && worker != 0 && worker != names.len();
                    names.iter().for_each(|name| reads.note(name, false));
                }
                Some(_) => reads.element = true,
                None => unclear = true,
            },
            Some(_) | None => {}
        });
        if unclear {
            return Err(RuleError { message: COMPUTED_MISSING.to_owned() });
        }
        reads.element &= inside;
        Ok(reads)
    }

    fn note(&mut self, path: &str, within: bool) {
        if variable::is_worker_path(path) {
            self.worker = true;
        } else if within && !has_outer_root(path) {
            self.element = true;
        } else {
            self.item = true;
        }
    }
}

fn split(source: &Value, inside: bool) -> Result<Node, RuleError> {
    let reads = Reads::of(source, inside)?;
    match (reads.item, reads.worker || reads.element) {
        (_, false) => Ok(Node::Filled(Expression::compile_within(source, inside)?)),
        (false, true) => Ok(Node::Kept(source.clone())),
        (true, true) => split_mixed(source, inside),
    }
}

fn split_mixed(source: &Value, inside: bool) -> Result<Node, RuleError> {
    if let Value::Array(values) = source {
        let nodes = values.iter().map(|value| split(value, inside));
        return Ok(Node::List(nodes.collect::<Result<_, _>>()?));
    }
    let Some((operator, of)) = operation(source) else { return Ok(Node::Kept(source.clone())) };
    if operator == "var"
        && let Some((path, Some(default))) = path_and_default(of)
        && has_outer_root(path)
        && !variable::is_worker_path(path)
    {
        return Ok(Node::Default { fact: path.to_owned(), inside, default: Box::new(split(default, inside)?) });
    }
    if operator == "missing"
        && let Some(names) = missing_names(operator, of)
    {
        let each = names.into_iter().map(|name| split(&json!({"missing": [name]}), inside));
        return Ok(Node::Mixed { operator: "merge".to_owned(), operands: each.collect::<Result<_, _>>()? });
    }
    let body = super::operator::find(operator).and_then(|operator| operator.body);
    let nodes = operands(of).iter().enumerate();
    let nodes = nodes.map(|(place, value)| split(value, inside || body == Some(place)));
    Ok(Node::Mixed { operator: operator.to_owned(), operands: nodes.collect::<Result<_, _>>()? })
}

fn fill(node: &Node, facts: &Value, usage: Use) -> Part {
    match node {
        Node::Kept(value) => Part::Rest(value.clone()),
        Node::Filled(expression) => match expression.evaluate(facts) {
            Ok(value) => Part::Known(value),
            Err(error) => Part::Failed(error.message),
        },
        Node::List(nodes) => list(nodes, fill_all(nodes, facts, Use::Operand)),
        Node::Default { fact, inside, default } => match variable::lookup(facts, fact) {
            Some(value) if !(*inside && value.is_null()) => Part::Known(value.clone()),
            Some(_) | None => fill(default, facts, usage),
        },
        Node::Mixed { operator, operands } => match operator.as_str() {
            "and" => decide(operator, operands, facts, usage, true),
            "or" => decide(operator, operands, facts, usage, false),
            "if" | "?:" => choose(operands, facts, usage),
            "!" | "!!" => truth(operator, fill_all(operands, facts, Use::Outcome)),
            _ => apply(operator, operands, facts),
        },
    }
}

fn fill_all(nodes: &[Node], facts: &Value, usage: Use) -> Vec<Part> {
    nodes.iter().map(|node| fill(node, facts, usage)).collect()
}

/// `and` (for which a false operand decides) or `or` (a true one): the outcome is the deciding operand, else the last.
fn decide(operator: &str, operands: &[Node], facts: &Value, usage: Use, neutral: bool) -> Part {
    let mut left = Vec::new();
    for (place, operand) in operands.iter().enumerate() {
        match fill(operand, facts, usage) {
            Part::Known(value) if is_true(&value) == neutral && place + 1 < operands.len() => {}
            part @ Part::Rest(_) => left.push(part),
            part @ (Part::Known(_) | Part::Failed(_)) => {
                left.push(part);
                break;
            }
        }
    }
    if left.len() == 1 { left.remove(0) } else { Part::Rest(written(operator, left, usage)) }
}

/// `if`: pairs of a condition and its outcome, then what holds otherwise.
fn choose(operands: &[Node], facts: &Value, usage: Use) -> Part {
    let mut left = Vec::new();
    let mut otherwise = Part::Known(Value::Null);
    let mut pairs = operands.chunks(2);
    for pair in &mut pairs {
        let [condition, outcome] = pair else {
            otherwise = fill(&pair[0], facts, usage);
            break;
        };
        match fill(condition, facts, Use::Outcome) {
            Part::Known(value) if !is_true(&value) => {}
            Part::Known(_) => {
                otherwise = fill(outcome, facts, usage);
                break;
            }
            part @ Part::Failed(_) => {
                otherwise = part;
                break;
            }
            part @ Part::Rest(_) => {
                left.push(part.written(Use::Outcome));
                left.push(fill(outcome, facts, usage).written(usage));
            }
        }
    }
    if left.is_empty() {
        return otherwise;
    }
    left.push(otherwise.written(usage));
    Part::Rest(json!({ "if": left }))
}

fn truth(operator: &str, mut parts: Vec<Part>) -> Part {
    match parts.pop() {
        Some(Part::Known(value)) => Part::Known(Value::Bool(is_true(&value) == (operator == "!!"))),
        Some(Part::Rest(value)) => Part::Rest(json!({ operator: [value] })),
        Some(failed @ Part::Failed(_)) => failed,
        None => Part::Known(Value::Bool(operator == "!")),
    }
}

/// Every other operator: with all operands known it is evaluated, else they are written into it.
fn apply(operator: &str, nodes: &[Node], facts: &Value) -> Part {
    let body = super::operator::find(operator).and_then(|operator| operator.body);
    let asks = matches!(operator, "all" | "some" | "none" | "filter");
    let parts = nodes.iter().enumerate().map(|(place, node)| {
        let usage = if asks && body == Some(place) { Use::Outcome } else { Use::Operand };
        fill(node, facts, usage)
    });
    let mut parts: Vec<Part> = parts.collect();
    let known = |part: &Part| match part {
        Part::Known(value) => Some(value.clone()),
        Part::Rest(_) | Part::Failed(_) => None,
    };
    if body.is_none()
        && operator != "var"
        && let Some(values) = parts.iter().map(known).collect::<Option<Vec<_>>>()
    {
        return of_known(operator, values);
    }
    // These evaluate both of their operands whatever these are.
    let strict = nodes.len() == 2 && matches!(operator, "==" | "===" | "!=" | "!==" | "<" | "<=" | ">" | ">=" | "in");
    let fails = |part: &Part| match part {
        Part::Failed(_) => true,
        Part::Known(value) => holds_object(value),
        Part::Rest(_) => false,
    };
    if strict && let Some(place) = parts.iter().position(fails) {
        return match parts.swap_remove(place) {
            failed @ Part::Failed(_) => failed,
            Part::Known(_) | Part::Rest(_) => Part::Failed(nodes[place].compared_object()),
        };
    }
    Part::Rest(written(operator, parts, Use::Operand))
}

/// The outcome of an operator over values, which are handed over as facts so that objects stay objects.
fn of_known(operator: &str, values: Vec<Value>) -> Part {
    let places: Vec<Value> = (0..values.len()).map(|place| json!({"var": format!("item.{place}")})).collect();
    let outcome = Expression::compile(&json!({ operator: places }));
    match outcome.and_then(|expression| expression.evaluate(&json!({ "item": values }))) {
        Ok(value) => Part::Known(value),
        Err(error) => Part::Failed(error.message),
    }
}

fn list(nodes: &[Node], parts: Vec<Part>) -> Part {
    let known = parts.iter().all(|part| matches!(part, Part::Known(_)));
    let mut values = Vec::with_capacity(parts.len());
    for (node, part) in nodes.iter().zip(parts) {
        match part {
            Part::Failed(message) => return Part::Failed(message),
            Part::Known(value) if !known && holds_object(&value) => return Part::Failed(node.compared_object()),
            Part::Known(value) | Part::Rest(value) => values.push(value),
        }
    }
    if known { Part::Known(Value::Array(values)) } else { Part::Rest(Value::Array(values)) }
}

fn written(operator: &str, parts: Vec<Part>, usage: Use) -> Value {
    let operands = parts.into_iter().map(|part| part.written(usage)).collect();
    let mut fields = Map::new();
    fields.insert(operator.to_owned(), Value::Array(operands));
    Value::Object(fields)
}

impl Node {
    /// What is said when the part's value is an object, or holds one, and would be compared with a worker.
    fn compared_object(&self) -> String {
        match self {
            Self::Filled(expression) => match operation(expression.source()).map(|(name, of)| (name, operands(of))) {
                Some(("var", [Value::String(path), ..])) => format!("`{path}`: {HOLDS_OBJECT}"),
                Some(_) | None => format!("`{}`: {HOLDS_OBJECT}", expression.source()),
            },
            Self::Default { fact, .. } => format!("`{fact}`: {HOLDS_OBJECT}"),
            Self::Kept(_) | Self::Mixed { .. } | Self::List(_) => HOLDS_OBJECT.to_owned(),
        }
    }
}

impl Part {
    /// The part as it stands in an expression, where an object would be read as an operation.
    fn written(self, usage: Use) -> Value {
        match self {
            Self::Rest(value) => value,
            Self::Known(value) if !holds_object(&value) => value,
            // A list is as true as the object and has no place in an order either.
            Self::Known(value) if usage == Use::Outcome => {
                if is_true(&value) {
                    json!([true])
                } else {
                    json!([])
                }
            }
            Self::Known(_) => json!({ "throw": HOLDS_OBJECT }),
            Self::Failed(message) => json!({ "throw": message }),
        }
    }
}

fn holds_object(value: &Value) -> bool {
    match value {
        Value::Object(_) => true,
        Value::Array(values) => values.iter().any(holds_object),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// Another expression with the same truth and the same failures, in which only truth counts: predicates that differ in
/// their values alone become one.
pub(crate) fn truth_form(value: Value) -> Value {
    if let Some(truth) = constant(&value) {
        return Value::Bool(truth);
    }
    let neutral = match operation(&value) {
        Some(("and", _)) => true,
        Some(("or", _)) => false,
        Some(_) | None => return value,
    };
    let Some((operator, of)) = operation(&value) else { return value };
    let mut left = Vec::new();
    for operand in operands(of) {
        let operand = truth_form(operand.clone());
        if operand == Value::Bool(neutral) {
            continue;
        }
        let decides = operand == Value::Bool(!neutral);
        left.push(operand);
        if decides {
            break;
        }
    }
    match left.len() {
        0 => Value::Bool(neutral && !operands(of).is_empty()),
        1 => left.remove(0),
        _ => json!({ operator: left }),
    }
}

/// The truth of a literal.
fn constant(value: &Value) -> Option<bool> {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Some(is_true(value)),
        Value::Array(values) if values.iter().all(|value| constant(value).is_some()) => Some(is_true(value)),
        Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
#[path = "template_tests.rs"]
mod tests;
