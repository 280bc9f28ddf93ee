//! A directory made of declared configuration, for checking a document without a server.

use super::directory::{Directory, Holders};
use crate::rule::Expression;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// An account as far as somebody declared it.
#[derive(Debug, Default)]
pub struct OfflineDirectory {
    /// Worker predicates by the queue's name.
    queues: BTreeMap<String, Value>,
    schedules: Vec<String>,
    channels: Vec<String>,
    activities: Vec<String>,
    /// By name, with the facts that a predicate reads.
    workers: BTreeMap<String, Value>,
}

impl OfflineDirectory {
    /// `workers` is the queue's predicate.
    pub fn add_queue(&mut self, name: &str, workers: Value) {
        self.queues.insert(name.to_owned(), workers);
    }

    pub fn add_schedule(&mut self, name: &str) {
        self.schedules.push(name.to_owned());
    }

    pub fn add_channel(&mut self, name: &str) {
        self.channels.push(name.to_owned());
    }

    pub fn add_activity(&mut self, name: &str) {
        self.activities.push(name.to_owned());
    }

    pub fn add_worker(&mut self, name: &str, activity: &str, attributes: &Value) {
        let sys = json!({"worker": {"id": name, "name": name, "activity": activity}});
        self.workers.insert(name.to_owned(), json!({"worker": attributes, "sys": sys}));
    }

    pub fn worker_names(&self) -> Vec<String> {
        self.workers.keys().cloned().collect()
    }

    fn attributes(&self) -> impl Iterator<Item = &Value> {
        self.workers.values().filter_map(|facts| facts.get("worker"))
    }
}

impl Directory for OfflineDirectory {
    fn has_queue(&self, reference: &str) -> bool {
        self.queues.contains_key(reference)
    }

    fn queue_names(&self) -> Vec<String> {
        self.queues.keys().cloned().collect()
    }

    fn has_schedule(&self, name: &str) -> bool {
        self.schedules.iter().any(|known| known == name)
    }

    fn schedule_names(&self) -> Vec<String> {
        self.schedules.clone()
    }

    fn has_worker(&self, reference: &str) -> bool {
        self.workers.contains_key(reference)
    }

    fn channel_names(&self) -> Vec<String> {
        self.channels.clone()
    }

    fn activity_names(&self) -> Vec<String> {
        self.activities.clone()
    }

    fn worker_count(&self) -> usize {
        self.workers.len()
    }

    fn holders(&self, path: &str) -> Holders {
        Holders::among(self.attributes(), path)
    }

    fn attribute_names(&self) -> Vec<String> {
        let names: BTreeSet<_> =
            self.attributes().filter_map(Value::as_object).flat_map(|fields| fields.keys()).collect();
        names.into_iter().cloned().collect()
    }

    fn satisfied(&self, queue: &str, predicate: &Value, _most: usize) -> Option<bool> {
        let members = Expression::compile(self.queues.get(queue)?).ok()?;
        let predicate = Expression::compile(predicate).ok()?;
        let holds = |expression: &Expression, facts: &Value| expression.truthy(facts).unwrap_or(false);
        Some(self.workers.values().any(|facts| holds(&members, facts) && holds(&predicate, facts)))
    }
}
