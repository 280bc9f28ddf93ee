//! A store whose commits a test holds, lets go and fails, and which says when they begin.

use super::loaded::Loaded;
use async_trait::async_trait;
use cordboard::runtime::statistics::store::*;
use cordboard::runtime::store::*;
use cordboard_domain::id::*;
use cordboard_domain::statistics::{Group, HourKey, Presence};
use cordboard_domain::time::Timestamp;
use cordboard_domain::work::{Account, Record, WorkflowVersion};
use std::collections::VecDeque;
use std::ops::Range;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use tokio::sync::{mpsc, watch};

/// How a commit ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Nothing is written, and an error is told.
    FailBefore,
    /// Everything is written, and an error is told all the same: the connection broke at the worst moment.
    FailAfter,
}

/// What a commit was to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    pub events: usize,
    pub sequence: u64,
}

pub struct FailingStore {
    inner: Arc<dyn Store>,
    held: watch::Sender<bool>,
    begun: watch::Sender<Vec<Seen>>,
    fates: Mutex<VecDeque<Fate>>,
    statistics_fates: Mutex<VecDeque<Fate>>,
    loads_to_fail: AtomicU32,
    loads: watch::Sender<u32>,
    event_reads_to_fail: AtomicU32,
    first_event: AtomicU64,
}

impl FailingStore {
    pub fn new(inner: Arc<dyn Store>) -> Self {
        Self {
            inner,
            held: watch::Sender::new(false),
            begun: watch::Sender::new(Vec::new()),
            fates: Mutex::new(VecDeque::new()),
            statistics_fates: Mutex::new(VecDeque::new()),
            loads_to_fail: AtomicU32::new(0),
            loads: watch::Sender::new(0),
            event_reads_to_fail: AtomicU32::new(0),
            first_event: AtomicU64::new(0),
        }
    }

    /// Commits that begin from now on wait for [`Self::release`].
    pub fn hold(&self) {
        self.held.send_replace(true);
    }

    pub fn release(&self) {
        self.held.send_replace(false);
    }

    /// The next commit without a fate ends so.
    pub fn fail_next(&self, fate: Fate) {
        self.fates.lock().expect("no test panics with it").push_back(fate);
    }

    /// The same for the next write of statistics.
    pub fn fail_next_statistics(&self, fate: Fate) {
        self.statistics_fates.lock().expect("no test panics with it").push_back(fate);
    }

    pub fn fail_loads(&self, count: u32) {
        self.loads_to_fail.store(count, Ordering::SeqCst);
    }

    pub fn fail_event_reads(&self, count: u32) {
        self.event_reads_to_fail.store(count, Ordering::SeqCst);
    }

    /// Says that no event before this one is kept.
    pub fn keeps_from(&self, first: u64) {
        self.first_event.store(first, Ordering::SeqCst);
    }

    /// What the commits that have begun were to write, in order.
    pub fn begun(&self) -> Vec<Seen> {
        self.begun.borrow().clone()
    }

    /// Waits until so many commits have begun, ever.
    pub async fn began(&self, count: usize) {
        let mut begun = self.begun.subscribe();
        begun.wait_for(|begun| begun.len() >= count).await.expect("the store is here");
    }

    /// Waits until the account has been loaded or tried to be so many times, ever.
    pub async fn loaded(&self, count: u32) {
        let mut loads = self.loads.subscribe();
        loads.wait_for(|loads| *loads >= count).await.expect("the store is here");
    }
}

fn broken() -> StoreError {
    StoreError::Database("told to fail".to_owned())
}

#[async_trait]
impl StatisticsStore for FailingStore {
    async fn statistics_position(&self, account: AccountId) -> Result<Position, StoreError> {
        self.inner.statistics_position(account).await
    }

    async fn statistics_workers(&self, account: AccountId) -> Result<Vec<(WorkerId, Presence)>, StoreError> {
        self.inner.statistics_workers(account).await
    }

    async fn statistics_hours(
        &self,
        account: AccountId,
        keys: &[HourKey],
    ) -> Result<Vec<(HourKey, Vec<u8>)>, StoreError> {
        self.inner.statistics_hours(account, keys).await
    }

    async fn write_statistics(&self, batch: StatisticsBatch) -> Result<(), StoreError> {
        let fate = self.statistics_fates.lock().expect("no test panics with it").pop_front();
        match fate {
            None => self.inner.write_statistics(batch).await,
            Some(Fate::FailBefore) => Err(broken()),
            Some(Fate::FailAfter) => {
                self.inner.write_statistics(batch).await?;
                Err(broken())
            }
        }
    }

    async fn statistics_groups(&self, account: AccountId, filter: &GroupFilter) -> Result<Vec<NamedGroup>, StoreError> {
        self.inner.statistics_groups(account, filter).await
    }

    async fn statistics_group(&self, account: AccountId, group: &Group) -> Result<Option<NamedGroup>, StoreError> {
        self.inner.statistics_group(account, group).await
    }

    async fn statistics_extract(
        &self,
        account: AccountId,
        groups: &[Group],
        hours: Range<i64>,
    ) -> Result<Extract, StoreError> {
        self.inner.statistics_extract(account, groups, hours).await
    }

    async fn forget_statistics_before(&self, account: AccountId, hour: i64) -> Result<bool, StoreError> {
        self.inner.forget_statistics_before(account, hour).await
    }
}

#[async_trait]
impl Store for FailingStore {
    async fn commit(&self, batch: Batch) -> Result<(), StoreError> {
        let seen = Seen { events: batch.events.len(), sequence: batch.sequence };
        self.begun.send_modify(|begun| begun.push(seen));
        let mut held = self.held.subscribe();
        held.wait_for(|held| !held).await.expect("the store is here");
        let fate = self.fates.lock().expect("no test panics with it").pop_front();
        match fate {
            None => self.inner.commit(batch).await,
            Some(Fate::FailBefore) => Err(broken()),
            Some(Fate::FailAfter) => {
                self.inner.commit(batch).await?;
                Err(broken())
            }
        }
    }

    async fn load(&self, account: AccountId) -> Result<Option<Loading>, StoreError> {
        let fails = self.loads_to_fail.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        let loaded = if fails.is_ok() { Err(broken()) } else { super::loaded::load(&*self.inner, account).await };
        // Whoever waits for a load finds all of it read.
        self.loads.send_modify(|loads| *loads += 1);
        let Some(Loaded { account, sequence, commits, records }) = loaded? else { return Ok(None) };
        let (sender, stretches) = mpsc::channel(2);
        for stretch in [Some(records), None] {
            sender.try_send(Ok(stretch)).map_err(|_| broken())?;
        }
        Ok(Some(Loading { account, sequence, commits, stretches }))
    }

    async fn found(&self, account: &Account, records: &[Record], keys: &[ApiKey]) -> Result<(), StoreError> {
        self.inner.found(account, records, keys).await
    }

    async fn accounts(&self) -> Result<Vec<Account>, StoreError> {
        self.inner.accounts().await
    }

    async fn list_accounts(&self, after: Option<&str>, limit: u64) -> Result<Vec<Account>, StoreError> {
        self.inner.list_accounts(after, limit).await
    }

    async fn get(&self, account: AccountId, kind: Kind, id: &str) -> Result<Option<Record>, StoreError> {
        self.inner.get(account, kind, id).await
    }

    async fn named(&self, account: AccountId, kind: Kind, name: &str) -> Result<Option<String>, StoreError> {
        self.inner.named(account, kind, name).await
    }

    async fn list(&self, account: AccountId, kind: Kind, filter: &Filter) -> Result<Vec<Record>, StoreError> {
        self.inner.list(account, kind, filter).await
    }

    async fn version(
        &self,
        account: AccountId,
        of: WorkflowId,
        version: u32,
    ) -> Result<Option<WorkflowVersion>, StoreError> {
        self.inner.version(account, of, version).await
    }

    async fn versions(
        &self,
        account: AccountId,
        of: WorkflowId,
        before: Option<u32>,
        limit: u64,
    ) -> Result<Vec<WorkflowVersion>, StoreError> {
        self.inner.versions(account, of, before, limit).await
    }

    async fn events(&self, account: AccountId, filter: &EventFilter) -> Result<EventPage, StoreError> {
        let left = &self.event_reads_to_fail;
        let fails = left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        if fails.is_ok() { Err(broken()) } else { self.inner.events(account, filter).await }
    }

    async fn first_event(&self, account: AccountId) -> Result<u64, StoreError> {
        Ok(self.inner.first_event(account).await?.max(self.first_event.load(Ordering::SeqCst)))
    }

    async fn key_by_hash(&self, hash: &[u8; 32]) -> Result<Option<ApiKey>, StoreError> {
        self.inner.key_by_hash(hash).await
    }

    async fn keys(&self, account: AccountId, after: Option<&str>, limit: u64) -> Result<Vec<ApiKey>, StoreError> {
        self.inner.keys(account, after, limit).await
    }

    async fn answer(&self, account: AccountId, key: &str) -> Result<Option<KeptAnswer>, StoreError> {
        self.inner.answer(account, key).await
    }

    async fn forget_events_before(&self, account: AccountId, at: Timestamp, through: u64) -> Result<bool, StoreError> {
        self.inner.forget_events_before(account, at, through).await
    }

    async fn forget_answers_before(&self, at: Timestamp) -> Result<(), StoreError> {
        self.inner.forget_answers_before(at).await
    }

    async fn secret(&self, name: &str, fresh: [u8; 32]) -> Result<[u8; 32], StoreError> {
        self.inner.secret(name, fresh).await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.inner.ping().await
    }

    async fn close(&self) -> Result<(), StoreError> {
        self.inner.close().await
    }
}
