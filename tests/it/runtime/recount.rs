//! The measures by their definitions in docs/statistics.md, recounted from the whole log. Shares nothing with the fold:
//! it follows items, offers and workers through the events by itself, and finds a percentile by sorting.

use cordboard::runtime::store::StoredEvent;
use cordboard_domain::time::Timestamp;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Something that counts once, at one moment, for some groups.
struct Fact {
    at: i64,
    what: &'static str,
    /// Milliseconds, of a duration.
    lasted: u64,
    queue: Option<String>,
    worker: Option<String>,
    workflow: String,
    channel: String,
}

/// A time in which a worker was busy or idle.
struct Stretch {
    worker: String,
    from: i64,
    to: i64,
    busy: bool,
}

#[derive(Default, Clone)]
struct ItemNow {
    queue: Option<String>,
    workflow: String,
    channel: String,
    began_to_wait: Option<i64>,
    /// The queue that it has come into and not left again.
    stays_in: Option<String>,
}

#[derive(Clone)]
struct OfferNow {
    item: ItemNow,
    worker: String,
    accepted: Option<i64>,
    wrapping: Option<i64>,
}

#[derive(Clone)]
struct WorkerNow {
    activity: String,
    reachable: bool,
    held: u32,
    since: i64,
}

pub struct Recount {
    facts: Vec<Fact>,
    stretches: Vec<Stretch>,
    items: HashMap<String, ItemNow>,
    offers: HashMap<String, OfferNow>,
    workers: HashMap<String, WorkerNow>,
    /// Activities by id: name, and whether work is offered in them.
    activities: HashMap<String, (String, bool)>,
    /// Items whose cancellation somebody asked for.
    requested: BTreeSet<String>,
}

fn text(value: &Value, field: &str) -> Option<String> {
    value[field].as_str().map(str::to_owned)
}

impl Recount {
    /// `activities` as they were before the first event.
    pub fn new(
        events: &[StoredEvent],
        activities: HashMap<String, (String, bool)>,
        requested: BTreeSet<String>,
        until: Timestamp,
    ) -> Self {
        let mut recount = Self {
            facts: Vec::new(),
            stretches: Vec::new(),
            items: HashMap::new(),
            offers: HashMap::new(),
            workers: HashMap::new(),
            activities,
            requested,
        };
        for event in events {
            let data: Value = serde_json::from_str(event.data.get()).expect("data is JSON");
            recount.see(event.time.millis(), &event.event_type, &event.subject, &data);
        }
        for worker in recount.workers.keys().cloned().collect::<Vec<_>>() {
            recount.close(&worker, until.millis());
        }
        recount
    }

    fn see(&mut self, at: i64, kind: &str, subject: &str, data: &Value) {
        let (resource, detail) = (&data["resource"], &data["detail"]);
        match kind.split_once('.').expect("types have two parts") {
            ("work_item" | "workflow", event) if subject.starts_with("itm_") => {
                self.item(at, (kind, event), subject, resource, detail);
            }
            ("reservation", event) => self.offer(at, event, subject, resource),
            ("worker", "deleted") => {
                self.close(subject, at);
                self.workers.remove(subject);
            }
            ("worker", _) => {
                self.close(subject, at);
                let now = self.workers.entry(subject.to_owned()).or_insert(WorkerNow {
                    activity: String::new(),
                    reachable: false,
                    held: 0,
                    since: at,
                });
                let name = text(resource, "activity").expect("workers have an activity");
                let activity = self.activities.iter().find(|(_, (known, _))| *known == name);
                now.activity = activity.expect("the activity is there").0.clone();
                now.reachable = resource["reachable"] == true;
            }
            ("activity", "created" | "updated") => {
                for worker in self.workers.keys().cloned().collect::<Vec<_>>() {
                    self.close(&worker, at);
                }
                let name = text(resource, "name").expect("activities have names");
                self.activities.insert(subject.to_owned(), (name, resource["available"] == true));
            }
            _ => {}
        }
    }

    fn item(&mut self, at: i64, (kind, event): (&str, &str), subject: &str, resource: &Value, detail: &Value) {
        let item = self.items.entry(subject.to_owned()).or_default();
        item.queue = text(resource, "queue");
        item.workflow = text(resource, "workflow").expect("items have a workflow");
        item.channel = text(resource, "channel").expect("items have a channel");
        if item.queue.is_none() {
            item.stays_in = None;
        }
        let waited = item.began_to_wait.map(|since| (at - since) as u64);
        let now = item.clone();
        let worker = text(resource, "worker");
        match (kind, event) {
            ("work_item.created", _) => self.fact(at, "created", 0, &ItemNow { queue: None, ..now }, None),
            ("work_item.queued", _) => {
                item.began_to_wait.get_or_insert(at);
                if now.queue.is_some() && now.queue != item.stays_in {
                    item.stays_in.clone_from(&now.queue);
                    self.fact(at, "entered", 0, &now, None);
                }
            }
            ("work_item.routed", _) => item.stays_in = None,
            ("work_item.transferred", _) if detail["outcome"] == "started" => {
                (item.began_to_wait, item.stays_in) = (None, None);
            }
            // Back where it was.
            ("work_item.transferred", _) if detail["outcome"] == "undone" => item.stays_in.clone_from(&now.queue),
            ("work_item.assigned", _) => {
                self.fact(at, "accepted", waited.expect("nothing is assigned unasked"), &now, worker);
            }
            ("work_item.completed", _) => self.fact(at, "completed", 0, &now, worker),
            ("work_item.canceled", _) => {
                self.fact(at, "canceled", 0, &now, None);
                match (waited, self.requested.contains(subject)) {
                    (Some(waited), true) => self.fact(at, "abandoned", waited, &now, None),
                    (Some(_), false) => self.fact(at, "expired", 0, &now, None),
                    (None, _) => {}
                }
            }
            _ => {}
        }
    }

    fn offer(&mut self, at: i64, event: &str, subject: &str, resource: &Value) {
        let offer = self.offers.entry(subject.to_owned()).or_insert_with(|| {
            let item = &self.items[&text(resource, "work_item").expect("an item")];
            let worker = text(resource, "worker").expect("a worker");
            OfferNow { item: item.clone(), worker, accepted: None, wrapping: None }
        });
        match event {
            "accepted" => offer.accepted = Some(at),
            "wrapping" => offer.wrapping = Some(at),
            _ => {}
        }
        let OfferNow { item, worker, accepted, wrapping } = offer.clone();
        let what = match event {
            "offered" => "offered",
            "rejected" => "rejected",
            "timed_out" => "missed",
            "rescinded" => "rescinded",
            "canceled" => "withdrawn",
            "accepted" => {
                self.close(&worker, at);
                self.workers.get_mut(&worker).expect("who accepts is there").held += 1;
                return;
            }
            "completed" => {
                let accepted = accepted.expect("what is completed was accepted");
                let wrapped = wrapping.map_or(0, |since| at - since);
                for (what, lasted) in [("handle", at - accepted), ("wrap", wrapped), ("work", at - accepted - wrapped)]
                {
                    self.fact(at, what, lasted as u64, &item, Some(worker.clone()));
                }
                self.close(&worker, at);
                self.workers.get_mut(&worker).expect("who is done is there").held -= 1;
                return;
            }
            _ => return,
        };
        self.fact(at, what, 0, &item, Some(worker));
    }

    fn fact(&mut self, at: i64, what: &'static str, lasted: u64, item: &ItemNow, worker: Option<String>) {
        let ItemNow { queue, workflow, channel, .. } = item.clone();
        self.facts.push(Fact { at, what, lasted, queue, worker, workflow, channel });
    }

    /// Notes what a worker has been doing until now.
    fn close(&mut self, worker: &str, at: i64) {
        let Some(now) = self.workers.get_mut(worker) else { return };
        let available = now.reachable && self.activities[&now.activity].1;
        if now.held > 0 || available {
            let (from, busy) = (now.since, now.held > 0);
            self.stretches.push(Stretch { worker: worker.to_owned(), from, to: at, busy });
        }
        now.since = at;
    }

    /// All that there is something of, by dimension.
    pub fn groups(&self, dimension: &str) -> BTreeSet<String> {
        let named = self.facts.iter().filter_map(|fact| match dimension {
            "queue" => fact.queue.clone(),
            "worker" => fact.worker.clone(),
            "workflow" => Some(fact.workflow.clone()),
            "channel" => Some(fact.channel.clone()),
            _ => Some(String::new()),
        });
        let mut groups: BTreeSet<String> = named.collect();
        if dimension == "worker" {
            let there = self.stretches.iter().filter(|stretch| stretch.to > stretch.from);
            groups.extend(there.map(|stretch| stretch.worker.clone()));
        }
        groups
    }

    /// The measures of a group from `from` to before `to`, with the service level for a threshold.
    pub fn measures(&self, (dimension, group): (&str, &str), from: i64, to: i64, threshold_s: u64) -> Value {
        let concerns = |fact: &&Fact| match dimension {
            "queue" => fact.queue.as_deref() == Some(group),
            "worker" => fact.worker.as_deref() == Some(group),
            "workflow" => fact.workflow == group,
            "channel" => fact.channel == group,
            _ => true,
        };
        let mut by_kind: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
        for fact in self.facts.iter().filter(|fact| (from..to).contains(&fact.at)).filter(concerns) {
            by_kind.entry(fact.what).or_default().push(fact.lasted);
        }
        let all = |what: &str| by_kind.get(what).cloned().unwrap_or_default();
        let count = |what: &str| all(what).len() as u64;
        let (of_items, of_waits) = (!matches!(dimension, "queue" | "worker"), dimension != "worker");
        let of_workers = matches!(dimension, "none" | "worker");
        let threshold = threshold_s * 1_000;
        let within = all("accepted").into_iter().filter(|waited| *waited <= threshold).count() as u64;
        let late = all("abandoned").into_iter().filter(|waited| *waited > threshold).count() as u64;
        let spent = |busy: bool| {
            let own = self.stretches.iter().filter(|it| it.busy == busy && (dimension == "none" || it.worker == group));
            own.map(|it| (it.to.min(to) - it.from.max(from)).max(0) as u64).sum::<u64>()
        };
        let (busy, idle) = (spent(true), spent(false));
        let mut told = Map::new();
        let mut tell = |name: &str, there: bool, value: Value| {
            told.insert(name.to_owned(), if there { value } else { Value::Null });
        };
        for (name, there) in [("created", of_items), ("entered", of_waits)] {
            tell(name, there, json!(count(name)));
        }
        for name in ["offered", "accepted", "rejected", "missed", "rescinded", "withdrawn", "completed"] {
            tell(name, true, json!(count(name)));
        }
        tell("handled", true, json!(count("handle")));
        for name in ["canceled", "abandoned", "expired"] {
            tell(name, of_waits, json!(count(name)));
        }
        let (accepted, abandoned, expired) = (count("accepted"), count("abandoned"), count("expired"));
        tell("accepted_within", true, json!(within));
        tell("service_level", true, ratio(within, accepted + late + expired));
        tell("abandonment_rate", of_waits, ratio(abandoned, accepted + abandoned + expired));
        tell("speed_of_answer", true, durations(all("accepted")));
        tell("time_to_abandon", of_waits, durations(all("abandoned")));
        for (name, what) in [("handle_time", "handle"), ("work_time", "work"), ("wrap_time", "wrap")] {
            tell(name, true, durations(all(what)));
        }
        tell("busy_s", of_workers, json!(busy as f64 / 1_000.0));
        tell("idle_s", of_workers, json!(idle as f64 / 1_000.0));
        tell("occupancy", of_workers, ratio(busy, busy + idle));
        Value::Object(told)
    }
}

fn ratio(part: u64, of: u64) -> Value {
    if of == 0 { Value::Null } else { json!(part as f64 / of as f64) }
}

fn durations(mut all: Vec<u64>) -> Value {
    all.sort_unstable();
    let seconds = |ms: u64| json!(ms as f64 / 1_000.0);
    let rank = |percent: usize| match all.len() {
        0 => Value::Null,
        count => seconds(all[(count * percent).div_ceil(100) - 1]),
    };
    let total: u64 = all.iter().sum();
    let average = if all.is_empty() { Value::Null } else { json!(total as f64 / all.len() as f64 / 1_000.0) };
    json!({
        "total_s": total as f64 / 1_000.0, "average_s": average, "longest_s": all.last().map(|ms| seconds(*ms)),
        "p50_s": rank(50), "p90_s": rank(90), "p95_s": rank(95), "p99_s": rank(99),
    })
}

/// What is told must be what was recounted; a percentile may be up to 1 % higher.
pub fn same(told: &Value, counted: &Value, place: &str) {
    match (told, counted) {
        (Value::Object(told), Value::Object(counted)) => {
            assert_eq!(told.keys().collect::<BTreeSet<_>>(), counted.keys().collect::<BTreeSet<_>>(), "{place}");
            for (name, told) in told {
                same(told, &counted[name], &format!("{place} {name}"));
            }
        }
        (Value::Number(told), Value::Number(counted)) => {
            let (told, counted) = (told.as_f64().expect("finite"), counted.as_f64().expect("finite"));
            let rough = ["p50_s", "p90_s", "p95_s", "p99_s"].iter().any(|name| place.ends_with(name));
            let least = counted - 1e-9 * counted.abs();
            let most = counted * if rough { 1.01 } else { 1.0 } + 1e-9;
            assert!((least..=most).contains(&told), "{place}: told {told}, counted {counted}");
        }
        _ => assert_eq!(told, counted, "{place}"),
    }
}
