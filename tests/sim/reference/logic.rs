//! JSONLogic as a second implementation reads it. Everything that a rule may see is put together here from plain JSON;
//! nothing is compiled, indexed or kept between two questions.

use serde_json::{Value, json};

/// What one expression may read: the item's and the worker's attributes and the platform's facts.
#[derive(Debug, Clone)]
pub struct Facts {
    pub item: Value,
    pub worker: Value,
    pub sys: Value,
}

impl Facts {
    pub fn of_worker(attributes: &Value, id: &str, name: &str, activity: &str) -> Self {
        Self {
            item: json!({}),
            worker: attributes.clone(),
            sys: json!({"worker": {"id": id, "name": name, "activity": activity}}),
        }
    }

    fn data(&self) -> Value {
        json!({"item": self.item, "worker": self.worker, "sys": self.sys})
    }
}

/// The value of an expression; what cannot be evaluated is nothing.
pub fn value(expression: &Value, facts: &Facts) -> Value {
    jsonlogic::apply(expression, &facts.data()).unwrap_or(Value::Null)
}

/// Whether an expression holds; what cannot be evaluated does not.
pub fn holds(expression: &Value, facts: &Facts) -> bool {
    match value(expression, facts) {
        Value::Null => false,
        Value::Bool(flag) => flag,
        Value::Number(number) => number.as_f64().is_some_and(|number| number != 0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(list) => !list.is_empty(),
        Value::Object(_) => true,
    }
}
