//! Counting: for each account a task of its own follows the events from where the statistics are, folds them, and
//! writes changed cells, its memory and its new position in one transaction. It takes no part in the account's work.

pub mod history;
pub mod store;

use super::account_loop::Limits;
use super::feed::{Committed, Feed, FeedEnd, Published, Wanted};
use super::port::Clock;
use super::store::Store;
use anyhow::Context;
use cordboard_domain::id::AccountId;
use cordboard_domain::statistics::{Changes, Fold, Hour, HourKey, Observed, WANTED};
use cordboard_domain::time::Timestamp;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use store::{Position, StatisticsBatch};
use tokio::sync::broadcast;

/// Rows of one write, but for the few of the last event: the store has one writer, and work waits for it meanwhile.
const ROWS_PER_WRITE_MAX: usize = 512;
/// Pause after what failed, before everything is read again.
const RETRY_PAUSE: Duration = Duration::from_secs(5);

pub struct Counting {
    account: AccountId,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    every: Duration,
    /// Does not keep the account's events open when its loop has ended.
    events: broadcast::WeakSender<Arc<Committed>>,
}

/// The fold on its way through the log.
struct Progress {
    feed: Feed,
    fold: Fold,
    position: Position,
    /// The last event that was taken, and what is not written yet.
    last: Option<Arc<Published>>,
    /// Some workers' time is charged until here, though the event that is here has yet to be taken.
    charged_to: Option<Timestamp>,
    /// Events were forgotten before they were counted.
    gap: bool,
}

/// Whether there will be more events.
#[derive(PartialEq)]
enum Then {
    GoOn,
    End,
}

impl Counting {
    pub fn new(
        account: AccountId,
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        limits: Limits,
        events: &broadcast::Sender<Arc<Committed>>,
    ) -> Self {
        let every = Duration::from_millis(u64::from(limits.statistics_every_ms));
        Self { account, store, clock, every, events: events.downgrade() }
    }

    /// Runs until the account's loop has ended.
    pub async fn run(self) {
        while let Err(error) = self.count().await {
            let error = format!("{error:#}");
            tracing::warn!(account = %self.account, error, "counting events failed; tried again later");
            metrics::counter!("cordboard_statistics_failures_total").increment(1);
            self.clock.pause(RETRY_PAUSE).await;
        }
    }

    /// Goes on from what is stored until there are no more events.
    async fn count(&self) -> anyhow::Result<()> {
        // Subscribed before anything is read, so that no commit falls between.
        let Some(live) = self.events.upgrade().map(|events| events.subscribe()) else { return Ok(()) };
        let position = self.store.statistics_position(self.account).await?;
        let fold = Fold::new(self.store.statistics_workers(self.account).await?);
        let feed = Feed::new(Arc::clone(&self.store), self.account, live, position.sequence, Wanted::default());
        let mut progress = Progress { feed, fold, position, last: None, charged_to: None, gap: false };
        loop {
            let first = match progress.feed.next().await {
                Ok(event) => event,
                Err(FeedEnd::Stopped) => return Ok(()),
                Err(FeedEnd::Gone { first }) => {
                    self.skip_to(&mut progress, first)?;
                    continue;
                }
                Err(FeedEnd::Store(error)) => return Err(error.into()),
            };
            self.take(&mut progress, first).await?;
            let then = self.gather(&mut progress).await?;
            self.write(&mut progress).await?;
            if then == Then::End {
                return Ok(());
            }
        }
    }

    /// Takes what comes within the time for gathering, as far as one write has room.
    async fn gather(&self, progress: &mut Progress) -> anyhow::Result<Then> {
        let until = self.clock.now().plus_millis(self.every.as_millis() as i64);
        let mut over = self.clock.pause(self.every);
        // Far behind there is always a next event, and the time for gathering ends all the same.
        while progress.fold.size() < ROWS_PER_WRITE_MAX && self.clock.now() <= until {
            let event = tokio::select! {
                biased;
                event = progress.feed.next() => event,
                () = &mut over => return Ok(Then::GoOn),
            };
            match event {
                Ok(event) => self.take(progress, event).await?,
                Err(FeedEnd::Stopped) => return Ok(Then::End),
                // Told again when it is asked for the next.
                Err(FeedEnd::Gone { .. }) => return Ok(Then::GoOn),
                Err(FeedEnd::Store(error)) => return Err(error.into()),
            }
        }
        Ok(Then::GoOn)
    }

    async fn take(&self, progress: &mut Progress, event: Arc<Published>) -> anyhow::Result<()> {
        if progress.gap {
            progress.position.complete_from = Some(event.time);
            progress.gap = false;
        }
        if WANTED.contains(&&*event.event_type) {
            let observed = Observed::read(&event.event_type, event.time, event.data().get())?;
            while !progress.fold.prepare(&observed, ROWS_PER_WRITE_MAX) {
                progress.charged_to = Some(observed.time);
                self.write(progress).await?;
            }
            progress.fold.take(observed);
        }
        progress.last = Some(event);
        Ok(())
    }

    /// Events that were to be counted are gone; that cannot be mended, but it is told with every answer.
    fn skip_to(&self, progress: &mut Progress, first: u64) -> anyhow::Result<()> {
        let live = self.events.upgrade().map(|events| events.subscribe()).context("the account's loop has ended")?;
        tracing::error!(account = %self.account, first, "events were forgotten before they were counted");
        progress.fold = Fold::default();
        progress.feed = Feed::new(Arc::clone(&self.store), self.account, live, first - 1, Wanted::default());
        progress.gap = true;
        Ok(())
    }

    /// Adds what has changed to what is stored. When this fails, everything since the last write is folded again.
    async fn write(&self, progress: &mut Progress) -> anyhow::Result<()> {
        let mut position = progress.position;
        position.revision += 1;
        if let Some(last) = progress.last.take() {
            (position.sequence, position.time) = (last.sequence, last.time);
        }
        position.time = progress.charged_to.take().unwrap_or(position.time);
        let Changes { hours, workers, names } = progress.fold.take_changes();
        let keys: Vec<HourKey> = hours.keys().cloned().collect();
        let stored = self.store.statistics_hours(self.account, &keys).await?;
        let mut stored: HashMap<HourKey, Vec<u8>> = stored.into_iter().collect();
        let (mut written, mut new_hours) = (Vec::with_capacity(hours.len()), Vec::new());
        for (key, change) in hours {
            let hour = match stored.remove(&key) {
                Some(body) => {
                    let mut hour = Hour::decode(&body)?;
                    hour.merge(&change);
                    hour
                }
                None => {
                    new_hours.push(key.clone());
                    change
                }
            };
            written.push((key, hour.encode()));
        }
        let (workers, names) = (workers.into_iter().collect(), names.into_iter().collect());
        let batch = StatisticsBatch { account: self.account, position, hours: written, new_hours, workers, names };
        self.store.write_statistics(batch).await?;
        progress.position = position;
        Ok(())
    }
}
