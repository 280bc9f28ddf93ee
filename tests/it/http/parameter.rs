//! Query parameters, on every route of the document: what is unknown is refused, and so is what names nothing.

use super::office::*;
use serde_json::json;

#[tokio::test]
async fn every_operation_refuses_a_parameter_that_it_does_not_know() {
    let office = Office::new().await;
    let document = office.get("/openapi.json").await.is(200).body;
    let mut asked = 0;
    for (path, methods) in document["paths"].as_object().expect("paths") {
        let path = path.replace("{id}", "some").replace("{version}", "1");
        let key = if path.starts_with("/v1/accounts") { OPERATOR } else { ADMIN };
        for method in methods.as_object().expect("methods").keys() {
            let answer = office.call(key, &method.to_uppercase(), &format!("{path}?surely=1"), None).await.is(400);
            assert_eq!(answer.first_error(), ("?surely", "unknown_parameter"), "{method} {path}");
            asked += 1;
        }
    }
    assert!(asked >= 55, "only {asked} operations were asked");
}

#[tokio::test]
async fn a_refused_parameter_names_those_that_there_are() {
    let office = Office::new().await;
    let answer = office.get("/v1/queues?page=2").await.is(400);
    assert_eq!(answer.body["detail"], "there is no parameter `page`; expected `limit` or `after`");
    let answer = office.get("/v1/queues/support?page=2").await.is(400);
    assert_eq!(answer.body["detail"], "there is no parameter `page`; this operation takes none");
}

#[tokio::test]
async fn a_filter_that_names_nothing_is_refused() {
    let office = Office::new().await;
    office.furnish().await;
    let item = office.item().await;
    let foreign = office.call(STRANGER, "POST", "/v1/queues", Some(json!({"name": "x"}))).await.is(201).id();
    let cases = [
        ("/v1/work-items?queue=nowhere", "?queue"),
        ("/v1/work-items?workflow=nowhere", "?workflow"),
        ("/v1/work-items?channel=nowhere", "?channel"),
        ("/v1/work-items?worker=nobody", "?worker"),
        ("/v1/workers?activity=nowhere", "?activity"),
        ("/v1/workers?queue=nowhere", "?queue"),
        ("/v1/reservations?worker=nobody", "?worker"),
        ("/v1/reservations?work_item=nothing", "?work_item"),
        (&format!("/v1/work-items?queue={foreign}"), "?queue"),
        (&format!("/v1/workers?queue={foreign}"), "?queue"),
    ];
    for (path, pointer) in cases {
        assert_eq!(office.get(path).await.is(400).first_error(), (pointer, "unknown_reference"), "{path}");
    }
    assert_eq!(office.get("/v1/events?subject=nothing").await.is(400).first_error(), ("?subject", "bad_value"));
    let channel = office.get("/v1/channels/default").await.is(200).id();
    for path in [
        "/v1/work-items?channel=default&queue=support&workflow=support",
        &format!("/v1/work-items?channel={channel}"),
        &format!("/v1/reservations?worker=ann&work_item={item}"),
        "/v1/workers?activity=Available",
    ] {
        assert_eq!(office.get(path).await.is(200).body["data"].as_array().map(Vec::len), Some(1), "{path}");
    }
}

#[tokio::test]
async fn a_cursor_of_another_list_is_refused() {
    let office = Office::new().await;
    let queue = office.post("/v1/queues", json!({"name": "x"})).await.is(201).id();
    for list in
        ["activities", "channels", "schedules", "workflows", "workers", "work-items", "reservations", "api-keys"]
    {
        for cursor in [queue.as_str(), "x", "", "5"] {
            let answer = office.get(&format!("/v1/{list}?after={cursor}")).await.is(400);
            assert_eq!(answer.first_error(), ("?after", "bad_value"), "{list} {cursor}");
        }
    }
    let answer = office.call(OPERATOR, "GET", "/v1/accounts?after=x", None).await.is(400);
    assert_eq!(answer.first_error(), ("?after", "bad_value"));
    // The entry that a cursor names may be gone by now.
    office.call(ADMIN, "DELETE", "/v1/queues/x", None).await.is(204);
    office.get(&format!("/v1/queues?after={queue}")).await.is(200);
}
