//! The port through which messages leave for subscriptions, whatever the kind of receiver.

use super::super::signature::Secret;
use async_trait::async_trait;
use cordboard_domain::event_channel::{Message, SubscriptionTarget};
use cordboard_domain::id::AccountId;
use cordboard_domain::time::Timestamp;

/// Characters kept of what a receiver answered.
pub const ANSWER_CHARS_MAX: usize = 500;

/// One message, addressed.
#[derive(Debug, Clone, Copy)]
pub struct Parcel<'a> {
    pub account: AccountId,
    pub target: &'a SubscriptionTarget,
    /// Each of them signs.
    pub secrets: &'a [Secret],
    pub message: &'a Message,
    /// When it is sent.
    pub at: Timestamp,
}

/// The receiver has it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Receipt {
    pub status: Option<u16>,
    pub answer: Option<String>,
}

/// The receiver has not, or has not said that it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotTaken {
    /// Stable, for programs.
    pub code: String,
    /// A sentence without its full stop, for the user whose receiver it is.
    pub message: String,
    pub status: Option<u16>,
    pub answer: Option<String>,
    /// It was not sent for want of room here; the receiver has no part in it.
    pub ours: bool,
}

#[async_trait]
pub trait Sinks: Send + Sync {
    /// Sends a message once, within a time that the kind of receiver sets.
    async fn send(&self, parcel: Parcel<'_>) -> Result<Receipt, NotTaken>;
}
