//! What the fold reads of an event: only the types that change a cell, and of their data only what is counted.

use super::group::Group;
use crate::id::{QueueId, WorkerId, WorkflowId};
use crate::time::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::sync::Arc;

/// The types of events that the fold takes; it need not be given others.
pub const WANTED: [&str; 23] = [
    "work_item.created",
    "work_item.queued",
    "work_item.assigned",
    "work_item.completed",
    "work_item.canceled",
    "reservation.offered",
    "reservation.accepted",
    "reservation.rejected",
    "reservation.timed_out",
    "reservation.rescinded",
    "reservation.canceled",
    "reservation.completed",
    "worker.created",
    "worker.updated",
    "worker.deleted",
    "worker.activity_changed",
    "worker.reachable",
    "worker.unreachable",
    "activity.updated",
    "queue.created",
    "queue.updated",
    "workflow.created",
    "workflow.updated",
];

/// An event that is not as the engine writes them.
#[derive(Debug, thiserror::Error)]
#[error("the data of a `{event_type}` event cannot be read: {why}")]
pub struct UnreadableEvent {
    event_type: String,
    why: serde_json::Error,
}

/// An event as far as it is counted.
#[derive(Debug)]
pub struct Observed {
    pub time: Timestamp,
    pub(super) fact: Fact,
}

#[derive(Debug)]
pub(super) enum Fact {
    Created(ItemFacts),
    /// Began to wait in a queue, not only again after a declined offer.
    Entered(ItemFacts),
    Assigned(ItemFacts),
    Completed(ItemFacts),
    Canceled {
        item: ItemFacts,
        requested: bool,
    },
    Offer(OfferEvent, OfferFacts),
    /// With its name when that may be new.
    Worker(WorkerFacts),
    WorkerGone(WorkerId),
    Activity {
        former: Box<str>,
        name: Box<str>,
        available: bool,
    },
    Named(Group, Box<str>),
    Nothing,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OfferEvent {
    Offered,
    Accepted,
    Rejected,
    TimedOut,
    Rescinded,
    Canceled,
    Completed,
}

#[derive(Debug, Deserialize)]
pub(super) struct ItemFacts {
    pub workflow: WorkflowId,
    pub channel: Arc<str>,
    pub queue: Option<QueueId>,
    pub worker: Option<WorkerId>,
    pub entered_queue_at: Option<Timestamp>,
    pub waiting_since: Option<Timestamp>,
}

#[derive(Debug, Deserialize)]
pub(super) struct OfferFacts {
    pub workflow: WorkflowId,
    pub channel: Arc<str>,
    pub queue: Option<QueueId>,
    pub worker: WorkerId,
    /// When it was accepted, for one that was.
    pub resolved_at: Option<Timestamp>,
    pub wrapping_at: Option<Timestamp>,
}

#[derive(Debug, Deserialize)]
pub(super) struct WorkerFacts {
    pub id: WorkerId,
    pub name: Option<Box<str>>,
    pub activity: Box<str>,
    pub available: bool,
    pub reachable: bool,
}

#[derive(Deserialize)]
struct NamedFacts<Id> {
    id: Id,
    name: Box<str>,
}

#[derive(Deserialize)]
struct ActivityFacts {
    name: Box<str>,
    available: bool,
}

#[derive(Deserialize)]
struct FormerActivity {
    name: Box<str>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Detail {
    again: bool,
    requested: bool,
    former: Option<FormerActivity>,
}

#[derive(Deserialize)]
struct Data<T> {
    resource: T,
    #[serde(default)]
    detail: Option<Detail>,
}

/// The resource of an event and what else is said.
fn read<T: DeserializeOwned>(data: &str) -> Result<(T, Detail), serde_json::Error> {
    let Data { resource, detail } = serde_json::from_str::<Data<T>>(data)?;
    Ok((resource, detail.unwrap_or_default()))
}

impl Observed {
    /// Reads an event of any type from the text of its data; what is not counted says nothing.
    pub fn read(event_type: &str, time: Timestamp, data: &str) -> Result<Self, UnreadableEvent> {
        let unreadable = |why| UnreadableEvent { event_type: event_type.to_owned(), why };
        Ok(Self { time, fact: fact(event_type, time, data).map_err(unreadable)? })
    }
}

fn fact(event_type: &str, time: Timestamp, data: &str) -> Result<Fact, serde_json::Error> {
    let offer = |event| read(data).map(|(facts, _)| Fact::Offer(event, facts));
    Ok(match event_type {
        "work_item.created" => Fact::Created(read(data)?.0),
        "work_item.queued" => {
            let (item, detail) = read::<ItemFacts>(data)?;
            // A further step of the same queue does not begin a new stay in it.
            let enters = item.queue.is_some() && item.entered_queue_at == Some(time) && !detail.again;
            if enters { Fact::Entered(item) } else { Fact::Nothing }
        }
        "work_item.assigned" => Fact::Assigned(read(data)?.0),
        "work_item.completed" => Fact::Completed(read(data)?.0),
        "work_item.canceled" => {
            let (item, detail) = read(data)?;
            Fact::Canceled { item, requested: detail.requested }
        }
        "reservation.offered" => offer(OfferEvent::Offered)?,
        "reservation.accepted" => offer(OfferEvent::Accepted)?,
        "reservation.rejected" => offer(OfferEvent::Rejected)?,
        "reservation.timed_out" => offer(OfferEvent::TimedOut)?,
        "reservation.rescinded" => offer(OfferEvent::Rescinded)?,
        "reservation.canceled" => offer(OfferEvent::Canceled)?,
        "reservation.completed" => offer(OfferEvent::Completed)?,
        "worker.deleted" => Fact::WorkerGone(read::<WorkerFacts>(data)?.0.id),
        "worker.created" | "worker.updated" => Fact::Worker(read(data)?.0),
        "worker.activity_changed" | "worker.reachable" | "worker.unreachable" => {
            Fact::Worker(WorkerFacts { name: None, ..read(data)?.0 })
        }
        "activity.updated" => {
            let (ActivityFacts { name, available }, detail) = read(data)?;
            let former = detail.former.map_or_else(|| name.clone(), |former| former.name);
            Fact::Activity { former, name, available }
        }
        "queue.created" | "queue.updated" => {
            let NamedFacts { id, name } = read(data)?.0;
            Fact::Named(Group::Queue(id), name)
        }
        "workflow.created" | "workflow.updated" => {
            let NamedFacts { id, name } = read(data)?.0;
            Fact::Named(Group::Workflow(id), name)
        }
        _ => Fact::Nothing,
    })
}
