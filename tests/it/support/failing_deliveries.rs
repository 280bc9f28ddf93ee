//! A store of deliveries that fails for a while: before it has written, or after it has and cannot say so.

use async_trait::async_trait;
use cordboard::runtime::delivery::record::{Delivery, DeliveryFilter, DeliveryStore, Entry, Position};
use cordboard::runtime::store::StoreError;
use cordboard_domain::id::{AccountId, SubscriptionId};
use cordboard_domain::time::Timestamp;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

pub struct FailingDeliveries {
    inner: Arc<dyn DeliveryStore>,
    /// Writes that are refused, and after these some whose answer is lost.
    pub writes_refused: AtomicU32,
    pub answers_lost: AtomicU32,
    pub reads_refused: AtomicU32,
}

fn failed() -> StoreError {
    StoreError::Database("it fails for a while".to_owned())
}

/// Takes one, while there are any.
fn take(count: &AtomicU32) -> bool {
    count.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok()
}

impl FailingDeliveries {
    pub fn new(inner: Arc<dyn DeliveryStore>) -> Self {
        let [writes_refused, answers_lost, reads_refused] = [(); 3].map(|()| AtomicU32::new(0));
        Self { inner, writes_refused, answers_lost, reads_refused }
    }

    /// Whether every failure that was ordered has happened.
    pub fn has_failed(&self) -> bool {
        [&self.writes_refused, &self.answers_lost, &self.reads_refused]
            .iter()
            .all(|count| count.load(Ordering::SeqCst) == 0)
    }

    fn readable(&self) -> Result<(), StoreError> {
        if take(&self.reads_refused) { Err(failed()) } else { Ok(()) }
    }
}

#[async_trait]
impl DeliveryStore for FailingDeliveries {
    async fn write_deliveries(&self, entries: &[Entry]) -> Result<Vec<u64>, StoreError> {
        if take(&self.writes_refused) {
            return Err(failed());
        }
        let written = self.inner.write_deliveries(entries).await?;
        if take(&self.answers_lost) { Err(failed()) } else { Ok(written) }
    }

    async fn delivery_position(&self, subscription: SubscriptionId) -> Result<Option<Position>, StoreError> {
        self.readable()?;
        self.inner.delivery_position(subscription).await
    }

    async fn pending_deliveries(&self, subscription: SubscriptionId, limit: u64) -> Result<Vec<Delivery>, StoreError> {
        self.readable()?;
        self.inner.pending_deliveries(subscription, limit).await
    }

    async fn deliveries(
        &self,
        subscription: SubscriptionId,
        filter: &DeliveryFilter,
    ) -> Result<Vec<Delivery>, StoreError> {
        self.inner.deliveries(subscription, filter).await
    }

    async fn delivery(&self, subscription: SubscriptionId, id: &str) -> Result<Option<Delivery>, StoreError> {
        self.inner.delivery(subscription, id).await
    }

    async fn delivered_subscriptions(&self, account: AccountId) -> Result<Vec<SubscriptionId>, StoreError> {
        self.inner.delivered_subscriptions(account).await
    }

    async fn forget_deliveries_before(&self, at: Timestamp) -> Result<bool, StoreError> {
        self.inner.forget_deliveries_before(at).await
    }
}
