//! An item's way through its workflow: the rule that takes it, then step by step until it waits, is finished, or runs
//! out of steps.

use super::{Engine, Turn, Version};
use crate::id::ItemId;
use crate::limit::{PRIORITY_MAX, STEPS_PER_DECISION_MAX};
use crate::time::Timestamp;
use crate::work::document::{Action, Op, Outcome, Until};
use crate::work::timer::Timer;
use crate::work::*;
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// What one line of a program leads to.
pub(super) enum Next {
    Line(u16),
    /// The item waits here, or has ended.
    Rest,
}

impl Engine {
    /// Sends an item to the first rule that matches it.
    pub(super) fn start(&mut self, turn: &mut Turn<'_>, id: ItemId) {
        let Some(version) = self.version_of(id) else { return };
        if let Some(entry) = self.items.get_mut(&id) {
            // What a request of an earlier run came to says nothing to this one's rules.
            entry.item.place.request = None;
        }
        let chosen = match version.document.rules.is_empty() {
            true => version.document.default.is_some().then_some(None),
            false => choose_rule(&version, &self.item_facts(id, &version, turn.now)),
        };
        let Some(program) = chosen.and_then(|rule| version.document.program(rule)) else {
            self.end_without_worker(turn, id, ItemState::Canceled, "no_rule_matched");
            return;
        };
        let rule = chosen.flatten();
        self.change_item(turn, id, |item| {
            item.rule = Some(Arc::clone(&program.name));
            item.step = None;
            item.place = Place { rule, ..Place::default() };
        });
        let detail = json!({"rule": &*program.name, "pointer": program.pointer});
        self.emit_item(turn, "workflow.rule_matched", id, Some(detail));
        self.walk(turn, id, 0);
    }

    pub(in crate::work) fn version_of(&self, id: ItemId) -> Option<Arc<Version>> {
        let item = &self.items.get(&id)?.item;
        self.config.versions.get(&(item.workflow, item.workflow_version)).cloned()
    }

    /// Takes the steps of an item's program from line `from` on, as far as they lead now.
    pub(super) fn walk(&mut self, turn: &mut Turn<'_>, id: ItemId, from: u16) {
        let Some(version) = self.version_of(id) else { return };
        let rule = self.items.get(&id).and_then(|entry| entry.item.place.rule);
        let Some(program) = version.document.program(rule) else { return };
        let mut line = from;
        for _ in 0..STEPS_PER_DECISION_MAX {
            let Some(step) = program.lines.get(line as usize) else {
                self.emit_item(turn, "workflow.exhausted", id, None);
                self.end_without_worker(turn, id, ItemState::Canceled, "workflow_exhausted");
                return;
            };
            match self.take(turn, id, &version, line, step) {
                Next::Line(next) => line = next,
                Next::Rest => return,
            }
        }
        self.end_without_worker(turn, id, ItemState::Canceled, "too_many_steps");
    }

    fn take(&mut self, turn: &mut Turn<'_>, id: ItemId, version: &Version, line: u16, step: &document::Line) -> Next {
        match &step.op {
            Op::Jump { to } => Next::Line(*to),
            Op::Unless { when, to } => {
                let facts = self.item_facts(id, version, turn.now);
                // A condition that cannot be evaluated does not hold; the explanation names the error.
                if when.truthy(&facts).unwrap_or(false) { Next::Line(line + 1) } else { Next::Line(*to) }
            }
            Op::Step(action) => {
                self.enter(turn, id, line, &step.pointer);
                match action {
                    Action::Route(route) => self.enter_route(turn, id, version, route),
                    Action::Set(set) => self.apply_set(turn, id, version, set),
                    Action::Wait(until) => return self.enter_wait(turn, id, version, until),
                    Action::Request(request) => return self.enter_request(turn, id, request),
                    Action::Goto { to, count_max } => self.follow_goto(turn, id, line, *to, *count_max),
                    Action::Finish { outcome, reason } => {
                        self.emit_step(turn, id, None);
                        let (state, usual) = match outcome {
                            Outcome::Complete => (ItemState::Completed, "finished"),
                            Outcome::Cancel => (ItemState::Canceled, "workflow_canceled"),
                        };
                        self.end_without_worker(turn, id, state, reason.as_deref().unwrap_or(usual));
                        return Next::Rest;
                    }
                }
                .unwrap_or(Next::Line(line + 1))
            }
        }
    }

    /// Notes the line that an item is in.
    fn enter(&mut self, turn: &mut Turn<'_>, id: ItemId, line: u16, pointer: &Arc<str>) {
        let now = turn.now;
        self.touch_item(turn, id);
        if let Some(entry) = self.items.get_mut(&id) {
            let item = &mut entry.item;
            item.step = Some(Arc::clone(pointer));
            let (gotos, request) = (std::mem::take(&mut item.place.gotos), item.place.request.take());
            let rule = item.place.rule;
            item.place = Place { rule, step: line, entered_at: now, gotos, request, ..Place::default() };
        }
    }

    pub(super) fn emit_step(&mut self, turn: &mut Turn<'_>, id: ItemId, detail: Option<Value>) {
        self.emit_item(turn, "workflow.step_entered", id, detail);
    }

    fn apply_set(&mut self, turn: &mut Turn<'_>, id: ItemId, version: &Version, set: &document::Set) -> Option<Next> {
        let mut facts = self.item_facts(id, version, turn.now);
        let mut failed = Vec::new();
        let mut priority = None;
        if let Some(expression) = &set.priority {
            match expression.evaluate(&facts).ok().as_ref().and_then(Value::as_f64) {
                Some(number) => priority = Some((number.round() as i64).clamp(-PRIORITY_MAX, PRIORITY_MAX)),
                None => failed.push("priority"),
            }
        }
        for (name, expression) in &set.attributes {
            match expression.evaluate(&facts) {
                Ok(value) => facts["item"][name.as_str()] = value,
                Err(_) => failed.push(name.as_str()),
            }
        }
        let attributes = serde_json::value::to_raw_value(&facts["item"]).ok();
        let attributes = attributes.filter(|raw| raw.get().len() <= crate::limit::ATTRIBUTES_BYTES_MAX);
        if attributes.is_none() && !set.attributes.is_empty() {
            failed.push("attributes");
        }
        if let Some(entry) = self.items.get_mut(&id) {
            entry.item.priority = priority.unwrap_or(entry.item.priority);
            if let Some(attributes) = attributes.filter(|_| !set.attributes.is_empty()) {
                entry.item.attributes = attributes;
            }
        }
        // What could not be set stays as it was, and the event says so.
        let detail = (!failed.is_empty()).then(|| json!({ "not_set": failed }));
        self.emit_step(turn, id, detail);
        self.emit_item(turn, "work_item.updated", id, None);
        None
    }

    fn enter_wait(&mut self, turn: &mut Turn<'_>, id: ItemId, version: &Version, until: &Until) -> Next {
        let until = match until {
            Until::Seconds(seconds) => Ok(turn.now.plus_seconds(*seconds)),
            Until::Instant(expression) => {
                let facts = self.item_facts(id, version, turn.now);
                instant(expression.evaluate(&facts).ok().as_ref(), turn.now)
            }
        };
        let line = self.items.get(&id).map_or(0, |entry| entry.item.place.step);
        let deadline = match until {
            Ok(deadline) if deadline > turn.now => deadline,
            Ok(_) => {
                self.emit_step(turn, id, Some(json!({"skipped": "already_past"})));
                return Next::Line(line + 1);
            }
            Err(why) => {
                self.emit_step(turn, id, Some(json!({ "skipped": why })));
                return Next::Line(line + 1);
            }
        };
        self.change_item(turn, id, |item| {
            item.place.deadline = Some(deadline);
            item.queue = None;
            item.entered_queue_at = None;
        });
        self.timers.set(deadline, Timer::Step(id));
        self.emit_step(turn, id, Some(json!({ "until": deadline })));
        Next::Rest
    }

    fn follow_goto(&mut self, turn: &mut Turn<'_>, id: ItemId, line: u16, to: u16, count_max: u32) -> Option<Next> {
        let gotos = &mut self.items.get_mut(&id)?.item.place.gotos;
        let taken = match gotos.iter_mut().find(|(at, _)| *at == line) {
            Some((_, count)) => count,
            None => {
                gotos.push((line, 0));
                &mut gotos.last_mut()?.1
            }
        };
        let again = *taken < count_max;
        if again {
            *taken += 1;
        }
        let taken = *taken;
        self.emit_step(turn, id, Some(json!({"taken": taken, "of": count_max, "followed": again})));
        again.then_some(Next::Line(to))
    }

    /// What rules may read of an item: its attributes and the platform's facts.
    pub(in crate::work) fn item_facts(&self, id: ItemId, version: &Version, now: Timestamp) -> Value {
        match self.items.get(&id) {
            Some(entry) => self.facts_of(&entry.item, version, now),
            None => Value::Null,
        }
    }

    pub(in crate::work) fn facts_of(&self, item: &Item, version: &Version, now: Timestamp) -> Value {
        let attributes: Value = serde_json::from_str(item.attributes.get()).unwrap_or(Value::Null);
        let now_facts = crate::schedule::local_facts(version.document.time_zone, now);
        let mut schedules = Map::new();
        for name in &version.schedules {
            let id = self.config.named(super::Kind::Schedule, name).map(crate::id::ScheduleId);
            let open = id.and_then(|id| self.config.schedules.get(&id)).is_some_and(|entry| entry.hours.is_open(now));
            schedules.insert(name.to_string(), Value::Bool(open));
        }
        let mut sys = Map::new();
        sys.insert("channel".to_owned(), item.channel.as_ref().into());
        sys.insert("priority".to_owned(), item.priority.into());
        sys.insert("age_s".to_owned(), now.seconds_since(item.stamp.created_at).into());
        sys.insert("now".to_owned(), now_facts);
        sys.insert("schedule".to_owned(), schedules.into());
        if let Some(result) = item.place.request.as_ref().and_then(|made| made.result.as_ref()) {
            sys.insert("request".to_owned(), json!(result));
        }
        // Moved in: `json!` would copy the attributes once more.
        let mut facts = Map::new();
        facts.insert("item".to_owned(), attributes);
        facts.insert("sys".to_owned(), sys.into());
        facts.into()
    }
}

/// The first rule whose condition holds: `Some(None)` is the document's default, `None` no rule at all.
pub(in crate::work) fn choose_rule(version: &Version, facts: &Value) -> Option<Option<u16>> {
    let rules = version.document.rules.iter();
    let matching = rules.enumerate().find(|(_, rule)| rule.when.truthy(facts).unwrap_or(false));
    match matching {
        Some((place, _)) => Some(Some(place as u16)),
        None => version.document.default.is_some().then_some(None),
    }
}

/// An instant as a rule gives it: RFC 3339 text, or seconds since 1970.
fn instant(value: Option<&Value>, now: Timestamp) -> Result<Timestamp, &'static str> {
    let at = match value {
        Some(Value::String(text)) => Timestamp::parse(text).map_err(|_| "not_an_instant")?,
        Some(Value::Number(seconds)) => {
            Timestamp::from_millis((seconds.as_f64().ok_or("not_an_instant")? * 1_000.0) as i64)
        }
        _ => return Err("not_an_instant"),
    };
    Ok(at.min(now.plus_seconds(crate::limit::DURATION_S_MAX)))
}
