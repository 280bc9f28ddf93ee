//! Following the engine: every output, in its order, changes the reference's picture, and every change is held against
//! what the rules allow at that moment.

use super::logic::{self, Facts};
use super::world::{Ask, Handover, Held, Standing, World};
use cordboard_domain::event::Event;
use cordboard_domain::id::*;
use cordboard_domain::time::Timestamp;
use cordboard_domain::work::*;
use serde_json::Value;
use std::collections::BTreeMap;
use std::rc::Rc;

pub type Faults = Vec<String>;

impl World {
    /// Follows the outputs of one command and returns what was wrong with them.
    pub fn follow(&mut self, now: Timestamp, outputs: &[Output]) -> Faults {
        let mut faults = Faults::new();
        self.now = now;
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
        match event.event_type.split_once('.') {
            Some(("work_item" | "workflow", _)) if event.subject.starts_with("itm_") => {
                self.hear_item(event, resource, detail, faults);
            }
            Some(("reservation", _)) => self.hear_reservation(event, resource, faults),
            Some(("worker", what)) => self.hear_worker(what, &event.subject, detail, faults),
            Some(_) | None => {}
        }
    }

    fn hear_item(&mut self, event: &Event, resource: &Value, detail: &Value, faults: &mut Faults) {
        let Ok(id) = ItemId::parse(&event.subject) else { return };
        if self.ended.contains(&id.0) {
            faults.push(format!("{id} has ended and is heard of again: {}", event.event_type));
            return;
        }
        if event.event_type == "work_item.created" {
            self.create(id, resource, faults);
            return;
        }
        self.memo.forget_item(id);
        let now = self.now;
        let Some(item) = self.items.get_mut(&id) else {
            faults.push(format!("{id} is not known: {}", event.event_type));
            return;
        };
        let state: Option<ItemState> = serde_json::from_value(resource["state"].clone()).ok();
        let Some(state) = state else { return };
        if !may_follow(item.state, state, item.handover.is_some() || event.event_type == "work_item.transferred") {
            faults.push(format!("{id} goes from {:?} to {state:?}", item.state));
        }
        item.state = state;
        item.priority = resource["priority"].as_i64().unwrap_or_default();
        item.attributes = resource["attributes"].clone();
        item.step = resource["step"].as_str().map(str::to_owned);
        item.queue = resource["queue"].as_str().and_then(|text| QueueId::parse(text).ok());
        if let Some(workflow) = resource["workflow"].as_str().and_then(|text| WorkflowId::parse(text).ok()) {
            item.workflow = workflow;
        }
        item.version = resource["workflow_version"].as_u64().unwrap_or_default() as u32;
        match event.event_type {
            "workflow.rule_matched" => {
                item.ask = None;
                item.wait_until = None;
                self.check_rule(id, resource["rule"].as_str(), faults);
            }
            "workflow.step_entered" => {
                item.ask = None;
                item.wait_until = detail["until"].as_str().and_then(|text| Timestamp::parse(text).ok());
            }
            "workflow.step_timed_out" => self.step_timed_out(id, faults),
            "work_item.queued" if detail["again"].is_null() => {
                item.waiting_since.get_or_insert(now);
                let ask = self.ask_of(id);
                if ask.is_none() {
                    faults.push(format!("{id} waits, but not in a route"));
                }
                if let Some(item) = self.items.get_mut(&id) {
                    item.ask = ask;
                }
            }
            "work_item.routed" => {
                item.ask = None;
                item.wait_until = None;
                item.handover = None;
                item.declines.clear();
            }
            "work_item.assigned" => {
                item.ask = None;
                item.declines.clear();
                self.check_assigned(id, faults);
            }
            "work_item.transferred" => self.transferred(id, detail, faults),
            "work_item.completed" | "work_item.canceled" => self.end(id, resource, faults),
            _ => {}
        }
    }

    fn create(&mut self, id: ItemId, resource: &Value, faults: &mut Faults) {
        let key = resource["unique_key"].as_str().map(str::to_owned);
        if key.is_some() && self.items.values().any(|item| item.unique_key == key) {
            faults.push(format!("{id} is a second open item with the unique key {key:?}"));
        }
        let timeout_s = resource["timeout_s"].as_u64().unwrap_or_default() as u32;
        let Some(workflow) = resource["workflow"].as_str().and_then(|text| WorkflowId::parse(text).ok()) else {
            return;
        };
        let item = Held {
            id,
            workflow,
            version: resource["workflow_version"].as_u64().unwrap_or_default() as u32,
            channel: resource["channel"].as_str().unwrap_or_default().to_owned(),
            attributes: resource["attributes"].clone(),
            priority: resource["priority"].as_i64().unwrap_or_default(),
            state: ItemState::Pending,
            unique_key: key,
            timeout_s,
            expires_at: self.now.plus_seconds(timeout_s),
            step: None,
            queue: None,
            waiting_since: None,
            declines: BTreeMap::new(),
            ask: None,
            wait_until: None,
            handover: None,
            wrap_up_until: None,
        };
        let newest = self.workflows.get(&workflow).map(|workflow| workflow.version);
        if newest != Some(item.version) {
            faults.push(format!("{id} starts in version {} of {newest:?}", item.version));
        }
        self.items.insert(id, item);
    }

    /// The first rule from the top whose condition holds, else the default.
    fn check_rule(&mut self, id: ItemId, told: Option<&str>, faults: &mut Faults) {
        let Some(item) = self.items.get(&id) else { return };
        let Some(document) = self.document(item) else { return };
        let facts = self.item_facts(item);
        let rules = document["rules"].as_array().map_or(&[][..], Vec::as_slice);
        let expected = rules.iter().find(|rule| logic::holds(&rule["when"], &facts));
        let expected = expected.map_or(Some("default"), |rule| rule["name"].as_str());
        if told != expected {
            faults.push(format!("{id} is taken by the rule {told:?}, expected {expected:?}"));
        }
    }

    fn item_facts(&self, item: &Held) -> Facts {
        Facts {
            item: item.attributes.clone(),
            worker: serde_json::json!({}),
            sys: serde_json::json!({"channel": item.channel, "priority": item.priority}),
        }
    }

    /// What the item's step, or its transfer, asks for.
    fn ask_of(&self, id: ItemId) -> Option<Ask> {
        let item = self.items.get(&id)?;
        let document = self.document(item)?;
        let usual = document["reservation_timeout_s"].as_u64().unwrap_or(120) as u32;
        let handover = item.handover.as_ref().filter(|it| it.to_worker.is_some() || it.to_queue.is_some());
        if let Some(handover) = handover {
            return Some(Ask {
                queue: handover.to_queue,
                workers: None,
                order_by: Vec::new(),
                offers: 1,
                reservation_timeout_s: usual,
                prefer: None,
                prefer_until: None,
                only: handover.to_worker,
                deadline: handover.warm.then(|| self.now.plus_seconds(120)),
                closed: false,
            });
        }
        let route = document.pointer(item.step.as_deref()?)?.get("route")?;
        let queue = self.queue_named(route["queue"].as_str()?)?.id;
        let seconds = |field: &str| route[field].as_u64().map(|seconds| seconds as u32);
        let prefer = route.get("prefer").map(|prefer| logic::value(prefer, &self.item_facts(item)));
        let prefer = prefer.as_ref().and_then(Value::as_str).and_then(|name| self.worker_named(name));
        let prefer = prefer.map(|worker| worker.id);
        let only = prefer.filter(|_| route["known_worker_only"] == true);
        let keys = route["order_by"].as_array().map_or(&[][..], Vec::as_slice);
        Some(Ask {
            queue: Some(queue),
            workers: route.get("workers").cloned(),
            order_by: keys.iter().map(|key| (key["value"].clone(), key["direction"] == "desc")).collect(),
            offers: seconds("offers").unwrap_or(1),
            reservation_timeout_s: seconds("reservation_timeout_s").unwrap_or(usual),
            prefer,
            prefer_until: prefer.and(seconds("prefer_wait_s")).map(|wait| self.now.plus_seconds(wait)),
            only,
            deadline: seconds("timeout_s").map(|timeout| self.now.plus_seconds(timeout)),
            closed: false,
        })
    }

    fn step_timed_out(&mut self, id: ItemId, faults: &mut Faults) {
        let (now, open) = (self.now, self.offers_of(id) > 0);
        let Some(item) = self.items.get_mut(&id) else { return };
        match &mut item.ask {
            Some(ask) if ask.deadline.is_some_and(|at| at <= now) => {
                // A live offer is never cut short; without one the item leaves the step.
                ask.closed = true;
                ask.deadline = None;
                if !open {
                    item.ask = None;
                }
            }
            _ => faults.push(format!("{id} leaves a step whose time is not over")),
        }
    }

    fn transferred(&mut self, id: ItemId, detail: &Value, faults: &mut Faults) {
        let (now, reoffer) = (self.now, self.account.settings.reoffer_after_s);
        let worker = |field: &str| detail[field].as_str().and_then(|text| WorkerId::parse(text).ok());
        let Some(item) = self.items.get_mut(&id) else { return };
        match detail["outcome"].as_str() {
            Some("started") => {
                let Some(from) = worker("from_worker") else { return };
                let to_queue = detail["to_queue"].as_str().and_then(|text| QueueId::parse(text).ok());
                let warm = detail["warm"] == true;
                let former_since = item.waiting_since;
                item.ask = None;
                item.waiting_since = (worker("to_worker").is_some() || to_queue.is_some()).then_some(now);
                item.handover = Some(Handover { from, warm, to_worker: worker("to_worker"), to_queue, former_since });
                if !warm {
                    item.expires_at = now.plus_seconds(item.timeout_s);
                    item.declines.insert(from, now.plus_seconds(reoffer));
                }
            }
            Some("undone") => {
                let Some(handover) = item.handover.take() else { return };
                item.ask = None;
                if handover.warm {
                    item.waiting_since = handover.former_since;
                    item.declines.clear();
                    let state = item.state;
                    let kept = self.live_of_item(id).any(|it| it.worker == handover.from);
                    if state != ItemState::Assigned || !kept {
                        faults.push(format!("{id} is not its first worker's again after a transfer"));
                    }
                }
            }
            _ => item.handover = None,
        }
    }

    fn check_assigned(&mut self, id: ItemId, faults: &mut Faults) {
        let accepted = self.live_of_item(id).filter(|it| it.state == ReservationState::Accepted).count();
        let all = self.live_of_item(id).count();
        if accepted != 1 || all != 1 {
            faults.push(format!("{id} is assigned with {accepted} accepted of {all} live reservations"));
        }
        if let Some(item) = self.items.get_mut(&id) {
            item.handover = None;
        }
    }

    fn end(&mut self, id: ItemId, resource: &Value, faults: &mut Faults) {
        let live = self.live_of_item(id).count();
        if live > 0 {
            faults.push(format!("{id} ended with {live} live reservations"));
        }
        let Some(item) = self.items.remove(&id) else { return };
        if resource["reason"] == "item_timeout" && item.expires_at > self.now {
            faults.push(format!("{id} timed out before its time"));
        }
        self.ended.insert(id.0);
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

/// Whether an item may go from one state to the other; a transfer alone takes an assigned item back.
fn may_follow(from: ItemState, to: ItemState, transferred: bool) -> bool {
    use ItemState::*;
    match (from, to) {
        (one, other) if one == other => true,
        (Pending, Reserved | Canceled | Completed) => true,
        // A finish step completes or cancels an item whose offers were taken back.
        (Reserved, Pending | Assigned | Canceled | Completed) => true,
        (Assigned, Wrapping | Completed) | (Wrapping, Completed) => true,
        (Assigned, Pending) => transferred,
        _ => false,
    }
}
