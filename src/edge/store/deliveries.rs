//! Deliveries and positions of subscriptions, in tables of their own. Whatever gathers is written in one transaction.

use super::SqlStore;
use super::codec::{decode, encode};
use super::load::select;
use super::packed::{pack, unpack};
use super::read::equals;
use super::statement::{Rows, Table};
use crate::runtime::delivery::record::*;
use crate::runtime::store::StoreError;
use async_trait::async_trait;
use cordboard_domain::event_channel::Message;
use cordboard_domain::id::{AccountId, SubscriptionId};
use cordboard_domain::time::Timestamp;
use sea_orm::sea_query::{Alias, Expr, ExprTrait, Order, Query, SelectStatement, UpdateStatement};
use sea_orm::{ConnectionTrait, DatabaseTransaction, QueryResult, TransactionTrait};

static DELIVERIES: Table = Table {
    name: "deliveries",
    key: &["subscription", "last_sequence"],
    fixed: &[],
    changing: &[
        "account",
        "id",
        "first_sequence",
        "kind",
        "events",
        "body",
        "created_at",
        "state",
        "tries",
        "attempts",
        "next_attempt_at",
        "resolved_at",
    ],
};
static POSITIONS: Table = Table {
    name: "delivery_positions",
    key: &["subscription"],
    fixed: &["account"],
    changing: &["starts", "sequence"],
};

fn column(name: &'static str) -> Expr {
    Expr::col(Alias::new(name))
}

fn push(rows: &mut Rows, delivery: &Delivery) -> Result<(), StoreError> {
    let Delivery { account, subscription, message, state, attempts, tries, .. } = delivery;
    let millis = |at: Option<Timestamp>| at.map(Timestamp::millis);
    rows.push([
        subscription.to_string().into(),
        (message.last_sequence as i64).into(),
        account.to_string().into(),
        message.id.as_str().into(),
        (message.first_sequence as i64).into(),
        message.event_type.as_deref().unwrap_or_default().into(),
        (message.events as i32).into(),
        pack(&message.body).into(),
        delivery.created_at.millis().into(),
        state.name().into(),
        (*tries as i32).into(),
        encode(attempts)?.into(),
        millis(delivery.next_attempt_at).into(),
        millis(delivery.resolved_at).into(),
    ]);
    Ok(())
}

fn read(row: &QueryResult) -> Result<Delivery, StoreError> {
    let unreadable = |why: String| StoreError::Unreadable { what: "delivery".to_owned(), why };
    let text = |column: &str| row.try_get::<String>("", column);
    let number = |column: &str| row.try_get::<i64>("", column);
    let time = |column: &str| row.try_get::<Option<i64>>("", column).map(|at| at.map(Timestamp::from_millis));
    let state = text("state")?;
    let message = Message {
        id: text("id")?,
        first_sequence: number("first_sequence")? as u64,
        last_sequence: number("last_sequence")? as u64,
        events: row.try_get::<i32>("", "events")? as usize,
        event_type: Some(text("kind")?).filter(|kind| !kind.is_empty()),
        body: match row.try_get::<Option<Vec<u8>>>("", "body")? {
            Some(body) => unpack(&body).map_err(|error| unreadable(error.to_string()))?,
            None => String::new(),
        },
    };
    Ok(Delivery {
        account: AccountId::parse(&text("account")?).map_err(|error| unreadable(error.to_string()))?,
        subscription: SubscriptionId::parse(&text("subscription")?).map_err(|error| unreadable(error.to_string()))?,
        message,
        state: DeliveryState::parse(&state).ok_or_else(|| unreadable(format!("its state is `{state}`")))?,
        attempts: decode("attempts of a delivery", &text("attempts")?)?,
        tries: row.try_get::<i32>("", "tries")? as u32,
        next_attempt_at: time("next_attempt_at")?,
        created_at: Timestamp::from_millis(number("created_at")?),
        resolved_at: time("resolved_at")?,
    })
}

fn of(subscription: SubscriptionId) -> SelectStatement {
    let columns: Vec<&'static str> = DELIVERIES.columns().collect();
    rows(subscription, &columns)
}

/// Without what is sent: a page of large batches would be a hundred megabytes.
fn outlines_of(subscription: SubscriptionId) -> SelectStatement {
    let columns: Vec<&'static str> = DELIVERIES.columns().filter(|column| *column != "body").collect();
    let mut rows = rows(subscription, &columns);
    rows.expr_as(Expr::value(None::<Vec<u8>>), Alias::new("body"));
    rows
}

fn rows(subscription: SubscriptionId, columns: &[&'static str]) -> SelectStatement {
    let mut rows = select(DELIVERIES.name, columns);
    rows.and_where(equals("subscription", subscription.to_string()));
    rows
}

fn change(subscription: SubscriptionId) -> UpdateStatement {
    let mut update = Query::update();
    update.table(Alias::new(DELIVERIES.name)).and_where(equals("subscription", subscription.to_string()));
    update
}

async fn write(transaction: &DatabaseTransaction, entry: &Entry) -> Result<u64, StoreError> {
    match entry {
        Entry::Planned { account, subscription, position, deliveries } => {
            let mut rows = Rows::of(&DELIVERIES);
            for delivery in deliveries {
                push(&mut rows, delivery)?;
            }
            rows.put(transaction).await?;
            put_position(transaction, *account, *subscription, *position).await?;
            Ok(deliveries.len() as u64)
        }
        Entry::Attempted(delivery) => attempted(transaction, delivery).await,
        Entry::Started { account, subscription, position, at } => {
            let mut skip = change(*subscription);
            skip.value(Alias::new("state"), DeliveryState::Skipped.name());
            skip.value(Alias::new("resolved_at"), at.millis());
            skip.and_where(equals("state", DeliveryState::Pending.name()));
            let skipped = transaction.execute(&skip).await?.rows_affected();
            put_position(transaction, *account, *subscription, *position).await?;
            Ok(skipped)
        }
        Entry::Resent { subscription, which } => resent(transaction, *subscription, which).await,
        Entry::Forgotten(subscription) => {
            let mut some = select(DELIVERIES.name, &["last_sequence"]);
            some.and_where(equals("subscription", subscription.to_string())).limit(FORGOTTEN_MAX);
            let mut delete = Query::delete();
            delete.from_table(Alias::new(DELIVERIES.name));
            delete.and_where(equals("subscription", subscription.to_string()));
            delete.and_where(column("last_sequence").in_subquery(some));
            let forgotten = transaction.execute(&delete).await?.rows_affected();
            // It goes last: as long as it is there, a start finds what is left.
            if forgotten < FORGOTTEN_MAX {
                let mut delete = Query::delete();
                delete.from_table(Alias::new(POSITIONS.name));
                delete.and_where(equals("subscription", subscription.to_string()));
                transaction.execute(&delete).await?;
            }
            Ok(forgotten)
        }
        Entry::Barrier => Ok(0),
    }
}

async fn put_position(
    transaction: &DatabaseTransaction,
    account: AccountId,
    subscription: SubscriptionId,
    position: Position,
) -> Result<(), StoreError> {
    let mut rows = Rows::of(&POSITIONS);
    let (starts, sequence) = (position.starts as i32, position.sequence as i64);
    rows.push([subscription.to_string().into(), account.to_string().into(), starts.into(), sequence.into()]);
    rows.put(transaction).await
}

/// What came of an attempt; of a delivery that was forgotten meanwhile, nothing is written.
async fn attempted(transaction: &DatabaseTransaction, delivery: &Delivery) -> Result<u64, StoreError> {
    let mut update = change(delivery.subscription);
    update.and_where(equals("last_sequence", delivery.message.last_sequence as i64));
    update
        .value(Alias::new("state"), delivery.state.name())
        .value(Alias::new("tries"), delivery.tries as i32)
        .value(Alias::new("attempts"), encode(&delivery.attempts)?)
        .value(Alias::new("next_attempt_at"), delivery.next_attempt_at.map(Timestamp::millis))
        .value(Alias::new("resolved_at"), delivery.resolved_at.map(Timestamp::millis));
    Ok(transaction.execute(&update).await?.rows_affected())
}

async fn resent(
    transaction: &DatabaseTransaction,
    subscription: SubscriptionId,
    which: &Resend,
) -> Result<u64, StoreError> {
    let mut update = change(subscription);
    update.value(Alias::new("next_attempt_at"), None::<i64>);
    match which {
        Resend::Waiting => {
            update.and_where(equals("state", DeliveryState::Pending.name()));
            update.and_where(column("next_attempt_at").is_not_null());
            return Ok(transaction.execute(&update).await?.rows_affected());
        }
        Resend::One(id) => update.and_where(equals("id", id.as_str())),
        Resend::Range { from_sequence, to_sequence, failed_only } => {
            let mut chosen = select(DELIVERIES.name, &["last_sequence"]);
            chosen.and_where(equals("subscription", subscription.to_string()));
            chosen.and_where(column("last_sequence").gte(*from_sequence as i64));
            chosen.and_where(column("first_sequence").lte(*to_sequence as i64));
            let states = match failed_only {
                true => vec![DeliveryState::Failed.name(), DeliveryState::Skipped.name()],
                false => DeliveryState::ALL.map(|(_, name)| name).to_vec(),
            };
            chosen.and_where(column("state").is_in(states));
            chosen.order_by(Alias::new("last_sequence"), Order::Asc).limit(RESEND_MAX);
            update.and_where(column("last_sequence").in_subquery(chosen))
        }
    };
    update
        .value(Alias::new("state"), DeliveryState::Pending.name())
        .value(Alias::new("tries"), 0)
        .value(Alias::new("resolved_at"), None::<i64>);
    Ok(transaction.execute(&update).await?.rows_affected())
}

#[async_trait]
impl DeliveryStore for SqlStore {
    async fn write_deliveries(&self, entries: &[Entry]) -> Result<Vec<u64>, StoreError> {
        if entries.iter().all(|entry| matches!(entry, Entry::Barrier)) {
            return Ok(vec![0; entries.len()]);
        }
        let transaction = self.writer.begin().await?;
        let mut counts = Vec::with_capacity(entries.len());
        for entry in entries {
            counts.push(write(&transaction, entry).await?);
        }
        transaction.commit().await?;
        Ok(counts)
    }

    async fn delivery_position(&self, subscription: SubscriptionId) -> Result<Option<Position>, StoreError> {
        let mut position = select(POSITIONS.name, &["starts", "sequence"]);
        position.and_where(equals("subscription", subscription.to_string()));
        let Some(row) = self.reader.query_one(&position).await? else { return Ok(None) };
        let starts = row.try_get::<i32>("", "starts")? as u32;
        Ok(Some(Position { starts, sequence: row.try_get::<i64>("", "sequence")? as u64 }))
    }

    async fn pending_deliveries(&self, subscription: SubscriptionId, limit: u64) -> Result<Vec<Delivery>, StoreError> {
        let mut pending = of(subscription);
        pending.and_where(equals("state", DeliveryState::Pending.name()));
        pending.order_by(Alias::new("last_sequence"), Order::Asc).limit(limit);
        self.reader.query_all(&pending).await?.iter().map(read).collect()
    }

    async fn deliveries(
        &self,
        subscription: SubscriptionId,
        filter: &DeliveryFilter,
    ) -> Result<Vec<Delivery>, StoreError> {
        let mut listed = outlines_of(subscription);
        if let Some(state) = filter.state {
            listed.and_where(equals("state", state.name()));
        }
        if let Some(before) = filter.before {
            listed.and_where(column("last_sequence").lt(before as i64));
        }
        listed.order_by(Alias::new("last_sequence"), Order::Desc).limit(filter.limit);
        self.reader.query_all(&listed).await?.iter().map(read).collect()
    }

    async fn delivery(&self, subscription: SubscriptionId, id: &str) -> Result<Option<Delivery>, StoreError> {
        let mut found = of(subscription);
        found.and_where(equals("id", id)).order_by(Alias::new("last_sequence"), Order::Desc).limit(1);
        self.reader.query_one(&found).await?.as_ref().map(read).transpose()
    }

    async fn delivered_subscriptions(&self, account: AccountId) -> Result<Vec<SubscriptionId>, StoreError> {
        let mut kept = select(POSITIONS.name, &["subscription"]);
        kept.and_where(equals("account", account.to_string()));
        let rows = self.reader.query_all(&kept).await?;
        let id = |row: &QueryResult| {
            let text = row.try_get::<String>("", "subscription")?;
            SubscriptionId::parse(&text).map_err(|error| StoreError::Unreadable {
                what: "position of a subscription".to_owned(),
                why: error.to_string(),
            })
        };
        rows.iter().map(id).collect()
    }

    async fn forget_deliveries_before(&self, at: Timestamp) -> Result<bool, StoreError> {
        let mut old = select(DELIVERIES.name, &["subscription", "last_sequence"]);
        old.and_where(column("resolved_at").is_not_null()).and_where(column("resolved_at").lt(at.millis()));
        old.order_by(Alias::new("resolved_at"), Order::Asc).limit(FORGOTTEN_MAX);
        let old = self.reader.query_all(&old).await?;
        if old.is_empty() {
            return Ok(false);
        }
        let transaction = self.writer.begin().await?;
        for row in &old {
            let mut delete = Query::delete();
            delete.from_table(Alias::new(DELIVERIES.name));
            delete.and_where(equals("subscription", row.try_get::<String>("", "subscription")?));
            delete.and_where(equals("last_sequence", row.try_get::<i64>("", "last_sequence")?));
            // Not if it is being sent again since it was looked at.
            delete.and_where(column("resolved_at").is_not_null());
            transaction.execute(&delete).await?;
        }
        transaction.commit().await?;
        Ok(old.len() as u64 == FORGOTTEN_MAX)
    }
}
