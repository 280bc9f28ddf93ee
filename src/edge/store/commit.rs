//! The one transaction of a batch.

use super::SqlStore;
use super::codec::encode;
use super::events::EventRows;
use super::rows::{ACCOUNTS, ANSWERS, Gathered, KEYS, RESOURCES};
use super::statement::Rows;
use crate::runtime::store::{ApiKey, Batch, KeptAnswer, KeyChange, StoreError};
use cordboard_domain::work::{Account, Gone, Record};
use sea_orm::sea_query::{Alias, Expr, ExprTrait, Query};
use sea_orm::{ConnectionTrait, DatabaseTransaction, SqliteTransactionMode, TransactionOptions, TransactionTrait};
use std::collections::BTreeMap;

impl SqlStore {
    pub(super) async fn begin(&self) -> Result<DatabaseTransaction, StoreError> {
        // SQLite takes its write lock at once instead of failing half-way.
        let options = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        Ok(self.writer.begin_with_options(options).await?)
    }

    pub(super) async fn write_account(
        &self,
        account: &Account,
        records: &[Record],
        keys: &[ApiKey],
    ) -> Result<(), StoreError> {
        let rows = Gathered::of(records).encode(account.id, 0)?;
        let mut row = Rows::of(&ACCOUNTS);
        let (id, name) = (account.id.to_string(), account.name.as_str());
        row.push([id.into(), name.into(), encode(account)?.into(), 0i64.into(), 0i64.into()]);
        let transaction = self.begin().await?;
        row.append(&transaction).await?;
        rows.write(&transaction).await?;
        put_keys(&transaction, keys).await?;
        Ok(transaction.commit().await?)
    }

    pub(super) async fn write_batch(&self, batch: Batch) -> Result<(), StoreError> {
        let account = batch.account.to_string();
        let gathered = Gathered::of(&batch.records);
        let mut fence = Query::update();
        fence
            .table(Alias::new(ACCOUNTS.name))
            .value(Alias::new("sequence"), batch.sequence as i64)
            .value(Alias::new("commits"), batch.after_commit as i64 + 1)
            .and_where(Expr::col(Alias::new("id")).eq(account.as_str()))
            .and_where(Expr::col(Alias::new("commits")).eq(batch.after_commit as i64))
            // The log has no gaps: the first event of the batch follows the last one that is stored.
            .and_where(Expr::col(Alias::new("sequence")).eq(batch.sequence as i64 - batch.events.len() as i64));
        if let Some(account) = gathered.account {
            fence.value(Alias::new("name"), account.name.as_str()).value(Alias::new("body"), encode(account)?);
        }
        // Everything is encoded before the transaction begins: it holds the only writer.
        let rows = gathered.encode(batch.account, batch.sequence)?;
        let (events, answers) = (EventRows::of(&account, &batch.events)?, answers(&account, &batch.answers));
        let transaction = self.begin().await?;
        if transaction.execute(&fence).await?.rows_affected() != 1 {
            transaction.rollback().await?;
            return Err(StoreError::Fenced(batch.account));
        }
        rows.write(&transaction).await?;
        events.append(&transaction).await?;
        delete(&transaction, &account, &batch.gone).await?;
        change_keys(&transaction, &account, &batch.keys).await?;
        answers.put(&transaction).await?;
        Ok(transaction.commit().await?)
    }
}

/// Of several answers to one key the last counts; a statement can write a row only once.
fn answers(account: &str, kept: &[KeptAnswer]) -> Rows {
    let last: BTreeMap<&str, &KeptAnswer> = kept.iter().map(|kept| (kept.key.as_str(), kept)).collect();
    let mut rows = Rows::of(&ANSWERS);
    for kept in last.into_values() {
        rows.push([
            account.into(),
            kept.key.as_str().into(),
            kept.digest.to_vec().into(),
            i32::from(kept.answer.status).into(),
            kept.answer.body.as_str().into(),
            kept.created_at.millis().into(),
        ]);
    }
    rows
}

async fn put_keys(db: &impl ConnectionTrait, keys: &[ApiKey]) -> Result<(), StoreError> {
    let mut rows = Rows::of(&KEYS);
    for key in keys {
        rows.push([
            key.id.to_string().into(),
            key.account.to_string().into(),
            key.name.as_str().into(),
            key.role.name().into(),
            key.worker.map(|worker| worker.to_string()).into(),
            key.hash.to_vec().into(),
            key.created_at.millis().into(),
            key.expires_at.map(|at| at.to_string()).into(),
        ]);
    }
    rows.put(db).await
}

async fn delete(db: &impl ConnectionTrait, account: &str, gone: &[Gone]) -> Result<(), StoreError> {
    for gone in gone {
        let (kind, id) = match gone {
            Gone::Activity(id) => ("activity", id.to_string()),
            Gone::Channel(id) => ("channel", id.to_string()),
            Gone::Queue(id) => ("queue", id.to_string()),
            Gone::Schedule(id) => ("schedule", id.to_string()),
            Gone::Workflow(id) => ("workflow", id.to_string()),
            Gone::EventChannel(id) => ("event_channel", id.to_string()),
            Gone::Subscription(id) => ("subscription", id.to_string()),
            Gone::Worker(id) => ("worker", id.to_string()),
        };
        let mut delete = Query::delete();
        delete
            .from_table(Alias::new(RESOURCES.name))
            .and_where(Expr::col(Alias::new("account")).eq(account))
            .and_where(Expr::col(Alias::new("kind")).eq(kind))
            .and_where(Expr::col(Alias::new("id")).eq(id));
        db.execute(&delete).await?;
    }
    Ok(())
}

async fn change_keys(db: &impl ConnectionTrait, account: &str, changes: &[KeyChange]) -> Result<(), StoreError> {
    for change in changes {
        match change {
            KeyChange::Put(key) => put_keys(db, std::slice::from_ref(key)).await?,
            KeyChange::Delete(id) => {
                let mut delete = Query::delete();
                delete
                    .from_table(Alias::new(KEYS.name))
                    .and_where(Expr::col(Alias::new("account")).eq(account))
                    .and_where(Expr::col(Alias::new("id")).eq(id.to_string()));
                db.execute(&delete).await?;
            }
        }
    }
    Ok(())
}
