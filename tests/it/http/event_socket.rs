//! The event socket over a real listener: its messages, where it begins, what it refuses, and how it is closed.

use super::live::*;
use super::office::*;
use futures_util::{SinkExt, StreamExt};
use serde_json::json;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;

#[tokio::test]
async fn each_message_is_an_event_as_the_list_gives_it() {
    let live = Live::new().await;
    let last = last(&live.office).await;
    let mut socket = live.socket("").await;
    let mut chosen = live.socket("after=0&types=queue.*").await;
    live.office.item().await;
    let listed = live.office.get(&format!("/v1/events?after_sequence={last}")).await.is(200).body;
    for listed in listed["data"].as_array().expect("a list") {
        assert_eq!(&event(&mut socket).await, listed);
    }
    assert_eq!(event(&mut chosen).await["type"], "queue.created");
    let mut late = live.socket("after=3").await;
    assert_eq!(sequence(&event(&mut late).await), 4);
}

#[tokio::test]
async fn what_cannot_be_meant_is_refused_before_the_upgrade() {
    let live = Live::new().await;
    for query in ["types=queue.lost", "after=x", "after=100000", "since=1"] {
        assert_eq!(connect(live.address, ADMIN, query).await.err(), Some(400), "{query}");
    }
    assert_eq!(connect(live.address, "no-such-key", "").await.err(), Some(401));
    live.office.store.keeps_from(5);
    assert_eq!(connect(live.address, ADMIN, "after=3").await.err(), Some(410));
    let client = crate::support::plain_http::client();
    let plain = client.get(format!("http://{}/v1/events/socket", live.address)).bearer_auth(ADMIN);
    let answer = plain.send().await.expect("it answers");
    assert_eq!((answer.status().as_u16(), &answer.headers()["upgrade"]), (426, &"websocket".parse().expect("text")));
    let problem: serde_json::Value = answer.json().await.expect("a problem");
    assert_eq!(problem["code"], "not_a_websocket");
}

#[tokio::test]
async fn a_worker_sees_what_concerns_it_and_nothing_else() {
    let live = Live::new().await;
    let office = &live.office;
    office.post("/v1/workers", json!({"name": "bob", "activity": "Offline"})).await.is(201);
    office.call(STRANGER, "POST", "/v1/queues", Some(json!({"name": "theirs"}))).await.is(201);
    let ann = office.get("/v1/workers/ann").await.is(200).id();
    let token = live.token("ann", 3_600).await;
    let mut socket = connect(live.address, &token, "after=0").await.expect("it is opened");
    office.item().await;
    let first = event(&mut socket).await;
    assert_eq!((&first["type"], &first["subject"]), (&json!("worker.created"), &json!(ann)));
    let offered = event(&mut socket).await;
    assert_eq!(
        (&offered["type"], &offered["data"]["resource"]["worker"]),
        (&json!("reservation.offered"), &json!(ann))
    );
}

#[tokio::test]
async fn it_is_closed_when_the_caller_may_not_listen_any_more() {
    let live = Live::new().await;
    let (revoked, id) = key(&live.office, json!({"name": "one"})).await;
    let token = live.token("ann", 60).await;
    let mut sockets = Vec::new();
    for credential in [&revoked, &token] {
        sockets.push(connect(live.address, credential, "").await.expect("it is opened"));
    }
    live.office.call(ADMIN, "DELETE", &format!("/v1/api-keys/{id}"), None).await.is(204);
    let last = last(&live.office).await;
    for mut socket in sockets {
        let (code, reason) = while_time_passes(&live.office.clock, closed(&mut socket)).await;
        assert_eq!(code, 4401);
        assert!(reason.ends_with(&format!("resume after={last}")), "{reason}");
    }
}

#[tokio::test]
async fn it_is_closed_when_the_server_stops_and_lets_it() {
    let mut live = Live::new().await;
    let mut socket = live.socket("").await;
    let last = last(&live.office).await;
    live.stop();
    let (code, reason) = closed(&mut socket).await;
    assert_eq!((code, reason), (1001, format!("the server is stopping; resume after={last}")));
    // The server waits for the goodbye of its receivers.
    assert!(matches!(receive(&mut socket).await, Received::Broken));
    live.stopped().await;
}

#[tokio::test]
async fn it_is_closed_when_events_cannot_be_read() {
    let live = Live::new().await;
    live.office.store.fail_event_reads(1);
    let mut socket = live.socket("after=2").await;
    let (code, reason) = closed(&mut socket).await;
    assert_eq!((code, reason.as_str()), (1011, "the events cannot be read now; resume after=2"));
}

#[tokio::test]
async fn who_sends_is_shown_the_door() {
    let live = Live::new().await;
    for message in [Message::text("hello"), Message::binary(vec![1, 2, 3])] {
        let mut socket = live.socket("").await;
        socket.send(message).await.expect("it is sent");
        let (code, reason) = closed(&mut socket).await;
        assert_eq!(code, 1008);
        assert!(reason.starts_with("this socket only sends"), "{reason}");
    }
    // What is too long is not even taken in.
    let mut socket = live.socket("").await;
    socket.send(Message::binary(vec![0; 100_000])).await.expect("it is sent");
    assert!(matches!(receive(&mut socket).await, Received::Close(..) | Received::Broken));
}

#[tokio::test]
async fn who_answers_pings_stays() {
    let live = Live::new().await;
    let mut socket = live.socket("").await;
    let last = last(&live.office).await.to_string();
    for _ in 0..10 {
        // Reading on sends the answer to the ping before.
        let pinged = while_time_passes(&live.office.clock, receive(&mut socket)).await;
        assert!(matches!(&pinged, Received::Ping(position) if *position == last), "{pinged:?}");
    }
    socket.send(Message::Ping("here".into())).await.expect("it is sent");
    let answered = timely(socket.next()).await;
    assert!(matches!(&answered, Some(Ok(Message::Pong(text))) if &text[..] == b"here"), "{answered:?}");
}

/// A frame that the server sent: its first byte and its payload. The server's frames are short and not masked.
async fn frame(stream: &mut TcpStream) -> (u8, Vec<u8>) {
    let mut head = [0; 2];
    stream.read_exact(&mut head).await.expect("a frame");
    let mut payload = vec![0; usize::from(head[1])];
    stream.read_exact(&mut payload).await.expect("all of the frame");
    (head[0], payload)
}

#[tokio::test]
async fn who_does_not_answer_pings_is_given_up() {
    let live = Live::new().await;
    let last = last(&live.office).await.to_string();
    let mut stream = TcpStream::connect(live.address).await.expect("it listens");
    let request = format!(
        "GET /v1/events/socket HTTP/1.1\r\nhost: office\r\nauthorization: Bearer {ADMIN}\r\nconnection: upgrade\r\n\
         upgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.expect("it is sent");
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        answer.push(timely(stream.read_u8()).await.expect("it is answered"));
    }
    assert!(answer.starts_with(b"HTTP/1.1 101"));
    const PING: u8 = 0x89;
    const CLOSE: u8 = 0x88;
    for _ in 0..2 {
        let (kind, payload) = while_time_passes(&live.office.clock, frame(&mut stream)).await;
        assert_eq!((kind, payload), (PING, last.clone().into_bytes()));
    }
    let (kind, payload) = while_time_passes(&live.office.clock, frame(&mut stream)).await;
    assert_eq!((kind, u16::from_be_bytes([payload[0], payload[1]])), (CLOSE, 4408));
    // It does not wait for an answer for ever either.
    let left = while_time_passes(&live.office.clock, stream.read(&mut [0; 16])).await;
    assert_eq!(left.expect("it is closed in order"), 0);
}

#[tokio::test]
async fn who_stops_reading_is_cut_off() {
    let live = Live::taken_within(Duration::from_millis(300)).await;
    let mut stalled = Vec::new();
    for _ in 0..STREAMS_MAX {
        stalled.push(live.socket("after=0").await);
    }
    assert_eq!(connect(live.address, ADMIN, "").await.err(), Some(503));
    let note = "x".repeat(30_000);
    let room = async {
        // More than the network keeps for somebody who does not read.
        while connect(live.address, ADMIN, "").await.is_err() {
            let body = json!({"workflow": "support", "attributes": {"note": note}});
            live.office.post("/v1/work-items", body).await.is(201);
        }
    };
    timely(room).await;
}
