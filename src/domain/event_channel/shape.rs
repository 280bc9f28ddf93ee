//! The machine that turns an account's events into what one receiver of a channel is sent.
//!
//! | input | what comes of it |
//! |---|---|
//! | an event | nothing (not wanted), a place in a batch, a message, or a count of what was dropped |
//! | a time | the batch or the summary that is due |
//! | an end (of a rule's validity) | whatever was held back |

use super::dropped::{Dropped, Reason};
use super::select::selected;
use super::{Batch, ChannelRules};
use crate::event::matching_types;
use crate::id::{AccountId, EventChannelId};
use crate::rule::{Expression, RuleError};
use crate::time::Timestamp;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Bytes of events after which a batch is sent although it could take more of them.
const BATCH_BYTES_FULL: usize = 512 * 1024;
/// How long events that are too old, or that the filter fails for, are counted before the count is told.
const SUMMARY_AFTER_MS: i64 = 1_000;

/// An event on its way into a channel.
#[derive(Debug, Clone, Copy)]
pub struct Passing<'a> {
    pub sequence: u64,
    pub id: &'a str,
    pub event_type: &'a str,
    pub time: Timestamp,
    /// CloudEvents JSON.
    pub text: &'a str,
}

/// What is sent at once: one event, or an array of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Of the event, or of the batch: the same whenever it is sent.
    pub id: String,
    pub first_sequence: u64,
    /// A receiver that has it resumes after this.
    pub last_sequence: u64,
    pub events: usize,
    /// Type of the event; none for a batch.
    pub event_type: Option<String>,
    pub body: String,
}

impl Message {
    /// As a batch of one.
    pub fn alone_in_batch(self) -> Self {
        let id = format!("{}-{}", self.id, self.last_sequence);
        Self { id, event_type: None, body: format!("[{}]", self.body), ..self }
    }
}

#[derive(Debug)]
pub struct Shaper {
    account: AccountId,
    channel: EventChannelId,
    /// All when there are none.
    types: BTreeSet<&'static str>,
    filter: Option<Expression>,
    rules: ChannelRules,
    paused: bool,
    /// The second that events are counted in, by their own time, and how many of it have passed.
    second: Option<(i64, u32)>,
    dropped: Option<Dropped>,
    batch: Option<Held>,
}

/// Events that wait for others.
#[derive(Debug)]
struct Held {
    id: String,
    first_sequence: u64,
    last_sequence: u64,
    events: usize,
    body: String,
    due: Timestamp,
}

impl Shaper {
    /// # Errors
    /// A filter that is no expression; such a channel cannot have been saved.
    pub fn new(
        account: AccountId,
        channel: EventChannelId,
        rules: ChannelRules,
        paused: bool,
    ) -> Result<Self, RuleError> {
        let types = rules.types.iter().flat_map(|pattern| matching_types(pattern)).collect();
        let filter = rules.filter.as_ref().map(Expression::compile).transpose()?;
        let (second, dropped, batch) = (None, None, None);
        Ok(Self { account, channel, types, filter, rules, paused, second, dropped, batch })
    }

    /// Types of the events that it wants to see; all when there are none.
    pub fn types(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.types.iter().copied()
    }

    pub fn take(&mut self, now: Timestamp, event: &Passing<'_>, out: &mut Vec<Message>) {
        if !self.types.is_empty() && !self.types.contains(event.event_type) {
            return;
        }
        let parsed = (self.filter.is_some() || self.rules.fields.is_some()).then(|| parse(event.text));
        if let (Some(filter), Some(parsed)) = (&self.filter, &parsed) {
            match filter.truthy(&json!({ "event": parsed })) {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => return self.drop(now, Reason::FilterFailed, event, Some(error.message), out),
            }
        }
        if self.paused {
            return self.drop(now, Reason::Paused, event, None, out);
        }
        let kept_s = self.rules.retention_s.map(i64::from);
        if kept_s.is_some_and(|kept_s| now.millis() - event.time.millis() > kept_s * 1_000) {
            return self.drop(now, Reason::Retention, event, None, out);
        }
        if !self.has_room_in_second(event.time) {
            return self.drop(now, Reason::Throttle, event, None, out);
        }
        self.tell_dropped(now, out);
        match (&self.rules.fields, &parsed) {
            (Some(fields), Some(parsed)) => {
                let text = selected(parsed, fields).to_string();
                self.pass(now, event.id, event.sequence, event.event_type, &text, out);
            }
            _ => self.pass(now, event.id, event.sequence, event.event_type, event.text, out),
        }
    }

    /// Sends what is due.
    pub fn tick(&mut self, now: Timestamp, out: &mut Vec<Message>) {
        if self.dropped.as_ref().and_then(|dropped| dropped.due).is_some_and(|due| due <= now) {
            self.tell_dropped(now, out);
        }
        if self.batch.as_ref().is_some_and(|batch| batch.due <= now) {
            self.send_batch(out);
        }
    }

    /// Sends all that is held back: these rules end here.
    pub fn end(&mut self, now: Timestamp, out: &mut Vec<Message>) {
        self.tell_dropped(now, out);
        self.send_batch(out);
    }

    pub fn next_deadline(&self) -> Option<Timestamp> {
        let dropped = self.dropped.as_ref().and_then(|dropped| dropped.due);
        dropped.into_iter().chain(self.batch.as_ref().map(|batch| batch.due)).min()
    }

    /// The first sequence number that has not been sent or told of, if something is held back.
    pub fn held_from(&self) -> Option<u64> {
        let batch = self.batch.as_ref().map(|batch| batch.first_sequence);
        batch.or(self.dropped.as_ref().map(|dropped| dropped.first_sequence))
    }

    /// Counts an event in its second. Those of an earlier one that come late are counted in the present one.
    fn has_room_in_second(&mut self, time: Timestamp) -> bool {
        let Some(throttle) = self.rules.throttle else { return true };
        let second = time.millis().div_euclid(1_000);
        let passed = match self.second {
            Some((current, passed)) if second <= current => passed,
            _ => 0,
        };
        let has_room = passed < throttle.events_per_s;
        let current = self.second.map_or(second, |(current, _)| current.max(second));
        self.second = Some((current, passed + u32::from(has_room)));
        has_room
    }

    fn drop(
        &mut self,
        now: Timestamp,
        reason: Reason,
        event: &Passing<'_>,
        error: Option<String>,
        out: &mut Vec<Message>,
    ) {
        if let Some(dropped) = self.dropped.as_mut().filter(|dropped| dropped.reason == reason) {
            dropped.add(event);
            return;
        }
        self.tell_dropped(now, out);
        let due = match reason {
            Reason::Throttle => {
                let end = Timestamp::from_millis((event.time.millis().div_euclid(1_000) + 1) * 1_000);
                // Whoever reads what is past is told once, and not of each event by itself.
                Some(if end > now { end } else { now.plus_millis(SUMMARY_AFTER_MS) })
            }
            Reason::Retention | Reason::FilterFailed => Some(now.plus_millis(SUMMARY_AFTER_MS)),
            Reason::Paused => None,
        };
        self.dropped = Some(Dropped::new(reason, event, due, error));
    }

    fn tell_dropped(&mut self, now: Timestamp, out: &mut Vec<Message>) {
        let Some(dropped) = self.dropped.take() else { return };
        let (id, text) = dropped.summary(self.account, self.channel);
        self.hand_on(now, (&id, super::EVENTS_DROPPED), (dropped.first_sequence, dropped.last_sequence), &text, out);
    }

    fn pass(&mut self, now: Timestamp, id: &str, sequence: u64, kind: &str, text: &str, out: &mut Vec<Message>) {
        self.hand_on(now, (id, kind), (sequence, sequence), text, out);
    }

    /// Sends an event, or lets it wait for others.
    fn hand_on(
        &mut self,
        now: Timestamp,
        (id, kind): (&str, &str),
        (first_sequence, last_sequence): (u64, u64),
        text: &str,
        out: &mut Vec<Message>,
    ) {
        let Some(Batch { events_max, delay_s }) = self.rules.batch else {
            let (id, body, event_type) = (id.to_owned(), text.to_owned(), Some(kind.to_owned()));
            out.push(Message { id, first_sequence, last_sequence, events: 1, event_type, body });
            return;
        };
        let due = now.plus_millis(i64::from(delay_s) * 1_000);
        let held = self.batch.get_or_insert_with(|| Held {
            id: id.to_owned(),
            first_sequence,
            last_sequence,
            events: 0,
            body: String::new(),
            due,
        });
        held.body.push(if held.events == 0 { '[' } else { ',' });
        held.body.push_str(text);
        held.events += 1;
        held.last_sequence = last_sequence;
        if held.events >= events_max as usize || held.body.len() >= BATCH_BYTES_FULL {
            self.send_batch(out);
        }
    }

    fn send_batch(&mut self, out: &mut Vec<Message>) {
        let Some(Held { id, first_sequence, last_sequence, events, mut body, .. }) = self.batch.take() else { return };
        body.push(']');
        let id = format!("{id}-{last_sequence}");
        out.push(Message { id, first_sequence, last_sequence, events, event_type: None, body });
    }
}

/// Texts of events are JSON that the engine wrote.
fn parse(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_default()
}
