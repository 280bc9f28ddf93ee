//! Callouts: entering a `request` step, assignment callbacks, and what comes of either. The runtime makes them; whatever
//! it comes back with is held against what is waited for now, so that a late or doubled answer changes nothing.

use super::directory::{check_attributes, check_attributes_size};
use super::offer::Ending;
use super::{Engine, Turn, Version};
use crate::id::*;
use crate::limit::CALLOUT_S_DEFAULT;
use crate::time::Timestamp;
use crate::work::callout::*;
use crate::work::document::{Action, Op, Request};
use crate::work::timer::Timer;
use crate::work::view::{ItemView, ReservationView, WorkerJson};
use crate::work::*;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value, json};

/// Why an offer was taken back whose assignment callback failed.
const CALLBACK_FAILED: &str = "assignment_callback_failed";
/// Why a callback rejected an offer, when it does not say.
const CALLBACK_REJECTED: &str = "assignment_callback";

impl Version {
    /// The request step that stands at a place of the document.
    pub(in crate::work) fn request_at(&self, place: &Place) -> Option<&Request> {
        match &self.document.program(place.rule)?.lines.get(place.step as usize)?.op {
            Op::Step(Action::Request(request)) => Some(request),
            Op::Step(_) | Op::Jump { .. } | Op::Unless { .. } => None,
        }
    }
}

impl Engine {
    /// The item waits for an answer, with a timer as the last resort.
    pub(super) fn enter_request(&mut self, turn: &mut Turn<'_>, id: ItemId, request: &Request) -> super::walk::Next {
        let visit = RequestId(self.fresh_id(turn.now));
        let deadline = turn.now.plus_seconds(request.longest_s());
        self.change_item(turn, id, |item| {
            item.place.deadline = Some(deadline);
            item.place.request = Some(Box::new(RequestMade { id: visit, result: None }));
            item.queue = None;
            item.entered_queue_at = None;
        });
        self.timers.set(deadline, Timer::Step(id));
        let detail = json!({"request": visit, "url": shown_url(&request.url), "until": deadline});
        self.emit_step(turn, id, Some(detail));
        turn.effect(Effect::Call(Calling::Request { item: id, request: visit }));
        super::walk::Next::Rest
    }

    pub(super) fn request_answered(
        &mut self,
        turn: &mut Turn<'_>,
        id: ItemId,
        request: RequestId,
        outcome: Outcome<Map<String, Value>>,
    ) {
        let Some(entry) = self.items.get(&id) else { return };
        let awaited = entry.item.place.request.as_ref().is_some_and(|made| made.id == request);
        if entry.item.place.awaits_answer() && (awaited || self.planted.has(Plant::LateAnswerTaken)) {
            self.end_request(turn, id, outcome);
        }
    }

    /// The runtime never came back.
    pub(super) fn request_lost(&mut self, turn: &mut Turn<'_>, id: ItemId) {
        self.end_request(turn, id, Outcome::failed(vec![Cause::lost()]));
    }

    /// Takes an answer in, and sends the item on with the next step in every case.
    pub(super) fn end_request(&mut self, turn: &mut Turn<'_>, id: ItemId, outcome: Outcome<Map<String, Value>>) {
        self.leave_wait(turn, id);
        self.touch_item(turn, id);
        let Outcome { heard, mut causes } = outcome;
        let mut taken = None;
        if let Some(heard) = heard {
            match self.merged(id, heard.answer) {
                Ok(attributes) => taken = Some((attributes, heard.from, heard.status)),
                Err((code, message)) => {
                    causes.push(Cause::new(Some(heard.from), code, &message, Some(heard.status)));
                }
            }
        }
        let last = causes.last();
        let result = match &taken {
            Some((.., status)) => RequestResult { ok: true, error: None, status: Some(*status) },
            None => RequestResult {
                ok: false,
                error: last.map(|cause| cause.code.clone()),
                status: last.and_then(|cause| cause.status),
            },
        };
        let Some(entry) = self.items.get_mut(&id) else { return };
        let Some(made) = entry.item.place.request.as_deref_mut() else { return };
        made.result = Some(result);
        let (visit, line) = (made.id, entry.item.place.step);
        match taken {
            Some((attributes, from, status)) => {
                entry.item.attributes = attributes;
                let detail = json!({"request": visit, "answered_by": from, "status": status, "causes": causes});
                self.emit_item(turn, "workflow.request_answered", id, Some(detail));
                self.emit_item(turn, "work_item.updated", id, None);
            }
            None => {
                let detail = json!({"request": visit, "causes": causes});
                self.emit_item(turn, "workflow.request_failed", id, Some(detail));
            }
        }
        self.walk(turn, id, line + 1);
    }

    /// An item's attributes with an answer in them.
    fn merged(&self, id: ItemId, answer: Map<String, Value>) -> Result<Box<RawValue>, (&'static str, String)> {
        let gone = || ("answer_lost", "the item has left the step".to_owned());
        let item = &self.items.get(&id).ok_or_else(gone)?.item;
        let version = self.version_of(id).ok_or_else(gone)?;
        let request = version.request_at(&item.place).ok_or_else(gone)?;
        let mut attributes: Map<String, Value> = serde_json::from_str(item.attributes.get()).unwrap_or_default();
        match &request.into {
            Some(name) => drop(attributes.insert(name.clone(), answer.into())),
            None => attributes.extend(answer),
        }
        let attributes = Value::Object(attributes);
        check_attributes(&attributes).map_err(unfit)?;
        let raw = to_raw_value(&attributes).map_err(|error| ("attributes_unfit", error.to_string()))?;
        check_attributes_size(raw.get().len()).map_err(unfit)?;
        Ok(raw)
    }

    /// Where the assignment callbacks of an item's workflow go.
    pub(super) fn assignment_url(&self, item: ItemId) -> Option<&str> {
        let workflow = self.items.get(&item)?.item.workflow;
        self.config.workflows.get(&workflow)?.assignment_url.as_deref()
    }

    pub(super) fn assignment_answered(
        &mut self,
        turn: &mut Turn<'_>,
        id: ReservationId,
        outcome: Outcome<Instruction>,
    ) -> Result<(), Rejection> {
        let open = |it: &&Reservation| it.state == ReservationState::Offered;
        let Some(reservation) = self.reservations.get(&id).filter(open) else { return Ok(()) };
        let (item, worker) = (reservation.item, reservation.worker);
        let Outcome { heard, causes } = outcome;
        let Some(Heard { answer, status, from }) = heard else {
            self.emit_reservation_with(turn, "reservation.callback_failed", id, Some(json!({ "causes": causes })));
            if self.planted.has(Plant::CallbackFailureMissed) {
                self.count_miss(turn, worker);
            }
            self.decline(turn, id, Ending::Canceled, Some(CALLBACK_FAILED.to_owned()));
            self.after_decline(turn, item);
            return Ok(());
        };
        let detail = json!({"instruction": answer.name(), "answered_by": from, "status": status, "causes": causes});
        self.emit_reservation_with(turn, "reservation.callback_answered", id, Some(detail));
        match answer {
            Instruction::None => Ok(()),
            Instruction::Accept => self.accept_reservation(turn, id, None).map(drop),
            Instruction::Reject { reason } => {
                let reason = reason.unwrap_or_else(|| CALLBACK_REJECTED.to_owned());
                self.reject_reservation(turn, id, Some(reason), None, None).map(drop)
            }
        }
    }

    /// A request that was under way when the engine stopped is made again, and has all its time again.
    pub(super) fn recover_request(&mut self, now: Timestamp, id: ItemId) {
        if self.planted.has(Plant::CalloutLostAtRecovery) {
            return;
        }
        let longest_s = self.version_of(id).and_then(|version| {
            let item = &self.items.get(&id)?.item;
            version.request_at(&item.place).map(Request::longest_s)
        });
        // A step that is gone from its document, which no version allows, ends at once.
        let deadline = now.plus_seconds(longest_s.unwrap_or(0));
        if let Some(entry) = self.items.get_mut(&id) {
            entry.item.place.deadline = Some(deadline);
            self.timers.set(deadline, Timer::Step(id));
        }
    }

    /// The callouts whose answers are waited for, or may be: what is to be made again after a start. An assignment
    /// callback that was answered with nothing is among them while its offer is open.
    pub fn outstanding(&self) -> Vec<Calling> {
        let asking = self.items.values().map(|entry| &entry.item).filter(|item| item.place.awaits_answer());
        let requests = asking.filter_map(|item| {
            item.place.request.as_ref().map(|made| Calling::Request { item: item.id, request: made.id })
        });
        let open = self.reservations.values().filter(|it| it.state == ReservationState::Offered);
        let offers = open.filter(|it| self.assignment_url(it.item).is_some());
        let mut all: Vec<_> = requests.chain(offers.map(|it| Calling::Assignment(it.id))).collect();
        all.sort_unstable();
        all
    }

    /// What is to be asked, as things stand; `None` when nobody waits for the answer any more.
    pub fn callout(&self, calling: Calling, now: Timestamp) -> Option<Callout> {
        match calling {
            Calling::Request { item, request } => self.request_callout(item, request, now),
            Calling::Assignment(id) => self.assignment_callout(id, now),
        }
    }

    fn request_callout(&self, id: ItemId, visit: RequestId, now: Timestamp) -> Option<Callout> {
        let item = &self.items.get(&id)?.item;
        let awaited = item.place.request.as_ref().is_some_and(|made| made.id == visit);
        if !awaited || !item.place.awaits_answer() {
            return None;
        }
        let version = self.version_of(id)?;
        let request = version.request_at(&item.place)?;
        let mut body = self.callout_body("workflow.request", &visit.to_string(), item)?;
        body["step"] = json!(item.step);
        if let Some(send) = &request.send {
            let facts = self.facts_of(item, &version, item.place.entered_at);
            // What cannot be computed is sent as null, as it would be read.
            let values = send.iter().map(|(name, value)| (name.clone(), value.evaluate(&facts).unwrap_or_default()));
            body["data"] = Value::Object(values.collect());
        }
        Some(Callout {
            url: request.url.clone(),
            fallback_url: request.fallback_url.clone(),
            timeout_s: request.timeout_s,
            body: body.to_string(),
            secrets: self.account.signing_secrets(now).cloned().collect(),
        })
    }

    fn assignment_callout(&self, id: ReservationId, now: Timestamp) -> Option<Callout> {
        let reservation = self.reservations.get(&id).filter(|it| it.state == ReservationState::Offered)?;
        let url = self.assignment_url(reservation.item)?.into();
        let item = &self.items.get(&reservation.item)?.item;
        let fallback_url = self.config.workflows.get(&item.workflow)?.assignment_fallback_url.as_deref();
        let mut body = self.callout_body("assignment", &id.to_string(), item)?;
        body["reservation"] = json!(ReservationView::from(reservation));
        body["worker"] = json!(WorkerJson::from(&self.worker_view(reservation.worker)?));
        Some(Callout {
            url,
            fallback_url: fallback_url.map(Box::from),
            timeout_s: CALLOUT_S_DEFAULT,
            body: body.to_string(),
            secrets: self.account.signing_secrets(now).cloned().collect(),
        })
    }

    /// What every callout says.
    fn callout_body(&self, kind: &str, message: &str, item: &Item) -> Option<Value> {
        let workflow = self.config.workflows.get(&item.workflow)?;
        Some(json!({
            "type": kind,
            "id": message,
            "account": self.account.id,
            "workflow": {"id": workflow.id, "name": workflow.name, "version": item.workflow_version},
            "work_item": ItemView::from(item),
        }))
    }
}

/// Why attributes would not be taken with an answer in them.
fn unfit(why: Rejection) -> (&'static str, String) {
    match why {
        Rejection::Invalid { code: "too_deep", message, .. } => ("attributes_too_deep", message),
        other => ("attributes_too_large", format!("with the answer the attributes have too much: {other}")),
    }
}
