//! What bad input gets: the right status, a code, a pointer, and nothing changed.

use super::office::*;
use axum::body::Body;
use axum::http::Request;
use serde_json::json;

fn raw(content_type: &str, body: impl Into<Body>) -> Request<Body> {
    let request =
        Request::builder().method("POST").uri("/v1/queues").header("authorization", format!("Bearer {ADMIN}"));
    request.header("content-type", content_type).body(body.into()).expect("a request")
}

#[tokio::test]
async fn bodies_are_read_strictly() {
    let office = Office::new().await;
    let cases = [
        (json!({"nam": "x"}), ("/nam", "unknown_field")),
        (json!({}), ("/name", "missing_field")),
        (json!({"name": 5}), ("/name", "wrong_type")),
        (json!({"name": "x", "order": "random"}), ("/order", "wrong_type")),
        (json!({"name": "x", "priority_per_minute": -1}), ("/priority_per_minute", "out_of_range")),
        (json!({"name": " "}), ("/name", "bad_name")),
        (json!({"name": "x", "workers": {"=": [1, 2]}}), ("/workers/=", "unknown_operator")),
        (json!({"name": "x", "workers": {"var": "item.x"}}), ("/workers/var", "item_not_here")),
    ];
    for (body, expected) in cases {
        let answer = office.post("/v1/queues", body.clone()).await.is(422);
        assert_eq!(answer.first_error(), expected, "{body}");
    }
    let mut deep = json!(1);
    for _ in 0..50 {
        deep = json!({ "!": [deep] });
    }
    let answer = office.post("/v1/queues", json!({"name": "x", "workers": deep})).await.is(422);
    assert_eq!(answer.first_error().1, "expression_too_deep");
    assert_eq!(office.get("/v1/queues").await.is(200).body["data"], json!([]), "nothing was changed");
}

#[tokio::test]
async fn what_is_not_json_is_refused_before_it_is_read() {
    let office = Office::new().await;
    assert_eq!(office.send(raw("application/json", "{")).await.is(400).code(), "malformed_json");
    assert_eq!(office.send(raw("application/json", "{\"name\": \"x\"} {}")).await.is(400).code(), "malformed_json");
    let nested = "{\"workers\":".repeat(10_000);
    assert_eq!(office.send(raw("application/json", nested)).await.is(413).code(), "body_too_large");
    let nested = "{\"workers\":".repeat(1_000);
    office.send(raw("application/json", nested)).await.is(400);
    assert_eq!(office.send(raw("application/json", "[\"support\"]")).await.is(422).first_error(), ("", "wrong_type"));
    assert_eq!(office.send(raw("text/plain", "{\"name\": \"x\"}")).await.is(415).code(), "not_json");
    let large = format!("{{\"name\": \"{}\"}}", "x".repeat(BODY_BYTES_MAX));
    assert_eq!(office.send(raw("application/json", large)).await.is(413).code(), "body_too_large");
}

#[tokio::test]
async fn what_is_not_json_is_told_by_line_and_column_with_its_mend() {
    let office = Office::new().await;
    let cases = [
        ("{\n  \"name\": \"x\",\n}", "line 3, column 1: trailing comma; take away the comma"),
        ("{\"name\": \"x", "line 1, column 11: EOF while parsing a string; a text is not closed"),
        ("{\"name\" \"x\"}", "line 1, column 9: expected `:`; put a colon"),
        ("{\"name\": 'x'}", "line 1, column 10: expected value; a value is a text in double quotes"),
        ("{name: \"x\"}", "line 1, column 2: key must be a string; put each name in double quotes"),
        ("{\"workers\": {\"in\": [1 2]}}", "line 1, column 23: expected `,` or `]`; put a comma"),
        ("{\"name\": \"x\"} {}", "line 1, column 15: trailing characters; take away what follows"),
        ("{\"name\": \"a\\q\"}", "line 1, column 13: invalid escape; write a backslash"),
        ("{\"name\": \"a\nb\"}", "line 2, column 0: control character"),
    ];
    for (body, told) in cases {
        let answer = office.send(raw("application/json", body)).await.is(400);
        assert_eq!(answer.first_error(), ("", "malformed_json"), "{body}");
        let message = answer.body["errors"][0]["message"].as_str().expect("a message");
        assert!(message.starts_with(told), "{body}: {message}");
        assert_eq!(answer.body["detail"], format!("the body is not JSON: {message}"));
    }
}

#[tokio::test]
async fn parameters_and_paths_are_checked() {
    let office = Office::new().await;
    assert_eq!(office.get("/v1/queues?page=2").await.is(400).first_error(), ("?page", "unknown_parameter"));
    assert_eq!(office.get("/v1/queues?limit=0").await.is(400).first_error(), ("?limit", "out_of_range"));
    assert_eq!(office.get("/v1/queues?limit=201").await.is(400).first_error().1, "out_of_range");
    office.get("/v1/queues?limit=x").await.is(400);
    office.get("/v1/work-items?state=lost").await.is(400);
    assert_eq!(office.get("/v1/work-items?queue=nowhere").await.is(400).first_error().1, "unknown_reference");
    assert_eq!(office.get("/v1/events?types=work_item.lost").await.is(400).first_error().1, "unknown_type");
    assert_eq!(office.get("/v1/nothing").await.is(404).code(), "no_such_route");
    assert_eq!(office.call(ADMIN, "PUT", "/v1/queues", None).await.is(405).code(), "no_such_method");
    for path in
        ["/v1/queues/nope", "/v1/work-items/nope", "/v1/reservations/res_1", "/v1/workers/nope", "/v1/accounts/x"]
    {
        assert_eq!(office.get(path).await.is(404).code(), "not_found", "{path}");
    }
}
