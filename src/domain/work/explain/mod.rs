//! Why an item is where it is: its rule and step, who would be offered it in which order, what keeps everybody else
//! from it, and what happens next by itself.
//!
//! The engine takes a [`ExplanationView`], a snapshot that shares the workers' seats; the sentences are made from it
//! elsewhere, so that nobody waits for an explanation.

mod reason;
mod view;

pub use view::ExplanationView;

use super::{Item, ItemState};
use crate::id::*;
use crate::time::Timestamp;
use serde::Serialize;
use serde_json::Value;

#[derive(Debug, Clone, Serialize)]
pub struct Explanation {
    pub work_item: ItemId,
    pub state: ItemState,
    /// One sentence for a supervisor.
    pub summary: String,
    pub time: Timestamp,
    pub workflow: WorkflowId,
    pub workflow_version: u32,
    /// The rule in force and why it was chosen; `null` for a transferred item that left its workflow.
    pub rule: Option<RuleReason>,
    pub step: Option<StepReason>,
    /// What the item asks for at the moment; `null` when it waits for no worker.
    pub class: Option<Class>,
    pub score: Option<Score>,
    /// Workers that may be offered the item now, first come first.
    pub eligible: Vec<EligibleWorker>,
    pub excluded: Vec<ExcludedWorker>,
    /// Offers that wait for an answer.
    pub offered: Vec<OpenOffer>,
    /// What happens by itself and when, the next first.
    pub timers: Vec<DueTimer>,
}

#[derive(Debug, Clone, Serialize)]
pub struct RuleReason {
    pub name: String,
    pub pointer: String,
    pub reason: String,
    /// Rules above it and why they did not match.
    pub passed_over: Vec<PassedRule>,
}

#[derive(Debug, Clone, Serialize)]
pub struct PassedRule {
    pub name: String,
    pub pointer: String,
    pub reason: String,
}

#[derive(Debug, Clone, Serialize)]
pub struct StepReason {
    /// JSON pointer of the step in the workflow document.
    pub pointer: String,
    pub entered_at: Timestamp,
    pub reason: String,
}

/// Items of one class ask for the same workers in the same order.
#[derive(Debug, Clone, Serialize)]
pub struct Class {
    pub queue: Option<QueueId>,
    pub queue_name: Option<String>,
    pub channel: String,
    /// The step's worker predicate with the item's values filled in.
    pub predicate: Value,
    /// Items of this class that wait, this one included if it does.
    pub waiting: usize,
    /// Offers that may be open at once.
    pub offers: u32,
}

#[derive(Debug, Clone, Copy, Serialize)]
pub struct Score {
    pub priority: i64,
    pub waited_s: f64,
    pub priority_per_minute: f64,
    pub score: f64,
}

#[derive(Debug, Clone, Serialize)]
pub struct EligibleWorker {
    pub worker: WorkerId,
    pub name: String,
    /// Why at this place.
    pub reason: String,
}

#[derive(Debug, Clone, Serialize)]
pub struct ExcludedWorker {
    pub worker: WorkerId,
    pub name: String,
    pub reasons: Vec<Exclusion>,
}

/// One thing that keeps a worker from an item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Exclusion {
    /// `not_in_queue`, `predicate` (it is false), `predicate_fails` (it cannot be evaluated for this item), `activity`,
    /// `unreachable`, `capacity`, `declined`, `offered`, `holds_item` or `reserved_for_another`.
    pub code: &'static str,
    pub message: String,
}

#[derive(Debug, Clone, Serialize)]
pub struct OpenOffer {
    pub reservation: ReservationId,
    pub worker: WorkerId,
    pub name: String,
    pub expires_at: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DueTimer {
    /// `offer`, `wrap_up`, `reoffer`, `prefer`, `step` or `work_item`.
    pub timer: &'static str,
    pub at: Timestamp,
    pub then: String,
}

impl Explanation {
    /// What is left to say of an item that has ended.
    pub fn of_ended(item: &Item, now: Timestamp) -> Self {
        let how = if item.state == ItemState::Completed { "completed" } else { "canceled" };
        let reason = item.reason.as_deref().map_or_else(String::new, |reason| format!(": {}", reason::ended(reason)));
        let at = item.ended_at.map_or_else(String::new, |at| format!(" at {at}"));
        let rule = item.rule.as_ref().map(|name| RuleReason {
            name: name.to_string(),
            pointer: String::new(),
            reason: "the rule that the item was in when it ended".to_owned(),
            passed_over: Vec::new(),
        });
        let step = item.step.as_ref().map(|pointer| StepReason {
            pointer: pointer.to_string(),
            entered_at: item.place.entered_at,
            reason: "the last step that the item entered".to_owned(),
        });
        Self {
            work_item: item.id,
            state: item.state,
            summary: format!("The item was {how}{at}{reason}."),
            time: now,
            workflow: item.workflow,
            workflow_version: item.workflow_version,
            rule,
            step,
            class: None,
            score: None,
            eligible: Vec::new(),
            excluded: Vec::new(),
            offered: Vec::new(),
            timers: Vec::new(),
        }
    }
}
