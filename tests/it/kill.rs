//! The real program under load, killed without warning again and again: everything that was acknowledged is there
//! afterwards, nothing is there twice, and the sequence of events has no gap.

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
const KEY: &str = "kill-test-key-kill-test-key";

#[derive(Clone)]
struct Client {
    http: reqwest::Client,
    base: String,
}

impl Client {
    fn new(program: &Program) -> Self {
        Self { http: reqwest::Client::new(), base: format!("{}/v1", program.address) }
    }

    /// The answer's body when the server acknowledged; `None` when it is gone.
    async fn post(&self, path: &str, body: &Value, idempotency_key: Option<&str>) -> Option<Value> {
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

    async fn get(&self, path: &str) -> Option<Value> {
        let response = self.http.get(format!("{}{path}", self.base)).bearer_auth(KEY).send().await.ok()?;
        let status = response.status();
        let body: Value = response.json().await.ok()?;
        assert!(status.is_success(), "{path}: {status} {body}");
        Some(body)
    }

    /// All entries of a list, page by page.
    async fn all(&self, path: &str, cursor: &str) -> Vec<Value> {
        let (mut entries, mut after) = (Vec::new(), None::<String>);
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

async fn configure(client: &Client) {
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

async fn create_one(client: &Client, number: u64) -> Option<String> {
    let item = json!({"workflow": "work", "attributes": {"number": number}});
    let created = client.post("/work-items", &item, Some(&format!("item-{number}"))).await?;
    Some(created["id"].as_str().expect("an id").to_owned())
}

/// Accepts and completes whatever is offered until the server is gone.
async fn serve(client: Client, known: Arc<Mutex<Known>>) {
    while let Some(offered) = client.get("/reservations?state=offered&limit=20").await {
        for reservation in offered["data"].as_array().expect("a list") {
            let (id, item) = (reservation["id"].as_str().expect("an id"), reservation["work_item"].as_str());
            if client.post(&format!("/reservations/{id}/accept"), &json!({}), None).await.is_none() {
                continue;
            }
            if client.post(&format!("/reservations/{id}/complete"), &json!({}), None).await.is_some() {
                known.lock().expect("no panic").completed.push(item.expect("an item").to_owned());
            }
        }
    }
}

async fn verify(client: &Client, known: &Mutex<Known>) {
    // What was not acknowledged is asked for again, with its key: it is carried out once.
    let open: Vec<u64> = {
        let known = known.lock().expect("no panic");
        known.created.iter().filter(|(_, id)| id.is_none()).map(|(number, _)| *number).collect()
    };
    for number in open {
        let id = create_one(client, number).await.expect("the server answers");
        known.lock().expect("no panic").created.insert(number, Some(id));
    }
    let items = client.all("/work-items", "after").await;
    let events = client.all("/events", "after_sequence").await;
    let known = known.lock().expect("no panic");
    let mut stored: BTreeMap<u64, (String, String)> = BTreeMap::new();
    for item in &items {
        let number = item["attributes"]["number"].as_u64().expect("a number");
        let text = |name: &str| item[name].as_str().expect("a text").to_owned();
        let twin = stored.insert(number, (text("id"), text("state")));
        assert_eq!(twin, None, "item {number} is there twice");
    }
    for (number, id) in &known.created {
        let found = stored.get(number).map(|(id, _)| id.as_str());
        assert_eq!(found, id.as_deref(), "item {number} was acknowledged");
    }
    assert_eq!(stored.len(), known.created.len(), "there are items that nobody asked for");
    for id in &known.completed {
        let state = stored.values().find(|(stored, _)| stored == id).map(|(_, state)| state.as_str());
        assert_eq!(state, Some("completed"), "the completion of {id} was acknowledged");
    }
    let sequences = events.iter().map(|event| event["sequence"].as_u64().expect("a number"));
    assert!(sequences.eq(1..=events.len() as u64), "the sequence has a gap");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_and_nothing_is_doubled() {
    let cycles = std::env::var("CORDBOARD_KILL_CYCLES").map_or(CYCLES, |cycles| cycles.parse().expect("a number"));
    let data = tempfile::tempdir().expect("a directory");
    let known = Arc::new(Mutex::new(Known::default()));
    let numbers = Arc::new(AtomicU64::new(0));
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
        verify(&Client::new(&program), &known).await;
    }
    program.kill();
}
