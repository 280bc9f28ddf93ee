//! Workflow documents: read from JSON, checked against the account, and flattened into programs that the engine runs.
//!
//! [`Document`] is what the person wrote, read; a [`Program`] is one rule's steps with branches turned into jumps, so
//! that an item's place is two numbers. Everything keeps its JSON pointer. Nothing here knows of items or the engine.
//! `docs/workflows.md` is the manual for those who write documents.

pub mod case;
mod check;
mod code;
mod directory;
mod flow;
mod object;
mod offline;
mod parse;
mod program;
mod read;
pub mod step;

pub use code::{CODES, Code};
pub use directory::{Directory, Holders, JsonType};
pub use offline::OfflineDirectory;
pub use program::{Action, Line, Op, Outcome, Program, Request, Route, Set, Until};

use crate::rule::{Expression, Finding};
use chrono_tz::Tz;
use read::Notes;
use serde_json::Value;

/// A document, ready to run.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    pub name: Option<String>,
    /// In which `sys.now` is told; UTC when the document does not say.
    pub time_zone: Tz,
    pub rules: Vec<Rule>,
    /// Steps of the items that no rule matched; without it they are canceled as `no_rule_matched`.
    pub default: Option<Program>,
    /// Seconds that an offer lasts where the step does not say.
    pub reservation_timeout_s: Option<u32>,
    queues: Vec<Box<str>>,
    schedules: Vec<Box<str>>,
}

/// One rule: its steps are taken by the items for which `when` is true and no rule above was.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    pub name: String,
    pub when: Expression,
    pub program: Program,
}

impl Document {
    /// Reads a document. It may be read long after it was checked, when queues have come and gone, so only what the
    /// document itself says is looked at.
    ///
    /// # Errors
    /// All findings, when one of them is an error.
    pub fn parse(value: &Value) -> Result<Self, Vec<Finding>> {
        let mut notes = Notes::default();
        match parse::document(value, &mut notes) {
            Some(document) if !notes.has_errors() => Ok(document),
            Some(_) | None => Err(code::arranged(notes.findings)),
        }
    }

    /// Everything that is wrong or doubtful about a document in this account, errors first.
    pub fn check(value: &Value, directory: &dyn Directory) -> Vec<Finding> {
        let mut notes = Notes::default();
        if let Some(document) = parse::document(value, &mut notes) {
            flow::check(&document, &mut notes);
        }
        check::against(directory, &mut notes);
        code::arranged(notes.findings)
    }

    /// The steps of a rule by its place, or those of the default.
    pub fn program(&self, rule: Option<u16>) -> Option<&Program> {
        match rule {
            Some(place) => self.rules.get(place as usize).map(|rule| &rule.program),
            None => self.default.as_ref(),
        }
    }

    /// URLs that its steps ask, each with its JSON pointer.
    pub fn urls(&self) -> Vec<(String, &str)> {
        let programs = self.rules.iter().map(|rule| &rule.program).chain(&self.default);
        let mut urls = Vec::new();
        for line in programs.flat_map(|program| &program.lines) {
            if let Op::Step(Action::Request(request)) = &line.op {
                urls.push((format!("{}/request/url", line.pointer), &*request.url));
                let fallback = request.fallback_url.as_deref();
                urls.extend(fallback.map(|url| (format!("{}/request/fallback_url", line.pointer), url)));
            }
        }
        urls
    }

    pub fn time_zone(&self) -> Tz {
        self.time_zone
    }

    /// Queues that it routes to, as it names them.
    pub fn queues(&self) -> Vec<Box<str>> {
        self.queues.clone()
    }

    /// Schedules that its expressions ask about, by name.
    pub fn schedules(&self) -> Vec<Box<str>> {
        self.schedules.clone()
    }
}
#[cfg(test)]
mod tests;
