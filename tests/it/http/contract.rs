//! The OpenAPI document as a judge: whether an answer of the server is one that the document promises.

use super::office::Answer;
use axum::http::Method;
use cordboard_domain::time::Timestamp;
use serde_json::{Map, Value};
use std::sync::OnceLock;

pub fn document() -> &'static Value {
    static DOCUMENT: OnceLock<Value> = OnceLock::new();
    DOCUMENT.get_or_init(|| serde_json::to_value(cordboard::edge::http::openapi()).expect("it serialises"))
}

/// Path, method and description of every operation.
pub fn operations() -> impl Iterator<Item = (&'static str, &'static str, &'static Value)> {
    let paths = document()["paths"].as_object().expect("paths");
    paths.iter().flat_map(|(path, methods)| {
        let methods = methods.as_object().expect("methods");
        methods.iter().map(|(method, operation)| (path.as_str(), method.as_str(), operation))
    })
}

/// What a `$ref` leads to, or the value itself.
pub fn resolved(value: &'static Value) -> &'static Value {
    match value["$ref"].as_str() {
        Some(place) => document().pointer(place.trim_start_matches('#')).unwrap_or_else(|| panic!("{place} is there")),
        None => value,
    }
}

fn operation(method: &Method, path: &str) -> Option<&'static Value> {
    let fits = |template: &str| {
        let (template, path) = (template.split('/'), path.split('/'));
        template.clone().count() == path.clone().count()
            && template.zip(path).all(|(one, other)| one.starts_with('{') || one == other)
    };
    let wanted = method.as_str().to_ascii_lowercase();
    let mut found: Vec<_> = operations().filter(|(template, method, _)| *method == wanted && fits(template)).collect();
    // `/v1/workflows/check` is no workflow.
    found.sort_by_key(|(template, ..)| template.matches('{').count());
    found.first().map(|(.., operation)| *operation)
}

/// Panics unless the document promises this answer: its status, headers, and each field of its body.
pub fn judge(method: &Method, path: &str, answer: &Answer) {
    let Some(operation) = operation(method, path) else { return };
    if answer.body["code"] == "no_such_route" {
        return;
    }
    let shown = format!("{method} {path}: {answer:?}");
    let response = &operation["responses"][answer.status.as_str()];
    assert!(!response.is_null(), "the document has no such status: {shown}");
    let response = resolved(response);
    let headers = response["headers"].as_object().expect("every answer has headers");
    for name in ["etag", "location", "retry-after", "www-authenticate", "idempotent-replayed", "x-request-id"] {
        let told = headers.keys().any(|header| header.eq_ignore_ascii_case(name));
        let given = answer.headers.contains_key(name);
        assert!(told || !given, "`{name}` is not in the document: {shown}");
        assert!(given || !told || name == "idempotent-replayed", "`{name}` is missing: {shown}");
    }
    match response["content"].as_object() {
        None => assert!(answer.body.is_null(), "a body is not expected: {shown}"),
        Some(content) => {
            let media_type = answer.headers["content-type"].to_str().expect("text");
            let content = content.get(media_type).unwrap_or_else(|| panic!("{media_type} is not expected: {shown}"));
            let mut faults = Vec::new();
            compare(&content["schema"], &answer.body, "", &mut faults);
            assert!(faults.is_empty(), "{faults:?}: {shown}");
        }
    }
}

/// Adds what of a value does not fit a schema.
pub fn compare(schema: &'static Value, value: &Value, pointer: &str, faults: &mut Vec<String>) {
    let schema = resolved(schema);
    if let Some(choices) = schema["oneOf"].as_array().or(schema["anyOf"].as_array()) {
        let fits = |choice| {
            let mut faults = Vec::new();
            compare(choice, value, pointer, &mut faults);
            faults.is_empty()
        };
        if !choices.iter().any(fits) {
            faults.push(format!("{pointer}: {value} fits none of {choices:?}"));
        }
        return;
    }
    if !has_type(&schema["type"], value) {
        faults.push(format!("{pointer}: {value} is not {}", schema["type"]));
        return;
    }
    if schema["enum"].as_array().is_some_and(|words| !words.contains(value)) {
        faults.push(format!("{pointer}: {value} is none of {}", schema["enum"]));
    }
    if schema["format"] == "date-time" && value.as_str().is_some_and(|text| Timestamp::parse(text).is_err()) {
        faults.push(format!("{pointer}: {value} is no time"));
    }
    let (least, most) = (schema["minimum"].as_f64(), schema["maximum"].as_f64());
    if value.as_f64().is_some_and(|it| least.is_some_and(|least| it < least) || most.is_some_and(|most| it > most)) {
        faults.push(format!("{pointer}: {value} is out of range"));
    }
    match value {
        Value::Object(fields) => compare_fields(schema, fields, pointer, faults),
        Value::Array(values) if schema.get("items").is_some() => {
            for (place, value) in values.iter().enumerate() {
                compare(&schema["items"], value, &format!("{pointer}/{place}"), faults);
            }
        }
        _ => {}
    }
}

fn compare_fields(schema: &'static Value, fields: &Map<String, Value>, pointer: &str, faults: &mut Vec<String>) {
    for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        if !fields.contains_key(name) {
            faults.push(format!("{pointer}/{name} is missing"));
        }
    }
    let (properties, others) = (schema["properties"].as_object(), &schema["additionalProperties"]);
    for (name, value) in fields {
        let pointer = format!("{pointer}/{name}");
        match properties.and_then(|properties| properties.get(name)) {
            Some(schema) => compare(schema, value, &pointer, faults),
            None if others.is_object() => compare(others, value, &pointer, faults),
            // Without named fields anything goes.
            None if properties.is_none() && *others != false => {}
            None => faults.push(format!("{pointer} is not in the schema")),
        }
    }
}

fn has_type(wanted: &Value, value: &Value) -> bool {
    let is = |name: &Value| match name.as_str() {
        Some("null") => value.is_null(),
        Some("boolean") => value.is_boolean(),
        Some("integer") => value.is_i64() || value.is_u64(),
        Some("number") => value.is_number(),
        Some("string") => value.is_string(),
        Some("array") => value.is_array(),
        Some("object") => value.is_object(),
        other => panic!("an unknown type {other:?}"),
    };
    match wanted {
        Value::Null => true,
        Value::Array(names) => names.iter().any(is),
        name => is(name),
    }
}

#[test]
fn a_judge_sees_what_does_not_fit() {
    let schema = &document()["components"]["schemas"]["Reservation"];
    let sound = &schema_example("Reservation");
    let faults_with = |name: &str, value: Option<Value>| {
        let mut changed = sound.clone();
        let fields = changed.as_object_mut().expect("an object");
        match value {
            Some(value) => drop(fields.insert(name.to_owned(), value)),
            None => drop(fields.remove(name)),
        }
        let mut faults = Vec::new();
        compare(schema, &changed, "", &mut faults);
        faults.len()
    };
    assert_eq!(faults_with("state", Some("accepted".into())), 0);
    assert_eq!(faults_with("state", Some("lost".into())), 1);
    assert_eq!(faults_with("worker", None), 1);
    assert_eq!(faults_with("more", Some(1.into())), 1);
    assert_eq!(faults_with("reason", Some(1.into())), 1);
    assert_eq!(faults_with("expires_at", Some("tomorrow".into())), 1);
}

/// The example of a schema, wherever the document shows it.
fn schema_example(name: &str) -> Value {
    let place = format!("#/components/schemas/{name}");
    let contents = operations().flat_map(|(.., operation)| {
        operation["responses"].as_object().expect("answers").values().map(|it| &it["content"]["application/json"])
    });
    let mut shown = contents.filter(|content| content["schema"]["$ref"] == place.as_str());
    shown.next().unwrap_or_else(|| panic!("{name} is answered"))["example"].clone()
}
