//! The reference's own picture of an account: configuration as written, items and reservations as the events tell them,
//! and what the reference works out for itself (age, declines, idleness, place in the workflow). It holds no index; every
//! question is answered by looking at everything.

use cordboard_domain::id::*;
use cordboard_domain::time::Timestamp;
use cordboard_domain::work::*;
use serde_json::Value;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

/// What an item that waits in a route step, or by a transfer, asks for.
#[derive(Debug, Clone, PartialEq)]
pub struct Ask {
    /// `None` for an item that is transferred to one worker: everybody belongs.
    pub queue: Option<QueueId>,
    /// The step's predicate over item and worker.
    pub workers: Option<Value>,
    /// Expressions and whether they sort descending.
    pub order_by: Vec<(Value, bool)>,
    pub offers: u32,
    pub reservation_timeout_s: u32,
    pub prefer: Option<WorkerId>,
    pub prefer_until: Option<Timestamp>,
    /// Nobody but this worker: a known worker, or the target of a transfer.
    pub only: Option<WorkerId>,
    pub deadline: Option<Timestamp>,
    /// The step's time is over; the item only waits for its live offers to resolve.
    pub closed: bool,
}

/// A transfer as the reference follows it.
#[derive(Debug, Clone, PartialEq)]
pub struct Handover {
    pub from: WorkerId,
    pub warm: bool,
    pub to_worker: Option<WorkerId>,
    pub to_queue: Option<QueueId>,
    /// The item's age before the transfer.
    pub former_since: Option<Timestamp>,
}

/// An open item.
#[derive(Debug, Clone)]
pub struct Held {
    pub id: ItemId,
    pub workflow: WorkflowId,
    pub version: u32,
    pub channel: String,
    pub attributes: Value,
    pub priority: i64,
    pub state: ItemState,
    pub unique_key: Option<String>,
    pub timeout_s: u32,
    pub expires_at: Timestamp,
    pub step: Option<String>,
    pub queue: Option<QueueId>,
    pub waiting_since: Option<Timestamp>,
    pub declines: BTreeMap<WorkerId, Timestamp>,
    /// Those among them that a callback made.
    pub declined_by_callback: BTreeSet<WorkerId>,
    pub ask: Option<Ask>,
    /// The end of a wait step, or when an answer counts as lost.
    pub wait_until: Option<Timestamp>,
    /// The request whose answer the item waits for.
    pub asking: Option<RequestId>,
    /// What `sys.request` says of the last one.
    pub request: Value,
    pub handover: Option<Handover>,
    pub wrap_up_until: Option<Timestamp>,
}

/// What the reference keeps of a worker beside its record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    pub idle_since: Timestamp,
    pub misses: u32,
}

#[derive(Debug, Clone)]
pub struct World {
    pub now: Timestamp,
    pub account: Account,
    pub activities: BTreeMap<ActivityId, Activity>,
    pub channels: BTreeMap<ChannelId, Channel>,
    pub queues: BTreeMap<QueueId, Queue>,
    pub schedules: BTreeMap<ScheduleId, Schedule>,
    pub workflows: BTreeMap<WorkflowId, Workflow>,
    pub documents: BTreeMap<(WorkflowId, u32), Rc<Value>>,
    pub workers: BTreeMap<WorkerId, Worker>,
    pub standing: BTreeMap<WorkerId, Standing>,
    pub items: BTreeMap<ItemId, Held>,
    /// Live reservations only.
    pub reservations: BTreeMap<ReservationId, Reservation>,
    /// Ids of items and reservations that have ended: none may come back.
    pub ended: BTreeSet<u128>,
    pub sequence: u64,
    /// Workers that have just missed as often as they may.
    pub to_move: BTreeSet<WorkerId>,
    /// Whether a callback made what is being heard of.
    pub by_callback: bool,
    /// Message ids of what must be asked because of the command that is followed.
    pub begun: Vec<String>,
    pub memo: Memo,
}

impl World {
    pub fn new(account: Account) -> Self {
        Self {
            now: Timestamp::default(),
            account,
            activities: BTreeMap::new(),
            channels: BTreeMap::new(),
            queues: BTreeMap::new(),
            schedules: BTreeMap::new(),
            workflows: BTreeMap::new(),
            documents: BTreeMap::new(),
            workers: BTreeMap::new(),
            standing: BTreeMap::new(),
            items: BTreeMap::new(),
            reservations: BTreeMap::new(),
            ended: BTreeSet::new(),
            sequence: 0,
            to_move: BTreeSet::new(),
            by_callback: false,
            begun: Vec::new(),
            memo: Memo::default(),
        }
    }

    pub fn activity_name(&self, worker: &Worker) -> &str {
        self.activities.get(&worker.activity).map_or("", |activity| &activity.name)
    }

    pub fn live_of_item(&self, item: ItemId) -> impl Iterator<Item = &Reservation> {
        self.reservations.values().filter(move |reservation| reservation.item == item)
    }

    pub fn live_of_worker(&self, worker: WorkerId) -> impl Iterator<Item = &Reservation> {
        self.reservations.values().filter(move |reservation| reservation.worker == worker)
    }

    /// Live reservations of a worker on a channel: offers hold capacity too.
    pub fn load(&self, worker: WorkerId, channel: &str) -> u32 {
        let on_channel = |item: &ItemId| self.items.get(item).is_some_and(|item| item.channel == channel);
        self.live_of_worker(worker).filter(|reservation| on_channel(&reservation.item)).count() as u32
    }

    /// Whether the worker holds accepted or wrapping work; an offer alone does not make it busy.
    pub fn holds_work(&self, worker: WorkerId) -> bool {
        self.live_of_worker(worker).any(|reservation| reservation.state != ReservationState::Offered)
    }

    pub fn idle_since(&self, worker: WorkerId) -> Timestamp {
        self.standing.get(&worker).map_or(Timestamp::default(), |standing| standing.idle_since)
    }

    pub fn worker_named(&self, reference: &str) -> Option<&Worker> {
        self.workers.values().find(|worker| worker.name == reference || worker.id.to_string() == reference)
    }

    pub fn queue_named(&self, reference: &str) -> Option<&Queue> {
        self.queues.values().find(|queue| queue.name == reference || queue.id.to_string() == reference)
    }

    /// The document that an item is in.
    pub fn document(&self, item: &Held) -> Option<Rc<Value>> {
        self.documents.get(&(item.workflow, item.version)).cloned()
    }
}

/// Answers to predicates that cannot have changed since they were asked. It is what keeps brute force affordable, and it
/// is emptied by anything that an answer may depend on.
#[derive(Debug, Clone, Default)]
pub struct Memo {
    members: RefCell<HashMap<(QueueId, WorkerId), bool>>,
    predicates: RefCell<HashMap<(ItemId, WorkerId), bool>>,
}

impl Memo {
    pub fn member(&self, queue: &Queue, worker: &Worker, ask: impl FnOnce() -> bool) -> bool {
        *self.members.borrow_mut().entry((queue.id, worker.id)).or_insert_with(ask)
    }

    pub fn predicate(&self, item: &Held, worker: &Worker, ask: impl FnOnce() -> bool) -> bool {
        *self.predicates.borrow_mut().entry((item.id, worker.id)).or_insert_with(ask)
    }

    pub fn forget_item(&self, item: ItemId) {
        self.predicates.borrow_mut().retain(|(known, _), _| *known != item);
    }

    pub fn forget_worker(&self, worker: WorkerId) {
        self.members.borrow_mut().retain(|(_, known), _| *known != worker);
        self.predicates.borrow_mut().retain(|(_, known), _| *known != worker);
    }

    pub fn forget_queue(&self, queue: QueueId) {
        self.members.borrow_mut().retain(|(known, _), _| *known != queue);
    }

    pub fn forget_all(&self) {
        self.members.borrow_mut().clear();
        self.predicates.borrow_mut().clear();
    }
}

impl World {
    /// Of a reservation's event: which item and worker it is about, for the trace.
    pub fn reservation_text(&self, subject: &str, data: &str) -> String {
        if !subject.starts_with("res_") {
            return String::new();
        }
        let data: Value = serde_json::from_str(data).unwrap_or_default();
        let worker = data["resource"]["worker"].as_str().and_then(|id| self.worker_named(id));
        let name = worker.map_or("?", |worker| worker.name.as_str());
        format!(" of {} to {name}", data["resource"]["work_item"].as_str().unwrap_or("?"))
    }
}
