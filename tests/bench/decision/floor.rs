//! An engine with an account on it, the commands that the rows are made of, and the times that they took.

use super::shape::{QUEUES, Random, Shape, Workers, topic};
use cordboard_domain::id::{IdSource, ReservationId, WorkerId};
use cordboard_domain::signing::SigningSecret;
use cordboard_domain::time::Timestamp;
use cordboard_domain::work::*;
use rustix::time::{ClockId, clock_gettime};
use serde_json::{Value, json};

/// Nanoseconds that each command took.
#[derive(Debug, Default)]
pub struct Times(Vec<u64>);

/// One line of the table.
#[derive(Debug)]
pub struct Row {
    pub name: String,
    pub times: usize,
    pub mean_us: f64,
    pub p50_us: f64,
    pub p99_us: f64,
    pub max_us: f64,
}

impl Row {
    pub fn json(&self) -> Value {
        json!({
            "name": self.name, "times": self.times, "mean_us": self.mean_us, "p50_us": self.p50_us,
            "p99_us": self.p99_us, "max_us": self.max_us,
        })
    }
}

impl Times {
    /// Sums the times up and prints them.
    pub fn row(mut self, name: String) -> Row {
        self.0.sort_unstable();
        let at = |permille: usize| {
            let place = (self.0.len() * permille / 1_000).min(self.0.len().saturating_sub(1));
            self.0.get(place).map_or(f64::NAN, |time| *time as f64 / 1_000.0)
        };
        let mean_us = self.total_s() * 1e6 / self.0.len() as f64;
        let row = Row { name, times: self.0.len(), mean_us, p50_us: at(500), p99_us: at(990), max_us: at(1_000) };
        let Row { name, times, mean_us, p50_us, p99_us, max_us } = &row;
        println!("{name:<52} {times:>8} {mean_us:>9.1} {p50_us:>9.1} {p99_us:>9.1} {max_us:>9.1}");
        row
    }

    pub fn total_s(&self) -> f64 {
        self.0.iter().sum::<u64>() as f64 / 1e9
    }
}

/// CPU time of this thread.
fn cpu_ns() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

pub struct Floor {
    engine: Engine,
    pub shape: Shape,
    pub now: Timestamp,
    random: Random,
    workers: Vec<WorkerId>,
    /// Offers that nobody has answered yet.
    offers: Vec<ReservationId>,
    /// Accepted reservations.
    held: Vec<ReservationId>,
    /// Kept between commands so that it grows only once.
    out: Vec<Output>,
}

impl Floor {
    /// An account with its queues, workflows and workers, none of them available.
    pub fn open(shape: Shape) -> Self {
        let now = Timestamp::from_millis(1_767_603_600_000);
        let (account, records) =
            found_account("Bench", now, &mut IdSource::new(1), SigningSecret::new("bench".to_owned()));
        let engine = Engine::recover(account, 0, 2, now, records).expect("a new account recovers");
        let (random, out) = (Random::new(3), Vec::new());
        let (workers, offers, held) = (Vec::new(), Vec::new(), Vec::new());
        let mut floor = Self { engine, shape, now, random, workers, offers, held, out };
        for queue in 0..QUEUES {
            // One of ten takes the newest first, another lets items age.
            let order = if queue % 10 == 7 { QueueOrder::Lifo } else { QueueOrder::Fifo };
            let priority_per_minute_milli = if queue % 10 == 3 { 500 } else { 0 };
            let (name, workers) = (topic(queue), shape.members(queue));
            floor.run(Command::CreateQueue { name, workers, order, priority_per_minute_milli });
        }
        for (name, document) in shape.workflows() {
            let (assignment_url, assignment_fallback_url) = (None, None);
            floor.run(Command::CreateWorkflow { name, document, assignment_url, assignment_fallback_url });
        }
        for number in 0..shape.workers {
            let worker = shape.worker(number, &mut floor.random);
            match floor.run(Command::CreateWorker(worker)) {
                Reply::Worker(view) => floor.workers.push(view.worker.id),
                other => panic!("not a worker: {other:?}"),
            }
        }
        floor
    }

    /// One command of its own millisecond.
    fn run(&mut self, command: Command) -> Reply {
        self.run_timed(command, &mut Times::default())
    }

    fn run_timed(&mut self, command: Command, times: &mut Times) -> Reply {
        self.now = self.now.plus_millis(1);
        let before = cpu_ns();
        let reply = self.engine.handle(self.now, &Actor::Operator, command, &mut self.out);
        times.0.push(cpu_ns() - before);
        let offered = |output: Output| match output {
            Output::Effect(Effect::Offer { reservation, .. }) => Some(reservation),
            Output::Effect(Effect::Withdraw { .. } | Effect::Call(_))
            | Output::Put(_)
            | Output::Delete(_)
            | Output::Event(_) => None,
        };
        self.offers.extend(self.out.drain(..).filter_map(offered));
        reply.expect("the command is carried out")
    }

    /// So many chats more.
    pub fn wait(&mut self, items: usize) {
        for _ in 0..items {
            self.add("chat", &mut Times::default());
        }
    }

    pub fn add(&mut self, channel: &str, times: &mut Times) {
        let item = self.shape.item(channel, &mut self.random);
        self.run_timed(Command::CreateItem(item), times);
    }

    /// Moves every worker to an activity, one command each.
    pub fn work(&mut self, workers: Workers) -> Times {
        let mut times = Times::default();
        for id in self.workers.clone() {
            self.flip(id, workers, &mut times);
        }
        times
    }

    pub fn flip(&mut self, id: WorkerId, workers: Workers, times: &mut Times) {
        let activity = Some(Reference(workers.activity().to_owned()));
        let change = WorkerChange { activity, ..WorkerChange::default() };
        self.run_timed(Command::UpdateWorker { id, change, expected: None }, times);
    }

    /// Accepts what is offered, also what accepting brings.
    pub fn accept_all(&mut self) {
        while let Some(id) = self.offers.pop() {
            self.run(Command::AcceptReservation { id, expected: None });
            self.held.push(id);
        }
    }

    pub fn any_held(&mut self) -> ReservationId {
        assert!(!self.held.is_empty(), "somebody works");
        let place = self.random.below(self.held.len());
        self.held.swap_remove(place)
    }

    pub fn any_worker(&mut self) -> WorkerId {
        let place = self.random.below(self.workers.len());
        self.workers[place]
    }

    pub fn complete(&mut self, id: ReservationId, times: &mut Times) {
        self.run_timed(Command::CompleteReservation { id, reason: None, expected: None }, times);
    }

    /// Ends the calls that were just offered, so that everybody is free for the next one.
    pub fn release_calls(&mut self) {
        for id in std::mem::take(&mut self.offers) {
            self.run(Command::AcceptReservation { id, expected: None });
            self.complete(id, &mut Times::default());
        }
    }

    /// Ticks until nothing is due.
    pub fn tick(&mut self) -> Times {
        let mut times = Times::default();
        while self.engine.next_deadline().is_some_and(|at| at <= self.now) {
            self.run_timed(Command::Tick, &mut times);
        }
        times
    }
}
