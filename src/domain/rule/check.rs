//! What is wrong with an expression, found before anything runs: operators, operands, size, and facts that may not be
//! read where it stands.

use super::finding::{Finding, Severity};
use super::operator::{OPERATORS, find, nearest};
use super::variable::{escape, has_outer_root, is_worker_path, missing_names, operands, path_and_default};
use crate::limit::{EXPRESSION_DEPTH_MAX, EXPRESSION_NODES_MAX};
use serde_json::Value;

/// Where an expression stands, which decides what it may read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// A rule's or a branch's condition, a value to set, an instant to wait for, or the name of a preferred worker.
    Item,
    /// A step's condition for being skipped: as [`Place::Item`], and the queue's facts.
    SkipIf,
    /// A step's worker predicate or an ordering of workers: the item, the worker, and what does not change with time.
    Workers,
    /// Who belongs to a queue: the worker alone.
    QueueMembers,
    /// Which events pass an event channel: the event alone.
    Event,
}

const WORKER_FACTS: [&str; 3] = ["id", "name", "activity"];
const QUEUE_FACTS: [&str; 5] = ["name", "waiting", "available", "eligible", "longest_wait_s"];
const REQUEST_FACTS: [&str; 3] = ["ok", "error", "status"];
const NOW_FACTS: [&str; 4] = ["weekday", "hour", "minute", "date"];
/// Attributes of an event as CloudEvents JSON.
const EVENT_FACTS: [&str; 9] =
    ["specversion", "id", "source", "type", "subject", "time", "datacontenttype", "data", "sequence"];

/// Appends what is wrong with an expression that stands at `pointer`.
pub fn check_expression(value: &Value, pointer: &str, place: Place, findings: &mut Vec<Finding>) {
    let mut check = Check { place, nodes: 0, findings, full: false };
    check.value(value, pointer, 1, false);
}

struct Check<'a> {
    place: Place,
    nodes: usize,
    findings: &'a mut Vec<Finding>,
    /// Too large or too deep has been told; the rest is not looked at.
    full: bool,
}

impl Check<'_> {
    fn error(&mut self, code: &'static str, pointer: &str, message: String) {
        self.findings.push(Finding { severity: Severity::Error, code, message, pointer: pointer.to_owned() });
    }

    fn value(&mut self, value: &Value, pointer: &str, depth: usize, inside: bool) {
        self.nodes += 1;
        if self.full {
            return;
        }
        if self.nodes > EXPRESSION_NODES_MAX {
            self.full = true;
            self.error(
                "expression_too_large",
                pointer,
                format!("an expression has at most {EXPRESSION_NODES_MAX} parts"),
            );
            return;
        }
        if depth > EXPRESSION_DEPTH_MAX {
            self.full = true;
            self.error("expression_too_deep", pointer, format!("at most {EXPRESSION_DEPTH_MAX} levels of nesting"));
            return;
        }
        match value {
            Value::Array(values) => {
                for (place, value) in values.iter().enumerate() {
                    self.value(value, &format!("{pointer}/{place}"), depth + 1, inside);
                }
            }
            Value::Object(fields) => match fields.iter().next() {
                Some((name, of)) if fields.len() == 1 => self.operation(name, of, pointer, depth, inside),
                Some(_) | None => {
                    let message = "an operation is an object with exactly one field, the operator's name".to_owned();
                    self.error("not_an_operation", pointer, message);
                }
            },
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    fn operation(&mut self, name: &str, of: &Value, pointer: &str, depth: usize, inside: bool) {
        let at = format!("{pointer}/{}", escape(name));
        let Some(operator) = find(name) else {
            let names = OPERATORS.iter().map(|operator| operator.name);
            let hint = match nearest(name, names) {
                Some(near) => format!("; did you mean `{near}`?"),
                None if matches!(name, "now" | "log" | "datetime" | "rand" | "random") => {
                    "; rules read no clock and no randomness but `sys.now`".to_owned()
                }
                None => String::new(),
            };
            self.error("unknown_operator", &at, format!("there is no operator `{name}`{hint}"));
            return;
        };
        let count = operands(of).len();
        if count < operator.operands_min || count > operator.operands_max {
            let wanted = match (operator.operands_min, operator.operands_max) {
                (least, most) if least == most => format!("{least}"),
                (least, usize::MAX) => format!("at least {least}"),
                (least, most) => format!("{least} to {most}"),
            };
            self.error("wrong_operand_count", &at, format!("`{name}` takes {wanted} operands, not {count}"));
        }
        match name {
            "var" => self.variable(of, &at, inside),
            "missing" | "missing_some" => self.missing(name, of, &at, inside),
            _ => {}
        }
        match of {
            Value::Array(values) => {
                for (place, value) in values.iter().enumerate() {
                    let inside = inside || operator.body == Some(place);
                    self.value(value, &format!("{at}/{place}"), depth + 1, inside);
                }
            }
            single => self.value(single, &at, depth + 1, inside),
        }
    }

    fn variable(&mut self, of: &Value, at: &str, inside: bool) {
        match path_and_default(of) {
            Some((path, _)) => self.fact(path, at, inside),
            None if inside && operands(of).first().is_some_and(Value::is_number) => {}
            None => {
                let message = "the name of a fact is a literal text, such as \"item.language\"".to_owned();
                self.error("computed_name", at, message);
            }
        }
    }

    /// Names that are looked for are facts like those that are read.
    fn missing(&mut self, operator: &str, of: &Value, at: &str, inside: bool) {
        let Some(names) = missing_names(operator, of) else {
            let message = format!("the names that `{operator}` looks for are literal texts, such as \"item.language\"");
            self.error("computed_name", at, message);
            return;
        };
        for name in &names {
            if inside && has_outer_root(name) {
                let message =
                    format!("`{operator}` looks inside the element here and never finds `{name}`; put it outside");
                self.error("unknown_fact", at, message);
            } else {
                self.fact(name, at, inside);
            }
        }
        let of_worker = names.iter().filter(|name| is_worker_path(name)).count();
        if operator == "missing_some" && !inside && of_worker != 0 && of_worker != names.len() {
            let message = "the item's and the worker's names stand in a `missing_some` each".to_owned();
            self.error("mixed_names", at, message);
        }
    }

    fn fact(&mut self, path: &str, at: &str, inside: bool) {
        if !has_outer_root(path) {
            if !inside {
                self.unknown_root(path, at);
            }
            return;
        }
        let mut steps = path.split('.');
        let (root, fact, part) = (steps.next().unwrap_or_default(), steps.next(), steps.next());
        let rest = steps.next().is_some();
        match (root, self.place) {
            ("event", Place::Event) => self.event_fact(fact, path, at),
            ("event", _) => {
                let message = "an event is known only in the filter of an event channel".to_owned();
                self.error("event_not_here", at, message);
            }
            (_, Place::Event) => {
                let message =
                    format!("a filter knows the event alone, not `{path}`; did you mean `event.data.resource`?");
                self.error("unknown_fact", at, message);
            }
            ("item", Place::QueueMembers) => {
                let message = "a queue's members depend on the worker alone; put what reads the item into the step's \
                               `workers`";
                self.error("item_not_here", at, message.to_owned());
            }
            ("worker", Place::Item | Place::SkipIf) => {
                let message = "a worker is known only in a route's `workers` and `order_by` and in a queue's `workers`";
                self.error("worker_not_here", at, message.to_owned());
            }
            ("sys", place) => self.platform_fact(place, fact, part, rest, path, at),
            _ => {}
        }
    }

    fn event_fact(&mut self, fact: Option<&str>, path: &str, at: &str) {
        let Some(fact) = fact.filter(|fact| !EVENT_FACTS.contains(fact)) else { return };
        let hint = match nearest(fact, EVENT_FACTS.into_iter()) {
            Some(near) => format!("did you mean `event.{near}`?"),
            None => format!("did you mean `event.data.resource.{fact}`?"),
        };
        self.error("unknown_fact", at, format!("an event has no `{path}`; {hint}"));
    }

    fn unknown_root(&mut self, path: &str, at: &str) {
        let root = path.split('.').next().unwrap_or_default();
        let hint = match nearest(root, super::variable::OUTER_ROOTS.into_iter()) {
            Some(near) => format!("did you mean `{near}`?"),
            None if path.is_empty() => "name the fact that is meant".to_owned(),
            None if self.place == Place::Event => format!("did you mean `event.{path}`?"),
            None => format!("did you mean `item.{path}`?"),
        };
        let roots = if self.place == Place::Event { "event" } else { "item, worker or sys" };
        self.error("unknown_fact", at, format!("`{path}` is not a fact: facts begin with {roots}; {hint}"));
    }

    fn platform_fact(
        &mut self,
        place: Place,
        fact: Option<&str>,
        part: Option<&str>,
        rest: bool,
        path: &str,
        at: &str,
    ) {
        let of_worker = matches!(place, Place::Workers | Place::QueueMembers);
        let known = match (fact, part) {
            _ if rest => false,
            (Some("channel" | "priority" | "age_s"), None) => true,
            (Some("worker"), Some(part)) => WORKER_FACTS.contains(&part),
            (Some("queue"), Some(part)) => QUEUE_FACTS.contains(&part),
            (Some("now"), Some(part)) => NOW_FACTS.contains(&part),
            (Some("request"), Some(part)) => REQUEST_FACTS.contains(&part),
            (Some("schedule"), Some(_)) => true,
            _ => false,
        };
        if !known {
            let facts = ["channel", "priority", "age_s", "worker", "queue", "now", "schedule", "request"];
            let hint = fact.and_then(|fact| nearest(fact, facts.into_iter()));
            let hint = hint.map_or_else(String::new, |near| format!("; did you mean `sys.{near}`?"));
            self.error("unknown_fact", at, format!("the platform knows no `{path}`{hint}"));
            return;
        }
        match fact {
            Some("age_s" | "now" | "schedule" | "queue") if of_worker => {
                let message = format!(
                    "`{path}` changes with time, and a predicate over workers is not looked at again when time passes; \
                     use it in `when`, `branch` or `skip_if`, or relax by a further step with `timeout_s`"
                );
                self.error("fact_changes_with_time", at, message);
            }
            Some("channel" | "priority") if place == Place::QueueMembers => {
                let message =
                    "a queue's members depend on the worker alone; put this into the step's `workers`".to_owned();
                self.error("item_not_here", at, message);
            }
            Some("request") if of_worker => {
                let message = "`sys.request` tells how the item's last `request` step went, not what a worker is; use it in \
                               `when`, `branch` or `skip_if`, or take it into an attribute with `set`";
                self.error("request_not_here", at, message.to_owned());
            }
            Some("queue") if place != Place::SkipIf => {
                let message = "`sys.queue` is the queue of a route step and known only in its `skip_if`".to_owned();
                self.error("queue_not_here", at, message);
            }
            Some("worker") if !of_worker => {
                let message = "a worker is known only in a route's `workers` and `order_by` and in a queue's `workers`";
                self.error("worker_not_here", at, message.to_owned());
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn codes(rule: Value, place: Place) -> Vec<(&'static str, String)> {
        let mut findings = Vec::new();
        check_expression(&rule, "/when", place, &mut findings);
        findings.into_iter().map(|finding| (finding.code, finding.pointer)).collect()
    }

    #[test]
    fn each_fault_has_its_code_and_its_place() {
        let cases = [
            (json!({"=": [1, 2]}), Place::Item, "unknown_operator", "/when/="),
            (json!({"now": []}), Place::Item, "unknown_operator", "/when/now"),
            (json!({"==": [1]}), Place::Item, "wrong_operand_count", "/when/=="),
            (json!({"a": 1, "b": 2}), Place::Item, "not_an_operation", "/when"),
            (json!({"!": [{"var": "language"}]}), Place::Item, "unknown_fact", "/when/!/0/var"),
            (json!({"var": {"var": "item.x"}}), Place::Item, "computed_name", "/when/var"),
            (json!({"var": "worker.x"}), Place::Item, "worker_not_here", "/when/var"),
            (json!({"var": "sys.age_s"}), Place::Workers, "fact_changes_with_time", "/when/var"),
            (json!({"var": "sys.schedule.de"}), Place::Workers, "fact_changes_with_time", "/when/var"),
            (json!({"var": "sys.queue.waiting"}), Place::Item, "queue_not_here", "/when/var"),
            (json!({"var": "sys.request.ok"}), Place::Workers, "request_not_here", "/when/var"),
            (json!({"var": "sys.request.ok"}), Place::QueueMembers, "request_not_here", "/when/var"),
            (json!({"var": "sys.request.body"}), Place::Item, "unknown_fact", "/when/var"),
            (json!({"var": "sys.queue.size"}), Place::SkipIf, "unknown_fact", "/when/var"),
            (json!({"var": "item.x"}), Place::QueueMembers, "item_not_here", "/when/var"),
            (json!({"missing": ["language"]}), Place::Item, "unknown_fact", "/when/missing"),
            (json!({"missing": ["worker.x"]}), Place::Item, "worker_not_here", "/when/missing"),
            (json!({"missing": {"var": "item.x"}}), Place::Item, "computed_name", "/when/missing"),
            (json!({"missing_some": [1, ["item.x", "worker.x"]]}), Place::Workers, "mixed_names", "/when/missing_some"),
            (json!({"all": [[1], {"missing": ["item.x"]}]}), Place::Item, "unknown_fact", "/when/all/1/missing"),
            (json!({"var": "event.type"}), Place::Item, "event_not_here", "/when/var"),
            (json!({"var": "item.x"}), Place::Event, "unknown_fact", "/when/var"),
            (json!({"var": "event.typ"}), Place::Event, "unknown_fact", "/when/var"),
            (json!({"var": "type"}), Place::Event, "unknown_fact", "/when/var"),
        ];
        for (rule, place, code, pointer) in cases {
            assert_eq!(codes(rule.clone(), place), [(code, pointer.to_owned())], "{rule}");
        }
    }

    #[test]
    fn sound_expressions_have_no_findings() {
        let rules = [
            (json!({"in": [{"var": "item.language"}, {"var": "worker.languages"}]}), Place::Workers),
            (json!({"all": [{"var": "item.s"}, {"in": [{"var": ""}, {"var": "worker.s"}]}]}), Place::Workers),
            (json!({">": [{"var": "sys.queue.waiting"}, 5]}), Place::SkipIf),
            (json!({"and": [{"var": "sys.schedule.berlin"}, {"<": [{"var": "sys.now.hour"}, 12]}]}), Place::Item),
            (json!({"missing": ["item.language", "worker.languages"]}), Place::Workers),
            (json!({"all": [{"var": "item.people"}, {"!": [{"missing": ["name"]}]}]}), Place::Item),
            (json!({"==": [{"var": "sys.request.error"}, "timeout"]}), Place::Item),
            (json!({"var": "sys.request.ok"}), Place::SkipIf),
            (json!(true), Place::QueueMembers),
            (json!({"in": ["voice", {"var": "event.data.resource.channel"}]}), Place::Event),
        ];
        for (rule, place) in rules {
            assert_eq!(codes(rule, place), []);
        }
    }

    #[test]
    fn depth_and_size_are_bounded() {
        let mut deep = json!(1);
        for _ in 0..100 {
            deep = json!({ "!": [deep] });
        }
        assert_eq!(codes(deep, Place::Item)[0].0, "expression_too_deep");
        let wide = json!({"+": vec![1; 2_000]});
        assert_eq!(codes(wide, Place::Item)[0].0, "expression_too_large");
    }
}
