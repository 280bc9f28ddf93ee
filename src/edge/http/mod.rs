//! The REST API. Handlers extract, ask the runtime or the store, and encode; nothing is decided here.

mod answer;
pub mod auth;
mod error;
mod extract;
mod find;
mod openapi;
mod resource;
mod router;
mod schema;
mod workflow_schema;

pub use router::{openapi, router};

use crate::runtime::Runtime;
use crate::runtime::store::ApiKey;
use cordboard_domain::time::Timestamp;
use dashmap::DashMap;
use error::ApiError;
use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use std::num::NonZeroU32;
use std::sync::Arc;

/// Bounds of the API.
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
}

/// Keys whose rate is remembered before those that have recovered are forgotten.
const RATES_KEPT_MAX: usize = 10_000;

#[derive(Clone)]
pub struct HttpState(Arc<Shared>);

pub struct Shared {
    pub runtime: Runtime,
    pub limits: HttpLimits,
    pub operator_key_hash: Option<[u8; 32]>,
    /// Signs the workers' tokens.
    pub token_secret: [u8; 32],
    /// Renders the Prometheus metrics.
    pub metrics: Box<dyn Fn() -> String + Send + Sync>,
    keys: DashMap<[u8; 32], (ApiKey, Timestamp)>,
    rates: DefaultKeyedRateLimiter<[u8; 32]>,
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
        limits: HttpLimits,
        operator_key_hash: Option<[u8; 32]>,
        token_secret: [u8; 32],
        metrics: Box<dyn Fn() -> String + Send + Sync>,
    ) -> Self {
        let quota = Quota::per_second(limits.requests_per_second).allow_burst(limits.burst);
        let (keys, rates) = (DashMap::new(), RateLimiter::keyed(quota));
        Self(Arc::new(Shared { runtime, limits, operator_key_hash, token_secret, metrics, keys, rates }))
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
