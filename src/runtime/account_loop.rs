//! The single writer of one account.
//!
//! It takes every command that waits, decides them one after the other, and commits what came out in one transaction.
//! While a commit is in flight the next batch is being decided; nothing of it is told before its own commit. When a
//! commit fails, everybody who waits is refused and the engine is rebuilt from the store.

pub use super::batch::Deliver;
use super::batch::{Afterwards, Draft};
use super::port::{Clock, Entropy};
use super::store::{KeptAnswer, Store, StoreError};
use super::{Failure, InProgress, Request};
use anyhow::Context;
use cordboard_domain::event::Event;
use cordboard_domain::id::AccountId;
use cordboard_domain::time::Timestamp;
use cordboard_domain::work::{Actor, Command, Engine, Output, Reply};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{broadcast, mpsc, oneshot};
use tokio::task::JoinHandle;

/// Bounds of every account's loop.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Commands that may wait for their turn; more are refused.
    pub commands_waiting_max: usize,
    /// Rows, events and answers of one commit; a batch that has reached it takes no further command.
    pub batch_size_max: usize,
    /// Commits whose events a subscriber may fall behind.
    pub batches_unread_max: usize,
    /// Seconds for which the answer to an idempotency key is kept.
    pub answer_kept_s: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { commands_waiting_max: 10_000, batch_size_max: 8_192, batches_unread_max: 1_024, answer_kept_s: 86_400 }
    }
}

/// Pause before the first attempt to rebuild an engine; doubled for each further one.
const REBUILD_PAUSE_MIN: Duration = Duration::from_millis(50);
const REBUILD_PAUSE_MAX: Duration = Duration::from_secs(5);

pub type Read = Box<dyn FnOnce(&Engine, Timestamp) -> Deliver + Send>;

pub enum Message {
    Command { request: Request, in_progress: Option<InProgress>, answer: oneshot::Sender<Result<Reply, Failure>> },
    Read(Read),
}

/// The engine of an account as it is stored, and the number of its last commit.
pub async fn load(
    store: &dyn Store,
    clock: &dyn Clock,
    entropy: &dyn Entropy,
    account: AccountId,
) -> anyhow::Result<(Engine, u64)> {
    let loaded = store.load(account).await?.context("the account is not in the store")?;
    let (sequence, seed) = (loaded.sequence, entropy.seed());
    let engine = Engine::recover(loaded.account, sequence, seed, clock.now(), loaded.records)?;
    Ok((engine, loaded.commits))
}

/// The engine has to be rebuilt: what it decided is not in the store.
struct Lost;

pub struct AccountLoop {
    account: AccountId,
    engine: Engine,
    commits: u64,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    limits: Limits,
    events: broadcast::Sender<Arc<[Event]>>,
    draft: Draft,
    in_flight: Option<(JoinHandle<Result<(), StoreError>>, Afterwards)>,
}

impl AccountLoop {
    #[expect(clippy::too_many_arguments, reason = "one call, which names them all")]
    pub fn new(
        account: AccountId,
        engine: Engine,
        commits: u64,
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        limits: Limits,
        events: broadcast::Sender<Arc<[Event]>>,
    ) -> Self {
        Self {
            account,
            engine,
            commits,
            store,
            clock,
            entropy,
            limits,
            events,
            draft: Draft::default(),
            in_flight: None,
        }
    }

    /// Runs until all senders are gone and the last batch is committed.
    pub async fn run(mut self, mut messages: mpsc::Receiver<Message>) {
        let mut open = true;
        while open || self.in_flight.is_some() || !self.draft.is_empty() {
            let outcome = self.turn(&mut messages, &mut open).await;
            if outcome.and_then(|()| self.start_commit()).is_err() {
                self.rebuild(&mut messages, &mut open).await;
            }
        }
    }

    /// Waits for the first of: the commit in flight, a command, a due timer.
    async fn turn(&mut self, messages: &mut mpsc::Receiver<Message>, open: &mut bool) -> Result<(), Lost> {
        let room = self.draft.size() < self.limits.batch_size_max;
        let deadline = self.engine.next_deadline().filter(|_| room && *open);
        let clock = Arc::clone(&self.clock);
        tokio::select! {
            biased;
            done = committed(&mut self.in_flight) => self.finish_commit(done),
            message = messages.recv(), if room && *open => match message {
                Some(message) => self.take(message, messages),
                None => {
                    *open = false;
                    Ok(())
                }
            },
            () = async { if let Some(at) = deadline { clock.until(at).await } }, if deadline.is_some() => {
                if deadline.is_some_and(|at| at <= clock.now()) {
                    self.decide(&Actor::System, Command::Tick).map(drop)
                } else {
                    Ok(())
                }
            }
        }
    }

    /// Takes a command and all that wait behind it, as far as the batch has room.
    fn take(&mut self, first: Message, messages: &mut mpsc::Receiver<Message>) -> Result<(), Lost> {
        let mut next = Some(first);
        while let Some(message) = next {
            self.message(message)?;
            let room = self.draft.size() < self.limits.batch_size_max;
            next = if room { messages.try_recv().ok() } else { None };
        }
        Ok(())
    }

    fn message(&mut self, message: Message) -> Result<(), Lost> {
        match message {
            Message::Read(read) => {
                let deliver = read(&self.engine, self.clock.now());
                self.draft.waiting.push(deliver);
            }
            Message::Command { request, in_progress, answer } => {
                let answered = self.decide(&request.actor, request.command)?;
                if let Ok(reply) = &answered {
                    self.draft.keys.extend(request.keys);
                    if let Some(once) = request.once {
                        let (key, digest, created_at) = (once.key, once.digest, self.clock.now());
                        self.draft.answers.push(KeptAnswer { key, digest, answer: (once.encode)(reply), created_at });
                    }
                }
                self.draft.waiting.push(Box::new(move || {
                    // The caller may have gone away; what it asked for is done all the same.
                    drop(answer.send(answered));
                    drop(in_progress);
                }));
            }
        }
        Ok(())
    }

    fn decide(&mut self, actor: &Actor, command: Command) -> Result<Result<Reply, Failure>, Lost> {
        let (now, engine) = (self.clock.now(), &mut self.engine);
        let mut out: Vec<Output> = Vec::new();
        // A defect must not take the account down: what the engine knows is thrown away and read again.
        let decided = catch_unwind(AssertUnwindSafe(|| engine.handle(now, actor, command, &mut out)));
        let Ok(answered) = decided else {
            tracing::error!(account = %self.account, "the engine panicked; it is rebuilt from the store");
            metrics::counter!("cordboard_engine_panics_total").increment(1);
            return Err(Lost);
        };
        metrics::counter!("cordboard_commands_total").increment(1);
        self.draft.add(out.into_iter());
        Ok(answered.map_err(Failure::from))
    }

    /// Commits what has been decided, unless a commit is in flight.
    fn start_commit(&mut self) -> Result<(), Lost> {
        if self.in_flight.is_some() || self.draft.is_empty() {
            return Ok(());
        }
        let writes = self.draft.writes();
        let draft = std::mem::take(&mut self.draft);
        let (batch, afterwards) = draft.into_batch(self.account, self.commits, self.engine.sequence());
        if !writes {
            // Everything that was seen is committed already.
            tell(&self.events, afterwards);
            return Ok(());
        }
        metrics::histogram!("cordboard_commit_events").record(afterwards.events.len() as f64);
        let store = Arc::clone(&self.store);
        self.in_flight = Some((tokio::spawn(async move { store.commit(batch).await }), afterwards));
        Ok(())
    }

    fn finish_commit(&mut self, done: Result<Result<(), StoreError>, tokio::task::JoinError>) -> Result<(), Lost> {
        let afterwards = self.in_flight.take().map(|(_, afterwards)| afterwards);
        let error = match done {
            Ok(Ok(())) => {
                self.commits += 1;
                if let Some(afterwards) = afterwards {
                    tell(&self.events, afterwards);
                }
                return Ok(());
            }
            Ok(Err(error)) => error.to_string(),
            Err(error) => error.to_string(),
        };
        tracing::error!(account = %self.account, error, "a commit failed; the engine is rebuilt from the store");
        metrics::counter!("cordboard_commit_failures_total").increment(1);
        Err(Lost)
    }

    /// Refuses everybody who waits and reads the account again, as often as it takes.
    async fn rebuild(&mut self, messages: &mut mpsc::Receiver<Message>, open: &mut bool) {
        // A commit still in flight is awaited: the store must not change while it is read.
        if let Some((commit, _)) = self.in_flight.take() {
            drop(commit.await);
        }
        self.draft = Draft::default();
        let mut pause = REBUILD_PAUSE_MIN;
        while *open {
            match load(&*self.store, &*self.clock, &*self.entropy, self.account).await {
                Ok((engine, commits)) => {
                    (self.engine, self.commits) = (engine, commits);
                    return;
                }
                Err(error) => {
                    tracing::error!(account = %self.account, error = format!("{error:#}"), "rebuilding the engine failed");
                }
            }
            let clock = Arc::clone(&self.clock);
            let mut paused = clock.pause(pause);
            loop {
                tokio::select! {
                    () = &mut paused => break,
                    message = messages.recv() => match message {
                        // Dropped unanswered, a message tells its sender that the store is unavailable.
                        Some(message) => drop(message),
                        None => {
                            *open = false;
                            break;
                        }
                    },
                }
            }
            pause = (pause * 2).min(REBUILD_PAUSE_MAX);
        }
    }
}

/// Tells the events of a commit, then answers everybody who waited for it.
fn tell(events: &broadcast::Sender<Arc<[Event]>>, afterwards: Afterwards) {
    if !afterwards.events.is_empty() {
        // Nobody may be listening.
        drop(events.send(afterwards.events));
    }
    for deliver in afterwards.waiting {
        deliver();
    }
}

type InFlight = Option<(JoinHandle<Result<(), StoreError>>, Afterwards)>;

/// The end of the commit in flight; never, when there is none.
async fn committed(in_flight: &mut InFlight) -> Result<Result<(), StoreError>, tokio::task::JoinError> {
    match in_flight {
        Some((commit, _)) => commit.await,
        None => std::future::pending().await,
    }
}
