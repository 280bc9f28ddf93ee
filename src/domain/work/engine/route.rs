//! Waiting in a route step: what an item asks for, its place in the waiting room, and the timers of the step.

use super::{Engine, Turn, Version, Wait};
use crate::id::*;
use crate::limit::RESERVATION_TIMEOUT_S_DEFAULT;
use crate::work::document::{Action, Op, Route};
use crate::work::matching::order::Discipline;
use crate::work::matching::ranking::OrderBy;
use crate::work::matching::waiting::ClassKey;
use crate::work::timer::Timer;
use crate::work::*;
use serde_json::{Value, json};
use std::sync::Arc;

/// The lane of items that are transferred to one worker and belong to no queue.
pub(in crate::work) const DIRECT: QueueId = QueueId(0);

/// What a wait is made of, before it is entered in the matching tables.
struct Wish {
    queue: QueueId,
    /// The worker predicate with the item's values filled in.
    residual: Value,
    order_by: OrderBy,
    only: Option<WorkerId>,
    offers: u32,
    reservation_timeout_s: u32,
}

impl Engine {
    /// Enters a route step. Returns the next line when the step is skipped.
    pub(super) fn enter_route(
        &mut self,
        turn: &mut Turn<'_>,
        id: ItemId,
        version: &Version,
        route: &Route,
    ) -> Option<super::walk::Next> {
        let Some(queue) = self.config.find(super::Kind::Queue, &Reference(route.queue.to_string())).map(QueueId) else {
            self.emit_step(turn, id, Some(json!({"skipped": "no_such_queue"})));
            return None;
        };
        if let Some(priority) = route.priority {
            self.touch_item(turn, id);
            if let Some(entry) = self.items.get_mut(&id) {
                entry.item.priority = priority;
            }
        }
        let facts = if route.reads_facts() { self.item_facts(id, version, turn.now) } else { Value::Null };
        let preferred = route.prefer.as_ref().and_then(|prefer| self.preferred_worker(prefer, &facts));
        if route.known_worker_only && preferred.is_none() {
            self.emit_step(turn, id, Some(json!({"skipped": "prefer_names_nobody"})));
            return None;
        }
        if let Some(skip_if) = &route.skip_if {
            let facts = self.with_queue_facts(turn, id, queue, route, facts.clone());
            // A condition that cannot be evaluated does not hold.
            if skip_if.truthy(&facts).unwrap_or(false) {
                self.emit_step(turn, id, Some(json!({"skipped": "skip_if"})));
                return None;
            }
        }
        let now = turn.now;
        self.change_item(turn, id, |item| {
            if item.queue != Some(queue) {
                item.entered_queue_at = Some(now);
            }
            item.queue = Some(queue);
            item.waiting_since.get_or_insert(now);
            item.place.deadline = route.timeout_s.map(|seconds| now.plus_seconds(seconds));
            item.place.preferred = preferred;
            let holds = preferred.is_some() && route.prefer_wait_s > 0 && !route.known_worker_only;
            item.place.prefer_until = holds.then(|| now.plus_seconds(route.prefer_wait_s));
        });
        self.arm_wait_over(id, Some(&facts));
        self.relist(turn, id);
        // An item that waits in vain says so from the beginning.
        let fault = self.predicate_fault(id, route, &facts);
        self.emit_step(turn, id, fault.map(|why| json!({ "matches_nobody": why })));
        self.emit_item(turn, "work_item.queued", id, None);
        Some(super::walk::Next::Rest)
    }

    /// Why no worker whatever can satisfy the step's predicate for an item that waits in it.
    fn predicate_fault(&self, id: ItemId, route: &Route, facts: &Value) -> Option<String> {
        let wait = self.items.get(&id)?.wait.as_deref()?;
        // Whoever satisfies it has not failed, and that is known already.
        let selected = self.floor.predicates.selected(wait.class.predicate)?;
        if selected.is_empty() { route.workers.as_ref()?.fault(facts) } else { None }
    }

    fn preferred_worker(&self, prefer: &crate::rule::Expression, facts: &Value) -> Option<WorkerId> {
        match prefer.evaluate(facts) {
            Ok(Value::String(text)) => self.resolve_worker(&Reference(text), "/prefer").ok(),
            Ok(_) | Err(_) => None,
        }
    }

    /// The facts of a queue, which only `skip_if` may read: they are those of the moment of entering the step.
    fn with_queue_facts(
        &mut self,
        turn: &Turn<'_>,
        id: ItemId,
        queue: QueueId,
        route: &Route,
        mut facts: Value,
    ) -> Value {
        let residual = residual_of(route, &facts);
        let channel = self.items.get(&id).and_then(|entry| self.config.channel_number(&entry.item.channel));
        let members = self.members_of(queue);
        let eligible = match (self.floor.acquire_predicate(&residual), channel) {
            (Ok(predicate), Some(channel)) => {
                let mut eligible = self.floor.eligible(members, predicate, channel);
                self.floor.predicates.release(predicate);
                self.strike_barred(turn.now, id, &mut eligible);
                eligible.len()
            }
            (Ok(predicate), None) => {
                self.floor.predicates.release(predicate);
                0
            }
            (Err(_), _) => 0,
        };
        let Some(entry) = self.config.queues.get(&queue) else { return facts };
        let longest = entry.pending.keys().next().map_or(0.0, |at| turn.now.seconds_since(*at));
        facts["sys"]["queue"] = json!({
            "name": entry.queue.name,
            "waiting": entry.pending_count,
            "available": self.floor.available_members(members),
            "eligible": eligible,
            "longest_wait_s": longest,
        });
        facts
    }

    /// Puts an item into the waiting room, with the timers of its step.
    pub(in crate::work) fn begin_wait(&mut self, turn: &mut Turn<'_>, id: ItemId) {
        self.arm_wait(id);
        self.relist(turn, id);
    }

    /// Works out what an item waits for and sets its step's timers; it is not listed yet.
    pub(in crate::work) fn arm_wait(&mut self, id: ItemId) {
        self.arm_wait_over(id, None);
    }

    /// As [`Self::arm_wait`]; `facts` are the item's as it entered its step, where they are at hand.
    fn arm_wait_over(&mut self, id: ItemId, facts: Option<&Value>) {
        let Some(wait) = self.build_wait(id, facts) else { return };
        let Some(entry) = self.items.get_mut(&id) else { return };
        let place = &entry.item.place;
        let (deadline, prefer_until, expired) = (place.deadline, place.prefer_until, place.expired);
        entry.wait = Some(Box::new(wait));
        if let Some(at) = deadline.filter(|_| !expired) {
            self.timers.set(at, Timer::Step(id));
        }
        if let Some(at) = prefer_until {
            self.timers.set(at, Timer::Prefer(id));
        }
    }

    fn build_wait(&mut self, id: ItemId, facts: Option<&Value>) -> Option<Wait> {
        let wish = self.wish(id, facts)?;
        let item = &self.items.get(&id)?.item;
        let (priority, since) = (item.priority, item.waiting_since?);
        let preferred = item.place.preferred;
        let channel = self.config.channel_number(&item.channel)?;
        let only = match wish.only {
            // A worker that is gone leaves a slot that no worker has.
            Some(worker) => Some(self.floor.slot(worker).unwrap_or(crate::work::matching::floor::Slot::MAX)),
            None => None,
        };
        // What cannot be compiled selects nobody; the document's check refuses it long before.
        let predicate = match self.floor.acquire_predicate(&wish.residual) {
            Ok(predicate) => predicate,
            Err(_) => self.floor.acquire_predicate(&Value::Bool(false)).ok()?,
        };
        let ranking = self.floor.acquire_ranking(channel, &wish.order_by);
        let class = ClassKey { queue: wish.queue, channel, predicate, ranking, only };
        Some(Wait {
            class,
            key: self.discipline(wish.queue).key(priority, since, id),
            listed: false,
            preferred,
            offers: wish.offers,
            reservation_timeout_s: wish.reservation_timeout_s,
        })
    }

    fn discipline(&self, queue: QueueId) -> Discipline {
        let plain = Discipline { order: QueueOrder::Fifo, slope_milli: 0 };
        let mut discipline = self.config.queues.get(&queue).map_or(plain, super::QueueEntry::discipline);
        if self.planted.has(Plant::LifoAsFifo) {
            discipline.order = QueueOrder::Fifo;
        }
        discipline
    }

    /// What an item wants by its transfer or by its step.
    fn wish(&self, id: ItemId, facts: Option<&Value>) -> Option<Wish> {
        let item = &self.items.get(&id)?.item;
        let version = self.version_of(id)?;
        let usual = version.document.reservation_timeout_s.unwrap_or(RESERVATION_TIMEOUT_S_DEFAULT);
        let plain = |queue, only| Wish {
            queue,
            residual: Value::Bool(true),
            order_by: OrderBy::none(),
            only,
            offers: 1,
            reservation_timeout_s: usual,
        };
        if let Some(transfer) = &item.transfer {
            if let Some(worker) = transfer.to_worker {
                return Some(plain(DIRECT, Some(worker)));
            }
            if let Some(queue) = transfer.to_queue {
                return Some(plain(queue, None));
            }
        }
        let route = route_at(&version, &item.place)?;
        let wanted = facts.is_none() && route.reads_facts();
        let made = wanted.then(|| self.facts_of(item, &version, item.place.entered_at));
        let facts = facts.or(made.as_ref()).unwrap_or(&Value::Null);
        let held = item.place.prefer_until.is_some() || route.known_worker_only;
        Some(Wish {
            queue: item.queue?,
            residual: residual_of(route, facts),
            order_by: if self.planted.has(Plant::OrderByForgotten) { OrderBy::none() } else { order_of(route, facts) },
            only: item.place.preferred.filter(|_| held),
            offers: route.offers,
            reservation_timeout_s: route.reservation_timeout_s.unwrap_or(usual),
        })
    }

    /// Lists an item that wants an offer, if it is not listed yet.
    pub(in crate::work) fn relist(&mut self, turn: &mut Turn<'_>, id: ItemId) {
        self.list(id);
        turn.stirred.push(id);
    }

    /// Puts an item in its place in the waiting room.
    pub(in crate::work) fn list(&mut self, id: ItemId) {
        let open = self.open_offers(id);
        let Some(entry) = self.items.get(&id) else { return };
        let Some(wait) = entry.wait.as_deref() else { return };
        if wait.listed || entry.item.place.expired || open >= wait.offers {
            return;
        }
        let discipline = self.discipline(wait.class.queue);
        let key = discipline.key(entry.item.priority, entry.item.waiting_since.unwrap_or_default(), id);
        let members = self.members_of(wait.class.queue);
        self.waiting.insert(wait.class, key, discipline, members);
        if let Some(wait) = self.items.get_mut(&id).and_then(|entry| entry.wait.as_deref_mut()) {
            wait.key = key;
            wait.listed = true;
        }
    }

    /// Takes an item out of the waiting room; its stay in the step goes on.
    pub(in crate::work) fn unlist(&mut self, id: ItemId) {
        let Some(wait) = self.items.get_mut(&id).and_then(|entry| entry.wait.as_deref_mut()) else { return };
        if wait.listed {
            wait.listed = false;
            self.waiting.remove(wait.class, wait.key);
        }
    }

    /// Ends an item's stay in its step.
    pub(in crate::work) fn leave_wait(&mut self, _turn: &mut Turn<'_>, id: ItemId) {
        self.unlist(id);
        let Some(entry) = self.items.get_mut(&id) else { return };
        let place = &entry.item.place;
        let (deadline, prefer_until) = (place.deadline, place.prefer_until);
        let wait = entry.wait.take();
        entry.item.place.deadline = None;
        entry.item.place.prefer_until = None;
        self.timers.clear(deadline, Timer::Step(id));
        self.timers.clear(prefer_until, Timer::Prefer(id));
        if let Some(wait) = wait {
            self.floor.predicates.release(wait.class.predicate);
            self.floor.release_ranking(wait.class.ranking);
        }
    }

    /// Works out anew what a waiting item asks for, after its attributes, priority or held worker changed.
    pub(super) fn refresh_wait(&mut self, turn: &mut Turn<'_>, id: ItemId) {
        if self.items.get(&id).is_none_or(|entry| entry.wait.is_none()) {
            return;
        }
        self.unlist(id);
        let fresh = self.build_wait(id, None);
        let Some(entry) = self.items.get_mut(&id) else { return };
        if let (Some(fresh), Some(wait)) = (fresh, entry.wait.as_deref_mut()) {
            let old = std::mem::replace(wait, fresh);
            self.floor.predicates.release(old.class.predicate);
            self.floor.release_ranking(old.class.ranking);
        }
        self.relist(turn, id);
    }

    /// The item has waited for its preferred worker for as long as it may.
    pub(super) fn prefer_ended(&mut self, turn: &mut Turn<'_>, id: ItemId) {
        let held = self.items.get(&id).and_then(|entry| entry.item.place.prefer_until);
        if held.is_none() {
            return;
        }
        self.timers.clear(held, Timer::Prefer(id));
        self.touch_item(turn, id);
        if let Some(entry) = self.items.get_mut(&id) {
            entry.item.place.prefer_until = None;
        }
        self.refresh_wait(turn, id);
    }

    /// A route's time is up, or a wait is over.
    pub(super) fn step_ended(&mut self, turn: &mut Turn<'_>, id: ItemId) {
        let Some(entry) = self.items.get(&id) else { return };
        let (waits, transferred) = (entry.wait.is_some(), entry.item.transfer.is_some());
        if entry.item.place.awaits_answer() {
            self.request_lost(turn, id);
            return;
        }
        if !waits {
            let line = entry.item.place.step;
            self.walk(turn, id, line + 1);
            return;
        }
        if !transferred || self.route_of(id).is_some() {
            self.emit_item(turn, "workflow.step_timed_out", id, None);
        }
        self.touch_item(turn, id);
        if let Some(entry) = self.items.get_mut(&id) {
            entry.item.place.deadline = None;
        }
        if self.open_offers(id) > 0 && !self.planted.has(Plant::StepTimeoutCutsOffer) {
            // A live offer is never cut short: no new ones, and on when the last resolves unaccepted.
            if let Some(entry) = self.items.get_mut(&id) {
                entry.item.place.expired = true;
            }
            self.unlist(id);
            return;
        }
        self.cancel_offers(turn, id, "step_timeout");
        self.next_step(turn, id);
    }

    /// Leaves a step in which nobody accepted.
    pub(super) fn next_step(&mut self, turn: &mut Turn<'_>, id: ItemId) {
        self.leave_wait(turn, id);
        let Some(entry) = self.items.get(&id) else { return };
        if entry.item.transfer.as_ref().is_some_and(|it| it.to_worker.is_some() || it.to_queue.is_some()) {
            self.transfer_failed(turn, id);
            return;
        }
        let line = entry.item.place.step;
        self.walk(turn, id, line + 1);
    }

    /// The route step that an item is in, if it waits by its workflow and not by a transfer.
    pub(in crate::work) fn route_of(&self, id: ItemId) -> Option<Route> {
        let item = &self.items.get(&id)?.item;
        if item.transfer.as_ref().is_some_and(|it| it.to_worker.is_some() || it.to_queue.is_some()) {
            return None;
        }
        route_at(self.version_of(id)?.as_ref(), &item.place).cloned()
    }
}

/// The route that stands at a place of a document.
pub(in crate::work) fn route_at<'a>(version: &'a Version, place: &Place) -> Option<&'a Route> {
    match &version.document.program(place.rule)?.lines.get(place.step as usize)?.op {
        Op::Step(Action::Route(route)) => Some(route),
        Op::Step(_) | Op::Jump { .. } | Op::Unless { .. } => None,
    }
}

/// A route's worker predicate with the item's values filled in. One that cannot be evaluated selects nobody.
pub(in crate::work) fn residual_of(route: &Route, facts: &Value) -> Value {
    match &route.workers {
        Some(workers) => workers.fill(facts).unwrap_or(Value::Bool(false)),
        None => Value::Bool(true),
    }
}

pub(in crate::work) fn order_of(route: &Route, facts: &Value) -> OrderBy {
    if route.order_by.is_empty() {
        return OrderBy::none();
    }
    let mut text = Vec::new();
    let mut keys = Vec::new();
    for (template, descending) in &route.order_by {
        let residual = template.fill(facts).unwrap_or(Value::Null);
        text.push(json!([residual, descending]));
        if let Ok(expression) = crate::rule::Expression::compile(&residual) {
            keys.push((expression, *descending));
        }
    }
    let of_one_item = route.order_by.iter().any(|(template, _)| template.reads_item());
    OrderBy { text: Arc::from(Value::Array(text).to_string()), keys: keys.into(), of_one_item }
}
