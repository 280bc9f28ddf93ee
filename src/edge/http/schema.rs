//! The shapes of answers for the OpenAPI document. The answers themselves are made from the domain's views;
//! fuzzing (`scripts/fuzz-api.sh`) refuses every answer that does not fit.
#![expect(dead_code, reason = "describes answers in the OpenAPI document")]

use super::workflow_schema::WorkflowDocument;
use serde_json::Value;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// The rules of an account.
#[derive(ToSchema)]
pub struct AccountSettings {
    /// Misses in a row after which a worker moves to `miss_activity`; 0 = never.
    #[schema(minimum = 0, maximum = 1000)]
    pub miss_limit: u32,
    pub miss_activity: String,
    /// Activity of a worker created without one.
    pub default_activity: String,
    /// Seconds after a decline until the same worker may be offered the item again.
    #[schema(minimum = 1, maximum = 1209600)]
    pub reoffer_after_s: u32,
    /// Seconds that a required connection may be lost before the worker is unreachable.
    #[schema(minimum = 0, maximum = 3600)]
    pub presence_grace_s: u32,
    /// Seconds within which an answer counts for the service level; at most three significant digits.
    #[schema(minimum = 1, maximum = 1000000)]
    pub service_level_threshold_s: u32,
    pub exclusions: Vec<ChannelExclusion>,
}

/// While a worker holds work on `while_channel`, its capacity on `channel` is at most `capacity`.
#[derive(ToSchema)]
pub struct ChannelExclusion {
    pub while_channel: String,
    pub channel: String,
    #[schema(minimum = 0, maximum = 50)]
    pub capacity: u32,
}

#[derive(ToSchema)]
pub struct Account {
    #[schema(example = "acc_01hf7yef60tty3nx6e38750vxa")]
    pub id: String,
    pub name: String,
    pub settings: AccountSettings,
    #[schema(format = DateTime)]
    pub created_at: String,
    #[schema(format = DateTime)]
    pub updated_at: String,
}

/// A new account with its first key, which is shown this once.
#[derive(ToSchema)]
pub struct NewAccount {
    pub id: String,
    pub name: String,
    pub settings: AccountSettings,
    #[schema(format = DateTime)]
    pub created_at: String,
    #[schema(format = DateTime)]
    pub updated_at: String,
    pub api_key: String,
}

#[derive(ToSchema)]
pub struct Activity {
    pub id: String,
    pub name: String,
    /// Whether work may be offered in this activity.
    pub available: bool,
    #[schema(format = DateTime)]
    pub created_at: String,
    #[schema(format = DateTime)]
    pub updated_at: String,
}

#[derive(ToSchema)]
pub struct Channel {
    pub id: String,
    pub name: String,
    /// Capacity of a worker that does not say.
    #[schema(minimum = 0, maximum = 50)]
    pub default_capacity: u32,
    #[schema(format = DateTime)]
    pub created_at: String,
    #[schema(format = DateTime)]
    pub updated_at: String,
}

#[derive(ToSchema)]
pub struct Queue {
    pub id: String,
    pub name: String,
    /// JSONLogic over the worker: who belongs.
    pub workers: Value,
    pub order: QueueOrder,
    /// Points of score for each minute waited.
    #[schema(minimum = 0, maximum = 1000)]
    pub priority_per_minute: f64,
    #[schema(format = DateTime)]
    pub created_at: String,
    #[schema(format = DateTime)]
    pub updated_at: String,
}

#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum QueueOrder {
    Fifo,
    Lifo,
}

/// Business hours.
#[derive(ToSchema)]
pub struct Schedule {
    pub id: String,
    pub name: String,
    #[schema(example = "Europe/Berlin")]
    pub time_zone: String,
    /// By day (`mon` to `sun`): spans such as `["09:00", "17:00"]`.
    #[schema(required = false)]
    pub weekly: BTreeMap<String, Vec<Vec<String>>>,
    #[schema(required = false)]
    pub holidays: Vec<Holiday>,
    #[schema(format = DateTime)]
    pub created_at: String,
    #[schema(format = DateTime)]
    pub updated_at: String,
}

#[derive(ToSchema)]
pub struct Holiday {
    #[schema(example = "2026-12-24")]
    pub date: String,
    #[schema(required = false)]
    pub name: String,
    /// Spans; closed without any.
    #[schema(required = false)]
    pub hours: Vec<Vec<String>>,
}

#[derive(ToSchema)]
pub struct Workflow {
    pub id: String,
    pub name: String,
    /// The newest version, with which new items start.
    pub version: u32,
    /// Told of each offer.
    pub assignment_url: Option<String>,
    pub assignment_fallback_url: Option<String>,
    #[schema(format = DateTime)]
    pub created_at: String,
    #[schema(format = DateTime)]
    pub updated_at: String,
}

/// A workflow with its newest document and the warnings of its check.
#[derive(ToSchema)]
pub struct WorkflowWithDocument {
    pub id: String,
    pub name: String,
    pub version: u32,
    pub assignment_url: Option<String>,
    pub assignment_fallback_url: Option<String>,
    #[schema(format = DateTime)]
    pub created_at: String,
    #[schema(format = DateTime)]
    pub updated_at: String,
    pub document: WorkflowDocument,
    /// Only after a change: what is doubtful about the document.
    #[schema(required = false)]
    pub findings: Vec<Finding>,
}

#[derive(ToSchema)]
pub struct WorkflowVersion {
    pub workflow: String,
    pub version: u32,
    pub document: WorkflowDocument,
    #[schema(format = DateTime)]
    pub created_at: String,
}

/// What is wrong or doubtful about a document.
#[derive(ToSchema)]
pub struct Finding {
    pub severity: Severity,
    pub code: String,
    pub message: String,
    pub pointer: String,
}

#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum Severity {
    Error,
    Warning,
}

#[derive(ToSchema)]
pub struct Worker {
    pub id: String,
    pub name: String,
    #[schema(value_type = Object)]
    pub attributes: Value,
    /// Name of the activity.
    pub activity: String,
    /// By channel, defaults and exclusions applied.
    pub capacity: BTreeMap<String, u32>,
    /// Live reservations by channel; offers count.
    pub load: BTreeMap<String, u32>,
    /// In an available activity and reachable.
    pub available: bool,
    pub reachable: bool,
    pub connection_required: bool,
    /// `null` while the worker holds work or is not available.
    #[schema(format = DateTime)]
    pub idle_since: Option<String>,
    #[schema(format = DateTime)]
    pub created_at: String,
    #[schema(format = DateTime)]
    pub updated_at: String,
}

/// A token with which a worker reaches its own resources.
#[derive(ToSchema)]
pub struct WorkerToken {
    pub token: String,
    pub worker: String,
    #[schema(format = DateTime)]
    pub expires_at: String,
}

#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum ItemState {
    Pending,
    Reserved,
    Assigned,
    Wrapping,
    Completed,
    Canceled,
}

#[derive(ToSchema)]
pub struct WorkItem {
    #[schema(example = "itm_01hf7yef60tty3nx6e38750vxa")]
    pub id: String,
    pub workflow: String,
    pub workflow_version: u32,
    pub channel: String,
    #[schema(value_type = Object)]
    pub attributes: Value,
    #[schema(minimum = -1000000, maximum = 1000000)]
    pub priority: i64,
    pub state: ItemState,
    pub reason: Option<String>,
    /// Seconds that the item may stay unassigned.
    #[schema(minimum = 1, maximum = 1209600)]
    pub timeout_s: u32,
    pub unique_key: Option<String>,
    pub queue: Option<String>,
    /// Name of the rule in force; `default` for the document's default.
    pub rule: Option<String>,
    /// JSON pointer of the step in the workflow document.
    pub step: Option<String>,
    #[schema(format = DateTime)]
    pub entered_queue_at: Option<String>,
    /// When it first waited in a queue, or waited again after a transfer; the speed of answer counts from here.
    #[schema(format = DateTime)]
    pub waiting_since: Option<String>,
    /// Who holds it.
    pub worker: Option<String>,
    pub reservation: Option<String>,
    #[schema(format = DateTime)]
    pub created_at: String,
    #[schema(format = DateTime)]
    pub updated_at: String,
}

#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
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

#[derive(ToSchema)]
pub struct Reservation {
    pub id: String,
    pub work_item: String,
    pub worker: String,
    /// Where the item was when it was offered; none when it was transferred to this worker alone.
    pub queue: Option<String>,
    pub workflow: String,
    pub channel: String,
    pub state: ReservationState,
    pub reason: Option<String>,
    #[schema(format = DateTime)]
    pub offered_at: String,
    #[schema(format = DateTime)]
    pub expires_at: String,
    #[schema(format = DateTime)]
    pub resolved_at: Option<String>,
    /// When after-call work began.
    #[schema(format = DateTime)]
    pub wrapping_at: Option<String>,
    #[schema(format = DateTime)]
    pub created_at: String,
    #[schema(format = DateTime)]
    pub updated_at: String,
}

#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum KeyRole {
    Admin,
    Integrator,
    Supervisor,
    Agent,
}

#[derive(ToSchema)]
pub struct ApiKey {
    pub id: String,
    pub name: String,
    pub role: KeyRole,
    pub worker: Option<String>,
    #[schema(format = DateTime)]
    pub expires_at: Option<String>,
    #[schema(format = DateTime)]
    pub created_at: String,
    /// The key itself; only in the answer to its creation.
    #[schema(required = false)]
    pub key: String,
}

/// An event as CloudEvents 1.0 JSON.
#[derive(ToSchema)]
pub struct Event {
    #[schema(example = "1.0")]
    pub specversion: String,
    pub id: String,
    #[schema(example = "/accounts/acc_01hf7yef60tty3nx6e38750vxa")]
    pub source: String,
    #[schema(rename = "type", example = "work_item.created")]
    pub event_type: String,
    pub subject: String,
    #[schema(format = DateTime)]
    pub time: String,
    pub datacontenttype: String,
    #[schema(value_type = Object)]
    pub data: Value,
    /// Gapless within the account.
    pub sequence: u64,
}

/// The numbers of the moment.
#[derive(ToSchema)]
pub struct Statistics {
    #[schema(format = DateTime)]
    pub time: String,
    pub queues: Vec<QueueStatistics>,
    pub activities: Vec<ActivityStatistics>,
}

#[derive(ToSchema)]
pub struct QueueStatistics {
    pub queue: String,
    pub name: String,
    /// Items waiting without an open offer.
    pub waiting: u32,
    pub longest_wait_s: f64,
    /// Items with an open offer.
    pub offered: u32,
    /// Items that came by this queue and that a worker holds.
    pub assigned: u32,
    pub workers: WorkerStatistics,
}

#[derive(ToSchema)]
pub struct WorkerStatistics {
    pub available: u64,
    pub busy: u64,
    pub eligible: u64,
}

#[derive(ToSchema)]
pub struct ActivityStatistics {
    pub activity: String,
    pub name: String,
    pub available: bool,
    pub workers: u32,
}

/// An item to follow through a document.
#[derive(ToSchema)]
pub struct SampleItem {
    /// Default `default`.
    #[schema(required = false)]
    pub channel: String,
    #[schema(value_type = Object, required = false)]
    pub attributes: Value,
    /// From -1,000,000 to 1,000,000. Like all of a sample, it is looked at only when the document has no errors.
    #[schema(required = false)]
    pub priority: i64,
    /// From 1 to 1,209,600.
    #[schema(required = false)]
    pub timeout_s: u32,
    /// What its `request` steps are answered, at most 100: nobody is asked here.
    #[schema(required = false)]
    pub answers: Vec<CannedAnswer>,
}

/// The answer to a `request` step. Several of one step are given in their order, the last again and again.
#[derive(ToSchema)]
pub struct CannedAnswer {
    /// JSON pointer of the step, or its label.
    pub step: String,
    /// Seconds until it comes; default 0.
    #[schema(required = false)]
    pub after_s: u32,
    /// What the server answers; without it the request fails.
    #[schema(value_type = Option<Object>, required = false)]
    pub answer: Option<Value>,
    /// The code of the failure; default `server_error`.
    #[schema(required = false)]
    pub error: Option<String>,
    /// The status of the answer.
    #[schema(required = false)]
    pub status: Option<u16>,
}

/// What would become of sample items if a document were in force.
#[derive(ToSchema)]
pub struct DryRun {
    #[schema(format = DateTime)]
    pub time: String,
    pub findings: Vec<Finding>,
    /// In the order of the samples; empty when a finding is an error.
    pub samples: Vec<Rehearsal>,
}

#[derive(ToSchema)]
pub struct Rehearsal {
    pub rule: Option<String>,
    pub steps: Vec<RehearsedStep>,
    pub state: ItemState,
    pub reason: Option<String>,
    pub priority: i64,
    #[schema(value_type = Object)]
    pub attributes: Value,
    /// Whether it was followed to its end or to a step in which it rests for good.
    pub complete: bool,
}

#[derive(ToSchema)]
pub struct RehearsedStep {
    /// Seconds from the item's creation to entering the step.
    pub after_s: f64,
    pub step: String,
    pub label: Option<String>,
    pub rests: bool,
    pub detail: Option<Value>,
    pub queue: Option<String>,
    pub queue_name: Option<String>,
    /// Workers that would be offered the item on entering, first come first.
    pub workers: Vec<EligibleWorker>,
}

#[derive(ToSchema)]
pub struct EligibleWorker {
    pub worker: String,
    pub name: String,
    /// Why at this place.
    pub reason: String,
}

/// Why an item is where it is.
#[derive(ToSchema)]
pub struct Explanation {
    pub work_item: String,
    pub state: ItemState,
    /// One sentence for a supervisor.
    pub summary: String,
    #[schema(format = DateTime)]
    pub time: String,
    pub workflow: String,
    pub workflow_version: u32,
    pub rule: Option<RuleReason>,
    pub step: Option<StepReason>,
    pub class: Option<MatchClass>,
    pub score: Option<Score>,
    /// Workers that may be offered the item now, first come first.
    pub eligible: Vec<EligibleWorker>,
    pub excluded: Vec<ExcludedWorker>,
    /// Offers that wait for an answer.
    pub offered: Vec<OpenOffer>,
    /// What happens by itself and when, the next first.
    pub timers: Vec<DueTimer>,
}

#[derive(ToSchema)]
pub struct RuleReason {
    pub name: String,
    pub pointer: String,
    pub reason: String,
    pub passed_over: Vec<PassedRule>,
}

/// A rule that did not match, and why.
#[derive(ToSchema)]
pub struct PassedRule {
    pub name: String,
    pub pointer: String,
    pub reason: String,
}

#[derive(ToSchema)]
pub struct StepReason {
    pub pointer: String,
    #[schema(format = DateTime)]
    pub entered_at: String,
    pub reason: String,
}

/// Items of one class ask for the same workers in the same order.
#[derive(ToSchema)]
pub struct MatchClass {
    pub queue: Option<String>,
    pub queue_name: Option<String>,
    pub channel: String,
    /// The step's worker predicate with the item's values filled in.
    pub predicate: Value,
    pub waiting: u64,
    pub offers: u32,
}

#[derive(ToSchema)]
pub struct Score {
    pub priority: i64,
    pub waited_s: f64,
    pub priority_per_minute: f64,
    pub score: f64,
}

#[derive(ToSchema)]
pub struct ExcludedWorker {
    pub worker: String,
    pub name: String,
    pub reasons: Vec<WorkerExclusion>,
}

/// One thing that keeps a worker from an item.
#[derive(ToSchema)]
pub struct WorkerExclusion {
    #[schema(example = "declined")]
    pub code: String,
    pub message: String,
}

#[derive(ToSchema)]
pub struct OpenOffer {
    pub reservation: String,
    pub worker: String,
    pub name: String,
    #[schema(format = DateTime)]
    pub expires_at: String,
}

#[derive(ToSchema)]
pub struct DueTimer {
    #[schema(example = "offer")]
    pub timer: String,
    #[schema(format = DateTime)]
    pub at: String,
    pub then: String,
}

macro_rules! pages {
    ($($name:ident of $entry:ident;)*) => {$(
        /// A page, newest first; `next` is the `after` of the next page.
        #[derive(ToSchema)]
        pub struct $name {
            pub data: Vec<$entry>,
            pub next: Option<String>,
        }
    )*};
}

pages! {
    Accounts of Account;
    Activities of Activity;
    ApiKeys of ApiKey;
    Channels of Channel;
    Events of Event;
    Queues of Queue;
    Reservations of Reservation;
    Schedules of Schedule;
    Workers of Worker;
    Workflows of Workflow;
    WorkflowVersions of WorkflowVersion;
    WorkItems of WorkItem;
}
