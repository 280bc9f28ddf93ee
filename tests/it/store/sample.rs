//! Records to store: made by hand, so that the suite tests the store and not the engine.

use crate::support::clock::START;
use cordboard::runtime::store::*;
use cordboard_domain::event::Event;
use cordboard_domain::event_channel::{
    self, ChannelRules, EventChannel, EventChannelState, SigningSecret, Subscription, SubscriptionState,
    SubscriptionTarget, Throttle,
};
use cordboard_domain::id::*;
use cordboard_domain::work::*;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::sync::Arc;

/// An account in the store, with the ids that were made in it and the number of its last commit.
pub struct Sample {
    pub account: Account,
    pub founded: Vec<Record>,
    pub ids: IdSource,
    pub commits: u64,
    pub sequence: u64,
}

impl Sample {
    pub async fn new(store: &dyn Store) -> Self {
        Self::seeded(store, 1).await
    }

    pub async fn seeded(store: &dyn Store, seed: u64) -> Self {
        let mut ids = IdSource::new(seed);
        let (account, founded) = found_account("Acme", START, &mut ids, SigningSecret::new("sample".to_owned()));
        store.found(&account, &founded, &[]).await.expect("the account is founded");
        Self { account, founded, ids, commits: 0, sequence: 0 }
    }

    pub fn id(&self) -> AccountId {
        self.account.id
    }

    /// A batch that follows what is stored.
    pub fn batch(&self, records: Vec<Record>) -> Batch {
        Batch {
            account: self.account.id,
            after_commit: self.commits,
            sequence: self.sequence,
            records,
            gone: Vec::new(),
            events: Arc::default(),
            keys: Vec::new(),
            answers: Vec::new(),
        }
    }

    pub async fn commit(&mut self, store: &dyn Store, batch: Batch) {
        let sequence = batch.sequence;
        store.commit(batch).await.expect("the batch is committed");
        self.commits += 1;
        self.sequence = sequence;
    }

    pub async fn put(&mut self, store: &dyn Store, records: Vec<Record>) {
        let batch = self.batch(records);
        self.commit(store, batch).await;
    }

    pub fn queue(&mut self, name: &str) -> Queue {
        Queue {
            id: QueueId(self.ids.next(START)),
            name: name.to_owned(),
            workers: json!({"in": ["voice", {"var": "skills"}]}),
            order: QueueOrder::Lifo,
            priority_per_minute_milli: 1_500,
            stamp: Stamp::new(START),
        }
    }

    pub fn workflow(&mut self, name: &str, version: u32) -> Workflow {
        Workflow {
            id: WorkflowId(self.ids.next(START)),
            name: name.to_owned(),
            version,
            assignment_url: Some("https://example.com/assign".to_owned()),
            assignment_fallback_url: None,
            stamp: Stamp::new(START),
        }
    }

    pub fn event_channel(&mut self, name: &str) -> EventChannel {
        EventChannel {
            id: EventChannelId(self.ids.next(START)),
            name: name.to_owned(),
            rules: ChannelRules {
                types: vec!["work_item.*".to_owned()],
                filter: Some(json!({"==": [{"var": "event.type"}, "work_item.created"]})),
                fields: Some(vec!["data.resource.state".to_owned()]),
                throttle: Some(Throttle { events_per_s: 5 }),
                batch: Some(event_channel::Batch { events_max: 10, delay_s: 1 }),
                retention_s: Some(60),
            },
            state: EventChannelState::Paused,
            effective_after: 7,
            stamp: Stamp::new(START),
        }
    }

    pub fn subscription(&mut self, event_channel: EventChannelId, target: SubscriptionTarget) -> Subscription {
        let old = SigningSecret { text: "whsec_old".to_owned(), signs_until: Some(START.plus_seconds(60)) };
        Subscription {
            id: SubscriptionId(self.ids.next(START)),
            event_channel,
            target,
            secrets: vec![SigningSecret::new("whsec_new".to_owned()), old],
            start_after: 7,
            starts: 2,
            state: SubscriptionState::Disabled,
            disabled_reason: Some("it failed for five days".to_owned()),
            failing_since: Some(START),
            stamp: Stamp::new(START),
        }
    }

    pub fn worker(&mut self, name: &str) -> Worker {
        let Some(Record::Activity(activity)) = self.founded.first() else { panic!("activities come first") };
        Worker {
            id: WorkerId(self.ids.next(START)),
            name: name.to_owned(),
            attributes: json!({"skills": ["voice"]}),
            activity: activity.id,
            activity_since: START,
            capacity: [("chat".to_owned(), 2)].into(),
            misses: 0,
            idle_since: START,
            connection_required: false,
            disconnected_at: None,
            reachable: true,
            stamp: Stamp::new(START),
        }
    }

    /// A pending item, made `age` milliseconds after the start.
    pub fn item(&mut self, workflow: WorkflowId, age: i64) -> Item {
        let now = START.plus_millis(age);
        Item {
            id: ItemId(self.ids.next(now)),
            workflow,
            workflow_version: 1,
            channel: "chat".into(),
            attributes: RawValue::from_string(r#"{"tier":"gold", "n": 1.0}"#.to_owned()).expect("it is JSON"),
            priority: 5,
            state: ItemState::Pending,
            reason: None,
            timeout_s: 60,
            expires_at: now.plus_seconds(60),
            unique_key: Some("order-1".to_owned()),
            place: Place { entered_at: now, gotos: vec![(1, 2)], ..Place::default() },
            rule: Some("gold".into()),
            step: None,
            queue: None,
            entered_queue_at: None,
            waiting_since: Some(now),
            declines: Vec::new(),
            worker: None,
            reservation: None,
            wrap_up_until: None,
            transfer: None,
            ended_at: None,
            stamp: Stamp::new(now),
        }
    }

    pub fn reservation(&mut self, item: ItemId, worker: WorkerId, state: ReservationState) -> Reservation {
        Reservation {
            id: ReservationId(self.ids.next(START)),
            item,
            worker,
            state,
            queue: None,
            workflow: WorkflowId(1),
            channel: "chat".into(),
            reason: None,
            offered_at: START,
            expires_at: START.plus_seconds(20),
            resolved_at: None,
            wrapping_at: None,
            stamp: Stamp::new(START),
        }
    }

    pub fn event(&mut self, sequence: u64, event_type: &'static str, subject: &str) -> Event {
        Event {
            id: EventId(self.ids.next(START)),
            sequence,
            event_type,
            subject: subject.to_owned(),
            time: START.plus_millis(sequence as i64),
            worker: sequence.is_multiple_of(3).then_some(WorkerId(3)),
            data: RawValue::from_string(format!(r#"{{"n":{sequence}}}"#)).expect("it is JSON"),
        }
    }
}

pub fn version(workflow: WorkflowId, version: u32) -> WorkflowVersion {
    WorkflowVersion { workflow, version, document: json!({"name": "w", "default": []}), created_at: START }
}

/// A record as a value that can be compared and sorted: its kind and its JSON.
pub fn shown(record: &Record) -> (&'static str, Value) {
    fn json(value: &impl serde::Serialize) -> Value {
        serde_json::to_value(value).expect("records are JSON")
    }
    match record {
        Record::Account(it) => ("account", json(it)),
        Record::Activity(it) => ("activity", json(it)),
        Record::Channel(it) => ("channel", json(it)),
        Record::Queue(it) => ("queue", json(it)),
        Record::Schedule(it) => ("schedule", json(it)),
        Record::Workflow(it) => ("workflow", json(it)),
        Record::WorkflowVersion(it) => ("workflow_version", json(it)),
        Record::EventChannel(it) => ("event_channel", json(it)),
        Record::Subscription(it) => ("subscription", json(it)),
        Record::Worker(it) => ("worker", json(it)),
        Record::Item(it) => ("item", json(it)),
        Record::Reservation(it) => ("reservation", json(it)),
    }
}

/// Records in an order of their own, for comparing sets of them.
pub fn all_shown<'a>(records: impl IntoIterator<Item = &'a Record>) -> Vec<(&'static str, String)> {
    let mut shown: Vec<_> = records.into_iter().map(shown).map(|(kind, value)| (kind, value.to_string())).collect();
    shown.sort();
    shown
}

/// The records of an account as they are loaded.
pub async fn loaded(store: &dyn Store, account: AccountId) -> Vec<(&'static str, String)> {
    let loaded =
        crate::support::loaded::load(store, account).await.expect("the account is read").expect("the account is there");
    all_shown(&loaded.records)
}
