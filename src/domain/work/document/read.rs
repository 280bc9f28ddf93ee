//! Reading JSON with a pointer at everything: each function takes what it wants and notes what is wrong with it. Also
//! gathers the expressions and references that the check against the account looks at afterwards.

use super::code::{self, Code};
use crate::rule::operator::nearest;
use crate::rule::{Expression, Finding, Place, Severity, Template, check_expression};
use serde_json::{Map, Value};

/// An expression that is sound in itself, where it stands.
#[derive(Debug)]
pub(super) struct Site {
    pub value: Value,
    pub pointer: String,
}

/// A route's queue and worker predicate, for the check whether anybody can ever match.
#[derive(Debug)]
pub(super) struct RouteSite {
    pub queue: String,
    pub queue_pointer: String,
    pub workers: Option<(Value, String)>,
}

/// What reading a document leaves besides the document.
#[derive(Debug, Default)]
pub(super) struct Notes {
    pub findings: Vec<Finding>,
    pub sites: Vec<Site>,
    pub routes: Vec<RouteSite>,
    /// Constant names of preferred workers, with their pointers.
    pub preferred: Vec<(String, String)>,
}

/// A JSON object with its pointer.
#[derive(Clone, Copy)]
pub(super) struct Object<'v> {
    pub fields: &'v Map<String, Value>,
    pub pointer: &'v str,
}

impl<'v> Object<'v> {
    pub fn get(&self, name: &str) -> Option<&'v Value> {
        self.fields.get(name)
    }

    pub fn at(&self, name: &str) -> String {
        join(self.pointer, name)
    }
}

/// The pointer of a field (RFC 6901, section 3).
pub(super) fn join(pointer: &str, name: &str) -> String {
    format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"))
}

/// What a JSON value is, in the words of a message.
fn noun(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// The hint at the name that was probably meant.
pub(super) fn hint<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> String {
    nearest(name, known).map_or_else(String::new, |near| format!("; did you mean `{near}`?"))
}

/// A list of names in the words of a message.
pub(super) fn listed(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

impl Notes {
    pub fn add(&mut self, code: Code, pointer: impl Into<String>, message: impl Into<String>) {
        let (severity, code) = (code.severity, code.name);
        self.findings.push(Finding { severity, code, message: message.into(), pointer: pointer.into() });
    }

    pub fn has_errors(&self) -> bool {
        self.findings.iter().any(|finding| finding.severity == Severity::Error)
    }

    pub fn wrong_type(&mut self, value: &Value, pointer: impl Into<String>, wanted: &str) {
        self.add(code::WRONG_TYPE, pointer, format!("{wanted} is wanted here, not {}", noun(value)));
    }

    /// An object all of whose fields are among `known`.
    pub fn object<'v>(&mut self, value: &'v Value, pointer: &'v str, known: &[&str], what: &str) -> Option<Object<'v>> {
        let Value::Object(fields) = value else {
            self.wrong_type(value, pointer, &format!("{what}, an object with {},", listed(known)));
            return None;
        };
        for name in fields.keys().filter(|name| !known.contains(&name.as_str())) {
            let hint = match nearest(name, known.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("it may have {}", listed(known)),
            };
            self.add(code::UNKNOWN_FIELD, join(pointer, name), format!("{what} has no field `{name}`; {hint}"));
        }
        Some(Object { fields, pointer })
    }

    pub fn required<'v>(&mut self, object: Object<'v>, name: &str, why: &str) -> Option<&'v Value> {
        let value = object.get(name);
        if value.is_none() {
            self.add(code::MISSING_FIELD, object.pointer, format!("the field `{name}` is missing: {why}"));
        }
        value
    }

    /// A text of one to `most` characters.
    pub fn text(&mut self, value: &Value, pointer: &str, most: usize) -> Option<String> {
        let Value::String(text) = value else {
            self.wrong_type(value, pointer, "a text");
            return None;
        };
        let sound = !text.is_empty() && text.trim() == text && text.chars().count() <= most;
        if !sound || text.chars().any(char::is_control) {
            let message = format!("a text of 1 to {most} characters, none at its ends blank, none a control");
            self.add(code::OUT_OF_RANGE, pointer, message);
            return None;
        }
        Some(text.clone())
    }

    pub fn flag(&mut self, object: Object<'_>, name: &str) -> Option<bool> {
        match object.get(name)? {
            Value::Bool(flag) => Some(*flag),
            other => {
                self.wrong_type(other, object.at(name), "true or false");
                None
            }
        }
    }

    /// A whole number within bounds.
    pub fn whole(&mut self, object: Object<'_>, name: &str, least: i64, most: i64) -> Option<i64> {
        let value = object.get(name)?;
        let Value::Number(number) = value else {
            self.wrong_type(value, object.at(name), "a whole number");
            return None;
        };
        let whole = number.as_i64().or_else(|| {
            // 20.0 is as whole as 20; what is beyond this is beyond every bound as well.
            number.as_f64().filter(|float| float.fract() == 0.0 && float.abs() < 9e15).map(|float| float as i64)
        });
        let within = whole.filter(|whole| (least..=most).contains(whole));
        if within.is_none() {
            let message = format!("a whole number from {least} to {most} is wanted here, not {number}");
            self.add(code::OUT_OF_RANGE, object.at(name), message);
        }
        within
    }

    pub fn whole_u32(&mut self, object: Object<'_>, name: &str, least: u32, most: u32) -> Option<u32> {
        let whole = self.whole(object, name, i64::from(least), i64::from(most))?;
        u32::try_from(whole).ok()
    }

    /// One of a few texts.
    pub fn choice<T: Copy>(&mut self, value: &Value, pointer: &str, choices: &[(&str, T)]) -> Option<T> {
        let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
        let Value::String(text) = value else {
            self.wrong_type(value, pointer, &format!("one of {}", listed(&names)));
            return None;
        };
        let chosen = choices.iter().find(|(name, _)| name == text).map(|(_, choice)| *choice);
        if chosen.is_none() {
            let hint = hint(text, names.iter().copied());
            self.add(code::OUT_OF_RANGE, pointer, format!("`{text}` is none of {}{hint}", listed(&names)));
        }
        chosen
    }

    pub fn expression(&mut self, value: &Value, pointer: &str, place: Place) -> Option<Expression> {
        let before = self.findings.len();
        check_expression(value, pointer, place, &mut self.findings);
        if self.findings[before..].iter().any(|finding| finding.severity == Severity::Error) {
            return None;
        }
        match Expression::compile(value) {
            Ok(expression) => {
                self.sites.push(Site { value: value.clone(), pointer: pointer.to_owned() });
                Some(expression)
            }
            Err(error) => {
                self.add(code::BAD_EXPRESSION, pointer, error.to_string());
                None
            }
        }
    }

    /// An expression over workers, into which items are filled.
    pub fn template(&mut self, value: &Value, pointer: &str) -> Option<Template> {
        self.expression(value, pointer, Place::Workers)?;
        match Template::compile(value) {
            Ok(template) => Some(template),
            Err(error) => {
                self.add(code::BAD_EXPRESSION, pointer, error.to_string());
                None
            }
        }
    }
}

/// The truth of an expression that reads nothing.
pub(super) fn constant(expression: &Expression) -> Option<bool> {
    match expression.paths() {
        Some([]) => expression.truthy(&Value::Null).ok(),
        Some(_) | None => None,
    }
}
