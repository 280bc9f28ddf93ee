//! What a channel did not let pass, told in one summary: nothing is left out without a word.

use super::shape::{Message, Passing};
use crate::id::{AccountId, EventChannelId};
use crate::time::Timestamp;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Type of the summary. It is an event of the channel and not of the log, so it has no number of its own there.
pub const EVENTS_DROPPED: &str = "event_channel.events_dropped";

/// Why events were dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    Throttle,
    Retention,
    /// The channel was paused.
    Paused,
    /// The filter could not be evaluated for them.
    FilterFailed,
}

impl Reason {
    fn name(self) -> &'static str {
        match self {
            Self::Throttle => "throttle",
            Self::Retention => "retention",
            Self::Paused => "paused",
            Self::FilterFailed => "filter_failed",
        }
    }
}

/// Events dropped one after the other for one reason, not told yet.
#[derive(Debug)]
pub struct Dropped {
    pub reason: Reason,
    pub first_sequence: u64,
    pub last_sequence: u64,
    last_time: Timestamp,
    by_type: BTreeMap<String, u64>,
    /// What the first of them met with.
    error: Option<String>,
    /// When it is told at the latest; while a channel is paused, only at the pause's end.
    pub due: Option<Timestamp>,
}

impl Dropped {
    pub fn new(reason: Reason, event: &Passing<'_>, due: Option<Timestamp>, error: Option<String>) -> Self {
        let (sequence, by_type) = (event.sequence, BTreeMap::new());
        let (first_sequence, last_sequence, last_time) = (sequence, sequence, event.time);
        let mut dropped = Self { reason, first_sequence, last_sequence, last_time, by_type, error, due };
        dropped.add(event);
        dropped
    }

    pub fn add(&mut self, event: &Passing<'_>) {
        (self.last_sequence, self.last_time) = (event.sequence, event.time);
        *self.by_type.entry(event.event_type.to_owned()).or_default() += 1;
    }

    /// Id and text of the summary, an event like any other. Its `sequence` is that of the last event dropped, so that
    /// it has its place in the order and a receiver resumes after it.
    pub fn summary(&self, account: AccountId, channel: EventChannelId) -> (String, String) {
        let id = format!("{channel}-{}", self.last_sequence);
        let mut data = json!({
            "event_channel": channel,
            "reason": self.reason.name(),
            "dropped": self.by_type.values().sum::<u64>(),
            "by_type": self.by_type,
            "first_sequence": self.first_sequence,
            "last_sequence": self.last_sequence,
        });
        if let Some(error) = &self.error {
            data["error"] = json!(error);
        }
        let text = summary(&id, (account, channel), self.last_time, &data, self.last_sequence);
        (id, text)
    }
}

fn summary(
    id: &str,
    (account, channel): (AccountId, EventChannelId),
    time: Timestamp,
    data: &Value,
    sequence: u64,
) -> String {
    let event = json!({
        "specversion": "1.0",
        "id": id,
        "source": format!("/accounts/{account}"),
        "type": EVENTS_DROPPED,
        "subject": channel,
        "time": time,
        "datacontenttype": "application/json",
        "data": data,
        "sequence": sequence,
    });
    event.to_string()
}

/// What a receiver is told of events that were forgotten before they could be looked at. How many of them it would have
/// been sent, nobody knows any more.
pub fn missed(
    account: AccountId,
    channel: EventChannelId,
    (first_sequence, last_sequence): (u64, u64),
    now: Timestamp,
) -> Message {
    let id = format!("{channel}-{last_sequence}");
    let data = json!({
        "event_channel": channel,
        "reason": "forgotten",
        "first_sequence": first_sequence,
        "last_sequence": last_sequence,
    });
    let body = summary(&id, (account, channel), now, &data, last_sequence);
    Message { id, first_sequence, last_sequence, events: 1, event_type: Some(EVENTS_DROPPED.to_owned()), body }
}
