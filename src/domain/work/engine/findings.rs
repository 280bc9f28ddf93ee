//! The account as the document check sees it.

use super::{Engine, Kind};
use crate::rule::Finding;
use crate::work::document::{Directory, Document, Holders};
use crate::work::*;
use serde_json::Value;
use std::collections::BTreeSet;

impl Engine {
    /// Everything that is wrong or doubtful about a workflow document in this account, errors first.
    pub fn findings(&self, document: &Value) -> Vec<Finding> {
        Document::check(document, self)
    }
}

impl Directory for Engine {
    fn has_queue(&self, reference: &str) -> bool {
        self.config.find(Kind::Queue, &Reference(reference.to_owned())).is_some()
    }

    fn queue_names(&self) -> Vec<String> {
        self.config.queues.values().map(|entry| entry.queue.name.clone()).collect()
    }

    fn has_schedule(&self, name: &str) -> bool {
        self.config.named(Kind::Schedule, name).is_some()
    }

    fn schedule_names(&self) -> Vec<String> {
        self.config.schedules.values().map(|entry| entry.record.name.clone()).collect()
    }

    fn has_worker(&self, reference: &str) -> bool {
        self.resolve_worker(&Reference(reference.to_owned()), "").is_ok()
    }

    fn channel_names(&self) -> Vec<String> {
        let kept = self.config.channels.iter().filter(|entry| !entry.deleted);
        kept.map(|entry| entry.name.to_string()).collect()
    }

    fn activity_names(&self) -> Vec<String> {
        self.config.activities.values().map(|activity| activity.name.clone()).collect()
    }

    fn worker_count(&self) -> usize {
        self.floor.len()
    }

    fn holders(&self, path: &str) -> Holders {
        Holders::among(self.floor.iter().map(|(_, seat)| &seat.worker.attributes), path)
    }

    fn attribute_names(&self) -> Vec<String> {
        let objects = self.floor.iter().filter_map(|(_, seat)| seat.worker.attributes.as_object());
        let names: BTreeSet<_> = objects.flat_map(|fields| fields.keys().cloned()).collect();
        names.into_iter().collect()
    }

    fn satisfied(&self, queue: &str, predicate: &Value, most: usize) -> Option<bool> {
        let queue = self.config.find(Kind::Queue, &Reference(queue.to_owned()))?;
        let members = self.floor.predicates.selected(self.members_of(crate::id::QueueId(queue)))?;
        let predicate = crate::rule::Expression::compile(predicate).ok()?;
        if predicate.source() == &Value::Bool(true) {
            return Some(!members.is_empty());
        }
        let holds = |slot| self.floor.seat(slot).is_some_and(|seat| predicate.truthy(&seat.facts()).unwrap_or(false));
        let found = members.iter().take(most).any(holds);
        (found || members.len() <= most as u64).then_some(found)
    }
}
