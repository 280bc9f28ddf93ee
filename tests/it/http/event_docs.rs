//! docs/events.md: below its introduction stands every type of the catalogue, with an example that the engine emitted
//! in this test. `make bless` writes it anew.

use super::office::{ADMIN, Office};
use cordboard::runtime::Request;
use cordboard_domain::event::CATALOGUE;
use cordboard_domain::event_channel::SubscriptionHealth;
use cordboard_domain::id::{AccountId, SubscriptionId, WorkerId};
use cordboard_domain::work::{Actor, Asked, Calling, Cause, Command, Heard, Instruction, Outcome};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::time::Duration;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/events.md");
/// What is written by hand stands above this line.
const MARK: &str = "<!-- Below: written by `make bless` from src/domain/event.rs and from events of a test. -->\n";

/// What the resource of an event is, by the first part of its type.
const RESOURCES: [(&str, &str, &str); 12] = [
    ("work_item", "Work items", "the work item"),
    ("reservation", "Reservations", "the reservation"),
    ("worker", "Workers", "the worker"),
    ("workflow", "Workflows", "the workflow"),
    ("activity", "Activities", "the activity"),
    ("channel", "Channels", "the channel"),
    ("queue", "Queues", "the queue"),
    ("schedule", "Schedules", "the schedule"),
    ("account", "Accounts", "the account"),
    ("event_channel", "Event channels", "the event channel"),
    ("subscription", "Subscriptions", "the subscription, without its secrets"),
    ("api_key", "API keys", "the API key, without its secret"),
];

/// Title of its section, and what its events call the resource.
fn described(kind: &str) -> (&'static str, &'static str) {
    let found = RESOURCES.iter().find(|(name, ..)| *name == kind);
    found.map(|(_, title, resource)| (*title, *resource)).unwrap_or_else(|| panic!("{kind} is not described"))
}

/// A day in an office, on which everything happens that can.
struct Day {
    office: Office,
}

impl Day {
    async fn change(&self, method: &str, path: &str, body: Value) {
        self.office.call(ADMIN, method, path, Some(body)).await.is(200);
    }

    async fn delete(&self, path: &str) {
        self.office.call(ADMIN, "DELETE", path, None).await.is(204);
    }

    async fn act(&self, path: &str) {
        self.change("POST", path, json!({})).await;
    }

    async fn make(&self, path: &str, body: Value) -> String {
        self.office.post(path, body).await.is(201).id()
    }

    async fn item(&self, workflow: &str) -> String {
        self.make("/v1/work-items", json!({"workflow": workflow, "attributes": {"language": "en"}})).await
    }

    /// The open offer of an item.
    async fn offer(&self, item: &str) -> String {
        self.office.offer(item).await.expect("it is offered").0
    }

    async fn account(&self) -> AccountId {
        let events = self.office.get("/v1/events?limit=1").await.is(200).body;
        let source = events["data"][0]["source"].as_str().expect("a source").to_owned();
        AccountId::parse(source.trim_start_matches("/accounts/")).expect("an account")
    }

    /// Time passes, and what is due happens.
    async fn pass(&self, seconds: u64) {
        self.office.clock.advance(Duration::from_secs(seconds));
        let read = self.office.state.runtime.read(self.account().await, |engine, _| engine.sequence());
        read.await.expect("it is read");
    }

    async fn connected(&self, worker: &str, connected: bool) {
        let id = WorkerId::parse(worker).expect("a worker");
        self.command(Actor::Worker(id), Command::SetConnection { id, connected }).await;
    }

    async fn command(&self, actor: Actor, command: Command) {
        let request = Request { actor, command, keys: Vec::new(), once: None };
        self.office.state.runtime.handle(self.account().await, request).await.expect("it is told");
    }

    /// What a server answers to what is asked now, as the runtime would bring it.
    async fn answered(&self, well: bool) {
        let outstanding = self.office.state.runtime.read(self.account().await, |engine, _| engine.outstanding());
        let calling = outstanding.await.expect("it is read").pop().expect("somebody is asked");
        let cause = |asked| Cause::new(Some(asked), "timeout", "there was no answer within 5 s", None);
        let command = match calling {
            Calling::Request { item, request } => {
                let answer = json!({"tier": "gold"}).as_object().cloned().expect("an object");
                let heard = well.then_some(Heard { answer, status: 200, from: Asked::Primary });
                let causes = if well { Vec::new() } else { vec![cause(Asked::Primary), cause(Asked::Fallback)] };
                Command::AnswerRequest { item, request, outcome: Outcome { heard, causes } }
            }
            Calling::Assignment(id) => {
                let heard = well.then_some(Heard { answer: Instruction::None, status: 200, from: Asked::Fallback });
                let failed = [Asked::Primary, Asked::Fallback].into_iter().take(if well { 1 } else { 2 });
                let causes = failed.map(cause).collect();
                Command::AnswerAssignment { id, outcome: Outcome { heard, causes } }
            }
        };
        self.command(Actor::Callback, command).await;
    }

    /// Servers are asked, and answer or do not.
    async fn callouts(&self) {
        let request = json!({"url": "https://crm.example/who", "fallback_url": "https://crm2.example/who"});
        let document = json!({"default": [{"request": request}, {"route": {"queue": "support"}}]});
        let callbacks = json!({"name": "asking", "document": document, "assignment_url": "https://crm.example/assign"});
        self.make("/v1/workflows", callbacks).await;
        for well in [true, false] {
            let item = self.item("asking").await;
            self.answered(well).await;
            self.offer(&item).await;
            self.answered(well).await;
            self.change("POST", &format!("/v1/work-items/{item}/cancel"), json!({})).await;
        }
        let rotate = format!("/v1/accounts/{}/signing-secret/rotate", self.account().await);
        self.change("POST", &rotate, json!({"overlap_s": 3_600})).await;
    }

    /// Each kind of configuration comes, changes and goes.
    async fn configuration(&self) {
        let kinds = [
            ("queues", json!({"name": "second line"}), json!({"order": "lifo"})),
            ("activities", json!({"name": "Training", "available": false}), json!({"name": "Course"})),
            ("channels", json!({"name": "fax"}), json!({"default_capacity": 2})),
            ("schedules", json!({"name": "hours", "time_zone": "UTC"}), json!({"time_zone": "Europe/Berlin"})),
        ];
        for (path, new, change) in kinds {
            let id = self.make(&format!("/v1/{path}"), new).await;
            self.change("PATCH", &format!("/v1/{path}/{id}"), change).await;
            self.delete(&format!("/v1/{path}/{id}")).await;
        }
        let key = self.make("/v1/api-keys", json!({"name": "reports"})).await;
        self.delete(&format!("/v1/api-keys/{key}")).await;
        let account = format!("/v1/accounts/{}", self.account().await);
        self.change("PATCH", &account, json!({"settings": {"miss_limit": 1}})).await;
        self.make("/v1/queues", json!({"name": "support"})).await;
        self.make("/v1/queues", json!({"name": "nobody", "workers": false})).await;
        let both = json!({"reservation_timeout_s": 20, "default": [{"route": {"queue": "support", "offers": 2}}]});
        self.make("/v1/workflows", json!({"name": "support", "document": both})).await;
        let late = json!({"default": [{"route": {"queue": "nobody", "timeout_s": 30}}]});
        let flow = self.make("/v1/workflows", json!({"name": "late", "document": late.clone()})).await;
        self.change("PATCH", &format!("/v1/workflows/{flow}"), json!({"name": "hopeless"})).await;
        self.change("PUT", &format!("/v1/workflows/{flow}/document"), late).await;
        let item = self.item("hopeless").await;
        self.change("PATCH", &format!("/v1/work-items/{item}"), json!({"priority": 5})).await;
        self.act(&format!("/v1/work-items/{item}/reroute")).await;
        self.pass(30).await;
        self.pass(1).await;
        self.delete(&format!("/v1/workflows/{flow}")).await;
    }

    /// A receiver that fails, comes back, and fails for good.
    async fn subscriptions(&self) {
        let rules = json!({"name": "calls", "types": ["work_item.*"], "throttle": {"events_per_s": 50}});
        let channel = self.make("/v1/event-channels", rules).await;
        self.change("PATCH", &format!("/v1/event-channels/{channel}"), json!({"throttle": null})).await;
        let new = json!({"event_channel": "calls", "kind": "webhook", "url": "https://crm.example/events"});
        let subscription = self.make("/v1/subscriptions", new).await;
        let path = format!("/v1/subscriptions/{subscription}");
        self.change("PATCH", &path, json!({"url": "https://crm.example/v2/events"})).await;
        self.act(&format!("{path}/rotate-secret")).await;
        let error = "the receiver answered with status 503".to_owned();
        let reason = "nothing has reached the receiver for five days".to_owned();
        let reports = [
            SubscriptionHealth::Failing { error: error.clone() },
            SubscriptionHealth::Recovered,
            SubscriptionHealth::Failing { error },
            SubscriptionHealth::Disabled { reason },
        ];
        for health in reports {
            let id = SubscriptionId::parse(&subscription).expect("a subscription");
            let command = Command::ReportSubscription { id, starts: 1, health };
            let request = Request { actor: Actor::System, command, keys: Vec::new(), once: None };
            self.office.state.runtime.handle(self.account().await, request).await.expect("it is reported");
        }
        self.delete(&path).await;
        self.delete(&format!("/v1/event-channels/{channel}")).await;
    }

    async fn work(&self) {
        let ann = self.make("/v1/workers", json!({"name": "ann", "activity": "Available"})).await;
        self.pass(1).await;
        self.make("/v1/workers", json!({"name": "bob", "activity": "Available"})).await;
        // Offered to both; the faster one has it, and hands it on to the other.
        let item = self.item("support").await;
        let offers = self.office.get("/v1/reservations?state=offered&worker=ann").await.is(200).body;
        let offer = offers["data"][0]["id"].as_str().expect("ann has an offer").to_owned();
        self.act(&format!("/v1/reservations/{offer}/accept")).await;
        self.change("POST", &format!("/v1/work-items/{item}/transfer"), json!({"worker": "bob", "warm": true})).await;
        let offer = self.offer(&item).await;
        self.act(&format!("/v1/reservations/{offer}/accept")).await;
        self.act(&format!("/v1/work-items/{item}/wrap-up")).await;
        self.act(&format!("/v1/work-items/{item}/complete")).await;
        // Rejected by one, missed by the other, canceled while offered.
        let item = self.item("support").await;
        let offer = self.offer(&item).await;
        self.change("POST", &format!("/v1/reservations/{offer}/reject"), json!({"reason": "lunch"})).await;
        self.pass(20).await;
        self.change("PATCH", "/v1/workers/ann", json!({"activity": "Available"})).await;
        self.change("PATCH", "/v1/workers/bob", json!({"activity": "Available"})).await;
        let canceled = self.item("support").await;
        let reason = json!({"reason": "the customer hung up"});
        self.change("POST", &format!("/v1/work-items/{canceled}/cancel"), reason.clone()).await;
        self.change("POST", &format!("/v1/work-items/{item}/cancel"), reason).await;
        self.change("PATCH", &format!("/v1/workers/{ann}"), json!({"attributes": {"languages": ["en"]}})).await;
        self.delete("/v1/workers/bob").await;
        self.callouts().await;
        let remote = json!({"name": "cara", "activity": "Available", "connection_required": true});
        let cara = self.make("/v1/workers", remote).await;
        self.connected(&cara, true).await;
        self.connected(&cara, false).await;
        self.pass(60).await;
    }

    async fn events(&self) -> Vec<Value> {
        let mut events: Vec<Value> = Vec::new();
        loop {
            let path = format!("/v1/events?limit=200&after_sequence={}", events.len());
            let page = self.office.get(&path).await.is(200).body;
            events.extend(page["data"].as_array().expect("a list").clone());
            if page["next"].is_null() {
                return events;
            }
        }
    }
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).expect("JSON is text")
}

/// The first event of each type that says the most, and the fields of `detail` that any of them has.
fn by_type(events: &[Value]) -> BTreeMap<&str, (&Value, BTreeSet<&str>)> {
    let mut found: BTreeMap<&str, (&Value, BTreeSet<&str>)> = BTreeMap::new();
    for event in events {
        let of_type = found.entry(event["type"].as_str().expect("a type")).or_insert((event, BTreeSet::new()));
        let fields = event["data"]["detail"].as_object();
        let fields: BTreeSet<&str> = fields.into_iter().flatten().map(|(name, _)| name.as_str()).collect();
        let known = of_type.0["data"]["detail"].as_object().map_or(0, serde_json::Map::len);
        if fields.len() > known {
            of_type.0 = event;
        }
        of_type.1.extend(fields);
    }
    found
}

/// The part of the page that is not written by hand.
fn reference(events: &[Value]) -> String {
    let found = by_type(events);
    let missing: Vec<_> = CATALOGUE.iter().map(|kind| kind.name).filter(|name| !found.contains_key(name)).collect();
    assert!(missing.is_empty(), "nothing in this test emits {missing:?}");
    let mut text = String::from("\n## All types\n\n| type | emitted when |\n|---|---|\n");
    for kind in CATALOGUE {
        let anchor = kind.name.replace('.', "");
        writeln!(text, "| [`{}`](#{anchor}) | {} |", kind.name, kind.emitted).expect("a text grows");
    }
    let mut section = "";
    for kind in CATALOGUE {
        let (event, fields) = &found[kind.name];
        let (_, resource) = described(subject(event));
        let of = kind.name.split('.').next().unwrap_or_default();
        if of != section {
            write!(text, "\n## {}\n", described(of).0).expect("a text grows");
            section = of;
        }
        write!(text, "\n### {}\n\nEmitted when {}. `data.resource` is {resource}", kind.name, kind.emitted)
            .expect("a text grows");
        if !fields.is_empty() {
            let fields: Vec<String> = fields.iter().map(|name| format!("`{name}`")).collect();
            write!(text, "; `data.detail` holds {}", fields.join(", ")).expect("a text grows");
        }
        write!(text, ".\n\n```json\n{}\n```\n", pretty(event)).expect("a text grows");
    }
    text
}

/// The kind of resource that an event is about, by its subject's prefix.
fn subject(event: &Value) -> &'static str {
    let prefixes = [
        ("itm", "work_item"),
        ("res", "reservation"),
        ("wkr", "worker"),
        ("wfl", "workflow"),
        ("act", "activity"),
        ("chn", "channel"),
        ("que", "queue"),
        ("sch", "schedule"),
        ("acc", "account"),
        ("ech", "event_channel"),
        ("sub", "subscription"),
        ("key", "api_key"),
    ];
    let subject = event["subject"].as_str().expect("a subject").split('_').next();
    prefixes.iter().find(|(prefix, _)| Some(*prefix) == subject).map(|(_, kind)| *kind).expect("a known kind")
}

#[tokio::test]
async fn the_page_about_events_is_up_to_date() {
    let day = Day { office: Office::new().await };
    day.configuration().await;
    day.subscriptions().await;
    day.work().await;
    let page = std::fs::read_to_string(PAGE).expect("there is a page");
    let (by_hand, _) = page.split_once(MARK).expect("the page says where it goes on by itself");
    let made = format!("{by_hand}{MARK}{}", reference(&day.events().await));
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(PAGE, &made).expect("it is written");
    } else {
        assert!(page == made, "docs/events.md is old; `make bless` writes it anew");
    }
}
