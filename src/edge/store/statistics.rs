//! Cells of statistics by group and hour, written together with the position up to which events are counted.

use super::SqlStore;
use super::codec::{decode, encode};
use super::load::select;
use super::read::equals;
use super::statement::{Rows, Table};
use crate::runtime::statistics::store::*;
use crate::runtime::store::StoreError;
use async_trait::async_trait;
use cordboard_domain::id::{AccountId, WorkerId};
use cordboard_domain::statistics::{Dimension, Group, HourKey, Presence};
use cordboard_domain::time::Timestamp;
use sea_orm::sea_query::{Alias, Expr, ExprTrait, Order, Query, SelectStatement};
use sea_orm::{
    AccessMode, ConnectionTrait, DatabaseTransaction, DbBackend, IsolationLevel, QueryResult, Statement,
    TransactionTrait,
};
use std::cmp::{max, min};
use std::collections::BTreeMap;
use std::ops::Range;

/// Groups looked up with one query.
const GROUPS_PER_QUERY: usize = 200;
/// Rows forgotten in one transaction; it holds the only writer.
const FORGOTTEN_ROWS: u64 = 1_000;
/// What the columns of a group hold while it has no cells: every hour is before the one and after the other.
const NO_FIRST_HOUR: i64 = i64::MAX;
const NO_LAST_HOUR: i64 = i64::MIN;

static HOURS: Table =
    Table { name: "statistics_hours", key: &["account", "dimension", "grp", "hour"], fixed: &[], changing: &["body"] };
static WORKERS: Table =
    Table { name: "statistics_workers", key: &["account", "worker"], fixed: &[], changing: &["counts_from", "body"] };

fn unreadable(what: &str, why: impl ToString) -> StoreError {
    StoreError::Unreadable { what: what.to_owned(), why: why.to_string() }
}

/// Rows of one group.
fn of_group(table: &'static str, columns: &[&'static str], account: &str, group: &Group) -> SelectStatement {
    let mut rows = select(table, columns);
    rows.and_where(equals("account", account))
        .and_where(equals("dimension", group.dimension().name()))
        .and_where(equals("grp", group.key()));
    rows
}

fn presence(row: &QueryResult) -> Result<(WorkerId, Presence), StoreError> {
    let id = WorkerId::parse(&row.try_get::<String>("", "worker")?).map_err(|why| unreadable("worker's time", why))?;
    Ok((id, decode("worker's time", &row.try_get::<String>("", "body")?)?))
}

fn named(dimension: Dimension, row: &QueryResult) -> Result<NamedGroup, StoreError> {
    let key: String = row.try_get("", "grp")?;
    let group = Group::parse(dimension, &key).ok_or_else(|| unreadable("group of statistics", &key))?;
    Ok(NamedGroup { group, name: row.try_get("", "name")? })
}

async fn position(db: &impl ConnectionTrait, account: &str) -> Result<Position, StoreError> {
    let mut found = select("statistics_positions", &["revision", "sequence", "time", "complete_from"]);
    found.and_where(equals("account", account));
    let Some(row) = db.query_one(&found).await? else { return Ok(Position::default()) };
    let number = |column| row.try_get::<i64>("", column);
    Ok(Position {
        revision: number("revision")? as u64,
        sequence: number("sequence")? as u64,
        time: Timestamp::from_millis(number("time")?),
        complete_from: row.try_get::<Option<i64>>("", "complete_from")?.map(Timestamp::from_millis),
    })
}

/// Moves the position on if it is where the writer believes it to be.
async fn fence(transaction: &DatabaseTransaction, account: &str, to: &Position) -> Result<bool, StoreError> {
    let (columns, values) = (
        ["revision", "sequence", "time", "complete_from"].map(Alias::new),
        [
            Expr::val(to.revision as i64),
            Expr::val(to.sequence as i64),
            Expr::val(to.time.millis()),
            Expr::val(to.complete_from.map(Timestamp::millis)),
        ],
    );
    if to.revision == 1 {
        let mut insert = Query::insert();
        insert
            .into_table(Alias::new("statistics_positions"))
            .columns([Alias::new("account")].into_iter().chain(columns));
        insert.values_panic([Expr::val(account)].into_iter().chain(values));
        insert.on_conflict(sea_orm::sea_query::OnConflict::column(Alias::new("account")).do_nothing().to_owned());
        return Ok(transaction.execute(&insert).await?.rows_affected() == 1);
    }
    let mut update = Query::update();
    update.table(Alias::new("statistics_positions")).values(columns.into_iter().zip(values));
    update.and_where(equals("account", account)).and_where(equals("revision", to.revision as i64 - 1));
    Ok(transaction.execute(&update).await?.rows_affected() == 1)
}

/// Notes how groups are called and in which hours they have cells.
async fn note_groups(transaction: &DatabaseTransaction, batch: &StatisticsBatch) -> Result<(), StoreError> {
    let mut noted: BTreeMap<&Group, (Option<&str>, i64, i64)> = BTreeMap::new();
    for (group, name) in &batch.names {
        noted.entry(group).or_insert((None, NO_FIRST_HOUR, NO_LAST_HOUR)).0 = Some(&**name);
    }
    for HourKey { group, hour } in &batch.new_hours {
        let note = noted.entry(group).or_insert((None, NO_FIRST_HOUR, NO_LAST_HOUR));
        (note.1, note.2) = (min(note.1, *hour), max(note.2, *hour));
    }
    let backend = transaction.get_database_backend();
    let (least, most, marks) = match backend {
        DbBackend::Postgres => ("LEAST", "GREATEST", "$1, $2, $3, $4, $5, $6"),
        _ => ("MIN", "MAX", "?, ?, ?, ?, ?, ?"),
    };
    let text = format!(
        "INSERT INTO statistics_groups (account, dimension, grp, name, first_hour, last_hour) VALUES ({marks}) \
         ON CONFLICT (account, dimension, grp) DO UPDATE SET \
         name = COALESCE(excluded.name, statistics_groups.name), \
         first_hour = {least}(excluded.first_hour, statistics_groups.first_hour), \
         last_hour = {most}(excluded.last_hour, statistics_groups.last_hour)"
    );
    let account = batch.account.to_string();
    for (group, (name, first, last)) in noted {
        let values = [
            account.as_str().into(),
            group.dimension().name().into(),
            group.key().into(),
            name.into(),
            first.into(),
            last.into(),
        ];
        transaction.execute_raw(Statement::from_sql_and_values(backend, text.as_str(), values)).await?;
    }
    Ok(())
}

async fn write_workers(
    transaction: &DatabaseTransaction,
    account: &str,
    workers: &[(WorkerId, Option<Presence>)],
) -> Result<(), StoreError> {
    let mut rows = Rows::of(&WORKERS);
    for (id, presence) in workers {
        match presence {
            Some(presence) => {
                let counts_from = presence.counts_as().map(|_| presence.charged_to.millis());
                rows.push([account.into(), id.to_string().into(), counts_from.into(), encode(presence)?.into()]);
            }
            None => {
                let mut delete = Query::delete();
                delete.from_table(Alias::new("statistics_workers"));
                delete.and_where(equals("account", account)).and_where(equals("worker", id.to_string()));
                transaction.execute(&delete).await?;
            }
        }
    }
    rows.put(transaction).await
}

impl SqlStore {
    /// A transaction in which everything is read as it was at one moment.
    async fn begin_reading(&self) -> Result<DatabaseTransaction, StoreError> {
        Ok(match self.reader.get_database_backend() {
            // A transaction that only reads sees the log up to where it was at its first read.
            DbBackend::Sqlite => self.reader.begin().await?,
            _ => {
                let isolation = Some(IsolationLevel::RepeatableRead);
                self.reader.begin_with_config(isolation, Some(AccessMode::ReadOnly)).await?
            }
        })
    }

    /// The workers whose time goes on being counted: of some groups, or all for the account itself.
    async fn open_workers(
        &self,
        db: &DatabaseTransaction,
        account: &str,
        groups: &[Group],
    ) -> Result<Vec<(WorkerId, Presence)>, StoreError> {
        let all = groups.contains(&Group::All);
        let ids: Vec<String> = groups.iter().filter(|it| matches!(it, Group::Worker(_))).map(Group::key).collect();
        if !all && ids.is_empty() {
            return Ok(Vec::new());
        }
        let mut rows = select(WORKERS.name, &["worker", "body"]);
        rows.and_where(equals("account", account)).and_where(Expr::col(Alias::new("counts_from")).is_not_null());
        if !all {
            rows.and_where(Expr::col(Alias::new("worker")).is_in(ids));
        }
        db.query_all(&rows).await?.iter().map(presence).collect()
    }
}

#[async_trait]
impl StatisticsStore for SqlStore {
    async fn statistics_position(&self, account: AccountId) -> Result<Position, StoreError> {
        position(&self.reader, &account.to_string()).await
    }

    async fn statistics_workers(&self, account: AccountId) -> Result<Vec<(WorkerId, Presence)>, StoreError> {
        let mut rows = select(WORKERS.name, &["worker", "body"]);
        rows.and_where(equals("account", account.to_string()));
        self.reader.query_all(&rows).await?.iter().map(presence).collect()
    }

    async fn statistics_hours(
        &self,
        account: AccountId,
        keys: &[HourKey],
    ) -> Result<Vec<(HourKey, Vec<u8>)>, StoreError> {
        let mut by_hour: BTreeMap<(Dimension, i64), Vec<String>> = BTreeMap::new();
        for HourKey { group, hour } in keys {
            by_hour.entry((group.dimension(), *hour)).or_default().push(group.key());
        }
        let mut found = Vec::with_capacity(keys.len());
        for ((dimension, hour), groups) in by_hour {
            for groups in groups.chunks(GROUPS_PER_QUERY) {
                let mut rows = select(HOURS.name, &["grp", "body"]);
                rows.and_where(equals("account", account.to_string()))
                    .and_where(equals("dimension", dimension.name()))
                    .and_where(Expr::col(Alias::new("grp")).is_in(groups.iter().map(String::as_str)))
                    .and_where(equals("hour", hour));
                for row in self.reader.query_all(&rows).await? {
                    let key: String = row.try_get("", "grp")?;
                    let group = Group::parse(dimension, &key).ok_or_else(|| unreadable("group of statistics", &key))?;
                    found.push((HourKey { group, hour }, row.try_get::<Vec<u8>>("", "body")?));
                }
            }
        }
        Ok(found)
    }

    async fn write_statistics(&self, batch: StatisticsBatch) -> Result<(), StoreError> {
        let account = batch.account.to_string();
        let mut hours = Rows::of(&HOURS);
        for (HourKey { group, hour }, body) in &batch.hours {
            let (dimension, key) = (group.dimension().name(), group.key());
            hours.push([account.as_str().into(), dimension.into(), key.into(), (*hour).into(), body.clone().into()]);
        }
        let transaction = self.begin().await?;
        if !fence(&transaction, &account, &batch.position).await? {
            transaction.rollback().await?;
            return Err(StoreError::Fenced(batch.account));
        }
        hours.put(&transaction).await?;
        write_workers(&transaction, &account, &batch.workers).await?;
        note_groups(&transaction, &batch).await?;
        Ok(transaction.commit().await?)
    }

    async fn statistics_groups(&self, account: AccountId, filter: &GroupFilter) -> Result<Vec<NamedGroup>, StoreError> {
        let mut rows = select("statistics_groups", &["grp", "name"]);
        rows.and_where(equals("account", account.to_string())).and_where(equals("dimension", filter.dimension.name()));
        let first_before = Expr::col(Alias::new("first_hour")).lt(filter.hours.end);
        let mut there = first_before.and(Expr::col(Alias::new("last_hour")).gte(filter.hours.start));
        if let Some(before) = filter.open_before.filter(|_| filter.dimension == Dimension::Worker) {
            let mut open = select(WORKERS.name, &["worker"]);
            open.and_where(equals("account", account.to_string()));
            open.and_where(Expr::col(Alias::new("counts_from")).lt(before.millis()));
            there = there.or(Expr::col(Alias::new("grp")).in_subquery(open));
        }
        rows.and_where(there);
        if let Some(after) = &filter.after {
            rows.and_where(Expr::col(Alias::new("grp")).gt(after.as_str()));
        }
        rows.order_by(Alias::new("grp"), Order::Asc).limit(filter.limit);
        self.reader.query_all(&rows).await?.iter().map(|row| named(filter.dimension, row)).collect()
    }

    async fn statistics_group(&self, account: AccountId, group: &Group) -> Result<Option<NamedGroup>, StoreError> {
        let found = of_group("statistics_groups", &["grp", "name"], &account.to_string(), group);
        self.reader.query_one(&found).await?.map(|row| named(group.dimension(), &row)).transpose()
    }

    async fn statistics_extract(
        &self,
        account: AccountId,
        groups: &[Group],
        hours: Range<i64>,
    ) -> Result<Extract, StoreError> {
        let account = account.to_string();
        let reading = self.begin_reading().await?;
        let mut extract = Extract { position: position(&reading, &account).await?, ..Extract::default() };
        for group in groups {
            let mut rows = of_group(HOURS.name, &["hour", "body"], &account, group);
            rows.and_where(Expr::col(Alias::new("hour")).gte(hours.start))
                .and_where(Expr::col(Alias::new("hour")).lt(hours.end))
                .order_by(Alias::new("hour"), Order::Asc);
            let rows = reading.query_all(&rows).await?;
            let hour = |row: &QueryResult| Ok((row.try_get::<i64>("", "hour")?, row.try_get("", "body")?));
            extract.hours.push(rows.iter().map(hour).collect::<Result<_, StoreError>>()?);
        }
        extract.open = self.open_workers(&reading, &account, groups).await?;
        reading.commit().await?;
        Ok(extract)
    }

    async fn forget_statistics_before(&self, account: AccountId, hour: i64) -> Result<bool, StoreError> {
        let account = account.to_string();
        let mut old = select("statistics_groups", &["dimension", "grp", "first_hour", "last_hour"]);
        old.and_where(equals("account", account.as_str())).and_where(Expr::col(Alias::new("first_hour")).lt(hour));
        let Some(row) = self.reader.query_one(old.limit(1)).await? else { return Ok(false) };
        let (dimension, key): (String, String) = (row.try_get("", "dimension")?, row.try_get("", "grp")?);
        // A stretch of time has at most a row an hour.
        let first = row.try_get::<i64>("", "first_hour")?;
        let until = min(hour, first.saturating_add(FORGOTTEN_ROWS as i64));
        let of_group = [("account", account), ("dimension", dimension), ("grp", key)];
        let (mut cells, mut moved) = (Query::delete(), Query::update());
        cells.from_table(Alias::new(HOURS.name)).and_where(Expr::col(Alias::new("hour")).lt(until));
        // Its name is kept: whoever is still there may come back after long.
        let last = row.try_get::<i64>("", "last_hour")?;
        let (new_first, new_last) = if last < until { (NO_FIRST_HOUR, NO_LAST_HOUR) } else { (until, last) };
        moved.table(Alias::new("statistics_groups"));
        moved.value(Alias::new("first_hour"), new_first).value(Alias::new("last_hour"), new_last);
        // It may have been given cells since it was read; then it is looked at again.
        moved.and_where(equals("first_hour", first)).and_where(equals("last_hour", last));
        for (column, value) in of_group {
            cells.and_where(equals(column, value.as_str()));
            moved.and_where(equals(column, value));
        }
        let transaction = self.begin().await?;
        transaction.execute(&cells).await?;
        transaction.execute(&moved).await?;
        transaction.commit().await?;
        Ok(true)
    }
}
