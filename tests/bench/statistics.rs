//! Statistics of a month: a million items of 50 queues and 200 workers over 31 days are folded from their events into a
//! SQLite file with full durability; then questions about the month are asked of the API within the process.
//!
//! `make bench NAME=statistics`; `ITEMS=100000` sets how many items, `REPEATS=5` how often each question is asked.
#![expect(clippy::disallowed_methods, reason = "a bench measures time and lasts for one")]

mod support;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use cordboard::app::new_key;
use cordboard::edge::http::{HttpLimits, HttpState, router};
use cordboard::edge::store::SqlStore;
use cordboard::runtime::statistics::store::{Position, StatisticsBatch, StatisticsStore};
use cordboard::runtime::store::Role;
use cordboard_domain::id::*;
use cordboard_domain::statistics::{Changes, Fold, HOUR_MS, Observed};
use cordboard_domain::time::Timestamp;
use serde_json::json;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::num::NonZeroU32;
use std::time::Instant;
use support::{cpu_seconds, resident_bytes, runtime_on, runtime_with};
use tower::ServiceExt;

const KEY: &str = "bench-key-bench-key-bench-key";
const ITEMS: usize = 1_000_000;
const DAYS: i64 = 31;
const QUEUES: u64 = 50;
const WORKERS: u64 = 200;
const REPEATS: usize = 9;
/// 2026-01-01T00:00:00Z.
const START: i64 = 1_767_225_600_000;

fn setting(name: &str, default: usize) -> usize {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// An event that is still to come: when, which number, its type and data.
type Coming = Reverse<(i64, u64, &'static str, String)>;

/// The events of items that arrive evenly, with waits and work of many lengths.
struct Arrivals {
    ids: IdSource,
    items: usize,
    made: usize,
    events: u64,
    coming: BinaryHeap<Coming>,
}

fn time(at: i64) -> String {
    Timestamp::from_millis(at).to_string()
}

impl Arrivals {
    fn below(&mut self, bound: u64) -> u64 {
        (self.ids.next(Timestamp::from_millis(0)) as u64) % bound
    }

    /// Many short, a few long.
    fn skewed(&mut self, mean_ms: u64) -> i64 {
        let (a, b, c) = (self.below(1_000), self.below(1_000), self.below(1_000));
        (a * b * c * 8 * mean_ms / 1_000_000_000) as i64
    }

    fn plan(&mut self, at: i64, kind: &'static str, data: String) {
        self.events += 1;
        self.coming.push(Reverse((at, self.events, kind, data)));
    }

    fn next_item(&mut self) {
        let at = START + DAYS * 24 * HOUR_MS * self.made as i64 / self.items as i64;
        self.made += 1;
        let now = Timestamp::from_millis(at);
        let (item, offer) = (ItemId(self.ids.next(now)), ReservationId(self.ids.next(now)));
        let (queue, worker) =
            (QueueId(1 + u128::from(self.below(QUEUES))), WorkerId(1 + u128::from(self.below(WORKERS))));
        let workflow = WorkflowId(1 + u128::from(self.below(5)));
        let channel = ["voice", "chat", "email"][self.below(3) as usize];
        let (waited, worked, wrapped) = (self.skewed(40_000), self.skewed(300_000), self.skewed(30_000));
        let gave_up = self.below(20) == 0;
        let [began, ready, wrapping] = [at, at + waited, at + waited + worked].map(time);
        let note = "x".repeat(150);
        // Texts as the engine writes them; making them from values would take longer than all that is measured.
        let view = |state: &str, worker: &str, queue: &str, since: &str| {
            format!(
                r#"{{"resource":{{"id":"{item}","workflow":"{workflow}","workflow_version":3,"channel":"{channel}","attributes":{{"tier":"gold","language":"en","note":"{note}"}},"priority":0,"state":"{state}","reason":null,"timeout_s":86400,"unique_key":null,"queue":{queue},"rule":"default","step":"/default/0","entered_queue_at":{since},"waiting_since":{since},"worker":{worker},"reservation":null,"created_at":"{began}","updated_at":"{began}"}},"actor":"system","detail":{{"requested":true}}}}"#
            )
        };
        let offered = |state: &str, resolved: &str, wrapped: &str| {
            format!(
                r#"{{"resource":{{"id":"{offer}","work_item":"{item}","worker":"{worker}","queue":"{queue}","workflow":"{workflow}","channel":"{channel}","state":"{state}","reason":null,"offered_at":"{began}","expires_at":"{began}","resolved_at":{resolved},"wrapping_at":{wrapped},"created_at":"{began}","updated_at":"{began}"}},"actor":"system"}}"#
            )
        };
        let quoted = |text: &str| format!("\"{text}\"");
        let (in_queue, since, held_by) = (quoted(&queue.to_string()), quoted(&began), quoted(&worker.to_string()));
        let new = view("pending", "null", "null", "null");
        let waiting = view("pending", "null", &in_queue, &since);
        self.plan(at, "work_item.created", new.clone());
        self.plan(at, "workflow.rule_matched", new);
        self.plan(at, "workflow.step_entered", waiting.clone());
        self.plan(at, "work_item.queued", waiting.clone());
        let at = at + waited;
        if gave_up {
            return self.plan(at, "work_item.canceled", waiting);
        }
        let held = view("assigned", &held_by, &in_queue, &since);
        self.plan(at, "reservation.offered", offered("offered", "null", "null"));
        self.plan(at, "work_item.reserved", waiting);
        self.plan(at, "reservation.accepted", offered("accepted", &quoted(&ready), "null"));
        self.plan(at, "work_item.assigned", held.clone());
        let ended = offered("completed", &quoted(&ready), &quoted(&wrapping));
        let at = at + worked;
        self.plan(at, "reservation.wrapping", ended.clone());
        self.plan(at, "work_item.wrapping", held.clone());
        let at = at + wrapped;
        self.plan(at, "reservation.completed", ended);
        self.plan(at, "work_item.completed", held);
    }

    /// The events before a time, in order.
    fn until(&mut self, end: i64) -> Vec<(i64, &'static str, String)> {
        while self.made < self.items && START + DAYS * 24 * HOUR_MS * self.made as i64 / (self.items as i64) < end {
            self.next_item();
        }
        let mut events = Vec::new();
        while self.coming.peek().is_some_and(|Reverse((at, ..))| *at < end) {
            if let Some(Reverse((at, _, kind, data))) = self.coming.pop() {
                events.push((at, kind, data));
            }
        }
        events
    }
}

fn staffed(worker: u64) -> (i64, &'static str, String) {
    let data = json!({"resource": {
        "id": WorkerId(u128::from(worker)), "name": format!("worker {worker}"), "activity": "Available",
        "available": true, "reachable": true,
    }});
    (START, "worker.created", data.to_string())
}

/// What filling took.
#[derive(Default)]
struct Filled {
    events: u64,
    fold_s: f64,
    write_s: f64,
    rows: usize,
    bytes: usize,
}

/// Folds the month hour by hour, as the server would, and stores it.
async fn fill(store: &SqlStore, account: AccountId, items: usize) -> Filled {
    let mut arrivals = Arrivals { ids: IdSource::new(7), items, made: 0, events: 0, coming: BinaryHeap::new() };
    let (mut fold, mut filled, mut position) = (Fold::default(), Filled::default(), Position::default());
    for hour in 0..DAYS * 24 + 2 {
        let end = START + (hour + 1) * HOUR_MS;
        let mut events = arrivals.until(end);
        if hour == 0 {
            events.splice(0..0, (1..=WORKERS).map(staffed));
        }
        let began = Instant::now();
        for (at, kind, data) in &events {
            fold.take(Observed::read(kind, Timestamp::from_millis(*at), data).expect("events are as the engine's"));
        }
        let Changes { hours, workers, names } = fold.take_changes();
        filled.fold_s += began.elapsed().as_secs_f64();
        filled.events += events.len() as u64;
        position = Position {
            revision: position.revision + 1,
            sequence: 0,
            time: Timestamp::from_millis(end - 1),
            complete_from: None,
        };
        // What was charged to an hour before is written again, as the server does.
        let began = Instant::now();
        let keys: Vec<_> = hours.keys().cloned().collect();
        let stored = store.statistics_hours(account, &keys).await.expect("read");
        let mut hours = hours;
        for (key, body) in &stored {
            let before = cordboard_domain::statistics::Hour::decode(body).expect("readable");
            hours.get_mut(key).expect("asked for").merge(&before);
        }
        let bodies: Vec<_> = hours.into_iter().map(|(key, hour)| (key, hour.encode())).collect();
        filled.rows += bodies.len() - stored.len();
        filled.bytes += bodies.iter().map(|(_, body)| body.len()).sum::<usize>();
        let batch = StatisticsBatch {
            account,
            position,
            new_hours: keys,
            hours: bodies,
            workers: workers.into_iter().collect(),
            names: names.into_iter().collect(),
        };
        store.write_statistics(batch).await.expect("written");
        filled.write_s += began.elapsed().as_secs_f64();
    }
    filled
}

/// Asks for all pages; how many there were, rows and bytes of them.
async fn ask(router: &Router, question: &str, counting: bool) -> (usize, usize, usize) {
    let (mut pages, mut rows, mut bytes, mut after) = (0, 0, 0, String::new());
    loop {
        let request = Request::get(format!("/v1/statistics/history?{question}{after}"));
        let request = request.header("authorization", format!("Bearer {KEY}")).body(Body::empty()).expect("a request");
        let answer = router.clone().oneshot(request).await.expect("answered");
        assert!(answer.status().is_success(), "{question}: {answer:?}");
        let body = to_bytes(answer.into_body(), usize::MAX).await.expect("read");
        (pages, bytes) = (pages + 1, bytes + body.len());
        rows += if counting { count(&body, b"\"start\":") } else { 0 };
        // The cursor stands at the end; to read the whole answer would take longer than to make it.
        let tail = String::from_utf8_lossy(&body[body.len().saturating_sub(100)..]).into_owned();
        match tail.split_once("\"next\":\"").and_then(|(_, rest)| rest.split('"').next().map(str::to_owned)) {
            Some(next) => after = format!("&after={next}"),
            None => return (pages, rows, bytes),
        }
    }
}

fn count(body: &[u8], what: &[u8]) -> usize {
    body.windows(what.len()).filter(|part| *part == what).count()
}

async fn time_of(router: &Router, name: &str, question: &str) {
    let (mut times, mut cpu) = (Vec::new(), 0.0);
    let (pages, rows, bytes) = ask(router, question, true).await;
    for _ in 0..setting("REPEATS", REPEATS) {
        let (began, before) = (Instant::now(), cpu_seconds());
        ask(router, question, false).await;
        times.push(began.elapsed().as_secs_f64() * 1_000.0);
        cpu += cpu_seconds() - before;
    }
    times.sort_by(f64::total_cmp);
    let (median, least, most) = (times[times.len() / 2], times[0], times[times.len() - 1]);
    let cpu_ms = cpu / times.len() as f64 * 1_000.0;
    println!(
        "{name:<34} {pages:>5} {rows:>8} {:>8.1} {median:>9.0} {least:>9.0} {most:>9.0} {cpu_ms:>8.0}",
        bytes as f64 / 1e6
    );
    let line = json!({"bench": "statistics", "question": name, "pages": pages, "rows": rows, "bytes": bytes,
        "median_ms": median, "least_ms": least, "most_ms": most, "cpu_ms": cpu_ms});
    println!("{line}");
}

#[tokio::main]
async fn main() {
    let (items, directory) = (setting("ITEMS", ITEMS), tempfile::tempdir().expect("a directory"));
    let runtime = runtime_on(directory.path()).await;
    let entropy = std::sync::Arc::clone(runtime.entropy());
    let now = runtime.now();
    let key = |account| Some(new_key(&*entropy, now, account, "bench", Role::Admin, Some(KEY.to_owned())).0);
    let account = runtime.create_account("Bench", key).await.expect("made").id;
    runtime.stop().await;
    let store = support::store_on(directory.path()).await;
    let filled = fill(&store, account, items).await;
    drop(store);
    let per_event = filled.fold_s / filled.events as f64 * 1e6;
    println!("{items} items, {} events: fold {per_event:.2} us an event", filled.events);
    println!("{} hours stored, {:.1} MB written in {:.1} s", filled.rows, filled.bytes as f64 / 1e6, filled.write_s);
    let line = json!({"bench": "statistics", "items": items, "events": filled.events, "fold_us_per_event": per_event,
        "hours": filled.rows, "bytes": filled.bytes, "write_s": filled.write_s});
    println!("{line}");

    let store = support::store_on(directory.path()).await;
    let runtime = runtime_with(store.clone()).await;
    let delivering = support::deliveries_on(&runtime, store).await;
    let limits = HttpLimits {
        requests_per_second: NonZeroU32::MAX,
        burst: NonZeroU32::MAX,
        body_bytes_max: 65_536,
        token_s_max: 86_400,
        request_s_max: 30,
        streams_max: 1,
        redis_streams: false,
    };
    let router = router(HttpState::new(
        runtime.clone(),
        delivering.deliveries().clone(),
        limits,
        None,
        [7; 32],
        Box::new(String::new),
    ));
    let month = "from=2026-01-01T00:00:00Z&to=2026-02-01T00:00:00Z";
    println!(
        "{:<34} {:>5} {:>8} {:>8} {:>9} {:>9} {:>9} {:>8}",
        "a month", "pages", "rows", "MB", "median ms", "least", "most", "CPU ms"
    );
    for (name, question) in [
        ("all, 15 minutes", "interval=15m"),
        ("all, one number", "interval=total"),
        ("all, days", "interval=1d"),
        ("one queue, 15 minutes", "interval=15m&group_by=queue&only=que_00000000000000000000000007"),
        ("50 queues, 15 minutes", "interval=15m&group_by=queue"),
        ("50 queues, hours", "interval=1h&group_by=queue"),
        ("50 queues, one number each", "interval=total&group_by=queue"),
        ("200 workers, days", "interval=1d&group_by=worker"),
    ] {
        time_of(&router, name, &format!("{month}&{question}")).await;
    }
    println!("resident: {:.0} MiB", resident_bytes() as f64 / 1_048_576.0);
    runtime.stop().await;
}
