//! The account as the document check sees it.

use super::{Engine, Kind};
use crate::rule::Finding;
use crate::work::document::{Directory, Document, Holders, JsonType};
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

    fn worker_count(&self) -> usize {
        self.floor.len()
    }

    fn holders(&self, path: &str) -> Holders {
        let steps = || path.split('.').skip(1);
        let at = |attributes: &Value| {
            steps().try_fold(attributes, |value, step| value.get(step)).map(JsonType::of)
        };
        let (mut count, mut types) = (0, BTreeSet::new());
        for found in self.floor.iter().filter_map(|(_, seat)| at(&seat.worker.attributes)) {
            count += 1;
            types.insert(found);
        }
        Holders { count, types: types.into_iter().collect() }
    }

    fn attribute_names(&self) -> Vec<String> {
        let objects = self.floor.iter().filter_map(|(_, seat)| seat.worker.attributes.as_object());
        let names: BTreeSet<_> = objects.flat_map(|fields| fields.keys().cloned()).collect();
        names.into_iter().collect()
    }
}
