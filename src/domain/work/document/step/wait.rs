//! `wait`: rest for some seconds, or until an instant, without being in a queue. An instant is RFC 3339 text or seconds
//! since 1970; one that has passed, or that is none, ends the wait at once, and the event says so.
//!
//! ```json
//! {"wait": {"seconds": 30}}
//! {"wait": {"until": {"var": "item.call_back_at"}}}
//! ```

use super::super::reader::Reader;
use super::super::{Action, Op};
use super::{Builder, Flow};
use crate::rule::{Expression, Place};
use serde_json::Value;

#[derive(Debug)]
pub enum Until {
    Seconds(u32),
    Instant(Expression),
}

pub(super) fn parse(reader: &mut Reader<'_>, builder: &mut Builder, body: &Value, pointer: &str, at: &str) -> Flow {
    let Some(fields) = reader.fields(body, at, &["seconds", "until"]) else { return Flow::On };
    let until = match (fields.map.get("seconds"), fields.map.get("until")) {
        (Some(_), None) => reader.seconds(fields, "seconds", 1).map(Until::Seconds),
        (None, Some(value)) => reader.expression(value, &fields.at("until"), Place::Item).map(Until::Instant),
        _ => {
            reader.error("missing_field", at, "`wait` needs either `seconds` or `until`");
            None
        }
    };
    builder.push(pointer, Op::Step(Action::Wait(until.unwrap_or(Until::Seconds(1)))));
    Flow::On
}
