//! Reservations: the decision behind every offer is made again by brute force, and every answer is followed.

use super::follow::Faults;
use super::world::{Held, World};
use cordboard_domain::event::Event;
use cordboard_domain::id::*;
use cordboard_domain::time::Timestamp;
use cordboard_domain::work::*;
use serde_json::Value;

impl World {
    pub fn hear_reservation(&mut self, event: &Event, resource: &Value, faults: &mut Faults) {
        let Ok(id) = ReservationId::parse(&event.subject) else { return };
        let Ok(state) = serde_json::from_value::<ReservationState>(resource["state"].clone()) else { return };
        if self.ended.contains(&id.0) {
            faults.push(format!("{id} has ended and is heard of again: {}", event.event_type));
            return;
        }
        if event.event_type.starts_with("reservation.callback_") {
            self.hear_callback(id, state, faults);
            return;
        }
        if state == ReservationState::Offered {
            self.offered(id, resource, faults);
            return;
        }
        let Some(known) = self.reservations.get_mut(&id) else {
            faults.push(format!("{id} is not known: {}", event.event_type));
            return;
        };
        if !may_follow(known.state, state) {
            faults.push(format!("{id} goes from {:?} to {state:?}", known.state));
        }
        if state == ReservationState::TimedOut && known.expires_at > self.now {
            faults.push(format!("{id} timed out before its time"));
        }
        known.state = state;
        let (item, worker) = (known.item, known.worker);
        if !state.is_live() {
            self.reservations.remove(&id);
            self.ended.insert(id.0);
        }
        match state {
            ReservationState::Accepted => self.set_misses(worker, 0),
            ReservationState::Rejected => {
                self.set_misses(worker, 0);
                self.declined(item, worker);
            }
            ReservationState::Canceled if resource["reason"] == "assignment_callback_failed" => {
                self.declined(item, worker);
            }
            ReservationState::TimedOut => {
                self.count_miss(worker);
                self.declined(item, worker);
            }
            ReservationState::Completed if !self.holds_work(worker) => {
                if let Some(standing) = self.standing.get_mut(&worker) {
                    standing.idle_since = self.now;
                }
            }
            _ => {}
        }
    }

    fn set_misses(&mut self, worker: WorkerId, misses: u32) {
        if let Some(standing) = self.standing.get_mut(&worker) {
            standing.misses = misses;
        }
    }

    /// One miss more; a worker that is in the miss activity already stays there and its count starts anew.
    fn count_miss(&mut self, id: WorkerId) {
        let settings = &self.account.settings;
        let there = self.workers.get(&id).is_some_and(|worker| worker.activity == settings.miss_activity);
        let limit = settings.miss_limit;
        if let Some(standing) = self.standing.get_mut(&id) {
            standing.misses += 1;
            let too_many = limit > 0 && standing.misses >= limit;
            if too_many && there {
                standing.misses = 0;
            } else if too_many {
                self.to_move.insert(id);
            }
        }
    }

    /// A worker that declined is kept from the item for a while; all are let in again when, of at least two decliners,
    /// nobody else is left to ask.
    fn declined(&mut self, id: ItemId, worker: WorkerId) {
        let until = self.now.plus_seconds(self.account.settings.reoffer_after_s);
        let (now, by_callback) = (self.now, self.by_callback);
        let Some(item) = self.items.get_mut(&id) else { return };
        item.declines.retain(|_, until| *until > now);
        item.declines.insert(worker, until);
        item.declined_by_callback.remove(&worker);
        if by_callback {
            item.declined_by_callback.insert(worker);
        }
        item.declined_by_callback.retain(|worker| item.declines.contains_key(worker));
        let firm = !item.declined_by_callback.is_empty();
        let decliners = item.declines.len();
        let direct = item.handover.as_ref().is_some_and(|handover| handover.to_worker.is_some());
        if let Some(ask) = &mut item.ask {
            // Its decline ends the wait for the preferred worker.
            if ask.prefer == Some(worker) {
                ask.prefer_until = None;
            }
        }
        if firm || direct || decliners < 2 || self.offers_of(id) > 0 {
            return;
        }
        let Some(item) = self.items.get(&id) else { return };
        let Some(ask) = &item.ask else { return };
        let left = self.workers.values().any(|worker| self.bar_of_worker(item, ask, worker).is_none());
        if !left && let Some(item) = self.items.get_mut(&id) {
            item.declines.clear();
        }
    }

    fn offered(&mut self, id: ReservationId, resource: &Value, faults: &mut Faults) {
        let time = |field: &str| resource[field].as_str().and_then(|text| Timestamp::parse(text).ok());
        let item = resource["work_item"].as_str().and_then(|text| ItemId::parse(text).ok());
        let worker = resource["worker"].as_str().and_then(|text| WorkerId::parse(text).ok());
        let (Some(item), Some(worker), Some(expires_at)) = (item, worker, time("expires_at")) else {
            faults.push(format!("{id} names no item, worker or end"));
            return;
        };
        self.judge_offer(item, worker, expires_at, faults);
        if self.is_asked_about(item) {
            self.begun.push(id.to_string());
        }
        let place = |field: &str| resource[field].as_str().unwrap_or_default();
        let reservation = Reservation {
            id,
            item,
            worker,
            state: ReservationState::Offered,
            queue: QueueId::parse(place("queue")).ok(),
            workflow: WorkflowId::parse(place("workflow")).unwrap_or(WorkflowId(0)),
            channel: place("channel").into(),
            reason: None,
            offered_at: self.now,
            expires_at,
            resolved_at: None,
            wrapping_at: None,
            stamp: Stamp::new(self.now),
        };
        self.reservations.insert(id, reservation);
    }

    fn place_text(&self, item: &Held) -> String {
        let queue = item.ask.as_ref().and_then(|ask| ask.queue).and_then(|queue| self.queues.get(&queue));
        let queue = queue.map(|it| format!("{} {:?} {}", it.name, it.order, it.priority_per_minute_milli));
        format!("{} (priority {}, since {:?}, queue {queue:?})", item.id, item.priority, item.waiting_since)
    }

    /// The offer must be of the first item for this worker, to the first worker for this item.
    fn judge_offer(&self, id: ItemId, worker: WorkerId, expires_at: Timestamp, faults: &mut Faults) {
        let (Some(item), Some(record)) = (self.items.get(&id), self.workers.get(&worker)) else {
            faults.push(format!("{id} is offered to {worker}, and one of them is not there"));
            return;
        };
        // A wait for a preferred worker that is over by the clock may still stand until its timer has fired.
        let between = self
            .items
            .values()
            .any(|item| item.ask.as_ref().and_then(|ask| ask.prefer_until).is_some_and(|until| until <= self.now));
        if let Some(bar) = self.bar(item, record) {
            faults.push(format!("{id} is offered to {}: {bar:?}", record.name));
            return;
        }
        let timeout_s = item.ask.as_ref().map_or(0, |ask| ask.reservation_timeout_s);
        if expires_at != self.now.plus_seconds(timeout_s) {
            faults.push(format!("{id} is offered until {expires_at}, not for {timeout_s} s"));
        }
        if between {
            return;
        }
        if let Some(first) = self.first_item(record).filter(|first| first.id != id) {
            let (one, other) = (self.place_text(item), self.place_text(first));
            faults.push(format!("{} is offered {one}, but first comes {other}", record.name));
        }
        let first = self.eligible_workers(item).first().copied();
        if first != Some(worker) {
            let name = first.and_then(|id| self.workers.get(&id)).map(|worker| worker.name.as_str());
            faults.push(format!("{id} is offered to {}, but {name:?} comes first", record.name));
        }
    }
}

fn may_follow(from: ReservationState, to: ReservationState) -> bool {
    use ReservationState::*;
    let ways = [
        (Offered, &[Accepted, Rejected, TimedOut, Rescinded, Canceled][..]),
        (Accepted, &[Wrapping, Completed]),
        (Wrapping, &[Completed]),
    ];
    ways.iter().any(|(start, ends)| *start == from && ends.contains(&to))
}
