//! The catalogue of events and the event itself. An event is an immutable fact with a gapless sequence number per
//! account; its data holds the resource as it is after the event and, for a change, who did it.

use crate::id::{AccountId, EventId, WorkerId};
use crate::time::Timestamp;
use serde::Serialize;
use serde_json::value::RawValue;

#[derive(Debug, Clone)]
pub struct Event {
    pub id: EventId,
    /// One more than the account's event before it.
    pub sequence: u64,
    /// One of the types in [`CATALOGUE`].
    pub event_type: &'static str,
    /// Id of the resource that the event is about.
    pub subject: String,
    pub time: Timestamp,
    /// The worker whom it concerns, who may see it.
    pub worker: Option<WorkerId>,
    pub data: Box<RawValue>,
}

/// An event as it is shown: CloudEvents 1.0 in the JSON event format, with `sequence` as an extension attribute.
///
/// `source` is the account, `subject` the id of the resource, `data` the resource after the event and who did it.
#[derive(Debug, Serialize)]
pub struct CloudEvent<'a> {
    specversion: &'static str,
    id: &'a str,
    source: String,
    r#type: &'a str,
    subject: &'a str,
    time: Timestamp,
    datacontenttype: &'static str,
    data: &'a RawValue,
    sequence: u64,
}

impl<'a> CloudEvent<'a> {
    pub fn new(
        account: AccountId,
        (sequence, id): (u64, &'a str),
        (event_type, subject): (&'a str, &'a str),
        time: Timestamp,
        data: &'a RawValue,
    ) -> Self {
        Self {
            specversion: "1.0",
            id,
            source: format!("/accounts/{account}"),
            r#type: event_type,
            subject,
            time,
            datacontenttype: "application/json",
            data,
            sequence,
        }
    }
}

impl Event {
    pub fn cloud_event<'a>(&'a self, account: AccountId, id: &'a str) -> CloudEvent<'a> {
        CloudEvent::new(account, (self.sequence, id), (self.event_type, &self.subject), self.time, &self.data)
    }
}

/// One type of event and when it is emitted.
#[derive(Debug, Clone, Copy)]
pub struct EventType {
    pub name: &'static str,
    pub emitted: &'static str,
}

const fn event(name: &'static str, emitted: &'static str) -> EventType {
    EventType { name, emitted }
}

/// Every type that the engine emits.
pub const CATALOGUE: &[EventType] = &[
    event("work_item.created", "an item was accepted"),
    event("work_item.routed", "an item was placed in a workflow again: re-evaluated or rerouted"),
    event("work_item.queued", "an item began to wait in a queue, or waits again after an offer was declined"),
    event("work_item.reserved", "the first live offer of an item was made"),
    event("work_item.assigned", "an offer of the item was accepted"),
    event("work_item.wrapping", "after-call work of the item began"),
    event("work_item.completed", "the item ended as completed"),
    event("work_item.canceled", "the item ended unassigned"),
    event("work_item.updated", "attributes or priority changed"),
    event("work_item.transferred", "a transfer began, completed or was undone"),
    event("reservation.offered", "an item was offered to a worker"),
    event("reservation.accepted", "the worker accepted"),
    event("reservation.rejected", "the worker rejected"),
    event("reservation.timed_out", "the worker did not answer in time"),
    event("reservation.rescinded", "another worker was faster"),
    event("reservation.canceled", "the item ended or was taken back while offered"),
    event("reservation.callback_answered", "the assignment callback of an offer was answered"),
    event("reservation.callback_failed", "neither URL of an assignment callback gave an answer that can be used"),
    event("reservation.wrapping", "after-call work began"),
    event("reservation.completed", "the worker is done with the item"),
    event("worker.created", "a worker was created"),
    event("worker.updated", "a worker was changed"),
    event("worker.deleted", "a worker was deleted"),
    event("worker.activity_changed", "a worker is in another activity"),
    event("worker.reachable", "a required connection is back"),
    event("worker.unreachable", "a required connection was lost for longer than the grace period"),
    event("workflow.created", "a workflow was created"),
    event("workflow.updated", "a workflow's name or callbacks changed"),
    event("workflow.deleted", "a workflow was deleted"),
    event("workflow.published", "a new version of a workflow's document is in force"),
    event("workflow.rule_matched", "a rule was chosen for an item"),
    event("workflow.step_entered", "an item entered a step"),
    event("workflow.step_timed_out", "a route step's time ran out"),
    event("workflow.request_answered", "a `request` step was answered and the answer merged into the attributes"),
    event("workflow.request_failed", "a `request` step got no answer that can be used; the item goes on"),
    event("workflow.exhausted", "the last step timed out"),
    event("activity.created", "an activity was created"),
    event("activity.updated", "an activity was changed"),
    event("activity.deleted", "an activity was deleted"),
    event("channel.created", "a channel was created"),
    event("channel.updated", "a channel was changed"),
    event("channel.deleted", "a channel was deleted"),
    event("queue.created", "a queue was created"),
    event("queue.updated", "a queue was changed"),
    event("queue.deleted", "a queue was deleted"),
    event("schedule.created", "a schedule was created"),
    event("schedule.updated", "a schedule was changed"),
    event("schedule.deleted", "a schedule was deleted"),
    event("account.updated", "the account's name or settings changed"),
    event("account.signing_secret_rotated", "another signing secret is in force"),
    event("event_channel.created", "an event channel was created"),
    event("event_channel.updated", "an event channel was changed; its new rules hold for the events after this one"),
    event("event_channel.deleted", "an event channel was deleted"),
    event("subscription.created", "a subscription was created"),
    event("subscription.updated", "a subscription was changed, paused, activated or told to begin elsewhere"),
    event("subscription.deleted", "a subscription was deleted"),
    event("subscription.secret_rotated", "a webhook has a new signing secret"),
    event("subscription.failing", "events do not reach the receiver any more; told once"),
    event("subscription.recovered", "events reach the receiver again"),
    event("subscription.disabled", "the receiver failed for too long and is sent nothing any more"),
    event("api_key.created", "an API key was created"),
    event("api_key.deleted", "an API key was revoked"),
];

/// The types that a pattern names: a type, `work_item.*` for all of one resource, or `*` for all.
pub fn matching_types(pattern: &str) -> impl Iterator<Item = &'static str> + '_ {
    let fits = move |name: &str| match pattern.strip_suffix('*') {
        Some("") => true,
        Some(prefix) => prefix.ends_with('.') && name.starts_with(prefix),
        None => name == pattern,
    };
    CATALOGUE.iter().map(|kind| kind.name).filter(move |name| fits(name))
}

#[cfg(test)]
mod tests {
    use super::CATALOGUE;

    #[test]
    fn names_are_unique() {
        let mut names: Vec<_> = CATALOGUE.iter().map(|kind| kind.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), CATALOGUE.len());
    }
}
