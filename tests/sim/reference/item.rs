//! Items as their events tell of them: states, places, ages and transfers, each change held against the rules.

use super::follow::Faults;
use super::logic::{self, Facts};
use super::world::{Ask, Handover, Held, World};
use cordboard_domain::event::Event;
use cordboard_domain::id::*;
use cordboard_domain::time::Timestamp;
use cordboard_domain::work::*;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

impl World {
    pub fn hear_item(&mut self, event: &Event, resource: &Value, detail: &Value, faults: &mut Faults) {
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
        let was_in = item.queue;
        item.queue = resource["queue"].as_str().and_then(|text| QueueId::parse(text).ok());
        if let Some(workflow) = resource["workflow"].as_str().and_then(|text| WorkflowId::parse(text).ok()) {
            item.workflow = workflow;
        }
        item.version = resource["workflow_version"].as_u64().unwrap_or_default() as u32;
        match event.event_type {
            "workflow.rule_matched" => {
                item.ask = None;
                item.wait_until = None;
                (item.asking, item.request) = (None, Value::Null);
                self.check_rule(id, resource["rule"].as_str(), faults);
            }
            "workflow.step_entered" => {
                item.ask = None;
                item.wait_until = detail["until"].as_str().and_then(|text| Timestamp::parse(text).ok());
                item.asking = detail["request"].as_str().and_then(|text| RequestId::parse(text).ok());
                self.begun.extend(detail["request"].as_str().map(str::to_owned));
                self.check_skip(id, was_in, detail["skipped"].as_str(), faults);
            }
            "workflow.request_answered" | "workflow.request_failed" => self.request_ended(event, id, detail, faults),
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
                item.asking = None;
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
            declined_by_callback: BTreeSet::new(),
            ask: None,
            wait_until: None,
            asking: None,
            request: Value::Null,
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
            sys: serde_json::json!({"channel": item.channel, "priority": item.priority, "request": item.request}),
        }
    }

    /// A route is skipped when its condition says so at this moment, or when it is for a worker that nobody named.
    /// The item itself counts as waiting in a queue in which it already was.
    fn check_skip(&self, id: ItemId, was_in: Option<QueueId>, told: Option<&str>, faults: &mut Faults) {
        let (Some(item), Some(ask)) = (self.items.get(&id), self.ask_of(id)) else { return };
        let document = self.document(item);
        let step = item.step.as_deref().and_then(|step| document.as_deref()?.pointer(step));
        let Some(route) = step.and_then(|step| step.get("route")) else { return };
        let queue = |it: &Held| if it.id == id { was_in } else { it.queue };
        let waits = |it: &&Held| queue(it) == ask.queue && it.state == ItemState::Pending;
        let members = || self.workers.values().filter(|worker| self.is_member(&ask, worker));
        let mut facts = self.item_facts(item);
        facts.sys["queue"] = serde_json::json!({
            "waiting": self.items.values().filter(waits).count(),
            "available": members().filter(|worker| self.is_available(worker)).count(),
            "eligible": members().filter(|worker| self.bar_of_worker(item, &ask, worker).is_none()).count(),
        });
        let expected = if route["known_worker_only"] == true && ask.prefer.is_none() {
            Some("prefer_names_nobody")
        } else {
            route.get("skip_if").filter(|skip_if| logic::holds(skip_if, &facts)).map(|_| "skip_if")
        };
        if told != expected {
            faults.push(format!("{id} enters a step with {told:?}, expected {expected:?} with {}", facts.sys));
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
                item.asking = None;
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
                (item.asking, item.wait_until) = (None, None);
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
