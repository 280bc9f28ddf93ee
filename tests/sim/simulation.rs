//! One run from one seed: an account is set up, random commands are decided, committed in batches, and lost by crashes;
//! after every command the reference and the engine's own invariants are asked.

use crate::generate::Generator;
use crate::random::{Dice, TraceHash};
use crate::reference::World;
use crate::script::actor_of;
use crate::store::ModelStore;
use cordboard_domain::id::IdSource;
use cordboard_domain::signing::SigningSecret;
use cordboard_domain::time::Timestamp;
use cordboard_domain::work::*;
use std::collections::VecDeque;
use std::fmt;

/// Lines of the trace that a failure prints.
const TAIL_LINES_MAX: usize = 60;
/// Ticks in a row that may be due at one moment before it counts as a hot loop.
const TICKS_MAX: usize = 200;
/// A Monday morning in 2026.
const START: Timestamp = Timestamp::from_millis(1_767_603_600_000);

/// What a run came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Report {
    /// Hash of every command and every output.
    pub hash: u64,
    pub commands: u64,
    pub rejected: u64,
    pub offers: u64,
    pub crashes: u64,
    /// Virtual time that passed.
    pub millis: i64,
}

/// A run that found a fault, with the way to see it again.
#[derive(Debug, Clone)]
pub struct Failure {
    pub seed: u64,
    pub step: usize,
    pub plant: Option<Plant>,
    pub faults: Vec<String>,
    pub tail: Vec<String>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.tail {
            writeln!(f, "{line}")?;
        }
        for fault in &self.faults {
            writeln!(f, "FAULT: {fault}")?;
        }
        let plant = self.plant.map_or_else(String::new, |plant| format!(" PLANT={plant:?}"));
        write!(f, "again with: make sim SEED={} STEPS={}{plant}", self.seed, self.step + 1)
    }
}

/// Names the seed when the engine panics under it.
struct Guard(u64, usize);

impl Drop for Guard {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("panic under: make sim SEED={} STEPS={}", self.0, self.1);
        }
    }
}

pub fn run(seed: u64, steps: usize, plant: Option<Plant>) -> Result<Report, Box<Failure>> {
    let _guard = Guard(seed, steps);
    let mut simulation = Simulation::new(seed, plant);
    let set_up = simulation.set_up();
    if !set_up.is_empty() {
        return Err(simulation.failure(0, set_up));
    }
    for step in 0..steps {
        let faults = simulation.step();
        if !faults.is_empty() {
            return Err(simulation.failure(step, faults));
        }
    }
    let mut report = simulation.report;
    report.hash = simulation.hash.0;
    report.millis = simulation.now.millis_since(START);
    Ok(report)
}

struct Simulation {
    seed: u64,
    plant: Option<Plant>,
    dice: Dice,
    generator: Generator,
    engine: Engine,
    store: ModelStore,
    /// Outputs that are decided and not committed.
    batch: Vec<Output>,
    world: World,
    /// The picture as of the last commit.
    committed: World,
    now: Timestamp,
    last: Option<Command>,
    hash: TraceHash,
    tail: VecDeque<String>,
    report: Report,
}

impl Simulation {
    fn new(seed: u64, plant: Option<Plant>) -> Self {
        let (account, records) =
            found_account("simulated", START, &mut IdSource::new(seed), SigningSecret::new("simulated".to_owned()));
        let mut store = ModelStore::new(account.clone());
        let mut world = World::new(account.clone());
        for record in &records {
            store.put(record.clone());
            world.put(record, &mut Vec::new());
        }
        let engine = Engine::recover_planted(account, 0, seed ^ 1, START, records, plant);
        Self {
            seed,
            plant,
            dice: Dice::new(seed),
            generator: Generator::default(),
            engine: engine.expect("a new account makes an engine"),
            store,
            batch: Vec::new(),
            committed: world.clone(),
            world,
            now: START,
            last: None,
            hash: TraceHash::default(),
            tail: VecDeque::new(),
            report: Report::default(),
        }
    }

    fn failure(&self, step: usize, faults: Vec<String>) -> Box<Failure> {
        let tail = self.tail.iter().cloned().collect();
        Box::new(Failure { seed: self.seed, step, plant: self.plant, faults, tail })
    }

    fn set_up(&mut self) -> Vec<String> {
        for command in self.generator.set_up(&mut self.dice) {
            let told = format!("{command:?}");
            let mut faults = self.decide(command);
            if self.report.rejected > 0 {
                faults.push(format!("refused while setting up: {told}"));
            }
            if !faults.is_empty() {
                return faults;
            }
        }
        self.commit()
    }

    /// One step: time passes, somebody asks for something, or something breaks.
    fn step(&mut self) -> Vec<String> {
        match self.dice.below(100) {
            0..=32 => self.pass_time(),
            33..=44 => self.commit(),
            45..=46 => self.crash(),
            47..=48 => self.restart(),
            49..=52 => match self.last.clone() {
                Some(again) => self.decide(again),
                None => Vec::new(),
            },
            _ => match self.generator.command(&mut self.dice, &self.world) {
                Some(command) => self.decide(command),
                None => Vec::new(),
            },
        }
    }

    fn pass_time(&mut self) -> Vec<String> {
        let next = self.engine.next_deadline().filter(|next| *next > self.now);
        let small = self.now.plus_millis(self.dice.between(1, 3_000) as i64);
        self.now = match (self.dice.below(10), next) {
            // The clock jumps, or the engine was late: many timers are due at once.
            (0, _) => self.now.plus_seconds(self.dice.between(20, 200) as u32),
            (1..=5, Some(next)) if next < self.now.plus_seconds(600) => next,
            (_, Some(next)) => small.min(next),
            (_, None) => small,
        };
        self.note(format!("{} the clock", self.clock()));
        self.fire()
    }

    /// Ticks until no timer is due.
    fn fire(&mut self) -> Vec<String> {
        for _ in 0..TICKS_MAX {
            if self.engine.next_deadline().is_none_or(|next| next > self.now) {
                return Vec::new();
            }
            let faults = self.handle(Command::Tick);
            if !faults.is_empty() {
                return faults;
            }
        }
        vec!["timers are due again and again at one moment".to_owned()]
    }

    fn decide(&mut self, command: Command) -> Vec<String> {
        let mut faults = self.handle(command.clone());
        if faults.is_empty() {
            faults = self.fire();
        }
        self.last = Some(command);
        faults
    }

    fn handle(&mut self, command: Command) -> Vec<String> {
        self.note(format!("{} {command:?}", self.clock()));
        let before = (self.engine.sequence(), self.engine.next_deadline());
        let mut out = Vec::new();
        let expected = self.world.expect(&command);
        let result = self.engine.handle(self.now, &actor_of(&command), command, &mut out);
        self.report.commands += 1;
        let mut faults = expected.held_against(&out);
        if let Err(rejection) = &result {
            self.report.rejected += 1;
            self.note(format!("    refused: {rejection:?}"));
            if !out.is_empty() || before != (self.engine.sequence(), self.engine.next_deadline()) {
                faults.push("a refused command changed something".to_owned());
            }
        }
        for output in &out {
            self.note_output(output);
        }
        faults.extend(self.world.follow(self.now, &out));
        faults.extend(self.world.check_callouts(&out, &self.engine.outstanding()));
        self.batch.append(&mut out);
        if self.engine.next_deadline().is_none_or(|next| next > self.now) {
            faults.extend(self.world.check(self.engine.next_deadline()));
        }
        let broken = self.engine.invariants(self.now).into_iter();
        faults.extend(broken.map(|violation| format!("{} {}", violation.subject, violation.what)));
        faults
    }

    fn commit(&mut self) -> Vec<String> {
        let batch = std::mem::take(&mut self.batch);
        let result = self.store.commit(&batch);
        self.committed = self.world.clone();
        result.err().into_iter().collect()
    }

    /// The process dies, or the commit fails: what was decided since the last commit never happened.
    fn crash(&mut self) -> Vec<String> {
        self.note(format!("{} crash: {} outputs are lost", self.clock(), self.batch.len()));
        self.report.crashes += 1;
        self.batch.clear();
        self.world = self.committed.clone();
        self.recover()
    }

    /// A restart after a commit loses nothing: the new engine must look like the old one.
    fn restart(&mut self) -> Vec<String> {
        self.note(format!("{} restart", self.clock()));
        let mut faults = self.commit();
        let seen = |engine: &Engine, now| serde_json::to_value(engine.statistics(now)).ok();
        let (statistics, next) = (seen(&self.engine, self.now), self.engine.next_deadline());
        let recovered = self.recovered();
        match recovered {
            Ok(engine) => {
                if seen(&engine, self.now) != statistics {
                    faults.push(format!("recovery changed the statistics from {statistics:?}"));
                }
                // A timer that lost its purpose may be gone, none may be late.
                if next.is_some_and(|next| next <= self.now) {
                    faults.push(format!("the timer of {next:?} did not fire"));
                }
                self.engine = engine;
                faults.extend(self.world.recovered(self.now, &self.engine.outstanding()));
            }
            Err(error) => faults.push(format!("recovery failed: {error}")),
        }
        if faults.is_empty() { self.fire() } else { faults }
    }

    fn recovered(&mut self) -> Result<Engine, RecoveryError> {
        let (account, sequence) = (self.store.account.clone(), self.store.sequence);
        let (seed, records) = (self.dice.word(), self.store.recovery_records());
        Engine::recover_planted(account, sequence, seed, self.now, records, self.plant)
    }

    fn recover(&mut self) -> Vec<String> {
        match self.recovered() {
            Ok(engine) => self.engine = engine,
            Err(error) => return vec![format!("recovery failed: {error}")],
        }
        let faults = self.world.recovered(self.now, &self.engine.outstanding());
        if faults.is_empty() { self.fire() } else { faults }
    }

    fn clock(&self) -> String {
        let millis = self.now.millis_since(START);
        format!("{:>5}.{:03}", millis / 1_000, millis % 1_000)
    }

    fn note(&mut self, line: String) {
        self.hash.add(&line);
        if self.tail.len() == TAIL_LINES_MAX {
            self.tail.pop_front();
        }
        self.tail.push_back(line);
    }

    fn note_output(&mut self, output: &Output) {
        match output {
            Output::Event(event) => {
                self.hash.add(event.data.get());
                if event.event_type == "reservation.offered" {
                    self.report.offers += 1;
                }
                let worker = self.world.reservation_text(&event.subject, event.data.get());
                self.note(format!("    {} {} {}{worker}", event.sequence, event.event_type, event.subject));
            }
            Output::Put(record) => self.hash.add(&format!("{record:?}")),
            Output::Delete(gone) => self.hash.add(&format!("{gone:?}")),
            Output::Effect(effect) => self.hash.add(&format!("{effect:?}")),
        }
    }
}
