//! Webhooks over loopback, each receiver on a port of its own, in one process with the server, on SQLite with full
//! durability. First, how many messages per second leave for one receiver and for many, from a log that is there; then
//! the time from the end of an event's commit until its receiver has read it, for 100 receivers, with all of them sound
//! and with one that takes connections and never answers, in turns.
//!
//! `make bench NAME=webhooks`; `BENCH_SECONDS=10` sets how long each turn is, `EVENTS=5` how many events a second.
#![expect(clippy::disallowed_methods, reason = "a bench measures time and lasts for one")]

mod support;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use cordboard::runtime::delivery::Running;
use cordboard::runtime::signature::Secret;
use cordboard::runtime::{Answered, Request, Runtime};
use cordboard_domain::event_channel::*;
use cordboard_domain::id::{AccountId, WorkerId};
use cordboard_domain::work::*;
use serde_json::json;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use support::{percentile, seconds};
use tokio::net::TcpListener;

const RECEIVERS: usize = 100;
const EVENTS_PER_SECOND: usize = 5;
/// Turns with all receivers sound, and as many with a dead one among them.
const TURNS: usize = 5;
/// Messages that each receiver is sent when only their number counts.
const BACKLOG: usize = 2_000;
const SEQUENCES_MAX: usize = 1_000_000;
/// How long the last message may take.
const LAST_WITHIN: Duration = Duration::from_secs(60);

fn setting(name: &str, default: usize) -> usize {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// What all receivers of a floor share.
struct Hall {
    begun: Instant,
    /// When each event was committed, in nanoseconds since the beginning; 0 while it is not.
    committed: Vec<AtomicU64>,
    received: AtomicUsize,
    /// From commit to receipt.
    times: Mutex<Vec<Duration>>,
}

impl Hall {
    fn now(&self) -> u64 {
        self.begun.elapsed().as_nanos() as u64
    }
}

async fn take(State(hall): State<Arc<Hall>>, body: Bytes) -> StatusCode {
    let text = std::str::from_utf8(&body).expect("a text");
    // It is the last field.
    let sequence = text.rsplit("\"sequence\":").next().and_then(|rest| rest.trim_end_matches('}').parse().ok());
    let sequence: usize = sequence.expect("every event has one");
    let at = hall.committed[sequence].load(Ordering::Acquire);
    let took = if at == 0 { Duration::ZERO } else { Duration::from_nanos(hall.now().saturating_sub(at)) };
    hall.times.lock().expect("no panic").push(took);
    hall.received.fetch_add(1, Ordering::Release);
    StatusCode::NO_CONTENT
}

async fn sound(hall: &Arc<Hall>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/", listener.local_addr().expect("bound"));
    let router = Router::new().fallback(take).with_state(Arc::clone(hall));
    tokio::spawn(async move { axum::serve(listener, router).await.expect("it serves") });
    url
}

/// Takes connections and never answers.
async fn dead() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/", listener.local_addr().expect("bound"));
    tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            held.push(stream);
        }
    });
    url
}

/// A server with an account of which some receivers are sent every change of a worker.
struct Floor {
    runtime: Runtime,
    account: AccountId,
    worker: WorkerId,
    hall: Arc<Hall>,
    delivering: Running,
    _directory: tempfile::TempDir,
}

impl Floor {
    async fn open() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let store = support::store_on(directory.path()).await;
        let runtime = support::runtime_with(store.clone()).await;
        let delivering = support::deliveries_on(&runtime, store).await;
        let account = runtime.create_account("Bench", |_| None).await.expect("the account is made").id;
        let committed = std::iter::repeat_with(|| AtomicU64::new(0)).take(SEQUENCES_MAX).collect();
        let (received, times) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
        let hall = Arc::new(Hall { begun: Instant::now(), committed, received, times });
        let (noting, mut batches) = (Arc::clone(&hall), runtime.subscribe(account).expect("it is there"));
        tokio::spawn(async move {
            while let Ok(batch) = batches.recv().await {
                let now = noting.now();
                for event in batch.events.iter() {
                    noting.committed[event.sequence as usize].store(now, Ordering::Release);
                }
            }
        });
        let worker = NewWorker {
            name: "Ann".to_owned(),
            attributes: json!({}),
            activity: None,
            capacity: [].into(),
            connection_required: false,
        };
        let Reply::Worker(view) = handle(&runtime, account, Command::CreateWorker(worker)).await else {
            panic!("not a worker")
        };
        let rules = ChannelRules { types: vec!["worker.updated".to_owned()], ..ChannelRules::default() };
        let new = NewEventChannel { name: "all".to_owned(), rules, state: EventChannelState::Active };
        handle(&runtime, account, Command::CreateEventChannel(new)).await;
        Self { runtime, account, worker: view.worker.id, hall, delivering, _directory: directory }
    }

    async fn subscribe(&self, url: String) {
        let new = NewSubscription {
            event_channel: Reference("all".to_owned()),
            target: SubscriptionTarget::Webhook { url },
            secret: Some(SigningSecret::new(Secret::of_random([7; 32]).text())),
            from: StartFrom::After(0),
            state: SubscriptionState::Active,
        };
        handle(&self.runtime, self.account, Command::CreateSubscription(new)).await;
    }

    /// One command that is one event.
    async fn event(&self, number: usize) {
        let change = WorkerChange { attributes: Some(json!({"round": number})), ..WorkerChange::default() };
        let command = Command::UpdateWorker { id: self.worker, change, expected: None };
        handle(&self.runtime, self.account, command).await;
    }

    async fn until_received(&self, count: usize) {
        let all = async {
            while self.hall.received.load(Ordering::Acquire) < count {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(LAST_WITHIN, all).await.expect("all arrive");
    }

    async fn close(self) {
        self.delivering.stop().await;
        self.runtime.close().await.expect("it closes");
    }
}

async fn handle(runtime: &Runtime, account: AccountId, command: Command) -> Reply {
    let request = Request { actor: Actor::Operator, command, keys: Vec::new(), once: None };
    match runtime.handle(account, request).await.expect("it is carried out") {
        Answered::Fresh(reply) => reply,
        Answered::Replayed(answer) => panic!("replayed: {answer:?}"),
    }
}

/// Messages per second that leave for so many receivers from a log that is there.
async fn throughput(receivers: usize) -> f64 {
    let floor = Floor::open().await;
    for number in 0..BACKLOG {
        floor.event(number).await;
    }
    let begun = Instant::now();
    for _ in 0..receivers {
        floor.subscribe(sound(&floor.hall).await).await;
    }
    floor.until_received(receivers * BACKLOG).await;
    let rate = (receivers * BACKLOG) as f64 / begun.elapsed().as_secs_f64();
    floor.close().await;
    rate
}

/// Times from commit to receipt at the sound ones among 100 receivers.
async fn latency(with_a_dead_one: bool, rate: usize) -> Vec<Duration> {
    let floor = Floor::open().await;
    if with_a_dead_one {
        floor.subscribe(dead().await).await;
    }
    let sound_ones = RECEIVERS - usize::from(with_a_dead_one);
    for _ in 0..sound_ones {
        floor.subscribe(sound(&floor.hall).await).await;
    }
    // Connections come about, and the dead one fails for the first time.
    floor.event(0).await;
    floor.until_received(sound_ones).await;
    floor.hall.times.lock().expect("no panic").clear();
    let (begun, count) = (Instant::now(), rate * seconds() as usize);
    for number in 1..=count {
        let due = begun + Duration::from_secs_f64(number as f64 / rate as f64);
        tokio::time::sleep_until(due.into()).await;
        floor.event(number).await;
    }
    floor.until_received(sound_ones * (count + 1)).await;
    let times = std::mem::take(&mut *floor.hall.times.lock().expect("no panic"));
    floor.close().await;
    times
}

#[tokio::main]
async fn main() {
    let rate = setting("EVENTS", EVENTS_PER_SECOND);
    println!("{:<12} {:>14}", "receivers", "messages/s");
    let mut rates = Vec::new();
    for receivers in [1, 4, 16] {
        let measured = throughput(receivers).await;
        println!("{receivers:<12} {measured:>14.0}");
        rates.push(json!({"receivers": receivers, "messages_per_second": measured}));
    }
    println!("\n{RECEIVERS} receivers, {rate} events/s, commit to receipt");
    println!("{:<12} {:>9} {:>9} {:>9} {:>9}", "", "messages", "p50 ms", "p99 ms", "max ms");
    let mut turns = [Vec::new(), Vec::new()];
    for _ in 0..TURNS {
        for (with_a_dead_one, name) in [(false, "all sound"), (true, "one is dead")] {
            let mut times = latency(with_a_dead_one, rate).await;
            times.sort_unstable();
            let [p50, p99, max] = [50, 99, 100].map(|part| percentile(&times, part));
            println!("{name:<12} {:>9} {p50:>9.2} {p99:>9.2} {max:>9.2}", times.len());
            turns[usize::from(with_a_dead_one)].push(p99);
        }
    }
    let median = |values: &mut Vec<f64>| {
        values.sort_unstable_by(f64::total_cmp);
        values[values.len() / 2]
    };
    let [sound, dead] = &mut turns;
    let (sound, dead) = (median(sound), median(dead));
    println!("p99 in the median of {TURNS} turns: {sound:.2} ms, {dead:.2} ms with a dead one: × {:.2}", dead / sound);
    println!("{}", json!({"bench": "webhooks", "rates": rates, "p99_ms": sound, "p99_ms_with_a_dead_one": dead}));
}
