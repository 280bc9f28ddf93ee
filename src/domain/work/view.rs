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
    pub state: ReservationState,
    pub reason: Option<&'a str>,
    pub offered_at: Timestamp,
    pub expires_at: Timestamp,
    pub resolved_at: Option<Timestamp>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl<'a> From<&'a Reservation> for ReservationView<'a> {
    fn from(reservation: &'a Reservation) -> Self {
        Self {
            id: reservation.id,
            work_item: reservation.item,
            worker: reservation.worker,
            state: reservation.state,
            reason: reservation.reason.as_deref(),
            offered_at: reservation.offered_at,
            expires_at: reservation.expires_at,
            resolved_at: reservation.resolved_at,
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
