//! The snapshot that an explanation is made from, and the making of it.

use super::reason::{failing_for_all, failing_part, holding_part};
use super::*;
use crate::rule::Expression;
use crate::work::callout::shown_url;
use crate::work::engine::{Engine, Version};
use crate::work::matching::floor::{ChannelExclusion, Seat, Slot};
use crate::work::matching::order::{IdleKey, SortKey};
use crate::work::{Decline, Reservation, ReservationState};
use std::sync::Arc;

/// Everything that an explanation needs, taken at one moment.
pub struct ExplanationView {
    now: Timestamp,
    item: Item,
    version: Arc<Version>,
    facts: Value,
    live: Vec<Reservation>,
    wait: Option<WaitView>,
    seats: Vec<(Slot, Arc<Seat>)>,
    exclusions: Vec<ChannelExclusion>,
}

/// A worker's place among the eligible: the preferred one first, then by the step's keys, then the longest idle.
type Place = (bool, Vec<SortKey>, IdleKey);

/// What a waiting item asks for.
struct WaitView {
    queue: Option<(QueueId, String)>,
    members: Value,
    predicate: Value,
    order_by: Arc<[(Expression, bool)]>,
    channel: u16,
    only: Option<Slot>,
    preferred: Option<WorkerId>,
    offers: u32,
    waiting: usize,
    priority_per_minute: f64,
    /// Why nobody can satisfy the predicate whatever they are, when the item makes it fail.
    fault: Option<String>,
}

impl Engine {
    /// A snapshot for the explanation of an open item; `None` when no open item has this id.
    pub fn explanation_view(&self, id: ItemId, now: Timestamp) -> Option<ExplanationView> {
        let entry = self.items.get(&id)?;
        let version = self.version_of(id)?;
        let facts = self.facts_of(&entry.item, &version, now);
        let route = self.route_of(id);
        let fault = route.and_then(|route| failing_for_all(&route.workers?, &facts));
        let wait = entry.wait.as_deref().map(|wait| {
            let class = wait.class;
            let queue = self.config.queues.get(&class.queue);
            WaitView {
                queue: queue.map(|entry| (entry.queue.id, entry.queue.name.clone())),
                members: queue.map_or(Value::Bool(true), |entry| entry.queue.workers.clone()),
                predicate: self
                    .floor
                    .predicates
                    .expression(class.predicate)
                    .map_or(Value::Null, |it| it.source().clone()),
                order_by: self.floor.ranking_keys(class.ranking),
                channel: class.channel,
                only: class.only,
                preferred: wait.preferred,
                offers: wait.offers,
                waiting: self.waiting.class_len(&class),
                priority_per_minute: queue.map_or(0.0, |it| f64::from(it.queue.priority_per_minute_milli) / 1_000.0),
                fault,
            }
        });
        Some(ExplanationView {
            now,
            facts,
            item: entry.item.clone(),
            version,
            live: entry.live.iter().filter_map(|id| self.reservations.get(id)).cloned().collect(),
            wait,
            seats: self.floor.snapshot(),
            exclusions: self.floor.exclusions().to_vec(),
        })
    }
}

impl ExplanationView {
    pub fn explain(&self) -> Explanation {
        let (eligible, excluded) = self.workers();
        let timers = self.timers();
        let offered: Vec<OpenOffer> = self.live.iter().filter_map(|reservation| self.open_offer(reservation)).collect();
        let summary = self.summary(&eligible, &excluded, &offered);
        Explanation {
            work_item: self.item.id,
            state: self.item.state,
            summary,
            time: self.now,
            workflow: self.item.workflow,
            workflow_version: self.item.workflow_version,
            rule: self.rule(),
            step: self.step(),
            class: self.class(),
            score: self.score(),
            eligible,
            excluded,
            offered,
            timers,
        }
    }

    fn name(&self, worker: WorkerId) -> String {
        let found = self.seats.iter().find(|(_, seat)| seat.worker.id == worker);
        found.map_or_else(|| worker.to_string(), |(_, seat)| seat.worker.name.clone())
    }

    fn open_offer(&self, reservation: &Reservation) -> Option<OpenOffer> {
        (reservation.state == ReservationState::Offered).then(|| OpenOffer {
            reservation: reservation.id,
            worker: reservation.worker,
            name: self.name(reservation.worker),
            expires_at: reservation.expires_at,
        })
    }

    fn summary(&self, eligible: &[EligibleWorker], excluded: &[ExcludedWorker], offered: &[OpenOffer]) -> String {
        let holder = self.item.worker.map_or_else(|| "a worker".to_owned(), |worker| self.name(worker));
        let names: Vec<_> = offered.iter().map(|offer| offer.name.as_str()).collect();
        let whereabouts = match self.wait.as_ref().and_then(|wait| wait.queue.as_ref()) {
            Some((_, name)) => format!("in queue {name}"),
            None if self.wait.is_some() => "for the worker that it was transferred to".to_owned(),
            None if self.item.place.awaits_answer() => format!("for the answer of {}", self.asked_url()),
            None => "in a `wait` step of its workflow".to_owned(),
        };
        match self.item.state {
            ItemState::Assigned if self.item.transfer.is_some() => {
                format!("{holder} holds the item while it is being transferred; it waits {whereabouts}.")
            }
            ItemState::Assigned => format!("{holder} has accepted the item and works on it."),
            ItemState::Wrapping => format!("{holder} does the after-call work of the item."),
            ItemState::Reserved => format!("The item is offered to {} and waits for an answer.", names.join(", ")),
            ItemState::Pending if self.item.place.awaits_answer() => format!("The item waits {whereabouts}."),
            ItemState::Pending if self.wait.is_none() => format!("The item rests {whereabouts}."),
            ItemState::Pending => {
                let fault = self.wait.as_ref().and_then(|wait| wait.fault.as_deref());
                let next = match (eligible.first(), excluded.len()) {
                    (None, _) if fault.is_some() => fault.unwrap_or_default().to_owned(),
                    (Some(first), _) => format!("{} comes first among {} eligible workers", first.name, eligible.len()),
                    (None, 0) => "the account has no workers".to_owned(),
                    (None, number) => format!("none of {number} workers may be offered it now"),
                };
                format!("The item waits {whereabouts}: {next}.")
            }
            ItemState::Completed | ItemState::Canceled => "The item has ended.".to_owned(),
        }
    }

    /// Whom the item's request step asks.
    fn asked_url(&self) -> &str {
        self.version.request_at(&self.item.place).map_or("a server", |request| shown_url(&request.url))
    }

    fn rule(&self) -> Option<RuleReason> {
        self.item.rule.as_ref()?;
        let program = self.version.document.program(self.item.place.rule)?;
        let above = self.item.place.rule.map_or(self.version.document.rules.len(), usize::from);
        let passed_over = self.version.document.rules.iter().take(above).map(|rule| PassedRule {
            name: rule.program.name.to_string(),
            pointer: rule.program.pointer.clone(),
            reason: self.condition(rule.when.source()),
        });
        let reason = match self.item.place.rule.and_then(|rule| self.version.document.rules.get(rule as usize)) {
            Some(rule) => {
                format!("the first rule whose condition held on entering: {}", self.condition(rule.when.source()))
            }
            None => "no rule matched, so the document's default applies".to_owned(),
        };
        let (name, pointer) = (program.name.to_string(), program.pointer.clone());
        Some(RuleReason { name, pointer, reason, passed_over: passed_over.collect() })
    }

    /// A condition as it is now; it was looked at when the item entered its workflow.
    fn condition(&self, rule: &Value) -> String {
        let holds = Expression::compile(rule).and_then(|rule| rule.truthy(&self.facts)).unwrap_or(false);
        if holds { holding_part(rule, &self.facts) } else { failing_part(rule, &self.facts) }
    }

    fn step(&self) -> Option<StepReason> {
        let place = &self.item.place;
        let pointer = self.item.step.as_ref()?.to_string();
        let reason = match (&self.wait, place.deadline, place.expired) {
            (_, _, true) => "its time is up; the item goes on when the open offer ends unaccepted".to_owned(),
            (Some(_), Some(at), _) => format!("waits for a worker; goes on to the next step at {at}"),
            (None, Some(at), _) if place.awaits_answer() => {
                format!("waits for the answer of {}, which counts as lost at {at}", self.asked_url())
            }
            (Some(_), None, _) => "waits for a worker, for as long as the item lives".to_owned(),
            (None, Some(at), _) => format!("rests until {at}"),
            (None, None, _) => "the last step that the item entered".to_owned(),
        };
        Some(StepReason { pointer, entered_at: place.entered_at, reason })
    }

    fn class(&self) -> Option<Class> {
        let wait = self.wait.as_ref()?;
        Some(Class {
            queue: wait.queue.as_ref().map(|(id, _)| *id),
            queue_name: wait.queue.as_ref().map(|(_, name)| name.clone()),
            channel: self.item.channel.to_string(),
            predicate: wait.predicate.clone(),
            waiting: wait.waiting,
            offers: wait.offers,
        })
    }

    fn score(&self) -> Option<Score> {
        let wait = self.wait.as_ref()?;
        let waited_s = self.item.waiting_since.map_or(0.0, |since| self.now.seconds_since(since));
        let (priority, slope) = (self.item.priority, wait.priority_per_minute);
        Some(Score { priority, waited_s, priority_per_minute: slope, score: priority as f64 + waited_s / 60.0 * slope })
    }

    fn workers(&self) -> (Vec<EligibleWorker>, Vec<ExcludedWorker>) {
        let Some(wait) = &self.wait else { return (Vec::new(), Vec::new()) };
        let mut eligible: Vec<(Place, EligibleWorker)> = Vec::new();
        let mut excluded = Vec::new();
        for (slot, seat) in &self.seats {
            let facts = seat.facts();
            let reasons = self.exclusions_of(wait, *slot, seat, &facts);
            let (worker, name) = (seat.worker.id, seat.worker.name.clone());
            if !reasons.is_empty() {
                excluded.push(ExcludedWorker { worker, name, reasons });
                continue;
            }
            let values: Vec<Value> =
                wait.order_by.iter().map(|(key, _)| key.evaluate(&facts).unwrap_or(Value::Null)).collect();
            let keys = values.iter().zip(wait.order_by.iter());
            let keys = keys.map(|(value, (_, descending))| SortKey::new(value, *descending)).collect();
            let not_preferred = wait.preferred != Some(worker);
            let reason = standing(seat, &values, !not_preferred, self.now);
            eligible.push(((not_preferred, keys, seat.idle_key()), EligibleWorker { worker, name, reason }));
        }
        eligible.sort_by(|left, right| left.0.cmp(&right.0));
        excluded.sort_by_key(|worker| worker.worker);
        (eligible.into_iter().map(|(_, worker)| worker).collect(), excluded)
    }

    fn exclusions_of(&self, wait: &WaitView, slot: Slot, seat: &Seat, facts: &Value) -> Vec<Exclusion> {
        let mut reasons = Vec::new();
        let mut add = |code, message| reasons.push(Exclusion { code, message });
        let holds = |rule: &Value| Expression::compile(rule).and_then(|rule| rule.truthy(facts)).unwrap_or(false);
        if !holds(&wait.members) {
            add("not_in_queue", failing_part(&wait.members, facts));
        }
        let satisfied = Expression::compile(&wait.predicate).and_then(|predicate| predicate.truthy(facts));
        match (&wait.fault, satisfied) {
            (Some(why), _) => add("predicate_fails", why.clone()),
            (None, Err(_)) => add("predicate_fails", failing_part(&wait.predicate, facts)),
            (None, Ok(false)) => add("predicate", failing_part(&wait.predicate, facts)),
            (None, Ok(true)) => {}
        }
        if !seat.activity_available {
            add("activity", format!("is in activity {}", seat.activity));
        }
        if !seat.worker.reachable {
            add("unreachable", "its connection is lost".to_owned());
        }
        let (load, capacity) = (seat.load_on(wait.channel), seat.effective_capacity(wait.channel, &self.exclusions));
        if load >= capacity {
            let own = seat.capacity.get(wait.channel as usize).copied().unwrap_or(0);
            let why = if capacity < own { ", by an exclusion between channels" } else { "" };
            add("capacity", format!("holds {load} of {capacity} on channel {}{why}", self.item.channel));
        }
        let worker = seat.worker.id;
        let declined = |decline: &&Decline| decline.worker == worker && decline.until > self.now;
        if let Some(decline) = self.item.declines.iter().find(declined) {
            add("declined", format!("has declined the item and may be offered it again at {}", decline.until));
        }
        if let Some(held) = self.live.iter().find(|reservation| reservation.worker == worker) {
            match held.state {
                ReservationState::Offered => {
                    add("offered", format!("has an open offer of it until {}", held.expires_at))
                }
                _ => add("holds_item", "holds the item".to_owned()),
            }
        }
        if wait.only.is_some_and(|only| only != slot) {
            let until = self.item.place.prefer_until.map_or_else(String::new, |at| format!(" until {at}"));
            let whom = wait.preferred.or(self.item.transfer.as_ref().and_then(|transfer| transfer.to_worker));
            let whom = whom.map_or_else(|| "another worker".to_owned(), |worker| self.name(worker));
            add("reserved_for_another", format!("the item waits for {whom} alone{until}"));
        }
        reasons
    }

    fn timers(&self) -> Vec<DueTimer> {
        let item = &self.item;
        let mut timers = Vec::new();
        let mut add = |timer, at: Option<Timestamp>, then: String| {
            timers.extend(at.map(|at| DueTimer { timer, at, then }));
        };
        for reservation in self.live.iter().filter(|it| it.state == ReservationState::Offered) {
            let then = format!("the offer to {} ends", self.name(reservation.worker));
            add("offer", Some(reservation.expires_at), then);
        }
        if item.state == ItemState::Wrapping {
            add("wrap_up", item.wrap_up_until, "after-call work ends and the item is completed".to_owned());
        }
        for decline in &item.declines {
            let then = format!("{} may be offered the item again", self.name(decline.worker));
            add("reoffer", Some(decline.until), then);
        }
        add("prefer", item.place.prefer_until, "the item no longer waits for its preferred worker alone".to_owned());
        let then = match (&self.wait, item.place.awaits_answer()) {
            (Some(_), _) => "the step's time is up",
            (None, true) => "the answer counts as lost, and the item goes on",
            (None, false) => "the wait is over",
        };
        add("step", item.place.deadline, then.to_owned());
        if matches!(item.state, ItemState::Pending | ItemState::Reserved) {
            add("work_item", Some(item.expires_at), "the item is canceled unless it is assigned".to_owned());
        }
        timers.sort_by_key(|timer| timer.at);
        timers
    }
}

fn standing(seat: &Seat, values: &[Value], preferred: bool, now: Timestamp) -> String {
    let mut parts = Vec::new();
    if preferred {
        parts.push("is the preferred worker".to_owned());
    }
    if !values.is_empty() {
        let values: Vec<_> = values.iter().map(Value::to_string).collect();
        parts.push(format!("orders by {}", values.join(", ")));
    }
    parts.push(if seat.held > 0 {
        format!("holds {} other items", seat.held)
    } else {
        format!("idle for {:.0} s", now.seconds_since(seat.worker.idle_since))
    });
    parts.join(", ")
}
