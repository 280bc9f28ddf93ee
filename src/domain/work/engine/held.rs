//! Items that a worker holds: after-call work, completion, and what happens to a transfer that was under way.

use super::directory::check_range;
use super::item::{check_reason, refused};
use super::{Answer, Engine, Turn};
use crate::id::ItemId;
use crate::limit::DURATION_S_MAX;
use crate::work::timer::Timer;
use crate::work::*;

impl Engine {
    pub(super) fn complete_item(
        &mut self,
        turn: &mut Turn<'_>,
        id: ItemId,
        reason: Option<String>,
        expected: Expected,
    ) -> Result<Answer, Rejection> {
        let state = self.open_item(id, expected)?.state;
        check_reason(reason.as_deref())?;
        if !matches!(state, ItemState::Assigned | ItemState::Wrapping) {
            return Err(refused(state, "completed"));
        }
        self.end_assigned(turn, id, reason);
        Ok(Answer::Item(id))
    }

    /// Completes an item that a worker holds, and its reservation with it.
    pub(super) fn end_assigned(&mut self, turn: &mut Turn<'_>, id: ItemId, reason: Option<String>) {
        self.undo_transfer(turn, id, "completed");
        let Some(held) = self.items.get(&id).and_then(|entry| entry.item.reservation) else { return };
        self.end_held(turn, held, reason.as_deref().unwrap_or("completed"));
        self.end_item(turn, id, ItemState::Completed, reason, None);
    }

    pub(super) fn wrap_up_item(
        &mut self,
        turn: &mut Turn<'_>,
        id: ItemId,
        timeout_s: Option<u32>,
        reason: Option<String>,
        expected: Expected,
    ) -> Result<Answer, Rejection> {
        let state = self.open_item(id, expected)?.state;
        check_reason(reason.as_deref())?;
        if let Some(timeout_s) = timeout_s {
            check_range("/timeout_s", timeout_s, 1, DURATION_S_MAX)?;
        }
        match state {
            ItemState::Assigned => self.start_wrap_up(turn, id, timeout_s, reason),
            ItemState::Wrapping => {}
            ItemState::Pending | ItemState::Reserved | ItemState::Completed | ItemState::Canceled => {
                return Err(refused(state, "wrapped up"));
            }
        }
        Ok(Answer::Item(id))
    }

    pub(super) fn start_wrap_up(
        &mut self,
        turn: &mut Turn<'_>,
        id: ItemId,
        timeout_s: Option<u32>,
        reason: Option<String>,
    ) {
        self.undo_transfer(turn, id, "wrapping");
        let Some(held) = self.items.get(&id).and_then(|entry| entry.item.reservation) else { return };
        let until = timeout_s.map(|seconds| turn.now.plus_seconds(seconds));
        self.touch_reservation(turn, held);
        if let Some(reservation) = self.reservations.get_mut(&held) {
            reservation.state = ReservationState::Wrapping;
            reservation.wrapping_at = Some(turn.now);
        }
        self.emit_reservation(turn, "reservation.wrapping", held);
        let worker = self.items.get(&id).and_then(|entry| entry.item.worker);
        if let Some(worker) = worker.filter(|_| self.planted.has(Plant::WrapUpFreesCapacity)) {
            self.forget_load(turn, id, worker);
        }
        self.change_item(turn, id, |item| {
            item.state = ItemState::Wrapping;
            item.reason = reason;
            item.wrap_up_until = until;
        });
        if let Some(until) = until {
            self.timers.set(until, Timer::WrapUp(id));
        }
        self.emit_item(turn, "work_item.wrapping", id, None);
    }

    /// After-call work lasted as long as it may.
    pub(super) fn wrap_up_ended(&mut self, turn: &mut Turn<'_>, id: ItemId) {
        let reason = self.items.get(&id).and_then(|entry| entry.item.reason.clone());
        self.end_assigned(turn, id, Some(reason.unwrap_or_else(|| "wrap_up_timeout".to_owned())));
    }
}
