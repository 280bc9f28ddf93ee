//! The client for requests that leave, with the receivers of a test opened to it and names that the test makes up.

use super::clock::ManualClock;
use async_trait::async_trait;
use cordboard::edge::fetch::{HttpFetch, HttpFetchOptions, Names};
use cordboard::runtime::fetch::Fetch;
use std::io;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

pub const CONNECT: Duration = Duration::from_secs(5);

/// Names that a test makes up.
pub struct MadeUp<F>(pub F);

#[async_trait]
impl<F: Fn(&str) -> io::Result<Vec<IpAddr>> + Send + Sync> Names for MadeUp<F> {
    async fn addresses(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        (self.0)(name)
    }
}

/// Every name is this machine.
pub fn loopback() -> Arc<dyn Names> {
    Arc::new(MadeUp(|_: &str| Ok(vec![IpAddr::from([127, 0, 0, 1])])))
}

pub fn options(opened: &[&str]) -> HttpFetchOptions {
    HttpFetchOptions {
        allow_networks: opened.iter().map(|network| network.parse().expect("a network")).collect(),
        ca_file: None::<PathBuf>,
        connect: CONNECT,
        requests_at_once: 8,
        host_requests_at_once: 4,
    }
}

/// A client that reaches this machine alone, whatever the name.
pub fn loopback_client(clock: Arc<ManualClock>) -> Arc<dyn Fetch> {
    Arc::new(HttpFetch::new(options(&["127.0.0.0/8"]), loopback(), clock).expect("a client"))
}
