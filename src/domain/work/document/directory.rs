//! What a check must know of the account.

/// The type of a JSON value; lists and objects count as types of their own.
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
    pub fn of(value: &serde_json::Value) -> Self {
        use serde_json::Value::*;
        match value {
            Null => Self::Null,
            Bool(_) => Self::Boolean,
            Number(_) => Self::Number,
            String(_) => Self::Text,
            Array(_) => Self::List,
            Object(_) => Self::Object,
        }
    }

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

/// How many workers hold a value at a path, and of which types.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Holders {
    pub count: usize,
    /// Distinct, in their order.
    pub types: Vec<JsonType>,
}

/// The account as the check sees it.
pub trait Directory {
    /// Whether a queue has this name or id.
    fn has_queue(&self, reference: &str) -> bool;
    fn queue_names(&self) -> Vec<String>;
    fn has_schedule(&self, name: &str) -> bool;
    fn worker_count(&self) -> usize;
    /// Who holds a value at a path such as `worker.languages`.
    fn holders(&self, path: &str) -> Holders;
    /// Names of the attributes that workers have.
    fn attribute_names(&self) -> Vec<String>;
}
