//! Receivers of event channels, one file for each kind.

mod redis_stream;
mod webhook;

use crate::runtime::delivery::sink::{NotTaken, Parcel, Receipt, Sinks};
use crate::runtime::fetch::Fetch;
use async_trait::async_trait;
use cordboard_domain::event_channel::SubscriptionTarget;
use cordboard_domain::id::AccountId;
use redis_stream::RedisStreams;
use std::sync::Arc;
use webhook::Webhooks;

/// All kinds of receivers that this server reaches.
pub struct AllSinks {
    webhooks: Webhooks,
    streams: Option<RedisStreams>,
}

impl AllSinks {
    /// # Errors
    /// When the URL of the Redis server cannot be used. The server itself need not be there yet.
    pub fn new(fetch: Arc<dyn Fetch>, redis_url: Option<&str>) -> anyhow::Result<Self> {
        let streams = redis_url.map(RedisStreams::new).transpose()?;
        Ok(Self { webhooks: Webhooks::new(fetch), streams })
    }
}

/// The key of a stream: the account's id in front, so that no tenant reaches another's streams or what else there is.
fn key(account: AccountId, stream: &str) -> String {
    format!("{account}:{stream}")
}

#[async_trait]
impl Sinks for AllSinks {
    async fn send(&self, parcel: Parcel<'_>) -> Result<Receipt, NotTaken> {
        match (parcel.target, &self.streams) {
            (SubscriptionTarget::Webhook { url }, _) => self.webhooks.send(url, parcel).await,
            (SubscriptionTarget::RedisStream { stream, length_max }, Some(streams)) => {
                streams.send(&key(parcel.account, stream), *length_max, parcel.message).await
            }
            (SubscriptionTarget::RedisStream { .. }, None) => Err(NotTaken {
                code: "redis_not_configured".to_owned(),
                message: "the server was started without `redis_url`".to_owned(),
                status: None,
                answer: None,
                ours: false,
            }),
        }
    }
}
