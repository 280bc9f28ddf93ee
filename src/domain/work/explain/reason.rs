//! Sentences about rules: which part of a predicate fails, and for which values.

use crate::rule::{Expression, Template, is_worker_path, variables};
use serde_json::Value;
use std::collections::BTreeSet;

/// Values shown in one sentence are cut at this many characters.
const SHOWN_CHARS_MAX: usize = 120;

/// Why an expression is not true: its smallest failing part, with the values that it read.
pub(super) fn failing_part(rule: &Value, facts: &Value) -> String {
    let part = failing(rule, facts);
    if let Some(why) = part.get("throw").and_then(Value::as_str) {
        return format!("fails for this item: {why}");
    }
    let error = Expression::compile(part).and_then(|expression| expression.evaluate(facts)).err();
    match error {
        Some(error) => format!("`{}` cannot be evaluated: {error}{}", shown(part), values(part, facts)),
        None => format!("`{}` is not true{}", shown(part), values(part, facts)),
    }
}

/// Why a step's predicate fails for an item whoever the worker is, with what it read of the item.
pub(super) fn failing_for_all(workers: &Template, facts: &Value) -> Option<String> {
    let why = workers.fault(facts)?;
    let read = values_at(workers.source(), facts, |path| !is_worker_path(path));
    let read = if read.is_empty() { read } else { format!(" ({read})") };
    Some(format!("the step's `workers` fails for this item, so nobody matches: {why}{read}"))
}

/// Why an expression is true.
pub(super) fn holding_part(rule: &Value, facts: &Value) -> String {
    format!("`{}` is true{}", shown(rule), values(rule, facts))
}

/// In an `and` the first operand that fails is to blame, in an `or` the first that cannot be evaluated; everything else
/// is blamed as a whole.
fn failing<'a>(rule: &'a Value, facts: &Value) -> &'a Value {
    let operation = rule.as_object().filter(|fields| fields.len() == 1).and_then(|fields| fields.iter().next());
    let Some((operator, Value::Array(operands))) = operation else { return rule };
    let outcome = |rule: &Value| Expression::compile(rule).and_then(|expression| expression.truthy(facts));
    let blamed = match operator.as_str() {
        "and" => operands.iter().find(|operand| !outcome(operand).unwrap_or(false)),
        "or" => operands.iter().find(|operand| outcome(operand).is_err()),
        _ => None,
    };
    blamed.map_or(rule, |operand| failing(operand, facts))
}

/// What it reads, as the end of a sentence.
fn values(rule: &Value, facts: &Value) -> String {
    let told = values_at(rule, facts, |_| true);
    if told.is_empty() { told } else { format!(": {told}") }
}

fn values_at(rule: &Value, facts: &Value, wanted: impl Fn(&str) -> bool) -> String {
    let read = variables(rule, "").into_iter().filter(|variable| !variable.of_element && wanted(&variable.path));
    let paths: BTreeSet<String> = read.map(|variable| variable.path).collect();
    let told: Vec<String> = paths
        .into_iter()
        .map(|path| match path.split('.').try_fold(facts, |value, step| value.get(step)) {
            Some(value) => format!("{path} is {}", shown(value)),
            None => format!("{path} is missing"),
        })
        .collect();
    told.join(", ")
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

    #[test]
    fn a_predicate_that_fails_is_told_with_what_the_item_has() {
        let rule = json!({"and": [{"var": "worker.senior"}, {"in": [{"var": "worker.id"}, {"var": "item.people"}]}]});
        let template = Template::compile(&rule).expect("compiles");
        assert_eq!(failing_for_all(&template, &json!({"item": {"people": ["ann"]}})), None);
        let people = json!({"item": {"people": [{"id": 1}]}});
        let told = failing_for_all(&template, &people).expect("fails");
        assert!(
            told.starts_with("the step's `workers` fails for this item, so nobody matches: `item.people`: "),
            "{told}"
        );
        assert!(told.ends_with(r#" (item.people is [{"id":1}])"#), "{told}");
        let rest = template.fill(&people).expect("a worker without seniority does not come to it");
        let senior = json!({"worker": {"senior": true}});
        assert!(failing_part(&rest, &senior).starts_with("fails for this item: `item.people`: "));
    }
}
