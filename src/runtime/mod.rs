//! Runs the machines: one loop per account feeds its engine, commits what comes out, and only then answers.

mod account_loop;
mod batch;
mod callout;
pub mod channel_feed;
pub mod delivery;
pub mod feed;
pub mod fetch;
pub mod port;
pub mod presence;
pub mod signature;
pub mod statistics;
pub mod store;
mod upkeep;

pub use account_loop::Limits;
pub use port::{Clock, Entropy, Ports};

use account_loop::{AccountLoop, Message, Surroundings};
use anyhow::Context;
use callout::Callouts;
use cordboard_domain::id::{AccountId, IdSource};
use cordboard_domain::signing::SigningSecret;
use cordboard_domain::time::Timestamp;
use cordboard_domain::work::{Account, Actor, Command, Engine, Rejection, Reply, check_name_text, found_account};
use dashmap::{DashMap, DashSet};
use feed::{Committed, Feed, Wanted};
use fetch::Fetch;
use signature::Secret;
use statistics::Counting;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use store::{ApiKey, KeyChange, Store, StoredAnswer};
use tokio::sync::{broadcast, mpsc, oneshot};
use tokio::task::{AbortHandle, JoinHandle};

/// New accounts that a listener may not have heard of yet before it has to look for itself.
const ACCOUNTS_UNREAD_MAX: usize = 64;

/// A command with everything that is committed beside it.
pub struct Request {
    pub actor: Actor,
    pub command: Command,
    pub keys: Vec<KeyChange>,
    pub once: Option<Once>,
}

/// A request that is carried out once, however often it is sent.
pub struct Once {
    pub key: String,
    /// SHA-256 of the request: the same key with another request is refused.
    pub digest: [u8; 32],
    /// Makes the answer that is kept.
    pub encode: Box<dyn FnOnce(&Reply) -> StoredAnswer + Send + Sync>,
}

#[derive(Debug)]
pub enum Answered {
    Fresh(Reply),
    /// The kept answer of an earlier request with the same idempotency key.
    Replayed(StoredAnswer),
}

/// Why a request was not carried out. Nothing has changed by it.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    #[error(transparent)]
    Rejected(#[from] Rejection),
    #[error("this idempotency key was used with another request")]
    IdempotencyConflict,
    #[error("a request with this idempotency key is being carried out")]
    IdempotencyInProgress,
    #[error("too many commands are waiting")]
    Overloaded,
    /// The commit failed, or the engine is being rebuilt after one that did.
    #[error("the store is unavailable")]
    Unavailable,
    #[error("no such account")]
    NoAccount,
}

/// Why there are no events after a position.
#[derive(Debug, thiserror::Error)]
pub enum FeedRefused {
    #[error("the last event so far is {last}")]
    Ahead { last: u64 },
    #[error("events before {first} are not kept any more")]
    Gone { first: u64 },
    #[error(transparent)]
    Failed(#[from] Failure),
}

#[derive(Clone)]
pub struct Runtime(Arc<Inner>);

struct Inner {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    fetch: Arc<dyn Fetch>,
    limits: Limits,
    loops: DashMap<AccountId, Handle>,
    /// Tells of accounts made while it runs.
    opened: broadcast::Sender<AccountId>,
    /// Idempotency keys of requests in progress.
    in_progress: DashSet<(AccountId, String)>,
    ready: AtomicBool,
    upkeep: OnceLock<AbortHandle>,
    callouts: Arc<Callouts>,
}

struct Handle {
    messages: mpsc::Sender<Message>,
    events: broadcast::Sender<Arc<Committed>>,
    /// False while the engine is being rebuilt.
    up: Arc<AtomicBool>,
    task: JoinHandle<()>,
    counting: JoinHandle<()>,
}

impl Runtime {
    /// Loads every account and starts its loop.
    pub async fn start(ports: Ports, limits: Limits) -> anyhow::Result<Self> {
        let Ports { store, clock, entropy, fetch } = ports;
        let runtime = Self(Arc::new(Inner {
            store,
            clock,
            entropy,
            fetch,
            limits,
            loops: DashMap::new(),
            opened: broadcast::channel(ACCOUNTS_UNREAD_MAX).0,
            in_progress: DashSet::new(),
            ready: AtomicBool::new(false),
            upkeep: OnceLock::new(),
            callouts: Callouts::new(limits.callouts_at_once_max, limits.callouts_waiting_max),
        }));
        let accounts = runtime.0.store.accounts().await.context("reading the accounts")?;
        for account in accounts {
            runtime.open(account.id).await.with_context(|| format!("loading account {}", account.id))?;
        }
        runtime.0.ready.store(true, Ordering::Release);
        let inner = &runtime.0;
        let upkeep = upkeep::begin(Arc::clone(&inner.store), Arc::clone(&inner.clock), inner.limits);
        // The runtime starts once, so there is none yet.
        drop(inner.upkeep.set(upkeep));
        Ok(runtime)
    }

    async fn open(&self, id: AccountId) -> anyhow::Result<()> {
        let inner = &self.0;
        let (engine, commits) = account_loop::load(&*inner.store, &*inner.clock, &*inner.entropy, id).await?;
        let (sender, receiver) = mpsc::channel(inner.limits.commands_waiting_max);
        let (events, _) = broadcast::channel(inner.limits.batches_unread_max);
        let up = Arc::new(AtomicBool::new(true));
        let around = Surroundings {
            store: Arc::clone(&inner.store),
            clock: Arc::clone(&inner.clock),
            entropy: Arc::clone(&inner.entropy),
            limits: inner.limits,
            events: events.clone(),
            up: Arc::clone(&up),
            callouts: Arc::clone(&inner.callouts),
        };
        let task = tokio::spawn(AccountLoop::new(id, engine, commits, around).run(receiver));
        let (store, clock) = (Arc::clone(&inner.store), Arc::clone(&inner.clock));
        let counting = tokio::spawn(Counting::new(id, store, clock, inner.limits, &events).run());
        inner.loops.insert(id, Handle { messages: sender, events, up, task, counting });
        Ok(())
    }

    /// Carries out a command; the answer comes after its commit.
    pub async fn handle(&self, account: AccountId, request: Request) -> Result<Answered, Failure> {
        let Some(once) = &request.once else { return self.send(account, request, None).await };
        let entry = (account, once.key.clone());
        if !self.0.in_progress.insert(entry.clone()) {
            return Err(Failure::IdempotencyInProgress);
        }
        let in_progress = InProgress { of: Arc::clone(&self.0), entry };
        let kept = self.0.store.answer(account, &once.key).await.map_err(|error| {
            tracing::error!(%account, %error, "reading a kept answer failed");
            Failure::Unavailable
        })?;
        let oldest = self.now().plus_millis(-i64::from(self.0.limits.answer_kept_s) * 1_000);
        match kept.filter(|kept| kept.created_at > oldest) {
            Some(kept) if kept.digest == once.digest => Ok(Answered::Replayed(kept.answer)),
            Some(_) => Err(Failure::IdempotencyConflict),
            None => self.send(account, request, Some(in_progress)).await,
        }
    }

    async fn send(
        &self,
        account: AccountId,
        request: Request,
        in_progress: Option<InProgress>,
    ) -> Result<Answered, Failure> {
        let (answer, answered) = oneshot::channel();
        // The loop holds the idempotency key until the commit, even when the caller has gone by then.
        self.enqueue(account, Message::Command { request, in_progress, answer })?;
        answered.await.map_err(|_| Failure::Unavailable)?.map(Answered::Fresh)
    }

    fn enqueue(&self, account: AccountId, message: Message) -> Result<(), Failure> {
        let Some(messages) = self.0.loops.get(&account).map(|handle| handle.messages.clone()) else {
            let running = self.0.ready.load(Ordering::Acquire);
            return Err(if running { Failure::NoAccount } else { Failure::Unavailable });
        };
        messages.try_send(message).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => Failure::Overloaded,
            mpsc::error::TrySendError::Closed(_) => Failure::Unavailable,
        })
    }

    /// Runs `read` on the engine; the answer comes when everything that it saw is committed.
    pub async fn read<T: Send + 'static>(
        &self,
        account: AccountId,
        read: impl FnOnce(&Engine, Timestamp) -> T + Send + 'static,
    ) -> Result<T, Failure> {
        let (answer, answered) = oneshot::channel();
        let read = Box::new(move |engine: &Engine, now| {
            let seen = read(engine, now);
            // The reader may have gone away.
            let deliver: account_loop::Deliver = Box::new(move || drop(answer.send(seen)));
            deliver
        });
        self.enqueue(account, Message::Read(read))?;
        answered.await.map_err(|_| Failure::Unavailable)
    }

    /// Makes an account with what a new one starts with, and its first key.
    pub async fn create_account(
        &self,
        name: &str,
        first_key: impl FnOnce(AccountId) -> Option<ApiKey> + Send,
    ) -> Result<Account, Failure> {
        check_name_text(name)?;
        let (account, records) =
            found_account(name, self.now(), &mut IdSource::new(self.0.entropy.seed()), self.fresh_signing_secret());
        let keys: Vec<ApiKey> = first_key(account.id).into_iter().collect();
        let failed = |error: anyhow::Error| {
            tracing::error!(error = format!("{error:#}"), "creating an account failed");
            Failure::Unavailable
        };
        self.0.store.found(&account, &records, &keys).await.map_err(|error| failed(error.into()))?;
        self.open(account.id).await.map_err(failed)?;
        // Nobody may be listening.
        drop(self.0.opened.send(account.id));
        Ok(account)
    }

    /// Accounts that are made from now on. Whoever lags asks for all of them.
    pub fn opened(&self) -> broadcast::Receiver<AccountId> {
        self.0.opened.subscribe()
    }

    /// A secret with which an account may sign.
    pub fn fresh_signing_secret(&self) -> SigningSecret {
        let mut bytes = [0; 32];
        self.0.entropy.fill(&mut bytes);
        SigningSecret::new(Secret::of_random(bytes).text())
    }

    /// From now on the callouts that engines decide on are made; whoever only looks at the store does not ask for it.
    pub fn begin_callouts(&self) {
        self.0.callouts.begin(&self.0, self.accounts());
    }

    pub fn has_account(&self, account: AccountId) -> bool {
        self.0.loops.contains_key(&account)
    }

    pub fn store(&self) -> &Arc<dyn Store> {
        &self.0.store
    }

    pub fn entropy(&self) -> &Arc<dyn Entropy> {
        &self.0.entropy
    }

    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.0.clock
    }

    pub fn fetch(&self) -> &Arc<dyn Fetch> {
        &self.0.fetch
    }

    pub fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    pub async fn pause(&self, length: Duration) {
        self.0.clock.pause(length).await;
    }

    /// Ends when it is as late as `at`.
    pub async fn until(&self, at: Timestamp) {
        while self.0.clock.now() < at {
            self.0.clock.until(at).await;
        }
    }

    pub fn accounts(&self) -> Vec<AccountId> {
        self.0.loops.iter().map(|entry| *entry.key()).collect()
    }

    /// Whether every account is loaded and none is being rebuilt.
    pub fn is_ready(&self) -> bool {
        self.0.ready.load(Ordering::Acquire) && self.0.loops.iter().all(|handle| handle.up.load(Ordering::Acquire))
    }

    /// The account's events after each commit, in order. Whoever lags, or sees a gap in the sequence because a commit
    /// was durable although it seemed to fail, reads what is missing from the store; a [`Feed`] does.
    pub fn subscribe(&self, account: AccountId) -> Option<broadcast::Receiver<Arc<Committed>>> {
        self.0.loops.get(&account).map(|handle| handle.events.subscribe())
    }

    /// The account's events after a sequence number, or from now on.
    pub async fn feed(&self, account: AccountId, after: Option<u64>, wanted: Wanted) -> Result<Feed, FeedRefused> {
        let live = self.subscribe(account).ok_or(Failure::NoAccount)?;
        let last = self.read(account, |engine, _| engine.sequence()).await?;
        let position = after.unwrap_or(last);
        if position > last {
            return Err(FeedRefused::Ahead { last });
        }
        let first = self.0.store.first_event(account).await.map_err(|error| {
            tracing::error!(%account, %error, "reading the first event failed");
            Failure::Unavailable
        })?;
        if position + 1 < first {
            return Err(FeedRefused::Gone { first });
        }
        Ok(Feed::new(Arc::clone(&self.0.store), account, live, position, wanted))
    }

    /// Stops all loops after the commands that they have taken.
    pub async fn stop(&self) {
        self.0.ready.store(false, Ordering::Release);
        if let Some(upkeep) = self.0.upkeep.get() {
            upkeep.abort();
        }
        self.0.callouts.stop();
        for account in self.accounts() {
            if let Some((_, handle)) = self.0.loops.remove(&account) {
                drop(handle.messages);
                if let Err(error) = handle.task.await {
                    tracing::error!(%account, %error, "an account's loop failed");
                }
                // What is not counted is counted after the next start.
                handle.counting.abort();
                if let Err(error) = handle.counting.await
                    && !error.is_cancelled()
                {
                    tracing::error!(%account, %error, "counting an account's events failed");
                }
            }
        }
    }
}

impl Runtime {
    /// Stops, and closes the store.
    pub async fn close(&self) -> anyhow::Result<()> {
        self.stop().await;
        self.0.store.close().await.context("closing the store")
    }
}

/// Takes an idempotency key off the list however its request ends.
pub(crate) struct InProgress {
    of: Arc<Inner>,
    entry: (AccountId, String),
}

impl Drop for InProgress {
    fn drop(&mut self) {
        self.of.in_progress.remove(&self.entry);
    }
}
