//! Lists of resources, newest first: by the index of what the filter names, and a worker's own bucket by bucket.

use super::SqlStore;
use super::codec::decode_kind;
use super::load::select;
use super::read::{equals, of_kind, table_of};
use super::rows::bucket_at;
use crate::runtime::store::{Filter, Kind, StoreError};
use cordboard_domain::id::*;
use cordboard_domain::time::Timestamp;
use cordboard_domain::work::Record;
use sea_orm::sea_query::{Alias, Expr, ExprTrait, Order, SelectStatement};
use sea_orm::{ConnectionTrait, QueryResult};

/// Buckets that one query searches for the rows of a worker: each costs a few microseconds.
const SEARCH_BUCKETS: i64 = 64;

/// The last millisecond that an id can hold: its 48 bits end in the year 10889.
const ID_MILLIS_MAX: i64 = (1 << 48) - 1;

/// The least id that can be made at an instant.
fn first_id_at(kind: Kind, at: Timestamp) -> String {
    let bits = (at.millis().clamp(0, ID_MILLIS_MAX) as u128) << 80;
    match kind {
        Kind::Activity => ActivityId(bits).to_string(),
        Kind::Channel => ChannelId(bits).to_string(),
        Kind::Queue => QueueId(bits).to_string(),
        Kind::Schedule => ScheduleId(bits).to_string(),
        Kind::Workflow => WorkflowId(bits).to_string(),
        Kind::EventChannel => EventChannelId(bits).to_string(),
        Kind::Item => ItemId(bits).to_string(),
        Kind::Reservation => ReservationId(bits).to_string(),
    }
}

/// The rows that a filter leaves, wherever its page begins.
fn filtered(rows: &mut SelectStatement, kind: Kind, filter: &Filter) {
    let equal = [
        ("name", &filter.name),
        ("state", &filter.state),
        ("queue", &filter.queue),
        ("workflow", &filter.workflow),
        ("channel", &filter.channel),
        ("worker", &filter.worker),
        ("work_item", &filter.work_item),
    ];
    for (column, value) in equal {
        if let Some(value) = value {
            rows.and_where(equals(column, value.as_str()));
        }
    }
    // An id begins with the time of its making, so a span of time is a span of ids.
    if let Some(from) = filter.created_from {
        rows.and_where(Expr::col(Alias::new("id")).gte(first_id_at(kind, from)));
    }
    if let Some(before) = filter.created_before {
        rows.and_where(Expr::col(Alias::new("id")).lt(first_id_at(kind, before)));
    }
}

/// Whether no other column of the filter finds few rows by itself.
fn is_by_worker_alone(filter: &Filter) -> bool {
    const OPEN: [&str; 6] = ["pending", "reserved", "assigned", "wrapping", "offered", "accepted"];
    // What is open is not much, and the index of states finds it.
    let open = filter.state.as_ref().is_some_and(|state| OPEN.contains(&state.as_str()));
    filter.worker.is_some() && filter.work_item.is_none() && !open
}

fn records(kind: Kind, rows: &[QueryResult]) -> Result<Vec<Record>, StoreError> {
    rows.iter().map(|row| decode_kind(kind, &row.try_get::<String>("", "body")?)).collect()
}

impl SqlStore {
    pub(super) async fn read_list(
        &self,
        account: AccountId,
        kind: Kind,
        filter: &Filter,
    ) -> Result<Vec<Record>, StoreError> {
        if is_by_worker_alone(filter) {
            return self.read_list_of_worker(account, kind, filter).await;
        }
        let by_another_id = [&filter.queue, &filter.workflow, &filter.work_item];
        let mut rows = of_kind(account, kind, by_another_id.into_iter().any(Option::is_some));
        filtered(&mut rows, kind, filter);
        if let Some(after) = &filter.after {
            rows.and_where(Expr::col(Alias::new("id")).lt(after.as_str()));
        }
        rows.order_by(Alias::new("id"), Order::Desc).limit(filter.limit);
        records(kind, &self.reader.query_all(&rows).await?)
    }

    /// Newest first means by bucket and then by id: the ids of one millisecond may lie in two buckets.
    async fn read_list_of_worker(
        &self,
        account: AccountId,
        kind: Kind,
        filter: &Filter,
    ) -> Result<Vec<Record>, StoreError> {
        let Some(newest) = self.newest_bucket(account, kind, filter.after.as_deref()).await? else {
            return Ok(Vec::new());
        };
        let (mut found, mut top) = (Vec::new(), newest);
        while top >= 0 && (found.len() as u64) < filter.limit {
            let bottom = if top < SEARCH_BUCKETS { 0 } else { top - SEARCH_BUCKETS + 1 };
            let mut rows = of_kind(account, kind, false);
            rows.and_where(Expr::col(Alias::new("bucket")).is_in(bottom..=top));
            filtered(&mut rows, kind, filter);
            if let Some(after) = &filter.after {
                let older = Expr::col(Alias::new("bucket")).lt(newest);
                rows.and_where(older.or(Expr::col(Alias::new("id")).lt(after.as_str())));
            }
            rows.order_by(Alias::new("bucket"), Order::Desc).order_by(Alias::new("id"), Order::Desc);
            rows.limit(filter.limit - found.len() as u64);
            found.extend(records(kind, &self.reader.query_all(&rows).await?)?);
            top = bottom - 1;
        }
        Ok(found)
    }

    /// The bucket in which a page begins: that of the row that it comes after, or the account's last.
    async fn newest_bucket(
        &self,
        account: AccountId,
        kind: Kind,
        after: Option<&str>,
    ) -> Result<Option<i64>, StoreError> {
        let account = account.to_string();
        let Some(after) = after else {
            let mut last = select("accounts", &["sequence"]);
            last.and_where(equals("id", account));
            let row = self.reader.query_one(&last).await?;
            let sequence = row.map(|row| row.try_get::<i64>("", "sequence")).transpose()?;
            return Ok(sequence.map(|sequence| bucket_at(sequence as u64)));
        };
        let mut row = select(table_of(kind), &["bucket"]);
        row.and_where(equals("account", account)).and_where(equals("id", after));
        let row = self.reader.query_one(&row).await?;
        Ok(row.map(|row| row.try_get::<i64>("", "bucket")).transpose()?)
    }
}
