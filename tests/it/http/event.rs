//! Events over REST: in order, by page, by type and by subject, and no further than one request may look.

use super::office::*;
use serde_json::json;

fn sequences(page: &Answer) -> Vec<u64> {
    page.body["data"].as_array().expect("a list").iter().map(|it| it["sequence"].as_u64().expect("a number")).collect()
}

#[tokio::test]
async fn events_are_cloud_events_oldest_first_and_without_a_gap() {
    let office = Office::new().await;
    office.furnish().await;
    let item = office.item().await;
    let all = office.get("/v1/events?limit=200").await.is(200);
    let seen = sequences(&all);
    assert_eq!(seen, (1..=seen.len() as u64).collect::<Vec<_>>());
    let (mut paged, mut after) = (Vec::new(), 0.to_string());
    loop {
        let page = office.get(&format!("/v1/events?limit=3&after_sequence={after}")).await.is(200);
        paged.extend(sequences(&page));
        let Some(next) = page.body["next"].as_str() else { break };
        after = next.to_owned();
    }
    assert_eq!(paged, seen);
    let about = office.get(&format!("/v1/events?subject={item}")).await.is(200);
    let types: Vec<_> = about.body["data"].as_array().expect("a list").iter().map(|it| it["type"].clone()).collect();
    assert_eq!(types[0], "work_item.created");
    assert_eq!(office.get(&format!("/v1/work-items/{item}/events")).await.is(200).body["data"], about.body["data"]);
    let first = &about.body["data"][0];
    assert_eq!((&first["specversion"], &first["subject"]), (&json!("1.0"), &json!(item)));
    assert_eq!(first["data"]["resource"]["id"], json!(item));
}

#[tokio::test]
async fn types_are_asked_for_together_and_must_exist() {
    let office = Office::new().await;
    office.furnish().await;
    let page = office.get("/v1/events?types=queue.created,worker.created").await.is(200);
    let types: Vec<_> = page.body["data"].as_array().expect("a list").iter().map(|it| it["type"].clone()).collect();
    assert_eq!(types, ["queue.created", "worker.created"]);
    assert_eq!(page.body["next"], json!(null));
    for wrong in ["queue.lost", "", "queue.created,"] {
        let answer = office.get(&format!("/v1/events?types={wrong}")).await.is(400);
        assert_eq!(answer.first_error(), ("?types", "unknown_type"), "{wrong}");
    }
    let late = office.get("/v1/events?types=queue.created&after_sequence=1000").await.is(200);
    assert_eq!(sequences(&late), [0u64; 0]);
    for wrong in ["-1", "x", "9223372036854775808"] {
        let answer = office.get(&format!("/v1/events?after_sequence={wrong}")).await.is(400);
        assert_eq!(answer.first_error().0, "?after_sequence", "{wrong}");
    }
}

#[tokio::test]
async fn an_agent_reads_no_events_of_the_account() {
    let office = Office::new().await;
    office.furnish().await;
    let token = office.post("/v1/workers/ann/token", json!({})).await.is(201).body["token"].clone();
    office.call(token.as_str().expect("a token"), "GET", "/v1/events", None).await.is(403);
}

#[tokio::test]
async fn a_search_for_rare_types_goes_on_where_one_request_has_looked_far_enough() {
    let office = Office::new().await;
    office.post("/v1/queues", json!({"name": "support"})).await.is(201);
    // Each item enters a hundred steps, and each step is an event at least.
    let mut steps = vec![json!({"set": {"priority": 1}}); 99];
    steps.push(json!({"route": {"queue": "support"}}));
    office.post("/v1/workflows", json!({"name": "support", "document": {"default": steps}})).await.is(201);
    for _ in 0..105 {
        office.item().await;
    }
    office.post("/v1/queues", json!({"name": "late"})).await.is(201);
    let (mut found, mut after) = (Vec::new(), 0);
    loop {
        let page = office.get(&format!("/v1/events?types=queue.created&after_sequence={after}")).await.is(200);
        found.push(sequences(&page).len());
        let Some(next) = page.body["next"].as_str() else { break };
        let next: u64 = next.parse().expect("a sequence");
        assert!((after + 1..=after + 20_480).contains(&next), "{after} is followed by {next}");
        after = next;
    }
    assert!(found.len() > 1, "one request does not look so far");
    assert_eq!((found.first(), found.last(), found.iter().sum()), (Some(&1), Some(&1), 2), "{found:?}");
}

/// More than enough turns for the upkeep to come to its end.
const LOOKS_MAX: usize = 10_000;

#[tokio::test]
async fn events_that_are_gone_are_told() {
    let limits = cordboard::runtime::Limits { events_kept_s: 60, ..cordboard::runtime::Limits::default() };
    let office = Office::with(1_000_000, limits).await;
    office.furnish().await;
    assert_eq!(office.get("/v1/events?after_sequence=0").await.is(200).body["data"][0]["sequence"], 1);
    let mut answer = office.get("/v1/events?after_sequence=0").await;
    for _ in 0..LOOKS_MAX {
        if answer.status != 200 {
            break;
        }
        office.clock.advance(std::time::Duration::from_secs(3_600));
        answer = office.get("/v1/events?after_sequence=0").await;
    }
    let gone = answer.is(410);
    assert_eq!(gone.code(), "events_gone");
    let first = gone.body["first_sequence"].as_u64().expect("the first that is kept");
    assert!(first > 1, "{gone:?}");
    office.get(&format!("/v1/events?after_sequence={}", first - 1)).await.is(200);
    assert_eq!(office.get("/v1/events").await.is(200).body["next"], serde_json::Value::Null);
    for stream in ["stream", "socket"] {
        let answer = office.get(&format!("/v1/events/{stream}?after=0")).await;
        assert!(answer.status == 410 || (stream == "socket" && answer.status == 426), "{answer:?}");
    }
}
