//! Multi-row statements: rows are gathered per table and written in as few statements as the databases' limits allow.

use super::codec::{encode, state_name};
use crate::runtime::store::StoreError;
use cordboard_domain::id::AccountId;
use cordboard_domain::work::Record;
use sea_orm::sea_query::{Alias, OnConflict, Query};
use sea_orm::{ConnectionTrait, Value};
use std::collections::HashMap;

/// Bound parameters of one statement; SQLite takes 32,766.
const PARAMETERS_MAX: usize = 30_000;

/// A table with its key and its other columns.
pub(super) struct Table {
    pub name: &'static str,
    pub key: &'static [&'static str],
    pub columns: &'static [&'static str],
}

pub(super) const ACCOUNTS: Table =
    Table { name: "accounts", key: &["id"], columns: &["name", "body", "sequence", "commits"] };
pub(super) const RESOURCES: Table =
    Table { name: "resources", key: &["account", "kind", "id"], columns: &["name", "body"] };
pub(super) const VERSIONS: Table =
    Table { name: "workflow_versions", key: &["account", "workflow", "version"], columns: &["body"] };
pub(super) const ITEMS: Table = Table {
    name: "work_items",
    key: &["account", "id"],
    columns: &["state", "is_open", "workflow", "workflow_version", "channel", "queue", "worker", "created_at", "body"],
};
pub(super) const RESERVATIONS: Table = Table {
    name: "reservations",
    key: &["account", "id"],
    columns: &["state", "is_open", "work_item", "worker", "created_at", "body"],
};
pub(super) const EVENTS: Table =
    Table { name: "events", key: &["account", "sequence"], columns: &["id", "type", "subject", "time", "data"] };
pub(super) const KEYS: Table = Table {
    name: "api_keys",
    key: &["id"],
    columns: &["account", "name", "role", "worker", "hash", "created_at", "expires_at"],
};
pub(super) const ANSWERS: Table =
    Table { name: "answers", key: &["account", "key"], columns: &["digest", "status", "body", "created_at"] };

/// Writes rows, each in the order of key and columns; a row that is there already is replaced.
pub(super) async fn upsert(db: &impl ConnectionTrait, table: &Table, rows: Vec<Vec<Value>>) -> Result<(), StoreError> {
    let mut conflict = OnConflict::columns(table.key.iter().map(|column| Alias::new(*column)));
    conflict.update_columns(table.columns.iter().map(|column| Alias::new(*column)));
    insert_rows(db, table, rows, Some(conflict)).await
}

/// Writes rows that must not be there yet; one that is fails the transaction.
pub(super) async fn append(db: &impl ConnectionTrait, table: &Table, rows: Vec<Vec<Value>>) -> Result<(), StoreError> {
    insert_rows(db, table, rows, None).await
}

async fn insert_rows(
    db: &impl ConnectionTrait,
    table: &Table,
    rows: Vec<Vec<Value>>,
    conflict: Option<OnConflict>,
) -> Result<(), StoreError> {
    let width = table.key.len() + table.columns.len();
    let mut rows = rows.into_iter().peekable();
    while rows.peek().is_some() {
        let mut insert = Query::insert();
        insert.into_table(Alias::new(table.name));
        insert.columns(table.key.iter().chain(table.columns).map(|column| Alias::new(*column)));
        for row in rows.by_ref().take(PARAMETERS_MAX / width) {
            insert.values_panic(row.into_iter().map(Into::into));
        }
        if let Some(conflict) = conflict.clone() {
            insert.on_conflict(conflict);
        }
        db.execute(&insert).await?;
    }
    Ok(())
}

/// The rows of a batch's records by table, the last record of each resource counting.
#[derive(Default)]
pub(super) struct Rows {
    pub account: Option<(String, String)>,
    resources: Gathered,
    versions: Gathered,
    items: Gathered,
    reservations: Gathered,
}

/// Rows in the order of their first writing.
#[derive(Default)]
struct Gathered {
    places: HashMap<String, usize>,
    rows: Vec<Vec<Value>>,
}

impl Gathered {
    fn put(&mut self, key: String, row: Vec<Value>) {
        match self.places.get(&key) {
            Some(place) => self.rows[*place] = row,
            None => {
                self.places.insert(key, self.rows.len());
                self.rows.push(row);
            }
        }
    }
}

impl Rows {
    pub fn gather(account: AccountId, records: &[Record]) -> Result<Self, StoreError> {
        let mut rows = Self::default();
        let account = account.to_string();
        // Walked backwards, so that only the last record of each resource is encoded.
        for record in records.iter().rev() {
            rows.add(&account, record)?;
        }
        Ok(rows)
    }

    fn add(&mut self, account: &str, record: &Record) -> Result<(), StoreError> {
        match record {
            Record::Account(it) => {
                if self.account.is_none() {
                    self.account = Some((it.name.clone(), encode(it)?));
                }
            }
            Record::Activity(it) => self.resource(account, "activity", it.id.to_string(), &it.name, it)?,
            Record::Channel(it) => self.resource(account, "channel", it.id.to_string(), &it.name, it)?,
            Record::Queue(it) => self.resource(account, "queue", it.id.to_string(), &it.name, it)?,
            Record::Schedule(it) => self.resource(account, "schedule", it.id.to_string(), &it.name, it)?,
            Record::Workflow(it) => self.resource(account, "workflow", it.id.to_string(), &it.name, it)?,
            Record::Worker(it) => self.resource(account, "worker", it.id.to_string(), &it.name, it)?,
            Record::WorkflowVersion(it) => {
                let workflow = it.workflow.to_string();
                let row = vec![account.into(), workflow.clone().into(), (it.version as i32).into(), encode(it)?.into()];
                self.versions.put(format!("{workflow} {}", it.version), row);
            }
            Record::Item(it) => {
                let id = it.id.to_string();
                if self.items.places.contains_key(&id) {
                    return Ok(());
                }
                let row = vec![
                    account.into(),
                    id.clone().into(),
                    state_name(&it.state)?.into(),
                    it.state.is_open().into(),
                    it.workflow.to_string().into(),
                    (it.workflow_version as i32).into(),
                    it.channel.to_string().into(),
                    it.queue.map(|queue| queue.to_string()).into(),
                    it.worker.map(|worker| worker.to_string()).into(),
                    it.stamp.created_at.millis().into(),
                    encode(it)?.into(),
                ];
                self.items.put(id, row);
            }
            Record::Reservation(it) => {
                let id = it.id.to_string();
                if self.reservations.places.contains_key(&id) {
                    return Ok(());
                }
                let row = vec![
                    account.into(),
                    id.clone().into(),
                    state_name(&it.state)?.into(),
                    it.state.is_live().into(),
                    it.item.to_string().into(),
                    it.worker.to_string().into(),
                    it.stamp.created_at.millis().into(),
                    encode(it)?.into(),
                ];
                self.reservations.put(id, row);
            }
        }
        Ok(())
    }

    fn resource(
        &mut self,
        account: &str,
        kind: &'static str,
        id: String,
        name: &str,
        record: &impl serde::Serialize,
    ) -> Result<(), StoreError> {
        if self.resources.places.contains_key(&id) {
            return Ok(());
        }
        let row = vec![account.into(), kind.into(), id.clone().into(), name.into(), encode(record)?.into()];
        self.resources.put(id, row);
        Ok(())
    }

    pub async fn write(self, db: &impl ConnectionTrait) -> Result<(), StoreError> {
        upsert(db, &RESOURCES, self.resources.rows).await?;
        upsert(db, &VERSIONS, self.versions.rows).await?;
        upsert(db, &ITEMS, self.items.rows).await?;
        upsert(db, &RESERVATIONS, self.reservations.rows).await
    }
}
