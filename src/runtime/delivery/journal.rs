//! The one writer of deliveries: takes what is to be written, in order, and writes what has gathered in one commit.

use super::super::port::Clock;
use super::record::{DeliveryStore, Entry, FORGOTTEN_MAX};
use cordboard_domain::id::SubscriptionId;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

/// Entries that may wait; whoever adds one more waits too.
const ENTRIES_WAITING_MAX: usize = 1_024;
/// Deliveries after which a commit takes no further entry: it holds the store's only writer.
const DELIVERIES_TOGETHER_FULL: usize = 128;
/// Pause before a commit that failed is tried again.
const WRITE_AGAIN_AFTER: Duration = Duration::from_secs(1);

struct Order {
    entry: Entry,
    written: Option<oneshot::Sender<u64>>,
}

#[derive(Clone)]
pub struct Journal(mpsc::Sender<Order>);

/// The journal does not write any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("deliveries are stopping")]
pub struct Stopped;

impl Journal {
    /// Begins to write; it ends when no journal is left to write to, and everything is written.
    pub fn begin(store: Arc<dyn DeliveryStore>, clock: Arc<dyn Clock>) -> (Self, JoinHandle<()>) {
        let (sender, receiver) = mpsc::channel(ENTRIES_WAITING_MAX);
        (Self(sender), tokio::spawn(write_all(receiver, store, clock)))
    }

    /// Has an entry written some time, after all that came before it.
    pub async fn note(&self, entry: Entry) -> Result<(), Stopped> {
        self.0.send(Order { entry, written: None }).await.map_err(|_| Stopped)
    }

    /// Forgets a subscription, a piece at a time: others are written in between.
    pub async fn forget(&self, subscription: SubscriptionId) -> Result<(), Stopped> {
        while self.write(Entry::Forgotten(subscription)).await? == FORGOTTEN_MAX {}
        Ok(())
    }

    /// Ends when the entry is written; how many deliveries it was about.
    pub async fn write(&self, entry: Entry) -> Result<u64, Stopped> {
        let (written, done) = oneshot::channel();
        self.0.send(Order { entry, written: Some(written) }).await.map_err(|_| Stopped)?;
        done.await.map_err(|_| Stopped)
    }
}

async fn write_all(mut orders: mpsc::Receiver<Order>, store: Arc<dyn DeliveryStore>, clock: Arc<dyn Clock>) {
    while let Some(first) = orders.recv().await {
        let mut deliveries = first.entry.deliveries();
        let mut taken = vec![first];
        while deliveries < DELIVERIES_TOGETHER_FULL
            && let Ok(order) = orders.try_recv()
        {
            deliveries += order.entry.deliveries();
            taken.push(order);
        }
        let (entries, written): (Vec<Entry>, Vec<_>) =
            taken.into_iter().map(|order| (order.entry, order.written)).unzip();
        let counts = loop {
            match store.write_deliveries(&entries).await {
                Ok(counts) => break counts,
                Err(error) => {
                    tracing::warn!(%error, "what became of deliveries could not be written; trying again");
                    clock.pause(WRITE_AGAIN_AFTER).await;
                }
            }
        };
        for (written, count) in written.into_iter().zip(counts) {
            // Who waited may have gone.
            written.map(|written| written.send(count));
        }
    }
}
