//! Workers: creating, changing and removing them, their activity and their presence. Accepted work is untouched by
//! anything here.

use super::directory::{check_attributes, check_limit, check_range, check_revision, conflict};
use super::{Answer, Engine, Kind, Turn};
use crate::id::*;
use crate::limit::*;
use crate::work::matching::floor::{ChannelExclusion, Seat, Slot};
use crate::work::timer::Timer;
use crate::work::*;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;

impl Engine {
    pub(super) fn create_worker(&mut self, turn: &mut Turn<'_>, new: NewWorker) -> Result<Answer, Rejection> {
        self.check_name(Kind::Worker, &new.name, None)?;
        check_attributes(&new.attributes)?;
        check_limit("workers", self.floor.len(), WORKERS_MAX)?;
        let activity = match &new.activity {
            Some(reference) => self.resolve_activity(reference, "/activity")?,
            None => self.account.settings.default_activity,
        };
        self.check_capacities(&new.capacity)?;
        let worker = Worker {
            id: WorkerId(self.fresh_id(turn.now)),
            name: new.name,
            attributes: new.attributes,
            activity,
            activity_since: turn.now,
            capacity: new.capacity,
            misses: 0,
            idle_since: turn.now,
            connection_required: new.connection_required,
            // Nobody has connected yet, whether it matters now or when a connection is required later.
            disconnected_at: Some(turn.now),
            reachable: !new.connection_required,
            stamp: Stamp::new(turn.now),
        };
        let id = worker.id;
        turn.put(Record::Worker(worker.clone()));
        let slot = self.seat_worker(worker);
        self.emit_worker(turn, "worker.created", id, None);
        turn.freed.push(slot);
        Ok(Answer::Worker(id))
    }

    /// Puts a worker on the floor, new or recovered; its reservations are counted by the caller.
    pub(in crate::work) fn seat_worker(&mut self, worker: Worker) -> Slot {
        self.config.set_name(Kind::Worker, None, &worker.name, worker.id.0);
        let activity = self.config.activities.get(&worker.activity);
        let seat = Seat {
            activity: activity.map_or_else(|| Arc::from(""), |activity| Arc::from(activity.name.as_str())),
            activity_available: activity.is_some_and(|activity| activity.available),
            load: vec![0; self.config.channels.len()],
            capacity: self.capacities(&worker.capacity),
            held: 0,
            reservations: Vec::new(),
            worker,
        };
        self.floor.seat_worker(seat)
    }

    fn check_capacities(&self, capacity: &BTreeMap<String, u32>) -> Result<(), Rejection> {
        for (channel, number) in capacity {
            let pointer = format!("/capacity/{channel}");
            self.resolve_channel(channel, &pointer)?;
            check_range(&pointer, *number, 0, CAPACITY_MAX)?;
        }
        Ok(())
    }

    fn capacities(&self, own: &BTreeMap<String, u32>) -> Vec<u32> {
        let capacity = |entry: &super::ChannelEntry| match own.get(&*entry.name) {
            _ if entry.deleted => 0,
            Some(own) => *own,
            None => entry.channel.default_capacity,
        };
        self.config.channels.iter().map(capacity).collect()
    }

    /// Works out all capacities again, after channels or exclusions have changed.
    pub(in crate::work) fn refresh_capacities(&mut self, turn: &mut Turn<'_>) {
        let resolve = |rule: &Exclusion| {
            Some(ChannelExclusion {
                while_channel: self.config.channel_number(&rule.while_channel)?,
                channel: self.config.channel_number(&rule.channel)?,
                capacity: rule.capacity,
            })
        };
        let exclusions = self.account.settings.exclusions.iter().filter_map(resolve);
        let exclusions = exclusions.filter(|_| !self.planted.has(Plant::ExclusionForgotten)).collect();
        let channels = self.config.channels.len();
        let slots: Vec<Slot> = self.floor.iter().map(|(slot, _)| slot).collect();
        for &slot in &slots {
            let Some(seat) = self.floor.seat(slot) else { continue };
            let capacity = self.capacities(&seat.worker.capacity);
            self.floor.change(slot, |seat| {
                seat.capacity = capacity;
                seat.load.resize(channels, 0);
            });
        }
        self.floor.set_channels(channels, exclusions);
        turn.freed.extend(slots);
    }

    pub(super) fn update_worker(
        &mut self,
        turn: &mut Turn<'_>,
        id: WorkerId,
        change: WorkerChange,
        expected: Expected,
    ) -> Result<Answer, Rejection> {
        let slot = self.worker_slot(id)?;
        let Some(seat) = self.floor.seat(slot) else { return Err(Rejection::NotFound { resource: "worker" }) };
        check_revision(&seat.worker.stamp, expected)?;
        if let Some(name) = &change.name {
            self.check_name(Kind::Worker, name, Some(&seat.worker.name))?;
        }
        if let Some(attributes) = &change.attributes {
            check_attributes(attributes)?;
        }
        if let Some(capacity) = &change.capacity {
            self.check_capacities(capacity)?;
        }
        let activity = match &change.activity {
            Some(reference) => Some(self.resolve_activity(reference, "/activity")?),
            None => None,
        };

        self.touch_worker(turn, slot);
        let described = change.name.is_some()
            || change.attributes.is_some()
            || change.capacity.is_some()
            || change.connection_required.is_some();
        if let Some(name) = &change.name {
            let old = self.floor.seat(slot).map(|seat| seat.worker.name.clone());
            self.config.set_name(Kind::Worker, old.as_deref(), name, id.0);
        }
        let capacity = change.capacity.as_ref().map(|own| self.capacities(own));
        let facts_changed = change.name.is_some() || change.attributes.is_some();
        let apply = |seat: &mut Seat| {
            if let Some(name) = change.name {
                seat.worker.name = name;
            }
            if let Some(attributes) = change.attributes {
                seat.worker.attributes = attributes;
            }
            if let (Some(own), Some(capacity)) = (change.capacity, capacity) {
                seat.worker.capacity = own;
                seat.capacity = capacity;
            }
        };
        if !facts_changed || self.planted.has(Plant::AttributesNotReindexed) {
            self.floor.change(slot, apply);
        } else {
            self.floor.change_facts(slot, apply);
        }
        if let Some(required) = change.connection_required {
            self.require_connection(turn, slot, required);
        }
        if described {
            self.emit_worker(turn, "worker.updated", id, None);
        }
        if let Some(activity) = activity {
            self.move_to_activity(turn, slot, activity, "requested");
            if change.reject_offers && self.floor.seat(slot).is_some_and(|seat| !seat.activity_available) {
                self.reject_offers_of(turn, slot);
            }
        }
        turn.freed.push(slot);
        Ok(Answer::Worker(id))
    }

    pub(super) fn delete_worker(
        &mut self,
        turn: &mut Turn<'_>,
        id: WorkerId,
        expected: Expected,
    ) -> Result<Answer, Rejection> {
        let slot = self.worker_slot(id)?;
        let Some(seat) = self.floor.seat(slot) else { return Err(Rejection::NotFound { resource: "worker" }) };
        check_revision(&seat.worker.stamp, expected)?;
        if !seat.reservations.is_empty() {
            let message = "the worker has live reservations; complete, reject or transfer them first";
            return Err(conflict("worker_has_work", message));
        }
        let (name, lost) = (seat.worker.name.clone(), seat.worker.disconnected_at);
        self.emit_worker(turn, "worker.deleted", id, None);
        let grace = self.account.settings.presence_grace_s;
        self.timers.clear(lost.map(|at| at.plus_seconds(grace)), Timer::Presence(id));
        self.config.drop_name(Kind::Worker, &name);
        self.release_personal(turn, id);
        self.floor.unseat(slot);
        turn.delete(Gone::Worker(id));
        Ok(Answer::Deleted)
    }

    /// The only place where a worker's activity changes.
    pub(super) fn move_to_activity(&mut self, turn: &mut Turn<'_>, slot: Slot, to: ActivityId, why: &str) {
        let Some(activity) = self.config.activities.get(&to) else { return };
        let (name, available) = (Arc::<str>::from(activity.name.as_str()), activity.available);
        let Some(seat) = self.floor.seat(slot) else { return };
        let (id, from) = (seat.worker.id, seat.worker.activity);
        if from == to {
            return;
        }
        self.touch_worker(turn, slot);
        let now = turn.now;
        self.floor.change_facts(slot, |seat| {
            let was_available = seat.available();
            seat.worker.activity = to;
            seat.worker.activity_since = now;
            seat.activity = name;
            seat.activity_available = available;
            if !was_available && seat.available() {
                seat.worker.idle_since = now;
            }
        });
        self.emit_worker(turn, "worker.activity_changed", id, Some(json!({"from": from, "to": to, "why": why})));
        self.drop_direct_transfers_if_away(turn, slot);
        turn.freed.push(slot);
    }

    fn require_connection(&mut self, turn: &mut Turn<'_>, slot: Slot, required: bool) {
        self.floor.change(slot, |seat| seat.worker.connection_required = required);
        if !required {
            self.set_reachable(turn, slot, true);
        } else if self.floor.seat(slot).is_some_and(|seat| seat.worker.disconnected_at.is_some()) {
            self.set_reachable(turn, slot, false);
        }
    }

    pub(super) fn set_connection(
        &mut self,
        turn: &mut Turn<'_>,
        id: WorkerId,
        connected: bool,
    ) -> Result<Answer, Rejection> {
        let slot = self.worker_slot(id)?;
        let Some(seat) = self.floor.seat(slot) else { return Err(Rejection::NotFound { resource: "worker" }) };
        let (lost, required) = (seat.worker.disconnected_at, seat.worker.connection_required);
        let grace = self.account.settings.presence_grace_s;
        match (lost, connected) {
            (None, false) => {
                self.touch_worker(turn, slot);
                let now = turn.now;
                self.floor.change(slot, |seat| seat.worker.disconnected_at = Some(now));
                if required {
                    self.timers.set(now.plus_seconds(grace), Timer::Presence(id));
                }
            }
            (Some(at), true) => {
                self.touch_worker(turn, slot);
                self.timers.clear(Some(at.plus_seconds(grace)), Timer::Presence(id));
                self.floor.change(slot, |seat| seat.worker.disconnected_at = None);
                self.set_reachable(turn, slot, true);
            }
            (None, true) | (Some(_), false) => {}
        }
        Ok(Answer::Worker(id))
    }

    /// The grace period is another: connections that are lost now end by the new one.
    pub(in crate::work) fn rearm_presence(&mut self, old_grace_s: u32) {
        let grace_s = self.account.settings.presence_grace_s;
        let lost = self.floor.iter().filter_map(|(_, seat)| {
            let at =
                seat.worker.disconnected_at.filter(|_| seat.worker.connection_required && seat.worker.reachable)?;
            Some((seat.worker.id, at))
        });
        for (id, at) in lost.collect::<Vec<_>>() {
            self.timers.clear(Some(at.plus_seconds(old_grace_s)), Timer::Presence(id));
            self.timers.set(at.plus_seconds(grace_s), Timer::Presence(id));
        }
    }

    /// The grace period of a lost connection is over.
    pub(super) fn presence_lost(&mut self, turn: &mut Turn<'_>, id: WorkerId) {
        let Some(slot) = self.floor.slot(id) else { return };
        let lost = |seat: &Seat| seat.worker.connection_required && seat.worker.disconnected_at.is_some();
        if self.floor.seat(slot).is_some_and(lost) && !self.planted.has(Plant::PresenceForgotten) {
            self.set_reachable(turn, slot, false);
        }
    }

    fn set_reachable(&mut self, turn: &mut Turn<'_>, slot: Slot, reachable: bool) {
        let Some(seat) = self.floor.seat(slot) else { return };
        if seat.worker.reachable == reachable {
            return;
        }
        let id = seat.worker.id;
        self.touch_worker(turn, slot);
        let now = turn.now;
        self.floor.change(slot, |seat| {
            seat.worker.reachable = reachable;
            if seat.available() {
                seat.worker.idle_since = now;
            }
        });
        self.emit_worker(turn, if reachable { "worker.reachable" } else { "worker.unreachable" }, id, None);
        self.drop_direct_transfers_if_away(turn, slot);
        turn.freed.push(slot);
    }
}
