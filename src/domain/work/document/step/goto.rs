//! # goto
//!
//! On to a labelled step of the same rule, before or after this one, also into and out of branches.
//!
//! - `label` (needed): the step to go to.
//! - `count` (1–1,000, default 10): how often one item may take this `goto`; after that it goes on with the next
//!   step. The count starts anew when the item starts its workflow anew.
//!
//! Steps between must let time pass (a `route` with a timeout, a `wait`); the item is canceled as `too_many_steps` when
//! it takes 200 steps at one moment.
//!
//! ```json
//! {"goto": {"label": "again", "count": 3}}
//! ```

use crate::limit::{GOTO_COUNT_DEFAULT, GOTO_COUNT_MAX, NAME_CHARS_MAX};
use crate::work::document::program::Action;
use crate::work::document::read::Notes;
use serde_json::Value;

/// The action, still leading nowhere, and the label where it is to lead.
pub(in crate::work::document) fn read(value: &Value, pointer: &str, notes: &mut Notes) -> Option<(Action, String)> {
    let object = notes.object(value, pointer, &["label", "count"], "a goto")?;
    let count_max = notes.whole_u32(object, "count", 1, GOTO_COUNT_MAX).unwrap_or(GOTO_COUNT_DEFAULT);
    let label = notes.required(object, "label", "the label of a step of this rule")?;
    let label = notes.text(label, &object.at("label"), NAME_CHARS_MAX)?;
    Some((Action::Goto { to: 0, count_max }, label))
}
