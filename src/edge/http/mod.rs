//! The REST API. Handlers extract, ask the runtime or the store, and encode; nothing is decided here.

mod answer;
pub mod auth;
mod callback_url;
mod delivery_schema;
mod error;
mod extract;
mod find;
mod listener;
mod openapi;
mod resource;
mod router;
mod schema;
mod statistics_schema;
mod stream;
mod subscription_schema;
mod workflow_schema;

pub use listener::PatientListener;
pub use router::{openapi, router};

use crate::runtime::Runtime;
use crate::runtime::delivery::Deliveries;
use crate::runtime::presence::Presence;
use crate::runtime::store::ApiKey;
use anyhow::Context;
use cordboard_domain::id::AccountId;
use cordboard_domain::time::Timestamp;
use dashmap::DashMap;
use error::ApiError;
use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, watch};

/// Bounds of the API, and what it can offer.
#[derive(Debug, Clone, Copy)]
pub struct HttpLimits {
    /// Requests of one key per second, in the long run.
    pub requests_per_second: NonZeroU32,
    /// Requests of one key at once, before its rate counts.
    pub burst: NonZeroU32,
    /// Bytes of a body.
    pub body_bytes_max: usize,
    /// Longest life of a worker's token.
    pub token_s_max: u32,
    /// Seconds after which a request is given up.
    pub request_s_max: u32,
    /// Event streams that one account may have open.
    pub streams_max: usize,
    /// Whether there is a Redis to write event streams to.
    pub redis_streams: bool,
}

/// How long open streams may take to say goodbye when the server stops.
const GOODBYE_WITHIN: Duration = Duration::from_secs(10);
/// Keys whose rate is remembered before those that have recovered are forgotten.
const RATES_KEPT_MAX: usize = 10_000;

#[derive(Clone)]
pub struct HttpState(Arc<Shared>);

pub struct Shared {
    pub runtime: Runtime,
    pub deliveries: Deliveries,
    pub limits: HttpLimits,
    pub operator_key_hash: Option<[u8; 32]>,
    /// Signs the workers' tokens.
    pub token_secret: [u8; 32],
    /// Renders the Prometheus metrics.
    pub metrics: Box<dyn Fn() -> String + Send + Sync>,
    keys: DashMap<[u8; 32], (ApiKey, Timestamp)>,
    rates: DefaultKeyedRateLimiter<[u8; 32]>,
    presence: Presence,
    /// Turns true when the server is asked to stop.
    stopping: watch::Sender<bool>,
    streams: DashMap<AccountId, Arc<Semaphore>>,
}

impl std::ops::Deref for HttpState {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl HttpState {
    pub fn new(
        runtime: Runtime,
        deliveries: Deliveries,
        limits: HttpLimits,
        operator_key_hash: Option<[u8; 32]>,
        token_secret: [u8; 32],
        metrics: Box<dyn Fn() -> String + Send + Sync>,
    ) -> Self {
        let quota = Quota::per_second(limits.requests_per_second).allow_burst(limits.burst);
        Self(Arc::new(Shared {
            presence: Presence::new(runtime.clone()),
            runtime,
            deliveries,
            limits,
            operator_key_hash,
            token_secret,
            metrics,
            keys: DashMap::new(),
            rates: RateLimiter::keyed(quota),
            stopping: watch::Sender::new(false),
            streams: DashMap::new(),
        }))
    }

    /// Says of every worker that it is not connected, as is so after a start.
    pub async fn nobody_is_connected(&self) -> anyhow::Result<()> {
        for account in self.runtime.accounts() {
            self.presence.begin(account).await.with_context(|| format!("reading the workers of {account}"))?;
        }
        Ok(())
    }

    /// Ends all event streams, which would otherwise keep the server from stopping.
    pub fn end_streams(&self) {
        self.stopping.send_replace(true);
    }

    /// Waits until all streams have ended. The server itself does not wait for WebSockets: a connection that was
    /// upgraded is none of its own any more.
    pub async fn streams_ended(&self) {
        tokio::select! {
            biased;
            () = self.stopping.closed() => {}
            () = self.runtime.pause(GOODBYE_WITHIN) => tracing::warn!("some event streams would not end"),
        }
    }

    /// Counts the streams that an account has open.
    fn streams_of(&self, account: AccountId) -> Arc<Semaphore> {
        let streams = self.streams.entry(account);
        Arc::clone(&streams.or_insert_with(|| Arc::new(Semaphore::new(self.limits.streams_max))))
    }

    /// Counts a request of a key, and refuses it when the key has used up its rate.
    fn check_rate(&self, key: &[u8; 32]) -> Result<(), ApiError> {
        if self.rates.len() > RATES_KEPT_MAX {
            self.rates.retain_recent();
        }
        self.rates.check_key(key).map_err(|not_until| {
            let wait = not_until.wait_time_from(DefaultClock::default().now());
            let status = axum::http::StatusCode::TOO_MANY_REQUESTS;
            let error = ApiError::new(status, "rate_limited", "this key has used up its rate");
            ApiError { retry_after_s: Some(wait.as_secs() + 1), ..error }
        })
    }

    /// Forgets a key that was revoked, so that it stops working at once in this process.
    fn forget_key(&self, id: cordboard_domain::id::KeyId) {
        self.keys.retain(|_, (key, _)| key.id != id);
    }
}
