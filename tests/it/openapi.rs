//! The OpenAPI document: the committed one is what the program makes, and each operation in it says all that follows
//! from its parameters and its body.

use super::http::contract::{compare, document, operations, resolved};
use serde_json::Value;
use std::collections::BTreeSet;

const COMMITTED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi/openapi.json");
/// Their answers hold a secret, they change nothing, or they send something once more.
const POSTS_WITHOUT_KEY: [&str; 7] = [
    "create_account",
    "create_api_key",
    "create_worker_token",
    "check_document",
    "check_workflow",
    "retry_deliveries",
    "ping_subscription",
];

#[test]
fn the_committed_document_is_up_to_date() {
    let made = cordboard::edge::http::openapi().to_pretty_json().expect("it serialises") + "\n";
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(COMMITTED, &made).expect("it is written");
    }
    let committed = std::fs::read_to_string(COMMITTED).unwrap_or_default();
    assert!(made == committed, "openapi/openapi.json is old; `make bless` writes it anew");
}

#[test]
fn the_licence_is_that_of_the_package() {
    let told = document()["info"]["license"]["name"].as_str().unwrap_or_default();
    assert_eq!(told, env!("CARGO_PKG_LICENSE"));
}

fn has_header(operation: &Value, name: &str) -> bool {
    let parameters = operation["parameters"].as_array();
    parameters.into_iter().flatten().any(|it| it["in"] == "header" && it["name"] == name)
}

fn statuses(operation: &Value) -> BTreeSet<&str> {
    operation["responses"].as_object().expect("answers").keys().map(String::as_str).collect()
}

#[test]
fn every_operation_lists_the_problems_that_it_can_have() {
    for (path, method, operation) in operations() {
        let (statuses, shown) = (statuses(operation), format!("{method} {path}"));
        let lists = |status: &str, when: bool| assert_eq!(statuses.contains(status), when, "{status} of {shown}");
        for status in ["400", "401", "429", "500", "503"] {
            lists(status, true);
        }
        let body = !operation["requestBody"].is_null();
        assert_eq!(body, !matches!(method, "get" | "delete"), "{shown}");
        for status in ["413", "415", "422"] {
            lists(status, body);
        }
        lists("404", path.contains('{'));
        lists("412", has_header(operation, "If-Match"));
        if has_header(operation, "Idempotency-Key") {
            lists("409", true);
        }
        if method == "get" {
            lists("409", false);
        }
        for (status, response) in operation["responses"].as_object().expect("answers") {
            let response = resolved(response);
            assert!(response["description"].as_str().is_some_and(|it| !it.is_empty()), "{status} of {shown}");
            if status.starts_with(['4', '5']) {
                let content = &response["content"]["application/problem+json"]["schema"]["$ref"];
                assert_eq!(content, "#/components/schemas/Problem", "{status} of {shown}");
            }
        }
    }
}

#[test]
fn every_change_is_conditional_and_every_creation_and_action_repeatable() {
    for (path, method, operation) in operations() {
        let (id, shown) = (operation["operationId"].as_str().expect("an id"), format!("{method} {path}"));
        let repeatable = method == "post" && !POSTS_WITHOUT_KEY.contains(&id);
        assert_eq!(has_header(operation, "Idempotency-Key"), repeatable, "{shown}");
        let changes = matches!(method, "patch" | "put" | "delete") || (repeatable && path.contains('{'));
        assert_eq!(has_header(operation, "If-Match"), changes, "{shown}");
        for (status, response) in operation["responses"].as_object().expect("answers") {
            let response = resolved(response);
            let promises = |header: &str| !response["headers"][header].is_null();
            assert!(promises("X-Request-Id"), "{status} of {shown}");
            assert_eq!(promises("Retry-After"), matches!(status.as_str(), "429" | "503"), "{status} of {shown}");
            assert_eq!(promises("WWW-Authenticate"), status == "401", "{status} of {shown}");
            assert_eq!(promises("Idempotent-Replayed"), repeatable && status.starts_with('2'), "{status} of {shown}");
            assert_eq!(promises("Location"), status == "201" && id != "create_worker_token", "{status} of {shown}");
            let resource = (status == "200" && changes) || promises("Location");
            assert!(promises("ETag") || !resource, "{status} of {shown}");
        }
    }
}

#[test]
fn every_body_is_described_with_an_example_that_fits() {
    let mut seen = BTreeSet::new();
    for (path, method, operation) in operations() {
        let shown = format!("{method} {path}");
        assert!(operation["summary"].is_string() && operation["tags"][0].is_string(), "{shown}");
        assert!(seen.insert(operation["operationId"].as_str()), "{shown} has another's id");
        let request = &operation["requestBody"];
        if request.is_null() {
            continue;
        }
        let answers = operation["responses"].as_object().expect("answers").iter();
        let answers = answers.filter(|(status, _)| status.starts_with('2')).map(|(_, response)| response);
        for content in answers.chain([request]).map(|body| &body["content"]["application/json"]) {
            let schema = resolved(&content["schema"]);
            let described = schema["properties"].is_object() || schema["additionalProperties"] == false;
            assert!(described, "{shown} has a body without fields: {schema}");
            let mut faults = Vec::new();
            compare(schema, &content["example"], "", &mut faults);
            assert!(faults.is_empty(), "{shown}: {faults:?}");
        }
        assert_eq!(
            resolved(&request["content"]["application/json"]["schema"])["additionalProperties"],
            false,
            "{shown}"
        );
    }
}
