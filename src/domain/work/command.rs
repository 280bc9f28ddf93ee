//! What can be asked of the engine, what it answers, and why it may refuse. One command is one decision: it is carried
//! out whole or changes nothing.

use super::callout::{Calling, Instruction, Outcome};
use super::record::*;
use crate::event::Event;
use crate::event_channel::*;
use crate::id::*;
use crate::rule::Finding;
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Who asked for a change; told in the change's events.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(tag = "kind", content = "id", rename_all = "snake_case")]
pub enum Actor {
    /// The engine itself: a timer, a rule.
    System,
    Operator,
    Key(KeyId),
    Worker(WorkerId),
    /// An integrator's server, in its answer to a callout.
    Callback,
}

/// Names one resource by its id or, where names are unique, by its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference(pub String);

/// The revision that the caller last saw (`If-Match`); the command is refused when the resource has moved on.
pub type Expected = Option<u64>;

#[derive(Debug, Clone)]
pub struct NewItem {
    pub workflow: Reference,
    pub channel: String,
    pub attributes: Box<RawValue>,
    pub priority: i64,
    pub timeout_s: u32,
    pub unique_key: Option<String>,
}

#[derive(Debug, Clone)]
pub struct NewWorker {
    pub name: String,
    pub attributes: Value,
    /// The account's default activity when absent.
    pub activity: Option<Reference>,
    pub capacity: BTreeMap<String, u32>,
    pub connection_required: bool,
}

/// Each field present is set; `capacity` replaces the whole map.
#[derive(Debug, Clone, Default)]
pub struct WorkerChange {
    pub name: Option<String>,
    pub attributes: Option<Value>,
    pub activity: Option<Reference>,
    pub capacity: Option<BTreeMap<String, u32>>,
    pub connection_required: Option<bool>,
    /// With a change to an unavailable activity: reject the worker's live offers.
    pub reject_offers: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TransferTarget {
    Worker(Reference),
    Queue(Reference),
    Workflow(Reference),
}

#[derive(Debug, Clone)]
pub enum Command {
    UpdateAccount {
        name: Option<String>,
        settings: Option<SettingsChange>,
        expected: Expected,
    },

    CreateActivity {
        name: String,
        available: bool,
    },
    UpdateActivity {
        id: ActivityId,
        name: Option<String>,
        available: Option<bool>,
        expected: Expected,
    },
    DeleteActivity {
        id: ActivityId,
        expected: Expected,
    },

    CreateChannel {
        name: String,
        default_capacity: u32,
    },
    UpdateChannel {
        id: ChannelId,
        default_capacity: Option<u32>,
        expected: Expected,
    },
    DeleteChannel {
        id: ChannelId,
        expected: Expected,
    },

    CreateQueue {
        name: String,
        workers: Value,
        order: QueueOrder,
        priority_per_minute_milli: u32,
    },
    UpdateQueue {
        id: QueueId,
        name: Option<String>,
        workers: Option<Value>,
        order: Option<QueueOrder>,
        priority_per_minute_milli: Option<u32>,
        expected: Expected,
    },
    DeleteQueue {
        id: QueueId,
        expected: Expected,
    },

    CreateSchedule {
        name: String,
        hours: Value,
    },
    UpdateSchedule {
        id: ScheduleId,
        name: Option<String>,
        /// The parts of the hours that are to be set; the others stay.
        hours: Option<Value>,
        expected: Expected,
    },
    DeleteSchedule {
        id: ScheduleId,
        expected: Expected,
    },

    CreateWorkflow {
        name: String,
        document: Value,
        assignment_url: Option<String>,
        assignment_fallback_url: Option<String>,
    },
    /// The outer `Option` of a URL says whether it is to change.
    UpdateWorkflow {
        id: WorkflowId,
        name: Option<String>,
        assignment_url: Option<Option<String>>,
        assignment_fallback_url: Option<Option<String>>,
        expected: Expected,
    },
    /// Makes a new version. With `reevaluate`, unassigned items of the workflow start again in it.
    PublishWorkflow {
        id: WorkflowId,
        document: Value,
        reevaluate: bool,
        expected: Expected,
    },
    DeleteWorkflow {
        id: WorkflowId,
        expected: Expected,
    },

    CreateWorker(NewWorker),
    UpdateWorker {
        id: WorkerId,
        change: WorkerChange,
        expected: Expected,
    },
    DeleteWorker {
        id: WorkerId,
        expected: Expected,
    },
    /// The worker's live connection came or went.
    SetConnection {
        id: WorkerId,
        connected: bool,
    },

    CreateItem(NewItem),
    UpdateItem {
        id: ItemId,
        attributes: Option<Box<RawValue>>,
        priority: Option<i64>,
        /// Start again at the first rule, in the newest version.
        reevaluate: bool,
        expected: Expected,
    },
    CancelItem {
        id: ItemId,
        reason: Option<String>,
        expected: Expected,
    },
    CompleteItem {
        id: ItemId,
        reason: Option<String>,
        expected: Expected,
    },
    WrapUpItem {
        id: ItemId,
        timeout_s: Option<u32>,
        reason: Option<String>,
        expected: Expected,
    },
    TransferItem {
        id: ItemId,
        to: TransferTarget,
        warm: bool,
        expected: Expected,
    },
    /// Start an unassigned item again, in the newest version of its own or of another workflow.
    RerouteItem {
        id: ItemId,
        workflow: Option<Reference>,
        expected: Expected,
    },

    AcceptReservation {
        id: ReservationId,
        expected: Expected,
    },
    RejectReservation {
        id: ReservationId,
        reason: Option<String>,
        activity: Option<Reference>,
        expected: Expected,
    },
    WrapUpReservation {
        id: ReservationId,
        timeout_s: Option<u32>,
        expected: Expected,
    },
    CompleteReservation {
        id: ReservationId,
        reason: Option<String>,
        expected: Expected,
    },

    /// What came of a `request` step. Of use only while the item waits for this very answer; otherwise nothing changes.
    AnswerRequest {
        item: ItemId,
        request: RequestId,
        outcome: Outcome<Map<String, Value>>,
    },
    /// What came of an offer's assignment callback. Nothing changes when the offer is not open any more.
    AnswerAssignment {
        id: ReservationId,
        outcome: Outcome<Instruction>,
    },
    /// Puts another signing secret in force; the one before signs for `overlap_s` more seconds.
    RotateSigningSecret {
        secret: SigningSecret,
        overlap_s: u32,
        expected: Expected,
    },
    CreateEventChannel(NewEventChannel),
    UpdateEventChannel {
        id: EventChannelId,
        change: EventChannelChange,
        expected: Expected,
    },
    DeleteEventChannel {
        id: EventChannelId,
        expected: Expected,
    },

    CreateSubscription(NewSubscription),
    UpdateSubscription {
        id: SubscriptionId,
        change: SubscriptionChange,
        expected: Expected,
    },
    DeleteSubscription {
        id: SubscriptionId,
        expected: Expected,
    },
    /// Puts a new secret in front. Those before it sign on for `overlap_s` at most.
    RotateSubscriptionSecret {
        id: SubscriptionId,
        secret: SigningSecret,
        overlap_s: u32,
        expected: Expected,
    },
    /// What became of deliveries since the subscription's start of this number; of another start it changes nothing.
    ReportSubscription {
        id: SubscriptionId,
        starts: u32,
        health: SubscriptionHealth,
    },

    /// A change of a resource that the engine does not keep (an API key), so that its event takes its place in the
    /// account's sequence.
    RecordChange {
        event_type: &'static str,
        subject: String,
        data: Value,
    },

    /// Fire due timers, a bounded number of them.
    Tick,
}

#[derive(Debug, Clone, Default)]
pub struct SettingsChange {
    pub miss_limit: Option<u32>,
    pub miss_activity: Option<Reference>,
    pub default_activity: Option<Reference>,
    pub reoffer_after_s: Option<u32>,
    pub presence_grace_s: Option<u32>,
    pub service_level_threshold_s: Option<u32>,
    pub exclusions: Option<Vec<Exclusion>>,
}

/// What a command answers: the resource as it is after it.
#[derive(Debug, Clone)]
pub enum Reply {
    Resource(Box<Record>),
    /// The same `unique_key` is open already: the item that holds it.
    Existing(Box<Record>),
    Worker(Box<WorkerView>),
    /// A workflow with its newest version and the check's warnings.
    Workflow(Box<PublishedWorkflow>),
    Deleted,
    Done,
}

/// A workflow with its newest version and the warnings of its check.
#[derive(Debug, Clone)]
pub struct PublishedWorkflow {
    pub workflow: Workflow,
    pub version: WorkflowVersion,
    pub findings: Vec<Finding>,
}

/// A worker with what the engine knows beyond its record.
#[derive(Debug, Clone)]
pub struct WorkerView {
    pub worker: Worker,
    pub activity_name: String,
    /// Effective capacity by channel, defaults and exclusions applied.
    pub capacity: BTreeMap<String, u32>,
    /// Live reservations by channel.
    pub load: BTreeMap<String, u32>,
    /// Activity available and reachable.
    pub available: bool,
    /// `None` while the worker holds work or is not available.
    pub idle_since: Option<crate::time::Timestamp>,
}

/// Effects are idempotent by the id they carry; they run only after their decision is durable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Tell the worker of an offer.
    Offer { reservation: ReservationId, item: ItemId, worker: WorkerId, expires_at: crate::time::Timestamp },
    /// An offer is no longer open, for whatever reason.
    Withdraw { reservation: ReservationId, worker: WorkerId },
    /// Ask an integrator's server; [`Engine::callout`](super::Engine::callout) says what.
    Call(Calling),
}

#[derive(Debug, Clone)]
#[expect(
    clippy::large_enum_variant,
    reason = "records are the common outputs, and boxing each would cost an allocation"
)]
pub enum Output {
    Put(Record),
    Delete(Gone),
    Event(Event),
    Effect(Effect),
}

/// Why a command was refused. Nothing has changed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Rejection {
    #[error("no such {resource}")]
    NotFound { resource: &'static str },
    #[error("{message}")]
    Invalid { pointer: String, code: &'static str, message: String },
    #[error("what was sent has errors; each names its place and its mend")]
    Document { findings: Vec<Finding> },
    #[error("{message}")]
    Conflict { code: &'static str, message: String },
    #[error("the resource has changed since: its revision is {actual}")]
    Stale { actual: u64 },
    #[error("the account has reached its limit of {limit} {resource}")]
    Full { resource: &'static str, limit: usize },
}
