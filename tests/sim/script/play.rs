//! Plays a script on an engine in virtual time and tells what happened by the names that the script gave.
//!
//! ```text
//! account miss_limit=2 reoffer_after_s=10        settings; exclude voice chat 0: while on voice, chat capacity is 0
//! queue support {"in": …} order=lifo ageing=2    created, or changed when it exists; so are channel, activity, schedule
//! workflow flow {…}                              created, or published anew; reevaluate=yes warnings=yes
//! worker ann {"lang": "en"} voice=1 activity=Break connection=required
//! set ann {"lang": "de"} voice=2 activity=Break reject_offers=yes
//! connect ann · disconnect ann · dismiss ann
//! item i1 {…} flow=flow channel=voice priority=5 timeout=60s key=k
//! set i1 {…} priority=9 reevaluate=yes · reroute i1 flow=other
//! accept i1 by ann · reject i1 by ann activity=Break · wrap i1 30s · complete i1 · cancel i1 reason=why
//! answer i1 {"tier": "gold"} · answer i1 fails=timeout status=504 · answer i1 visit=1 {…}
//!                                                what the item's request step is answered, the first one's, doubled too
//! instruct i1 accept by ann · instruct i1 reject · instruct i1 none · instruct i1 fails=timeout
//!                                                what an offer's assignment callback is answered
//! outstanding                                    the callouts that a start would make again
//! transfer i1 worker=ben · transfer i1 queue=support warm=yes
//! +20s                                           time passes, every timer fires at its own moment
//! jump 20s                                       the clock jumps; all timers fire late, at once
//! crash                                          the engine is rebuilt from what it has committed
//! show i1 · show ann                             the state of an item or a worker
//! explain i1                                     why it is where it is, and what keeps each worker from it
//! ```

use super::parse::{Part, Step};
use super::perform;
use super::tell::Names;
use crate::store::ModelStore;
use cordboard_domain::id::IdSource;
use cordboard_domain::signing::SigningSecret;
use cordboard_domain::time::Timestamp;
use cordboard_domain::work::*;

/// Monday, 2026-01-05, nine in the morning UTC: every script starts here.
pub const START: Timestamp = Timestamp::from_millis(1_767_603_600_000);
/// Ticks in a row that may be due at one moment before it counts as a hot loop.
const TICKS_MAX: usize = 1_000;

pub struct Stage {
    pub engine: Engine,
    pub store: ModelStore,
    pub now: Timestamp,
    pub names: Names,
    pub trace: Vec<String>,
}

pub fn traces(parts: &[Part]) -> Result<Vec<Vec<String>>, String> {
    let mut stage = Stage::new()?;
    let mut traces = Vec::new();
    for part in parts {
        let Part::Step(step) = part else { continue };
        perform::perform(&mut stage, step).map_err(|why| format!("line {}: {why}", step.line))?;
        traces.push(std::mem::take(&mut stage.trace));
    }
    Ok(traces)
}

impl Stage {
    fn new() -> Result<Self, String> {
        let (account, records) =
            found_account("script", START, &mut IdSource::new(1), SigningSecret::new("script".to_owned()));
        let mut store = ModelStore::new(account.clone());
        records.iter().for_each(|record| store.put(record.clone()));
        let engine = Engine::recover(account, 0, 2, START, records).map_err(|error| error.to_string())?;
        Ok(Self { engine, store, now: START, names: Names::default(), trace: Vec::new() })
    }

    /// Carries out one command, commits it, and tells what came of it.
    pub fn handle(&mut self, command: Command) -> Result<Option<Reply>, String> {
        let mut out = Vec::new();
        let result = self.engine.handle(self.now, &actor_of(&command), command, &mut out);
        self.store.commit(&out)?;
        for output in &out {
            if let Output::Effect(Effect::Call(calling)) = output {
                self.names.note_call(*calling);
            }
            let Output::Event(event) = output else { continue };
            if let Some(line) = self.names.tell(event, &self.store) {
                self.trace.push(format!("{} {line}", clock(self.now)));
            }
        }
        match result {
            Ok(reply) => Ok(Some(reply)),
            Err(Rejection::Document { findings }) => {
                for finding in findings {
                    self.trace.push(format!("refused: {} at {}: {}", finding.code, finding.pointer, finding.message));
                }
                Ok(None)
            }
            Err(rejection) => {
                self.trace.push(format!("refused: {rejection}"));
                Ok(None)
            }
        }
    }

    /// The callouts that wait for an answer, by the names of their items.
    pub fn outstanding(&mut self) {
        for calling in self.engine.outstanding() {
            let url = self.engine.callout(calling, self.now).map_or_else(|| "nobody".into(), |callout| callout.url);
            let line = match calling {
                Calling::Request { item, .. } => format!("{} asks {url}", self.names.item_name(&item.to_string())),
                Calling::Assignment(id) => {
                    let item = self.store.reservations.get(&id).map(|it| it.item.to_string()).unwrap_or_default();
                    format!("an offer of {} asks {url}", self.names.item_name(&item))
                }
            };
            self.trace.push(line);
        }
    }

    /// Lets time pass; every timer fires at its own moment.
    pub fn pass(&mut self, millis: i64) -> Result<(), String> {
        let end = self.now.plus_millis(millis);
        while let Some(next) = self.engine.next_deadline().filter(|next| *next <= end) {
            self.now = self.now.max(next);
            self.fire()?;
        }
        self.now = end;
        Ok(())
    }

    pub fn fire(&mut self) -> Result<(), String> {
        for _ in 0..TICKS_MAX {
            if self.engine.next_deadline().is_none_or(|next| next > self.now) {
                return Ok(());
            }
            self.handle(Command::Tick)?;
        }
        Err(format!("timers are due again and again at {}", clock(self.now)))
    }

    pub fn crash(&mut self) -> Result<(), String> {
        let (account, records) = (self.store.account.clone(), self.store.recovery_records());
        let recovered = Engine::recover(account, self.store.sequence, 3, self.now, records);
        self.engine = recovered.map_err(|error| error.to_string())?;
        self.fire()
    }
}

/// Who gives a command in a script.
pub fn actor_of(command: &Command) -> Actor {
    match command {
        Command::AnswerRequest { .. } | Command::AnswerAssignment { .. } => Actor::Callback,
        _ => Actor::Operator,
    }
}

/// Minutes and seconds since the script began, with milliseconds and hours where there are any.
pub fn clock(at: Timestamp) -> String {
    let millis = at.millis_since(START);
    let (hours, minutes, seconds) = (millis / 3_600_000, millis / 60_000 % 60, millis / 1_000 % 60);
    let hours = if hours > 0 { format!("{hours}:") } else { String::new() };
    let fraction = if millis % 1_000 > 0 { format!(".{:03}", millis % 1_000) } else { String::new() };
    format!("{hours}{minutes:02}:{seconds:02}{fraction}")
}

impl Step {
    pub fn word(&self, place: usize) -> Option<&str> {
        self.words
            .iter()
            .filter_map(|word| if let super::parse::Word::Text(text) = word { Some(text) } else { None })
            .nth(place)
            .map(String::as_str)
    }

    pub fn pair(&self, name: &str) -> Option<&str> {
        self.words.iter().find_map(|word| match word {
            super::parse::Word::Pair(key, value) if key == name => Some(value.as_str()),
            _ => None,
        })
    }

    pub fn number<N: std::str::FromStr>(&self, name: &str) -> Result<Option<N>, String> {
        let Some(text) = self.pair(name) else { return Ok(None) };
        text.parse().map(Some).map_err(|_| format!("`{name}={text}` is not a number"))
    }

    pub fn yes(&self, name: &str) -> bool {
        self.pair(name) == Some("yes")
    }

    pub fn json(&self) -> Option<&serde_json::Value> {
        self.words.iter().find_map(|word| match word {
            super::parse::Word::Json(value) => Some(value),
            _ => None,
        })
    }
}
