//! Deliveries: for every subscription a courier, which carries its channel's messages to its receiver. Couriers follow
//! the log: a subscription that is made, changed or deleted there is heard of here.

mod courier;
mod journal;
mod lane;
mod outcome;
mod ping;
pub mod record;
mod schedule;
pub mod sink;

pub use ping::{PING, TooManyPings};
pub use record::DeliveryStore;
pub use schedule::{ATTEMPTS_MAX, FAILING_LONGEST};
pub use sink::Sinks;

use super::feed::{Feed, FeedEnd, Wanted};
use super::{Failure, FeedRefused, Runtime};
use cordboard_domain::event::matching_types;
use cordboard_domain::event_channel::{Message, Subscription};
use cordboard_domain::id::{AccountId, EventChannelId, SubscriptionId};
use courier::Courier;
use dashmap::DashMap;
use journal::Journal;
use lane::AllLanes;
use record::{Entry, Resend};
use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{Notify, broadcast, watch};
use tokio::task::JoinHandle;

/// How long messages on their way may take to arrive when the server stops.
const ARRIVE_WITHIN: Duration = Duration::from_secs(5);
/// Pause before an account whose subscriptions could not be read is looked at again.
const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(1);
/// How often resolved deliveries that are too old are looked for.
const UPKEEP_EVERY: Duration = Duration::from_secs(3_600);

#[derive(Clone)]
pub struct Deliveries(Arc<Around>);

/// What all couriers share.
struct Around {
    runtime: Runtime,
    store: Arc<dyn DeliveryStore>,
    sinks: Arc<dyn Sinks>,
    journal: Journal,
    lanes: AllLanes,
    couriers: DashMap<SubscriptionId, Handle>,
    stopping: watch::Sender<bool>,
}

struct Handle {
    account: AccountId,
    subscription: watch::Sender<Option<Arc<Subscription>>>,
    nudge: Arc<Notify>,
    task: JoinHandle<()>,
}

/// What runs until deliveries stop.
pub struct Running {
    deliveries: Deliveries,
    watchers: Arc<Mutex<Vec<JoinHandle<()>>>>,
    journal: JoinHandle<()>,
}

/// Deliveries are stopping, or the store could not be read.
#[derive(Debug, thiserror::Error)]
#[error("deliveries are not available now")]
pub struct Unavailable;

impl Deliveries {
    /// Begins to deliver for every account. Resolved deliveries are forgotten after `kept_s` seconds, or kept if it is 0.
    pub async fn begin(
        runtime: Runtime,
        store: Arc<dyn DeliveryStore>,
        sinks: Arc<dyn Sinks>,
        kept_s: u32,
    ) -> anyhow::Result<Running> {
        let (journal, writing) = Journal::begin(Arc::clone(&store), Arc::clone(runtime.clock()));
        let opened = runtime.opened();
        let deliveries = Self(Arc::new(Around {
            runtime: runtime.clone(),
            store,
            sinks,
            journal,
            lanes: AllLanes::default(),
            couriers: DashMap::new(),
            stopping: watch::Sender::new(false),
        }));
        let watchers = Arc::new(Mutex::new(Vec::new()));
        let running = Running { deliveries: deliveries.clone(), watchers: Arc::clone(&watchers), journal: writing };
        let begun = deliveries.begin_new(&HashSet::new());
        lock(&watchers).extend(begun.1);
        let (listening, held) = (deliveries.clone(), Arc::clone(&watchers));
        let listener = tokio::spawn(async move { listening.follow_accounts(opened, begun.0, held).await });
        lock(&watchers).push(listener);
        let upkeep = tokio::spawn(async move { Arc::clone(&deliveries.0).keep_up(kept_s).await });
        lock(&watchers).push(upkeep);
        Ok(running)
    }

    /// Begins with the accounts that are not known yet; all that are known then, and what was begun.
    fn begin_new(&self, known: &HashSet<AccountId>) -> (HashSet<AccountId>, Vec<JoinHandle<()>>) {
        let accounts = self.0.runtime.accounts();
        let new = accounts.iter().filter(|account| !known.contains(account));
        let watchers = new.map(|account| tokio::spawn(Arc::clone(&self.0).watch(*account))).collect();
        (accounts.into_iter().collect(), watchers)
    }

    async fn follow_accounts(
        self,
        mut opened: broadcast::Receiver<AccountId>,
        mut known: HashSet<AccountId>,
        watchers: Arc<Mutex<Vec<JoinHandle<()>>>>,
    ) {
        loop {
            match opened.recv().await {
                Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => {
                    let (now_known, begun) = self.begin_new(&known);
                    known = now_known;
                    lock(&watchers).extend(begun);
                }
                Err(broadcast::error::RecvError::Closed) => return,
            }
        }
    }

    pub fn store(&self) -> &Arc<dyn DeliveryStore> {
        &self.0.store
    }

    /// Has deliveries sent again; how many.
    pub async fn resend(&self, subscription: SubscriptionId, which: Resend) -> Result<u64, Unavailable> {
        let written = self.0.journal.write(Entry::Resent { subscription, which }).await;
        if let Some(handle) = self.0.couriers.get(&subscription) {
            handle.nudge.notify_one();
        }
        written.map_err(|_| Unavailable)
    }
}

impl Around {
    /// Follows an account's subscriptions until the server stops.
    async fn watch(self: Arc<Self>, account: AccountId) {
        if let Err(error) = self.forget_orphans(account).await {
            let error = format!("{error:#}");
            tracing::warn!(%account, error, "deliveries of deleted subscriptions are left; tried again after a start");
        }
        loop {
            match self.follow(account).await {
                FeedEnd::Stopped => return,
                end => {
                    tracing::warn!(%account, %end, "subscriptions cannot be followed; trying again");
                    self.runtime.pause(LOOK_AGAIN_AFTER).await;
                }
            }
        }
    }

    async fn follow(self: &Arc<Self>, account: AccountId) -> FeedEnd {
        let mut feed = match self.begin_account(account).await {
            Ok(feed) => feed,
            Err(FeedRefused::Failed(Failure::NoAccount)) => return FeedEnd::Stopped,
            Err(refused) => {
                tracing::warn!(%account, error = %refused, "subscriptions cannot be read");
                return FeedEnd::Store(super::store::StoreError::Database(refused.to_string()));
            }
        };
        loop {
            match feed.next().await {
                Ok(event) => {
                    let Ok(id) = SubscriptionId::parse(&event.subject) else { continue };
                    while let Err(failure) = self.look(account, id).await {
                        tracing::warn!(subscription = %id, %failure, "a subscription cannot be read; trying again");
                        self.runtime.pause(LOOK_AGAIN_AFTER).await;
                    }
                }
                Err(end) => return end,
            }
        }
    }

    /// Starts the couriers of the subscriptions that there are. What changes from then on is in the feed.
    async fn begin_account(self: &Arc<Self>, account: AccountId) -> Result<Feed, FeedRefused> {
        let types = matching_types("subscription.*").map(str::to_owned).collect();
        let feed = self.runtime.feed(account, None, Wanted { types, worker: None }).await?;
        let all = self.runtime.read(account, |engine, _| engine.subscriptions().cloned().collect::<Vec<_>>());
        let all = all.await?;
        // Whose deletion was not heard of, because the feed had broken.
        let there: HashSet<SubscriptionId> = all.iter().map(|subscription| subscription.id).collect();
        let of_account = self.couriers.iter().filter(|courier| courier.account == account);
        let gone: Vec<_> = of_account.map(|courier| *courier.key()).filter(|id| !there.contains(id)).collect();
        for id in gone {
            self.tell(account, id, None);
        }
        for subscription in all {
            self.tell(account, subscription.id, Some(Arc::new(subscription)));
        }
        Ok(feed)
    }

    /// Tells the courier how its subscription is now.
    async fn look(self: &Arc<Self>, account: AccountId, id: SubscriptionId) -> Result<(), Failure> {
        let now = self.runtime.read(account, move |engine, _| engine.subscription(id).cloned()).await?;
        self.tell(account, id, now.map(Arc::new));
        Ok(())
    }

    /// A message of our own in the form that the channel has: an array where it has batches.
    async fn in_form(&self, account: AccountId, channel: EventChannelId, message: Message) -> Message {
        let batched = self.runtime.read(account, move |engine, _| {
            engine.event_channel(channel).is_some_and(|channel| channel.rules.batch.is_some())
        });
        if batched.await.unwrap_or(false) { message.alone_in_batch() } else { message }
    }

    fn tell(self: &Arc<Self>, account: AccountId, id: SubscriptionId, now: Option<Arc<Subscription>>) {
        if now.is_none() {
            if let Some((_, handle)) = self.couriers.remove(&id) {
                handle.subscription.send_replace(None);
            }
            return;
        }
        let handle = self.couriers.entry(id).or_insert_with(|| {
            let (subscription, heard) = watch::channel(now.clone());
            let nudge = Arc::new(Notify::new());
            let (around, stopping) = (Arc::clone(self), self.stopping.subscribe());
            let courier =
                Courier { around, account, id, subscription: heard, nudge: Arc::clone(&nudge), stopping, served: None };
            Handle { account, subscription, nudge, task: tokio::spawn(courier.run()) }
        });
        handle.subscription.send_replace(now);
    }

    /// Forgets deliveries of subscriptions that were deleted while nobody was there to hear of it.
    async fn forget_orphans(&self, account: AccountId) -> anyhow::Result<()> {
        let kept = self.store.delivered_subscriptions(account).await?;
        let there = self.runtime.read(account, |engine, _| engine.subscriptions().map(|one| one.id).collect());
        let there: HashSet<SubscriptionId> = there.await?;
        for id in kept.into_iter().filter(|id| !there.contains(id)) {
            self.journal.forget(id).await?;
        }
        Ok(())
    }

    async fn keep_up(self: Arc<Self>, kept_s: u32) {
        if kept_s == 0 {
            return;
        }
        loop {
            let before = self.runtime.now().plus_millis(-i64::from(kept_s) * 1_000);
            loop {
                match self.store.forget_deliveries_before(before).await {
                    Ok(true) => {}
                    Ok(false) => break,
                    Err(error) => {
                        tracing::warn!(%error, "old deliveries could not be forgotten; tried again later");
                        break;
                    }
                }
            }
            self.runtime.pause(UPKEEP_EVERY).await;
        }
    }
}

impl Running {
    pub fn deliveries(&self) -> &Deliveries {
        &self.deliveries
    }

    /// Lets messages on their way arrive, for a little while, and writes down what became of them.
    pub async fn stop(self) {
        let around = Arc::clone(&self.deliveries.0);
        around.stopping.send_replace(true);
        for watcher in lock(&self.watchers).drain(..) {
            watcher.abort();
        }
        let couriers: Vec<SubscriptionId> = around.couriers.iter().map(|entry| *entry.key()).collect();
        let handles = couriers.iter().filter_map(|id| around.couriers.remove(id));
        let mut tasks: Vec<JoinHandle<()>> = handles.map(|(_, handle)| handle.task).collect();
        tokio::select! {
            biased;
            () = async {
                for task in &mut tasks {
                    if let Err(error) = task.await {
                        tracing::error!(%error, "a courier failed");
                    }
                }
            } => {}
            () = around.runtime.pause(ARRIVE_WITHIN) => {
                tracing::warn!("messages were still on their way; they will be sent again after the next start");
            }
        }
        for task in tasks {
            task.abort();
        }
        tokio::select! {
            biased;
            written = around.journal.write(Entry::Barrier) => if written.is_err() {
                tracing::error!("the journal of deliveries had ended before its time");
            },
            // Without what became of them, messages are sent again with the ids that they had.
            () = around.runtime.pause(ARRIVE_WITHIN) => tracing::warn!("what became of deliveries could not be written"),
        }
        self.journal.abort();
    }
}

/// A list that nothing panics over.
fn lock<T>(list: &Mutex<Vec<T>>) -> std::sync::MutexGuard<'_, Vec<T>> {
    list.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
