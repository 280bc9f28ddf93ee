//! The one transaction of a batch.

use super::SqlStore;
use super::codec::encode;
use super::rows::{ACCOUNTS, ANSWERS, EVENTS, KEYS, RESOURCES, Rows, append, upsert};
use crate::runtime::store::{ApiKey, Batch, KeyChange, StoreError};
use cordboard_domain::work::{Account, Gone, Record};
use sea_orm::sea_query::{Alias, Expr, ExprTrait, Query};
use sea_orm::{ConnectionTrait, DatabaseTransaction, SqliteTransactionMode, TransactionOptions, TransactionTrait, Value};

impl SqlStore {
    async fn begin(&self) -> Result<DatabaseTransaction, StoreError> {
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
        let transaction = self.begin().await?;
        let row = vec![
            account.id.to_string().into(),
            account.name.as_str().into(),
            encode(account)?.into(),
            0i64.into(),
            0i64.into(),
        ];
        upsert(&transaction, &ACCOUNTS, vec![row]).await?;
        Rows::gather(account.id, records)?.write(&transaction).await?;
        upsert(&transaction, &KEYS, keys.iter().map(key_row).collect()).await?;
        Ok(transaction.commit().await?)
    }

    pub(super) async fn write_batch(&self, batch: Batch) -> Result<(), StoreError> {
        let rows = Rows::gather(batch.account, &batch.records)?;
        let account = batch.account.to_string();
        let transaction = self.begin().await?;
        let mut update = Query::update();
        update
            .table(Alias::new("accounts"))
            .value(Alias::new("sequence"), batch.sequence as i64)
            .value(Alias::new("commits"), batch.after_commit as i64 + 1)
            .and_where(Expr::col(Alias::new("id")).eq(account.clone()))
            .and_where(Expr::col(Alias::new("commits")).eq(batch.after_commit as i64));
        if let Some((name, body)) = &rows.account {
            update.value(Alias::new("name"), name.clone()).value(Alias::new("body"), body.clone());
        }
        if transaction.execute(&update).await?.rows_affected() != 1 {
            transaction.rollback().await?;
            return Err(StoreError::Fenced(batch.account));
        }
        rows.write(&transaction).await?;
        let events = batch.events.iter().map(|event| {
            vec![
                account.clone().into(),
                (event.sequence as i64).into(),
                event.id.to_string().into(),
                event.event_type.into(),
                event.subject.clone().into(),
                event.time.millis().into(),
                event.data.get().into(),
            ]
        });
        append(&transaction, &EVENTS, events.collect()).await?;
        delete(&transaction, &account, &batch.gone).await?;
        change_keys(&transaction, &account, &batch.keys).await?;
        let answers = batch.answers.iter().map(|kept| {
            vec![
                account.clone().into(),
                kept.key.clone().into(),
                kept.digest.to_vec().into(),
                i32::from(kept.answer.status).into(),
                kept.answer.body.clone().into(),
                kept.created_at.millis().into(),
            ]
        });
        upsert(&transaction, &ANSWERS, answers.collect()).await?;
        Ok(transaction.commit().await?)
    }
}

fn key_row(key: &ApiKey) -> Vec<Value> {
    vec![
        key.id.to_string().into(),
        key.account.to_string().into(),
        key.name.as_str().into(),
        key.role.name().into(),
        key.worker.map(|worker| worker.to_string()).into(),
        key.hash.to_vec().into(),
        key.created_at.millis().into(),
        key.expires_at.map(|at| at.to_string()).into(),
    ]
}

async fn delete(db: &impl ConnectionTrait, account: &str, gone: &[Gone]) -> Result<(), StoreError> {
    for gone in gone {
        let (kind, id) = match gone {
            Gone::Activity(id) => ("activity", id.to_string()),
            Gone::Channel(id) => ("channel", id.to_string()),
            Gone::Queue(id) => ("queue", id.to_string()),
            Gone::Schedule(id) => ("schedule", id.to_string()),
            Gone::Workflow(id) => ("workflow", id.to_string()),
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
            KeyChange::Put(key) => upsert(db, &KEYS, vec![key_row(key)]).await?,
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
