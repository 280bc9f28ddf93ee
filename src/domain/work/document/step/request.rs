//! # request
//!
//! Reserved: a callout to the integrator's server in the middle of a workflow. This version refuses a document that
//! uses it, rather than taking it and passing the step over. Until it can be run, give what the server would answer to
//! the item's attributes when the item is made.

use crate::work::document::code;
use crate::work::document::program::Action;
use crate::work::document::read::Notes;
use serde_json::Value;

pub(in crate::work::document) fn read(_value: &Value, pointer: &str, notes: &mut Notes) -> Option<Action> {
    let message = "the `request` step is not supported by this version; set the attributes when the item is created, or \
                   update them through the API while it waits";
    notes.add(code::STEP_NOT_SUPPORTED, pointer, message);
    None
}
