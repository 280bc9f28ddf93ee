//! `goto`: go on at a labelled step of the same rule, at most `count` times (1–1,000, default 10); after that the item
//! goes on below.
//!
//! ```json
//! {"goto": {"label": "again", "count": 3}}
//! ```

use super::super::reader::Reader;
use super::super::{Action, Op};
use super::{Builder, Flow};
use crate::limit::{GOTO_COUNT_DEFAULT, GOTO_COUNT_MAX};
use serde_json::Value;

pub(super) fn parse(reader: &mut Reader<'_>, builder: &mut Builder, body: &Value, pointer: &str, at: &str) -> Flow {
    let Some(fields) = reader.fields(body, at, &["label", "count"]) else { return Flow::On };
    let count = reader.integer(fields, "count", 1..=i64::from(GOTO_COUNT_MAX));
    let count_max = count.and_then(|count| u32::try_from(count).ok()).unwrap_or(GOTO_COUNT_DEFAULT);
    let line = builder.push(pointer, Op::Step(Action::Goto { to: 0, count_max }));
    match reader.text(fields, "label") {
        Some(label) => builder.gotos.push((line, label.to_owned(), fields.at("label"))),
        None if !fields.map.contains_key("label") => {
            reader.error("missing_field", at, "`goto` needs the `label` of a step");
        }
        None => {}
    }
    Flow::On
}
