//! Names to addresses, and only those that may be reached. Every new connection asks again, so an answer that changes
//! between two attempts is judged both times.

use super::address::Reach;
use async_trait::async_trait;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Lookups at once. The system's resolver takes a thread for each, also after nobody waits for it any more.
const LOOKUPS_MAX: usize = 64;

/// Addresses of one answer that are tried.
const ADDRESSES_MAX: usize = 32;

/// Whoever knows the addresses of a name.
#[async_trait]
pub trait Names: Send + Sync {
    async fn addresses(&self, name: &str) -> io::Result<Vec<IpAddr>>;
}

/// What the machine's own configuration says, `/etc/hosts` included.
pub struct SystemNames {
    lookups: Arc<Semaphore>,
}

impl Default for SystemNames {
    fn default() -> Self {
        Self { lookups: Arc::new(Semaphore::new(LOOKUPS_MAX)) }
    }
}

#[async_trait]
impl Names for SystemNames {
    async fn addresses(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        let turn = Arc::clone(&self.lookups).acquire_owned().await.map_err(io::Error::other)?;
        let name = name.to_owned();
        // A task of its own keeps its turn until the thread is free, whether or not the request still waits.
        let lookup = tokio::spawn(async move {
            let found = tokio::net::lookup_host((name, 0)).await.map(|found| found.map(|it| it.ip()).collect());
            drop(turn);
            found
        });
        lookup.await.map_err(io::Error::other)?
    }
}

/// Why a name led to no address. It travels through the HTTP client as the source of its error.
#[derive(Debug, thiserror::Error)]
pub enum NameFault {
    #[error("the name leads to {kind}")]
    Barred { kind: &'static str },
    #[error("the name could not be resolved: {0}")]
    Unresolved(io::Error),
}

/// Hands on what may be reached.
pub(super) struct CheckedNames {
    pub names: Arc<dyn Names>,
    pub reach: Arc<Reach>,
}

impl Resolve for CheckedNames {
    fn resolve(&self, name: Name) -> Resolving {
        let (names, reach) = (Arc::clone(&self.names), Arc::clone(&self.reach));
        Box::pin(async move {
            let found = names.addresses(name.as_str()).await.map_err(NameFault::Unresolved)?;
            let allowed = allowed(name.as_str(), found, &reach)?;
            // The connector fills in the port.
            let allowed: Addrs = Box::new(allowed.into_iter().map(|address| SocketAddr::new(address, 0)));
            Ok(allowed)
        })
    }
}

fn allowed(name: &str, found: Vec<IpAddr>, reach: &Reach) -> Result<Vec<IpAddr>, NameFault> {
    let mut barred = None;
    let mut allowed = Vec::new();
    for address in found {
        match reach.check(address) {
            Ok(()) => allowed.push(address),
            Err(why) => barred = barred.or(Some((address, why.kind))),
        }
    }
    if let Some((address, kind)) = barred {
        // For the operator; the user is told the kind alone, since an address may tell of an inner network.
        tracing::warn!(name, %address, kind, "a name of an outbound request leads to an address out of reach");
    }
    allowed.truncate(ADDRESSES_MAX);
    match barred {
        _ if !allowed.is_empty() => Ok(allowed),
        Some((_, kind)) => Err(NameFault::Barred { kind }),
        None => Err(NameFault::Unresolved(io::Error::other("it has no address"))),
    }
}
