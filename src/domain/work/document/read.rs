//! Reads a whole document and flattens its rules into programs.

use super::reader::{Fields, Reader};
use super::step::{self, Builder};
use super::{Directory, Document, Program, Rule};
use crate::limit::*;
use crate::rule::{Finding, Place};
use chrono_tz::Tz;
use serde_json::Value;
use std::sync::Arc;

pub(super) fn document(value: &Value, directory: Option<&dyn Directory>) -> (Option<Document>, Vec<Finding>) {
    let mut reader = Reader { findings: Vec::new(), directory, queues: Vec::new(), schedules: Vec::new() };
    let document = read(&mut reader, value);
    (document, reader.findings)
}

fn read(reader: &mut Reader<'_>, value: &Value) -> Option<Document> {
    if value.to_string().len() > DOCUMENT_BYTES_MAX {
        reader.error("document_too_large", "", format!("a document has at most {DOCUMENT_BYTES_MAX} bytes"));
        return None;
    }
    let fields = reader.fields(value, "", &["name", "time_zone", "rules", "default", "reservation_timeout_s"])?;
    reader.name(fields, "name");
    let time_zone = time_zone(reader, fields);
    let reservation_timeout_s = reader.seconds(fields, "reservation_timeout_s", 1);
    let mut rules = Vec::new();
    if let Some(listed) = fields.map.get("rules")
        && let Some(listed) = reader.list(listed, "/rules", RULES_MAX)
    {
        for (place, value) in listed.iter().enumerate() {
            rules.extend(rule(reader, value, &format!("/rules/{place}")));
        }
        unreachable_rules(reader, listed);
    }
    let default = fields.map.get("default").and_then(|steps| program(reader, "default", "/default", steps, "/default"));
    if !fields.map.contains_key("default") && fields.map.get("rules").and_then(Value::as_array).is_none_or(Vec::is_empty) {
        reader.error("empty_document", "", "a document needs rules or a default, or every item is canceled");
    }
    let (queues, schedules) = (std::mem::take(&mut reader.queues), std::mem::take(&mut reader.schedules));
    Some(Document { time_zone, rules, default, reservation_timeout_s, queues, schedules })
}

fn time_zone(reader: &mut Reader<'_>, fields: Fields<'_>) -> Tz {
    let Some(name) = reader.text(fields, "time_zone") else { return Tz::UTC };
    name.parse().unwrap_or_else(|_| {
        let message = format!("`{name}` is no time zone of the IANA database, such as Europe/Berlin");
        reader.error("unknown_time_zone", "/time_zone", message);
        Tz::UTC
    })
}

fn rule(reader: &mut Reader<'_>, value: &Value, pointer: &str) -> Option<Rule> {
    let fields = reader.fields(value, pointer, &["name", "when", "steps"])?;
    let name = reader.name(fields, "name");
    if !fields.map.contains_key("name") {
        reader.error("missing_field", pointer, "a rule needs a `name`; the explanation of its items tells it");
    }
    let when = match fields.map.get("when") {
        Some(when) => reader.expression(when, &fields.at("when"), Place::Item),
        None => {
            reader.error("missing_field", pointer, "a rule needs `when`, the condition under which it is taken");
            None
        }
    };
    let program = match fields.map.get("steps") {
        Some(steps) => program(reader, name.unwrap_or_default(), pointer, steps, &fields.at("steps")),
        None => {
            reader.error("missing_field", pointer, "a rule needs `steps`");
            None
        }
    };
    Some(Rule { when: when?, program: program? })
}

fn program(reader: &mut Reader<'_>, name: &str, pointer: &str, steps: &Value, at: &str) -> Option<Program> {
    let mut builder = Builder::default();
    step::steps(reader, &mut builder, steps, at, 0);
    builder.link(reader);
    if builder.steps > STEPS_PER_RULE_MAX {
        let message = format!("a rule has at most {STEPS_PER_RULE_MAX} steps, those in branches counted");
        reader.error("too_many", at, message);
        return None;
    }
    Some(Program { name: Arc::from(name), pointer: pointer.to_owned(), lines: builder.lines })
}

/// A rule below one that always matches, or with the condition of one above, is never taken.
fn unreachable_rules(reader: &mut Reader<'_>, rules: &[Value]) {
    let mut always: Option<usize> = None;
    for (place, rule) in rules.iter().enumerate() {
        let pointer = format!("/rules/{place}");
        if let Some(above) = always {
            reader.warn("unreachable_rule", &pointer, format!("never taken: rule {above} above matches every item"));
            continue;
        }
        let when = rule.get("when");
        if when == Some(&Value::Bool(false)) {
            reader.warn("unreachable_rule", &pointer, "never taken: its condition is false");
        }
        let twin = rules[..place].iter().position(|above| when.is_some() && above.get("when") == when);
        if let Some(above) = twin {
            reader.warn("unreachable_rule", &pointer, format!("never taken: rule {above} above has the same condition"));
        }
        let names_twin = rules[..place].iter().any(|above| rule.get("name").is_some() && above.get("name") == rule.get("name"));
        if names_twin {
            reader.error("duplicate_name", &format!("{pointer}/name"), "another rule above has this name");
        }
        if when == Some(&Value::Bool(true)) {
            always = Some(place);
        }
    }
}
