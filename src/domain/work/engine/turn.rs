//! One command's way through the engine: the time, who asked, what came out so far, and what has yet to be settled.

use super::{Answer, Engine};
use crate::event::Event;
use crate::id::{EventId, ItemId, ReservationId, WorkerId};
use crate::time::Timestamp;
use crate::work::matching::floor::Slot;
use crate::work::view::EventData;
use crate::work::*;
use serde::Serialize;
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};

pub(in crate::work) struct Turn<'a> {
    pub now: Timestamp,
    pub actor: &'a Actor,
    out: &'a mut Vec<Output>,
    /// Length of `out` before this command.
    start: usize,
    /// Workers that may have become free for something.
    pub freed: Vec<Slot>,
    /// Items that may want an offer.
    pub stirred: Vec<ItemId>,
    items: Vec<ItemId>,
    reservations: Vec<ReservationId>,
    workers: Vec<WorkerId>,
}

impl<'a> Turn<'a> {
    pub fn new(now: Timestamp, actor: &'a Actor, out: &'a mut Vec<Output>) -> Self {
        let start = out.len();
        let (freed, stirred, items) = (Vec::new(), Vec::new(), Vec::new());
        Self { now, actor, out, start, freed, stirred, items, reservations: Vec::new(), workers: Vec::new() }
    }

    pub fn put(&mut self, record: Record) {
        self.out.push(Output::Put(record));
    }

    /// A new item is written at the turn's end, with its first revision.
    pub fn new_item(&mut self, id: ItemId) {
        self.items.push(id);
    }

    pub fn delete(&mut self, gone: Gone) {
        self.out.push(Output::Delete(gone));
    }

    pub fn effect(&mut self, effect: Effect) {
        self.out.push(Output::Effect(effect));
    }

    /// The record that this command last wrote for which `wanted` answers.
    fn written<T>(&self, wanted: impl Fn(&Record) -> Option<T>) -> Option<T> {
        self.out[self.start..].iter().rev().find_map(|output| match output {
            Output::Put(record) => wanted(record),
            Output::Delete(_) | Output::Event(_) | Output::Effect(_) => None,
        })
    }
}

impl Engine {
    pub(in crate::work) fn fresh_id(&mut self, now: Timestamp) -> u128 {
        self.ids.next(now)
    }

    /// The sequence that the next event will have.
    pub(in crate::work) fn next_sequence(&self) -> u64 {
        self.sequence + 1
    }

    /// Appends an event to the account's sequence.
    pub(in crate::work) fn emit(
        &mut self,
        turn: &mut Turn<'_>,
        event_type: &'static str,
        subject: String,
        resource: &impl Serialize,
        detail: Option<Value>,
    ) {
        let data = to_raw_value(&EventData { resource, actor: turn.actor, detail });
        self.push_event(turn, event_type, (subject, None), data);
    }

    pub(in crate::work) fn emit_item(
        &mut self,
        turn: &mut Turn<'_>,
        event_type: &'static str,
        id: ItemId,
        detail: Option<Value>,
    ) {
        let Some(entry) = self.items.get(&id) else { return };
        let worker = entry.item.worker;
        let data = to_raw_value(&EventData { resource: view::ItemView::from(&entry.item), actor: turn.actor, detail });
        self.push_event(turn, event_type, (id.to_string(), worker), data);
    }

    pub(in crate::work) fn emit_reservation(
        &mut self,
        turn: &mut Turn<'_>,
        event_type: &'static str,
        id: ReservationId,
    ) {
        self.emit_reservation_with(turn, event_type, id, None);
    }

    pub(in crate::work) fn emit_reservation_with(
        &mut self,
        turn: &mut Turn<'_>,
        event_type: &'static str,
        id: ReservationId,
        detail: Option<Value>,
    ) {
        let Some(reservation) = self.reservations.get(&id) else { return };
        let (resource, worker) = (view::ReservationView::from(reservation), reservation.worker);
        let data = to_raw_value(&EventData { resource, actor: turn.actor, detail });
        self.push_event(turn, event_type, (id.to_string(), Some(worker)), data);
    }

    pub(in crate::work) fn emit_worker(
        &mut self,
        turn: &mut Turn<'_>,
        event_type: &'static str,
        id: WorkerId,
        detail: Option<Value>,
    ) {
        let Some(worker) = self.worker_view(id) else { return };
        let resource = view::WorkerJson::from(&worker);
        let data = to_raw_value(&EventData { resource, actor: turn.actor, detail });
        self.push_event(turn, event_type, (id.to_string(), Some(id)), data);
    }

    fn push_event(
        &mut self,
        turn: &mut Turn<'_>,
        event_type: &'static str,
        (subject, worker): (String, Option<WorkerId>),
        data: serde_json::Result<Box<RawValue>>,
    ) {
        // Views are made of strings, numbers and maps with string keys, which always serialise.
        let data = data.unwrap_or_else(|_| RawValue::NULL.to_owned());
        self.sequence += 1;
        let id = EventId(self.ids.next(turn.now));
        let event = Event { id, sequence: self.sequence, event_type, subject, time: turn.now, worker, data };
        turn.out.push(Output::Event(event));
    }

    /// Notes that an item changes in this turn; its record is written once, at the turn's end.
    pub(in crate::work) fn touch_item(&mut self, turn: &mut Turn<'_>, id: ItemId) {
        if let Some(entry) = self.items.get_mut(&id)
            && !turn.items.contains(&id)
        {
            entry.item.stamp.touch(turn.now);
            turn.items.push(id);
        }
    }

    pub(in crate::work) fn touch_reservation(&mut self, turn: &mut Turn<'_>, id: ReservationId) {
        if let Some(reservation) = self.reservations.get_mut(&id)
            && !turn.reservations.contains(&id)
        {
            reservation.stamp.touch(turn.now);
            turn.reservations.push(id);
        }
    }

    pub(in crate::work) fn touch_worker(&mut self, turn: &mut Turn<'_>, slot: Slot) {
        let Some(id) = self.floor.seat(slot).map(|seat| seat.worker.id) else { return };
        if !turn.workers.contains(&id) {
            self.floor.change(slot, |seat| seat.worker.stamp.touch(turn.now));
            turn.workers.push(id);
        }
    }

    /// Writes every record that the turn touched, once, and forgets what has ended.
    pub(in crate::work) fn finish(&mut self, turn: &mut Turn<'_>) {
        for id in std::mem::take(&mut turn.workers) {
            if let Some(seat) = self.floor.seat_of(id) {
                turn.put(Record::Worker(seat.worker.clone()));
            }
        }
        for id in std::mem::take(&mut turn.items) {
            let Some(entry) = self.items.get(&id) else { continue };
            if entry.item.state.is_open() {
                turn.put(Record::Item(entry.item.clone()));
            } else if let Some(entry) = self.items.remove(&id) {
                turn.put(Record::Item(entry.item));
            }
        }
        for id in std::mem::take(&mut turn.reservations) {
            let Some(reservation) = self.reservations.get(&id) else { continue };
            if reservation.state.is_live() {
                turn.put(Record::Reservation(reservation.clone()));
            } else if let Some(reservation) = self.reservations.remove(&id) {
                turn.put(Record::Reservation(reservation));
            }
        }
    }

    pub(in crate::work) fn reply(&self, turn: &Turn<'_>, answer: Answer) -> Result<Reply, Rejection> {
        let gone = |resource| Rejection::NotFound { resource };
        match answer {
            Answer::Done => Ok(Reply::Done),
            Answer::Deleted => Ok(Reply::Deleted),
            Answer::Record(record) => Ok(Reply::Resource(record)),
            Answer::Workflow(published) => Ok(Reply::Workflow(published)),
            Answer::Existing(id) => {
                let entry = self.items.get(&id).ok_or_else(|| gone("work item"))?;
                Ok(Reply::Existing(Box::new(Record::Item(entry.item.clone()))))
            }
            Answer::Worker(id) => {
                let view = self.worker_view(id).ok_or_else(|| gone("worker"))?;
                Ok(Reply::Worker(Box::new(view)))
            }
            Answer::Item(id) => {
                let written = turn.written(|record| match record {
                    Record::Item(item) if item.id == id => Some(item.clone()),
                    _ => None,
                });
                let item = written.or_else(|| self.items.get(&id).map(|entry| entry.item.clone()));
                Ok(Reply::Resource(Box::new(Record::Item(item.ok_or_else(|| gone("work item"))?))))
            }
            Answer::Reservation(id) => {
                let written = turn.written(|record| match record {
                    Record::Reservation(reservation) if reservation.id == id => Some(reservation.clone()),
                    _ => None,
                });
                let reservation = written.or_else(|| self.reservations.get(&id).cloned());
                Ok(Reply::Resource(Box::new(Record::Reservation(reservation.ok_or_else(|| gone("reservation"))?))))
            }
        }
    }
}
