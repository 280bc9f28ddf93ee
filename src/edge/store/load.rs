//! Recovery: what an engine is rebuilt from, read in stretches while the engine takes them in.

use super::SqlStore;
use super::codec::{decode, decode_kind};
use crate::runtime::store::{Kind, Loading, StoreError};
use cordboard_domain::id::{AccountId, WorkflowId};
use cordboard_domain::work::{Account, Item, Record, Reservation};
use sea_orm::sea_query::{Alias, Expr, ExprTrait, Order, Query, SelectStatement};
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, QueryResult, Statement, TransactionTrait};
use serde::de::DeserializeOwned;
use std::collections::HashSet;
use tokio::sync::mpsc;

/// Open items or live reservations read at a time. A million at once would need as much memory again as the engine.
const STRETCH_ROWS: usize = 1_000;
/// Stretches that may wait for the engine.
const STRETCHES_AHEAD_MAX: usize = 4;

/// The states in which a record is still in the engine's hands, as the columns have them.
const OPEN_ITEMS: [&str; 4] = ["pending", "reserved", "assigned", "wrapping"];
const LIVE_RESERVATIONS: [&str; 3] = ["offered", "accepted", "wrapping"];

pub(super) fn select(table: &'static str, columns: &[&'static str]) -> SelectStatement {
    let mut select = Query::select();
    select.from(Alias::new(table)).columns(columns.iter().map(|column| Alias::new(*column)));
    select
}

fn text(row: &QueryResult, column: &str) -> Result<String, StoreError> {
    Ok(row.try_get::<String>("", column)?)
}

impl SqlStore {
    pub(super) async fn read_accounts(&self) -> Result<Vec<Account>, StoreError> {
        let mut accounts = select("accounts", &["body"]);
        accounts.order_by(Alias::new("id"), Order::Asc);
        let rows = self.reader.query_all(&accounts).await?;
        rows.iter().map(|row| decode("account", &text(row, "body")?)).collect()
    }

    pub(super) async fn read_account(&self, id: AccountId) -> Result<Option<Loading>, StoreError> {
        // One snapshot for all of it.
        let db = self.reader.begin().await?;
        let account = id.to_string();
        let mut found = select("accounts", &["body", "sequence", "commits"]);
        found.and_where(Expr::col(Alias::new("id")).eq(account.clone()));
        let Some(row) = db.query_one(&found).await? else { return Ok(None) };
        let (sequence, commits) = (row.try_get::<i64>("", "sequence")?, row.try_get::<i64>("", "commits")?);
        let record = decode("account", &text(&row, "body")?)?;
        let (sender, stretches) = mpsc::channel(STRETCHES_AHEAD_MAX);
        let reader = Reader { db, account, sender, versions: HashSet::new() };
        tokio::spawn(reader.run());
        Ok(Some(Loading { account: record, sequence: sequence as u64, commits: commits as u64, stretches }))
    }
}

/// Reads one account's records and sends them on.
struct Reader {
    db: DatabaseTransaction,
    account: String,
    sender: mpsc::Sender<Result<Option<Vec<Record>>, StoreError>>,
    /// Workflow versions that were sent.
    versions: HashSet<(WorkflowId, u32)>,
}

impl Reader {
    async fn run(mut self) {
        let ended = match self.read().await {
            Ok(()) => self.db.commit().await.map_err(StoreError::from),
            Err(error) => Err(error),
        };
        // Nobody waits for the end any more when the receiver is gone.
        let _ = self.sender.send(ended.map(|()| None)).await;
    }

    async fn read(&mut self) -> Result<(), StoreError> {
        let mut resources = self.resources().await?;
        let newest = resources.iter().filter_map(|record| match record {
            Record::Workflow(workflow) => Some((workflow.id, workflow.version)),
            _ => None,
        });
        for (workflow, version) in newest.collect::<Vec<_>>() {
            self.version(workflow, version, &mut resources).await?;
        }
        if !self.send(resources).await {
            return Ok(());
        }
        for state in OPEN_ITEMS {
            let mut after = String::new();
            while let Some(items) = self.stretch::<Item>("work_items", state, &mut after).await? {
                let mut records = Vec::with_capacity(items.len());
                for item in items {
                    self.version(item.workflow, item.workflow_version, &mut records).await?;
                    if let Some(former) = item.transfer.as_ref().and_then(|transfer| transfer.former.as_ref()) {
                        self.version(former.workflow, former.workflow_version, &mut records).await?;
                    }
                    records.push(Record::Item(item));
                }
                if !self.send(records).await {
                    return Ok(());
                }
            }
        }
        for state in LIVE_RESERVATIONS {
            let mut after = String::new();
            while let Some(live) = self.stretch::<Reservation>("reservations", state, &mut after).await? {
                if !self.send(live.into_iter().map(Record::Reservation).collect()).await {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// `false` when nobody wants more.
    async fn send(&self, records: Vec<Record>) -> bool {
        self.sender.send(Ok(Some(records))).await.is_ok()
    }

    async fn resources(&self) -> Result<Vec<Record>, StoreError> {
        let mut resources = select("resources", &["kind", "body"]);
        resources.and_where(Expr::col(Alias::new("account")).eq(self.account.as_str()));
        let mut records = Vec::new();
        for row in self.db.query_all(&resources).await? {
            let body = text(&row, "body")?;
            records.push(match text(&row, "kind")?.as_str() {
                "activity" => decode_kind(Kind::Activity, &body)?,
                "channel" => decode_kind(Kind::Channel, &body)?,
                "queue" => decode_kind(Kind::Queue, &body)?,
                "schedule" => decode_kind(Kind::Schedule, &body)?,
                "workflow" => decode_kind(Kind::Workflow, &body)?,
                "event_channel" => decode_kind(Kind::EventChannel, &body)?,
                "subscription" => Record::Subscription(decode("subscription", &body)?),
                "worker" => Record::Worker(decode("worker", &body)?),
                other => {
                    let why = "no such kind of resource".to_owned();
                    return Err(StoreError::Unreadable { what: other.to_owned(), why });
                }
            });
        }
        Ok(records)
    }

    /// Adds a version of a workflow, once.
    async fn version(&mut self, of: WorkflowId, version: u32, records: &mut Vec<Record>) -> Result<(), StoreError> {
        if !self.versions.insert((of, version)) {
            return Ok(());
        }
        let mut document = select("workflow_versions", &["body"]);
        document
            .and_where(Expr::col(Alias::new("account")).eq(self.account.as_str()))
            .and_where(Expr::col(Alias::new("workflow")).eq(of.to_string()))
            .and_where(Expr::col(Alias::new("version")).eq(version as i32));
        if let Some(row) = self.db.query_one(&document).await? {
            records.push(Record::WorkflowVersion(decode("workflow version", &text(&row, "body")?)?));
        }
        Ok(())
    }

    /// The next records in one state, by the index of states; `None` after the last. The database joins their texts to
    /// one JSON array: handing over a row costs more than reading it.
    async fn stretch<T: DeserializeOwned>(
        &self,
        table: &'static str,
        state: &str,
        after: &mut String,
    ) -> Result<Option<Vec<T>>, StoreError> {
        let backend = self.db.get_database_backend();
        let (joined, [account, of_state, beyond]) = match backend {
            DbBackend::Postgres => ("string_agg(body, ',' ORDER BY id)", ["$1", "$2", "$3"]),
            _ => ("group_concat(body, ',')", ["?", "?", "?"]),
        };
        let sql = format!(
            "SELECT max(id) AS last, '[' || {joined} || ']' AS bodies FROM (SELECT id, body FROM {table} \
             WHERE account = {account} AND state = {of_state} AND id > {beyond} ORDER BY id LIMIT {STRETCH_ROWS}) AS open"
        );
        let values = [self.account.as_str().into(), state.into(), after.as_str().into()];
        let row = self.db.query_one_raw(Statement::from_sql_and_values(backend, sql, values)).await?;
        let Some(row) = row else { return Ok(None) };
        let Some(last) = row.try_get::<Option<String>>("", "last")? else { return Ok(None) };
        let records = decode(table, &text(&row, "bodies")?).map_err(|error| StoreError::Unreadable {
            what: format!("{table} up to {last}"),
            why: error.to_string(),
        })?;
        *after = last;
        Ok(Some(records))
    }
}
