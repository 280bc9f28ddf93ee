//! `set`: change the item's priority and attributes. Values are JSONLogic over the item; an attribute may be set from
//! one that stands above it in the step.
//!
//! ```json
//! {"set": {"priority": 50, "attributes": {"greeting": {"cat": ["Hello ", {"var": "item.name"}]}}}}
//! ```

use super::super::reader::Reader;
use super::super::{Action, Op};
use super::{Builder, Flow};
use crate::limit::PRIORITY_MAX;
use crate::rule::{Expression, Place};
use serde_json::Value;

#[derive(Debug)]
pub struct Set {
    pub priority: Option<Expression>,
    pub attributes: Vec<(String, Expression)>,
}

pub(super) fn parse(reader: &mut Reader<'_>, builder: &mut Builder, body: &Value, pointer: &str, at: &str) -> Flow {
    let Some(fields) = reader.fields(body, at, &["priority", "attributes"]) else { return Flow::On };
    if fields.map.is_empty() {
        reader.error("missing_field", at, "`set` needs a `priority` or `attributes`");
    }
    let priority = fields.map.get("priority").and_then(|value| {
        if value.as_f64().is_some_and(|number| number.abs() > PRIORITY_MAX as f64) {
            let message = format!("a priority is a number from {} to {PRIORITY_MAX}", -PRIORITY_MAX);
            reader.error("out_of_range", &fields.at("priority"), message);
        }
        reader.expression(value, &fields.at("priority"), Place::Item)
    });
    let mut attributes = Vec::new();
    if let Some(values) = fields.map.get("attributes") {
        let pointer = fields.at("attributes");
        match values.as_object() {
            Some(values) => {
                for (name, value) in values {
                    let at = format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"));
                    attributes.extend(reader.expression(value, &at, Place::Item).map(|value| (name.clone(), value)));
                }
            }
            None => reader.error("wrong_type", &pointer, "expected an object of attributes"),
        }
    }
    builder.push(pointer, Op::Step(Action::Set(Set { priority, attributes })));
    Flow::On
}
