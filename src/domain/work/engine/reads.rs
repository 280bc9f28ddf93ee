//! What others may ask of the engine without changing anything.

use super::{Engine, Kind};
use crate::event_channel::{EventChannel, Subscription};
use crate::id::*;
use crate::work::*;

impl Engine {
    pub fn worker(&self, id: WorkerId) -> Option<WorkerView> {
        self.worker_view(id)
    }

    /// A worker by id or name.
    pub fn find_worker(&self, reference: &str) -> Option<WorkerView> {
        let id = self.config.find(Kind::Worker, &Reference(reference.to_owned())).map(WorkerId)?;
        self.worker_view(id)
    }

    pub fn workers(&self) -> impl Iterator<Item = WorkerView> + '_ {
        self.floor.iter().filter_map(|(_, seat)| self.worker_view(seat.worker.id))
    }

    /// All workers, in no order.
    pub fn worker_ids(&self) -> Vec<WorkerId> {
        self.floor.iter().map(|(_, seat)| seat.worker.id).collect()
    }

    /// Workers that belong to a queue, whatever they do at the moment.
    pub fn queue_members(&self, queue: QueueId) -> Vec<WorkerId> {
        let Some(entry) = self.config.queues.get(&queue) else { return Vec::new() };
        let members = self.floor.predicates.selected(entry.members);
        let slots = members.into_iter().flatten();
        slots.filter_map(|slot| self.floor.seat(slot)).map(|seat| seat.worker.id).collect()
    }

    pub fn queue_named(&self, reference: &str) -> Option<QueueId> {
        self.config.find(Kind::Queue, &Reference(reference.to_owned())).map(QueueId)
    }

    pub fn event_channel(&self, id: EventChannelId) -> Option<&EventChannel> {
        self.config.event_channels.get(&id)
    }

    pub fn event_channel_named(&self, reference: &str) -> Option<EventChannelId> {
        self.config.find(Kind::EventChannel, &Reference(reference.to_owned())).map(EventChannelId)
    }

    /// All event channels, the oldest first.
    pub fn event_channels(&self) -> impl DoubleEndedIterator<Item = &EventChannel> {
        self.config.event_channels.values()
    }

    pub fn subscription(&self, id: SubscriptionId) -> Option<&Subscription> {
        self.config.subscriptions.get(&id)
    }

    /// All subscriptions, the oldest first.
    pub fn subscriptions(&self) -> impl DoubleEndedIterator<Item = &Subscription> {
        self.config.subscriptions.values()
    }

    /// Whether a worker holds or is offered an item.
    pub fn has_reservation(&self, worker: WorkerId, item: ItemId) -> bool {
        let live = self.items.get(&item).map_or(&[][..], |entry| &entry.live);
        live.iter().filter_map(|id| self.reservations.get(id)).any(|reservation| reservation.worker == worker)
    }

    pub fn reservation(&self, id: ReservationId) -> Option<&Reservation> {
        self.reservations.get(&id)
    }
}
