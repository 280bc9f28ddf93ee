//! The fold: each event changes a few cells and what is remembered of a worker. What has changed is collected until it
//! is taken away to be stored; adding it to what is stored gives the same cells however the events are divided.

use super::cell::{Count, Hour, QUARTERS_PER_HOUR, Time};
use super::group::{Group, HourKey};
use super::observed::{Fact, ItemFacts, Observed, OfferEvent, OfferFacts, WorkerFacts};
use super::presence::{Presence, charge_open, end_of_hour};
use super::{QUARTER_MS, hour_of};
use crate::id::WorkerId;
use crate::time::Timestamp;
use smallvec::SmallVec;
use std::collections::{BTreeMap, HashMap, HashSet};

/// What is to be stored.
#[derive(Debug, Default, PartialEq)]
pub struct Changes {
    /// To be added to what is stored of these hours.
    pub hours: BTreeMap<HourKey, Hour>,
    /// Workers as they are now; `None` for those that are gone.
    pub workers: BTreeMap<WorkerId, Option<Presence>>,
    /// Groups as they are called now.
    pub names: BTreeMap<Group, Box<str>>,
}

#[derive(Debug, Default)]
pub struct Fold {
    workers: HashMap<WorkerId, Presence>,
    hours: HashMap<HourKey, Hour>,
    touched: HashSet<WorkerId>,
    names: BTreeMap<Group, Box<str>>,
}

/// An event concerns few groups: all, queue, worker, workflow, channel.
type Groups = SmallVec<[Group; 5]>;

impl Fold {
    /// Goes on with the workers that an earlier fold left.
    pub fn new(workers: impl IntoIterator<Item = (WorkerId, Presence)>) -> Self {
        Self { workers: workers.into_iter().collect(), ..Self::default() }
    }

    /// Rows that would be stored now.
    pub fn size(&self) -> usize {
        self.hours.len() + self.touched.len() + self.names.len()
    }

    pub fn take_changes(&mut self) -> Changes {
        let touched = std::mem::take(&mut self.touched);
        let workers = touched.into_iter().map(|id| (id, self.workers.get(&id).cloned())).collect();
        let hours = std::mem::take(&mut self.hours).into_iter().collect();
        Changes { hours, workers, names: std::mem::take(&mut self.names) }
    }

    /// Charges the time until an event of the workers that it concerns: for one worker that may be a year, for an
    /// activity all of its workers. `false` when so many rows have changed that they should be stored first; then it is
    /// to be called again.
    pub fn prepare(&mut self, event: &Observed, rows_max: usize) -> bool {
        let concerned: SmallVec<[WorkerId; 1]> = match &event.fact {
            Fact::Worker(worker) => [worker.id].into(),
            Fact::WorkerGone(worker) => [*worker].into(),
            Fact::Offer(OfferEvent::Accepted | OfferEvent::Completed, offer) => [offer.worker].into(),
            Fact::Activity { former, .. } => self.in_activity(former).collect(),
            _ => SmallVec::new(),
        };
        for id in concerned {
            while let Some(from) = self.workers.get(&id).map(|worker| worker.charged_to).filter(|at| *at < event.time) {
                if self.size() >= rows_max {
                    return false;
                }
                self.charge(id, event.time.min(end_of_hour(from)));
            }
        }
        true
    }

    fn in_activity(&self, name: &str) -> impl Iterator<Item = WorkerId> {
        self.workers.iter().filter(move |(_, worker)| &*worker.activity == name).map(|(id, _)| *id)
    }

    /// Takes one event; they come in the order of the log.
    pub fn take(&mut self, event: Observed) {
        self.prepare(&event, usize::MAX);
        let time = event.time;
        match event.fact {
            Fact::Created(item) => {
                self.count(
                    time,
                    [Group::All, Group::Workflow(item.workflow), Group::Channel(item.channel)],
                    Count::Created,
                );
            }
            Fact::Entered(item) => self.count(time, of_item(item, None), Count::Entered),
            Fact::Assigned(item) => {
                let (worker, waited) = (item.worker, waited(&item, time));
                self.time(time, of_item(item, worker), Time::SpeedOfAnswer, waited);
            }
            Fact::Completed(item) => {
                let worker = item.worker;
                self.count(time, of_item(item, worker), Count::Completed);
            }
            Fact::Canceled { item, requested } => self.canceled(time, item, requested),
            Fact::Offer(offer_event, offer) => self.offer(time, offer_event, offer),
            Fact::Worker(worker) => self.worker(time, worker),
            Fact::WorkerGone(id) => {
                self.workers.remove(&id);
                self.touched.insert(id);
            }
            Fact::Activity { former, name, available } => {
                for id in self.in_activity(&former).collect::<Vec<_>>() {
                    self.change(id, time, |worker| {
                        worker.activity.clone_from(&name);
                        worker.activity_available = available;
                    });
                }
            }
            Fact::Named(group, name) => drop(self.names.insert(group, name)),
            Fact::Nothing => {}
        }
    }

    fn canceled(&mut self, time: Timestamp, item: ItemFacts, requested: bool) {
        let (has_waited, waited) = (item.waiting_since.is_some(), waited(&item, time));
        let groups = of_item(item, None);
        self.count(time, groups.clone(), Count::Canceled);
        match (has_waited, requested) {
            (true, true) => self.time(time, groups, Time::TimeToAbandon, waited),
            (true, false) => self.count(time, groups, Count::Expired),
            (false, _) => {}
        }
    }

    fn offer(&mut self, time: Timestamp, event: OfferEvent, offer: OfferFacts) {
        let OfferFacts { workflow, channel, queue, worker, resolved_at, wrapping_at } = offer;
        let mut groups = Groups::from_iter([Group::All, Group::Worker(worker), Group::Workflow(workflow)]);
        groups.push(Group::Channel(channel));
        groups.extend(queue.map(Group::Queue));
        match event {
            OfferEvent::Offered => self.count(time, groups, Count::Offered),
            OfferEvent::Rejected => self.count(time, groups, Count::Rejected),
            OfferEvent::TimedOut => self.count(time, groups, Count::Missed),
            OfferEvent::Rescinded => self.count(time, groups, Count::Rescinded),
            OfferEvent::Canceled => self.count(time, groups, Count::Withdrawn),
            OfferEvent::Accepted => self.change(worker, time, |worker| worker.held += 1),
            OfferEvent::Completed => {
                let lasted = |since: Option<Timestamp>| since.map_or(0, |since| passed(since, time));
                let (handle, wrap) = (lasted(resolved_at), lasted(wrapping_at));
                let times = [(Time::Handle, handle), (Time::Wrap, wrap), (Time::Work, handle.saturating_sub(wrap))];
                for (kind, lasted) in times {
                    self.time(time, groups.clone(), kind, lasted);
                }
                self.change(worker, time, |worker| worker.held = worker.held.saturating_sub(1));
            }
        }
    }

    fn worker(&mut self, time: Timestamp, facts: WorkerFacts) {
        let WorkerFacts { id, name, activity, available, reachable } = facts;
        if let Some(name) = name {
            self.names.insert(Group::Worker(id), name);
        }
        self.change(id, time, |worker| {
            worker.activity = activity;
            worker.reachable = reachable;
            // One that is not reachable is not available in any activity.
            if reachable {
                worker.activity_available = available;
            }
        });
    }

    /// Changes what is remembered of a worker, whose time is charged up to then.
    fn change(&mut self, id: WorkerId, time: Timestamp, change: impl FnOnce(&mut Presence)) {
        let new =
            || Presence { activity: "".into(), activity_available: false, reachable: false, held: 0, charged_to: time };
        change(self.workers.entry(id).or_insert_with(new));
        self.touched.insert(id);
    }

    fn charge(&mut self, id: WorkerId, until: Timestamp) {
        let Some(worker) = self.workers.get_mut(&id) else { return };
        let hours = &mut self.hours;
        charge_open(worker, until, |quarter, count, lasted| {
            for group in [Group::All, Group::Worker(id)] {
                cell(hours, quarter, group, |cell| cell.add(count, lasted));
            }
        });
        worker.charged_to = until;
        self.touched.insert(id);
    }

    fn count(&mut self, time: Timestamp, groups: impl IntoIterator<Item = Group>, count: Count) {
        for group in groups {
            cell(&mut self.hours, time, group, |cell| cell.add(count, 1));
        }
    }

    fn time(&mut self, time: Timestamp, groups: impl IntoIterator<Item = Group>, kind: Time, lasted: u64) {
        for group in groups {
            cell(&mut self.hours, time, group, |cell| cell.add_time(kind, lasted));
        }
    }
}

/// Changes the cell of a group in which an instant lies.
fn cell(hours: &mut HashMap<HourKey, Hour>, at: Timestamp, group: Group, change: impl FnOnce(&mut super::cell::Cell)) {
    let quarter = at.millis().div_euclid(QUARTER_MS).rem_euclid(QUARTERS_PER_HOUR as i64) as usize;
    let hour = hours.entry(HourKey { group, hour: hour_of(at) }).or_default();
    change(&mut hour.quarters[quarter]);
}

/// Milliseconds that an item has waited for somebody.
fn waited(item: &ItemFacts, time: Timestamp) -> u64 {
    item.waiting_since.map_or(0, |since| passed(since, time))
}

/// Milliseconds between two times; none when the clock was set back in between.
fn passed(since: Timestamp, time: Timestamp) -> u64 {
    time.millis_since(since).max(0).unsigned_abs()
}

fn of_item(item: ItemFacts, worker: Option<WorkerId>) -> Groups {
    let mut groups = Groups::from_iter([Group::All, Group::Workflow(item.workflow), Group::Channel(item.channel)]);
    groups.extend(item.queue.map(Group::Queue));
    groups.extend(worker.map(Group::Worker));
    groups
}
