//! A webhook's receiver: keeps what it was sent, and answers as it is told.

use crate::support::clock::ManualClock;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use serde_json::Value;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// Real time after which a test is broken rather than slow.
const PATIENCE: Duration = Duration::from_secs(30);

/// One request as it came.
#[derive(Debug, Clone)]
pub struct Received {
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Received {
    pub fn id(&self) -> &str {
        self.headers["webhook-id"].to_str().expect("a text")
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }

    pub fn sequence(&self) -> u64 {
        self.json()["sequence"].as_u64().expect("an event has a sequence number")
    }
}

pub struct Hook {
    pub url: String,
    received: mpsc::UnboundedReceiver<Received>,
    answers: Arc<Mutex<VecDeque<u16>>>,
    task: JoinHandle<()>,
}

#[derive(Clone)]
struct Desk {
    received: mpsc::UnboundedSender<Received>,
    answers: Arc<Mutex<VecDeque<u16>>>,
}

async fn take(State(desk): State<Desk>, headers: HeaderMap, body: Bytes) -> (StatusCode, &'static str) {
    let answer = desk.answers.lock().expect("no panic").pop_front().unwrap_or(204);
    // The test may be over.
    drop(desk.received.send(Received { headers, body }));
    let text = if answer < 300 { "" } else { "come back later" };
    (StatusCode::from_u16(answer).expect("a status"), text)
}

impl Hook {
    pub async fn new() -> Self {
        let (sender, received) = mpsc::unbounded_channel();
        let answers = Arc::new(Mutex::new(VecDeque::new()));
        let desk = Desk { received: sender, answers: Arc::clone(&answers) };
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/events", listener.local_addr().expect("bound"));
        let router = Router::new().fallback(take).with_state(desk);
        let task = tokio::spawn(async move { axum::serve(listener, router).await.expect("it serves") });
        Self { url, received, answers, task }
    }

    /// Answers the next requests with these; those after them are taken.
    pub fn answer(&self, statuses: &[u16]) {
        self.answers.lock().expect("no panic").extend(statuses);
    }

    pub async fn next(&mut self) -> Received {
        soon(self.received.recv()).await.expect("it listens")
    }

    pub async fn next_n(&mut self, count: usize) -> Vec<Received> {
        let mut all = Vec::new();
        while all.len() < count {
            all.push(self.next().await);
        }
        all
    }

    /// What has come and was not looked at.
    pub fn rest(&mut self) -> Vec<Received> {
        std::iter::from_fn(|| self.received.try_recv().ok()).collect()
    }
}

impl Drop for Hook {
    fn drop(&mut self) {
        self.task.abort();
    }
}

pub async fn soon<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, work).await.expect("it ends soon")
}

/// Moves the clock a second at a time, with room for others to run, as long as `work` lasts.
pub async fn while_time_passes<T>(clock: &ManualClock, work: impl Future<Output = T>) -> T {
    let mut work = std::pin::pin!(work);
    soon(async {
        loop {
            tokio::select! {
                biased;
                done = &mut work => return done,
                () = tokio::task::yield_now() => clock.advance(Duration::from_millis(20)),
            }
        }
    })
    .await
}
