//! Transfers: an assigned item goes to a worker, a queue or a workflow. Cold, its worker is released at once; warm, the
//! worker keeps it until another accepts, and has it back as it was when nobody does.

use super::directory::{conflict, invalid};
use super::item::refused;
use super::{Answer, Engine, Turn};
use crate::id::*;
use crate::limit::WARM_TRANSFER_S_MAX;
use crate::work::matching::floor::Slot;
use crate::work::timer::Timer;
use crate::work::*;
use serde_json::json;

/// Where a transfer leads, its references resolved.
#[derive(Clone, Copy)]
enum Target {
    Worker(WorkerId),
    Queue(QueueId),
    Workflow(WorkflowId),
}

impl Engine {
    pub(super) fn transfer_item(
        &mut self,
        turn: &mut Turn<'_>,
        id: ItemId,
        to: TransferTarget,
        warm: bool,
        expected: Expected,
    ) -> Result<Answer, Rejection> {
        let item = self.open_item(id, expected)?;
        if item.state != ItemState::Assigned {
            return Err(refused(item.state, "transferred"));
        }
        if item.transfer.is_some() {
            return Err(conflict("transfer_pending", "a warm transfer of this item is under way"));
        }
        let (Some(from_worker), Some(reservation)) = (item.worker, item.reservation) else {
            return Err(refused(item.state, "transferred"));
        };
        let target = self.transfer_target(&to, from_worker)?;

        let item = self.items.get(&id).map(|entry| &entry.item);
        let former = item.filter(|_| warm).map(|item| {
            Box::new(Former {
                workflow: item.workflow,
                workflow_version: item.workflow_version,
                place: item.place.clone(),
                rule: item.rule.clone(),
                step: item.step.clone(),
                queue: item.queue,
                entered_queue_at: item.entered_queue_at,
                waiting_since: item.waiting_since,
            })
        });
        let transfer = Transfer {
            from_worker,
            kept_reservation: warm.then_some(reservation),
            to_worker: if let Target::Worker(worker) = target { Some(worker) } else { None },
            to_queue: if let Target::Queue(queue) = target { Some(queue) } else { None },
            former,
        };
        let detail = json!({
            "outcome": "started", "warm": warm, "from_worker": from_worker,
            "to_worker": transfer.to_worker, "to_queue": transfer.to_queue,
            "to_workflow": if let Target::Workflow(workflow) = target { Some(workflow) } else { None },
        });
        if let Some(former) = transfer.former.as_deref() {
            self.hold_former(former);
        }
        if !warm {
            self.end_held(turn, reservation, "transferred");
            self.release_cold(turn, id);
        }
        self.place_transferred(turn, id, target, transfer, warm);
        self.emit_item(turn, "work_item.transferred", id, Some(detail));
        if !warm {
            self.exclude(turn, id, from_worker);
        }
        match target {
            Target::Worker(_) | Target::Queue(_) => {
                self.begin_wait(turn, id);
                self.emit_item(turn, "work_item.queued", id, None);
            }
            Target::Workflow(workflow) => {
                self.move_to_version(turn, id, workflow);
                self.start(turn, id);
            }
        }
        Ok(Answer::Item(id))
    }

    fn transfer_target(&self, to: &TransferTarget, from: WorkerId) -> Result<Target, Rejection> {
        match to {
            TransferTarget::Queue(queue) => self.resolve_queue(queue, "/queue").map(Target::Queue),
            TransferTarget::Workflow(workflow) => self.resolve_workflow(workflow, "/workflow").map(Target::Workflow),
            TransferTarget::Worker(worker) => {
                let worker = self.resolve_worker(worker, "/worker")?;
                if worker == from {
                    return Err(invalid("/worker", "same_worker", "the worker holds this item already"));
                }
                if !self.floor.seat_of(worker).is_some_and(|seat| seat.available()) {
                    let message =
                        "the worker is in an unavailable activity or unreachable; transfer to a queue instead";
                    return Err(conflict("worker_unavailable", message));
                }
                Ok(Target::Worker(worker))
            }
        }
    }

    /// The item is nobody's any more; its time to live starts again.
    fn release_cold(&mut self, turn: &mut Turn<'_>, id: ItemId) {
        let now = turn.now;
        self.change_item(turn, id, |item| {
            item.state = ItemState::Pending;
            item.worker = None;
            item.reservation = None;
            item.expires_at = now.plus_seconds(item.timeout_s);
        });
        if let Some(entry) = self.items.get(&id) {
            self.timers.set(entry.item.expires_at, Timer::Item(id));
        }
    }

    fn place_transferred(&mut self, turn: &mut Turn<'_>, id: ItemId, target: Target, transfer: Transfer, warm: bool) {
        let now = turn.now;
        self.change_item(turn, id, |item| {
            item.place = Place { entered_at: now, ..Place::default() };
            item.rule = None;
            item.step = None;
            (item.queue, item.entered_queue_at) = match target {
                Target::Queue(queue) => (Some(queue), Some(now)),
                Target::Worker(_) | Target::Workflow(_) => (None, None),
            };
            item.waiting_since = match target {
                Target::Worker(_) | Target::Queue(_) => Some(now),
                Target::Workflow(_) => None,
            };
            let bounded = warm && !matches!(target, Target::Workflow(_));
            item.place.deadline = bounded.then(|| now.plus_seconds(WARM_TRANSFER_S_MAX));
            item.transfer = Some(Box::new(transfer));
        });
    }

    /// Nobody took a transferred item: a warm one is as before, a cold one goes through its workflow again.
    pub(super) fn transfer_failed(&mut self, turn: &mut Turn<'_>, id: ItemId) {
        let Some(transfer) = self.items.get(&id).and_then(|entry| entry.item.transfer.as_ref()) else { return };
        if transfer.kept_reservation.is_some() {
            self.undo_transfer(turn, id, "not_accepted");
            return;
        }
        let from = transfer.from_worker;
        self.cancel_offers(turn, id, "transfer_undone");
        self.leave_wait(turn, id);
        self.change_item(turn, id, |item| {
            item.state = ItemState::Pending;
            item.transfer = None;
        });
        let detail = json!({"outcome": "undone", "why": "not_accepted", "from_worker": from});
        self.emit_item(turn, "work_item.transferred", id, Some(detail));
        self.start(turn, id);
    }

    /// Ends a warm transfer that is under way: the item is its first worker's, where it was.
    pub(super) fn undo_transfer(&mut self, turn: &mut Turn<'_>, id: ItemId, why: &str) {
        let warm = |transfer: &&Transfer| transfer.kept_reservation.is_some();
        let transfer = self.items.get(&id).and_then(|entry| entry.item.transfer.as_deref()).filter(warm).cloned();
        let Some(transfer) = transfer else { return };
        self.cancel_offers(turn, id, "transfer_undone");
        self.leave_wait(turn, id);
        self.clear_declines(id);
        let (kept_reservation, from_worker) = (transfer.kept_reservation, transfer.from_worker);
        if let Some(former) = transfer.former.clone() {
            // Recovery brings back only the versions that items are in; the newest one stands in for another.
            if self.config.versions.contains_key(&(former.workflow, former.workflow_version)) {
                self.set_version(turn, id, former.workflow, former.workflow_version);
            } else {
                self.move_to_version(turn, id, former.workflow);
            }
            self.release_former(Some(&transfer));
            self.change_item(turn, id, |item| {
                item.place = former.place;
                item.rule = former.rule;
                item.step = former.step;
                item.queue = former.queue;
                item.entered_queue_at = former.entered_queue_at;
                item.waiting_since = former.waiting_since;
                item.transfer = None;
            });
        }
        if let Some(kept) = kept_reservation.filter(|_| self.planted.has(Plant::TransferNotRestored)) {
            self.end_held(turn, kept, "transferred");
        }
        let detail = json!({"outcome": "undone", "why": why, "from_worker": from_worker});
        self.emit_item(turn, "work_item.transferred", id, Some(detail));
    }

    /// An item came to an end without anybody taking it. One that is being transferred warm is not lost by that.
    pub(super) fn end_without_worker(&mut self, turn: &mut Turn<'_>, id: ItemId, state: ItemState, reason: &str) {
        let transfer = self.items.get(&id).and_then(|entry| entry.item.transfer.as_ref());
        if transfer.is_some_and(|transfer| transfer.kept_reservation.is_some()) {
            self.undo_transfer(turn, id, reason);
        } else {
            self.end_unassigned(turn, id, state, reason);
        }
    }

    /// A worker that has gone away is not waited for by the items that were transferred to it alone.
    pub(in crate::work) fn drop_direct_transfers_if_away(&mut self, turn: &mut Turn<'_>, slot: Slot) {
        if self.floor.seat(slot).is_none_or(|seat| seat.available()) {
            return;
        }
        for id in self.waiting.personal_items(slot) {
            let transfer = self.items.get(&id).and_then(|entry| entry.item.transfer.as_ref());
            if transfer.is_some_and(|transfer| transfer.to_worker.is_some()) {
                self.leave_wait(turn, id);
                self.transfer_failed(turn, id);
            }
        }
    }
}
