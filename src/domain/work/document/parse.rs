//! Reading a whole document: its own fields, its rules, and each rule's steps into a flat program.

use super::program::{Action, Line, Op, Program};
use super::read::{Notes, Object, hint, join};
use super::step;
use super::{Document, Rule, code};
use crate::limit::*;
use crate::rule::{Place, variables};
use chrono_tz::Tz;
use serde_json::Value;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

const FIELDS: [&str; 5] = ["name", "time_zone", "rules", "default", "reservation_timeout_s"];
const RULE_FIELDS: [&str; 3] = ["name", "when", "steps"];

/// The document as far as it can be read; it is whole only if nothing noted is an error.
pub(super) fn document(value: &Value, notes: &mut Notes) -> Option<Document> {
    if value.to_string().len() > DOCUMENT_BYTES_MAX {
        let message =
            format!("a document has at most {DOCUMENT_BYTES_MAX} bytes as JSON; split it into several workflows");
        notes.add(code::DOCUMENT_TOO_LARGE, "", message);
        return None;
    }
    let object = notes.object(value, "", &FIELDS, "a workflow document")?;
    let name = object.get("name").and_then(|name| notes.text(name, "/name", NAME_CHARS_MAX));
    let time_zone = object.get("time_zone").and_then(|zone| time_zone(zone, notes)).unwrap_or(Tz::UTC);
    let reservation_timeout_s = notes.whole_u32(object, "reservation_timeout_s", 1, DURATION_S_MAX);
    let rules = object.get("rules").map_or_else(Vec::new, |rules| read_rules(rules, notes));
    let default = object.get("default").map(|steps| program("default", "/default", steps, "/default", notes));
    let written = object.get("rules").is_some_and(|rules| rules.as_array().is_none_or(|rules| !rules.is_empty()));
    if !written && default.is_none() {
        let message = "without rules and without `default` every item is canceled; add a `default` with a route";
        notes.add(code::EMPTY_DOCUMENT, "", message);
    }
    let (queues, schedules) = (named_queues(notes), named_schedules(notes));
    Some(Document { name, time_zone, rules, default, reservation_timeout_s, queues, schedules })
}

fn time_zone(value: &Value, notes: &mut Notes) -> Option<Tz> {
    let text = notes.text(value, "/time_zone", NAME_CHARS_MAX)?;
    let zone = text.parse().ok();
    if zone.is_none() {
        let hint = hint(&text, chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name()));
        let message = format!("`{text}` is no IANA time zone such as `Europe/Berlin`{hint}");
        notes.add(code::UNKNOWN_TIME_ZONE, "/time_zone", message);
    }
    zone
}

fn read_rules(value: &Value, notes: &mut Notes) -> Vec<Rule> {
    let Value::Array(values) = value else {
        notes.wrong_type(value, "/rules", "a list of rules");
        return Vec::new();
    };
    if values.len() > RULES_MAX {
        let message = format!("a document has at most {RULES_MAX} rules, not {}", values.len());
        notes.add(code::TOO_MANY, "/rules", message);
        return Vec::new();
    }
    let mut names = HashMap::new();
    let rules = values.iter().enumerate();
    rules.filter_map(|(place, value)| read_rule(value, &format!("/rules/{place}"), &mut names, notes)).collect()
}

fn read_rule(value: &Value, pointer: &str, names: &mut HashMap<String, String>, notes: &mut Notes) -> Option<Rule> {
    let object = notes.object(value, pointer, &RULE_FIELDS, "a rule")?;
    let name = notes.required(object, "name", "events and explanations call the rule by it");
    let name = name.and_then(|name| notes.text(name, &object.at("name"), NAME_CHARS_MAX));
    if let Some(name) = &name {
        check_name(name, object, names, notes);
    }
    let when = notes.required(object, "when", "write `true` for a rule that takes every item");
    let when = when.and_then(|when| notes.expression(when, &object.at("when"), Place::Item));
    let steps = notes.required(object, "steps", "a list of what to do with the items of this rule");
    let program = steps.map(|steps| {
        let name = name.as_deref().unwrap_or_default();
        program(name, pointer, steps, &object.at("steps"), notes)
    });
    Some(Rule { name: name?, when: when?, program: program? })
}

fn check_name(name: &str, object: Object<'_>, names: &mut HashMap<String, String>, notes: &mut Notes) {
    if name == "default" {
        let message = "`default` is the name of the document's default; name the rule otherwise";
        notes.add(code::DUPLICATE_NAME, object.at("name"), message);
    } else if let Some(first) = names.get(name) {
        let message = format!("the rule at {first} is named `{name}` already; name this one otherwise");
        notes.add(code::DUPLICATE_NAME, object.at("name"), message);
    } else {
        names.insert(name.to_owned(), object.pointer.to_owned());
    }
}

fn program(name: &str, pointer: &str, steps: &Value, steps_pointer: &str, notes: &mut Notes) -> Program {
    let mut assembly = Assembly::default();
    assembly.steps(steps, steps_pointer, 0, notes);
    assembly.resolve_gotos(notes);
    Program { name: Arc::from(name), pointer: pointer.to_owned(), lines: assembly.lines }
}

/// A program being put together.
#[derive(Default)]
pub(super) struct Assembly {
    lines: Vec<Line>,
    steps: usize,
    labels: HashMap<String, (u16, String)>,
    /// Lines of gotos with the label that they name and its pointer.
    gotos: Vec<(usize, String, String)>,
    full: bool,
}

impl Assembly {
    /// Appends a list of steps, which stands in `depth` branches.
    pub fn steps(&mut self, value: &Value, pointer: &str, depth: usize, notes: &mut Notes) {
        let Value::Array(values) = value else {
            notes.wrong_type(value, pointer, "a list of steps");
            return;
        };
        if values.is_empty() {
            let message = "there is no step here; an item that is to end here has the step \
                           {\"finish\": {\"outcome\": \"cancel\"}}";
            notes.add(code::EMPTY_STEPS, pointer, message);
        }
        for (place, value) in values.iter().enumerate() {
            if !self.count(pointer, notes) {
                return;
            }
            self.step(value, &format!("{pointer}/{place}"), depth, notes);
        }
    }

    /// Counts a step or a branch's arm against the limit of a rule.
    pub fn count(&mut self, pointer: &str, notes: &mut Notes) -> bool {
        self.steps += 1;
        let within = self.steps <= STEPS_PER_RULE_MAX;
        if !within && !self.full {
            self.full = true;
            let message = format!("a rule has at most {STEPS_PER_RULE_MAX} steps, branches and their steps counted");
            notes.add(code::TOO_MANY, pointer, message);
        }
        within
    }

    fn step(&mut self, value: &Value, pointer: &str, depth: usize, notes: &mut Notes) {
        let Some((verb, body, label)) = step::verb(value, pointer, notes) else { return };
        let label = label.and_then(|label| self.label(label, pointer, notes));
        let body_pointer = join(pointer, verb.name());
        let before = self.lines.len();
        let action = match verb {
            step::Verb::Branch => {
                step::branch::read(body, &body_pointer, depth, self, notes);
                // A branch has no line of its own; its first arm carries the label.
                if let Some(line) = self.lines.get_mut(before).filter(|line| line.label.is_none()) {
                    line.label = label;
                }
                return;
            }
            step::Verb::Route => step::route::read(body, &body_pointer, notes),
            step::Verb::Set => step::set::read(body, &body_pointer, notes),
            step::Verb::Wait => step::wait::read(body, &body_pointer, notes),
            step::Verb::Request => step::request::read(body, &body_pointer, notes),
            step::Verb::Finish => step::finish::read(body, &body_pointer, notes),
            step::Verb::Goto => step::goto::read(body, &body_pointer, notes).map(|(action, named)| {
                self.gotos.push((before, named, join(&body_pointer, "label")));
                action
            }),
        };
        if let Some(action) = action {
            self.lines.push(Line { pointer: Arc::from(pointer), label, op: Op::Step(action) });
        }
    }

    fn label(&mut self, value: &Value, pointer: &str, notes: &mut Notes) -> Option<String> {
        let at = join(pointer, "label");
        let label = notes.text(value, &at, NAME_CHARS_MAX)?;
        if let Some((_, first)) = self.labels.get(&label) {
            let message = format!("the step at {first} carries the label `{label}` already; name this one otherwise");
            notes.add(code::DUPLICATE_LABEL, at, message);
            return None;
        }
        self.labels.insert(label.clone(), (self.here(), pointer.to_owned()));
        Some(label)
    }

    /// The number of the next line. Steps are bounded far below what fits.
    pub fn here(&self) -> u16 {
        self.lines.len() as u16
    }

    pub fn push(&mut self, pointer: &str, op: Op) -> usize {
        self.lines.push(Line { pointer: Arc::from(pointer), label: None, op });
        self.lines.len() - 1
    }

    /// Lets a jump that was pushed before lead to the next line.
    pub fn land(&mut self, line: usize) {
        let here = self.here();
        match self.lines.get_mut(line).map(|line| &mut line.op) {
            Some(Op::Unless { to, .. } | Op::Jump { to }) => *to = here,
            Some(Op::Step(_)) | None => {}
        }
    }

    fn resolve_gotos(&mut self, notes: &mut Notes) {
        for (line, label, pointer) in std::mem::take(&mut self.gotos) {
            let Some((target, _)) = self.labels.get(&label) else {
                let hint = hint(&label, self.labels.keys().map(String::as_str));
                let message = format!("no step of this rule carries the label `{label}`{hint}");
                notes.add(code::UNKNOWN_LABEL, pointer, message);
                continue;
            };
            if let Some(Op::Step(Action::Goto { to, .. })) = self.lines.get_mut(line).map(|line| &mut line.op) {
                *to = *target;
            }
        }
    }
}

fn named_queues(notes: &Notes) -> Vec<Box<str>> {
    let names: BTreeSet<&str> = notes.routes.iter().map(|route| route.queue.as_str()).collect();
    names.into_iter().map(Box::from).collect()
}

fn named_schedules(notes: &Notes) -> Vec<Box<str>> {
    let read = notes.sites.iter().flat_map(|site| variables(&site.value, ""));
    let names: BTreeSet<Box<str>> =
        read.filter_map(|variable| variable.path.strip_prefix("sys.schedule.").map(Box::from)).collect();
    names.into_iter().collect()
}
