//! The event stream over a real listener: its format, where it begins, who sees what, and how it ends.

use super::live::*;
use super::office::*;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;

#[tokio::test]
async fn it_is_what_the_standard_says_and_gives_what_the_list_gives() {
    let live = Live::new().await;
    let last = last(&live.office).await;
    let mut stream = live.stream("").await;
    let hello = stream.block().await.expect("it begins");
    let told = Block {
        id: Some(last.to_string()),
        retry: Some("2000".into()),
        comments: vec!["connected".into()],
        ..Block::default()
    };
    assert_eq!(hello, told);
    live.office.item().await;
    let listed = live.office.get(&format!("/v1/events?after_sequence={last}")).await.is(200).body;
    let listed = listed["data"].as_array().expect("a list").clone();
    assert!(listed.len() > 2);
    for (event, sequence) in listed.iter().zip(last + 1..) {
        let block = stream.block().await.expect("it goes on");
        assert_eq!((block.position(), block.event.as_deref()), (sequence, event["type"].as_str()));
        assert_eq!((&block.event(), block.retry, block.comments.len()), (event, None, 0));
    }
    let quiet = while_time_passes(&live.office.clock, stream.block()).await.expect("it goes on");
    let told = Block {
        id: Some((last + listed.len() as u64).to_string()),
        comments: vec!["quiet".into()],
        ..Block::default()
    };
    assert_eq!(quiet, told);
}

#[tokio::test]
async fn it_begins_after_the_last_event_id_before_after_before_now() {
    let live = Live::new().await;
    let mut stream = EventSource::new(live.ask(ADMIN, "after=5", Some("2")).await);
    assert_eq!(stream.block().await.expect("it begins").position(), 2);
    assert_eq!(stream.event().await.position(), 3);
    let mut stream = live.stream("after=5").await;
    assert_eq!(stream.event().await.position(), 6);
    let mut stream = live.stream("after=0").await;
    assert_eq!(stream.event().await.position(), 1);
}

#[tokio::test]
async fn types_are_chosen_and_the_position_moves_on_without_them() {
    let live = Live::new().await;
    let mut stream = live.stream("after=0&types=queue.created,work_item.*").await;
    let first = stream.event().await;
    assert_eq!(first.event.as_deref(), Some("queue.created"));
    let item = live.office.item().await;
    let all = live.office.get(&format!("/v1/events?subject={item}&limit=200")).await.is(200).body;
    let of_items = |event: &&Value| event["type"].as_str().is_some_and(|name| name.starts_with("work_item."));
    for event in all["data"].as_array().expect("a list").iter().filter(of_items) {
        assert_eq!(&stream.event().await.event(), event);
    }
    live.office.post("/v1/channels", json!({"name": "fax"})).await.is(201);
    let last = last(&live.office).await;
    let quiet = async {
        loop {
            let block = stream.block().await.expect("it goes on");
            assert_eq!(block.data, None, "nobody asked for channels");
            if block.position() == last {
                return;
            }
        }
    };
    while_time_passes(&live.office.clock, quiet).await;
}

async fn refused(response: reqwest::Response, status: u16) -> Value {
    assert_eq!(response.status().as_u16(), status);
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    response.json().await.expect("a problem is JSON")
}

#[tokio::test]
async fn what_cannot_be_meant_is_refused() {
    let live = Live::new().await;
    let cases = [
        ("types=queue.lost", None, "?types", "unknown_type"),
        ("types=", None, "?types", "unknown_type"),
        ("types=work_item*", None, "?types", "unknown_type"),
        ("types=*,lost.*", None, "?types", "unknown_type"),
        ("after=100000", None, "?after", "out_of_range"),
        ("after=18446744073709551615", None, "?after", "out_of_range"),
        ("after=-1", None, "?after", ""),
        ("after=x", None, "?after", ""),
        ("since=1", None, "?since", ""),
        ("", Some("x"), "?Last-Event-ID", "bad_value"),
        ("", Some("-1"), "?Last-Event-ID", "bad_value"),
        ("", Some("100000"), "?after", "out_of_range"),
    ];
    for (query, id, pointer, code) in cases {
        let problem = refused(live.ask(ADMIN, query, id).await, 400).await;
        let told = (problem["errors"][0]["pointer"].as_str(), problem["errors"][0]["code"].as_str());
        assert_eq!(told.0, Some(pointer), "{query} {id:?}: {problem}");
        assert!(code.is_empty() || told.1 == Some(code), "{query} {id:?}: {problem}");
    }
    let answer = crate::support::plain_http::client()
        .get(format!("http://{}/v1/events/stream", live.address))
        .send()
        .await
        .expect("it answers");
    assert_eq!(answer.headers()["www-authenticate"], "Bearer");
    refused(answer, 401).await;
    refused(live.ask("no-such-key", "", None).await, 401).await;
    live.office.store.keeps_from(5);
    let gone = refused(live.ask(ADMIN, "after=3", None).await, 410).await;
    assert_eq!((&gone["code"], &gone["first_sequence"]), (&json!("events_gone"), &json!(5)));
    assert_eq!(live.stream("after=4").await.event().await.position(), 5);
}

#[tokio::test]
async fn a_worker_sees_what_concerns_it_and_nothing_else() {
    let live = Live::new().await;
    let office = &live.office;
    let bob = office.post("/v1/workers", json!({"name": "bob", "activity": "Offline"})).await.is(201).id();
    office.call(STRANGER, "POST", "/v1/workers", Some(json!({"name": "ann", "activity": "Available"}))).await.is(201);
    let ann = office.get("/v1/workers/ann").await.is(200).id();
    let (key, _) = key(office, json!({"name": "desk", "role": "agent", "worker": "ann"})).await;
    let mut streams = Vec::new();
    for credential in [live.token("ann", 3_600).await, key] {
        streams.push(EventSource::new(live.ask(&credential, "after=0", None).await));
    }
    let item = office.item().await;
    office.patch("/v1/workers/bob", json!({"attributes": {"a": 1}})).await.is(200);
    let (reservation, worker) = office.offer(&item).await.expect("ann is free");
    assert_eq!(worker, ann);
    office.post(&format!("/v1/reservations/{reservation}/accept"), json!({})).await.is(200);
    office.post(&format!("/v1/work-items/{item}/complete"), json!({})).await.is(200);
    // Something to end with.
    office.patch("/v1/workers/ann", json!({"attributes": {"end": 1}})).await.is(200);
    for mut stream in streams {
        let (mut types, mut position) = (Vec::new(), 0);
        while types.last().is_none_or(|last| last != "worker.updated") {
            let block = stream.event().await;
            assert!(block.position() > position);
            position = block.position();
            let text = block.data.as_deref().unwrap_or_default();
            assert!(!text.contains(&bob) && !text.contains("globex"), "{text}");
            types.push(block.event.expect("it has a type"));
        }
        for wanted in ["worker.created", "reservation.offered", "reservation.accepted", "reservation.completed"] {
            assert!(types.iter().any(|told| told == wanted), "{wanted}: {types:?}");
        }
        assert!(!types.iter().any(|told| told.starts_with("queue.") || told.starts_with("workflow.")), "{types:?}");
    }
}

#[tokio::test]
async fn no_account_sees_anothers_events() {
    let live = Live::new().await;
    let stranger = live.ask(STRANGER, "after=0", None).await;
    let mut stream = EventSource::new(stranger);
    live.office.item().await;
    live.office.call(STRANGER, "POST", "/v1/queues", Some(json!({"name": "theirs"}))).await.is(201);
    let own = stream.event().await;
    assert_eq!((own.position(), &own.event()["data"]["resource"]["name"]), (1, &json!("theirs")));
}

/// The last comment of a stream that ends.
async fn farewell(stream: &mut EventSource) -> Option<String> {
    let mut last = None;
    while let Some(block) = stream.block().await {
        last = block.comments.last().cloned().or(last);
    }
    last
}

#[tokio::test]
async fn it_ends_when_the_caller_may_not_listen_any_more() {
    let live = Live::new().await;
    let token = live.token("ann", 60).await;
    let (revoked, id) = key(&live.office, json!({"name": "one"})).await;
    let (orphaned, _) = key(&live.office, json!({"name": "desk", "role": "agent", "worker": "ann"})).await;
    let revoke = format!("/v1/api-keys/{id}");
    // The token's end comes with time, and it comes first: while others are waited for, time passes too.
    for (credential, gone) in [(token, None), (revoked, Some(revoke.as_str())), (orphaned, Some("/v1/workers/ann"))] {
        let mut stream = EventSource::new(live.ask(&credential, "", None).await);
        stream.block().await.expect("it begins");
        if let Some(path) = gone {
            live.office.call(ADMIN, "DELETE", path, None).await.is(204);
        }
        let told = while_time_passes(&live.office.clock, farewell(&mut stream)).await;
        assert_eq!(told.as_deref(), Some("the key or token is not valid any more"));
    }
}

#[tokio::test]
async fn it_ends_when_events_cannot_be_read() {
    let live = Live::new().await;
    live.office.store.fail_event_reads(1);
    let mut stream = live.stream("after=0").await;
    assert_eq!(farewell(&mut stream).await.as_deref(), Some("the events cannot be read now"));
    assert_eq!(live.stream("after=0").await.event().await.position(), 1);
}

#[tokio::test]
async fn it_ends_when_the_server_stops_and_lets_it() {
    let mut live = Live::new().await;
    let mut streams = [live.stream("").await, live.stream("after=0").await];
    for stream in &mut streams {
        stream.block().await.expect("it begins");
    }
    live.stop();
    for stream in &mut streams {
        assert_eq!(farewell(stream).await.as_deref(), Some("the server is stopping"));
    }
    live.stopped().await;
}

#[tokio::test]
async fn an_account_has_so_many_streams_and_others_have_theirs() {
    let live = Live::new().await;
    let mut streams = Vec::new();
    for _ in 0..STREAMS_MAX {
        streams.push(live.stream("").await);
    }
    let answer = live.ask(ADMIN, "", None).await;
    assert_eq!(answer.headers()["retry-after"], "15");
    assert_eq!(refused(answer, 503).await["code"], "too_many_streams");
    assert_eq!(connect(live.address, ADMIN, "").await.err(), Some(503));
    EventSource::new(live.ask(STRANGER, "", None).await);
    streams.pop();
    timely(room(&live)).await;
}

/// Waits until one more stream may be opened, which shows that the server has seen another's end.
async fn room(live: &Live) {
    while live.ask(ADMIN, "", None).await.status() != 200 {}
}

#[tokio::test]
async fn who_stops_reading_is_cut_off_and_nobody_else_notices() {
    let live = Live::taken_within(Duration::from_millis(300)).await;
    let begin = last(&live.office).await;
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(4_096).expect("a socket option");
    let mut stalled = socket.connect(live.address).await.expect("it listens");
    let request = format!("GET /v1/events/stream HTTP/1.1\r\nhost: office\r\nauthorization: Bearer {ADMIN}\r\n\r\n");
    stalled.write_all(request.as_bytes()).await.expect("it is sent");
    let mut first = [0; 16];
    timely(stalled.read_exact(&mut first)).await.expect("it is answered");
    assert!(first.starts_with(b"HTTP/1.1 200"));
    let mut others = Vec::new();
    for _ in 1..STREAMS_MAX {
        others.push(live.stream("").await);
    }
    assert_eq!(live.ask(ADMIN, "", None).await.status(), 503);
    // More than the network keeps for somebody who does not read.
    let note = "x".repeat(30_000);
    let post = async {
        for _ in 0..100 {
            let body = json!({"workflow": "support", "attributes": {"note": note}});
            live.office.post("/v1/work-items", body).await.is(201);
        }
    };
    // Each item is a few events; so many there are at least.
    let reading = others.iter_mut().map(async |other| {
        for sequence in begin + 1..=begin + 300 {
            assert_eq!(other.event().await.position(), sequence);
        }
    });
    tokio::join!(post, futures_util::future::join_all(reading));
    timely(room(&live)).await;
}
