//! Following the engine: every output, in its order, changes the reference's picture, and every change is held against
//! what the rules allow at that moment.

use super::world::{Standing, World};
use cordboard_domain::event::Event;
use cordboard_domain::id::*;
use cordboard_domain::time::Timestamp;
use cordboard_domain::work::*;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

pub type Faults = Vec<String>;

impl World {
    /// Follows the outputs of one command and returns what was wrong with them.
    pub fn follow(&mut self, now: Timestamp, outputs: &[Output]) -> Faults {
        let mut faults = Faults::new();
        self.now = now;
        self.begun.clear();
        self.expect_worker_facts(outputs);
        for output in outputs {
            match output {
                Output::Put(record) => self.put(record, &mut faults),
                Output::Delete(gone) => self.delete(*gone),
                Output::Event(event) => self.hear(event, &mut faults),
                Output::Effect(_) => {}
            }
        }
        faults
    }

    /// Records of workers are written at the end of a command, but what they say of the person held before any offer.
    fn expect_worker_facts(&mut self, outputs: &[Output]) {
        for output in outputs {
            let Output::Put(Record::Worker(record)) = output else { continue };
            let Some(worker) = self.workers.get_mut(&record.id) else { continue };
            worker.name = record.name.clone();
            worker.attributes = record.attributes.clone();
            worker.capacity = record.capacity.clone();
            worker.connection_required = record.connection_required;
            worker.disconnected_at = record.disconnected_at;
            self.memo.forget_worker(record.id);
        }
    }

    pub fn put(&mut self, record: &Record, faults: &mut Faults) {
        match record {
            Record::Account(it) => self.account = it.clone(),
            Record::Activity(it) => self.put_activity(it),
            Record::Channel(it) => drop(self.channels.insert(it.id, it.clone())),
            Record::Queue(it) => {
                self.memo.forget_queue(it.id);
                self.queues.insert(it.id, it.clone());
            }
            Record::Schedule(it) => drop(self.schedules.insert(it.id, it.clone())),
            Record::Workflow(it) => drop(self.workflows.insert(it.id, it.clone())),
            Record::WorkflowVersion(it) => {
                self.documents.insert((it.workflow, it.version), Rc::new(it.document.clone()));
            }
            Record::Worker(it) => self.put_worker(it, faults),
            // Nothing of distribution depends on them.
            Record::EventChannel(_) | Record::Subscription(_) => {}
            Record::Item(it) => self.compare_item(it, faults),
            Record::Reservation(it) => {
                let known = self.reservations.get(&it.id);
                let same = known.is_none_or(|known| known.state == it.state || it.state == ReservationState::Offered);
                let may_be_gone = known.is_some() || !it.state.is_live() || it.state == ReservationState::Offered;
                if !same || !may_be_gone {
                    faults.push(format!("{} is written as {:?} against its events", it.id, it.state));
                }
            }
        }
    }

    fn put_activity(&mut self, activity: &Activity) {
        let before: Vec<_> = self.workers.values().map(|worker| (worker.id, self.is_available(worker))).collect();
        self.activities.insert(activity.id, activity.clone());
        self.memo.forget_all();
        self.note_newly_available(before);
    }

    /// Idleness counts from the moment of becoming available.
    fn note_newly_available(&mut self, before: Vec<(WorkerId, bool)>) {
        for (id, was_available) in before {
            let is_available = self.workers.get(&id).is_some_and(|worker| self.is_available(worker));
            if let Some(standing) = self.standing.get_mut(&id).filter(|_| !was_available && is_available) {
                standing.idle_since = self.now;
            }
        }
    }

    fn put_worker(&mut self, record: &Worker, faults: &mut Faults) {
        let Some(worker) = self.workers.get(&record.id) else {
            self.standing.insert(record.id, Standing { idle_since: self.now, misses: 0 });
            self.workers.insert(record.id, record.clone());
            return;
        };
        if worker.activity != record.activity || worker.reachable != record.reachable {
            faults.push(format!("{} changed without an event", record.name));
        }
        let standing = Standing { idle_since: record.idle_since, misses: record.misses };
        if self.standing.get(&record.id) != Some(&standing) {
            let expected = self.standing.get(&record.id);
            faults.push(format!("{} is written with {standing:?}, expected {expected:?}", record.name));
        }
    }

    fn delete(&mut self, gone: Gone) {
        match gone {
            Gone::Activity(id) => drop(self.activities.remove(&id)),
            Gone::Channel(id) => drop(self.channels.remove(&id)),
            Gone::Queue(id) => drop(self.queues.remove(&id)),
            Gone::Schedule(id) => drop(self.schedules.remove(&id)),
            Gone::Workflow(id) => drop(self.workflows.remove(&id)),
            Gone::EventChannel(_) | Gone::Subscription(_) => {}
            Gone::Worker(id) => drop(self.workers.remove(&id)),
        }
    }

    /// Once written, an item must look as the reference worked it out.
    fn compare_item(&mut self, record: &Item, faults: &mut Faults) {
        let Some(item) = self.items.get_mut(&record.id) else {
            if record.state.is_open() {
                faults.push(format!("{} is written as open after it ended", record.id));
            }
            return;
        };
        item.wrap_up_until = record.wrap_up_until;
        if item.waiting_since != record.waiting_since {
            let expected = item.waiting_since;
            faults.push(format!("{} waits since {:?}, expected {expected:?}", record.id, record.waiting_since));
        }
        if item.expires_at != record.expires_at {
            let expected = item.expires_at;
            faults.push(format!("{} expires at {}, expected {expected}", record.id, record.expires_at));
        }
        let now = self.now;
        let live = |(worker, until): (WorkerId, Timestamp)| (until > now).then_some((worker, until));
        let told = record.declines.iter().map(|it| (it.worker, it.until)).filter_map(live).collect::<BTreeMap<_, _>>();
        item.declines.retain(|_, until| *until > now);
        let callback = record.declines.iter().filter(|it| it.until > now && it.by_callback);
        let callback: BTreeSet<_> = callback.map(|it| it.worker).collect();
        item.declined_by_callback.retain(|worker| item.declines.contains_key(worker));
        if callback != item.declined_by_callback {
            let expected = &item.declined_by_callback;
            faults.push(format!("{} is declined by callbacks for {callback:?}, expected {expected:?}", record.id));
        }
        if told != item.declines {
            faults.push(format!("{} is declined by {told:?}, expected {:?}", record.id, item.declines));
        }
    }

    fn hear(&mut self, event: &Event, faults: &mut Faults) {
        if event.sequence != self.sequence + 1 {
            faults.push(format!("event {} follows {}: {}", event.sequence, self.sequence, event.event_type));
        }
        self.sequence = event.sequence;
        let Ok(data) = serde_json::from_str::<Value>(event.data.get()) else {
            faults.push(format!("{} carries no JSON", event.event_type));
            return;
        };
        let (resource, detail) = (&data["resource"], &data["detail"]);
        self.by_callback = data["actor"]["kind"] == "callback";
        match event.event_type.split_once('.') {
            Some(("work_item" | "workflow", _)) if event.subject.starts_with("itm_") => {
                self.hear_item(event, resource, detail, faults);
            }
            Some(("reservation", _)) => self.hear_reservation(event, resource, faults),
            Some(("worker", what)) => self.hear_worker(what, &event.subject, detail, faults),
            Some(_) | None => {}
        }
    }

    fn hear_worker(&mut self, what: &str, subject: &str, detail: &Value, faults: &mut Faults) {
        let Ok(id) = WorkerId::parse(subject) else { return };
        self.memo.forget_worker(id);
        let before: Vec<_> = self.workers.get(&id).map(|worker| (id, self.is_available(worker))).into_iter().collect();
        let settings = &self.account.settings;
        let (limit, miss_activity) = (settings.miss_limit, settings.miss_activity);
        let Some(worker) = self.workers.get_mut(&id) else { return };
        match what {
            "activity_changed" => {
                let to = detail["to"].as_str().and_then(|text| ActivityId::parse(text).ok());
                if let Some(to) = to {
                    worker.activity = to;
                }
                if detail["why"] == "missed" {
                    let misses = self.standing.get(&id).map_or(0, |standing| standing.misses);
                    if to != Some(miss_activity) || limit == 0 || misses < limit {
                        faults.push(format!("{id} was moved after {misses} misses of {limit}"));
                    }
                }
            }
            // From here on no step can name it, though its record is deleted at the end of the command.
            "deleted" => drop(self.workers.remove(&id)),
            "reachable" => worker.reachable = true,
            "unreachable" => worker.reachable = false,
            _ => {}
        }
        self.note_newly_available(before);
        if let Some(standing) = self.standing.get_mut(&id).filter(|_| detail["why"] == "missed") {
            standing.misses = 0;
            self.to_move.remove(&id);
        }
    }
}
