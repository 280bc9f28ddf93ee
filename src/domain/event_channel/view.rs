//! Event channels and subscriptions as the API and events show them. Secrets are in neither.

use super::{
    Batch, ChannelRules, EventChannel, EventChannelState, Subscription, SubscriptionKind, SubscriptionState,
    SubscriptionTarget, Throttle,
};
use crate::id::{EventChannelId, SubscriptionId};
use crate::time::Timestamp;
use serde::Serialize;
use serde_json::Value;

/// Rules and state, as they stand in a channel.
#[derive(Debug, Serialize)]
pub struct EventChannelConfiguration<'a> {
    pub types: &'a [String],
    pub filter: Option<&'a Value>,
    pub fields: Option<&'a [String]>,
    pub throttle: Option<Throttle>,
    pub batch: Option<Batch>,
    pub retention_s: Option<u32>,
    pub state: EventChannelState,
}

impl<'a> EventChannelConfiguration<'a> {
    pub fn of(rules: &'a ChannelRules, state: EventChannelState) -> Self {
        Self {
            types: &rules.types,
            filter: rules.filter.as_ref(),
            fields: rules.fields.as_deref(),
            throttle: rules.throttle,
            batch: rules.batch,
            retention_s: rules.retention_s,
            state,
        }
    }
}

#[derive(Debug, Serialize)]
pub struct EventChannelView<'a> {
    pub id: EventChannelId,
    pub name: &'a str,
    #[serde(flatten)]
    pub configuration: EventChannelConfiguration<'a>,
    pub effective_after: u64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl<'a> From<&'a EventChannel> for EventChannelView<'a> {
    fn from(channel: &'a EventChannel) -> Self {
        Self {
            id: channel.id,
            name: &channel.name,
            configuration: EventChannelConfiguration::of(&channel.rules, channel.state),
            effective_after: channel.effective_after,
            created_at: channel.stamp.created_at,
            updated_at: channel.stamp.updated_at,
        }
    }
}

#[derive(Debug, Serialize)]
pub struct SubscriptionView<'a> {
    pub id: SubscriptionId,
    pub event_channel: EventChannelId,
    pub kind: SubscriptionKind,
    pub url: Option<&'a str>,
    pub stream: Option<&'a str>,
    pub length_max: Option<u32>,
    pub from: u64,
    pub state: SubscriptionState,
    pub disabled_reason: Option<&'a str>,
    pub failing_since: Option<Timestamp>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl<'a> From<&'a Subscription> for SubscriptionView<'a> {
    fn from(subscription: &'a Subscription) -> Self {
        let (url, stream, length_max) = match &subscription.target {
            SubscriptionTarget::Webhook { url } => (Some(url.as_str()), None, None),
            SubscriptionTarget::RedisStream { stream, length_max } => (None, Some(stream.as_str()), Some(*length_max)),
        };
        Self {
            id: subscription.id,
            event_channel: subscription.event_channel,
            kind: subscription.target.kind(),
            url,
            stream,
            length_max,
            from: subscription.start_after,
            state: subscription.state,
            disabled_reason: subscription.disabled_reason.as_deref(),
            failing_since: subscription.failing_since,
            created_at: subscription.stamp.created_at,
            updated_at: subscription.stamp.updated_at,
        }
    }
}
