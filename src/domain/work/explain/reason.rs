//! Sentences about rules: which part of a predicate fails, and for which values.

use crate::rule::{Expression, variables};
use serde_json::Value;
use std::collections::BTreeSet;

/// Values shown in one sentence are cut at this many characters.
const SHOWN_CHARS_MAX: usize = 120;

/// Why an expression is not true: its smallest failing part, with the values that it read.
pub(super) fn failing_part(rule: &Value, facts: &Value) -> String {
    let part = failing(rule, facts);
    let error = Expression::compile(part).and_then(|expression| expression.evaluate(facts)).err();
    match error {
        Some(error) => format!("`{}` cannot be evaluated: {error}{}", shown(part), values(part, facts)),
        None => format!("`{}` is not true{}", shown(part), values(part, facts)),
    }
}

/// Why an expression is true.
pub(super) fn holding_part(rule: &Value, facts: &Value) -> String {
    format!("`{}` is true{}", shown(rule), values(rule, facts))
}

/// In an `and` the first operand that fails is to blame; everything else is blamed as a whole.
fn failing<'a>(rule: &'a Value, facts: &Value) -> &'a Value {
    let operands = rule.as_object().filter(|fields| fields.len() == 1).and_then(|fields| fields.get("and"));
    let Some(Value::Array(operands)) = operands else { return rule };
    let holds =
        |rule: &Value| Expression::compile(rule).and_then(|expression| expression.truthy(facts)).unwrap_or(false);
    match operands.iter().find(|operand| !holds(operand)) {
        Some(operand) => failing(operand, facts),
        None => rule,
    }
}

fn values(rule: &Value, facts: &Value) -> String {
    let read = variables(rule, "").into_iter().filter(|variable| !variable.of_element);
    let paths: BTreeSet<String> = read.map(|variable| variable.path).collect();
    let told: Vec<String> = paths
        .into_iter()
        .map(|path| match path.split('.').try_fold(facts, |value, step| value.get(step)) {
            Some(value) => format!("{path} is {}", shown(value)),
            None => format!("{path} is missing"),
        })
        .collect();
    if told.is_empty() { String::new() } else { format!(": {}", told.join(", ")) }
}

fn shown(value: &Value) -> String {
    let text = value.to_string();
    if text.chars().count() <= SHOWN_CHARS_MAX {
        return text;
    }
    let cut: String = text.chars().take(SHOWN_CHARS_MAX).collect();
    format!("{cut}…")
}

/// A reason of ours in words; a caller's own stays as it is.
pub(super) fn ended(reason: &str) -> &str {
    match reason {
        "no_rule_matched" => "no rule of the workflow matched it, and the workflow has no default",
        "workflow_exhausted" => "the last step of its workflow timed out, and nobody had taken it",
        "item_timeout" => "it was not assigned within its time to live",
        "too_many_steps" => "its workflow led it through too many steps at once",
        "wrap_up_timeout" => "its after-call work lasted as long as it may",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_failing_part_is_named_with_its_values() {
        let rule = json!({"and": [{"var": "worker.a"}, {"in": ["de", {"var": "worker.languages"}]}]});
        let facts = json!({"worker": {"a": 1, "languages": ["en"]}});
        let told = failing_part(&rule, &facts);
        assert_eq!(told, r#"`{"in":["de",{"var":"worker.languages"}]}` is not true: worker.languages is ["en"]"#);
        assert!(failing_part(&json!({"var": "worker.x"}), &facts).ends_with("worker.x is missing"));
    }
}
