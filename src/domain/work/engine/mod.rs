//! The engine of one account: it takes a command and a time, changes in memory, and emits what must be stored, told
//! and done. It is the only writer of its account, so no offer can be made twice and no capacity given away twice.
//!
//! Each command is checked whole before anything changes. After it, [`settle`](settle) gives every freed worker and
//! every newly waiting item their match, so that between commands no free worker stands beside an item it may take.

mod callout;
mod configuration;
mod decline;
mod directory;
mod findings;
mod held;
mod invariants;
mod item;
mod offer;
mod reads;
mod recover;
mod rehearsal;
mod route;
mod settle;
mod statistics;
mod tables;
mod transfer;
mod turn;
mod walk;
mod worker;

pub use directory::check_name_text;
pub use invariants::Violation;
pub use recover::{Recovery, RecoveryError};
pub use rehearsal::{DryRun, DryRunView, Rehearsal, RehearsedStep};
pub use statistics::*;

pub(in crate::work) use tables::*;
pub(in crate::work) use turn::Turn;

use super::matching::floor::Floor;
use super::matching::predicate::PredicateId;
use super::matching::waiting::Waiting;
use super::timer::Timers;
use super::*;
use crate::id::{IdSource, ItemId, ReservationId};
use crate::time::Timestamp;
use std::collections::HashMap;

#[derive(Debug)]
pub struct Engine {
    pub(in crate::work) account: Account,
    ids: IdSource,
    sequence: u64,
    pub(in crate::work) config: Config,
    pub(in crate::work) floor: Floor,
    pub(in crate::work) waiting: Waiting,
    /// Each by itself on the heap: the table grows by moving what it holds.
    pub(in crate::work) items: HashMap<ItemId, Box<Entry>>,
    /// Open items by their `unique_key`.
    pub(in crate::work) unique_keys: HashMap<Box<str>, ItemId>,
    /// Live reservations.
    pub(in crate::work) reservations: HashMap<ReservationId, Reservation>,
    pub(in crate::work) timers: Timers,
    /// The predicate that is true for every worker.
    pub(in crate::work) everybody: PredicateId,
    pub(in crate::work) planted: Planted,
}

impl Engine {
    /// The engine of a new account. `seed` is the randomness of the ids that it makes.
    pub fn new(account: Account, seed: u64) -> Self {
        let mut floor = Floor::default();
        let everybody = floor.predicates.everybody();
        Self {
            account,
            ids: IdSource::new(seed),
            sequence: 0,
            config: Config::default(),
            floor,
            waiting: Waiting::default(),
            items: HashMap::new(),
            unique_keys: HashMap::new(),
            reservations: HashMap::new(),
            timers: Timers::default(),
            everybody,
            planted: Planted::default(),
        }
    }

    /// Sequence number of the last event.
    pub fn sequence(&self) -> u64 {
        self.sequence
    }

    pub fn account(&self) -> &Account {
        &self.account
    }

    /// When the next timer is due.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.timers.next_deadline()
    }

    /// Carries out one command at `now` and appends what follows from it to `out`. A rejected command changes nothing.
    pub fn handle(
        &mut self,
        now: Timestamp,
        actor: &Actor,
        command: Command,
        out: &mut Vec<Output>,
    ) -> Result<Reply, Rejection> {
        let mut turn = Turn::new(now, actor, out);
        let answer = self.decide(&mut turn, command)?;
        self.settle(&mut turn);
        self.finish(&mut turn);
        self.reply(&turn, answer)
    }

    fn decide(&mut self, turn: &mut Turn<'_>, command: Command) -> Result<Answer, Rejection> {
        match command {
            Command::UpdateAccount { name, settings, expected } => self.update_account(turn, name, settings, expected),
            Command::CreateActivity { name, available } => self.create_activity(turn, name, available),
            Command::UpdateActivity { id, name, available, expected } => {
                self.update_activity(turn, id, name, available, expected)
            }
            Command::DeleteActivity { id, expected } => self.delete_activity(turn, id, expected),
            Command::CreateChannel { name, default_capacity } => self.create_channel(turn, name, default_capacity),
            Command::UpdateChannel { id, default_capacity, expected } => {
                self.update_channel(turn, id, default_capacity, expected)
            }
            Command::DeleteChannel { id, expected } => self.delete_channel(turn, id, expected),
            Command::CreateQueue { name, workers, order, priority_per_minute_milli } => {
                self.create_queue(turn, name, workers, order, priority_per_minute_milli)
            }
            Command::UpdateQueue { id, name, workers, order, priority_per_minute_milli, expected } => {
                self.update_queue(turn, id, QueueChange { name, workers, order, priority_per_minute_milli }, expected)
            }
            Command::DeleteQueue { id, expected } => self.delete_queue(turn, id, expected),
            Command::CreateSchedule { name, hours } => self.create_schedule(turn, name, hours),
            Command::UpdateSchedule { id, name, hours, expected } => {
                self.update_schedule(turn, id, name, hours, expected)
            }
            Command::DeleteSchedule { id, expected } => self.delete_schedule(turn, id, expected),
            Command::CreateWorkflow { name, document, assignment_url, assignment_fallback_url } => {
                self.create_workflow(turn, name, document, assignment_url, assignment_fallback_url)
            }
            Command::UpdateWorkflow { id, name, assignment_url, assignment_fallback_url, expected } => {
                self.update_workflow(turn, id, name, assignment_url, assignment_fallback_url, expected)
            }
            Command::PublishWorkflow { id, document, reevaluate, expected } => {
                self.publish_workflow(turn, id, document, reevaluate, expected)
            }
            Command::DeleteWorkflow { id, expected } => self.delete_workflow(turn, id, expected),
            Command::CreateWorker(new) => self.create_worker(turn, new),
            Command::UpdateWorker { id, change, expected } => self.update_worker(turn, id, change, expected),
            Command::DeleteWorker { id, expected } => self.delete_worker(turn, id, expected),
            Command::SetConnection { id, connected } => self.set_connection(turn, id, connected),
            Command::CreateItem(new) => self.create_item(turn, new),
            Command::UpdateItem { id, attributes, priority, reevaluate, expected } => {
                self.update_item(turn, id, attributes, priority, reevaluate, expected)
            }
            Command::CancelItem { id, reason, expected } => self.cancel_item(turn, id, reason, expected),
            Command::CompleteItem { id, reason, expected } => self.complete_item(turn, id, reason, expected),
            Command::WrapUpItem { id, timeout_s, reason, expected } => {
                self.wrap_up_item(turn, id, timeout_s, reason, expected)
            }
            Command::TransferItem { id, to, warm, expected } => self.transfer_item(turn, id, to, warm, expected),
            Command::RerouteItem { id, workflow, expected } => self.reroute_item(turn, id, workflow, expected),
            Command::AcceptReservation { id, expected } => self.accept_reservation(turn, id, expected),
            Command::RejectReservation { id, reason, activity, expected } => {
                self.reject_reservation(turn, id, reason, activity, expected)
            }
            Command::WrapUpReservation { id, timeout_s, expected } => {
                self.wrap_up_reservation(turn, id, timeout_s, expected)
            }
            Command::CompleteReservation { id, reason, expected } => {
                self.complete_reservation(turn, id, reason, expected)
            }
            Command::AnswerRequest { item, request, outcome } => {
                self.request_answered(turn, item, request, outcome);
                Ok(Answer::Done)
            }
            Command::AnswerAssignment { id, outcome } => {
                self.assignment_answered(turn, id, outcome)?;
                Ok(Answer::Done)
            }
            Command::RotateSigningSecret { secret, overlap_s, expected } => {
                self.rotate_signing_secret(turn, secret, overlap_s, expected)
            }
            Command::CreateEventChannel(new) => self.create_event_channel(turn, new),
            Command::UpdateEventChannel { id, change, expected } => {
                self.update_event_channel(turn, id, change, expected)
            }
            Command::DeleteEventChannel { id, expected } => self.delete_event_channel(turn, id, expected),
            Command::CreateSubscription(new) => self.create_subscription(turn, new),
            Command::UpdateSubscription { id, change, expected } => {
                self.update_subscription(turn, id, change, expected)
            }
            Command::DeleteSubscription { id, expected } => self.delete_subscription(turn, id, expected),
            Command::RotateSubscriptionSecret { id, secret, overlap_s, expected } => {
                self.rotate_subscription_secret(turn, id, secret, overlap_s, expected)
            }
            Command::ReportSubscription { id, starts, health } => self.report_subscription(turn, id, starts, health),
            Command::RecordChange { event_type, subject, data } => {
                self.emit(turn, event_type, subject, &data, None);
                Ok(Answer::Done)
            }
            Command::Tick => self.tick(turn),
        }
    }
}

#[cfg(test)]
mod tests;
