//! Recovery: what an engine is rebuilt from.

use super::SqlStore;
use super::codec::{decode, decode_kind};
use crate::runtime::store::{Kind, Loaded, StoreError};
use cordboard_domain::id::AccountId;
use cordboard_domain::work::{Account, Record};
use sea_orm::sea_query::{Alias, Expr, ExprTrait, Order, Query, SelectStatement};
use sea_orm::{ConnectionTrait, QueryResult, TransactionTrait};
use std::collections::BTreeSet;

/// Open items or live reservations read at a time.
const STRETCH_ROWS: u64 = 10_000;

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

    pub(super) async fn read_account(&self, id: AccountId) -> Result<Option<Loaded>, StoreError> {
        // One snapshot for all of it.
        let db = self.reader.begin().await?;
        let account = id.to_string();
        let mut found = select("accounts", &["body", "sequence", "commits"]);
        found.and_where(Expr::col(Alias::new("id")).eq(account.clone()));
        let Some(row) = db.query_one(&found).await? else { return Ok(None) };
        let (sequence, commits) = (row.try_get::<i64>("", "sequence")?, row.try_get::<i64>("", "commits")?);
        let loaded = Loaded {
            account: decode("account", &text(&row, "body")?)?,
            sequence: sequence as u64,
            commits: commits as u64,
            records: records(&db, &account).await?,
        };
        db.commit().await?;
        Ok(Some(loaded))
    }
}

/// The states in which a record is still in the engine's hands, as the column has them.
fn open_states(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Item => &["pending", "reserved", "assigned", "wrapping"],
        _ => &["offered", "accepted", "wrapping"],
    }
}

async fn records(db: &impl ConnectionTrait, account: &str) -> Result<Vec<Record>, StoreError> {
    let own = || Expr::col(Alias::new("account")).eq(account);
    let mut records = Vec::new();
    let mut resources = select("resources", &["kind", "body"]);
    resources.and_where(own());
    for row in db.query_all(&resources).await? {
        let body = text(&row, "body")?;
        records.push(match text(&row, "kind")?.as_str() {
            "activity" => decode_kind(Kind::Activity, &body)?,
            "channel" => decode_kind(Kind::Channel, &body)?,
            "queue" => decode_kind(Kind::Queue, &body)?,
            "schedule" => decode_kind(Kind::Schedule, &body)?,
            "workflow" => decode_kind(Kind::Workflow, &body)?,
            "worker" => Record::Worker(decode("worker", &body)?),
            other => {
                let why = "no such kind of resource".to_owned();
                return Err(StoreError::Unreadable { what: other.to_owned(), why });
            }
        });
    }
    let mut used: BTreeSet<(String, u32)> = BTreeSet::new();
    for record in &records {
        if let Record::Workflow(workflow) = record {
            used.insert((workflow.id.to_string(), workflow.version));
        }
    }
    for (table, kind) in [("work_items", Kind::Item), ("reservations", Kind::Reservation)] {
        for state in open_states(kind) {
            read_state(db, account, (table, kind), state, &mut records, &mut used).await?;
        }
    }
    for (workflow, version) in used {
        let mut document = select("workflow_versions", &["body"]);
        document
            .and_where(own())
            .and_where(Expr::col(Alias::new("workflow")).eq(workflow))
            .and_where(Expr::col(Alias::new("version")).eq(version as i32));
        if let Some(row) = db.query_one(&document).await? {
            records.push(Record::WorkflowVersion(decode("workflow version", &text(&row, "body")?)?));
        }
    }
    Ok(records)
}

/// Reads what is in one state, by the index of states and in stretches: a million rows at once would need as much
/// memory again as the engine itself.
async fn read_state(
    db: &impl ConnectionTrait,
    account: &str,
    (table, kind): (&'static str, Kind),
    state: &str,
    records: &mut Vec<Record>,
    used: &mut BTreeSet<(String, u32)>,
) -> Result<(), StoreError> {
    let mut after = String::new();
    loop {
        let mut open = select(table, &["id", "body"]);
        open.and_where(Expr::col(Alias::new("account")).eq(account))
            .and_where(Expr::col(Alias::new("state")).eq(state))
            .and_where(Expr::col(Alias::new("id")).gt(after.as_str()))
            .order_by(Alias::new("id"), Order::Asc)
            .limit(STRETCH_ROWS);
        let rows = db.query_all(&open).await?;
        for row in &rows {
            let record = decode_kind(kind, &text(row, "body")?)?;
            if let Record::Item(item) = &record {
                used.insert((item.workflow.to_string(), item.workflow_version));
                if let Some(former) = item.transfer.as_ref().and_then(|transfer| transfer.former.as_ref()) {
                    used.insert((former.workflow.to_string(), former.workflow_version));
                }
            }
            records.push(record);
        }
        match rows.last() {
            Some(last) if rows.len() as u64 == STRETCH_ROWS => after = text(last, "id")?,
            _ => return Ok(()),
        }
    }
}
