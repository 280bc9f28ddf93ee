//! Rebuilding the engine from what was stored: the same records give the same engine, and timers that are overdue fire
//! with the first tick.

use super::{Engine, Turn};
use crate::event_channel::Subscription;
use crate::id::*;
use crate::time::Timestamp;
use crate::work::timer::Timer;
use crate::work::*;

/// Why stored records do not make an engine. The store was changed by something else, or by a newer program.
#[derive(Debug, thiserror::Error)]
pub enum RecoveryError {
    #[error("the stored {resource} {id} cannot be read: {why}")]
    Unreadable { resource: &'static str, id: String, why: String },
    #[error("the stored {resource} {id} refers to {missing}, which is not there")]
    Dangling { resource: &'static str, id: String, missing: String },
}

/// An engine in the making. Records are given one by one, in this order: configuration and workers; then work items,
/// each after the version of its workflow; reservations whenever they come.
#[derive(Debug)]
pub struct Recovery {
    engine: Engine,
    now: Timestamp,
    workers: Vec<Worker>,
    reservations: Vec<Reservation>,
}

impl Recovery {
    /// `sequence` is that of the account's last event, `seed` the randomness of the ids to come.
    pub fn new(account: Account, sequence: u64, seed: u64, now: Timestamp) -> Self {
        Self::with(account, sequence, seed, now, Planted::default())
    }

    fn with(account: Account, sequence: u64, seed: u64, now: Timestamp, planted: Planted) -> Self {
        let mut engine = Engine::new(account, seed);
        engine.planted = planted;
        engine.sequence = if planted.has(Plant::SequenceGapAtRecovery) { sequence + 1 } else { sequence };
        Self { engine, now, workers: Vec::new(), reservations: Vec::new() }
    }

    pub fn add(&mut self, record: Record) -> Result<(), RecoveryError> {
        match record {
            Record::Worker(worker) => self.workers.push(worker),
            Record::Item(item) => self.engine.recover_item(item)?,
            Record::Reservation(reservation) => self.reservations.push(reservation),
            configuration => self.engine.recover_configuration(configuration)?,
        }
        Ok(())
    }

    /// Seats the workers, gives them what they hold, and puts every item where it waited.
    pub fn finish(self) -> Result<Engine, RecoveryError> {
        let Self { mut engine, now, mut workers, mut reservations } = self;
        let (mut out, actor) = (Vec::new(), Actor::System);
        let mut turn = Turn::new(now, &actor, &mut out);
        engine.refresh_capacities(&mut turn);
        engine.check_recovered_subscriptions()?;
        // In the order of ids whatever the store's order was: equal stores give equal engines.
        workers.sort_unstable_by_key(|worker| worker.id);
        for worker in workers {
            engine.recover_worker(worker)?;
        }
        reservations.sort_unstable_by_key(|reservation| reservation.id);
        for reservation in reservations {
            engine.recover_reservation(reservation)?;
        }
        let mut ids: Vec<_> = engine.items.keys().copied().collect();
        ids.sort_unstable();
        for id in ids {
            engine.recover_wait(now, id);
        }
        Ok(engine)
    }
}

impl Engine {
    /// The engine of an account as it was after its last commit. `records` holds all configuration and workers, the
    /// workflow versions that are newest or in use, open items and live reservations, in any order.
    pub fn recover(
        account: Account,
        sequence: u64,
        seed: u64,
        now: Timestamp,
        records: impl IntoIterator<Item = Record>,
    ) -> Result<Self, RecoveryError> {
        Self::recover_with(account, sequence, seed, now, records, Planted::default())
    }

    fn recover_with(
        account: Account,
        sequence: u64,
        seed: u64,
        now: Timestamp,
        records: impl IntoIterator<Item = Record>,
        planted: Planted,
    ) -> Result<Self, RecoveryError> {
        let mut recovery = Recovery::with(account, sequence, seed, now, planted);
        let mut items = Vec::new();
        for record in records {
            match record {
                Record::Item(_) => items.push(record),
                other => recovery.add(other)?,
            }
        }
        for item in items {
            recovery.add(item)?;
        }
        recovery.finish()
    }

    fn recover_configuration(&mut self, record: Record) -> Result<(), RecoveryError> {
        let unreadable = |resource, id: String, why: Rejection| {
            let why = match why {
                Rejection::Document { findings } => findings
                    .first()
                    .map_or_else(String::new, |finding| format!("{} at {}", finding.message, finding.pointer)),
                other => other.to_string(),
            };
            RecoveryError::Unreadable { resource, id, why }
        };
        match record {
            Record::Account(account) => self.account = account,
            Record::Activity(activity) => self.keep_activity(activity),
            Record::Channel(channel) => self.keep_channel(channel),
            Record::Queue(queue) => {
                let id = queue.id.to_string();
                self.keep_queue(queue).map_err(|why| unreadable("queue", id, why))?;
            }
            Record::Schedule(schedule) => {
                let id = schedule.id.to_string();
                self.keep_schedule(schedule).map_err(|why| unreadable("schedule", id, why))?;
            }
            Record::Workflow(workflow) => self.keep_workflow(workflow),
            Record::EventChannel(channel) => self.keep_event_channel(channel),
            Record::Subscription(subscription) => self.keep_subscription(subscription),
            Record::WorkflowVersion(version) => {
                let id = format!("{} version {}", version.workflow, version.version);
                self.keep_version(version).map_err(|why| unreadable("workflow document", id, why))?;
            }
            // Sorted out by the caller: they need the configuration to be complete.
            Record::Worker(_) | Record::Item(_) | Record::Reservation(_) => {}
        }
        Ok(())
    }

    /// Records come in any order, so this is asked when all of them are there.
    fn check_recovered_subscriptions(&self) -> Result<(), RecoveryError> {
        let lost = |it: &&Subscription| !self.config.event_channels.contains_key(&it.event_channel);
        match self.subscriptions().find(lost) {
            Some(it) => {
                let (id, missing) = (it.id.to_string(), format!("event channel {}", it.event_channel));
                Err(RecoveryError::Dangling { resource: "subscription", id, missing })
            }
            None => Ok(()),
        }
    }

    fn recover_worker(&mut self, worker: Worker) -> Result<(), RecoveryError> {
        if !self.config.activities.contains_key(&worker.activity) {
            let (id, missing) = (worker.id.to_string(), format!("activity {}", worker.activity));
            return Err(RecoveryError::Dangling { resource: "worker", id, missing });
        }
        let (id, lost, required) = (worker.id, worker.disconnected_at, worker.connection_required);
        let reachable = worker.reachable;
        self.seat_worker(worker);
        if let Some(at) = lost.filter(|_| required && reachable) {
            let grace = self.account.settings.presence_grace_s;
            self.timers.set(at.plus_seconds(grace), Timer::Presence(id));
        }
        Ok(())
    }

    fn recover_item(&mut self, mut item: Item) -> Result<(), RecoveryError> {
        let dangling = |missing| {
            let id = item.id.to_string();
            Err(RecoveryError::Dangling { resource: "work item", id, missing })
        };
        let key = (item.workflow, item.workflow_version);
        if !self.config.versions.contains_key(&key) {
            return dangling(format!("version {} of workflow {}", key.1, key.0));
        }
        let Some((_, channel)) = self.config.channel_named(&item.channel) else {
            return dangling(format!("channel `{}`", item.channel));
        };
        // A million items name the same few channels, rules and steps: share the text.
        item.channel = channel;
        self.share_texts(&mut item);
        let id = item.id;
        match item.state {
            ItemState::Pending | ItemState::Reserved => self.timers.set(item.expires_at, Timer::Item(id)),
            ItemState::Wrapping => {
                if let Some(until) = item.wrap_up_until {
                    self.timers.set(until, Timer::WrapUp(id));
                }
            }
            ItemState::Assigned | ItemState::Completed | ItemState::Canceled => {}
        }
        for decline in &item.declines {
            self.timers.set(decline.until, Timer::Reoffer(id));
        }
        let forget_key = self.planted.has(Plant::UniqueKeyLostAtRecovery);
        let key = item.unique_key.clone().filter(|_| forget_key);
        self.keep_item(item);
        if let Some(key) = key {
            self.unique_keys.remove(key.as_str());
        }
        Ok(())
    }

    fn share_texts(&self, item: &mut Item) {
        let version = self.config.versions.get(&(item.workflow, item.workflow_version));
        let Some(program) = version.and_then(|version| version.document.program(item.place.rule)) else { return };
        if item.rule.as_deref() == Some(&*program.name) {
            item.rule = Some(program.name.clone());
        }
        if let Some(line) = program.lines.get(item.place.step as usize)
            && item.step.as_deref() == Some(&*line.pointer)
        {
            item.step = Some(line.pointer.clone());
        }
    }

    fn recover_reservation(&mut self, reservation: Reservation) -> Result<(), RecoveryError> {
        let (id, state) = (reservation.id, reservation.state);
        let dangling = |missing| Err(RecoveryError::Dangling { resource: "reservation", id: id.to_string(), missing });
        let Some(slot) = self.floor.slot(reservation.worker) else {
            return dangling(format!("worker {}", reservation.worker));
        };
        let Some(entry) = self.items.get_mut(&reservation.item) else {
            return dangling(format!("open work item {}", reservation.item));
        };
        entry.live.push(id);
        let channel = self.config.channel_number(&entry.item.channel);
        self.floor.change(slot, |seat| {
            if let Some(load) = channel.and_then(|channel| seat.load.get_mut(channel as usize)) {
                *load += 1;
            }
            seat.reservations.push(id);
            if state != ReservationState::Offered {
                seat.held += 1;
            }
        });
        if state == ReservationState::Offered && !self.planted.has(Plant::OfferTimerLostAtRecovery) {
            self.timers.set(reservation.expires_at, Timer::Offer(id));
        }
        self.reservations.insert(id, reservation);
        Ok(())
    }

    /// Puts an item back where it waited: in a queue, for a worker, or for a time.
    fn recover_wait(&mut self, now: Timestamp, id: ItemId) {
        let Some(entry) = self.items.get(&id) else { return };
        let item = &entry.item;
        let waits = match item.state {
            ItemState::Pending | ItemState::Reserved => true,
            ItemState::Assigned => item.transfer.is_some(),
            ItemState::Wrapping | ItemState::Completed | ItemState::Canceled => false,
        };
        if !waits {
            return;
        }
        let direct = item.transfer.as_ref().is_some_and(|transfer| transfer.to_worker.is_some());
        let deadline = item.place.deadline;
        if item.place.awaits_answer() {
            self.recover_request(now, id);
        } else if item.queue.is_some() || direct {
            self.arm_wait(id);
            self.list(id);
        } else if let Some(at) = deadline {
            self.timers.set(at, Timer::Step(id));
        }
    }

    /// As [`Self::recover`], with a deliberate bug.
    #[cfg(feature = "planted-bugs")]
    pub fn recover_planted(
        account: Account,
        sequence: u64,
        seed: u64,
        now: Timestamp,
        records: impl IntoIterator<Item = Record>,
        plant: Option<Plant>,
    ) -> Result<Self, RecoveryError> {
        Self::recover_with(account, sequence, seed, now, records, Planted::with(plant))
    }

    #[cfg(feature = "planted-bugs")]
    pub fn plant(&mut self, plant: Option<Plant>) {
        self.planted = Planted::with(plant);
    }
}
