//! Which facts an expression reads, and what it compares them with.

use serde_json::Value;

/// Roots that mean the outer facts wherever they stand.
pub(super) const OUTER_ROOTS: [&str; 4] = ["item", "worker", "sys", "event"];

/// One reading of a fact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable {
    pub path: String,
    /// JSON pointer of the reading.
    pub pointer: String,
    /// Whether it stands inside `all`, `some` or their like and names a part of the element.
    pub of_element: bool,
}

/// A fact compared with a literal.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    pub path: String,
    pub operator: String,
    pub literal: Value,
    /// For `in`: whether the fact is the second operand, the one that is searched.
    pub searched: bool,
    pub pointer: String,
}

/// The operands of an operator: a single one may stand without its brackets.
pub(super) fn operands(value: &Value) -> &[Value] {
    match value {
        Value::Array(values) => values,
        single => std::slice::from_ref(single),
    }
}

/// The operation that an object is, with its operands.
pub(super) fn operation(value: &Value) -> Option<(&str, &Value)> {
    let fields = value.as_object().filter(|fields| fields.len() == 1)?;
    fields.iter().next().map(|(name, operands)| (name.as_str(), operands))
}

/// The path of a `var` with its default, if the path is a literal.
pub(super) fn path_and_default(value: &Value) -> Option<(&str, Option<&Value>)> {
    let operands = operands(value);
    Some((operands.first()?.as_str()?, operands.get(1)))
}

/// The names that `missing` or `missing_some` look for, if they are literals.
pub(super) fn missing_names<'a>(operator: &str, of: &'a Value) -> Option<Vec<&'a str>> {
    let names = match (operator, operands(of)) {
        ("missing", [Value::Array(names)]) => names,
        ("missing_some", [_, Value::Array(names)]) => names,
        ("missing", names) => names,
        _ => return None,
    };
    names.iter().map(Value::as_str).collect()
}

/// Whether a path leads to what is known of the worker.
pub(crate) fn is_worker_path(path: &str) -> bool {
    path == "worker" || path.starts_with("worker.") || path == "sys.worker" || path.starts_with("sys.worker.")
}

/// What `var` finds at a path.
pub(super) fn lookup<'a>(facts: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(facts, |value, step| match value {
        Value::Object(fields) => fields.get(step),
        Value::Array(values) => values.get(step.parse::<usize>().ok()?),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    })
}

/// Every reading of a fact in an expression that stands at `pointer`.
pub fn variables(value: &Value, pointer: &str) -> Vec<Variable> {
    let mut found = Vec::new();
    walk(value, pointer, false, &mut |value, pointer, inside| {
        if let Some(("var", of)) = operation(value)
            && let Some((path, _)) = path_and_default(of)
        {
            let of_element = inside && !has_outer_root(path);
            found.push(Variable { path: path.to_owned(), pointer: pointer.to_owned(), of_element });
        }
    });
    found
}

/// Every comparison of a fact with a literal.
pub fn comparisons(value: &Value, pointer: &str) -> Vec<Comparison> {
    let mut found = Vec::new();
    walk(value, pointer, false, &mut |value, pointer, inside| {
        let Some((operator, of)) = operation(value) else { return };
        if !matches!(operator, "==" | "===" | "!=" | "!==" | "<" | "<=" | ">" | ">=" | "in") {
            return;
        }
        let [left, right, ..] = operands(of) else { return };
        for (fact, literal, searched) in [(left, right, false), (right, left, true)] {
            let Some(("var", of)) = operation(fact) else { continue };
            let Some((path, None)) = path_and_default(of) else { continue };
            if literal.is_object() || (inside && !has_outer_root(path)) {
                continue;
            }
            let (path, operator) = (path.to_owned(), operator.to_owned());
            let literal = literal.clone();
            found.push(Comparison { path, operator, literal, searched, pointer: pointer.to_owned() });
        }
    });
    found
}

pub(crate) fn has_outer_root(path: &str) -> bool {
    OUTER_ROOTS.contains(&path.split('.').next().unwrap_or_default())
}

/// Visits every value of an expression, with its pointer and whether it stands in the body of `all` or its like.
pub(super) fn walk(value: &Value, pointer: &str, inside: bool, visit: &mut impl FnMut(&Value, &str, bool)) {
    visit(value, pointer, inside);
    match value {
        Value::Array(values) => {
            for (place, value) in values.iter().enumerate() {
                walk(value, &format!("{pointer}/{place}"), inside, visit);
            }
        }
        Value::Object(fields) => {
            for (name, value) in fields {
                let body = super::operator::find(name).and_then(|operator| operator.body);
                let pointer = format!("{pointer}/{}", escape(name));
                match (value, body) {
                    (Value::Array(values), Some(body)) => {
                        for (place, value) in values.iter().enumerate() {
                            walk(value, &format!("{pointer}/{place}"), inside || place == body, visit);
                        }
                    }
                    (value, _) => walk(value, &pointer, inside, visit),
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// A name as it stands in a JSON pointer (RFC 6901, section 3).
pub(super) fn escape(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// Distinct paths of outer facts that an expression reads; `None` when it may read anything.
pub(super) fn paths(value: &Value) -> Option<Box<[Box<str>]>> {
    let mut found: Vec<Box<str>> = Vec::new();
    let mut anything = false;
    walk(value, "", false, &mut |value, _, inside| match operation(value) {
        Some(("var", of)) => match path_and_default(of) {
            Some((path, _)) if has_outer_root(path) => found.push(path.into()),
            Some(_) if inside => {}
            Some(_) | None => anything = true,
        },
        Some((name @ ("missing" | "missing_some"), of)) => match missing_names(name, of) {
            Some(names) if inside || names.iter().all(|name| has_outer_root(name)) => {
                found.extend(names.into_iter().filter(|_| !inside).map(Box::from));
            }
            Some(_) | None => anything = true,
        },
        Some(_) | None => {}
    });
    found.sort_unstable();
    found.dedup();
    (!anything).then(|| found.into_boxed_slice())
}
