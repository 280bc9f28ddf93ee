//! Comparisons with objects, which no expression can make: an object of the item makes a worker predicate fail, and an
//! object of a worker is equal to nothing. What the document itself gives away is told when it is checked; the rest is
//! told by the explanation of the item.

use super::check::Check;
use super::code;
use super::directory::JsonType;
use super::read::{Site, join};
use crate::rule::{has_outer_root, is_worker_path, variables};
use serde_json::Value;
use std::collections::BTreeMap;

/// Paths of the item that hold objects for all that the document says, with the path that says so.
pub(super) type Objects = BTreeMap<String, String>;

/// `item.customer` is an object where `item.customer.tier` is read, and `item.people` holds objects where
/// `{"all": [{"var": "item.people"}, …]}` reads a field of the element.
pub(super) fn objects_of_item(sites: &[Site]) -> Objects {
    let mut objects = Objects::new();
    for site in sites {
        for variable in variables(&site.value, "").iter().filter(|variable| !variable.of_element) {
            let names: Vec<&str> = variable.path.split('.').collect();
            let fields = (1..names.len()).filter(|place| names[0] == "item" && !is_place(names[*place]));
            for mut end in fields {
                objects.entry(names[..end].join(".")).or_insert_with(|| variable.path.clone());
                // A place in a list: the list holds objects too.
                while end > 1 && is_place(names[end - 1]) {
                    end -= 1;
                    objects.entry(names[..end].join(".")).or_insert_with(|| variable.path.clone());
                }
            }
        }
        elements(&site.value, &mut objects);
    }
    objects.insert("item".to_owned(), "item".to_owned());
    objects
}

fn elements(value: &Value, objects: &mut Objects) {
    match value {
        Value::Array(values) => values.iter().for_each(|value| elements(value, objects)),
        Value::Object(fields) => {
            for (name, of) in fields {
                if let ("all" | "some" | "none" | "filter" | "map", Some([list, body])) = (name.as_str(), parts(of))
                    && let Some(path) = path_of(list).filter(|path| path.starts_with("item."))
                    && let Some(field) = field_of_element(body)
                {
                    objects.entry(path.to_owned()).or_insert_with(|| format!("{field} of its elements"));
                }
                elements(of, objects);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// A field of the element that a body reads.
fn field_of_element(body: &Value) -> Option<String> {
    match body {
        Value::Array(values) => values.iter().find_map(field_of_element),
        Value::Object(fields) => fields.iter().find_map(|(name, of)| match (name.as_str(), parts(of)) {
            ("var", _) => path_of(body).filter(|path| !path.is_empty() && !has_outer_root(path)).map(str::to_owned),
            // What stands in a body within this one belongs to another element.
            ("all" | "some" | "none" | "filter" | "map" | "reduce", Some([list, ..])) => field_of_element(list),
            _ => field_of_element(of),
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

/// Whether a name is a place in a list.
fn is_place(name: &str) -> bool {
    name.parse::<usize>().is_ok()
}

fn parts(of: &Value) -> Option<&[Value]> {
    of.as_array().map(Vec::as_slice)
}

/// The path of a `var` without a default.
fn path_of(value: &Value) -> Option<&str> {
    let of = value.as_object().filter(|fields| fields.len() == 1)?.get("var")?;
    of.as_str().or_else(|| of.as_array().filter(|parts| parts.len() == 1)?.first()?.as_str())
}

impl Check<'_> {
    /// Looks for comparisons of what holds objects with what reads a worker.
    pub(super) fn objects(&mut self, value: &Value, pointer: &str, objects: &Objects) {
        match value {
            Value::Array(values) => {
                for (place, value) in values.iter().enumerate() {
                    self.objects(value, &format!("{pointer}/{place}"), objects);
                }
            }
            Value::Object(fields) => {
                for (name, of) in fields {
                    let compares =
                        matches!(name.as_str(), "==" | "===" | "!=" | "!==" | "<" | "<=" | ">" | ">=" | "in");
                    if let (true, Some([left, right])) = (compares, parts(of)) {
                        self.of_item(left, right, pointer, objects);
                        self.of_item(right, left, pointer, objects);
                        self.of_worker(name, left, right, pointer);
                    }
                    self.objects(of, &join(pointer, name), objects);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    fn of_item(&mut self, side: &Value, other: &Value, pointer: &str, objects: &Objects) {
        let reads_worker = variables(other, "").iter().any(|variable| is_worker_path(&variable.path));
        let Some((path, why)) = path_of(side).filter(|_| reads_worker).and_then(|path| objects.get_key_value(path))
        else {
            return;
        };
        if path == "item" {
            let message = "`item` is an object, which cannot be compared with a worker, so nobody matches; compare one \
                           of its fields";
            self.notes.add(code::OBJECT_COMPARED, pointer, message);
            return;
        }
        let message = format!(
            "`{path}` is compared with a worker, but it holds objects where `{why}` is read; for such items nobody \
             matches; compare one of its fields"
        );
        self.notes.add(code::OBJECT_LIKELY, pointer, message);
    }

    /// Tells of a worker's attribute that is an object, or a list of objects, for everybody who has it.
    fn of_worker(&mut self, operator: &str, left: &Value, right: &Value, pointer: &str) {
        for (side, other, searched) in [(left, right, false), (right, left, operator == "in")] {
            // Comparisons with literals are looked at with the other types.
            let Some(path) = path_of(side).filter(|path| path.starts_with("worker.")) else { continue };
            if !other.is_object() || variables(other, "").is_empty() {
                continue;
            }
            let Some(holders) = self.holders(path).filter(|holders| holders.count > 0) else { continue };
            let objects = |types: &[JsonType]| !types.is_empty() && types.iter().all(|held| *held == JsonType::Object);
            let lists = holders.types == [JsonType::List] && searched;
            if objects(&holders.types) && !searched || lists && objects(&holders.elements) {
                let what = if lists { "lists of objects" } else { "an object" };
                let message = format!(
                    "those who have `{path}` hold {what}, and an object is equal to nothing; compare one of its fields"
                );
                self.notes.add(code::ATTRIBUTE_TYPE, pointer, message);
            }
        }
    }
}
