//! The engine's first proof: one item through offer, decline, another worker, acceptance and completion.

use super::*;
use crate::id::*;
use crate::signing::SigningSecret;
use crate::work::document::Document;
use serde_json::json;
use serde_json::value::RawValue;

struct Bench {
    engine: Engine,
    now: Timestamp,
    out: Vec<Output>,
}

impl Bench {
    fn new() -> Self {
        let now = Timestamp::from_millis(1_700_000_000_000);
        let (account, records) =
            found_account("test", now, &mut IdSource::new(1), SigningSecret::new("test".to_owned()));
        let engine = Engine::recover(account, 0, 2, now, records).expect("a new account recovers");
        Self { engine, now, out: Vec::new() }
    }

    fn run(&mut self, command: Command) -> Reply {
        self.engine.handle(self.now, &Actor::Operator, command, &mut self.out).expect("accepted")
    }

    fn pass(&mut self, seconds: u32) {
        self.now = self.now.plus_seconds(seconds);
        self.run(Command::Tick);
    }

    fn worker(&mut self, name: &str) -> WorkerId {
        let activity = Some(Reference("Available".to_owned()));
        let (name, attributes) = (name.to_owned(), json!({}));
        let new = NewWorker { name, attributes, activity, capacity: Default::default(), connection_required: false };
        match self.run(Command::CreateWorker(new)) {
            Reply::Worker(view) => view.worker.id,
            other => panic!("{other:?}"),
        }
    }

    fn setting(&mut self, steps: serde_json::Value) {
        let (name, workers, order) = ("support".to_owned(), json!(true), QueueOrder::Fifo);
        self.run(Command::CreateQueue { name, workers, order, priority_per_minute_milli: 0 });
        let (name, document) = ("support".to_owned(), json!({ "default": steps }));
        assert!(Document::parse(&document).is_ok());
        self.run(Command::CreateWorkflow { name, document, assignment_url: None, assignment_fallback_url: None });
    }

    fn item(&mut self) -> ItemId {
        let attributes = RawValue::from_string("{}".to_owned()).expect("JSON");
        let (workflow, channel) = (Reference("support".to_owned()), "default".to_owned());
        let new = NewItem { workflow, channel, attributes, priority: 0, timeout_s: 600, unique_key: None };
        match self.run(Command::CreateItem(new)) {
            Reply::Resource(record) => match *record {
                Record::Item(item) => item.id,
                other => panic!("{other:?}"),
            },
            other => panic!("{other:?}"),
        }
    }

    /// The open offer of an item: reservation and worker.
    fn offer(&self, item: ItemId) -> Option<(ReservationId, WorkerId)> {
        let open = |it: &&Reservation| it.item == item && it.state == ReservationState::Offered;
        self.engine.reservations.values().find(open).map(|it| (it.id, it.worker))
    }
}

#[test]
fn a_rejected_item_goes_to_the_other_worker_and_is_completed() {
    let mut bench = Bench::new();
    bench.setting(json!([{"route": {"queue": "support"}}]));
    let (ann, bob) = (bench.worker("ann"), bench.worker("bob"));
    let item = bench.item();
    let (first, to) = bench.offer(item).expect("an offer");
    assert_eq!(to, ann, "the longest idle, by id when equal");
    bench.run(Command::RejectReservation { id: first, reason: None, activity: None, expected: None });
    let (second, to) = bench.offer(item).expect("an offer");
    assert_eq!(to, bob);
    let told = bench.engine.explanation_view(item, bench.now).expect("open").explain();
    assert!(told.excluded.iter().any(|it| it.worker == ann && it.reasons[0].code == "declined"), "{told:?}");
    bench.run(Command::AcceptReservation { id: second, expected: None });
    bench.run(Command::CompleteItem { id: item, reason: None, expected: None });
    assert!(bench.engine.items.is_empty() && bench.engine.reservations.is_empty());
    assert_eq!(bench.engine.next_deadline(), None);
}

#[test]
fn a_missed_offer_moves_the_worker_and_the_item_stays_first() {
    let mut bench = Bench::new();
    bench.setting(json!([{"route": {"queue": "support"}}]));
    bench.worker("ann");
    let old = bench.item();
    bench.pass(1);
    let young = bench.item();
    bench.pass(119);
    assert_eq!(bench.offer(old), None, "ann was moved to Offline");
    let bob = bench.worker("bob");
    assert_eq!(bench.offer(old).map(|(_, to)| to), Some(bob));
    assert_eq!(bench.offer(young), None);
}

#[test]
fn steps_time_out_and_the_workflow_is_exhausted() {
    let mut bench = Bench::new();
    bench.setting(
        json!([{"route": {"queue": "support", "timeout_s": 10}}, {"route": {"queue": "support", "timeout_s": 5}}]),
    );
    let item = bench.item();
    bench.pass(10);
    assert_eq!(bench.engine.items[&item].item.step.as_deref(), Some("/default/1"));
    bench.pass(5);
    assert!(bench.engine.items.is_empty());
    let ended = bench.out.iter().rev().find_map(|output| match output {
        Output::Put(Record::Item(item)) => item.reason.clone(),
        _ => None,
    });
    assert_eq!(ended.as_deref(), Some("workflow_exhausted"));
}

#[test]
fn the_sequence_has_no_gap() {
    let mut bench = Bench::new();
    bench.setting(json!([{"route": {"queue": "support"}}]));
    bench.worker("ann");
    bench.item();
    bench.pass(700);
    let sequences = bench.out.iter().filter_map(|output| match output {
        Output::Event(event) => Some(event.sequence),
        _ => None,
    });
    assert!(sequences.eq(1..=bench.engine.sequence()));
}

#[test]
fn a_connection_that_is_required_later_must_have_come_about() {
    let mut bench = Bench::new();
    let ann = bench.worker("ann");
    let reachable = |bench: &Bench| bench.engine.workers().all(|view| view.worker.reachable);
    assert!(reachable(&bench), "none is required");
    let change = WorkerChange { connection_required: Some(true), ..WorkerChange::default() };
    bench.run(Command::UpdateWorker { id: ann, change, expected: None });
    assert!(!reachable(&bench), "there never was one");
    bench.run(Command::SetConnection { id: ann, connected: true });
    assert!(reachable(&bench));
}
