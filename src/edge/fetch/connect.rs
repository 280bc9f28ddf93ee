//! The limit on making a connection: name, TCP and TLS together. It asks our clock, as every wait of the program does.

use crate::runtime::Clock;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tower::{Layer, Service};

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The connection took longer than it may.
#[derive(Debug, thiserror::Error)]
#[error("no connection within {} s", .0.as_secs())]
pub(super) struct ConnectedTooLate(pub Duration);

#[derive(Clone)]
pub(super) struct ConnectLimit {
    pub clock: Arc<dyn Clock>,
    pub longest: Duration,
}

#[derive(Clone)]
pub(super) struct Limited<S> {
    inner: S,
    limit: ConnectLimit,
}

impl<S> Layer<S> for ConnectLimit {
    type Service = Limited<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Limited { inner, limit: self.clone() }
    }
}

impl<S, R> Service<R> for Limited<S>
where
    S: Service<R, Error = BoxError>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, destination: R) -> Self::Future {
        let connecting = self.inner.call(destination);
        let ConnectLimit { clock, longest } = self.limit.clone();
        Box::pin(async move {
            tokio::select! {
                biased;
                connected = connecting => connected,
                () = clock.pause(longest) => Err(ConnectedTooLate(longest).into()),
            }
        })
    }
}
