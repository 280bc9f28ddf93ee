//! What the check of a document asks about the account that it is for.

use serde_json::Value;
use std::collections::BTreeSet;

/// The account as a document's check sees it: the engine's own, or one declared in a file.
pub trait Directory {
    fn has_queue(&self, reference: &str) -> bool;
    fn queue_names(&self) -> Vec<String>;
    fn has_schedule(&self, name: &str) -> bool;
    fn schedule_names(&self) -> Vec<String>;
    fn has_worker(&self, reference: &str) -> bool;
    fn channel_names(&self) -> Vec<String>;
    fn activity_names(&self) -> Vec<String>;
    fn worker_count(&self) -> usize;
    /// What the workers hold at a path such as `worker.site.city`.
    fn holders(&self, path: &str) -> Holders;
    /// Names of the attributes that any worker has.
    fn attribute_names(&self) -> Vec<String>;
    /// Whether any member of a queue satisfies a predicate that reads no item, whatever they do at the moment; `None`
    /// when that cannot be told by asking `most` of them.
    fn satisfied(&self, queue: &str, predicate: &Value, most: usize) -> Option<bool>;
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum JsonType {
    Null,
    Boolean,
    Number,
    Text,
    List,
    Object,
}

impl JsonType {
    pub fn of(value: &Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(_) => Self::Boolean,
            Value::Number(_) => Self::Number,
            Value::String(_) => Self::Text,
            Value::Array(_) => Self::List,
            Value::Object(_) => Self::Object,
        }
    }

    /// In the words of a message.
    pub fn name(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Boolean => "a boolean",
            Self::Number => "a number",
            Self::Text => "a text",
            Self::List => "a list",
            Self::Object => "an object",
        }
    }
}

/// The workers that have an attribute.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Holders {
    pub count: usize,
    pub types: Vec<JsonType>,
    /// Types of the elements, where it is a list.
    pub elements: Vec<JsonType>,
}

impl Holders {
    /// Looks into the attributes of workers for a path that begins with `worker.`.
    pub fn among<'a>(workers: impl Iterator<Item = &'a Value>, path: &str) -> Self {
        let (mut count, mut types, mut elements) = (0, BTreeSet::new(), BTreeSet::new());
        for attributes in workers {
            let found = path.split('.').skip(1).try_fold(attributes, |value, step| match value {
                Value::Array(values) => step.parse().ok().and_then(|place: usize| values.get(place)),
                other => other.get(step),
            });
            let Some(found) = found else { continue };
            count += 1;
            types.insert(JsonType::of(found));
            elements.extend(found.as_array().into_iter().flatten().map(JsonType::of));
        }
        Self { count, types: types.into_iter().collect(), elements: elements.into_iter().collect() }
    }
}
