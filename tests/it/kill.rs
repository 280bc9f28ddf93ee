//! The real program under load, killed without warning again and again: everything that was acknowledged is there
//! afterwards, nothing is there twice, and the sequence of events has no gap.

use super::support::plain_http::client;
use super::support::program::Program;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

/// Kills in one run; more by `CORDBOARD_KILL_CYCLES`.
const CYCLES: u64 = 20;
/// Acknowledged creations after which a server is killed; it differs from cycle to cycle.
const CREATED_BEFORE_KILL_MIN: u64 = 20;
const CREATORS: u64 = 4;
/// Looks until everything is counted, which takes seconds; only a test that fails takes so many.
const LOOKS_MAX: u32 = 5_000;
pub const KEY: &str = "kill-test-key-kill-test-key";

#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    base: String,
}

impl Client {
    pub fn new(program: &Program) -> Self {
        Self { http: client(), base: format!("{}/v1", program.address) }
    }

    /// The answer's body when the server acknowledged; `None` when it is gone.
    pub async fn post(&self, path: &str, body: &Value, idempotency_key: Option<&str>) -> Option<Value> {
        let mut request = self.http.post(format!("{}{path}", self.base)).bearer_auth(KEY).json(body);
        if let Some(key) = idempotency_key {
            request = request.header("idempotency-key", key);
        }
        let response = request.send().await.ok()?;
        let status = response.status();
        let body: Value = response.json().await.ok()?;
        assert!(status.is_success() || status.as_u16() == 409, "{path}: {status} {body}");
        status.is_success().then_some(body)
    }

    pub async fn get(&self, path: &str) -> Option<Value> {
        let response = self.http.get(format!("{}{path}", self.base)).bearer_auth(KEY).send().await.ok()?;
        let status = response.status();
        let body: Value = response.json().await.ok()?;
        assert!(status.is_success(), "{path}: {status} {body}");
        Some(body)
    }

    /// All entries of a list after one, page by page.
    pub async fn all(&self, path: &str, cursor: &str, mut after: Option<String>) -> Vec<Value> {
        let mut entries = Vec::new();
        loop {
            let next = after.map_or_else(String::new, |after| format!("&{cursor}={after}"));
            let page = self.get(&format!("{path}?limit=200{next}")).await.expect("the server answers");
            entries.extend(page["data"].as_array().expect("a list").iter().cloned());
            match page["next"].as_str() {
                Some(cursor) => after = Some(cursor.to_owned()),
                None => return entries,
            }
        }
    }
}

/// What the clients know for certain.
#[derive(Default)]
struct Known {
    /// Items by their number: the id that was acknowledged, if any was.
    created: BTreeMap<u64, Option<String>>,
    completed: Vec<String>,
}

pub async fn configure(client: &Client) {
    client.post("/queues", &json!({"name": "work"}), None).await.expect("a queue");
    let document = json!({"default": [{"route": {"queue": "work"}}]});
    client.post("/workflows", &json!({"name": "work", "document": document}), None).await.expect("a workflow");
    for name in ["ann", "bob"] {
        let worker = json!({"name": name, "activity": "Available", "capacity": {"default": 10}});
        client.post("/workers", &worker, None).await.expect("a worker");
    }
}

/// Creates items until the server is gone.
async fn create(
    client: Client,
    numbers: Arc<AtomicU64>,
    known: Arc<Mutex<Known>>,
    done: tokio::sync::mpsc::Sender<()>,
) {
    loop {
        let number = numbers.fetch_add(1, Ordering::Relaxed);
        known.lock().expect("no panic").created.insert(number, None);
        let Some(id) = create_one(&client, number).await else { return };
        known.lock().expect("no panic").created.insert(number, Some(id));
        if done.send(()).await.is_err() {
            return;
        }
    }
}

pub async fn create_one(client: &Client, number: u64) -> Option<String> {
    let item = json!({"workflow": "work", "attributes": {"number": number}});
    let created = client.post("/work-items", &item, Some(&format!("item-{number}"))).await?;
    Some(created["id"].as_str().expect("an id").to_owned())
}

/// Accepts and completes whatever is offered until the server is gone. What was accepted before an earlier kill is
/// completed first: otherwise the workers' capacity would fill up with it, and nothing more would be offered.
async fn serve(client: Client, known: Arc<Mutex<Known>>) {
    loop {
        let Some(accepted) = client.get("/reservations?state=accepted&limit=20").await else { return };
        let Some(offered) = client.get("/reservations?state=offered&limit=20").await else { return };
        for (held, action) in [(&accepted, "complete"), (&offered, "accept")] {
            for reservation in held["data"].as_array().expect("a list") {
                let (id, item) = (text(reservation, "id"), text(reservation, "work_item"));
                let done = client.post(&format!("/reservations/{id}/{action}"), &json!({}), None).await;
                if done.is_some() && action == "complete" {
                    known.lock().expect("no panic").completed.push(item.to_owned());
                }
            }
        }
    }
}

/// What the server was seen to hold after an earlier kill. Each verification reads only what came since, so that a run
/// of many cycles does not read everything again and again; the last one of a run reads it all.
#[derive(Default)]
struct Verified {
    sequence: u64,
    /// The ids of the items, by their number as created events tell them. Numbers are given in order, without a gap.
    items: BTreeMap<u64, String>,
    completions: usize,
}

fn number_of(item: &Value) -> u64 {
    item["attributes"]["number"].as_u64().expect("a number")
}

fn text<'a>(object: &'a Value, name: &str) -> &'a str {
    object[name].as_str().unwrap_or_else(|| panic!("no text `{name}` in {object}"))
}

/// What was not acknowledged is asked for again, with its key: it is carried out once.
async fn ask_again(client: &Client, known: &Mutex<Known>) {
    let open: Vec<u64> = {
        let known = known.lock().expect("no panic");
        known.created.iter().filter(|(_, id)| id.is_none()).map(|(number, _)| *number).collect()
    };
    for number in open {
        let id = create_one(client, number).await.expect("the server answers");
        known.lock().expect("no panic").created.insert(number, Some(id));
    }
}

/// The items that the events after the last verified one tell of, added to those known by then.
async fn verify_events(client: &Client, verified: &mut Verified) {
    for event in client.all("/events", "after_sequence", Some(verified.sequence.to_string())).await {
        verified.sequence += 1;
        assert_eq!(event["sequence"], verified.sequence, "the sequence has a gap");
        if event["type"] == "work_item.created" {
            let (number, id) = (number_of(&event["data"]["resource"]), text(&event, "subject").to_owned());
            let twin = verified.items.insert(number, id);
            assert_eq!(twin, None, "item {number} was made twice");
        }
    }
}

/// Verifies what was acknowledged since the last time.
async fn verify_since(client: &Client, known: &Mutex<Known>, verified: &mut Verified) {
    let first_new = verified.items.len() as u64;
    verify_events(client, verified).await;
    let (created, completed) = {
        let known = known.lock().expect("no panic");
        assert_eq!(verified.items.len(), known.created.len(), "there are items that nobody asked for");
        let created: Vec<_> = known.created.range(first_new..).map(|(number, id)| (*number, id.clone())).collect();
        (created, known.completed[verified.completions..].to_vec())
    };
    for (number, id) in created {
        assert_eq!(verified.items.get(&number), id.as_ref(), "item {number} was acknowledged");
        let item = client.get(&format!("/work-items/{}", verified.items[&number])).await.expect("the server answers");
        assert_eq!(number_of(&item), number, "the event and the item say the same");
    }
    verified.completions += completed.len();
    for id in completed {
        let item = client.get(&format!("/work-items/{id}")).await.expect("the server answers");
        assert_eq!(item["state"], "completed", "the completion of {id} was acknowledged");
    }
}

/// Verifies everything there is, from nothing; the sequence number of the last event.
async fn verify_all(client: &Client, known: &Mutex<Known>) -> u64 {
    let mut afresh = Verified::default();
    verify_events(client, &mut afresh).await;
    let items = client.all("/work-items", "after", None).await;
    let known = known.lock().expect("no panic");
    let states: BTreeMap<&str, &str> = items.iter().map(|item| (text(item, "id"), text(item, "state"))).collect();
    assert_eq!(states.len(), known.created.len(), "there are items that nobody asked for");
    for item in &items {
        let (number, id) = (number_of(item), text(item, "id"));
        assert_eq!(afresh.items.get(&number).map(String::as_str), Some(id), "item {number} is there twice");
    }
    for (number, id) in &known.created {
        assert_eq!(afresh.items.get(number), id.as_ref(), "item {number} was acknowledged");
    }
    for id in &known.completed {
        assert_eq!(states.get(id.as_str()), Some(&"completed"), "the completion of {id} was acknowledged");
    }
    println!("{} items, {} completions and {} events", items.len(), known.completed.len(), afresh.sequence);
    afresh.sequence
}

/// The statistics have counted each event once, however often the server was killed.
async fn verify_statistics(client: &Client, last_event: u64) {
    for _ in 0..LOOKS_MAX {
        let items = client.all("/work-items", "after", None).await;
        let oldest = items.last().map(|item| text(item, "created_at")).expect("there are items");
        let question = format!("/statistics/history?interval=total&from={}T00:00:00Z", &oldest[..10]);
        let answer = client.get(&question).await.expect("the server answers");
        if answer["computed_to"]["sequence"].as_u64().is_none_or(|counted| counted < last_event) {
            continue;
        }
        let ended = |state: &str| items.iter().filter(|item| item["state"] == state).count();
        let told = &answer["data"][0]["intervals"][0];
        let counted = ["created", "completed", "canceled"].map(|name| told[name].clone());
        assert_eq!(counted, [items.len(), ended("completed"), ended("canceled")].map(Value::from));
        return;
    }
    panic!("events are left uncounted");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_and_nothing_is_doubled() {
    let cycles = std::env::var("CORDBOARD_KILL_CYCLES").map_or(CYCLES, |cycles| cycles.parse().expect("a number"));
    let data = tempfile::tempdir().expect("a directory");
    let known = Arc::new(Mutex::new(Known::default()));
    let numbers = Arc::new(AtomicU64::new(0));
    let mut verified = Verified::default();
    let mut program = Program::start(data.path(), KEY);
    configure(&Client::new(&program)).await;
    for cycle in 0..cycles {
        let client = Client::new(&program);
        let (done, mut acknowledged) = tokio::sync::mpsc::channel(1);
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..CREATORS {
            tasks.spawn(create(client.clone(), Arc::clone(&numbers), Arc::clone(&known), done.clone()));
        }
        tasks.spawn(serve(client, Arc::clone(&known)));
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
        let client = Client::new(&program);
        ask_again(&client, &known).await;
        verify_since(&client, &known, &mut verified).await;
    }
    let last_event = verify_all(&Client::new(&program), &known).await;
    verify_statistics(&Client::new(&program), last_event).await;
    program.kill();
}
