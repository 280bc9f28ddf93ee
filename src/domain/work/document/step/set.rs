//! # set
//!
//! Changes the item and goes on at once.
//!
//! - `priority`: an expression for a number (rounded, held within ±1,000,000).
//! - `attributes`: an object; each field is the name of an attribute and an expression for its new value. Other
//!   attributes stay. An object as a value is an operation; plain nested objects cannot be set. Values are computed in
//!   the alphabetical order of the names, each with those before it set.
//!
//! What cannot be computed stays as it was, and the event of the step says so.
//!
//! ```json
//! {"set": {"priority": {"+": [{"var": "sys.priority"}, 10]},
//!          "attributes": {"tried_first_line": true}}}
//! ```

use crate::limit::{NAME_CHARS_MAX, PRIORITY_MAX};
use crate::rule::{Expression, Place};
use crate::work::document::code;
use crate::work::document::program::{Action, Set};
use crate::work::document::read::{Notes, Object, join};
use serde_json::Value;

pub(in crate::work::document) fn read(value: &Value, pointer: &str, notes: &mut Notes) -> Option<Action> {
    let object = notes.object(value, pointer, &["priority", "attributes"], "a set step")?;
    let priority = object.get("priority").and_then(|priority| read_priority(priority, object, notes));
    let attributes = object.get("attributes");
    let attributes = attributes.map_or_else(Vec::new, |values| read_values(values, &object.at("attributes"), notes));
    if object.fields.is_empty() {
        let message = "this step sets nothing; give `priority` or `attributes`, or take it out";
        notes.add(code::MISSING_FIELD, pointer, message);
    }
    Some(Action::Set(Set { priority, attributes }))
}

fn read_priority(value: &Value, object: Object<'_>, notes: &mut Notes) -> Option<Expression> {
    let pointer = object.at("priority");
    match value {
        Value::Number(_) => {
            notes.whole(object, "priority", -PRIORITY_MAX, PRIORITY_MAX)?;
        }
        Value::Object(_) => {}
        other => {
            notes.wrong_type(other, pointer, "a number, or an expression for one,");
            return None;
        }
    }
    notes.expression(value, &pointer, Place::Item)
}

/// Names with an expression each.
pub(super) fn read_values(value: &Value, pointer: &str, notes: &mut Notes) -> Vec<(String, Expression)> {
    let Value::Object(fields) = value else {
        notes.wrong_type(value, pointer, "an object of names and values");
        return Vec::new();
    };
    let mut read: Vec<(String, Expression)> = Vec::new();
    for (name, value) in fields {
        let at = join(pointer, name);
        if name.is_empty() || name.contains('.') || name.chars().count() > NAME_CHARS_MAX {
            let message = format!(
                "an attribute's name has 1 to {NAME_CHARS_MAX} characters and no dot: `item.a.b` would \
                                   read inside of `a`"
            );
            notes.add(code::OUT_OF_RANGE, at, message);
            continue;
        }
        if let Some(expression) = notes.expression(value, &at, Place::Item) {
            read.push((name.clone(), expression));
        }
    }
    // One order on every build, whatever order the JSON reader keeps.
    read.sort_by(|(one, _), (other, _)| one.cmp(other));
    read
}
