//! The real program, killed without warning while it delivers: every event arrives, and whatever arrives twice is the
//! same message with the same `webhook-id`.

use super::hook::soon;
use crate::kill::{Client, KEY, configure, create_one};
use crate::support::program::Program;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;

/// Kills in one run; more by `CORDBOARD_KILL_CYCLES`.
const CYCLES: u64 = 8;
const CREATORS: u64 = 4;
/// Acknowledged creations after which a server is killed; it differs from cycle to cycle.
const CREATED_BEFORE_KILL_MIN: u64 = 15;
/// Messages of each subscription that are refused: each is sent again after five seconds of real time.
const REFUSED: [usize; 2] = [60, 200];

/// Messages by path, in the order of their coming: id and body.
#[derive(Default)]
struct Heard(Mutex<BTreeMap<String, Vec<(String, Bytes)>>>);

async fn take(
    State(heard): State<Arc<Heard>>,
    Path(path): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    let id = headers["webhook-id"].to_str().expect("a text").to_owned();
    let mut heard = heard.0.lock().expect("no panic");
    let messages = heard.entry(path).or_default();
    messages.push((id, body));
    if REFUSED.contains(&messages.len()) { StatusCode::BAD_GATEWAY } else { StatusCode::NO_CONTENT }
}

/// What arrived at one subscription, each message once, in the order of their first coming.
fn messages(heard: &Heard, path: &str) -> Vec<Value> {
    let heard = heard.0.lock().expect("no panic");
    let mut known: BTreeMap<&str, &Bytes> = BTreeMap::new();
    let mut all = Vec::new();
    for (id, body) in heard.get(path).into_iter().flatten() {
        match known.insert(id, body) {
            Some(before) => assert_eq!(before, body, "{id} has two bodies"),
            None => all.push(serde_json::from_slice(body).expect("JSON")),
        }
    }
    all
}

fn sequence(event: &Value) -> u64 {
    event["sequence"].as_u64().expect("a sequence number")
}

async fn subscribe(client: &Client, base: &str, name: &str, rules: Value) -> String {
    let mut channel = rules;
    channel["name"] = json!(name);
    client.post("/event-channels", &channel, None).await.expect("a channel");
    let body = json!({"event_channel": name, "kind": "webhook", "url": format!("{base}/{name}"), "from": 0});
    let made = client.post("/subscriptions", &body, None).await.expect("a subscription");
    made["id"].as_str().expect("an id").to_owned()
}

/// Creates items until the server is gone.
async fn create(client: Client, numbers: Arc<AtomicU64>, done: tokio::sync::mpsc::Sender<()>) {
    while create_one(&client, numbers.fetch_add(1, Ordering::Relaxed)).await.is_some() {
        if done.send(()).await.is_err() {
            return;
        }
    }
}

/// Waits until everything has left for a subscription, and arrived.
async fn delivered(client: &Client, subscription: &str) {
    soon(async {
        loop {
            let progress = client.get(&format!("/subscriptions/{subscription}/progress")).await.expect("it answers");
            let behind = progress["position"].as_u64() < progress["last_sequence"].as_u64();
            // Positions move with what is sent; events that a channel leaves out may follow the last one that is.
            if progress["waiting"].is_null() && (!behind || nothing_wanted(client, &progress).await) {
                return;
            }
        }
    })
    .await;
    for state in ["failed", "pending", "skipped"] {
        let path = format!("/subscriptions/{subscription}/deliveries?state={state}");
        assert_eq!(client.get(&path).await.expect("it answers")["data"], json!([]), "{state}");
    }
}

/// Whether what follows the position has no item's creation, which every channel here wants.
async fn nothing_wanted(client: &Client, progress: &Value) -> bool {
    let path = format!("/events?types=work_item.*&after_sequence={}&limit=1", progress["position"]);
    client.get(&path).await.expect("it answers")["data"] == json!([])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_during_delivery_loses_nothing_and_doubles_only_by_the_same_id() {
    let cycles = std::env::var("CORDBOARD_KILL_CYCLES").map_or(CYCLES, |cycles| cycles.parse().expect("a number"));
    let heard = Arc::new(Heard::default());
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let base = format!("http://{}", listener.local_addr().expect("bound"));
    let router = Router::new().route("/{path}", axum::routing::post(take)).with_state(Arc::clone(&heard));
    let receiving = tokio::spawn(async move { axum::serve(listener, router).await.expect("it serves") });
    let data = tempfile::tempdir().expect("a directory");
    let mut program = Program::start(data.path(), KEY);
    let client = Client::new(&program);
    configure(&client).await;
    let batch = json!({"events_max": 7, "delay_s": 0});
    let chosen = json!({"types": ["work_item.created"], "fields": ["subject"], "throttle": {"events_per_s": 5}});
    let subscriptions = [
        subscribe(&client, &base, "plain", json!({"types": ["work_item.*"]})).await,
        subscribe(&client, &base, "batched", json!({"types": ["work_item.*"], "batch": batch})).await,
        subscribe(&client, &base, "chosen", chosen).await,
    ];
    let numbers = Arc::new(AtomicU64::new(0));
    for cycle in 0..cycles {
        let client = Client::new(&program);
        let (done, mut acknowledged) = tokio::sync::mpsc::channel(1);
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..CREATORS {
            tasks.spawn(create(client.clone(), Arc::clone(&numbers), done.clone()));
        }
        drop(done);
        for _ in 0..CREATED_BEFORE_KILL_MIN + cycle * 7 % 23 {
            acknowledged.recv().await.expect("creations go on");
        }
        program.kill();
        drop(acknowledged);
        while let Some(ended) = tasks.join_next().await {
            ended.expect("a client saw an answer that it must not see");
        }
        program = Program::start(data.path(), KEY);
    }
    let client = Client::new(&program);
    // Something for every channel to end with: a throttle tells what it dropped when its second is over.
    create_one(&client, numbers.fetch_add(1, Ordering::Relaxed)).await.expect("it answers");
    for subscription in &subscriptions {
        delivered(&client, subscription).await;
    }
    let events = client.all("/events", "after_sequence", Some("0".to_owned())).await;
    let of_items = |event: &&Value| event["type"].as_str().expect("a type").starts_with("work_item.");
    let wanted: Vec<&Value> = events.iter().filter(of_items).collect();
    let plain = messages(&heard, "plain");
    assert_eq!(plain.iter().collect::<Vec<_>>(), wanted, "each once, in order, word for word");
    let batched = messages(&heard, "batched");
    let batched: Vec<&Value> = batched.iter().flat_map(|batch| batch.as_array().expect("an array")).collect();
    assert_eq!(batched, wanted);
    verify_throttled(&messages(&heard, "chosen"), &wanted);
    program.kill();
    receiving.abort();
}

/// Each event passed, or is in one summary's range; none is both, none is neither.
fn verify_throttled(told: &[Value], wanted: &[&Value]) {
    let mut left: BTreeSet<u64> =
        wanted.iter().filter(|event| event["type"] == "work_item.created").map(|event| sequence(event)).collect();
    let mut last = 0;
    for event in told {
        assert!(sequence(event) > last, "in order");
        last = sequence(event);
        if event["type"] != "event_channel.events_dropped" {
            assert!(left.remove(&last), "{last} came twice, or was not asked for");
            continue;
        }
        let data = &event["data"];
        let bound = |name: &str| data[name].as_u64().expect("a number");
        let dropped: Vec<u64> = left.range(bound("first_sequence")..=bound("last_sequence")).copied().collect();
        assert_eq!(dropped.len() as u64, bound("dropped"));
        left.retain(|sequence| !dropped.contains(sequence));
    }
    assert!(left.is_empty(), "neither sent nor told of: {left:?}");
}
