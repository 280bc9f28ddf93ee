//! # branch
//!
//! A list of arms `{"when": …, "steps": […]}`. The steps of the first whose `when` is true are taken; an arm without
//! `when`, the last, is taken when no other is. After an arm's steps, and when no arm is taken, the item goes on with
//! the step after the branch. Branches may stand in branches, 8 deep.
//!
//! ```json
//! {"branch": [
//!     {"when": {"var": "sys.schedule.berlin"}, "steps": [{"route": {"queue": "berlin", "timeout_s": 60}}]},
//!     {"steps": [{"route": {"queue": "denver", "timeout_s": 60}}]}
//! ]}
//! ```

use crate::limit::BRANCH_DEPTH_MAX;
use crate::rule::Place;
use crate::work::document::code;
use crate::work::document::parse::Assembly;
use crate::work::document::program::Op;
use crate::work::document::read::Notes;
use serde_json::Value;

/// Appends the branch's arms to the program.
pub(in crate::work::document) fn read(
    value: &Value,
    pointer: &str,
    depth: usize,
    assembly: &mut Assembly,
    notes: &mut Notes,
) {
    let Value::Array(arms) = value else {
        notes.wrong_type(value, pointer, "a list of {\"when\": …, \"steps\": […]}");
        return;
    };
    if depth >= BRANCH_DEPTH_MAX {
        let message =
            format!("branches stand at most {BRANCH_DEPTH_MAX} deep in each other; use a `goto` or more rules");
        notes.add(code::TOO_DEEP, pointer, message);
        return;
    }
    if arms.is_empty() {
        notes.add(code::EMPTY_STEPS, pointer, "this branch leads nowhere; give it arms or take it out");
    }
    let mut ends = Vec::new();
    for (place, arm) in arms.iter().enumerate() {
        let pointer = format!("{pointer}/{place}");
        if !assembly.count(&pointer, notes) {
            return;
        }
        let last = place + 1 == arms.len();
        ends.extend(read_arm(arm, &pointer, depth, last, assembly, notes));
    }
    for end in ends {
        assembly.land(end);
    }
}

/// Appends one arm; returns the jump at its end, which must be led to the end of the branch.
fn read_arm(
    value: &Value,
    pointer: &str,
    depth: usize,
    last: bool,
    assembly: &mut Assembly,
    notes: &mut Notes,
) -> Option<usize> {
    let object = notes.object(value, pointer, &["when", "steps"], "an arm of a branch")?;
    if object.get("when").is_none() && !last {
        let message =
            "an arm without `when` takes every item, so those below are never taken; give it one or move it last";
        notes.add(code::MISSING_FIELD, pointer, message);
    }
    let when = object.get("when").and_then(|when| notes.expression(when, &object.at("when"), Place::Item));
    let entry = when.map(|when| assembly.push(pointer, Op::Unless { when, to: 0 }));
    if let Some(steps) = notes.required(object, "steps", "a list of steps") {
        assembly.steps(steps, &object.at("steps"), depth + 1, notes);
    }
    let end = (!last).then(|| assembly.push(pointer, Op::Jump { to: 0 }));
    if let Some(entry) = entry {
        assembly.land(entry);
    }
    end
}
