//! The store as the runtime sees it: one atomic commit per batch, recovery, and the reads of the API.

use super::statistics::store::StatisticsStore;
use async_trait::async_trait;
use cordboard_domain::event::{CloudEvent, Event};
use cordboard_domain::id::*;
use cordboard_domain::time::Timestamp;
use cordboard_domain::work::{Account, Gone, Record, WorkflowVersion};
use serde_json::value::RawValue;
use std::sync::Arc;
use tokio::sync::mpsc;

/// What a key may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Admin,
    Integrator,
    Supervisor,
    Agent,
}

impl Role {
    pub const ALL: [(Role, &str); 4] = [
        (Self::Admin, "admin"),
        (Self::Integrator, "integrator"),
        (Self::Supervisor, "supervisor"),
        (Self::Agent, "agent"),
    ];

    pub fn name(self) -> &'static str {
        Self::ALL.into_iter().find(|(role, _)| *role == self).map_or("", |(_, name)| name)
    }

    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(_, known)| *known == name).map(|(role, _)| role)
    }
}

/// An API key as it is kept: its secret only as a hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    pub id: KeyId,
    pub account: AccountId,
    pub name: String,
    pub role: Role,
    /// For agents: the worker that it speaks for.
    pub worker: Option<WorkerId>,
    /// SHA-256 of the key.
    pub hash: [u8; 32],
    pub created_at: Timestamp,
    pub expires_at: Option<Timestamp>,
}

#[derive(Debug, Clone)]
pub enum KeyChange {
    Put(ApiKey),
    Delete(KeyId),
}

/// The answer to a request with an idempotency key, kept so that it can be given again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredAnswer {
    pub status: u16,
    pub body: String,
}

#[derive(Debug, Clone)]
pub struct KeptAnswer {
    pub key: String,
    /// SHA-256 of the request.
    pub digest: [u8; 32],
    pub answer: StoredAnswer,
    pub created_at: Timestamp,
}

/// Everything that one commit writes, all of it or nothing.
#[derive(Debug, Clone)]
pub struct Batch {
    pub account: AccountId,
    /// Number of the account's last commit; the store refuses the batch when it has seen another since.
    pub after_commit: u64,
    /// Sequence of the last event, those of this batch included, which follow the stored ones without a gap.
    pub sequence: u64,
    /// In the order of their making: of several records of one resource the last one counts.
    pub records: Vec<Record>,
    pub gone: Vec<Gone>,
    pub events: Arc<[Event]>,
    pub keys: Vec<KeyChange>,
    pub answers: Vec<KeptAnswer>,
}

/// An account as it was after its last commit, being read.
#[derive(Debug)]
pub struct Loading {
    pub account: Account,
    pub sequence: u64,
    pub commits: u64,
    /// Its records in stretches and then `None`, in the order that [`Recovery`](cordboard_domain::work::Recovery) asks for: while the engine takes one in, the next is
    /// being read. Whoever drops the channel stops the reading.
    pub stretches: mpsc::Receiver<Result<Option<Vec<Record>>, StoreError>>,
}

impl Loading {
    /// The next stretch, `None` after the last. A reader that ended without saying so has failed: what it gave is not
    /// the whole account.
    pub async fn next(&mut self) -> Result<Option<Vec<Record>>, StoreError> {
        let ended_early = || StoreError::Database("reading the account ended before its end".to_owned());
        self.stretches.recv().await.unwrap_or_else(|| Err(ended_early()))
    }
}

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("the database failed: {0}")]
    Database(String),
    #[error("account {0} is not as this process left it: another process has written to it")]
    Fenced(AccountId),
    #[error("the stored {what} cannot be read: {why}")]
    Unreadable { what: String, why: String },
}

/// Kinds of resources that can be listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Activity,
    Channel,
    Queue,
    Schedule,
    Workflow,
    EventChannel,
    Item,
    Reservation,
}

/// Which resources a list shows, newest first.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    pub name: Option<String>,
    pub state: Option<String>,
    pub queue: Option<String>,
    pub workflow: Option<String>,
    pub channel: Option<String>,
    pub worker: Option<String>,
    pub work_item: Option<String>,
    pub created_from: Option<Timestamp>,
    pub created_before: Option<Timestamp>,
    /// Id after which the page begins.
    pub after: Option<String>,
    pub limit: u64,
}

/// Which events a list shows, oldest first.
#[derive(Debug, Clone, Default)]
pub struct EventFilter {
    pub after_sequence: u64,
    /// All types when empty.
    pub types: Vec<String>,
    pub subject: Option<String>,
    pub limit: u64,
}

/// An event as it was stored.
#[derive(Debug, Clone)]
pub struct StoredEvent {
    pub sequence: u64,
    pub id: String,
    pub event_type: String,
    pub subject: String,
    pub time: Timestamp,
    /// The worker whom it concerns.
    pub worker: Option<WorkerId>,
    pub data: Box<RawValue>,
}

impl StoredEvent {
    pub fn cloud_event(&self, account: AccountId) -> CloudEvent<'_> {
        CloudEvent::new(account, (self.sequence, &self.id), (&self.event_type, &self.subject), self.time, &self.data)
    }
}

#[derive(Debug, Clone)]
pub struct EventPage {
    pub events: Vec<StoredEvent>,
    /// Up to this sequence number the page shows everything that the filter leaves; the next page begins after it.
    pub read_to: u64,
    /// Whether there may be more events beyond it now.
    pub more: bool,
}

#[async_trait]
pub trait Store: StatisticsStore {
    /// Writes a new account with what it starts with.
    async fn found(&self, account: &Account, records: &[Record], keys: &[ApiKey]) -> Result<(), StoreError>;
    async fn commit(&self, batch: Batch) -> Result<(), StoreError>;
    async fn accounts(&self) -> Result<Vec<Account>, StoreError>;
    /// Accounts below the id `after`, newest first.
    async fn list_accounts(&self, after: Option<&str>, limit: u64) -> Result<Vec<Account>, StoreError>;
    /// Configuration, workers, the workflow versions in use, open items and live reservations.
    async fn load(&self, account: AccountId) -> Result<Option<Loading>, StoreError>;

    async fn get(&self, account: AccountId, kind: Kind, id: &str) -> Result<Option<Record>, StoreError>;
    /// The id of a configuration resource by its name.
    async fn named(&self, account: AccountId, kind: Kind, name: &str) -> Result<Option<String>, StoreError>;
    async fn list(&self, account: AccountId, kind: Kind, filter: &Filter) -> Result<Vec<Record>, StoreError>;
    async fn version(
        &self,
        account: AccountId,
        of: WorkflowId,
        version: u32,
    ) -> Result<Option<WorkflowVersion>, StoreError>;
    /// Versions of a workflow below `before`, newest first.
    async fn versions(
        &self,
        account: AccountId,
        of: WorkflowId,
        before: Option<u32>,
        limit: u64,
    ) -> Result<Vec<WorkflowVersion>, StoreError>;
    /// Looks at a bounded number of events: a page that is not full may have a `next` all the same.
    async fn events(&self, account: AccountId, filter: &EventFilter) -> Result<EventPage, StoreError>;

    /// The sequence of the first event that is kept, or that the account's first event will have.
    async fn first_event(&self, account: AccountId) -> Result<u64, StoreError>;

    async fn key_by_hash(&self, hash: &[u8; 32]) -> Result<Option<ApiKey>, StoreError>;
    async fn keys(&self, account: AccountId, after: Option<&str>, limit: u64) -> Result<Vec<ApiKey>, StoreError>;
    async fn answer(&self, account: AccountId, key: &str) -> Result<Option<KeptAnswer>, StoreError>;
    async fn forget_answers_before(&self, at: Timestamp) -> Result<(), StoreError>;
    /// Forgets some of the account's oldest events, as long as they are older than `at` and not after event `through`.
    /// `true` when there may be more.
    async fn forget_events_before(&self, account: AccountId, at: Timestamp, through: u64) -> Result<bool, StoreError>;
    /// The secret of this name; `fresh` is stored when there is none yet.
    async fn secret(&self, name: &str, fresh: [u8; 32]) -> Result<[u8; 32], StoreError>;
    /// Whether the store answers.
    async fn ping(&self) -> Result<(), StoreError>;
    /// Ends every connection; the store is of no use afterwards.
    async fn close(&self) -> Result<(), StoreError>;
}
