//! What the benches share: an account on a SQLite file of its own, and small arithmetic. Benches read the real clock.

#![allow(dead_code, reason = "each bench uses its part")]

pub mod raw;

use cordboard::edge::fetch::{HttpFetch, HttpFetchOptions, SystemNames};
use cordboard::edge::sink::AllSinks;
use cordboard::edge::store::SqlStore;
use cordboard::edge::system::{SystemClock, SystemEntropy};
use cordboard::runtime::delivery::{Deliveries, Running};
use cordboard::runtime::{Answered, Limits, Ports, Request, Runtime};
use cordboard_domain::id::{AccountId, ItemId};
use cordboard_domain::work::*;
use serde_json::json;
use serde_json::value::RawValue;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

pub struct Floor {
    pub runtime: Runtime,
    pub account: AccountId,
    pub directory: TempDir,
}

fn reference(name: &str) -> Reference {
    Reference(name.to_owned())
}

pub fn new_item() -> Command {
    let attributes = json!({
        "tier": "gold", "language": "en", "customer": "cus_0192837465", "order": 48_151_623, "topic": "billing",
        "history": ["opened", "answered", "reopened"], "note": "x".repeat(150),
    });
    Command::CreateItem(NewItem {
        workflow: reference("main"),
        channel: "chat".to_owned(),
        attributes: RawValue::from_string(attributes.to_string()).expect("it is JSON"),
        priority: 0,
        timeout_s: 86_400,
        unique_key: None,
    })
}

pub async fn runtime_on(directory: &Path) -> Runtime {
    runtime_with(store_on(directory).await).await
}

pub async fn store_on(directory: &Path) -> Arc<SqlStore> {
    let url = format!("sqlite://{}", directory.join("cordboard.db").display());
    Arc::new(SqlStore::open(&url).await.expect("the store opens"))
}

/// Deliveries to webhooks on this machine.
pub async fn deliveries_on(runtime: &Runtime, store: Arc<SqlStore>) -> Running {
    let sinks = AllSinks::new(Arc::clone(runtime.fetch()), None).expect("a client");
    Deliveries::begin(runtime.clone(), store, Arc::new(sinks), 0).await.expect("deliveries begin")
}

pub async fn runtime_with(store: Arc<SqlStore>) -> Runtime {
    let clock = Arc::new(SystemClock);
    // The benches' receivers are on this machine.
    let options = HttpFetchOptions {
        allow_networks: vec!["127.0.0.0/8".parse().expect("a network")],
        ca_file: None,
        connect: Duration::from_secs(5),
        requests_at_once: 256,
        host_requests_at_once: 16,
    };
    let fetch = HttpFetch::new(options, Arc::new(SystemNames::default()), clock.clone()).expect("a client");
    let ports = Ports { store, clock, entropy: Arc::new(SystemEntropy), fetch: Arc::new(fetch) };
    Runtime::start(ports, Limits::default()).await.expect("the runtime starts")
}

impl Floor {
    /// An account with one queue of all workers and one workflow that routes to it.
    pub async fn open() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        let runtime = runtime_on(directory.path()).await;
        let account = runtime.create_account("Bench", |_| None).await.expect("the account is made").id;
        let floor = Self { runtime, account, directory };
        let (order, priority_per_minute_milli) = (QueueOrder::Fifo, 0);
        let (name, workers) = ("support".to_owned(), json!(true));
        floor.done(Command::CreateQueue { name, workers, order, priority_per_minute_milli }).await;
        let document = json!({"name": "main", "default": [{"route": {"queue": "support"}}]});
        let (name, assignment_url, assignment_fallback_url) = ("main".to_owned(), None, None);
        floor.done(Command::CreateWorkflow { name, document, assignment_url, assignment_fallback_url }).await;
        floor
    }

    /// So many available workers that take three chats at a time.
    pub async fn staff(&self, workers: usize) {
        for number in 0..workers {
            let worker = NewWorker {
                name: format!("worker {number}"),
                attributes: json!({"languages": ["en", "de"], "skill": number % 10}),
                activity: Some(reference("Available")),
                capacity: [("chat".to_owned(), 3)].into(),
                connection_required: false,
            };
            self.done(Command::CreateWorker(worker)).await;
        }
    }

    pub async fn done(&self, command: Command) -> Reply {
        let request = Request { actor: Actor::Operator, command, keys: Vec::new(), once: None };
        match self.runtime.handle(self.account, request).await.expect("the command is carried out") {
            Answered::Fresh(reply) => reply,
            Answered::Replayed(_) => unreachable!("no idempotency keys are used"),
        }
    }

    pub async fn create_item(&self) -> ItemId {
        match self.done(new_item()).await {
            Reply::Resource(record) => match *record {
                Record::Item(item) => item.id,
                other => panic!("not an item: {other:?}"),
            },
            other => panic!("not an item: {other:?}"),
        }
    }
}

/// How long each row is measured, by `BENCH_SECONDS`.
pub fn seconds() -> u64 {
    std::env::var("BENCH_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(5)
}

/// A percentile of sorted times, in milliseconds.
pub fn percentile(sorted: &[Duration], percent: usize) -> f64 {
    let place = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
    sorted.get(place).map_or(f64::NAN, |time| time.as_secs_f64() * 1_000.0)
}

/// How many items are open, by `ITEMS`.
pub fn items() -> usize {
    std::env::var("ITEMS").ok().and_then(|text| text.parse().ok()).unwrap_or(1_000_000)
}

/// Creates so many waiting items, many at a time.
pub async fn fill(floor: &Floor, count: usize) {
    const TOGETHER: usize = 1_000;
    let started = std::time::Instant::now();
    let mut left = count;
    while left > 0 {
        let together = left.min(TOGETHER);
        let creating = (0..together).map(|_| floor.create_item());
        futures_util::future::join_all(creating).await;
        left -= together;
    }
    eprintln!("{count} items created in {:.0} s", started.elapsed().as_secs_f64());
}

/// Bytes of memory that the process has resident.
pub fn resident_bytes() -> u64 {
    status_bytes("VmRSS:")
}

/// The most it has had.
pub fn peak_bytes() -> u64 {
    status_bytes("VmHWM:")
}

/// Seconds of CPU time that the process has used, on all cores.
pub fn cpu_seconds() -> f64 {
    const TICKS_PER_SECOND: f64 = 100.0;
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // Behind the name, which may hold spaces: the 12th and 13th fields are user and system time.
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    fields.skip(11).take(2).filter_map(|field| field.parse::<f64>().ok()).sum::<f64>() / TICKS_PER_SECOND
}

/// A line of `/proc/self/status`, which is in KiB.
fn status_bytes(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or(0) * 1_024
}
