//! # finish
//!
//! Ends the item without a worker.
//!
//! - `outcome` (needed): `complete` or `cancel`.
//! - `reason`: text that the item and its events carry; `finished` or `workflow_canceled` when absent.
//!
//! ```json
//! {"finish": {"outcome": "cancel", "reason": "closed"}}
//! ```

use crate::limit::REASON_CHARS_MAX;
use crate::work::document::program::{Action, Outcome};
use crate::work::document::read::Notes;
use serde_json::Value;

pub(in crate::work::document) fn read(value: &Value, pointer: &str, notes: &mut Notes) -> Option<Action> {
    let object = notes.object(value, pointer, &["outcome", "reason"], "a finish")?;
    let reason = object.get("reason").and_then(|reason| notes.text(reason, &object.at("reason"), REASON_CHARS_MAX));
    let outcome = notes.required(object, "outcome", "`complete` or `cancel`")?;
    let choices = [("complete", Outcome::Complete), ("cancel", Outcome::Cancel)];
    let outcome = notes.choice(outcome, &object.at("outcome"), &choices)?;
    Some(Action::Finish { outcome, reason })
}
