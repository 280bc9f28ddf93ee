//! Statistics in the store, as the runtime sees them: cells by group and hour, and how far the events are counted.

use crate::runtime::store::StoreError;
use async_trait::async_trait;
use cordboard_domain::id::{AccountId, WorkerId};
use cordboard_domain::statistics::{Dimension, Group, HourKey, Presence};
use cordboard_domain::time::Timestamp;
use std::ops::Range;

/// How far an account's events are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Position {
    /// Number of the last write; 0 before the first.
    pub revision: u64,
    /// Everything up to this event is in the cells, and nothing after it.
    pub sequence: u64,
    /// When that event was.
    pub time: Timestamp,
    /// Events before this time were forgotten before they were counted; `None` when all are counted.
    pub complete_from: Option<Timestamp>,
}

/// What one write replaces, all of it or nothing.
#[derive(Debug, Clone)]
pub struct StatisticsBatch {
    pub account: AccountId,
    /// As it will be; refused unless the stored revision is the one before.
    pub position: Position,
    /// Whole hours, as [`Hour::encode`](cordboard_domain::statistics::Hour::encode) writes them.
    pub hours: Vec<(HourKey, Vec<u8>)>,
    /// Of these hours nothing was stored before.
    pub new_hours: Vec<HourKey>,
    pub workers: Vec<(WorkerId, Option<Presence>)>,
    pub names: Vec<(Group, Box<str>)>,
}

/// Which groups of a dimension have cells in a time, by their key.
#[derive(Debug, Clone)]
pub struct GroupFilter {
    pub dimension: Dimension,
    pub hours: Range<i64>,
    /// Of workers also those whose time goes on being counted from before this time: their cells may be to come.
    pub open_before: Option<Timestamp>,
    /// Key after which the page begins.
    pub after: Option<String>,
    pub limit: u64,
}

/// A group and how it was last called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedGroup {
    pub group: Group,
    pub name: Option<String>,
}

/// What a question is answered from, all as it was at one moment.
#[derive(Debug, Clone, Default)]
pub struct Extract {
    pub position: Position,
    /// Of each group asked for, in that order, its hours.
    pub hours: Vec<Vec<(i64, Vec<u8>)>>,
    /// Workers among the groups, or all, whose time goes on being counted.
    pub open: Vec<(WorkerId, Presence)>,
}

#[async_trait]
pub trait StatisticsStore: Send + Sync {
    /// The position, where the fold goes on; that of an account without statistics is before its first event.
    async fn statistics_position(&self, account: AccountId) -> Result<Position, StoreError>;
    /// What the fold remembers of workers.
    async fn statistics_workers(&self, account: AccountId) -> Result<Vec<(WorkerId, Presence)>, StoreError>;
    /// What is stored of these hours.
    async fn statistics_hours(
        &self,
        account: AccountId,
        keys: &[HourKey],
    ) -> Result<Vec<(HourKey, Vec<u8>)>, StoreError>;
    async fn write_statistics(&self, batch: StatisticsBatch) -> Result<(), StoreError>;
    /// In the order of their keys.
    async fn statistics_groups(&self, account: AccountId, filter: &GroupFilter) -> Result<Vec<NamedGroup>, StoreError>;
    /// One group, whenever it has cells; `None` when it is not known.
    async fn statistics_group(&self, account: AccountId, group: &Group) -> Result<Option<NamedGroup>, StoreError>;
    async fn statistics_extract(
        &self,
        account: AccountId,
        groups: &[Group],
        hours: Range<i64>,
    ) -> Result<Extract, StoreError>;
    /// Forgets some of the cells before an hour. `true` when there may be more.
    async fn forget_statistics_before(&self, account: AccountId, hour: i64) -> Result<bool, StoreError>;
}
