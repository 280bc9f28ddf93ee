//! Makes the callouts that engines decide on: waits for a turn, asks the engine what is to be asked, asks the primary
//! URL and then the fallback, and tells the engine what came of it. Each account has its own turns, and no loop waits
//! for any of this; what is lost here, a restart or the engine's own timer makes good.

use super::fetch::{Fetch, FetchFailure, FetchMethod, FetchRequest};
use super::signature::{Secret, signature_headers};
use super::{Failure, Inner, Request, Runtime};
use bytes::Bytes;
use cordboard_domain::id::AccountId;
use cordboard_domain::limit::{CALLOUT_ANSWER_BYTES_MAX, CALLOUT_WAIT_S_MAX};
use cordboard_domain::work::*;
use dashmap::{DashMap, DashSet};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

/// Refusals that wait to be told; beyond these the engine's own timers end what waits.
const REFUSALS_WAITING_MAX: usize = 10_000;
/// How often an engine that cannot be reached is asked or told again.
const TELL_ATTEMPTS_MAX: u32 = 30;
/// Pause before that.
const TELL_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// A slow server of one kind must not keep the other kind from its turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Kind {
    Request,
    Assignment,
}

impl Kind {
    fn of(calling: Calling) -> Self {
        match calling {
            Calling::Request { .. } => Self::Request,
            Calling::Assignment(_) => Self::Assignment,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Assignment => "assignment",
        }
    }
}

/// The turns of one account's callouts of one kind.
struct Lane {
    at_once: Arc<Semaphore>,
    /// Those that may wait, and those under way.
    held: Arc<Semaphore>,
    refused: Mutex<Refused>,
}

#[derive(Default)]
struct Refused {
    waiting: VecDeque<UnderWay>,
    /// A task tells the engine of them now.
    telling: bool,
}

/// All callouts of a runtime.
pub(super) struct Callouts {
    at_once_max: usize,
    held_max: usize,
    /// Set when callouts are to be made; before that none is.
    runtime: OnceLock<Weak<Inner>>,
    lanes: DashMap<(AccountId, Kind), Arc<Lane>>,
    under_way: Arc<DashSet<(AccountId, Calling)>>,
    stopping: watch::Sender<bool>,
}

/// A callout that is under way or waits; no other task makes the same until this is dropped.
struct UnderWay {
    account: AccountId,
    calling: Calling,
    of: Arc<DashSet<(AccountId, Calling)>>,
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.of.remove(&(self.account, self.calling));
    }
}

impl Callouts {
    pub fn new(at_once_max: usize, waiting_max: usize) -> Arc<Self> {
        Arc::new(Self {
            at_once_max,
            held_max: at_once_max + waiting_max,
            runtime: OnceLock::new(),
            lanes: DashMap::new(),
            under_way: Arc::default(),
            stopping: watch::Sender::new(false),
        })
    }

    /// From now on callouts are made, first those that were under way when the engines were last seen.
    pub fn begin(self: &Arc<Self>, runtime: &Arc<Inner>, accounts: Vec<AccountId>) {
        if self.runtime.set(Arc::downgrade(runtime)).is_ok() {
            accounts.into_iter().for_each(|account| self.again(account));
        }
    }

    /// Gives up what is under way; it is made again after the next start.
    pub fn stop(&self) {
        self.stopping.send_replace(true);
    }

    fn runtime(&self) -> Option<Runtime> {
        self.runtime.get().and_then(Weak::upgrade).map(Runtime)
    }

    fn lane(&self, account: AccountId, kind: Kind) -> Arc<Lane> {
        let fresh = || {
            Arc::new(Lane {
                at_once: Arc::new(Semaphore::new(self.at_once_max)),
                held: Arc::new(Semaphore::new(self.held_max)),
                refused: Mutex::default(),
            })
        };
        Arc::clone(&self.lanes.entry((account, kind)).or_insert_with(fresh))
    }

    /// `None` when the same is under way already.
    fn enter(&self, account: AccountId, calling: Calling) -> Option<UnderWay> {
        let fresh = self.under_way.insert((account, calling));
        fresh.then(|| UnderWay { account, calling, of: Arc::clone(&self.under_way) })
    }

    fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        let mut stopping = self.stopping.subscribe();
        tokio::spawn(async move {
            tokio::select! {
                biased;
                // An error says that the runtime is gone altogether.
                _ = stopping.wait_for(|stopping| *stopping) => {}
                () = work => {}
            }
        });
    }

    /// Takes over what an engine decided, once it is committed.
    pub fn take(self: &Arc<Self>, account: AccountId, effects: &[Effect]) {
        let Some(runtime) = self.runtime() else { return };
        for effect in effects {
            let Effect::Call(calling) = *effect else { continue };
            let Some(way) = self.enter(account, calling) else { continue };
            let lane = self.lane(account, Kind::of(calling));
            match Arc::clone(&lane.held).try_acquire_owned() {
                Ok(held) => self.spawn(in_turn(runtime.clone(), way, lane, held)),
                Err(_) => self.refuse(&runtime, way, lane),
            }
        }
    }

    /// Too many wait: the engine is told, by one task for all of them.
    fn refuse(&self, runtime: &Runtime, way: UnderWay, lane: Arc<Lane>) {
        metrics::counter!("cordboard_callouts_refused_total", "kind" => Kind::of(way.calling).name()).increment(1);
        let mut refused = lane.refused.lock().unwrap_or_else(PoisonError::into_inner);
        if refused.waiting.len() >= REFUSALS_WAITING_MAX {
            tracing::warn!(account = %way.account, id = way.calling.message_id(), "a callout was dropped: too many wait");
            return;
        }
        refused.waiting.push_back(way);
        if !std::mem::replace(&mut refused.telling, true) {
            drop(refused);
            self.spawn(tell_refused(runtime.clone(), lane));
        }
    }

    /// Makes again what an engine waits for, after it was read from the store. Each waits here for its turn, as long as
    /// it takes: a restart must not be what overloads it.
    pub fn again(self: &Arc<Self>, account: AccountId) {
        let Some(runtime) = self.runtime() else { return };
        let callouts = Arc::clone(self);
        self.spawn(async move {
            let outstanding = persistently(&runtime, || runtime.read(account, |engine, _| engine.outstanding())).await;
            let (requests, assignments): (Vec<_>, Vec<_>) =
                outstanding.unwrap_or_default().into_iter().partition(|it| Kind::of(*it) == Kind::Request);
            for one_kind in [requests, assignments] {
                callouts.spawn(Arc::clone(&callouts).make_all(runtime.clone(), account, one_kind));
            }
        });
    }

    async fn make_all(self: Arc<Self>, runtime: Runtime, account: AccountId, one_kind: Vec<Calling>) {
        for calling in one_kind {
            let lane = self.lane(account, Kind::of(calling));
            // Nothing closes it.
            let Ok(turn) = Arc::clone(&lane.at_once).acquire_owned().await else { return };
            if let Some(way) = self.enter(account, calling) {
                self.spawn(make(runtime.clone(), way, turn));
            }
        }
    }
}

/// Waits for a turn, but not so long that the answer would be of no use.
async fn in_turn(runtime: Runtime, way: UnderWay, lane: Arc<Lane>, _held: OwnedSemaphorePermit) {
    let longest = Duration::from_secs(u64::from(CALLOUT_WAIT_S_MAX));
    let turn = tokio::select! {
        biased;
        turn = Arc::clone(&lane.at_once).acquire_owned() => turn.ok(),
        () = runtime.pause(longest) => None,
    };
    match turn {
        Some(turn) => make(runtime, way, turn).await,
        None => tell(&runtime, &way, overloaded(way.calling)).await,
    }
}

async fn tell_refused(runtime: Runtime, lane: Arc<Lane>) {
    loop {
        let next = {
            let mut refused = lane.refused.lock().unwrap_or_else(PoisonError::into_inner);
            let next = refused.waiting.pop_front();
            refused.telling = next.is_some();
            next
        };
        let Some(way) = next else { return };
        tell(&runtime, &way, overloaded(way.calling)).await;
    }
}

fn overloaded(calling: Calling) -> Command {
    let cause = || Cause::new(None, "overloaded", "too many callouts of this account wait for their turn", None);
    match calling {
        Calling::Request { item, request } => {
            Command::AnswerRequest { item, request, outcome: Outcome::failed(vec![cause()]) }
        }
        Calling::Assignment(id) => Command::AnswerAssignment { id, outcome: Outcome::failed(vec![cause()]) },
    }
}

/// Makes one callout; the turn is over before the engine is told.
async fn make(runtime: Runtime, way: UnderWay, turn: OwnedSemaphorePermit) {
    let calling = way.calling;
    let callout = || runtime.read(way.account, move |engine, now| engine.callout(calling, now));
    // Nobody may wait for it any more.
    let Some(Some(callout)) = persistently(&runtime, callout).await else { return };
    let begun_at = runtime.now();
    let command = match calling {
        Calling::Request { item, request } => {
            let outcome = ask(&runtime, calling, &callout, read_attributes).await;
            Command::AnswerRequest { item, request, outcome }
        }
        Calling::Assignment(id) => {
            let outcome = ask(&runtime, calling, &callout, read_instruction).await;
            Command::AnswerAssignment { id, outcome }
        }
    };
    drop(turn);
    let seconds = runtime.now().seconds_since(begun_at);
    metrics::histogram!("cordboard_callout_seconds", "kind" => Kind::of(calling).name()).record(seconds);
    tell(&runtime, &way, command).await;
}

/// Asks the primary URL, and the fallback when that gave nothing that can be used.
async fn ask<T>(
    runtime: &Runtime,
    calling: Calling,
    callout: &Callout,
    read: fn(&[u8]) -> Result<T, Unusable>,
) -> Outcome<T> {
    // Each was read before it was stored.
    let secrets: Vec<Secret> = callout.secrets.iter().filter_map(|it| Secret::parse(&it.text).ok()).collect();
    let (id, body) = (calling.message_id(), Bytes::copy_from_slice(callout.body.as_bytes()));
    let mut causes = Vec::new();
    let urls = [(Asked::Primary, Some(&callout.url)), (Asked::Fallback, callout.fallback_url.as_ref())];
    for (asked, url) in urls.into_iter().filter_map(|(asked, url)| url.map(|url| (asked, url))) {
        let mut headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        headers.extend(signature_headers(&secrets, &id, runtime.now(), &body));
        let request = FetchRequest {
            method: FetchMethod::Post,
            url: url.to_string(),
            headers,
            body: body.clone(),
            total: Duration::from_secs(u64::from(callout.timeout_s)),
            answer_bytes_max: CALLOUT_ANSWER_BYTES_MAX,
        };
        match attempt(&**runtime.fetch(), asked, request, read).await {
            Ok(heard) => return Outcome { heard: Some(heard), causes },
            Err(cause) => causes.push(cause),
        }
    }
    let kind = Kind::of(calling).name();
    metrics::counter!("cordboard_callouts_failed_total", "kind" => kind).increment(1);
    Outcome::failed(causes)
}

async fn attempt<T>(
    fetch: &dyn Fetch,
    asked: Asked,
    request: FetchRequest,
    read: fn(&[u8]) -> Result<T, Unusable>,
) -> Result<Heard<T>, Cause> {
    let failed =
        |failure: FetchFailure| Cause::new(Some(asked), failure.code.as_str(), &failure.message, failure.status);
    let answer = fetch.fetch(request).await.map_err(failed)?;
    answer.success().map_err(failed)?;
    let status = answer.status;
    let answer = read(&answer.body);
    let answer = answer.map_err(|(code, message)| Cause::new(Some(asked), code, &message, Some(status)))?;
    Ok(Heard { answer, status, from: asked })
}

/// Tells the engine how a callout ended. What it says to that does not matter: it may wait for it no more.
async fn tell(runtime: &Runtime, way: &UnderWay, command: Command) {
    let told = persistently(runtime, || {
        let request = Request { actor: Actor::Callback, command: command.clone(), keys: Vec::new(), once: None };
        runtime.handle(way.account, request)
    });
    if told.await.is_none() {
        tracing::warn!(account = %way.account, id = way.calling.message_id(), "a callout's answer was not taken");
    }
}

/// Asks an account's loop again while it cannot be reached; `None` when it refuses, or for too long cannot.
async fn persistently<T, F: Future<Output = Result<T, Failure>>>(runtime: &Runtime, ask: impl Fn() -> F) -> Option<T> {
    for _ in 0..TELL_ATTEMPTS_MAX {
        match ask().await {
            Ok(answer) => return Some(answer),
            Err(Failure::Overloaded | Failure::Unavailable) => runtime.pause(TELL_AGAIN_AFTER).await,
            Err(_) => return None,
        }
    }
    None
}
