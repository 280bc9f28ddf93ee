//! What events and answers show of each resource: records with ids rendered, internals left out. The one place that
//! fixes the JSON shape of a resource, so that an event and an answer never disagree.

use super::record::*;
use super::{Actor, WorkerView};
use crate::id::*;
use crate::time::Timestamp;
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// A work item as the API shows it.
#[derive(Debug, Serialize)]
pub struct ItemView<'a> {
    pub id: ItemId,
    pub workflow: WorkflowId,
    pub workflow_version: u32,
    pub channel: &'a str,
    pub attributes: &'a RawValue,
    pub priority: i64,
    pub state: ItemState,
    pub reason: Option<&'a str>,
    pub timeout_s: u32,
    pub unique_key: Option<&'a str>,
    pub queue: Option<QueueId>,
    pub rule: Option<&'a str>,
    pub step: Option<&'a str>,
    pub entered_queue_at: Option<Timestamp>,
    /// When the item first waited in a queue, or waited again after a transfer; the speed of answer counts from here.
    pub waiting_since: Option<Timestamp>,
    pub worker: Option<WorkerId>,
    pub reservation: Option<ReservationId>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl<'a> From<&'a Item> for ItemView<'a> {
    fn from(item: &'a Item) -> Self {
        Self {
            id: item.id,
            workflow: item.workflow,
            workflow_version: item.workflow_version,
            channel: &item.channel,
            attributes: &item.attributes,
            priority: item.priority,
            state: item.state,
            reason: item.reason.as_deref(),
            timeout_s: item.timeout_s,
            unique_key: item.unique_key.as_deref(),
            queue: item.queue,
            rule: item.rule.as_deref(),
            step: item.step.as_deref(),
            entered_queue_at: item.entered_queue_at,
            waiting_since: item.waiting_since,
            worker: item.worker,
            reservation: item.reservation,
            created_at: item.stamp.created_at,
            updated_at: item.stamp.updated_at,
        }
    }
}

/// A reservation as the API shows it.
#[derive(Debug, Serialize)]
pub struct ReservationView<'a> {
    pub id: ReservationId,
    pub work_item: ItemId,
    pub worker: WorkerId,
    /// Where the item was when it was offered.
    pub queue: Option<QueueId>,
    pub workflow: WorkflowId,
    pub channel: &'a str,
    pub state: ReservationState,
    pub reason: Option<&'a str>,
    pub offered_at: Timestamp,
    pub expires_at: Timestamp,
    pub resolved_at: Option<Timestamp>,
    pub wrapping_at: Option<Timestamp>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl<'a> From<&'a Reservation> for ReservationView<'a> {
    fn from(reservation: &'a Reservation) -> Self {
        Self {
            id: reservation.id,
            work_item: reservation.item,
            worker: reservation.worker,
            queue: reservation.queue,
            workflow: reservation.workflow,
            channel: &reservation.channel,
            state: reservation.state,
            reason: reservation.reason.as_deref(),
            offered_at: reservation.offered_at,
            expires_at: reservation.expires_at,
            resolved_at: reservation.resolved_at,
            wrapping_at: reservation.wrapping_at,
            created_at: reservation.stamp.created_at,
            updated_at: reservation.stamp.updated_at,
        }
    }
}

/// A worker as the API shows it.
#[derive(Debug, Serialize)]
pub struct WorkerJson<'a> {
    pub id: WorkerId,
    pub name: &'a str,
    pub attributes: &'a Value,
    pub activity: &'a str,
    pub capacity: &'a BTreeMap<String, u32>,
    pub load: &'a BTreeMap<String, u32>,
    pub available: bool,
    pub reachable: bool,
    pub connection_required: bool,
    /// `null` while the worker holds work or is not available.
    pub idle_since: Option<Timestamp>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl<'a> From<&'a WorkerView> for WorkerJson<'a> {
    fn from(view: &'a WorkerView) -> Self {
        let worker = &view.worker;
        Self {
            id: worker.id,
            name: &worker.name,
            attributes: &worker.attributes,
            activity: &view.activity_name,
            capacity: &view.capacity,
            load: &view.load,
            available: view.available,
            reachable: worker.reachable,
            connection_required: worker.connection_required,
            idle_since: view.idle_since,
            created_at: worker.stamp.created_at,
            updated_at: worker.stamp.updated_at,
        }
    }
}

/// The `data` of an event: the resource after it, who did it, and what else there is to say.
#[derive(Debug, Serialize)]
pub struct EventData<'a, T: Serialize> {
    pub resource: T,
    pub actor: &'a Actor,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<Value>,
}

#[derive(Debug, Serialize)]
pub struct AccountView<'a> {
    pub id: AccountId,
    pub name: &'a str,
    pub settings: &'a Settings,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl<'a> From<&'a Account> for AccountView<'a> {
    fn from(account: &'a Account) -> Self {
        let Stamp { created_at, updated_at, .. } = account.stamp;
        Self { id: account.id, name: &account.name, settings: &account.settings, created_at, updated_at }
    }
}

#[derive(Debug, Serialize)]
pub struct ActivityView<'a> {
    pub id: ActivityId,
    pub name: &'a str,
    pub available: bool,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl<'a> From<&'a Activity> for ActivityView<'a> {
    fn from(activity: &'a Activity) -> Self {
        let Stamp { created_at, updated_at, .. } = activity.stamp;
        Self { id: activity.id, name: &activity.name, available: activity.available, created_at, updated_at }
    }
}

#[derive(Debug, Serialize)]
pub struct ChannelView<'a> {
    pub id: ChannelId,
    pub name: &'a str,
    pub default_capacity: u32,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl<'a> From<&'a Channel> for ChannelView<'a> {
    fn from(channel: &'a Channel) -> Self {
        let Stamp { created_at, updated_at, .. } = channel.stamp;
        let default_capacity = channel.default_capacity;
        Self { id: channel.id, name: &channel.name, default_capacity, created_at, updated_at }
    }
}

#[derive(Debug, Serialize)]
pub struct QueueView<'a> {
    pub id: QueueId,
    pub name: &'a str,
    pub workers: &'a Value,
    pub order: QueueOrder,
    /// Points of score for each minute waited.
    pub priority_per_minute: f64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl<'a> From<&'a Queue> for QueueView<'a> {
    fn from(queue: &'a Queue) -> Self {
        Self {
            id: queue.id,
            name: &queue.name,
            workers: &queue.workers,
            order: queue.order,
            priority_per_minute: f64::from(queue.priority_per_minute_milli) / 1_000.0,
            created_at: queue.stamp.created_at,
            updated_at: queue.stamp.updated_at,
        }
    }
}

/// A schedule: its hours stand beside its name.
#[derive(Debug, Serialize)]
pub struct ScheduleView<'a> {
    pub id: ScheduleId,
    pub name: &'a str,
    #[serde(flatten)]
    pub hours: &'a Value,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl<'a> From<&'a Schedule> for ScheduleView<'a> {
    fn from(schedule: &'a Schedule) -> Self {
        let Stamp { created_at, updated_at, .. } = schedule.stamp;
        Self { id: schedule.id, name: &schedule.name, hours: &schedule.hours, created_at, updated_at }
    }
}

#[derive(Debug, Serialize)]
pub struct WorkflowView<'a> {
    pub id: WorkflowId,
    pub name: &'a str,
    pub version: u32,
    pub assignment_url: Option<&'a str>,
    pub assignment_fallback_url: Option<&'a str>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl<'a> From<&'a Workflow> for WorkflowView<'a> {
    fn from(workflow: &'a Workflow) -> Self {
        Self {
            id: workflow.id,
            name: &workflow.name,
            version: workflow.version,
            assignment_url: workflow.assignment_url.as_deref(),
            assignment_fallback_url: workflow.assignment_fallback_url.as_deref(),
            created_at: workflow.stamp.created_at,
            updated_at: workflow.stamp.updated_at,
        }
    }
}
