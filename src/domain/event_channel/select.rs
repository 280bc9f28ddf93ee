//! Field selection: what is sent of each event when a channel names paths.

use serde_json::{Map, Value};

/// Sent in any case: what CloudEvents demands of every event, and the position.
const ALWAYS: [&str; 5] = ["specversion", "id", "source", "type", "sequence"];

/// The parts of an event that the paths lead to, each at its place. A path that leads nowhere adds nothing.
pub fn selected(event: &Value, fields: &[String]) -> Value {
    let mut chosen = Value::Object(Map::new());
    for path in ALWAYS.into_iter().chain(fields.iter().map(String::as_str)) {
        let steps: Vec<&str> = path.split('.').collect();
        if let Some(value) = steps.iter().try_fold(event, |value, step| value.as_object()?.get(*step)) {
            place(&mut chosen, &steps, value);
        }
    }
    chosen
}

fn place(into: &mut Value, steps: &[&str], value: &Value) {
    let Some((step, rest)) = steps.split_first() else {
        *into = value.clone();
        return;
    };
    // What stands here was chosen whole before: its parts are in it.
    let Value::Object(fields) = into else { return };
    let entry = fields.entry(*step).or_insert_with(|| Value::Object(Map::new()));
    place(entry, rest, value);
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn paths_choose_parts_and_keep_their_places() {
        let event = json!({
            "specversion": "1.0", "id": "e", "source": "s", "type": "t", "sequence": 4, "subject": "x",
            "data": {"resource": {"id": "itm", "state": "pending", "attributes": {"a": 1, "b": [1, 2]}}, "actor": {}},
        });
        let fields = ["data.resource.state", "data.resource.attributes.b", "data.none", "data.resource.state.deeper"];
        let expected = json!({
            "specversion": "1.0", "id": "e", "source": "s", "type": "t", "sequence": 4,
            "data": {"resource": {"state": "pending", "attributes": {"b": [1, 2]}}},
        });
        assert_eq!(selected(&event, &fields.map(str::to_owned)), expected);
        // A whole and a part of it, in either order.
        for fields in [["data", "data.actor"], ["data.actor", "data"]] {
            assert_eq!(selected(&event, &fields.map(str::to_owned))["data"], event["data"]);
        }
    }
}
