//! The steps of a workflow, one file each: its manual page, then how it is read. A step is an object with one verb, and
//! beside it a `label` if a `goto` is to lead there: `{"label": "again", "route": {"queue": "support"}}`.

pub mod branch;
pub mod finish;
pub mod goto;
pub mod request;
pub mod route;
pub mod set;
pub mod wait;

use super::code;
use super::read::{Notes, hint, join, listed};
use serde_json::Value;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    Route,
    Set,
    Branch,
    Wait,
    Request,
    Goto,
    Finish,
}

const VERBS: [Verb; 7] = [Verb::Route, Verb::Set, Verb::Branch, Verb::Wait, Verb::Request, Verb::Goto, Verb::Finish];

impl Verb {
    pub fn name(self) -> &'static str {
        match self {
            Self::Route => "route",
            Self::Set => "set",
            Self::Branch => "branch",
            Self::Wait => "wait",
            Self::Request => "request",
            Self::Goto => "goto",
            Self::Finish => "finish",
        }
    }
}

/// The one verb of a step with its body, and the step's label.
pub(super) fn verb<'v>(
    value: &'v Value,
    pointer: &str,
    notes: &mut Notes,
) -> Option<(Verb, &'v Value, Option<&'v Value>)> {
    let names = VERBS.map(Verb::name);
    let Value::Object(fields) = value else {
        notes.wrong_type(value, pointer, "a step, an object such as {\"route\": {\"queue\": \"support\"}},");
        return None;
    };
    let found = VERBS.iter().filter_map(|verb| fields.get(verb.name()).map(|body| (*verb, body)));
    let found: Vec<_> = found.collect();
    for name in fields.keys().filter(|name| *name != "label" && !names.contains(&name.as_str())) {
        let hint = hint(name, names.iter().copied().chain(["label"]));
        let message = if found.is_empty() {
            format!("there is no step `{name}`{hint}; steps are {}", listed(&names))
        } else {
            format!("a step has no field `{name}` beside its verb{hint}")
        };
        notes.add(code::UNKNOWN_FIELD, join(pointer, name), message);
    }
    match found.as_slice() {
        [(verb, body)] => Some((*verb, *body, fields.get("label"))),
        [] => {
            if fields.keys().all(|name| name == "label") {
                let message = format!("a step has a verb, one of {}", listed(&names));
                notes.add(code::NOT_A_STEP, pointer, message);
            }
            None
        }
        _ => {
            let verbs: Vec<_> = found.iter().map(|(verb, _)| verb.name()).collect();
            let message =
                format!("one step does one thing, and this one has {}; make it several steps", listed(&verbs));
            notes.add(code::NOT_A_STEP, pointer, message);
            None
        }
    }
}
