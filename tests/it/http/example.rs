//! The examples of the OpenAPI document, sent to the server in the order in which somebody would who sets up an account
//! and works in it. Each is taken, conditions and repetitions are honoured where the document says so, and each answer
//! is one that it promises.

use super::contract::{operations, resolved};
use super::office::*;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

struct Tour {
    office: Office,
    /// What stands for a part of a path, such as `work-items`.
    ids: BTreeMap<&'static str, String>,
    /// Operations that were answered.
    done: BTreeSet<String>,
    calls: u32,
}

/// The example and the name of the schema of a content.
fn example(content: &'static Value) -> Option<(&'static str, &'static Value)> {
    let content = content["content"]["application/json"].as_object()?;
    let name = content["schema"]["$ref"].as_str()?.rsplit('/').next()?;
    Some((name, content.get("example").unwrap_or(&Value::Null)))
}

impl Tour {
    async fn new() -> Self {
        Self { office: Office::new().await, ids: BTreeMap::new(), done: BTreeSet::new(), calls: 0 }
    }

    /// Calls an operation with the example of its body: on a condition that is not met, and, where it can be repeated,
    /// twice.
    async fn call(&mut self, id: &str) -> Answer {
        let found = operations().find(|(.., operation)| operation["operationId"] == id);
        let (template, method, operation) = found.unwrap_or_else(|| panic!("there is no operation {id}"));
        let collection = template.split('/').nth(2).expect("a collection");
        let own = self.ids.get(collection).cloned().unwrap_or_default();
        let delivery = self.ids.get("deliveries").cloned().unwrap_or_default();
        let path = template.replace("{id}", &own).replace("{version}", "1").replace("{delivery}", &delivery);
        let body = example(resolved(&operation["requestBody"])).map(|(name, example)| {
            assert!(example.is_object(), "{name} has no example");
            example.clone()
        });
        let key = if collection == "accounts" { OPERATOR } else { ADMIN };
        let takes =
            |name: &str| operation["parameters"].as_array().is_some_and(|all| all.iter().any(|it| it["name"] == name));
        let method = method.to_uppercase();
        if takes("If-Match") {
            let stale = [("if-match", "\"0\"")];
            let refused = self.office.call_with(key, &method, &path, body.clone(), &stale).await.is(412);
            assert_eq!(refused.code(), "stale", "{id}");
        }
        let (once, repeats) = (format!("{id}-{}", self.calls), takes("Idempotency-Key"));
        self.calls += 1;
        let headers = [("idempotency-key", once.as_str())];
        let headers = if repeats { &headers[..] } else { &[] };
        let answer = self.office.call_with(key, &method, &path, body.clone(), headers).await;
        assert!(answer.status.is_success(), "{id}: {answer:?}");
        if repeats {
            let again = self.office.call_with(key, &method, &path, body, headers).await;
            assert_eq!((&again.body, again.status), (&answer.body, answer.status), "{id}");
            assert!(again.headers.contains_key("idempotent-replayed"), "{id}");
        }
        self.done.insert(id.to_owned());
        answer
    }

    /// Calls a creation; what follows is about what it made.
    async fn create(&mut self, id: &str, collection: &'static str) {
        let made = self.call(id).await.is(201).id();
        self.ids.insert(collection, made);
    }

    /// An item that ann is offered, or also holds.
    async fn item(&mut self, held: bool) {
        self.office.clock.advance(std::time::Duration::from_secs(120));
        self.office.patch("/v1/workers/ann", serde_json::json!({"activity": "Available"})).await.is(200);
        self.create("create_work_item", "work-items").await;
        let (offer, _) = self.office.offer(&self.ids["work-items"]).await.expect("ann is free");
        self.ids.insert("reservations", offer);
        if held {
            self.call("accept_reservation").await;
        }
    }
}

async fn configure(tour: &mut Tour) {
    tour.create("create_activity", "activities").await;
    tour.create("create_channel", "channels").await;
    tour.create("create_queue", "queues").await;
    tour.create("create_schedule", "schedules").await;
    tour.create("create_worker", "workers").await;
    tour.create("create_event_channel", "event-channels").await;
    tour.create("create_subscription", "subscriptions").await;
    tour.create("create_workflow", "workflows").await;
    tour.create("create_api_key", "api-keys").await;
    let event = tour.call("list_events").await.body["data"][0]["source"].clone();
    let account = event.as_str().and_then(|source| source.strip_prefix("/accounts/")).expect("an account");
    tour.ids.insert("accounts", account.to_owned());
    tour.call("rotate_subscription_secret").await;
    for id in [
        "create_worker_token",
        "publish_workflow",
        "check_document",
        "check_workflow",
        "create_account",
        "rotate_signing_secret",
    ] {
        tour.call(id).await;
    }
}

/// A subscription of which there is a delivery takes the place of the example's.
async fn deliver(tour: &mut Tour) {
    let example = format!("/v1/subscriptions/{}", tour.ids["subscriptions"]);
    tour.office.call(ADMIN, "DELETE", &example, None).await.is(204);
    tour.office.post("/v1/event-channels", serde_json::json!({"name": "everything"})).await.is(201);
    let body = serde_json::json!({
        "event_channel": "everything", "kind": "webhook", "url": "https://crm.example/events", "from": 0,
    });
    let subscription = tour.office.post("/v1/subscriptions", body).await.is(201).id();
    let path = format!("/v1/subscriptions/{subscription}/deliveries");
    let delivery = loop {
        let found = tour.office.get(&path).await.is(200).body["data"][0]["id"].clone();
        match found.as_str() {
            Some(id) => break id.to_owned(),
            None => tokio::task::yield_now().await,
        }
    };
    tour.ids.extend([("subscriptions", subscription), ("deliveries", delivery)]);
    for id in ["retry_deliveries", "ping_subscription"] {
        tour.call(id).await;
    }
}

async fn work(tour: &mut Tour) {
    tour.item(false).await;
    tour.call("reject_reservation").await;
    for id in ["update_work_item", "reroute_work_item", "explain_work_item", "get_realtime_statistics"] {
        tour.call(id).await;
    }
    tour.call("cancel_work_item").await;
    for actions in [
        vec!["wrap_up_reservation", "complete_reservation"],
        vec!["wrap_up_work_item", "complete_work_item"],
        vec!["transfer_work_item", "cancel_work_item"],
    ] {
        tour.item(true).await;
        for action in actions {
            tour.call(action).await;
        }
    }
}

#[tokio::test]
async fn every_example_is_taken_and_every_operation_answers_as_described() {
    let mut tour = Tour::new().await;
    configure(&mut tour).await;
    deliver(&mut tour).await;
    work(&mut tour).await;
    // Streams do not end: they have tests of their own.
    let ends = |operation: &Value| {
        let told = &operation["responses"];
        told["101"].is_null() && told["200"]["content"]["text/event-stream"].is_null()
    };
    let rest = |prefix: &str| {
        let ended = operations().filter(|(.., operation)| ends(operation));
        let ids = ended.map(|(.., operation)| operation["operationId"].as_str().expect("an id"));
        ids.filter(|id| id.starts_with(prefix)).collect::<Vec<_>>()
    };
    let lists = operations().filter(|(_, method, operation)| *method == "get" && ends(operation));
    for (.., operation) in lists {
        tour.call(operation["operationId"].as_str().expect("an id")).await;
    }
    for id in rest("update_").into_iter().filter(|id| *id != "update_work_item") {
        tour.call(id).await;
    }
    // What others need goes last: the account's settings name a channel.
    let settings = serde_json::json!({"settings": {"exclusions": []}});
    let account = format!("/v1/accounts/{}", tour.ids["accounts"]);
    tour.office.call(OPERATOR, "PATCH", &account, Some(settings)).await.is(200);
    for id in
        ["subscription", "event_channel", "workflow", "worker", "channel", "queue", "schedule", "activity", "api_key"]
    {
        tour.call(&format!("delete_{id}")).await.is(204);
    }
    let all: BTreeSet<String> = rest("").into_iter().map(str::to_owned).collect();
    let left: Vec<_> = all.difference(&tour.done).collect();
    assert!(left.is_empty(), "not called: {left:?}");
}
