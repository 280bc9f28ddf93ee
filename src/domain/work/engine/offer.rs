//! Reservations: making an offer and every way in which one resolves.
//!
//! ```text
//! offered → accepted → wrapping → completed
//! offered → rejected | timed_out | rescinded | canceled
//! ```

use super::directory::{check_range, check_revision, conflict};
use super::item::check_reason;
use super::{Answer, Engine, Turn};
use crate::id::*;
use crate::limit::DURATION_S_MAX;
use crate::work::matching::floor::Slot;
use crate::work::timer::Timer;
use crate::work::*;
use serde_json::json;
use std::sync::Arc;

/// How an offer ended unaccepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    Rejected,
    TimedOut,
    Rescinded,
    Canceled,
}

impl Ending {
    fn state(self) -> ReservationState {
        match self {
            Self::Rejected => ReservationState::Rejected,
            Self::TimedOut => ReservationState::TimedOut,
            Self::Rescinded => ReservationState::Rescinded,
            Self::Canceled => ReservationState::Canceled,
        }
    }

    fn event(self) -> &'static str {
        match self {
            Self::Rejected => "reservation.rejected",
            Self::TimedOut => "reservation.timed_out",
            Self::Rescinded => "reservation.rescinded",
            Self::Canceled => "reservation.canceled",
        }
    }
}

impl Engine {
    pub(super) fn make_offer(&mut self, turn: &mut Turn<'_>, item: ItemId, slot: Slot) {
        let id = ReservationId(self.fresh_id(turn.now));
        let Some(worker) = self.floor.seat(slot).map(|seat| seat.worker.id) else { return };
        let Some(entry) = self.items.get_mut(&item) else { return };
        let Some(wait) = entry.wait.as_deref() else { return };
        let (channel, limit) = (wait.class.channel, wait.offers);
        let expires_at = turn.now.plus_seconds(wait.reservation_timeout_s);
        entry.live.push(id);
        let (queue, workflow, of_channel) = (entry.item.queue, entry.item.workflow, Arc::clone(&entry.item.channel));
        let offered = self.open_offers(item);
        let reservation = Reservation {
            id,
            item,
            worker,
            state: ReservationState::Offered,
            queue,
            workflow,
            channel: of_channel,
            reason: None,
            offered_at: turn.now,
            expires_at,
            resolved_at: None,
            wrapping_at: None,
            stamp: Stamp::new(turn.now),
        };
        turn.put(Record::Reservation(reservation.clone()));
        self.reservations.insert(id, reservation);
        self.timers.set(expires_at, Timer::Offer(id));
        self.floor.change(slot, |seat| {
            seat.load[channel as usize] += 1;
            seat.reservations.push(id);
        });
        if offered + 1 >= limit {
            self.unlist(item);
        }
        self.emit_reservation(turn, "reservation.offered", id);
        self.touch_item(turn, item);
        let state = self.items.get(&item).map(|entry| entry.item.state);
        if state == Some(ItemState::Pending) {
            self.set_state(turn, item, ItemState::Reserved);
            self.emit_item(turn, "work_item.reserved", item, None);
        }
        turn.effect(Effect::Offer { reservation: id, item, worker, expires_at });
        if self.assignment_url(item).is_some() {
            turn.effect(Effect::Call(Calling::Assignment(id)));
        }
    }

    /// Offers of an item that wait for an answer.
    pub(in crate::work) fn open_offers(&self, item: ItemId) -> u32 {
        let live = self.items.get(&item).map_or(&[][..], |entry| &entry.live);
        let open = |id: &&ReservationId| {
            self.reservations.get(id).is_some_and(|reservation| reservation.state == ReservationState::Offered)
        };
        live.iter().filter(open).count() as u32
    }

    fn live_reservation(&self, id: ReservationId, expected: Expected) -> Result<&Reservation, Rejection> {
        let reservation = self.reservations.get(&id).ok_or(Rejection::NotFound { resource: "reservation" })?;
        check_revision(&reservation.stamp, expected)?;
        Ok(reservation)
    }

    pub(super) fn accept_reservation(
        &mut self,
        turn: &mut Turn<'_>,
        id: ReservationId,
        expected: Expected,
    ) -> Result<Answer, Rejection> {
        let reservation = self.live_reservation(id, expected)?;
        match reservation.state {
            ReservationState::Offered => {}
            ReservationState::Accepted => return Ok(Answer::Reservation(id)),
            state => return Err(not_in(state, "accepted")),
        }
        let (item, worker) = (reservation.item, reservation.worker);
        self.timers.clear(Some(reservation.expires_at), Timer::Offer(id));
        self.touch_reservation(turn, id);
        if let Some(reservation) = self.reservations.get_mut(&id) {
            reservation.state = ReservationState::Accepted;
            reservation.resolved_at = Some(turn.now);
        }
        if let Some(slot) = self.floor.slot(worker) {
            self.touch_worker(turn, slot);
            self.floor.change(slot, |seat| {
                seat.held += 1;
                seat.worker.misses = 0;
            });
        }
        if self.planted.has(Plant::LoadForgotten) {
            self.forget_load(turn, item, worker);
        }
        self.emit_reservation(turn, "reservation.accepted", id);
        self.assign(turn, item, id, worker);
        Ok(Answer::Reservation(id))
    }

    /// Gives capacity back that is still held; only planted bugs ask for it.
    pub(super) fn forget_load(&mut self, turn: &mut Turn<'_>, item: ItemId, worker: WorkerId) {
        let channel = self.items.get(&item).and_then(|entry| self.config.channel_number(&entry.item.channel));
        let (Some(channel), Some(slot)) = (channel, self.floor.slot(worker)) else { return };
        self.floor.change(slot, |seat| {
            if let Some(load) = seat.load.get_mut(channel as usize) {
                *load = load.saturating_sub(1);
            }
        });
        turn.freed.push(slot);
    }

    /// The item is the worker's: every other offer of it is rescinded, and a warm transfer is complete.
    fn assign(&mut self, turn: &mut Turn<'_>, item: ItemId, accepted: ReservationId, worker: WorkerId) {
        self.leave_wait(turn, item);
        self.touch_item(turn, item);
        let Some(entry) = self.items.get_mut(&item) else { return };
        let transfer = entry.item.transfer.take();
        let kept = transfer.as_ref().and_then(|transfer| transfer.kept_reservation);
        let others: Vec<_> = entry.live.iter().copied().filter(|id| *id != accepted && Some(*id) != kept).collect();
        self.timers.clear(Some(entry.item.expires_at), Timer::Item(item));
        self.clear_declines(item);
        let rescinds = !self.planted.has(Plant::BroadcastNotRescinded);
        for other in others.into_iter().filter(|_| rescinds) {
            self.end_offer(turn, other, Ending::Rescinded, None);
        }
        if let Some(kept) = kept {
            self.end_held(turn, kept, "transferred");
        }
        self.change_item(turn, item, |item| {
            item.state = ItemState::Assigned;
            item.worker = Some(worker);
            item.reservation = Some(accepted);
        });
        self.release_former(transfer.as_deref());
        self.emit_item(turn, "work_item.assigned", item, None);
        if let Some(transfer) = transfer {
            let detail = json!({"outcome": "completed", "from_worker": transfer.from_worker, "to_worker": worker});
            self.emit_item(turn, "work_item.transferred", item, Some(detail));
        }
    }

    pub(super) fn reject_reservation(
        &mut self,
        turn: &mut Turn<'_>,
        id: ReservationId,
        reason: Option<String>,
        activity: Option<Reference>,
        expected: Expected,
    ) -> Result<Answer, Rejection> {
        check_reason(reason.as_deref())?;
        let reservation = self.live_reservation(id, expected)?;
        if reservation.state != ReservationState::Offered {
            return Err(not_in(reservation.state, "rejected"));
        }
        let (item, worker) = (reservation.item, reservation.worker);
        let activity = match &activity {
            Some(reference) => Some(self.resolve_activity(reference, "/activity")?),
            None => None,
        };
        if let (Some(to), Some(slot)) = (activity, self.floor.slot(worker)) {
            self.move_to_activity(turn, slot, to, "rejected");
        }
        self.decline(turn, id, Ending::Rejected, reason);
        self.after_decline(turn, item);
        Ok(Answer::Reservation(id))
    }

    /// Rejects all offers that a worker has open, because it has gone to an unavailable activity.
    pub(super) fn reject_offers_of(&mut self, turn: &mut Turn<'_>, slot: Slot) {
        let Some(seat) = self.floor.seat(slot) else { return };
        for id in seat.reservations.clone() {
            let Some(reservation) = self.reservations.get(&id) else { continue };
            if reservation.state == ReservationState::Offered {
                let item = reservation.item;
                self.decline(turn, id, Ending::Rejected, Some("worker_unavailable".to_owned()));
                self.after_decline(turn, item);
            }
        }
    }

    pub(super) fn offer_timed_out(&mut self, turn: &mut Turn<'_>, id: ReservationId) {
        let Some(reservation) = self.reservations.get(&id) else { return };
        let (item, worker) = (reservation.item, reservation.worker);
        self.decline(turn, id, Ending::TimedOut, None);
        self.count_miss(turn, worker);
        self.after_decline(turn, item);
    }

    pub(super) fn count_miss(&mut self, turn: &mut Turn<'_>, worker: WorkerId) {
        let Some(slot) = self.floor.slot(worker) else { return };
        self.touch_worker(turn, slot);
        let misses = self.floor.change(slot, |seat| {
            seat.worker.misses += 1;
            seat.worker.misses
        });
        let late = u32::from(self.planted.has(Plant::MissLimitOffByOne));
        let limit = self.account.settings.miss_limit + late;
        if limit > 0 && misses.is_some_and(|misses| misses >= limit) {
            let to = self.account.settings.miss_activity;
            self.move_to_activity(turn, slot, to, "missed");
            self.floor.change(slot, |seat| seat.worker.misses = 0);
        }
    }

    /// Ends an offer as declined, and keeps its worker from the item for a while.
    pub(super) fn decline(&mut self, turn: &mut Turn<'_>, id: ReservationId, ending: Ending, reason: Option<String>) {
        let Some(reservation) = self.reservations.get(&id) else { return };
        let (item, worker) = (reservation.item, reservation.worker);
        self.end_offer(turn, id, ending, reason);
        if ending == Ending::Rejected
            && let Some(slot) = self.floor.slot(worker)
        {
            self.touch_worker(turn, slot);
            self.floor.change(slot, |seat| seat.worker.misses = 0);
        }
        self.exclude(turn, item, worker);
    }

    /// Takes an open offer back, whatever the reason, and gives the worker its capacity back.
    pub(super) fn end_offer(&mut self, turn: &mut Turn<'_>, id: ReservationId, ending: Ending, reason: Option<String>) {
        self.touch_reservation(turn, id);
        let Some(reservation) = self.reservations.get_mut(&id) else { return };
        reservation.state = ending.state();
        reservation.reason = reason;
        reservation.resolved_at = Some(turn.now);
        let (item, worker, expires_at) = (reservation.item, reservation.worker, reservation.expires_at);
        self.timers.clear(Some(expires_at), Timer::Offer(id));
        self.give_back(turn, id, item, worker, false);
        self.emit_reservation(turn, ending.event(), id);
        turn.effect(Effect::Withdraw { reservation: id, worker });
    }

    /// Ends an accepted or wrapping reservation as completed.
    pub(super) fn end_held(&mut self, turn: &mut Turn<'_>, id: ReservationId, reason: &str) {
        self.touch_reservation(turn, id);
        let Some(reservation) = self.reservations.get_mut(&id) else { return };
        reservation.state = ReservationState::Completed;
        reservation.reason = Some(reason.to_owned());
        let (item, worker) = (reservation.item, reservation.worker);
        self.give_back(turn, id, item, worker, true);
        self.emit_reservation(turn, "reservation.completed", id);
    }

    fn give_back(&mut self, turn: &mut Turn<'_>, id: ReservationId, item: ItemId, worker: WorkerId, held: bool) {
        let Some(entry) = self.items.get_mut(&item) else { return };
        entry.live.retain(|live| *live != id);
        let channel = self.config.channel_number(&entry.item.channel);
        let Some(slot) = self.floor.slot(worker) else { return };
        if held {
            self.touch_worker(turn, slot);
        }
        let now = turn.now;
        self.floor.change(slot, |seat| {
            if let Some(load) = channel.and_then(|channel| seat.load.get_mut(channel as usize)) {
                *load = load.saturating_sub(1);
            }
            seat.reservations.retain(|live| *live != id);
            if held {
                seat.held = seat.held.saturating_sub(1);
                if seat.held == 0 {
                    seat.worker.idle_since = now;
                }
            }
        });
        if !(held && self.planted.has(Plant::FreedWorkerForgotten)) {
            turn.freed.push(slot);
        }
    }

    pub(super) fn wrap_up_reservation(
        &mut self,
        turn: &mut Turn<'_>,
        id: ReservationId,
        timeout_s: Option<u32>,
        expected: Expected,
    ) -> Result<Answer, Rejection> {
        let reservation = self.live_reservation(id, expected)?;
        let (state, item) = (reservation.state, reservation.item);
        match state {
            ReservationState::Accepted => {}
            ReservationState::Wrapping => return Ok(Answer::Reservation(id)),
            state => return Err(not_in(state, "wrapped up")),
        }
        if let Some(timeout_s) = timeout_s {
            check_range("/timeout_s", timeout_s, 1, DURATION_S_MAX)?;
        }
        self.start_wrap_up(turn, item, timeout_s, None);
        Ok(Answer::Reservation(id))
    }

    pub(super) fn complete_reservation(
        &mut self,
        turn: &mut Turn<'_>,
        id: ReservationId,
        reason: Option<String>,
        expected: Expected,
    ) -> Result<Answer, Rejection> {
        check_reason(reason.as_deref())?;
        let reservation = self.live_reservation(id, expected)?;
        let item = reservation.item;
        match reservation.state {
            ReservationState::Accepted | ReservationState::Wrapping => {}
            state => return Err(not_in(state, "completed")),
        }
        self.end_assigned(turn, item, reason);
        Ok(Answer::Reservation(id))
    }
}

fn not_in(state: ReservationState, wanted: &str) -> Rejection {
    let name = match state {
        ReservationState::Offered => "offered",
        ReservationState::Accepted => "accepted",
        ReservationState::Wrapping => "wrapping",
        ReservationState::Completed => "completed",
        ReservationState::Rejected => "rejected",
        ReservationState::TimedOut => "timed_out",
        ReservationState::Rescinded => "rescinded",
        ReservationState::Canceled => "canceled",
    };
    conflict("reservation_state", format!("a reservation that is {name} cannot be {wanted}"))
}
