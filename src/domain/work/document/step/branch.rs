//! `branch`: take the steps of the first arm whose `when` is true; an arm without `when` is taken otherwise. An item
//! that no arm takes goes on after the branch, and so does one that has come to the end of an arm.
//!
//! ```json
//! {"branch": [{"when": {"==": [{"var": "item.tier"}, "gold"]}, "steps": [{"set": {"priority": 50}}]},
//!             {"steps": [{"set": {"priority": 0}}]}]}
//! ```

use super::super::Op;
use super::super::reader::Reader;
use super::{Builder, Flow};
use crate::limit::{BRANCH_DEPTH_MAX, STEPS_PER_RULE_MAX};
use crate::rule::Place;
use serde_json::Value;

pub(super) fn parse(
    reader: &mut Reader<'_>,
    builder: &mut Builder,
    body: &Value,
    pointer: &str,
    at: &str,
    depth: usize,
) -> Flow {
    if depth >= BRANCH_DEPTH_MAX {
        reader.error("too_deep", at, format!("branches are nested at most {BRANCH_DEPTH_MAX} deep"));
        return Flow::On;
    }
    let Some(arms) = reader.list(body, at, STEPS_PER_RULE_MAX) else { return Flow::On };
    if arms.is_empty() {
        reader.error("empty_steps", at, "a branch needs at least one arm with `when` and `steps`");
    }
    let mut jumps = Vec::new();
    let (mut otherwise, mut all_end) = (false, true);
    for (place, arm) in arms.iter().enumerate() {
        let here = format!("{at}/{place}");
        let Some(fields) = reader.fields(arm, &here, &["when", "steps"]) else { continue };
        if otherwise {
            reader.warn("unreachable_step", &here, "never reached: an arm above it takes every item");
        }
        let when = match fields.map.get("when") {
            Some(when) => reader.expression(when, &fields.at("when"), Place::Item),
            None => {
                otherwise = true;
                None
            }
        };
        let test = when.map(|when| builder.push(pointer, Op::Unless { when, to: 0 }));
        match fields.map.get("steps") {
            Some(steps) => {
                all_end &= super::steps(reader, builder, steps, &fields.at("steps"), depth + 1) == Flow::Ends;
            }
            None => reader.error("missing_field", &here, "an arm needs `steps`"),
        }
        jumps.push(builder.push(pointer, Op::Jump { to: 0 }));
        let next = builder.here();
        if let Some(Op::Unless { to, .. }) = test.map(|line| &mut builder.lines[line].op) {
            *to = next;
        }
    }
    let end = builder.here();
    for line in jumps {
        if let Op::Jump { to } = &mut builder.lines[line].op {
            *to = end;
        }
    }
    if otherwise && all_end { Flow::Ends } else { Flow::On }
}
