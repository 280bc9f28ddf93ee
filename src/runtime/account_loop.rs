//! The single writer of one account.
//!
//! It takes every command that waits, decides them one after the other, and commits what came out in one transaction.
//! While a commit is in flight the next batch is being decided; nothing of it is told before its own commit. When a
//! commit fails, everybody who waits is refused and the engine is rebuilt from the store.

pub use super::batch::Deliver;
use super::batch::{Afterwards, Draft};
use super::callout::Callouts;
use super::feed::Committed;
use super::port::{Clock, Entropy};
use super::store::{KeptAnswer, Store, StoreError};
use super::{Failure, InProgress, Request};
use anyhow::Context;
use cordboard_domain::id::AccountId;
use cordboard_domain::time::Timestamp;
use cordboard_domain::work::{Actor, Command, Engine, Output, Recovery, Reply};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
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
    /// Seconds for which events are kept; 0 = for ever.
    pub events_kept_s: u32,
    /// Callouts of one account, of each kind, that are made at once.
    pub callouts_at_once_max: usize,
    /// And those that may wait for their turn; more fail as overloaded.
    pub callouts_waiting_max: usize,
    /// Days for which statistics are kept; 0 = for ever.
    pub statistics_kept_days: u32,
    /// Milliseconds for which events are gathered before they are counted, so that the store is written to seldom.
    pub statistics_every_ms: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            commands_waiting_max: 10_000,
            batch_size_max: 8_192,
            batches_unread_max: 1_024,
            answer_kept_s: 86_400,
            events_kept_s: 0,
            callouts_at_once_max: 16,
            callouts_waiting_max: 1_000,
            statistics_kept_days: 400,
            statistics_every_ms: 1_000,
        }
    }
}

/// Commands decided in one turn: other tasks of the thread get theirs after it.
const TURN_COMMANDS_MAX: usize = 256;
/// Pause before an engine is rebuilt a second time without a commit in between; doubled for each further time.
const REBUILD_PAUSE_MIN: Duration = Duration::from_millis(50);
const REBUILD_PAUSE_MAX: Duration = Duration::from_secs(5);
/// Rebuilds after which the pause no longer grows.
const REBUILD_DOUBLINGS_MAX: u32 = 10;

pub type Read = Box<dyn FnOnce(&Engine, Timestamp) -> Deliver + Send>;

#[expect(clippy::large_enum_variant, reason = "nearly all messages are commands")]
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
    let mut loading = store.load(account).await?.context("the account is not in the store")?;
    let mut recovery = Recovery::new(loading.account.clone(), loading.sequence, entropy.seed(), clock.now());
    while let Some(stretch) = loading.next().await? {
        for record in stretch {
            recovery.add(record)?;
        }
    }
    Ok((recovery.finish()?, loading.commits))
}

/// The engine has to be rebuilt: what it decided is not in the store.
struct Lost;

type Ended = Result<Result<(), StoreError>, tokio::task::JoinError>;

/// A commit on its way, and what follows when it is done.
struct InFlight {
    commit: JoinHandle<Result<(), StoreError>>,
    afterwards: Afterwards,
    begun_at: Timestamp,
}

/// What a loop shares with the runtime that started it.
pub struct Surroundings {
    pub store: Arc<dyn Store>,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<dyn Entropy>,
    pub limits: Limits,
    pub events: broadcast::Sender<Arc<Committed>>,
    /// Whether the engine is what the store holds; false while it is being rebuilt.
    pub up: Arc<AtomicBool>,
    pub callouts: Arc<Callouts>,
}

pub struct AccountLoop {
    account: AccountId,
    engine: Engine,
    commits: u64,
    around: Surroundings,
    draft: Draft,
    in_flight: Option<InFlight>,
    /// The time of the last decision. A clock that is set back stands still here until it has caught up.
    now: Timestamp,
    /// Rebuilds since the last commit that went well.
    rebuilds: u32,
}

impl AccountLoop {
    pub fn new(account: AccountId, engine: Engine, commits: u64, around: Surroundings) -> Self {
        let now = around.clock.now();
        Self { account, engine, commits, around, draft: Draft::default(), in_flight: None, now, rebuilds: 0 }
    }

    /// Runs until all senders are gone and the last batch is committed.
    pub async fn run(mut self, mut messages: mpsc::Receiver<Message>) {
        let mut open = true;
        while open || self.in_flight.is_some() || !self.draft.is_empty() {
            let outcome = self.turn(&mut messages, &mut open).await;
            if outcome.is_err() {
                self.rebuild(&mut messages, &mut open).await;
            } else {
                self.start_commit();
            }
        }
    }

    /// Waits for the first of: the commit in flight, a due timer, a command.
    async fn turn(&mut self, messages: &mut mpsc::Receiver<Message>, open: &mut bool) -> Result<(), Lost> {
        let room = self.draft.size() < self.around.limits.batch_size_max;
        let deadline = self.engine.next_deadline().filter(|_| room && *open);
        let clock = Arc::clone(&self.around.clock);
        tokio::select! {
            biased;
            ended = committed(&mut self.in_flight) => self.finish_commit(ended),
            // Before the commands: under load there is always one more of those. One tick fires a bounded number of
            // timers, and a turn of commands follows it, so neither can starve the other.
            () = due(&*clock, deadline), if deadline.is_some() => {
                self.tell_time();
                if deadline.is_some_and(|at| at <= self.now) {
                    self.decide(&Actor::System, Command::Tick).map(drop)?;
                }
                self.take_waiting(messages)
            }
            message = messages.recv(), if room && *open => match message {
                Some(message) => {
                    self.tell_time();
                    self.take(message)?;
                    self.take_waiting(messages)
                }
                None => {
                    *open = false;
                    Ok(())
                }
            },
        }
    }

    /// Reads the clock; everything decided in one turn is decided at the same time.
    fn tell_time(&mut self) {
        self.now = self.now.max(self.around.clock.now());
    }

    /// Takes the commands that wait, as far as the turn and the batch have room.
    fn take_waiting(&mut self, messages: &mut mpsc::Receiver<Message>) -> Result<(), Lost> {
        metrics::histogram!("cordboard_commands_waiting").record(messages.len() as f64);
        for _ in 0..TURN_COMMANDS_MAX {
            if self.draft.size() >= self.around.limits.batch_size_max {
                break;
            }
            let Ok(message) = messages.try_recv() else { break };
            self.take(message)?;
        }
        Ok(())
    }

    fn take(&mut self, message: Message) -> Result<(), Lost> {
        match message {
            Message::Read(read) => {
                let deliver = read(&self.engine, self.now);
                self.draft.waiting.push(deliver);
            }
            Message::Command { request, in_progress, answer } => {
                let answered = self.decide(&request.actor, request.command)?;
                if let Ok(reply) = &answered {
                    self.draft.keys.extend(request.keys);
                    if let Some(once) = request.once {
                        let (key, digest, created_at) = (once.key, once.digest, self.now);
                        self.draft.answers.push(KeptAnswer { key, digest, answer: (once.encode)(reply), created_at });
                    }
                }
                self.draft.waiting.push(Box::new(move || {
                    // The key is free before the answer is out, so that whoever has it may use the key again. The
                    // caller may have gone away; what it asked for is done all the same.
                    drop(in_progress);
                    drop(answer.send(answered));
                }));
            }
        }
        Ok(())
    }

    fn decide(&mut self, actor: &Actor, command: Command) -> Result<Result<Reply, Failure>, Lost> {
        let (now, engine) = (self.now, &mut self.engine);
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
    fn start_commit(&mut self) {
        if self.in_flight.is_some() || self.draft.is_empty() {
            return;
        }
        let writes = self.draft.writes();
        let draft = std::mem::take(&mut self.draft);
        let (batch, afterwards) = draft.into_batch(self.account, self.commits, self.engine.sequence());
        if !writes {
            // Everything that was seen is committed already.
            self.tell(afterwards);
            return;
        }
        metrics::histogram!("cordboard_commit_events").record(afterwards.events.len() as f64);
        metrics::histogram!("cordboard_commit_answers").record(afterwards.waiting.len() as f64);
        let store = Arc::clone(&self.around.store);
        let commit = tokio::spawn(async move { store.commit(batch).await });
        self.in_flight = Some(InFlight { commit, afterwards, begun_at: self.around.clock.now() });
    }

    fn finish_commit(&mut self, ended: Ended) -> Result<(), Lost> {
        let Some(in_flight) = self.in_flight.take() else { return Ok(()) };
        let error = match ended {
            Ok(Ok(())) => {
                self.commits += 1;
                self.rebuilds = 0;
                let seconds = self.around.clock.now().seconds_since(in_flight.begun_at);
                metrics::histogram!("cordboard_commit_seconds").record(seconds);
                self.tell(in_flight.afterwards);
                return Ok(());
            }
            Ok(Err(error)) => error.to_string(),
            Err(error) => error.to_string(),
        };
        tracing::error!(account = %self.account, error, "a commit failed; the engine is rebuilt from the store");
        metrics::counter!("cordboard_commit_failures_total").increment(1);
        Err(Lost)
    }

    /// Tells the events of a commit, answers everybody who waited for it, and has done what it calls for.
    fn tell(&self, afterwards: Afterwards) {
        if !afterwards.events.is_empty() {
            // Nobody may be listening.
            drop(self.around.events.send(Arc::new(Committed::new(self.account, afterwards.events))));
        }
        for deliver in afterwards.waiting {
            deliver();
        }
        self.around.callouts.take(self.account, &afterwards.effects);
    }

    /// Refuses everybody who waits and reads the account again, as often as it takes.
    async fn rebuild(&mut self, messages: &mut mpsc::Receiver<Message>, open: &mut bool) {
        self.around.up.store(false, Ordering::Release);
        // Dropped unanswered, whoever waits is told that the store is unavailable.
        self.draft = Draft::default();
        if let Some(in_flight) = self.in_flight.take() {
            // The store must not change while it is read.
            if matches!(in_flight.commit.await, Ok(Ok(()))) {
                self.tell(in_flight.afterwards);
            }
        }
        while *open {
            // The first time at once. A store that takes no commits or a command that breaks the engine must not
            // keep the machine busy with rebuilding.
            let doublings = self.rebuilds.min(REBUILD_DOUBLINGS_MAX);
            let pause = (REBUILD_PAUSE_MIN * 2u32.pow(doublings)).min(REBUILD_PAUSE_MAX);
            let pause = (self.rebuilds > 0).then_some(pause);
            self.rebuilds += 1;
            let loaded = self.load_after(pause);
            match refusing(messages, loaded).await {
                Some(Ok((engine, commits))) => {
                    (self.engine, self.commits) = (engine, commits);
                    // The commit that seemed to fail may be durable: whoever listens looks into the store.
                    drop(self.around.events.send(Arc::new(Committed::new(self.account, Arc::default()))));
                    self.around.up.store(true, Ordering::Release);
                    self.around.callouts.again(self.account);
                    return;
                }
                Some(Err(error)) => {
                    let error = format!("{error:#}");
                    tracing::error!(account = %self.account, error, "rebuilding the engine failed");
                }
                None => *open = false,
            }
        }
    }

    fn load_after(&self, pause: Option<Duration>) -> impl Future<Output = anyhow::Result<(Engine, u64)>> + use<> {
        let (store, clock) = (Arc::clone(&self.around.store), Arc::clone(&self.around.clock));
        let (entropy, account) = (Arc::clone(&self.around.entropy), self.account);
        async move {
            if let Some(pause) = pause {
                clock.pause(pause).await;
            }
            load(&*store, &*clock, &*entropy, account).await
        }
    }
}

/// Awaits `work` and refuses every message that comes meanwhile; `None` when there will be no more messages.
async fn refusing<T>(messages: &mut mpsc::Receiver<Message>, work: impl Future<Output = T>) -> Option<T> {
    let mut work = std::pin::pin!(work);
    loop {
        tokio::select! {
            biased;
            done = &mut work => return Some(done),
            message = messages.recv() => drop(message?),
        }
    }
}

/// Ends when the deadline may have come.
async fn due(clock: &dyn Clock, deadline: Option<Timestamp>) {
    if let Some(at) = deadline {
        clock.until(at).await;
    }
}

/// The end of the commit in flight; never, when there is none.
async fn committed(in_flight: &mut Option<InFlight>) -> Ended {
    match in_flight {
        Some(in_flight) => (&mut in_flight.commit).await,
        None => std::future::pending().await,
    }
}
