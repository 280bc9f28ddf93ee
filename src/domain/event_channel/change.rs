//! What commands say of event channels and subscriptions.

use super::{Batch, ChannelRules, EventChannelState, SigningSecret, SubscriptionState, SubscriptionTarget, Throttle};
use crate::work::Reference;
use serde_json::Value;

#[derive(Debug, Clone)]
pub struct NewEventChannel {
    pub name: String,
    pub rules: ChannelRules,
    pub state: EventChannelState,
}

/// Each field present is set. The outer `Option` says whether it is to change.
#[derive(Debug, Clone, Default)]
pub struct EventChannelChange {
    pub name: Option<String>,
    pub types: Option<Vec<String>>,
    pub filter: Option<Option<Value>>,
    pub fields: Option<Option<Vec<String>>>,
    pub throttle: Option<Option<Throttle>>,
    pub batch: Option<Option<Batch>>,
    pub retention_s: Option<Option<u32>>,
    pub state: Option<EventChannelState>,
}

impl EventChannelChange {
    /// The rules with what the change says of them.
    pub fn applied_to(&self, rules: &ChannelRules) -> ChannelRules {
        fn changed<T: Clone>(change: &Option<T>, old: &T) -> T {
            change.as_ref().unwrap_or(old).clone()
        }
        ChannelRules {
            types: changed(&self.types, &rules.types),
            filter: changed(&self.filter, &rules.filter),
            fields: changed(&self.fields, &rules.fields),
            throttle: changed(&self.throttle, &rules.throttle),
            batch: changed(&self.batch, &rules.batch),
            retention_s: changed(&self.retention_s, &rules.retention_s),
        }
    }
}

/// From where a subscription is sent events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StartFrom {
    /// What happens after the command that says so.
    Now,
    /// What follows this sequence number; 0 is the beginning.
    After(u64),
}

#[derive(Debug, Clone)]
pub struct NewSubscription {
    pub event_channel: Reference,
    pub target: SubscriptionTarget,
    /// For a webhook, and only for one.
    pub secret: Option<SigningSecret>,
    pub from: StartFrom,
    pub state: SubscriptionState,
}

/// Each field present is set. What the subscription's kind does not have is refused.
#[derive(Debug, Clone, Default)]
pub struct SubscriptionChange {
    pub url: Option<String>,
    pub stream: Option<String>,
    pub length_max: Option<u32>,
    pub from: Option<StartFrom>,
    /// Anything but [`SubscriptionState::Disabled`].
    pub state: Option<SubscriptionState>,
}

/// What whoever delivers reports of a receiver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SubscriptionHealth {
    /// Nothing reaches it at the moment.
    Failing {
        error: String,
    },
    Recovered,
    /// It has failed for too long.
    Disabled {
        reason: String,
    },
}
