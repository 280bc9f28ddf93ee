//! What is kept of deliveries, and the port to where it is kept: beside the accounts, not within their commits, for
//! writing it must never hold work up. Every entry says how things are and not how they change, so that writing it twice
//! does no harm.

use super::super::store::StoreError;
use async_trait::async_trait;
use cordboard_domain::event_channel::Message;
use cordboard_domain::id::{AccountId, SubscriptionId};
use cordboard_domain::time::Timestamp;
use serde::{Deserialize, Serialize};

/// Attempts of one delivery that are kept, the latest.
pub const ATTEMPTS_KEPT_MAX: usize = 10;
/// Deliveries that one call may have sent again.
pub const RESEND_MAX: u64 = 1_000;
/// Deliveries that are forgotten with one write, which holds the store's only writer.
pub const FORGOTTEN_MAX: u64 = 500;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// Being sent, or waiting for its turn or its next attempt.
    Pending,
    Delivered,
    /// Given up after its last attempt.
    Failed,
    /// Not sent: the subscription was set to another position before.
    Skipped,
}

impl DeliveryState {
    pub const ALL: [(Self, &str); 4] = [
        (Self::Pending, "pending"),
        (Self::Delivered, "delivered"),
        (Self::Failed, "failed"),
        (Self::Skipped, "skipped"),
    ];

    pub fn name(self) -> &'static str {
        Self::ALL.into_iter().find(|(state, _)| *state == self).map_or("", |(_, name)| name)
    }

    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(_, known)| *known == name).map(|(state, _)| state)
    }
}

/// One sending and what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    pub at: Timestamp,
    pub latency_ms: u64,
    /// HTTP status, where there was one.
    pub status: Option<u16>,
    /// The beginning of what was answered.
    pub answer: Option<String>,
    pub error: Option<AttemptError>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptError {
    pub code: String,
    pub message: String,
}

/// One message on its way to one subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    pub account: AccountId,
    pub subscription: SubscriptionId,
    pub message: Message,
    pub state: DeliveryState,
    pub attempts: Vec<Attempt>,
    /// Attempts of the present round; sending again begins a new one.
    pub tries: u32,
    /// At once when absent.
    pub next_attempt_at: Option<Timestamp>,
    pub created_at: Timestamp,
    pub resolved_at: Option<Timestamp>,
}

/// How far a subscription is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// Which of the subscription's starts it belongs to.
    pub starts: u32,
    /// Everything up to here was made into deliveries, or is not for this subscription.
    pub sequence: u64,
}

/// What is sent again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resend {
    /// What waits for its next attempt.
    Waiting,
    One(String),
    /// Those that did not arrive (`failed`), or all, with events of these sequence numbers.
    Range {
        from_sequence: u64,
        to_sequence: u64,
        failed_only: bool,
    },
}

/// Something to be written.
#[derive(Debug, Clone)]
pub enum Entry {
    /// New deliveries, and how far the subscription is with them.
    Planned {
        account: AccountId,
        subscription: SubscriptionId,
        position: Position,
        deliveries: Vec<Delivery>,
    },
    /// What came of an attempt.
    Attempted(Delivery),
    /// The subscription begins at a position; what was pending is skipped.
    Started {
        account: AccountId,
        subscription: SubscriptionId,
        position: Position,
        at: Timestamp,
    },
    Resent {
        subscription: SubscriptionId,
        which: Resend,
    },
    /// The subscription is gone; [`FORGOTTEN_MAX`] of its deliveries go, and its position with the last of them.
    Forgotten(SubscriptionId),
    /// Nothing; it is done when everything before it is.
    Barrier,
}

impl Entry {
    /// About how many deliveries are written for it.
    pub fn deliveries(&self) -> usize {
        match self {
            Self::Planned { deliveries, .. } => deliveries.len() + 1,
            Self::Attempted(_) => 1,
            Self::Started { .. } | Self::Resent { .. } => RESEND_MAX as usize,
            Self::Forgotten(_) => FORGOTTEN_MAX as usize,
            Self::Barrier => 0,
        }
    }
}

/// Which deliveries of a subscription a list shows, newest first.
#[derive(Debug, Clone, Default)]
pub struct DeliveryFilter {
    pub state: Option<DeliveryState>,
    /// The page begins below this sequence number.
    pub before: Option<u64>,
    pub limit: u64,
}

#[async_trait]
pub trait DeliveryStore: Send + Sync {
    /// Writes the entries in one transaction, all or none; for each, how many deliveries it was about.
    async fn write_deliveries(&self, entries: &[Entry]) -> Result<Vec<u64>, StoreError>;
    async fn delivery_position(&self, subscription: SubscriptionId) -> Result<Option<Position>, StoreError>;
    /// Pending ones, oldest first.
    async fn pending_deliveries(&self, subscription: SubscriptionId, limit: u64) -> Result<Vec<Delivery>, StoreError>;
    /// Without their bodies.
    async fn deliveries(
        &self,
        subscription: SubscriptionId,
        filter: &DeliveryFilter,
    ) -> Result<Vec<Delivery>, StoreError>;
    async fn delivery(&self, subscription: SubscriptionId, id: &str) -> Result<Option<Delivery>, StoreError>;
    /// Subscriptions of an account of which anything is kept.
    async fn delivered_subscriptions(&self, account: AccountId) -> Result<Vec<SubscriptionId>, StoreError>;
    /// Forgets some deliveries that were resolved before `at`. `true` when there may be more.
    async fn forget_deliveries_before(&self, at: Timestamp) -> Result<bool, StoreError>;
}
