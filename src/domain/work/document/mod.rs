//! Workflow documents: read from JSON, checked against the account, and flattened into programs that the engine runs.
//!
//! A program is a rule's steps with branches turned into jumps, so that an item's place is two numbers. Nothing here
//! knows of items or of the engine. `docs/workflows.md` is the manual for those who write documents.

mod directory;
mod read;
mod reader;
mod step;

pub use directory::{Directory, Holders, JsonType};
pub use step::finish::Outcome;
pub use step::route::Route;
pub use step::set::Set;
pub use step::wait::Until;

use crate::rule::{Expression, Finding, Severity};
use chrono_tz::Tz;
use serde_json::Value;
use std::sync::Arc;

/// A document, ready to run.
#[derive(Debug)]
pub struct Document {
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
#[derive(Debug)]
pub struct Rule {
    pub when: Expression,
    pub program: Program,
}

/// The steps of one rule or of the default.
#[derive(Debug)]
pub struct Program {
    /// The rule's name, or `default`.
    pub name: Arc<str>,
    /// JSON pointer of the rule.
    pub pointer: String,
    pub lines: Vec<Line>,
}

#[derive(Debug)]
pub struct Line {
    /// JSON pointer of the step.
    pub pointer: Arc<str>,
    pub op: Op,
}

#[derive(Debug)]
pub enum Op {
    Step(Action),
    /// Go on at `to` unless the condition holds: an arm of a branch.
    Unless { when: Expression, to: u16 },
    Jump { to: u16 },
}

#[derive(Debug)]
pub enum Action {
    Route(Box<Route>),
    Set(Set),
    Wait(Until),
    Goto { to: u16, count_max: u32 },
    Finish { outcome: Outcome, reason: Option<String> },
}

impl Document {
    /// Reads a document. It may be read long after it was checked, when queues have come and gone, so only what the
    /// document itself says is looked at.
    ///
    /// # Errors
    /// All findings, when one of them is an error.
    pub fn parse(value: &Value) -> Result<Self, Vec<Finding>> {
        let (document, findings) = read::document(value, None);
        match document {
            Some(document) if !findings.iter().any(is_error) => Ok(document),
            Some(_) | None => Err(arranged(findings)),
        }
    }

    /// Everything that is wrong or doubtful about a document in this account, errors first.
    pub fn check(value: &Value, directory: &dyn Directory) -> Vec<Finding> {
        arranged(read::document(value, Some(directory)).1)
    }

    /// The program of a rule, or of the default.
    pub fn program(&self, rule: Option<u16>) -> Option<&Program> {
        match rule {
            Some(rule) => self.rules.get(rule as usize).map(|rule| &rule.program),
            None => self.default.as_ref(),
        }
    }

    /// Queues that it routes to, as it names them.
    pub fn queues(&self) -> Vec<Box<str>> {
        self.queues.clone()
    }

    /// Schedules that its expressions ask about.
    pub fn schedules(&self) -> Vec<Box<str>> {
        self.schedules.clone()
    }
}

fn is_error(finding: &Finding) -> bool {
    finding.severity == Severity::Error
}

/// Errors first, otherwise in the order of the document.
fn arranged(mut findings: Vec<Finding>) -> Vec<Finding> {
    findings.sort_by_key(|finding| finding.severity);
    findings
}


#[cfg(test)]
mod tests;
