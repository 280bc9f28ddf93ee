//! An account with one queue, one workflow and one worker, on a store that fails when told to and a clock moved by
//! hand.

use crate::support::clock::{CountingEntropy, ManualClock};
use crate::support::database::Database;
use crate::support::failing_store::FailingStore;
use crate::support::outbound::loopback_client;
use cordboard::runtime::fetch::Fetch;
use cordboard::runtime::store::{EventFilter, Store, StoredAnswer};
use cordboard::runtime::{Answered, Clock, Entropy, Failure, Limits, Once, Ports, Request, Runtime};
use cordboard_domain::id::*;
use cordboard_domain::work::*;
use serde_json::json;
use serde_json::value::RawValue;
use std::sync::Arc;
use tokio::task::JoinHandle;

pub const QUEUE: &str = "support";
pub const OFFER_S: u64 = 20;

pub struct Desk {
    pub runtime: Runtime,
    pub store: Arc<FailingStore>,
    pub clock: Arc<ManualClock>,
    pub entropy: Arc<dyn Entropy>,
    pub fetch: Arc<dyn Fetch>,
    pub account: AccountId,
    pub limits: Limits,
    pub database: Database,
}

pub type Pending = JoinHandle<Result<Answered, Failure>>;

pub fn request(command: Command) -> Request {
    Request { actor: Actor::System, command, keys: Vec::new(), once: None }
}

pub fn reference(name: &str) -> Reference {
    Reference(name.to_owned())
}

pub fn new_item(key: Option<&str>) -> Command {
    Command::CreateItem(NewItem {
        workflow: reference("main"),
        channel: "chat".to_owned(),
        attributes: RawValue::from_string("{}".to_owned()).expect("it is JSON"),
        priority: 0,
        timeout_s: 3_600,
        unique_key: key.map(str::to_owned),
    })
}

/// A worker that takes one chat at a time, in an activity.
pub fn new_worker(name: &str, activity: &str) -> Command {
    Command::CreateWorker(NewWorker {
        name: name.to_owned(),
        attributes: json!({}),
        activity: Some(reference(activity)),
        capacity: [("chat".to_owned(), 1)].into(),
        connection_required: false,
    })
}

pub fn once(key: &str, digest: u8, command: Command) -> Request {
    let encode =
        |reply: &Reply| StoredAnswer { status: 201, body: format!("{:?}", item_of(reply).map(|item| item.id)) };
    let once = Once { key: key.to_owned(), digest: [digest; 32], encode: Box::new(encode) };
    Request { once: Some(once), ..request(command) }
}

fn item_of(reply: &Reply) -> Option<&Item> {
    match reply {
        Reply::Resource(record) | Reply::Existing(record) => match &**record {
            Record::Item(item) => Some(item),
            _ => None,
        },
        _ => None,
    }
}

pub fn item(answered: Answered) -> Item {
    match answered {
        Answered::Fresh(reply) => item_of(&reply).cloned().expect("an item is answered"),
        Answered::Replayed(answer) => panic!("replayed: {answer:?}"),
    }
}

/// Lets every other task run until it waits.
pub async fn let_others_run() {
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
}

impl Desk {
    pub async fn new() -> Self {
        Self::with(Limits::default()).await
    }

    pub async fn with(limits: Limits) -> Self {
        Self::asking(limits, loopback_client).await
    }

    /// A desk whose requests leave by this client, once callouts are begun.
    pub async fn asking(limits: Limits, client: impl FnOnce(Arc<ManualClock>) -> Arc<dyn Fetch>) -> Self {
        let database = Database::sqlite().await;
        let store = Arc::new(FailingStore::new(database.store.clone()));
        let clock = Arc::new(ManualClock::default());
        let entropy: Arc<dyn Entropy> = Arc::new(CountingEntropy::default());
        let fetch = client(clock.clone());
        let ports =
            Ports { store: store.clone(), clock: clock.clone(), entropy: entropy.clone(), fetch: fetch.clone() };
        let runtime = Runtime::start(ports, limits).await.expect("it starts");
        let account = runtime.create_account("Acme", |_| None).await.expect("the account is made").id;
        let desk = Self { runtime, store, clock, entropy, fetch, account, limits, database };
        let workers = json!(true);
        let (order, priority_per_minute_milli) = (QueueOrder::Fifo, 0);
        desk.done(Command::CreateQueue { name: QUEUE.to_owned(), workers, order, priority_per_minute_milli }).await;
        let document = json!({
            "name": "main",
            "default": [{"route": {"queue": QUEUE}}],
            "reservation_timeout_s": OFFER_S,
        });
        let (assignment_url, assignment_fallback_url) = (None, None);
        let name = "main".to_owned();
        desk.done(Command::CreateWorkflow { name, document, assignment_url, assignment_fallback_url }).await;
        desk
    }

    /// Stops the runtime and starts another on the same store.
    pub async fn restart(&mut self) {
        self.runtime.stop().await;
        self.runtime = Runtime::start(self.ports(), self.limits).await.expect("it starts again");
    }

    /// What the runtime stands on, for another on the same.
    pub fn ports(&self) -> Ports {
        let (store, clock) = (self.store.clone(), self.clock.clone());
        Ports { store, clock, entropy: self.entropy.clone(), fetch: self.fetch.clone() }
    }

    pub async fn ask(&self, request: Request) -> Result<Answered, Failure> {
        self.runtime.handle(self.account, request).await
    }

    pub async fn done(&self, command: Command) -> Reply {
        match self.ask(request(command)).await.expect("the command is carried out") {
            Answered::Fresh(reply) => reply,
            Answered::Replayed(_) => unreachable!("it has no idempotency key"),
        }
    }

    /// Sends a request and does not wait for its answer.
    pub async fn send(&self, request: Request) -> Pending {
        let (runtime, account) = (self.runtime.clone(), self.account);
        let pending = tokio::spawn(async move { runtime.handle(account, request).await });
        let_others_run().await;
        pending
    }

    /// Items that wait, as the engine knows it.
    pub async fn waiting(&self) -> u32 {
        let statistics =
            self.runtime.read(self.account, |engine, now| engine.statistics(now)).await.expect("it is read");
        statistics.queues.iter().map(|queue| queue.waiting).sum()
    }

    /// Every event in the store.
    pub async fn events(&self) -> Vec<(u64, String)> {
        let filter = EventFilter { limit: 100_000, ..EventFilter::default() };
        let events = self.store.events(self.account, &filter).await.expect("they are read").events;
        events.into_iter().map(|event| (event.sequence, event.event_type)).collect()
    }

    pub async fn assert_gapless(&self) {
        let events = self.events().await;
        let sequences: Vec<u64> = events.iter().map(|(sequence, _)| *sequence).collect();
        assert_eq!(sequences, (1..=sequences.len() as u64).collect::<Vec<_>>());
        let loaded = crate::support::loaded::load(&*self.store, self.account).await.expect("read").expect("there");
        assert_eq!(loaded.sequence, sequences.len() as u64);
    }

    /// The engine in memory must be the one that the store gives.
    pub async fn assert_engine_is_what_is_stored(&self) {
        let shown = |engine: &Engine, now| {
            let mut workers: Vec<String> = engine.workers().map(|worker| format!("{worker:?}")).collect();
            workers.sort();
            (engine.sequence(), format!("{:?}", engine.statistics(now)), engine.next_deadline(), workers)
        };
        let running = self.runtime.read(self.account, shown).await.expect("it is read");
        let loaded = crate::support::loaded::load(&*self.store, self.account).await.expect("read").expect("there");
        let now = self.clock.now();
        let mut stored =
            Engine::recover(loaded.account, loaded.sequence, 1, now, loaded.records).expect("it is rebuilt");
        // Timers that had nothing to do when they fired are armed again; they have nothing to do now either.
        let mut out = Vec::new();
        while stored.next_deadline().is_some_and(|at| at <= now) {
            stored.handle(now, &Actor::System, Command::Tick, &mut out).expect("a tick is never refused");
        }
        assert!(out.is_empty(), "{out:?}");
        assert_eq!(running, shown(&stored, now));
    }
}
