//! Event channels: what a receiver is sent of an account's events, and in which form; and subscriptions: who is sent it.

mod change;
mod dropped;
mod record;
mod rules;
mod select;
mod shape;
mod subscription;
mod view;

pub use crate::signing::SigningSecret;
pub use change::*;
pub use dropped::{EVENTS_DROPPED, missed};
pub use record::{EventChannel, EventChannelState};
pub use rules::{Batch, ChannelRules, Throttle};
pub use shape::{Message, Passing, Shaper};
pub use subscription::{Subscription, SubscriptionKind, SubscriptionState, SubscriptionTarget};
pub use view::{EventChannelConfiguration, EventChannelView, SubscriptionView};

#[cfg(test)]
mod tests;
