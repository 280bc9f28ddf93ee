//! What the engine keeps of each resource, exactly as it is stored: the engine emits whole records, the store writes
//! them, and recovery hands them back. References are ids; names are resolved before a record is made.

use crate::event_channel::{EventChannel, Subscription};
use crate::id::*;
use crate::limit::SERVICE_LEVEL_THRESHOLD_S_DEFAULT;
use crate::signing::SigningSecret;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What every record carries. `revision` rises by one with each change and is the resource's entity tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub revision: u64,
}

impl Stamp {
    pub fn new(now: Timestamp) -> Self {
        Self { created_at: now, updated_at: now, revision: 1 }
    }

    pub fn touch(&mut self, now: Timestamp) {
        self.updated_at = now;
        self.revision += 1;
    }
}

/// The rules of one account that are not resources of their own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Misses in a row after which a worker moves to `miss_activity`; 0 = never.
    pub miss_limit: u32,
    pub miss_activity: ActivityId,
    /// Activity of a worker created without one.
    pub default_activity: ActivityId,
    /// Seconds after a decline until the same worker may be offered the same item again.
    pub reoffer_after_s: u32,
    /// Seconds that a required connection may be lost before the worker is unreachable.
    pub presence_grace_s: u32,
    /// Seconds within which an answer counts for the service level.
    #[serde(default = "default_service_level_threshold_s")]
    pub service_level_threshold_s: u32,
    pub exclusions: Vec<Exclusion>,
}

fn default_service_level_threshold_s() -> u32 {
    SERVICE_LEVEL_THRESHOLD_S_DEFAULT
}

/// While a worker holds work on channel `while_channel`, its capacity on `channel` is at most `capacity`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exclusion {
    pub while_channel: String,
    pub channel: String,
    #[serde(default)]
    pub capacity: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    pub id: AccountId,
    pub name: String,
    pub settings: Settings,
    /// With what callbacks are signed, the newest first; shown by a route of their own alone.
    pub secrets: Vec<SigningSecret>,
    pub stamp: Stamp,
}

impl Account {
    /// The secrets that sign at `now`, the newest first.
    pub fn signing_secrets(&self, now: Timestamp) -> impl Iterator<Item = &SigningSecret> {
        self.secrets.iter().filter(move |secret| secret.signs_at(now))
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Activity {
    pub id: ActivityId,
    pub name: String,
    /// Whether work may be offered in this activity.
    pub available: bool,
    pub stamp: Stamp,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Channel {
    pub id: ChannelId,
    /// Never changes: capacities, loads and items name their channel by it.
    pub name: String,
    /// Capacity of a worker that does not say, 0–50.
    pub default_capacity: u32,
    pub stamp: Stamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QueueOrder {
    Fifo,
    Lifo,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Queue {
    pub id: QueueId,
    pub name: String,
    /// JSONLogic over the worker's attributes: who belongs.
    pub workers: Value,
    pub order: QueueOrder,
    /// Points added to an item's score for each minute waited, in thousandths of a point (0–1,000,000).
    pub priority_per_minute_milli: u32,
    pub stamp: Stamp,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Schedule {
    pub id: ScheduleId,
    pub name: String,
    /// The hours as `crate::schedule` reads them: time zone, weekly hours, holidays.
    pub hours: Value,
    pub stamp: Stamp,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Workflow {
    pub id: WorkflowId,
    pub name: String,
    /// The newest version, with which new items start.
    pub version: u32,
    pub assignment_url: Option<String>,
    pub assignment_fallback_url: Option<String>,
    pub stamp: Stamp,
}

/// One version of a workflow's document; never changed once written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WorkflowVersion {
    pub workflow: WorkflowId,
    pub version: u32,
    pub document: Value,
    pub created_at: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Worker {
    pub id: WorkerId,
    pub name: String,
    pub attributes: Value,
    pub activity: ActivityId,
    /// Since when in this activity.
    pub activity_since: Timestamp,
    /// Capacity by channel name where it differs from the channel's default.
    pub capacity: BTreeMap<String, u32>,
    /// Misses since the last accepted or rejected offer.
    pub misses: u32,
    /// Last change from busy to free or from unavailable to available.
    pub idle_since: Timestamp,
    /// Whether the worker must hold a live connection to be offered work.
    pub connection_required: bool,
    /// `None` while connected; otherwise since when the connection is lost.
    pub disconnected_at: Option<Timestamp>,
    pub reachable: bool,
    pub stamp: Stamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ItemState {
    Pending,
    Reserved,
    Assigned,
    Wrapping,
    Completed,
    Canceled,
}

impl ItemState {
    pub fn is_open(self) -> bool {
        !matches!(self, Self::Completed | Self::Canceled)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReservationState {
    Offered,
    Accepted,
    Wrapping,
    Completed,
    Rejected,
    TimedOut,
    Rescinded,
    Canceled,
}

impl ReservationState {
    pub fn is_live(self) -> bool {
        matches!(self, Self::Offered | Self::Accepted | Self::Wrapping)
    }
}

/// A worker that declined an item and when it may be offered it again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decline {
    pub worker: WorkerId,
    pub until: Timestamp,
    /// Made by an assignment callback, and not lifted before its time: a server that refuses everybody would otherwise be
    /// asked without end.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub by_callback: bool,
}

/// Where an item is in its workflow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
pub struct Place {
    /// Index of the rule; `None` = the document's default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<u16>,
    /// Index of the step in the rule's flattened step list.
    pub step: u16,
    pub entered_at: Timestamp,
    /// When the step's own timer fires: a route's timeout, a wait's end, the end of waiting for a preferred worker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefer_until: Option<Timestamp>,
    /// The worker that the step's `prefer` named on entering it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preferred: Option<WorkerId>,
    /// The step's time ran out while an offer was open: no new offers, on to the next step when it resolves.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub expired: bool,
    /// The latest `request` step, whose answer the item waits for while there is no result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<Box<RequestMade>>,
    /// How often each `goto` has been taken, by step index.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gotos: Vec<(u16, u32)>,
}

impl Place {
    /// Whether the item waits for the answer to its `request` step.
    pub fn awaits_answer(&self) -> bool {
        self.request.as_ref().is_some_and(|made| made.result.is_none())
    }
}

/// What an item's latest `request` step asked, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestMade {
    /// This entering of the step: an answer to another is none to this one.
    pub id: RequestId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<RequestResult>,
}

/// What came of a `request` step, as `sys.request` tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestResult {
    pub ok: bool,
    /// The stable code of the failure.
    pub error: Option<Cow<'static, str>>,
    /// What the server that was asked last answered, if it came to that.
    pub status: Option<u16>,
}

/// A transfer under way: who hands over, and whether that worker keeps the item until another accepts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Transfer {
    pub from_worker: WorkerId,
    /// Warm: the reservation that is kept until the second worker accepts, and restored when nobody does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept_reservation: Option<ReservationId>,
    /// Offered to this worker alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_worker: Option<WorkerId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_queue: Option<QueueId>,
    /// Warm: where the item was, for when nobody accepts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub former: Option<Box<Former>>,
}

/// Where an item stood before a warm transfer took it elsewhere.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Former {
    pub workflow: WorkflowId,
    pub workflow_version: u32,
    pub place: Place,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<Arc<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<Arc<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue: Option<QueueId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entered_queue_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting_since: Option<Timestamp>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Item {
    pub id: ItemId,
    pub workflow: WorkflowId,
    pub workflow_version: u32,
    /// Shared with the channel: a million items name the same few.
    pub channel: Arc<str>,
    /// A JSON object, kept as text: a million waiting items must fit in memory.
    pub attributes: Box<RawValue>,
    pub priority: i64,
    pub state: ItemState,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    pub timeout_s: u32,
    /// When the item ends unless it is assigned by then: `timeout_s` after its creation or its cold transfer.
    pub expires_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unique_key: Option<String>,
    pub place: Place,
    /// Name of the rule in force, `default` for the document's default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<Arc<str>>,
    /// JSON pointer of the step in the workflow document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<Arc<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue: Option<QueueId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entered_queue_at: Option<Timestamp>,
    /// When the item first waited in a queue: its age, which no decline and no further step restarts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting_since: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub declines: Vec<Decline>,
    /// Who holds the accepted reservation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worker: Option<WorkerId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reservation: Option<ReservationId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wrap_up_until: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transfer: Option<Box<Transfer>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    pub stamp: Stamp,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reservation {
    pub id: ReservationId,
    pub item: ItemId,
    pub worker: WorkerId,
    pub state: ReservationState,
    /// Where the item was when it was offered; `queue` is `None` when it was transferred to this worker alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue: Option<QueueId>,
    pub workflow: WorkflowId,
    pub channel: Arc<str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    pub offered_at: Timestamp,
    pub expires_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolved_at: Option<Timestamp>,
    /// When after-call work began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wrapping_at: Option<Timestamp>,
    pub stamp: Stamp,
}

/// One record as the store must hold it after the commit. Most are items and reservations, the largest kinds; boxing
/// them would cost an allocation on every command.
#[derive(Debug, Clone)]
#[expect(clippy::large_enum_variant, reason = "the large variants are the common ones")]
pub enum Record {
    Account(Account),
    Activity(Activity),
    Channel(Channel),
    Queue(Queue),
    Schedule(Schedule),
    EventChannel(EventChannel),
    Subscription(Subscription),
    Workflow(Workflow),
    WorkflowVersion(WorkflowVersion),
    Worker(Worker),
    Item(Item),
    Reservation(Reservation),
}

/// A configuration resource that is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gone {
    Activity(ActivityId),
    Channel(ChannelId),
    Queue(QueueId),
    Schedule(ScheduleId),
    Workflow(WorkflowId),
    EventChannel(EventChannelId),
    Subscription(SubscriptionId),
    Worker(WorkerId),
}
