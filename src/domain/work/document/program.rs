//! What a document becomes: one flat program per rule, branches turned into jumps, so that an item's place is two
//! numbers. The engine runs it; nothing here knows of items.

use crate::limit::{CALLOUT_LOST_AFTER_S, CALLOUT_WAIT_S_MAX};
use crate::rule::{Expression, Template};
use std::sync::Arc;

/// The steps of one rule, or of the document's default.
#[derive(Debug, Clone, PartialEq)]
pub struct Program {
    /// The rule's name, or `default`.
    pub name: Arc<str>,
    /// JSON pointer of the rule, or of the default.
    pub pointer: String,
    pub lines: Vec<Line>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// JSON pointer of the step, or of the branch's arm.
    pub pointer: Arc<str>,
    pub label: Option<String>,
    pub op: Op,
}

/// A line number may be the number of lines: the program's end, where an item has run out of steps.
#[derive(Debug, Clone, PartialEq)]
pub enum Op {
    Step(Action),
    /// A branch's arm: on to `to` unless `when` holds.
    Unless {
        when: Expression,
        to: u16,
    },
    /// The end of a branch's arm.
    Jump {
        to: u16,
    },
}

#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    Route(Box<Route>),
    Set(Set),
    Wait(Until),
    Request(Box<Request>),
    /// Back or forth to a labelled step, `count_max` times for one item; then on with the next line.
    Goto {
        to: u16,
        count_max: u32,
    },
    Finish {
        outcome: Outcome,
        reason: Option<String>,
    },
}

/// Waiting in a queue for a worker.
#[derive(Debug, Clone, PartialEq)]
pub struct Route {
    /// Id or name; found at run time, since queues come and go.
    pub queue: Box<str>,
    /// Extra predicate over the queue's members.
    pub workers: Option<Template>,
    /// Id or name of the worker to be offered it first.
    pub prefer: Option<Expression>,
    /// Seconds that the item waits for its preferred worker, offered to no one else.
    pub prefer_wait_s: u32,
    pub known_worker_only: bool,
    /// Keys with whether the greater value comes first.
    pub order_by: Vec<(Template, bool)>,
    pub priority: Option<i64>,
    pub timeout_s: Option<u32>,
    pub skip_if: Option<Expression>,
    /// Workers that may hold an open offer at once.
    pub offers: u32,
    pub reservation_timeout_s: Option<u32>,
}

impl Route {
    /// Whether anything of the step is worked out from the item; a bare queue is not.
    pub fn reads_facts(&self) -> bool {
        self.workers.is_some() || self.prefer.is_some() || self.skip_if.is_some() || !self.order_by.is_empty()
    }
}

/// A callout to an integrator's server, whose answer becomes attributes.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    pub url: Box<str>,
    pub fallback_url: Option<Box<str>>,
    /// Of each attempt.
    pub timeout_s: u32,
    /// The attribute that takes the answer as a whole.
    pub into: Option<String>,
    /// By name, in alphabetical order.
    pub send: Option<Vec<(String, Expression)>>,
}

impl Request {
    /// Seconds after which an answer counts as lost: both attempts, the wait for a turn, and what a busy moment takes.
    pub fn longest_s(&self) -> u32 {
        let attempts = 1 + u32::from(self.fallback_url.is_some());
        attempts * self.timeout_s + CALLOUT_WAIT_S_MAX + CALLOUT_LOST_AFTER_S
    }
}

/// New values of an item; each is computed with those before it set.
#[derive(Debug, Clone, PartialEq)]
pub struct Set {
    pub priority: Option<Expression>,
    /// By name, in alphabetical order.
    pub attributes: Vec<(String, Expression)>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Until {
    Seconds(u32),
    /// RFC 3339 text, or seconds since 1970.
    Instant(Expression),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Complete,
    Cancel,
}
