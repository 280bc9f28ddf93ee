//! Reads fields of a document, noting everything that is wrong on the way.

use super::directory::{Directory, JsonType};
use crate::limit::{FINDINGS_MAX, NAME_CHARS_MAX};
use crate::rule::operator::nearest;
use crate::rule::{Expression, Finding, Place, Severity, check_expression, comparisons, variables};
use serde_json::{Map, Value};
use std::ops::RangeInclusive;

pub(super) struct Reader<'a> {
    pub findings: Vec<Finding>,
    pub directory: Option<&'a dyn Directory>,
    pub queues: Vec<Box<str>>,
    pub schedules: Vec<Box<str>>,
}

/// An object's fields with the pointer at it.
#[derive(Clone, Copy)]
pub(super) struct Fields<'a> {
    pub map: &'a Map<String, Value>,
    pub pointer: &'a str,
}

impl Fields<'_> {
    pub fn at(&self, name: &str) -> String {
        format!("{}/{name}", self.pointer)
    }
}

impl Reader<'_> {
    pub fn note(&mut self, severity: Severity, code: &'static str, pointer: &str, message: impl Into<String>) {
        if self.findings.len() < FINDINGS_MAX {
            let (message, pointer) = (message.into(), pointer.to_owned());
            self.findings.push(Finding { severity, code, message, pointer });
        }
    }

    pub fn error(&mut self, code: &'static str, pointer: &str, message: impl Into<String>) {
        self.note(Severity::Error, code, pointer, message);
    }

    pub fn warn(&mut self, code: &'static str, pointer: &str, message: impl Into<String>) {
        self.note(Severity::Warning, code, pointer, message);
    }

    /// An object with no other fields than the known ones.
    pub fn fields<'v>(&mut self, value: &'v Value, pointer: &'v str, known: &[&str]) -> Option<Fields<'v>> {
        let Some(map) = value.as_object() else {
            self.error("wrong_type", pointer, format!("expected an object, found {}", JsonType::of(value).name()));
            return None;
        };
        for name in map.keys().filter(|name| !known.contains(&name.as_str())) {
            let hint = match nearest(name, known.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("known are {}", known.join(", ")),
            };
            let pointer = format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"));
            self.error("unknown_field", &pointer, format!("unknown field `{name}`; {hint}"));
        }
        Some(Fields { map, pointer })
    }

    pub fn text<'v>(&mut self, fields: Fields<'v>, name: &str) -> Option<&'v str> {
        let value = fields.map.get(name)?;
        let text = value.as_str();
        if text.is_none() {
            let message = format!("expected a text, found {}", JsonType::of(value).name());
            self.error("wrong_type", &fields.at(name), message);
        }
        text
    }

    pub fn name<'v>(&mut self, fields: Fields<'v>, name: &str) -> Option<&'v str> {
        let text = self.text(fields, name)?;
        let chars = text.chars().count();
        if chars == 0 || chars > NAME_CHARS_MAX {
            self.error("bad_name", &fields.at(name), format!("a name has 1 to {NAME_CHARS_MAX} characters"));
        }
        Some(text)
    }

    pub fn integer(&mut self, fields: Fields<'_>, name: &str, range: RangeInclusive<i64>) -> Option<i64> {
        let value = fields.map.get(name)?;
        let number = value.as_i64().filter(|number| range.contains(number));
        if number.is_none() {
            let message = format!("expected a whole number from {} to {}", range.start(), range.end());
            self.error(if value.is_number() { "out_of_range" } else { "wrong_type" }, &fields.at(name), message);
        }
        number
    }

    pub fn seconds(&mut self, fields: Fields<'_>, name: &str, least: i64) -> Option<u32> {
        let seconds = self.integer(fields, name, least..=i64::from(crate::limit::DURATION_S_MAX))?;
        u32::try_from(seconds).ok()
    }

    pub fn flag(&mut self, fields: Fields<'_>, name: &str) -> Option<bool> {
        let value = fields.map.get(name)?;
        if !value.is_boolean() {
            self.error("wrong_type", &fields.at(name), format!("expected true or false, found {}", JsonType::of(value).name()));
        }
        value.as_bool()
    }

    pub fn list<'v>(&mut self, value: &'v Value, pointer: &str, most: usize) -> Option<&'v [Value]> {
        let Some(values) = value.as_array() else {
            self.error("wrong_type", pointer, format!("expected a list, found {}", JsonType::of(value).name()));
            return None;
        };
        if values.len() > most {
            self.error("too_many", pointer, format!("at most {most} entries, not {}", values.len()));
            return None;
        }
        Some(values)
    }

    /// Checks an expression; `true` when nothing is wrong with it.
    pub fn sound(&mut self, value: &Value, pointer: &str, place: Place) -> bool {
        let mut found = Vec::new();
        check_expression(value, pointer, place, &mut found);
        let sound = found.is_empty();
        for finding in found {
            self.note(finding.severity, finding.code, &finding.pointer, finding.message);
        }
        if sound {
            self.look_up(value, pointer);
        }
        sound
    }

    pub fn expression(&mut self, value: &Value, pointer: &str, place: Place) -> Option<Expression> {
        if !self.sound(value, pointer, place) {
            return None;
        }
        match Expression::compile(value) {
            Ok(expression) => Some(expression),
            Err(error) => {
                self.error("bad_expression", pointer, error.message);
                None
            }
        }
    }

    /// Compares what an expression reads with what the account has.
    fn look_up(&mut self, value: &Value, pointer: &str) {
        for variable in variables(value, pointer) {
            if let Some(rest) = variable.path.strip_prefix("sys.schedule.") {
                let name = rest;
                if !self.schedules.iter().any(|known| **known == *name) {
                    self.schedules.push(name.into());
                }
                if self.directory.is_some_and(|directory| !directory.has_schedule(name)) {
                    let message = format!("no schedule is named `{name}`; create it first");
                    self.error("unknown_schedule", &variable.pointer, message);
                }
            }
            if variable.path.starts_with("worker.") {
                self.attribute(&variable.path, &variable.pointer);
            }
        }
        for comparison in comparisons(value, pointer) {
            if comparison.path.starts_with("worker.") {
                self.compared_types(&comparison);
            }
        }
    }

    fn attribute(&mut self, path: &str, pointer: &str) {
        let Some(directory) = self.directory.filter(|directory| directory.worker_count() > 0) else { return };
        if directory.holders(path).count > 0 {
            return;
        }
        let names = directory.attribute_names();
        let name = path.trim_start_matches("worker.").split('.').next().unwrap_or_default();
        let hint = nearest(name, names.iter().map(String::as_str).filter(|known| *known != name));
        let hint = hint.map_or_else(String::new, |near| format!("; did you mean `worker.{near}`?"));
        self.warn("attribute_unknown", pointer, format!("no worker has `{path}`{hint}"));
    }

    /// Warns of a comparison that can be true for no worker, because none holds a value of that type.
    fn compared_types(&mut self, comparison: &crate::rule::Comparison) {
        let Some(directory) = self.directory else { return };
        let holders = directory.holders(&comparison.path);
        if holders.count == 0 {
            return;
        }
        let wanted: Vec<JsonType> = match (comparison.operator.as_str(), &comparison.literal) {
            ("in", _) if comparison.searched => vec![JsonType::List, JsonType::Text],
            ("in", Value::Array(values)) => values.iter().map(JsonType::of).collect(),
            (_, literal) => vec![JsonType::of(literal)],
        };
        if wanted.is_empty() || wanted.iter().any(|wanted| holders.types.contains(wanted)) {
            return;
        }
        let held: Vec<_> = holders.types.iter().map(|held| held.name()).collect();
        let wanted: Vec<_> = wanted.iter().map(|wanted| wanted.name()).collect();
        let message = format!(
            "`{}` is compared with {}, but the workers that have it hold {}",
            comparison.path,
            wanted.join(" or "),
            held.join(" or ")
        );
        self.warn("attribute_type", &comparison.pointer, message);
    }
}
