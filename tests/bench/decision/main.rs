//! What one decision of the work engine costs: a worker freed or an item added while many items wait. The engine alone,
//! without store and runtime; each figure is one whole `Engine::handle` with everything that it puts out.
//!
//! `make bench NAME=decision`; `SCALE=10` divides all numbers of items and workers by ten, `ROWS=base,growth,worst`
//! chooses. Times are CPU time of the thread, which other programs on the machine do not lengthen.

mod floor;
mod shape;
mod worst;

// Brings the memory allocator of the server.
use cordboard as _;
use floor::{Floor, Row, Times};
use serde_json::{Value, json};
use shape::{Shape, Workers};

/// How many decisions of each kind are timed.
const DECISIONS: usize = 10_000;

/// Sizes of the base row, divided by `SCALE`.
pub struct Sizes {
    scale: usize,
}

impl Sizes {
    pub fn of(&self, count: usize) -> usize {
        count / self.scale
    }

    pub fn base(&self) -> Shape {
        Shape::new(self.of(100_000), self.of(10_000))
    }
}

fn main() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let sizes = Sizes { scale: number("SCALE").unwrap_or(1).max(1) };
    let wanted = std::env::var("ROWS").unwrap_or_else(|_| "base,growth,worst".to_owned());
    let wants = |name| wanted.split(',').any(|row| row == name);
    println!("{:<52} {:>8} {:>9} {:>9} {:>9} {:>9}", "microseconds of CPU", "times", "mean", "p50", "p99", "max");
    let mut rows = Vec::new();
    let mut ratios = Vec::new();
    if wants("base") {
        rows.extend(crowd("base", sizes.base()));
    }
    if wants("growth") {
        growth(&sizes, &mut rows, &mut ratios);
    }
    if wants("worst") {
        rows.extend(worst::all(&sizes));
    }
    let rows: Vec<Value> = rows.iter().map(Row::json).collect();
    println!("{}", json!({"bench": "decision", "scale": sizes.scale, "rows": rows, "growth": ratios}));
}

/// The same crowd with ten times the items, and with more workers.
fn growth(sizes: &Sizes, rows: &mut Vec<Row>, ratios: &mut Vec<Value>) {
    let mut compare = |what: &str, counts: [usize; 3], shape: &dyn Fn(usize) -> Shape| {
        let measured = counts.map(|count| crowd(&format!("{count} {what}"), shape(sizes.of(count))));
        for pair in measured.windows(2) {
            for (small, large) in pair[0].iter().zip(&pair[1]) {
                let (mean, median) = (large.mean_us / small.mean_us, large.p50_us / small.p50_us);
                let name = format!("{} / {}", large.name, small.name);
                println!("{name:<70} mean × {mean:.2}, median × {median:.2}");
                ratios.push(json!({"name": name, "mean": mean, "median": median}));
            }
        }
        rows.extend(measured.into_iter().flatten());
    };
    let workers = sizes.of(10_000);
    compare("items", [10_000, 100_000, 1_000_000], &|items| Shape::new(items, workers));
    let items = sizes.of(100_000);
    compare("workers", [1_000, 10_000, 50_000], &|workers| Shape::new(items, workers));
}

/// All workers busy with chats while more wait, and all free for calls.
fn crowd(name: &str, shape: Shape) -> Vec<Row> {
    let mut floor = Floor::open(shape);
    floor.wait(shape.items + shape.workers);
    floor.work(Workers::Available);
    floor.accept_all();
    let (mut freed, mut waits, mut taken) = (Times::default(), Times::default(), Times::default());
    for number in 0..DECISIONS {
        let done = floor.any_held();
        floor.complete(done, &mut freed);
        floor.accept_all();
        floor.add("chat", &mut waits);
        if number % 2 == 0 {
            floor.add("voice", &mut taken);
            floor.release_calls();
        }
    }
    vec![
        freed.row(format!("{name}: worker freed")),
        waits.row(format!("{name}: item added, waits")),
        taken.row(format!("{name}: item added, taken at once")),
    ]
}
