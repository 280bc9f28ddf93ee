//! The steps, one file each. A step file parses its step into lines of the program; what the engine does with them is
//! in `engine/walk.rs`.

pub mod branch;
pub mod finish;
pub mod goto;
pub mod route;
pub mod set;
pub mod wait;

use super::reader::{Fields, Reader};
use super::{Action, Line, Op};
use crate::limit::STEPS_PER_RULE_MAX;
use serde_json::Value;
use std::collections::HashMap;
use std::sync::Arc;

/// Names of all steps.
const STEPS: [&str; 6] = ["route", "set", "branch", "wait", "goto", "finish"];

/// A program under construction.
#[derive(Default)]
pub(super) struct Builder {
    pub lines: Vec<Line>,
    labels: HashMap<String, u16>,
    /// Gotos whose label may come later: line, label, pointer.
    gotos: Vec<(usize, String, String)>,
    /// Steps as written, those in branches counted.
    pub steps: usize,
}

impl Builder {
    fn push(&mut self, pointer: &str, op: Op) -> usize {
        self.lines.push(Line { pointer: Arc::from(pointer), op });
        self.lines.len() - 1
    }

    fn here(&self) -> u16 {
        u16::try_from(self.lines.len()).unwrap_or(u16::MAX)
    }

    /// Resolves the labels of gotos.
    pub fn link(&mut self, reader: &mut Reader<'_>) {
        for (line, label, pointer) in std::mem::take(&mut self.gotos) {
            match self.labels.get(&label) {
                Some(target) => {
                    if let Op::Step(Action::Goto { to, .. }) = &mut self.lines[line].op {
                        *to = *target;
                    }
                }
                None => {
                    let known = self.labels.keys().map(String::as_str);
                    let hint = crate::rule::operator::nearest(&label, known);
                    let hint = hint.map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
                    let message = format!("no step of this rule has the label `{label}`{hint}");
                    reader.error("unknown_label", &pointer, message);
                }
            }
        }
    }
}

/// Whether a step may be left for the one after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flow {
    On,
    Ends,
}

/// Parses a list of steps.
pub(super) fn steps(
    reader: &mut Reader<'_>,
    builder: &mut Builder,
    value: &Value,
    pointer: &str,
    depth: usize,
) -> Flow {
    let Some(values) = reader.list(value, pointer, STEPS_PER_RULE_MAX) else { return Flow::On };
    if values.is_empty() {
        reader.error("empty_steps", pointer, "at least one step is needed; without any the item is canceled");
    }
    let mut flow = Flow::On;
    let mut told = false;
    for (place, value) in values.iter().enumerate() {
        let at = format!("{pointer}/{place}");
        let labelled = value.get("label").is_some();
        if flow == Flow::Ends && !labelled && !told {
            told = true;
            let message = "never reached: the step before it never ends, or ends the item";
            reader.warn("unreachable_step", &at, message);
        }
        let own = step(reader, builder, value, &at, depth);
        flow = if flow == Flow::Ends && !labelled { Flow::Ends } else { own };
    }
    flow
}

fn step(reader: &mut Reader<'_>, builder: &mut Builder, value: &Value, pointer: &str, depth: usize) -> Flow {
    builder.steps += 1;
    if value.get("request").is_some() {
        let message = "the step `request` is not supported by this version; give the item its attributes on creation";
        reader.error("step_not_supported", &format!("{pointer}/request"), message);
        return Flow::On;
    }
    let known: Vec<&str> = STEPS.into_iter().chain(["label"]).collect();
    let Some(fields) = reader.fields(value, pointer, &known) else { return Flow::On };
    label(reader, builder, fields);
    let mut named = STEPS.into_iter().filter(|name| fields.map.contains_key(*name));
    let (Some(name), None) = (named.next(), named.next()) else {
        let message = format!("a step has exactly one of {}, and a `label` if wanted", STEPS.join(", "));
        reader.error("not_a_step", pointer, message);
        return Flow::On;
    };
    let at = fields.at(name);
    let body = &fields.map[name];
    match name {
        "route" => route::parse(reader, builder, body, pointer, &at),
        "set" => set::parse(reader, builder, body, pointer, &at),
        "branch" => branch::parse(reader, builder, body, pointer, &at, depth),
        "wait" => wait::parse(reader, builder, body, pointer, &at),
        "goto" => goto::parse(reader, builder, body, pointer, &at),
        _ => finish::parse(reader, builder, body, pointer, &at),
    }
}

fn label(reader: &mut Reader<'_>, builder: &mut Builder, fields: Fields<'_>) {
    let Some(label) = reader.name(fields, "label") else { return };
    let here = builder.here();
    if builder.labels.insert(label.to_owned(), here).is_some() {
        let message = format!("another step of this rule has the label `{label}`");
        reader.error("duplicate_label", &fields.at("label"), message);
    }
}
