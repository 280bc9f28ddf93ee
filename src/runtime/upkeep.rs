//! What is done from time to time beside the work: answers that are too old to be given again are purged, and events
//! and statistics that need not be kept any longer are forgotten.

use super::account_loop::Limits;
use super::port::Clock;
use super::store::{Store, StoreError};
use cordboard_domain::id::AccountId;
use cordboard_domain::statistics::hour_of;
use cordboard_domain::time::Timestamp;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::AbortHandle;

/// How often there is a look at what is old.
const UPKEEP_EVERY: Duration = Duration::from_secs(3_600);

/// Begins the upkeep, the first round at once.
pub(super) fn begin(store: Arc<dyn Store>, clock: Arc<dyn Clock>, limits: Limits) -> AbortHandle {
    let upkeep = tokio::spawn(async move {
        loop {
            if let Err(error) = once(&*store, clock.now(), limits).await {
                tracing::warn!(%error, "what is old could not be purged; tried again later");
            }
            clock.pause(UPKEEP_EVERY).await;
        }
    });
    upkeep.abort_handle()
}

async fn once(store: &dyn Store, now: Timestamp, limits: Limits) -> Result<(), StoreError> {
    let before = now.plus_millis(-i64::from(limits.answer_kept_s) * 1_000);
    store.forget_answers_before(before).await?;
    for account in store.accounts().await? {
        // What cannot be read in one account keeps nothing in the others.
        if let Err(error) = of_account(store, account.id, now, limits).await {
            tracing::warn!(account = %account.id, %error, "what is old could not be purged; tried again later");
        }
    }
    Ok(())
}

/// A little at a time: commits go in between.
async fn of_account(store: &dyn Store, account: AccountId, now: Timestamp, limits: Limits) -> Result<(), StoreError> {
    if limits.events_kept_s > 0 {
        // What is not counted yet is not forgotten, however old it is.
        let counted = store.statistics_position(account).await?.sequence;
        let before = now.plus_millis(-i64::from(limits.events_kept_s) * 1_000);
        while store.forget_events_before(account, before, counted).await? {}
    }
    if limits.statistics_kept_days > 0 {
        let hour = hour_of(now) - i64::from(limits.statistics_kept_days) * 24;
        while store.forget_statistics_before(account, hour).await? {}
    }
    Ok(())
}
