//! Events that need not be kept any longer: the oldest blocks of the log go, with what they are about.

use super::SqlStore;
use super::events::subjects_in;
use super::load::select;
use super::read::equals;
use crate::runtime::store::StoreError;
use cordboard_domain::id::AccountId;
use cordboard_domain::time::Timestamp;
use sea_orm::sea_query::{Alias, Expr, ExprTrait, Order, Query};
use sea_orm::{ConnectionTrait, TransactionTrait};

/// Blocks forgotten in one transaction; it holds the only writer.
const STRETCH_BLOCKS: u64 = 16;

impl SqlStore {
    /// Forgets one stretch of blocks whose last event is older than `at` and not after `through`; whether there may be
    /// more of them.
    pub(super) async fn forget_blocks(
        &self,
        account: AccountId,
        at: Timestamp,
        through: u64,
    ) -> Result<bool, StoreError> {
        let account = account.to_string();
        let mut oldest = select("events", &["last_sequence", "last_time", "body"]);
        oldest.and_where(equals("account", account.as_str()));
        oldest.order_by(Alias::new("last_sequence"), Order::Asc).limit(STRETCH_BLOCKS);
        let mut old = Vec::new();
        for row in self.reader.query_all(&oldest).await? {
            let last = row.try_get::<i64>("", "last_sequence")?;
            if row.try_get::<i64>("", "last_time")? >= at.millis() || last as u64 > through {
                break;
            }
            old.push((last, subjects_in(&row.try_get::<Vec<u8>>("", "body")?)?));
        }
        let Some((newest, _)) = old.last() else { return Ok(false) };
        let newest = *newest;
        let more = old.len() as u64 == STRETCH_BLOCKS;
        let transaction = self.writer.begin().await?;
        for (last, subjects) in old {
            let mut delete = Query::delete();
            delete
                .from_table(Alias::new("event_subjects"))
                .and_where(Expr::col(Alias::new("subject")).is_in(subjects))
                .and_where(equals("last_sequence", last));
            transaction.execute(&delete).await?;
        }
        let mut delete = Query::delete();
        delete
            .from_table(Alias::new("events"))
            .and_where(equals("account", account.as_str()))
            .and_where(Expr::col(Alias::new("last_sequence")).lte(newest));
        transaction.execute(&delete).await?;
        transaction.commit().await?;
        Ok(more)
    }
}
