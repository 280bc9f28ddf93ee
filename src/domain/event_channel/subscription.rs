//! What is kept of a subscription: whose receiver it is, from where it is sent events, and whether that works.
//!
//! ```text
//! active ⇄ paused                 the user
//! active → disabled               the system, when the receiver has failed for too long
//! disabled → active | paused      the user
//! ```

use crate::id::{EventChannelId, SubscriptionId};
use crate::signing::SigningSecret;
use crate::time::Timestamp;
use crate::work::Stamp;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SubscriptionState {
    Active,
    Paused,
    /// Switched off by the system; the record says why.
    Disabled,
}

/// Where the events go. The kind of a subscription never changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum SubscriptionTarget {
    Webhook {
        url: String,
    },
    RedisStream {
        /// Key of the stream.
        stream: String,
        /// Entries after which the oldest may go.
        length_max: u32,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SubscriptionKind {
    Webhook,
    RedisStream,
}

impl SubscriptionTarget {
    pub fn kind(&self) -> SubscriptionKind {
        match self {
            Self::Webhook { .. } => SubscriptionKind::Webhook,
            Self::RedisStream { .. } => SubscriptionKind::RedisStream,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscription {
    pub id: SubscriptionId,
    pub event_channel: EventChannelId,
    pub target: SubscriptionTarget,
    /// For a webhook: the newest first. The first never ends.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<SigningSecret>,
    /// The first event that is sent is the one after this sequence.
    pub start_after: u64,
    /// How often `start_after` was set: whoever delivers begins there anew when it has risen.
    pub starts: u32,
    pub state: SubscriptionState,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disabled_reason: Option<String>,
    /// Since when nothing has reached the receiver.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failing_since: Option<Timestamp>,
    pub stamp: Stamp,
}

impl Subscription {
    /// The secrets that sign at `now`, the newest first.
    pub fn signing_secrets(&self, now: Timestamp) -> impl Iterator<Item = &SigningSecret> {
        self.secrets.iter().filter(move |secret| secret.signs_at(now))
    }
}
