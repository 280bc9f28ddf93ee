//! What is kept of an event channel.

use super::ChannelRules;
use crate::id::EventChannelId;
use crate::work::Stamp;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventChannelState {
    Active,
    /// Nothing passes. When it is active again, its receivers are told how many events did not; what is to be kept for a
    /// receiver meanwhile is a matter of pausing its subscription.
    Paused,
}

/// Rules under a name, which subscriptions share.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EventChannel {
    pub id: EventChannelId,
    pub name: String,
    pub rules: ChannelRules,
    pub state: EventChannelState,
    /// Sequence of the event by which rules and state took effect: they hold for the events after it.
    pub effective_after: u64,
    pub stamp: Stamp,
}
