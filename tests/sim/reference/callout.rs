//! Callouts as they must be: who is asked, what an answer leads to, and that one which nobody waits for changes nothing.

use super::follow::Faults;
use super::world::World;
use cordboard_domain::event::Event;
use cordboard_domain::id::*;
use cordboard_domain::time::Timestamp;
use cordboard_domain::work::*;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// What a command must lead to.
#[derive(Debug)]
pub enum Expectation {
    Anything,
    Nothing,
    /// The first event, its subject, and the attributes or the next event that follow from it.
    Answer {
        event: &'static str,
        subject: String,
        attributes: Option<Value>,
        then: Option<&'static str>,
    },
}

impl Expectation {
    pub fn held_against(&self, outputs: &[Output]) -> Faults {
        let events: Vec<&Event> =
            outputs.iter().filter_map(|it| if let Output::Event(event) = it { Some(event) } else { None }).collect();
        match self {
            Self::Anything => Faults::new(),
            Self::Nothing if outputs.is_empty() => Faults::new(),
            Self::Nothing => vec!["an answer that nobody waits for changed something".to_owned()],
            Self::Answer { event, subject, attributes, then } => {
                let mut faults = Faults::new();
                let Some(first) = events.first().filter(|it| it.event_type == *event && it.subject == *subject) else {
                    return vec![format!("an answer to {subject} led to {:?}, not to {event}", events.first())];
                };
                let data: Value = serde_json::from_str(first.data.get()).unwrap_or_default();
                if attributes.as_ref().is_some_and(|expected| data["resource"]["attributes"] != *expected) {
                    faults.push(format!("{subject} has {} after its answer", data["resource"]["attributes"]));
                }
                let next = events.get(1).map(|event| event.event_type);
                if then.is_some() && *then != next {
                    faults.push(format!("after its callback {subject} has {next:?}, expected {then:?}"));
                }
                faults
            }
        }
    }
}

impl World {
    pub fn expect(&self, command: &Command) -> Expectation {
        match command {
            Command::AnswerRequest { item, request, outcome } => {
                let Some(held) = self.items.get(item).filter(|held| held.asking == Some(*request)) else {
                    return Expectation::Nothing;
                };
                let (subject, then) = (item.to_string(), None);
                let Some(heard) = &outcome.heard else {
                    let event = "workflow.request_failed";
                    return Expectation::Answer { event, subject, attributes: Some(held.attributes.clone()), then };
                };
                let document = self.document(held);
                let step = held.step.as_deref().and_then(|step| document.as_deref()?.pointer(step));
                let into = step.and_then(|step| step["request"]["into"].as_str());
                let mut attributes = held.attributes.clone();
                match into {
                    Some(name) => attributes[name] = json!(heard.answer),
                    None => heard.answer.iter().for_each(|(name, value)| attributes[name] = value.clone()),
                }
                let event = "workflow.request_answered";
                Expectation::Answer { event, subject, attributes: Some(attributes), then }
            }
            Command::AnswerAssignment { id, outcome } => {
                if self.reservations.get(id).is_none_or(|it| it.state != ReservationState::Offered) {
                    return Expectation::Nothing;
                }
                let (event, then) = match outcome.heard.as_ref().map(|heard| &heard.answer) {
                    None => ("reservation.callback_failed", Some("reservation.canceled")),
                    Some(Instruction::Accept) => ("reservation.callback_answered", Some("reservation.accepted")),
                    Some(Instruction::Reject { .. }) => ("reservation.callback_answered", Some("reservation.rejected")),
                    Some(Instruction::None) => ("reservation.callback_answered", None),
                };
                Expectation::Answer { event, subject: id.to_string(), attributes: None, then }
            }
            _ => Expectation::Anything,
        }
    }

    /// A request is over: it was waited for, and one that was lost has had its time.
    pub fn request_ended(&mut self, event: &Event, id: ItemId, detail: &Value, faults: &mut Faults) {
        let now = self.now;
        let Some(item) = self.items.get_mut(&id) else { return };
        let request = detail["request"].as_str().and_then(|text| RequestId::parse(text).ok());
        if item.asking.is_none() || item.asking != request {
            faults.push(format!("{id} is answered to {request:?} while it asks {:?}", item.asking));
        }
        let last = detail["causes"].as_array().and_then(|causes| causes.last());
        let ok = event.event_type == "workflow.request_answered";
        if !ok && last.is_some_and(|cause| cause["code"] == "answer_lost") && item.wait_until.is_none_or(|at| at > now)
        {
            faults.push(format!("{id} lost an answer before its time"));
        }
        item.request = if ok {
            json!({"ok": true, "error": null, "status": detail["status"]})
        } else {
            json!({"ok": false, "error": last.map(|it| &it["code"]), "status": last.map(|it| &it["status"])})
        };
        (item.asking, item.wait_until) = (None, None);
    }

    pub fn hear_callback(&self, id: ReservationId, state: ReservationState, faults: &mut Faults) {
        let open = self.reservations.get(&id).is_some_and(|it| it.state == ReservationState::Offered);
        if !open || state != ReservationState::Offered {
            faults.push(format!("{id} is not open and hears from its callback"));
        }
    }

    pub fn is_asked_about(&self, item: ItemId) -> bool {
        let workflow = self.items.get(&item).and_then(|item| self.workflows.get(&item.workflow));
        workflow.is_some_and(|workflow| workflow.assignment_url.is_some())
    }

    /// Everything whose answer is waited for, or may be.
    fn awaited(&self) -> BTreeSet<Calling> {
        let asking = self
            .items
            .values()
            .filter_map(|item| item.asking.map(|request| Calling::Request { item: item.id, request }));
        let open = self.reservations.values().filter(|it| it.state == ReservationState::Offered);
        let open = open.filter(|it| self.is_asked_about(it.item)).map(|it| Calling::Assignment(it.id));
        asking.chain(open).collect()
    }

    /// Whoever is waited for now and was not before is called, once; and the engine knows who is waited for.
    pub fn check_callouts(&self, outputs: &[Output], outstanding: &[Calling]) -> Faults {
        let mut faults = Faults::new();
        let awaited = self.awaited();
        let told: BTreeSet<Calling> = outstanding.iter().copied().collect();
        if told != awaited {
            faults.push(format!("the engine waits for {told:?}, expected {awaited:?}"));
        }
        let called = outputs.iter().filter_map(|output| match output {
            Output::Effect(Effect::Call(calling)) => Some(calling.message_id()),
            Output::Effect(_) | Output::Event(_) | Output::Put(_) | Output::Delete(_) => None,
        });
        let (mut called, mut begun) = (called.collect::<Vec<_>>(), self.begun.clone());
        called.sort_unstable();
        begun.sort_unstable();
        if called != begun {
            faults.push(format!("{called:?} are called, expected {begun:?}"));
        }
        faults
    }

    /// After a start every request has all its time again.
    pub fn recovered(&mut self, now: Timestamp, outstanding: &[Calling]) -> Faults {
        let asking: Vec<ItemId> = self.items.values().filter(|it| it.asking.is_some()).map(|it| it.id).collect();
        for id in asking {
            let step = self.items.get(&id).and_then(|item| {
                let document = self.document(item)?;
                document.pointer(item.step.as_deref()?).map(|step| step["request"].clone())
            });
            let Some(request) = step else { continue };
            let attempts = if request["fallback_url"].is_null() { 1 } else { 2 };
            let longest_s = attempts * request["timeout_s"].as_u64().unwrap_or(5) as u32 + 20;
            if let Some(item) = self.items.get_mut(&id) {
                item.wait_until = Some(now.plus_seconds(longest_s));
            }
        }
        self.begun.clear();
        self.check_callouts(&[], outstanding)
    }
}
