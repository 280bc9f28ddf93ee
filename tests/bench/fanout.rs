//! Events to many receivers at once: 1,000 event streams (SSE) and 1,000 WebSockets over loopback in one process with
//! the server, on SQLite with full durability. Measured is the time from the end of an event's commit, as the first
//! subscriber in the process learns of it, until a receiver has read the event's last byte.
//!
//! `make bench NAME=fanout`; `BENCH_SECONDS=30` sets how long, `RECEIVERS=100` how many of a kind, `EVENTS=200` how many
//! events a second. Each receiver takes two open files of this process: `ulimit -n 20000` before, if it says so.
#![expect(clippy::disallowed_methods, reason = "a bench measures time and lasts for one")]

mod support;

use cordboard::app::new_key;
use cordboard::edge::http::{HttpLimits, HttpState, PatientListener, router};
use cordboard::runtime::store::Role;
use cordboard::runtime::{Answered, Request, Runtime};
use cordboard_domain::id::{AccountId, WorkerId};
use cordboard_domain::work::*;
use futures_util::StreamExt;
use serde_json::json;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use support::{cpu_seconds, percentile, resident_bytes, seconds};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

const KEY: &str = "bench-key-bench-key-bench-key";
const RECEIVERS: usize = 1_000;
const EVENTS_PER_SECOND: usize = 100;
/// Sequence numbers that there is room for.
const SEQUENCES_MAX: usize = 1_000_000;
/// How long the last event may take to reach everybody.
const LAST_WITHIN: Duration = Duration::from_secs(30);

fn setting(name: &str, default: usize) -> usize {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// When each event was committed, in nanoseconds since the beginning; 0 while it is not.
struct Commits {
    begun: Instant,
    at: Vec<AtomicU64>,
}

impl Commits {
    fn now(&self) -> u64 {
        self.begun.elapsed().as_nanos() as u64
    }

    /// Time since the commit. A receiver may be faster than the one who notes the commits: then it took no time.
    fn since(&self, sequence: usize) -> Duration {
        let now = self.now();
        match self.at[sequence].load(Ordering::Acquire) {
            0 => Duration::ZERO,
            at => Duration::from_nanos(now.saturating_sub(at)),
        }
    }
}

/// What receivers share.
struct Hall {
    address: SocketAddr,
    commits: Commits,
    ready: Semaphore,
}

impl Hall {
    fn received(&self, times: &mut Vec<Duration>, expected: &mut usize, sequence: usize) {
        assert!(*expected == 0 || *expected == sequence, "event {sequence} came, {expected} was due");
        times.push(self.commits.since(sequence));
        *expected = sequence + 1;
    }

    async fn listen(&self) -> Vec<Duration> {
        let (mut times, mut expected, mut line) = (Vec::new(), 0, String::new());
        let mut stream = BufReader::new(TcpStream::connect(self.address).await.expect("it listens"));
        let request = format!("GET /v1/events/stream HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {KEY}\r\n\r\n");
        stream.get_mut().write_all(request.as_bytes()).await.expect("it is sent");
        let mut id = None;
        loop {
            line.clear();
            if stream.read_line(&mut line).await.expect("it can be read") == 0 {
                return times;
            }
            if line.starts_with(": connected") {
                self.ready.add_permits(1);
            } else if line.starts_with(": the server is stopping") {
                return times;
            } else if let Some(told) = line.strip_prefix("id: ") {
                id = told.trim_end().parse().ok();
            } else if line.starts_with("data: ") {
                self.received(&mut times, &mut expected, id.expect("the id is in front"));
            }
        }
    }

    async fn converse(&self) -> Vec<Duration> {
        let (mut times, mut expected) = (Vec::new(), 0);
        let url = format!("ws://{}/v1/events/socket", self.address);
        let mut request = url.into_client_request().expect("a request");
        request.headers_mut().insert("authorization", format!("Bearer {KEY}").parse().expect("a header"));
        let stream = TcpStream::connect(self.address).await.expect("it listens");
        let (mut socket, _) = tokio_tungstenite::client_async(request, stream).await.expect("it is opened");
        self.ready.add_permits(1);
        while let Some(Ok(message)) = socket.next().await {
            let Message::Text(text) = message else { continue };
            // It is the last field.
            let sequence = text.rsplit("\"sequence\":").next().and_then(|rest| rest.trim_end_matches('}').parse().ok());
            self.received(&mut times, &mut expected, sequence.expect("every event has one"));
        }
        times
    }
}

fn report(name: &str, receivers: usize, times: &mut [Duration]) -> serde_json::Value {
    times.sort_unstable();
    let (p50, p99) = (percentile(times, 50), percentile(times, 99));
    let p999 = times.get(times.len() * 999 / 1_000).map_or(f64::NAN, |time| time.as_secs_f64() * 1_000.0);
    let max = percentile(times, 100);
    println!("{name:<12} {receivers:>9} {:>12} {p50:>9.2} {p99:>9.2} {p999:>9.2} {max:>9.2}", times.len());
    json!({"name": name, "receivers": receivers, "received": times.len(), "p50_ms": p50, "p99_ms": p99,
        "p999_ms": p999, "max_ms": max})
}

/// The worker whose changes are the events.
async fn worker(runtime: &Runtime, account: AccountId) -> WorkerId {
    let worker = NewWorker {
        name: "Ann".to_owned(),
        attributes: json!({}),
        activity: None,
        capacity: [].into(),
        connection_required: false,
    };
    let command = Command::CreateWorker(worker);
    let request = Request { actor: Actor::Operator, command, keys: Vec::new(), once: None };
    match runtime.handle(account, request).await.expect("it is carried out") {
        Answered::Fresh(Reply::Worker(view)) => view.worker.id,
        other => panic!("not a worker: {other:?}"),
    }
}

fn limits(streams: usize) -> HttpLimits {
    let plenty = NonZeroU32::new(1_000_000).expect("more than none");
    HttpLimits {
        requests_per_second: plenty,
        burst: plenty,
        body_bytes_max: 1 << 20,
        token_s_max: 86_400,
        request_s_max: 30,
        streams_max: streams,
        redis_streams: false,
    }
}

#[tokio::main]
async fn main() {
    let (receivers, rate) = (setting("RECEIVERS", RECEIVERS), setting("EVENTS", EVENTS_PER_SECOND));
    let directory = tempfile::tempdir().expect("a directory");
    let store = support::store_on(directory.path()).await;
    let runtime = support::runtime_with(store.clone()).await;
    let delivering = support::deliveries_on(&runtime, store).await;
    let (entropy, now) = (Arc::clone(runtime.entropy()), runtime.now());
    let key = |account| Some(new_key(&*entropy, now, account, "bench", Role::Admin, Some(KEY.to_owned())).0);
    let account = runtime.create_account("Bench", key).await.expect("the account is made").id;
    let worker = worker(&runtime, account).await;
    let state = HttpState::new(
        runtime.clone(),
        delivering.deliveries().clone(),
        limits(2 * receivers),
        None,
        [7; 32],
        Box::new(String::new),
    );
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let address = listener.local_addr().expect("it has an address");
    let listener = PatientListener::new(listener, PatientListener::TAKEN_WITHIN);
    let server = tokio::spawn(axum::serve(listener, router(state.clone())).into_future());

    let at = std::iter::repeat_with(|| AtomicU64::new(0)).take(SEQUENCES_MAX).collect();
    let commits = Commits { begun: Instant::now(), at };
    let hall = Arc::new(Hall { address, commits, ready: Semaphore::new(0) });
    let mut committed = runtime.subscribe(account).expect("the account is there");
    let noting = Arc::clone(&hall);
    tokio::spawn(async move {
        while let Ok(batch) = committed.recv().await {
            let now = noting.commits.now();
            for event in batch.events.iter() {
                noting.commits.at[event.sequence as usize].store(now, Ordering::Release);
            }
        }
    });
    let (mut listening, mut conversing) = (Vec::new(), Vec::new());
    for _ in 0..receivers {
        let (one, other) = (Arc::clone(&hall), Arc::clone(&hall));
        listening.push(tokio::spawn(async move { one.listen().await }));
        conversing.push(tokio::spawn(async move { other.converse().await }));
        drop(hall.ready.acquire_many(2).await.map(tokio::sync::SemaphorePermit::forget));
    }
    let memory = resident_bytes();
    let (begun, cpu, count) = (Instant::now(), cpu_seconds(), rate * seconds() as usize);
    for number in 0..count {
        let due = begun + Duration::from_secs_f64(number as f64 / rate as f64);
        tokio::time::sleep_until(due.into()).await;
        // One command that is one event.
        let change = WorkerChange { attributes: Some(json!({"round": number})), ..WorkerChange::default() };
        let command = Command::UpdateWorker { id: worker, change, expected: None };
        let request = Request { actor: Actor::Operator, command, keys: Vec::new(), once: None };
        let runtime = runtime.clone();
        tokio::spawn(async move {
            let answered = runtime.handle(account, request).await.expect("it is carried out");
            assert!(matches!(answered, Answered::Fresh(_)));
        });
    }
    let (lasted, cpu) = (begun.elapsed().as_secs_f64(), cpu_seconds() - cpu);
    tokio::time::sleep(Duration::from_secs(2)).await;
    state.end_streams();
    let collect = async |tasks: Vec<tokio::task::JoinHandle<Vec<Duration>>>| {
        let mut all = Vec::new();
        for task in tasks {
            let times = tokio::time::timeout(LAST_WITHIN, task).await.expect("it ends").expect("no receiver panics");
            assert_eq!(times.len(), count, "everybody has every event");
            all.extend(times);
        }
        all
    };
    let (mut streams, mut sockets) = (collect(listening).await, collect(conversing).await);
    server.abort();
    println!(
        "{rate} events/s for {lasted:.0} s, commit to receipt; {:.0} MB resident with all connected",
        memory as f64 / 1e6
    );
    println!(
        "{:<12} {:>9} {:>12} {:>9} {:>9} {:>9} {:>9}",
        "", "receivers", "received", "p50 ms", "p99 ms", "p99.9 ms", "max ms"
    );
    let rows = [report("SSE", receivers, &mut streams), report("WebSocket", receivers, &mut sockets)];
    let cores = cpu / lasted;
    println!("{cores:.2} cores, server and receivers together");
    println!(
        "{}",
        json!({"bench": "fanout", "events_per_second": rate, "cores": cores, "resident_bytes": memory, "rows": rows})
    );
}
