//! The dry run: what would become of sample items if a document were in force, nobody accepted them and nothing else
//! changed. It is played on a second engine that is made from a snapshot, makes no offers and is thrown away, so that a
//! rehearsal takes the very steps that production takes and touches nothing.

use super::{ChannelEntry, Engine, Kind, Turn};
use crate::id::*;
use crate::limit::{REHEARSED_RESTS_MAX, SAMPLE_ANSWERS_MAX, SAMPLES_MAX};
use crate::rule::{Finding, Severity};
use crate::time::Timestamp;
use crate::work::document::case::{CannedAnswer, SampleItem};
use crate::work::explain::EligibleWorker;
use crate::work::matching::floor::Seat;
use crate::work::timer::Timer;
use crate::work::*;
use serde::Serialize;
use serde_json::{Map, Value};
use std::sync::Arc;

/// Name of the workflow in which documents are rehearsed.
const WORKFLOW: &str = "dry run";

/// What a dry run of a document says.
#[derive(Debug, Clone, Serialize)]
pub struct DryRun {
    /// The moment at which the samples are created.
    pub time: Timestamp,
    pub findings: Vec<Finding>,
    /// In the order of the samples; empty when a finding is an error.
    pub samples: Vec<Rehearsal>,
}

/// What would become of one sample item.
#[derive(Debug, Clone, Serialize)]
pub struct Rehearsal {
    /// Name of the rule that takes it, `default`, or `null` when none does.
    pub rule: Option<String>,
    /// Every step that it enters, in order.
    pub steps: Vec<RehearsedStep>,
    pub state: ItemState,
    pub reason: Option<String>,
    pub priority: i64,
    pub attributes: Value,
    /// Whether it was followed to its end, or to a step in which it rests for good; `false` when that took too long.
    pub complete: bool,
    /// Pointers of the requests for which the sample gives no answer.
    #[serde(skip)]
    pub unanswered: Vec<String>,
    /// Steps of answers that were never asked for.
    #[serde(skip)]
    pub unasked: Vec<String>,
}

#[derive(Debug, Clone, Serialize)]
pub struct RehearsedStep {
    /// Seconds from the item's creation to entering the step.
    pub after_s: f64,
    /// JSON pointer of the step.
    pub step: String,
    pub label: Option<String>,
    /// Whether the item rests here: in a queue, or for a time.
    pub rests: bool,
    /// What there is to say of the step besides: why it was skipped, until when it lasts.
    pub detail: Option<Value>,
    pub queue: Option<QueueId>,
    pub queue_name: Option<String>,
    /// Workers that would be offered the item on entering, first come first.
    pub workers: Vec<EligibleWorker>,
}

/// Everything that a dry run needs of an account, taken at one moment.
pub struct DryRunView {
    now: Timestamp,
    account: Account,
    activities: Vec<Activity>,
    channels: Vec<ChannelEntry>,
    schedules: Vec<Schedule>,
    queues: Vec<WaitingQueue>,
    seats: Vec<Arc<Seat>>,
}

/// A queue with what `sys.queue` says of it.
struct WaitingQueue {
    queue: Queue,
    pending_count: u32,
    first_pending: Option<Timestamp>,
}

impl Engine {
    /// A snapshot for dry runs, which are made from it elsewhere.
    pub fn dry_run_view(&self, now: Timestamp) -> DryRunView {
        let queues = self.config.queues.values().map(|entry| WaitingQueue {
            queue: entry.queue.clone(),
            pending_count: entry.pending_count,
            first_pending: entry.pending.keys().next().copied(),
        });
        DryRunView {
            now,
            account: self.account.clone(),
            activities: self.config.activities.values().cloned().collect(),
            channels: self.config.channels.clone(),
            schedules: self.config.schedules.values().map(|entry| entry.record.clone()).collect(),
            queues: queues.collect(),
            seats: self.floor.snapshot().into_iter().map(|(_, seat)| seat).collect(),
        }
    }
}

impl DryRunView {
    /// Checks a document and follows each sample through it.
    ///
    /// # Errors
    /// When a sample could not be created as a work item, with its pointer below `/samples`.
    pub fn check(&self, document: &Value, samples: &[SampleItem]) -> Result<DryRun, Rejection> {
        if samples.len() > SAMPLES_MAX {
            let message = format!("at most {SAMPLES_MAX} samples");
            return Err(super::directory::invalid("/samples", "too_many", message));
        }
        let mut engine = self.engine()?;
        let findings = engine.findings(document);
        let refused = findings.iter().any(|finding| finding.severity == Severity::Error);
        let mut rehearsals = Vec::new();
        if !refused {
            engine.stage(self.now, document)?;
            for (place, sample) in samples.iter().enumerate() {
                let rehearsal = engine.rehearse(self.now, sample);
                rehearsals.push(rehearsal.map_err(|why| below(&format!("/samples/{place}"), why))?);
            }
        }
        Ok(DryRun { time: self.now, findings, samples: rehearsals })
    }

    fn engine(&self) -> Result<Engine, Rejection> {
        let mut engine = Engine::new(self.account.clone(), 0);
        for entry in &self.channels {
            engine.config.channels.push(entry.clone());
            if !entry.deleted {
                engine.config.set_name(Kind::Channel, None, &entry.name, entry.channel.id.0);
            }
        }
        for activity in &self.activities {
            engine.keep_activity(activity.clone());
        }
        for schedule in &self.schedules {
            engine.keep_schedule(schedule.clone())?;
        }
        let (mut out, actor) = (Vec::new(), Actor::System);
        engine.refresh_capacities(&mut Turn::new(self.now, &actor, &mut out));
        for seat in &self.seats {
            engine.config.set_name(Kind::Worker, None, &seat.worker.name, seat.worker.id.0);
            engine.floor.seat_worker(Seat::clone(seat));
        }
        for waiting in &self.queues {
            engine.keep_queue(waiting.queue.clone())?;
            if let Some(entry) = engine.config.queues.get_mut(&waiting.queue.id) {
                entry.pending_count = waiting.pending_count;
                entry.pending.extend(waiting.first_pending.map(|at| (at, waiting.pending_count)));
            }
        }
        Ok(engine)
    }
}

/// A rejection of something that stands at `pointer`.
fn below(pointer: &str, why: Rejection) -> Rejection {
    match why {
        Rejection::Invalid { pointer: inner, code, message } => {
            Rejection::Invalid { pointer: format!("{pointer}{inner}"), code, message }
        }
        other => other,
    }
}

impl Engine {
    /// Puts a document in force in this engine, which is nobody's.
    fn stage(&mut self, now: Timestamp, document: &Value) -> Result<(), Rejection> {
        let id = WorkflowId(self.fresh_id(now));
        let (assignment_url, assignment_fallback_url, stamp) = (None, None, Stamp::new(now));
        let name = WORKFLOW.to_owned();
        self.keep_workflow(Workflow { id, name, version: 1, assignment_url, assignment_fallback_url, stamp });
        self.keep_version(WorkflowVersion { workflow: id, version: 1, document: document.clone(), created_at: now })
    }

    /// Follows one item until it has ended, rests for good, or has rested too often.
    fn rehearse(&mut self, start: Timestamp, sample: &SampleItem) -> Result<Rehearsal, Rejection> {
        let attributes = serde_json::value::to_raw_value(&sample.attributes);
        let attributes =
            attributes.map_err(|_| super::directory::invalid("/attributes", "not_an_object", "not JSON"))?;
        let (workflow, channel) = (Reference(WORKFLOW.to_owned()), sample.channel.clone());
        let (priority, timeout_s) = (sample.priority, sample.timeout_s);
        if sample.answers.len() > SAMPLE_ANSWERS_MAX {
            let message = format!("at most {SAMPLE_ANSWERS_MAX} answers");
            return Err(super::directory::invalid("/answers", "too_many", message));
        }
        let mut canned = Canned::new(&sample.answers);
        let new = NewItem { workflow, channel, attributes, priority, timeout_s, unique_key: None };
        let mut script = Script { start, steps: Vec::new(), item: None };
        let mut out = Vec::new();
        let mut turn = Turn::new(start, &Actor::System, &mut out);
        let super::Answer::Item(id) = self.create_item(&mut turn, new)? else {
            return Err(super::directory::conflict("not_created", "the sample was not created"));
        };
        self.finish(&mut turn);
        script.note(self, id, start, out);
        let mut complete = false;
        for _ in 0..REHEARSED_RESTS_MAX {
            let Some((at, cue)) = self.next_cue(id, &mut canned) else {
                complete = true;
                break;
            };
            let mut out = Vec::new();
            let mut turn = Turn::new(at, &Actor::System, &mut out);
            let preferred_waited_for = matches!(cue, Cue::Timer(Timer::Prefer(_)));
            match cue {
                Cue::Answer(outcome) => self.end_request(&mut turn, id, outcome),
                Cue::Timer(Timer::Prefer(_)) => self.prefer_ended(&mut turn, id),
                Cue::Timer(Timer::Step(_)) => self.step_ended(&mut turn, id),
                Cue::Timer(Timer::Item(_)) => self.item_timed_out(&mut turn, id),
                Cue::Timer(Timer::Offer(_) | Timer::WrapUp(_) | Timer::Reoffer(_) | Timer::Presence(_)) => {}
            }
            self.finish(&mut turn);
            script.note(self, id, at, out);
            if preferred_waited_for {
                script.repeat(self, id, at);
            }
        }
        self.clear_stage(id, start);
        script.finish(complete, canned).ok_or(Rejection::NotFound { resource: "work item" })
    }

    /// What happens next to an item by itself, if its step ends by itself.
    fn next_cue(&mut self, id: ItemId, canned: &mut Canned<'_>) -> Option<(Timestamp, Cue)> {
        let item = &self.items.get(&id)?.item;
        let place = &item.place;
        if place.awaits_answer() {
            let step = item.step.as_deref().unwrap_or_default();
            let (after_s, outcome) = canned.next(step, self.label_of(item, step).as_deref());
            let at = place.entered_at.plus_seconds(after_s);
            if self.timers.next_deadline().is_none_or(|due| at < due) {
                return Some((at, Cue::Answer(outcome)));
            }
        }
        if place.deadline.is_none() && place.prefer_until.is_none() {
            return None;
        }
        self.timers.pop_due(Timestamp::from_millis(i64::MAX)).map(|(at, timer)| (at, Cue::Timer(timer)))
    }

    /// Takes an item away, with its timers and its place in the waiting room, so that the next finds none of it.
    fn clear_stage(&mut self, id: ItemId, now: Timestamp) {
        let (mut out, actor) = (Vec::new(), Actor::System);
        let mut turn = Turn::new(now, &actor, &mut out);
        if self.items.contains_key(&id) {
            self.end_without_worker(&mut turn, id, ItemState::Canceled, "rehearsed");
            self.finish(&mut turn);
        }
        self.timers = Default::default();
    }

    fn label_of(&self, item: &Item, pointer: &str) -> Option<String> {
        let version = self.config.versions.get(&(item.workflow, item.workflow_version))?;
        let program = version.document.program(item.place.rule)?;
        program.lines.iter().find(|line| *line.pointer == *pointer)?.label.clone()
    }

    /// Fills in where an item rests and who would be offered it there.
    fn note_rest(&self, id: ItemId, at: Timestamp, step: &mut RehearsedStep) {
        let Some(entry) = self.items.get(&id) else { return };
        if entry.item.place.awaits_answer() {
            return;
        }
        step.rests = true;
        let Some(explanation) = entry.wait.as_ref().and_then(|_| self.explanation_view(id, at)) else { return };
        let explanation = explanation.explain();
        if let Some(class) = explanation.class {
            step.queue = class.queue;
            step.queue_name = class.queue_name;
        }
        step.workers = explanation.eligible;
    }
}

/// What happens next to an item that is followed.
enum Cue {
    Timer(Timer),
    Answer(Outcome<Map<String, Value>>),
}

/// The answers of a sample, as far as they were given.
struct Canned<'a> {
    answers: &'a [CannedAnswer],
    given: Vec<bool>,
    unanswered: Vec<String>,
}

impl<'a> Canned<'a> {
    fn new(answers: &'a [CannedAnswer]) -> Self {
        Self { answers, given: vec![false; answers.len()], unanswered: Vec::new() }
    }

    /// The answer to a step, and when it comes: the first that was not given yet, else the last.
    fn next(&mut self, step: &str, label: Option<&str>) -> (u32, Outcome<Map<String, Value>>) {
        let of_step = |place: &usize| self.answers[*place].step == step || Some(&*self.answers[*place].step) == label;
        let places: Vec<usize> = (0..self.answers.len()).filter(of_step).collect();
        let fresh = places.iter().find(|place| !self.given[**place]).or(places.last());
        let Some(place) = fresh.copied() else {
            self.unanswered.push(step.to_owned());
            let cause = Cause::new(None, "not_asked", "nobody is asked here, and no answer is given", None);
            return (0, Outcome::failed(vec![cause]));
        };
        self.given[place] = true;
        let canned = &self.answers[place];
        let outcome = match &canned.answer {
            Some(answer) => {
                let (answer, status) = (answer.clone(), canned.status.unwrap_or(200));
                Outcome { heard: Some(Heard { answer, status, from: Asked::Primary }), causes: Vec::new() }
            }
            None => {
                let code = canned.error.clone().unwrap_or_else(|| "server_error".to_owned());
                Outcome::failed(vec![Cause::new(Some(Asked::Primary), code, "as the sample says", canned.status)])
            }
        };
        (canned.after_s, outcome)
    }

    fn unasked(&self) -> Vec<String> {
        let left = self.answers.iter().zip(&self.given).filter(|(_, given)| !**given);
        left.map(|(canned, _)| canned.step.clone()).collect()
    }
}

/// What is written down while an item is followed.
struct Script {
    start: Timestamp,
    steps: Vec<RehearsedStep>,
    item: Option<Item>,
}

impl Script {
    fn note(&mut self, engine: &Engine, id: ItemId, at: Timestamp, out: Vec<Output>) {
        let mut entered = Vec::new();
        for output in out {
            match output {
                Output::Put(Record::Item(item)) => self.item = Some(item),
                Output::Event(event) if event.event_type.starts_with("workflow.request_") => {
                    self.note_answer(event.data.get());
                }
                Output::Event(event) if event.event_type == "workflow.step_entered" => entered.push(event.data),
                Output::Put(_) | Output::Delete(_) | Output::Event(_) | Output::Effect(_) => {}
            }
        }
        let before = self.steps.len();
        for data in entered {
            let data: Value = serde_json::from_str(data.get()).unwrap_or(Value::Null);
            let step = data["resource"]["step"].as_str().unwrap_or_default().to_owned();
            let label = self.item.as_ref().and_then(|item| engine.label_of(item, &step));
            let detail = data.get("detail").cloned();
            let (after_s, workers) = (at.seconds_since(self.start), Vec::new());
            self.steps.push(RehearsedStep {
                after_s,
                step,
                label,
                rests: false,
                detail,
                queue: None,
                queue_name: None,
                workers,
            });
        }
        if let Some(last) = self.steps[before..].last_mut() {
            engine.note_rest(id, at, last);
        }
    }

    /// Tells of a request step what it was answered.
    fn note_answer(&mut self, data: &str) {
        let data: Value = serde_json::from_str(data).unwrap_or(Value::Null);
        let detail = self.steps.last_mut().and_then(|step| step.detail.as_mut());
        if let (Some(Value::Object(told)), Some(outcome)) = (detail, data.get("detail")) {
            told.insert("outcome".to_owned(), outcome.clone());
        }
    }

    /// The wait for a preferred worker is over; the item rests in the same step, for others.
    fn repeat(&mut self, engine: &Engine, id: ItemId, at: Timestamp) {
        let Some(mut step) = self.steps.last().cloned() else { return };
        step.after_s = at.seconds_since(self.start);
        engine.note_rest(id, at, &mut step);
        self.steps.push(step);
    }

    fn finish(self, complete: bool, canned: Canned<'_>) -> Option<Rehearsal> {
        let item = self.item?;
        let unasked = canned.unasked();
        Some(Rehearsal {
            rule: item.rule.as_deref().map(str::to_owned),
            steps: self.steps,
            state: item.state,
            reason: item.reason,
            priority: item.priority,
            attributes: serde_json::from_str(item.attributes.get()).unwrap_or(Value::Null),
            complete,
            unanswered: canned.unanswered,
            unasked,
        })
    }
}
