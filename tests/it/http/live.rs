//! An office behind a real listener, and receivers of its events: one that reads server-sent events as the HTML standard
//! says, and WebSockets.

use super::office::*;
use crate::support::clock::ManualClock;
use cordboard::edge::http::PatientListener;
use futures_util::StreamExt;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite;
use tungstenite::Message;
use tungstenite::client::IntoClientRequest;

/// What takes longer than this has gone wrong; only a test that fails waits for it.
pub const PATIENCE: Duration = Duration::from_secs(30);

pub struct Live {
    pub office: Office,
    pub address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    server: JoinHandle<()>,
}

impl Live {
    pub async fn new() -> Self {
        Self::taken_within(PATIENCE).await
    }

    /// A server that cuts off who takes nothing for so long.
    pub async fn taken_within(limit: Duration) -> Self {
        let office = Office::new().await;
        office.furnish().await;
        // Events to begin in the midst of.
        for name in ["a", "b", "c"] {
            office.post("/v1/channels", json!({"name": name})).await.is(201);
        }
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = listener.local_addr().expect("it has an address");
        let (stop, stopped) = oneshot::channel();
        let (state, router) = (office.state.clone(), office.router.clone());
        let server = tokio::spawn(async move {
            let asked = {
                let state = state.clone();
                async move {
                    // A test that ends without stopping drops the other end.
                    drop(stopped.await);
                    state.end_streams();
                }
            };
            let server = axum::serve(PatientListener::new(listener, limit), router).with_graceful_shutdown(asked);
            server.await.expect("it serves");
            state.streams_ended().await;
        });
        Self { office, address, stop: Some(stop), server }
    }

    /// Asks the server to stop.
    pub fn stop(&mut self) {
        if let Some(stop) = self.stop.take() {
            stop.send(()).expect("it runs");
        }
    }

    /// Waits until the server has stopped.
    pub async fn stopped(&mut self) {
        timely(&mut self.server).await.expect("it does not panic");
    }

    pub async fn token(&self, worker: &str, seconds: u32) -> String {
        let path = format!("/v1/workers/{worker}/token");
        let made = self.office.post(&path, json!({"expires_in_s": seconds})).await.is(201);
        made.body["token"].as_str().expect("a token").to_owned()
    }

    /// Asks for the event stream.
    pub async fn ask(&self, key: &str, query: &str, last_event_id: Option<&str>) -> reqwest::Response {
        ask(self.address, key, query, last_event_id).await
    }

    pub async fn stream(&self, query: &str) -> EventSource {
        EventSource::new(self.ask(ADMIN, query, None).await)
    }

    pub async fn socket(&self, query: &str) -> Socket {
        connect(self.address, ADMIN, query).await.expect("it is opened")
    }
}

pub async fn timely<T>(awaited: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, awaited).await.expect("it does not take long")
}

/// Lets every other task run, and the network be looked at, which the test's runtime does after so many turns.
async fn network() {
    for _ in 0..150 {
        tokio::task::yield_now().await;
    }
}

/// Moves the clock on, again and again, until what is awaited is there.
pub async fn while_time_passes<T>(clock: &ManualClock, awaited: impl Future<Output = T>) -> T {
    let mut awaited = pin!(awaited);
    let passing = async {
        loop {
            tokio::select! {
                biased;
                done = &mut awaited => return done,
                () = network() => clock.advance(Duration::from_secs(1)),
            }
        }
    };
    timely(passing).await
}

pub async fn ask(address: SocketAddr, key: &str, query: &str, last_event_id: Option<&str>) -> reqwest::Response {
    let client = crate::support::plain_http::client();
    let mut request = client.get(format!("http://{address}/v1/events/stream?{query}")).bearer_auth(key);
    if let Some(id) = last_event_id {
        request = request.header("last-event-id", id);
    }
    timely(request.send()).await.expect("it answers")
}

/// What stands between two empty lines of an event stream.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Block {
    pub id: Option<String>,
    pub event: Option<String>,
    pub data: Option<String>,
    pub retry: Option<String>,
    pub comments: Vec<String>,
}

impl Block {
    pub fn event(&self) -> Value {
        serde_json::from_str(self.data.as_ref().expect("it has data")).expect("the data is JSON")
    }

    pub fn position(&self) -> u64 {
        self.id.as_ref().expect("it has an id").parse().expect("the id is a number")
    }
}

/// Reads server-sent events (HTML Living Standard, section 9.2.6).
pub struct EventSource {
    response: reqwest::Response,
    received: Vec<u8>,
}

impl EventSource {
    pub fn new(response: reqwest::Response) -> Self {
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { response, received: Vec::new() }
    }

    /// The next block; none when the stream has ended.
    pub async fn block(&mut self) -> Option<Block> {
        loop {
            if let Some(end) = self.received.windows(2).position(|two| two == b"\n\n") {
                let rest = self.received.split_off(end + 2);
                let block = std::mem::replace(&mut self.received, rest);
                return Some(parse(std::str::from_utf8(&block).expect("it is UTF-8")));
            }
            match timely(self.response.chunk()).await {
                Ok(Some(chunk)) => self.received.extend_from_slice(&chunk),
                Ok(None) | Err(_) => return None,
            }
        }
    }

    /// The next block that is an event.
    pub async fn event(&mut self) -> Block {
        loop {
            let block = self.block().await.expect("the stream goes on");
            if block.data.is_some() {
                return block;
            }
        }
    }
}

fn parse(text: &str) -> Block {
    let mut block = Block::default();
    for line in text.lines().filter(|line| !line.is_empty()) {
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value).to_owned();
        let place = match field {
            "" => {
                block.comments.push(value);
                continue;
            }
            "id" => &mut block.id,
            "event" => &mut block.event,
            "data" => &mut block.data,
            "retry" => &mut block.retry,
            other => panic!("no field of an event stream: {other}"),
        };
        assert!(place.is_none(), "a field stands once in a block: {text}");
        *place = Some(value);
    }
    block
}

pub type Socket = WebSocketStream<TcpStream>;

/// Opens an event socket, or gives the status with which it is refused.
pub async fn connect(address: SocketAddr, key: &str, query: &str) -> Result<Socket, u16> {
    let url = format!("ws://{address}/v1/events/socket?{query}");
    let mut request = url.into_client_request().expect("a request");
    request.headers_mut().insert("authorization", format!("Bearer {key}").parse().expect("a header"));
    let stream = TcpStream::connect(address).await.expect("it listens");
    match timely(tokio_tungstenite::client_async(request, stream)).await {
        Ok((socket, _)) => Ok(socket),
        Err(tungstenite::Error::Http(response)) => Err(response.status().as_u16()),
        Err(error) => panic!("{error}"),
    }
}

/// What comes over a socket.
#[derive(Debug)]
pub enum Received {
    Event(Value),
    Ping(String),
    Close(u16, String),
    /// The connection broke.
    Broken,
}

pub async fn receive(socket: &mut Socket) -> Received {
    match timely(socket.next()).await {
        Some(Ok(Message::Text(text))) => Received::Event(serde_json::from_str(&text).expect("it is JSON")),
        Some(Ok(Message::Ping(position))) => {
            Received::Ping(String::from_utf8(position.to_vec()).expect("a position is text"))
        }
        Some(Ok(Message::Close(Some(frame)))) => Received::Close(frame.code.into(), frame.reason.to_string()),
        Some(Ok(other)) => panic!("not expected: {other:?}"),
        Some(Err(_)) | None => Received::Broken,
    }
}

/// The next event; pings are answered by the way.
pub async fn event(socket: &mut Socket) -> Value {
    loop {
        match receive(socket).await {
            Received::Event(event) => return event,
            Received::Ping(_) => {}
            other => panic!("an event was expected: {other:?}"),
        }
    }
}

/// Code and reason with which the socket is closed; what comes before is passed over.
pub async fn closed(socket: &mut Socket) -> (u16, String) {
    loop {
        match receive(socket).await {
            Received::Close(code, reason) => return (code, reason),
            Received::Broken => panic!("it broke without a word"),
            Received::Event(_) | Received::Ping(_) => {}
        }
    }
}

pub fn sequence(event: &Value) -> u64 {
    event["sequence"].as_u64().expect("a sequence")
}

/// The sequence number of the account's last event.
pub async fn last(office: &Office) -> u64 {
    let mut last = 0;
    loop {
        let page = office.get(&format!("/v1/events?limit=200&after_sequence={last}")).await.is(200).body;
        last = page["data"].as_array().and_then(|events| events.last()).map_or(last, sequence);
        if page["next"].is_null() {
            return last;
        }
    }
}

/// A key of the account `acme`, its text and its id.
pub async fn key(office: &Office, body: Value) -> (String, String) {
    let made = office.post("/v1/api-keys", body).await.is(201);
    (made.body["key"].as_str().expect("a key").to_owned(), made.id())
}
