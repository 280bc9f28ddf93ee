//! What the API reads: single resources, lists, events, keys and kept answers.

use super::SqlStore;
use super::codec::{decode, decode_kind, kind_name};
use super::load::select;
use super::rows::KEYS;
use crate::runtime::store::*;
use async_trait::async_trait;
use cordboard_domain::id::*;
use cordboard_domain::time::Timestamp;
use cordboard_domain::work::{Account, Record, WorkflowVersion};
use sea_orm::sea_query::{Alias, Expr, ExprTrait, OnConflict, Order, Query, SelectStatement, SimpleExpr};
use sea_orm::{ConnectionTrait, QueryResult};

pub(super) fn equals(column: &'static str, value: impl Into<SimpleExpr>) -> SimpleExpr {
    Expr::col(Alias::new(column)).eq(value)
}

pub(super) fn table_of(kind: Kind) -> &'static str {
    match kind {
        Kind::Item => "work_items",
        Kind::Reservation => "reservations",
        Kind::Activity | Kind::Channel | Kind::Queue | Kind::Schedule | Kind::Workflow | Kind::EventChannel => {
            "resources"
        }
    }
}

/// Rows of one account, checked but not looked up by it: for rows that an index finds by another id, which belongs to
/// one account anyway. Without statistics SQLite might take the account's index instead and read all that is in it.
fn checked_for(account: AccountId) -> SimpleExpr {
    Expr::cust("account || ''").eq(account.to_string())
}

/// Rows of a kind in one account.
pub(super) fn of_kind(account: AccountId, kind: Kind, by_another_id: bool) -> SelectStatement {
    let table = table_of(kind);
    let mut rows = select(table, &["body"]);
    rows.and_where(match by_another_id {
        true => checked_for(account),
        false => equals("account", account.to_string()),
    });
    if table == "resources" {
        rows.and_where(equals("kind", kind_name(kind)));
    }
    rows
}

fn key_of(row: &QueryResult) -> Result<ApiKey, StoreError> {
    let unreadable = |why: &str| StoreError::Unreadable { what: "API key".to_owned(), why: why.to_owned() };
    let text = |column: &str| row.try_get::<String>("", column);
    let optional = |column: &str| row.try_get::<Option<String>>("", column);
    let worker = optional("worker")?.map(|id| WorkerId::parse(&id)).transpose();
    let expires_at = optional("expires_at")?.map(|at| Timestamp::parse(&at)).transpose();
    Ok(ApiKey {
        id: KeyId::parse(&text("id")?).map_err(|error| unreadable(&error.to_string()))?,
        account: AccountId::parse(&text("account")?).map_err(|error| unreadable(&error.to_string()))?,
        name: text("name")?,
        role: Role::parse(&text("role")?).ok_or_else(|| unreadable("unknown role"))?,
        worker: worker.map_err(|error| unreadable(&error.to_string()))?,
        hash: row.try_get::<Vec<u8>>("", "hash")?.try_into().map_err(|_| unreadable("the hash is not 32 bytes"))?,
        created_at: Timestamp::from_millis(row.try_get::<i64>("", "created_at")?),
        expires_at: expires_at.map_err(|error| unreadable(&error.to_string()))?,
    })
}

fn all_keys() -> SelectStatement {
    let columns: Vec<&'static str> = KEYS.columns().collect();
    select(KEYS.name, &columns)
}

#[async_trait]
impl Store for SqlStore {
    async fn found(&self, account: &Account, records: &[Record], keys: &[ApiKey]) -> Result<(), StoreError> {
        self.write_account(account, records, keys).await
    }

    async fn commit(&self, batch: Batch) -> Result<(), StoreError> {
        self.write_batch(batch).await
    }

    async fn accounts(&self) -> Result<Vec<Account>, StoreError> {
        self.read_accounts().await
    }

    async fn list_accounts(&self, after: Option<&str>, limit: u64) -> Result<Vec<Account>, StoreError> {
        let mut rows = select("accounts", &["body"]);
        if let Some(after) = after {
            rows.and_where(Expr::col(Alias::new("id")).lt(after));
        }
        rows.order_by(Alias::new("id"), Order::Desc).limit(limit);
        let rows = self.reader.query_all(&rows).await?;
        rows.iter().map(|row| decode("account", &row.try_get::<String>("", "body")?)).collect()
    }

    async fn load(&self, account: AccountId) -> Result<Option<Loading>, StoreError> {
        self.read_account(account).await
    }

    async fn get(&self, account: AccountId, kind: Kind, id: &str) -> Result<Option<Record>, StoreError> {
        let mut found = of_kind(account, kind, false);
        found.and_where(equals("id", id));
        let row = self.reader.query_one(&found).await?;
        row.map(|row| decode_kind(kind, &row.try_get::<String>("", "body")?)).transpose()
    }

    async fn named(&self, account: AccountId, kind: Kind, name: &str) -> Result<Option<String>, StoreError> {
        let mut found = select("resources", &["id"]);
        found.and_where(equals("account", account.to_string())).and_where(equals("kind", kind_name(kind)));
        found.and_where(equals("name", name));
        let row = self.reader.query_one(&found).await?;
        Ok(row.map(|row| row.try_get::<String>("", "id")).transpose()?)
    }

    async fn list(&self, account: AccountId, kind: Kind, filter: &Filter) -> Result<Vec<Record>, StoreError> {
        self.read_list(account, kind, filter).await
    }

    async fn version(
        &self,
        account: AccountId,
        of: WorkflowId,
        version: u32,
    ) -> Result<Option<WorkflowVersion>, StoreError> {
        let mut found = select("workflow_versions", &["body"]);
        found.and_where(equals("account", account.to_string())).and_where(equals("workflow", of.to_string()));
        found.and_where(equals("version", version as i32));
        let row = self.reader.query_one(&found).await?;
        row.map(|row| decode("workflow version", &row.try_get::<String>("", "body")?)).transpose()
    }

    async fn versions(
        &self,
        account: AccountId,
        of: WorkflowId,
        before: Option<u32>,
        limit: u64,
    ) -> Result<Vec<WorkflowVersion>, StoreError> {
        let mut rows = select("workflow_versions", &["body"]);
        rows.and_where(equals("account", account.to_string())).and_where(equals("workflow", of.to_string()));
        if let Some(before) = before {
            rows.and_where(Expr::col(Alias::new("version")).lt(before as i32));
        }
        rows.order_by(Alias::new("version"), Order::Desc).limit(limit);
        let rows = self.reader.query_all(&rows).await?;
        rows.iter().map(|row| decode("workflow version", &row.try_get::<String>("", "body")?)).collect()
    }

    async fn events(&self, account: AccountId, filter: &EventFilter) -> Result<EventPage, StoreError> {
        self.read_events(account, filter).await
    }

    async fn first_event(&self, account: AccountId) -> Result<u64, StoreError> {
        self.read_first_event(account).await
    }

    async fn key_by_hash(&self, hash: &[u8; 32]) -> Result<Option<ApiKey>, StoreError> {
        let mut found = all_keys();
        found.and_where(equals("hash", hash.to_vec()));
        self.reader.query_one(&found).await?.map(|row| key_of(&row)).transpose()
    }

    async fn keys(&self, account: AccountId, after: Option<&str>, limit: u64) -> Result<Vec<ApiKey>, StoreError> {
        let mut rows = all_keys();
        rows.and_where(equals("account", account.to_string()));
        if let Some(after) = after {
            rows.and_where(Expr::col(Alias::new("id")).lt(after));
        }
        rows.order_by(Alias::new("id"), Order::Desc).limit(limit);
        self.reader.query_all(&rows).await?.iter().map(key_of).collect()
    }

    async fn answer(&self, account: AccountId, key: &str) -> Result<Option<KeptAnswer>, StoreError> {
        let mut found = select("answers", &["digest", "status", "body", "created_at"]);
        found.and_where(equals("account", account.to_string())).and_where(equals("key", key));
        let Some(row) = self.reader.query_one(&found).await? else { return Ok(None) };
        let digest = row.try_get::<Vec<u8>>("", "digest")?.try_into().map_err(|_| StoreError::Unreadable {
            what: "kept answer".to_owned(),
            why: "the digest is not 32 bytes".to_owned(),
        })?;
        let answer = StoredAnswer {
            status: u16::try_from(row.try_get::<i32>("", "status")?).unwrap_or(500),
            body: row.try_get("", "body")?,
        };
        let created_at = Timestamp::from_millis(row.try_get::<i64>("", "created_at")?);
        Ok(Some(KeptAnswer { key: key.to_owned(), digest, answer, created_at }))
    }

    async fn forget_events_before(&self, account: AccountId, at: Timestamp, through: u64) -> Result<bool, StoreError> {
        self.forget_blocks(account, at, through).await
    }

    async fn forget_answers_before(&self, at: Timestamp) -> Result<(), StoreError> {
        let mut delete = Query::delete();
        delete.from_table(Alias::new("answers")).and_where(Expr::col(Alias::new("created_at")).lt(at.millis()));
        self.writer.execute(&delete).await?;
        Ok(())
    }

    async fn secret(&self, name: &str, fresh: [u8; 32]) -> Result<[u8; 32], StoreError> {
        let mut insert = Query::insert();
        insert
            .into_table(Alias::new("secrets"))
            .columns([Alias::new("name"), Alias::new("value")])
            .values_panic([name.into(), fresh.to_vec().into()])
            .on_conflict(OnConflict::column(Alias::new("name")).do_nothing().to_owned());
        self.writer.execute(&insert).await?;
        let mut found = select("secrets", &["value"]);
        found.and_where(equals("name", name));
        let unreadable = |why: &str| StoreError::Unreadable { what: "secret".to_owned(), why: why.to_owned() };
        let row = self.writer.query_one(&found).await?.ok_or_else(|| unreadable("it is gone"))?;
        row.try_get::<Vec<u8>>("", "value")?.try_into().map_err(|_| unreadable("it is not 32 bytes"))
    }

    async fn ping(&self) -> Result<(), StoreError> {
        Ok(self.reader.ping().await?)
    }

    /// The writer goes last: SQLite then copies its log into the database and leaves one whole file.
    async fn close(&self) -> Result<(), StoreError> {
        self.reader.clone().close().await?;
        Ok(self.writer.clone().close().await?)
    }
}
