//! What is known to be hard: items that all ask for something of their own, items that nobody may take, everybody
//! coming at once, and a million timers in one second.

use super::floor::{Floor, Row, Times};
use super::shape::{Asks, Shape, Workers};
use super::{DECISIONS, Sizes, crowd};

/// Two facts of a worker are asked about worker by worker, so fewer items are made.
const TWO_FACTS_ITEMS: usize = 2_000;

pub fn all(sizes: &Sizes) -> Vec<Row> {
    let base = sizes.base();
    let mut rows = crowd("a unique predicate each", Shape { asks: Asks::Unique, ..base });
    let hopeless = Shape { hopeless: true, everybody: true, ..base };
    rows.extend(nobody("nobody eligible", hopeless));
    rows.extend(nobody("nobody eligible, unique predicates", Shape { asks: Asks::Unique, ..hopeless }));
    rows.extend(herd(base));
    rows.extend(timers(Shape { items: sizes.of(1_000_000), workers: sizes.of(1_000), ..base }));
    let items = sizes.of(TWO_FACTS_ITEMS);
    rows.extend(one_kind("two facts compared", Shape { asks: Asks::TwoFacts, items, ..base }));
    let by_item = Shape { order_by_item: true, everybody: true, items: 0, ..base };
    rows.extend(one_kind("order_by reads the item, all free", by_item));
    rows
}

/// Everybody is free, and no waiting item may be taken by anybody.
fn nobody(name: &str, shape: Shape) -> Vec<Row> {
    let mut floor = Floor::open(shape);
    floor.wait(shape.items);
    floor.work(Workers::Available);
    let (mut freed, mut added) = (Times::default(), Times::default());
    for _ in 0..DECISIONS {
        let worker = floor.any_worker();
        floor.flip(worker, Workers::Break, &mut Times::default());
        floor.flip(worker, Workers::Available, &mut freed);
        floor.add("chat", &mut added);
    }
    vec![freed.row(format!("{name}: worker freed")), added.row(format!("{name}: item added"))]
}

/// All workers come at once, go, and come back.
fn herd(shape: Shape) -> Vec<Row> {
    let mut floor = Floor::open(shape);
    floor.wait(shape.items);
    let come = floor.work(Workers::Available);
    let go = floor.work(Workers::Break);
    let back = floor.work(Workers::Available);
    let all = [("comes", come), ("goes", go), ("is back", back)];
    let rows = all.map(|(name, times)| {
        println!("{:<52} {:>8.2} s", format!("the herd {name}, until drained"), times.total_s());
        times.row(format!("the herd {name}: each worker"))
    });
    rows.into()
}

/// The time of all items is up within one second.
fn timers(shape: Shape) -> Vec<Row> {
    let mut floor = Floor::open(shape);
    let start = floor.now;
    for number in 0..shape.items {
        // Items of one second, although commands take a millisecond each elsewhere.
        floor.now = start.plus_millis((number * 1_000 / shape.items) as i64);
        floor.add("chat", &mut Times::default());
    }
    floor.now = start.plus_seconds(86_402);
    let times = floor.tick();
    println!("{:<52} {:>8.2} s", format!("{} timers in a second, until drained", shape.items), times.total_s());
    vec![times.row("timers: each tick".to_owned())]
}

/// Calls that are taken at once while everybody is free.
fn one_kind(name: &str, shape: Shape) -> Vec<Row> {
    let mut floor = Floor::open(shape);
    floor.work(Workers::Available);
    let mut added = Times::default();
    for _ in 0..DECISIONS.min(shape.items.max(DECISIONS / 10)) {
        floor.add("voice", &mut added);
        floor.release_calls();
    }
    vec![added.row(format!("{name}: item added"))]
}
