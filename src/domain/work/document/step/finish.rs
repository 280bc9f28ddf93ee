//! `finish`: end the item without a worker, as completed or canceled, with a reason.
//!
//! ```json
//! {"finish": {"outcome": "cancel", "reason": "closed"}}
//! ```

use super::super::reader::Reader;
use super::super::{Action, Op};
use super::{Builder, Flow};
use crate::limit::REASON_CHARS_MAX;
use serde_json::Value;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Complete,
    Cancel,
}

pub(super) fn parse(reader: &mut Reader<'_>, builder: &mut Builder, body: &Value, pointer: &str, at: &str) -> Flow {
    let Some(fields) = reader.fields(body, at, &["outcome", "reason"]) else { return Flow::Ends };
    let outcome = match reader.text(fields, "outcome") {
        Some("complete") => Outcome::Complete,
        Some("cancel") => Outcome::Cancel,
        Some(_) => {
            reader.error("out_of_range", &fields.at("outcome"), "an outcome is `complete` or `cancel`");
            Outcome::Cancel
        }
        None => {
            if !fields.map.contains_key("outcome") {
                reader.error("missing_field", at, "`finish` needs an `outcome`: `complete` or `cancel`");
            }
            Outcome::Cancel
        }
    };
    let reason = reader.text(fields, "reason").map(str::to_owned);
    if reason.as_ref().is_some_and(|reason| reason.is_empty() || reason.chars().count() > REASON_CHARS_MAX) {
        reader.error("out_of_range", &fields.at("reason"), format!("a reason has 1 to {REASON_CHARS_MAX} characters"));
    }
    builder.push(pointer, Op::Step(Action::Finish { outcome, reason }));
    Flow::Ends
}
