//! The rows of a batch: its records by table, of several records of one resource the last.

use super::StoreError;
use super::codec::{encode, state_name};
use super::statement::{Rows, Table};
use cordboard_domain::id::AccountId;
use cordboard_domain::work::Record;
use sea_orm::{ConnectionTrait, Value};
use std::collections::BTreeMap;

pub(super) static ACCOUNTS: Table =
    Table { name: "accounts", key: &["id"], fixed: &[], changing: &["name", "body", "sequence", "commits"] };
pub(super) static RESOURCES: Table =
    Table { name: "resources", key: &["account", "kind", "id"], fixed: &[], changing: &["name", "body"] };
pub(super) static VERSIONS: Table =
    Table { name: "workflow_versions", key: &["account", "workflow", "version"], fixed: &[], changing: &["body"] };
pub(super) static ITEMS: Table = Table {
    name: "work_items",
    key: &["account", "id"],
    fixed: &["channel", "bucket"],
    changing: &["state", "workflow", "queue", "worker", "body"],
};
pub(super) static RESERVATIONS: Table = Table {
    name: "reservations",
    key: &["account", "id"],
    fixed: &["work_item", "worker", "bucket"],
    changing: &["state", "body"],
};
pub(super) static KEYS: Table = Table {
    name: "api_keys",
    key: &["id"],
    fixed: &["account"],
    changing: &["name", "role", "worker", "hash", "created_at", "expires_at"],
};
pub(super) static ANSWERS: Table = Table {
    name: "answers",
    key: &["account", "key"],
    fixed: &[],
    changing: &["digest", "status", "body", "created_at"],
};

/// Events of an account, as a power of two, after which its next items and reservations go into the next bucket.
///
/// An index by worker alone would make each commit write a page per worker. Within a bucket the rows of all workers
/// are neighbours, on a few pages, and a search for one worker looks into one bucket after the other.
const BUCKET_EVENTS_LOG2: u32 = 14;

/// The bucket of what is first written in a batch that ends with this event.
pub(super) fn bucket_at(sequence: u64) -> i64 {
    (sequence >> BUCKET_EVENTS_LOG2) as i64
}

/// The records of a batch that are to be written, each resource once and in the order of ids, so that neighbours in
/// the table are written together.
#[derive(Default)]
pub(super) struct Gathered<'a> {
    pub account: Option<&'a cordboard_domain::work::Account>,
    resources: BTreeMap<(&'static str, u128), &'a Record>,
    versions: BTreeMap<(u128, u32), &'a Record>,
    items: BTreeMap<u128, &'a Record>,
    reservations: BTreeMap<u128, &'a Record>,
}

impl<'a> Gathered<'a> {
    pub fn of(records: &'a [Record]) -> Self {
        let mut gathered = Self::default();
        for record in records {
            gathered.add(record);
        }
        gathered
    }

    fn add(&mut self, record: &'a Record) {
        match record {
            Record::Account(it) => self.account = Some(it),
            Record::Activity(it) => self.resource("activity", it.id.0, record),
            Record::Channel(it) => self.resource("channel", it.id.0, record),
            Record::Queue(it) => self.resource("queue", it.id.0, record),
            Record::Schedule(it) => self.resource("schedule", it.id.0, record),
            Record::Workflow(it) => self.resource("workflow", it.id.0, record),
            Record::EventChannel(it) => self.resource("event_channel", it.id.0, record),
            Record::Subscription(it) => self.resource("subscription", it.id.0, record),
            Record::Worker(it) => self.resource("worker", it.id.0, record),
            Record::WorkflowVersion(it) => drop(self.versions.insert((it.workflow.0, it.version), record)),
            Record::Item(it) => drop(self.items.insert(it.id.0, record)),
            Record::Reservation(it) => drop(self.reservations.insert(it.id.0, record)),
        }
    }

    fn resource(&mut self, kind: &'static str, id: u128, record: &'a Record) {
        self.resources.insert((kind, id), record);
    }

    /// The rows that hold the records; the account's own row is not among them. `sequence` is that of the last event.
    pub fn encode(&self, account: AccountId, sequence: u64) -> Result<Encoded, StoreError> {
        let account = account.to_string();
        let mut encoded = Encoded { bucket: bucket_at(sequence), ..Encoded::default() };
        for ((kind, _), record) in &self.resources {
            encoded.resources.push(resource(&account, kind, record)?);
        }
        for record in self.versions.values().chain(self.items.values()).chain(self.reservations.values()) {
            encoded.add(&account, record)?;
        }
        Ok(encoded)
    }
}

pub(super) struct Encoded {
    bucket: i64,
    resources: Rows,
    versions: Rows,
    items: Rows,
    reservations: Rows,
}

impl Default for Encoded {
    fn default() -> Self {
        Self {
            bucket: 0,
            resources: Rows::of(&RESOURCES),
            versions: Rows::of(&VERSIONS),
            items: Rows::of(&ITEMS),
            reservations: Rows::of(&RESERVATIONS),
        }
    }
}

fn resource(account: &str, kind: &'static str, record: &Record) -> Result<[Value; 5], StoreError> {
    let nameless = String::new();
    let (id, name, body) = match record {
        Record::Activity(it) => (it.id.to_string(), &it.name, encode(it)?),
        Record::Channel(it) => (it.id.to_string(), &it.name, encode(it)?),
        Record::Queue(it) => (it.id.to_string(), &it.name, encode(it)?),
        Record::Schedule(it) => (it.id.to_string(), &it.name, encode(it)?),
        Record::Workflow(it) => (it.id.to_string(), &it.name, encode(it)?),
        Record::EventChannel(it) => (it.id.to_string(), &it.name, encode(it)?),
        Record::Subscription(it) => (it.id.to_string(), &nameless, encode(it)?),
        Record::Worker(it) => (it.id.to_string(), &it.name, encode(it)?),
        Record::Account(_) | Record::WorkflowVersion(_) | Record::Item(_) | Record::Reservation(_) => {
            let why = "it has a table of its own".to_owned();
            return Err(StoreError::Unreadable { what: kind.to_owned(), why });
        }
    };
    Ok([account.into(), kind.into(), id.into(), name.as_str().into(), body.into()])
}

impl Encoded {
    fn add(&mut self, account: &str, record: &Record) -> Result<(), StoreError> {
        match record {
            Record::WorkflowVersion(it) => self.versions.push([
                account.into(),
                it.workflow.to_string().into(),
                (it.version as i32).into(),
                encode(it)?.into(),
            ]),
            Record::Item(it) => self.items.push([
                account.into(),
                it.id.to_string().into(),
                it.channel.as_ref().into(),
                self.bucket.into(),
                state_name(&it.state)?.into(),
                it.workflow.to_string().into(),
                it.queue.map(|queue| queue.to_string()).into(),
                it.worker.map(|worker| worker.to_string()).into(),
                encode(it)?.into(),
            ]),
            Record::Reservation(it) => self.reservations.push([
                account.into(),
                it.id.to_string().into(),
                it.item.to_string().into(),
                it.worker.to_string().into(),
                self.bucket.into(),
                state_name(&it.state)?.into(),
                encode(it)?.into(),
            ]),
            // The account's own row and the resources are written elsewhere.
            _ => {}
        }
        Ok(())
    }

    pub async fn write(self, db: &impl ConnectionTrait) -> Result<(), StoreError> {
        self.resources.put(db).await?;
        self.versions.put(db).await?;
        self.items.put(db).await?;
        self.reservations.put(db).await
    }
}
