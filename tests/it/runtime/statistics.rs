//! Statistics of a random day, counted while it goes on, with restarts and failing writes in between, against a
//! recount of the whole log and against the fold in one go.

use super::desk::*;
use super::recount::{Recount, same};
use crate::support::clock::START;
use crate::support::dice::Dice;
use crate::support::failing_store::Fate;
use cordboard::runtime::statistics::store::{GroupFilter, StatisticsStore};
use cordboard::runtime::store::{EventFilter, Filter, Kind, Store, StoredEvent};
use cordboard::runtime::{Answered, Clock, Limits};
use cordboard_domain::id::*;
use cordboard_domain::statistics::*;
use cordboard_domain::time::Timestamp;
use cordboard_domain::work::*;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

/// Another by `STATISTICS_SEED`, and more, one after the other, by `STATISTICS_SEEDS`.
const SEED: u64 = 20_261_121;
const COMMANDS: u64 = 1_600;
/// Looks until everything is counted; only a test that fails takes so many.
const LOOKS_MAX: usize = 100_000;
const QUARTER: u64 = QUARTER_MS as u64;
const ALWAYS: std::ops::Range<i64> = 0..1_000_000;

fn queue(name: &str, workers: Value) -> Command {
    let (name, order, priority_per_minute_milli) = (name.to_owned(), QueueOrder::Fifo, 0);
    Command::CreateQueue { name, workers, order, priority_per_minute_milli }
}

fn workflow(name: &str, steps: Value) -> Command {
    let document = json!({"name": name, "default": steps, "reservation_timeout_s": OFFER_S});
    let (assignment_url, assignment_fallback_url) = (None, None);
    Command::CreateWorkflow { name: name.to_owned(), document, assignment_url, assignment_fallback_url }
}

fn worker(number: u64, activity: &str) -> Command {
    Command::CreateWorker(NewWorker {
        name: format!("worker {number}"),
        attributes: json!({"senior": number.is_multiple_of(2)}),
        activity: Some(reference(activity)),
        capacity: [("chat".to_owned(), 2), ("email".to_owned(), 1)].into(),
        connection_required: number.is_multiple_of(3),
    })
}

struct Day {
    desk: Desk,
    dice: Dice,
    workers: u64,
    requested: BTreeSet<String>,
    activities: HashMap<String, (String, bool)>,
}

impl Day {
    async fn begin(seed: u64) -> Self {
        let limits = Limits { statistics_every_ms: 0, ..Limits::default() };
        let desk = Desk::with(limits).await;
        let filter = Filter { limit: 50, ..Filter::default() };
        let activities = desk.store.list(desk.account, Kind::Activity, &filter).await.expect("read");
        let activities = activities.into_iter().map(|record| match record {
            Record::Activity(it) => (it.id.to_string(), (it.name, it.available)),
            other => panic!("no activity: {other:?}"),
        });
        let activities = activities.collect();
        let settings = SettingsChange { miss_limit: Some(9), ..SettingsChange::default() };
        desk.done(Command::UpdateAccount { name: None, settings: Some(settings), expected: None }).await;
        desk.done(queue("sales", json!({"var": "worker.senior"}))).await;
        desk.done(queue("back", json!(true))).await;
        let overflow = json!([
            {"route": {"queue": "sales", "timeout_s": 60, "offers": 3}}, {"route": {"queue": "sales", "timeout_s": 60}},
            {"wait": {"seconds": 30}}, {"route": {"queue": "back", "timeout_s": 900}},
        ]);
        desk.done(workflow("overflow", overflow)).await;
        desk.done(workflow("away", json!([{"wait": {"seconds": 600}}, {"route": {"queue": "back"}}]))).await;
        let mut day =
            Self { desk, dice: Dice(IdSource::new(seed)), workers: 0, requested: BTreeSet::new(), activities };
        for _ in 0..5 {
            day.hire().await;
        }
        day
    }

    async fn hire(&mut self) {
        self.workers += 1;
        let activity = if self.dice.below(3) == 0 { "Break" } else { "Available" };
        self.desk.done(worker(self.workers, activity)).await;
    }

    async fn any(&mut self, kind: Kind, state: Option<&str>) -> Option<Record> {
        let filter = Filter { limit: 40, state: state.map(str::to_owned), ..Filter::default() };
        let records = self.desk.store.list(self.desk.account, kind, &filter).await.expect("read");
        let place = self.dice.below(records.len().max(1) as u64) as usize;
        records.into_iter().nth(place)
    }

    async fn any_worker(&mut self) -> Option<WorkerId> {
        let ids = |engine: &Engine, _| engine.workers().map(|view| view.worker.id).collect::<Vec<_>>();
        let mut ids = self.desk.runtime.read(self.desk.account, ids).await.expect("read");
        ids.sort();
        let place = self.dice.below(ids.len().max(1) as u64) as usize;
        ids.get(place).copied()
    }

    fn new_item(&mut self) -> Command {
        let workflow = ["main", "overflow", "overflow", "away"][self.dice.below(4) as usize];
        Command::CreateItem(NewItem {
            workflow: reference(workflow),
            channel: ["chat", "chat", "email"][self.dice.below(3) as usize].to_owned(),
            attributes: RawValue::from_string("{}".to_owned()).expect("it is JSON"),
            priority: self.dice.below(3) as i64,
            timeout_s: [600, 7_200][self.dice.below(2) as usize],
            unique_key: None,
        })
    }

    async fn about_an_offer(&mut self) -> Option<Command> {
        let expected = None;
        let way = self.dice.below(10);
        let state = if way < 6 { "offered" } else { "accepted" };
        let Some(Record::Reservation(it)) = self.any(Kind::Reservation, Some(state)).await else { return None };
        let activity = (way == 0).then(|| reference("Break"));
        Some(match way {
            0 | 1 => Command::RejectReservation { id: it.id, reason: None, activity, expected },
            2..=5 => Command::AcceptReservation { id: it.id, expected },
            6 => Command::WrapUpReservation { id: it.id, timeout_s: Some(45), expected },
            _ => Command::CompleteReservation { id: it.id, reason: None, expected },
        })
    }

    async fn about_an_item(&mut self) -> Option<Command> {
        let (expected, reason) = (None, None);
        let way = self.dice.below(9);
        let state = ["pending", "reserved", "pending", "wrapping", "assigned"][way.min(4) as usize];
        let Some(Record::Item(it)) = self.any(Kind::Item, Some(state)).await else { return None };
        let worker = self.any_worker().await?;
        let warm = self.dice.below(2) == 0;
        let to = match way {
            5 | 6 => TransferTarget::Queue(reference(["back", "sales"][self.dice.below(2) as usize])),
            7 => TransferTarget::Workflow(reference("overflow")),
            _ => TransferTarget::Worker(reference(&worker.to_string())),
        };
        Some(match way {
            0 | 1 => Command::CancelItem { id: it.id, reason, expected },
            2 => Command::RerouteItem { id: it.id, workflow: None, expected },
            3 => Command::CompleteItem { id: it.id, reason, expected },
            4 => Command::WrapUpItem { id: it.id, timeout_s: None, reason, expected },
            _ => Command::TransferItem { id: it.id, to, warm, expected },
        })
    }

    async fn about_a_worker(&mut self) -> Option<Command> {
        let id = self.any_worker().await?;
        let activity = ["Available", "Available", "Break", "Offline"][self.dice.below(4) as usize];
        let (connected, way) = (self.dice.below(3) > 0, self.dice.below(12));
        let mut change = WorkerChange::default();
        match way {
            0 => return Some(Command::DeleteWorker { id, expected: None }),
            1..=3 => return Some(Command::SetConnection { id, connected }),
            4 => change.connection_required = Some(connected),
            5 => change.name = Some(format!("renamed {}", self.dice.below(1_000_000))),
            _ => (change.activity, change.reject_offers) = (Some(reference(activity)), connected),
        }
        Some(Command::UpdateWorker { id, change, expected: None })
    }

    /// An activity that changes its meaning with workers in it.
    async fn about_an_activity(&mut self) -> Option<Command> {
        let Some(Record::Activity(it)) = self.any(Kind::Activity, None).await else { return None };
        let available = Some(if it.name == "Available" { self.dice.below(3) > 0 } else { self.dice.below(3) == 0 });
        Some(Command::UpdateActivity { id: it.id, name: None, available, expected: None })
    }

    async fn act(&mut self) {
        let command = match self.dice.below(100) {
            0..=19 => Some(self.new_item()),
            20..=64 => self.about_an_offer().await,
            65..=79 => self.about_an_item().await,
            80..=95 => self.about_a_worker().await,
            96 => self.about_an_activity().await,
            _ => return self.hire().await,
        };
        let Some(command) = command else { return };
        let canceled = match &command {
            Command::CancelItem { id, .. } => Some(id.to_string()),
            _ => None,
        };
        // What the state of things forbids is refused.
        if let Ok(Answered::Fresh(_)) = self.desk.ask(request(command)).await {
            self.requested.extend(canceled);
        }
    }

    /// Lets time pass: mostly seconds, sometimes to the edge of a quarter, sometimes hours.
    fn pass(&mut self) {
        let now = self.desk.clock.now().millis() as u64;
        let to_edge = QUARTER - now % QUARTER;
        let ms = match self.dice.below(40) {
            0..=19 => 0,
            20..=34 => self.dice.below(6_000),
            35 => to_edge.min(self.dice.below(2) * QUARTER),
            36 => to_edge.saturating_sub(1).min(60_000),
            37 | 38 => self.dice.below(60_000),
            _ => self.dice.below(4 * QUARTER),
        };
        self.desk.clock.advance(Duration::from_millis(ms));
    }

    async fn restart(&mut self) {
        self.desk.limits.statistics_every_ms = [0, 1, 60_000][self.dice.below(3) as usize];
        self.desk.restart().await;
    }

    async fn go_on(&mut self) {
        for _ in 0..COMMANDS {
            self.act().await;
            self.pass();
            match self.dice.below(80) {
                0 => self.restart().await,
                1 => self.desk.store.fail_next_statistics(Fate::FailBefore),
                2 => self.desk.store.fail_next_statistics(Fate::FailAfter),
                _ => {}
            }
        }
        self.desk.limits.statistics_every_ms = 0;
        self.desk.restart().await;
    }

    async fn log(&self) -> Vec<StoredEvent> {
        let mut filter = EventFilter { limit: 1_000_000, ..EventFilter::default() };
        let mut log = Vec::new();
        loop {
            let page = self.desk.store.events(self.desk.account, &filter).await.expect("read");
            log.extend(page.events);
            filter.after_sequence = page.read_to;
            if !page.more {
                return log;
            }
        }
    }
}

impl Desk {
    /// Waits until every event is counted.
    async fn counted(&self) {
        for _ in 0..LOOKS_MAX {
            let last = self.runtime.read(self.account, |engine, _| engine.sequence()).await.expect("read");
            if self.store.statistics_position(self.account).await.expect("read").sequence == last {
                return;
            }
            // A write that failed is tried again after a while.
            self.clock.advance(Duration::from_millis(1));
            let_others_run().await;
        }
        panic!("events are left uncounted");
    }
}

/// All cells as they are stored.
async fn stored_hours(desk: &Desk) -> BTreeMap<HourKey, Hour> {
    let mut all = BTreeMap::new();
    for (dimension, _) in Dimension::ALL {
        let filter = GroupFilter { dimension, hours: ALWAYS, open_before: None, after: None, limit: 10_000 };
        for known in desk.store.statistics_groups(desk.account, &filter).await.expect("read") {
            let group = known.group;
            let extract = desk.store.statistics_extract(desk.account, std::slice::from_ref(&group), ALWAYS).await;
            for (hour, body) in extract.expect("read").hours.remove(0) {
                all.insert(HourKey { group: group.clone(), hour }, Hour::decode(&body).expect("readable"));
            }
        }
    }
    all
}

fn folded(log: &[StoredEvent]) -> Changes {
    let mut fold = Fold::default();
    for event in log {
        fold.take(Observed::read(&event.event_type, event.time, event.data.get()).expect("readable"));
    }
    fold.take_changes()
}

/// Holds answers about all groups against the recount: every quarter of the day, and longer times with other
/// thresholds.
async fn hold_against(desk: &Desk, recount: &Recount, end: Timestamp) {
    let after = Timestamp::from_millis((end.millis() / (24 * HOUR_MS) + 1) * 24 * HOUR_MS);
    let from = Timestamp::from_millis(START.millis() / (24 * HOUR_MS) * 24 * HOUR_MS);
    let questions = [(Interval::Quarter, 20), (Interval::Hour, 1), (Interval::Day, 120), (Interval::Total, 3_600)];
    for (dimension, name) in Dimension::ALL {
        let keys = recount.groups(name);
        let filter = GroupFilter { dimension, hours: ALWAYS, open_before: Some(end), after: None, limit: 10_000 };
        let known = desk.store.statistics_groups(desk.account, &filter).await.expect("read");
        let groups: Vec<Group> = keys.iter().map(|key| Group::parse(dimension, key).expect("a group")).collect();
        let known: Vec<&Group> = known.iter().map(|known| &known.group).collect();
        assert_eq!(known, groups.iter().collect::<Vec<_>>(), "something happened there");
        for (interval, threshold_s) in questions {
            let span = Span::new((from, after), interval, Tz::UTC, 3_000).expect("midnight to midnight");
            let history = desk.runtime.history(desk.account, &groups, &span).await.expect("answered");
            assert_eq!((history.computed_to.time, history.computed_to.complete_from), (end, None));
            let series = history.add_up(&groups, &span).expect("readable");
            for (key, cells) in keys.iter().zip(&series) {
                for ((start, end), cell) in span.intervals().zip(cells) {
                    let told = json!(Measures::of(cell, dimension, threshold_s));
                    let (start, end) = (start.millis(), end.millis());
                    let counted = recount.measures((name, key), start, end, u64::from(threshold_s));
                    same(&told, &counted, &format!("{name} {key} {interval:?} {}", Timestamp::from_millis(start)));
                }
            }
        }
    }
}

fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |value| value.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}

#[tokio::test]
async fn a_random_day_is_counted_as_a_recount_of_its_log() {
    let (first, count) = (number("STATISTICS_SEED", SEED), number("STATISTICS_SEEDS", 1));
    for seed in first..first + count {
        println!("STATISTICS_SEED={seed}");
        let mut day = Day::begin(seed).await;
        day.go_on().await;
        // Workers go on being idle and busy after the last event.
        day.desk.counted().await;
        day.desk.clock.advance(Duration::from_secs(1_234));
        day.desk.counted().await;
        let (log, end) = (day.log().await, day.desk.clock.now());
        let whole = folded(&log);
        let recount = Recount::new(&log, day.activities.clone(), day.requested.clone(), end);
        for kind in ["accepted", "missed", "rejected", "rescinded", "withdrawn", "abandoned", "expired", "completed"] {
            let total = recount.measures(("none", ""), 0, i64::MAX, 20);
            assert!(total[kind].as_u64() > Some(0), "the day had no {kind}: {total}");
        }
        assert_eq!(stored_hours(&day.desk).await, whole.hours);
        hold_against(&day.desk, &recount, end).await;
    }
}
