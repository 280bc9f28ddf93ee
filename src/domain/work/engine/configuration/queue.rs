//! Queues: who belongs, and in which order their items wait.

use crate::id::{ItemId, QueueId};
use crate::limit::{PRIORITY_PER_MINUTE_MAX, QUEUES_MAX};
use crate::rule::Place;
use crate::work::engine::directory::{check_limit, check_range, check_revision, conflict, invalid};
use crate::work::engine::{Answer, Engine, Kind, QueueChange, QueueEntry, Turn};
use crate::work::matching::predicate::PredicateId;
use crate::work::*;
use serde_json::Value;
use std::collections::BTreeMap;

impl Engine {
    pub(in crate::work::engine) fn create_queue(
        &mut self,
        turn: &mut Turn<'_>,
        name: String,
        workers: Value,
        order: QueueOrder,
        priority_per_minute_milli: u32,
    ) -> Result<Answer, Rejection> {
        self.check_name(Kind::Queue, &name, None)?;
        check_ageing(priority_per_minute_milli)?;
        check_limit("queues", self.config.queues.len(), QUEUES_MAX)?;
        self.check_rule(&workers, "/workers", Place::QueueMembers)?;
        let id = QueueId(self.fresh_id(turn.now));
        let queue = Queue { id, name, workers, order, priority_per_minute_milli, stamp: Stamp::new(turn.now) };
        self.keep_queue(queue.clone())?;
        let record = Record::Queue(queue);
        turn.put(record.clone());
        self.emit_config(turn, "queue.created", &record);
        Ok(Answer::Record(Box::new(record)))
    }

    pub(in crate::work) fn keep_queue(&mut self, queue: Queue) -> Result<(), Rejection> {
        let members = self.members_predicate(&queue.workers)?;
        self.config.set_name(Kind::Queue, None, &queue.name, queue.id.0);
        let entry = QueueEntry {
            members,
            pending: BTreeMap::new(),
            pending_count: 0,
            reserved_count: 0,
            assigned_count: 0,
            queue,
        };
        self.config.queues.insert(entry.queue.id, entry);
        Ok(())
    }

    fn members_predicate(&mut self, workers: &Value) -> Result<PredicateId, Rejection> {
        let refused = |error: crate::rule::RuleError| invalid("/workers", "bad_rule", error.to_string());
        self.floor.predicates.acquire(workers).map_err(refused)
    }

    /// Who belongs to a queue; for items that are transferred to one worker, which have none, everybody.
    pub(in crate::work) fn members_of(&self, queue: QueueId) -> PredicateId {
        self.config.queues.get(&queue).map_or(self.everybody, |entry| entry.members)
    }

    pub(in crate::work::engine) fn update_queue(
        &mut self,
        turn: &mut Turn<'_>,
        id: QueueId,
        change: QueueChange,
        expected: Expected,
    ) -> Result<Answer, Rejection> {
        let entry = self.config.queues.get(&id).ok_or(Rejection::NotFound { resource: "queue" })?;
        check_revision(&entry.queue.stamp, expected)?;
        let mut queue = entry.queue.clone();
        let old_members = entry.members;
        if let Some(name) = change.name.filter(|name| *name != queue.name) {
            self.check_name(Kind::Queue, &name, Some(&queue.name))?;
            self.check_unnamed("queue", &queue.name, id)?;
            queue.name = name;
        }
        if let Some(slope) = change.priority_per_minute_milli {
            check_ageing(slope)?;
            queue.priority_per_minute_milli = slope;
        }
        queue.order = change.order.unwrap_or(queue.order);
        let mut members = old_members;
        if let Some(workers) = change.workers {
            self.check_rule(&workers, "/workers", Place::QueueMembers)?;
            members = self.members_predicate(&workers)?;
            self.floor.predicates.release(old_members);
            queue.workers = workers;
        }
        queue.stamp.touch(turn.now);

        let waiting = self.listed_in(id);
        for item in &waiting {
            self.unlist(*item);
        }
        if let Some(entry) = self.config.queues.get_mut(&id) {
            let old = std::mem::replace(&mut entry.queue, queue.clone());
            entry.members = members;
            self.config.set_name(Kind::Queue, Some(&old.name), &queue.name, id.0);
        }
        for item in waiting {
            self.relist(turn, item);
        }
        let record = Record::Queue(queue);
        turn.put(record.clone());
        self.emit_config(turn, "queue.updated", &record);
        let now_members = self.floor.predicates.selected(members).cloned().unwrap_or_default();
        turn.freed.extend(now_members.iter());
        Ok(Answer::Record(Box::new(record)))
    }

    /// Items in the waiting room for a queue, in the order of their ids. Asked only when the queue itself changes.
    fn listed_in(&self, id: QueueId) -> Vec<ItemId> {
        let waits = |wait: &Wait| wait.listed && wait.class.queue == id;
        let listed = self.items.values().filter(|entry| entry.wait.as_deref().is_some_and(waits));
        let mut items: Vec<_> = listed.map(|entry| entry.item.id).collect();
        items.sort_unstable();
        items
    }

    pub(in crate::work::engine) fn delete_queue(
        &mut self,
        turn: &mut Turn<'_>,
        id: QueueId,
        expected: Expected,
    ) -> Result<Answer, Rejection> {
        let entry = self.config.queues.get(&id).ok_or(Rejection::NotFound { resource: "queue" })?;
        check_revision(&entry.queue.stamp, expected)?;
        let busy = entry.pending_count + entry.reserved_count + entry.assigned_count;
        if busy > 0 {
            return Err(conflict("queue_in_use", format!("{busy} open work items came by this queue; end them first")));
        }
        let (queue, members) = (entry.queue.clone(), entry.members);
        self.check_unnamed("queue", &queue.name, id)?;
        self.config.queues.remove(&id);
        self.config.drop_name(Kind::Queue, &queue.name);
        self.floor.predicates.release(members);
        self.emit_config(turn, "queue.deleted", &Record::Queue(queue));
        turn.delete(Gone::Queue(id));
        Ok(Answer::Deleted)
    }

    /// Documents name queues; taking away a name that one uses would leave its items nowhere to wait.
    fn check_unnamed(&self, noun: &str, name: &str, id: QueueId) -> Result<(), Rejection> {
        let id = id.to_string();
        let uses = |version: &super::super::Version| version.queues.iter().any(|used| **used == *name || **used == *id);
        let user = self.config.versions.values().find(|version| uses(version));
        match user.and_then(|version| self.config.workflows.get(&version.record.workflow)) {
            Some(workflow) => {
                let message = format!("workflow `{}` routes to this {noun}; change its document first", workflow.name);
                Err(conflict("queue_in_use", message))
            }
            None => Ok(()),
        }
    }
}

fn check_ageing(milli: u32) -> Result<(), Rejection> {
    check_range("/priority_per_minute", f64::from(milli) / 1_000.0, 0.0, PRIORITY_PER_MINUTE_MAX).map(|_| ())
}
