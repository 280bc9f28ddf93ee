//! # wait
//!
//! The item waits in no queue, then goes on. Either of:
//!
//! - `seconds` (1–1,209,600): how long.
//! - `until`: an instant, as RFC 3339 text or as seconds since 1970, or an expression for one. An instant that has
//!   passed, or a value that is no instant, lets the item go on at once; one farther than 14 days off counts as that.
//!
//! ```json
//! {"wait": {"until": {"var": "item.call_back_at"}}}
//! ```

use crate::limit::DURATION_S_MAX;
use crate::rule::Place;
use crate::time::Timestamp;
use crate::work::document::code;
use crate::work::document::program::{Action, Until};
use crate::work::document::read::Notes;
use serde_json::Value;

pub(in crate::work::document) fn read(value: &Value, pointer: &str, notes: &mut Notes) -> Option<Action> {
    let object = notes.object(value, pointer, &["seconds", "until"], "a wait")?;
    match (object.get("seconds"), object.get("until")) {
        (Some(_), None) => {
            let seconds = notes.whole_u32(object, "seconds", 1, DURATION_S_MAX)?;
            Some(Action::Wait(Until::Seconds(seconds)))
        }
        (None, Some(until)) => {
            let pointer = object.at("until");
            check_constant(until, &pointer, notes)?;
            notes.expression(until, &pointer, Place::Item).map(|until| Action::Wait(Until::Instant(until)))
        }
        (Some(_), Some(_)) => {
            let message = "a wait has either `seconds` or `until`; take one out";
            notes.add(code::UNKNOWN_FIELD, object.at("until"), message);
            None
        }
        (None, None) => {
            notes.add(code::MISSING_FIELD, pointer, "a wait has `seconds`, or `until` with an instant");
            None
        }
    }
}

fn check_constant(value: &Value, pointer: &str, notes: &mut Notes) -> Option<()> {
    let wanted = "an instant such as \"2026-03-02T09:00:00Z\", seconds since 1970, or an expression for one,";
    match value {
        Value::Object(_) | Value::Number(_) => Some(()),
        Value::String(text) if Timestamp::parse(text).is_ok() => Some(()),
        Value::String(text) => {
            notes.add(code::NOT_AN_INSTANT, pointer, format!("{wanted} is wanted here, and `{text}` is none"));
            None
        }
        other => {
            notes.wrong_type(other, pointer, wanted);
            None
        }
    }
}
