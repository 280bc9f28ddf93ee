//! Finding and checking what a command names: references, revisions, names and limits. Everything here reads; a command
//! asks it all before it changes anything.

use super::{Engine, Kind};
use crate::id::*;
use crate::limit::*;
use crate::rule::{Place, Severity, check_expression};
use crate::signing::{RotationRefused, SigningSecret, rotated};
use crate::time::Timestamp;
use crate::work::matching::floor::Slot;
use crate::work::*;
use serde_json::Value;

pub(in crate::work) fn invalid(pointer: &str, code: &'static str, message: impl Into<String>) -> Rejection {
    Rejection::Invalid { pointer: pointer.to_owned(), code, message: message.into() }
}

pub(in crate::work) fn conflict(code: &'static str, message: impl Into<String>) -> Rejection {
    Rejection::Conflict { code, message: message.into() }
}

pub(in crate::work) fn check_revision(stamp: &Stamp, expected: Expected) -> Result<(), Rejection> {
    match expected {
        Some(revision) if revision != stamp.revision => Err(Rejection::Stale { actual: stamp.revision }),
        Some(_) | None => Ok(()),
    }
}

pub(in crate::work) fn check_limit(resource: &'static str, count: usize, limit: usize) -> Result<(), Rejection> {
    if count >= limit { Err(Rejection::Full { resource, limit }) } else { Ok(()) }
}

/// Checks the bounds of a number that a caller gave.
pub(in crate::work) fn check_range<N: PartialOrd + std::fmt::Display>(
    pointer: &str,
    number: N,
    least: N,
    most: N,
) -> Result<N, Rejection> {
    if number < least || number > most {
        return Err(invalid(pointer, "out_of_range", format!("must be from {least} to {most}")));
    }
    Ok(number)
}

/// Attributes are a JSON object of bounded size and depth.
pub(in crate::work) fn check_attributes(attributes: &Value) -> Result<(), Rejection> {
    if !attributes.is_object() {
        return Err(invalid("/attributes", "not_an_object", "attributes must be a JSON object"));
    }
    if depth(attributes, ATTRIBUTES_DEPTH_MAX) > ATTRIBUTES_DEPTH_MAX {
        return Err(invalid("/attributes", "too_deep", format!("at most {ATTRIBUTES_DEPTH_MAX} levels of nesting")));
    }
    check_attributes_size(attributes.to_string().len())
}

pub(in crate::work) fn check_attributes_size(bytes: usize) -> Result<(), Rejection> {
    if bytes > ATTRIBUTES_BYTES_MAX {
        return Err(invalid("/attributes", "too_large", format!("at most {ATTRIBUTES_BYTES_MAX} bytes as JSON")));
    }
    Ok(())
}

/// The secrets after another was put in front, and until when those before it sign.
pub(in crate::work) fn rotated_secrets(
    secrets: &[SigningSecret],
    fresh: SigningSecret,
    now: Timestamp,
    overlap_s: u32,
) -> Result<(Vec<SigningSecret>, Timestamp), Rejection> {
    check_range("/overlap_s", overlap_s, 0, SECRET_OVERLAP_S_MAX)?;
    let until = now.plus_seconds(overlap_s);
    let secrets = rotated(secrets, fresh, now, until).map_err(|refused| {
        let code = match refused {
            RotationRefused::InUse => "secret_in_use",
            RotationRefused::TooMany { .. } => "too_many_secrets",
        };
        conflict(code, refused.to_string())
    })?;
    Ok((secrets, until))
}

/// Nesting of a value, no deeper than `most` + 1 so that no input can exhaust the stack.
fn depth(value: &Value, most: usize) -> usize {
    if most == 0 {
        return 1;
    }
    let deepest = match value {
        Value::Array(values) => values.iter().map(|value| depth(value, most - 1)).max(),
        Value::Object(fields) => fields.values().map(|value| depth(value, most - 1)).max(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => return 0,
    };
    1 + deepest.unwrap_or(0)
}

/// What every name must be: neither empty nor too long, without blanks at its ends and control characters.
pub fn check_name_text(name: &str) -> Result<(), Rejection> {
    let chars = name.chars().count();
    if chars == 0 || chars > NAME_CHARS_MAX || name.trim() != name || name.chars().any(char::is_control) {
        let message = format!("a name has 1 to {NAME_CHARS_MAX} characters, none at its ends blank, none a control");
        return Err(invalid("/name", "bad_name", message));
    }
    Ok(())
}

impl Engine {
    /// A new name must be free, neither empty nor too long, and must not look like an id.
    pub(in crate::work) fn check_name(&self, kind: Kind, name: &str, own: Option<&str>) -> Result<(), Rejection> {
        check_name_text(name)?;
        if own != Some(name) && self.config.name_taken(kind, name) {
            return Err(conflict("name_taken", format!("another {} is named `{name}`", kind.noun())));
        }
        Ok(())
    }

    /// Checks one expression of the configuration.
    pub(in crate::work) fn check_rule(&self, value: &Value, pointer: &str, place: Place) -> Result<(), Rejection> {
        let mut findings = Vec::new();
        check_expression(value, pointer, place, &mut findings);
        if findings.iter().any(|finding| finding.severity == Severity::Error) {
            return Err(Rejection::Document { findings });
        }
        Ok(())
    }

    fn resolve(&self, kind: Kind, reference: &Reference, pointer: &str) -> Result<u128, Rejection> {
        self.config.find(kind, reference).ok_or_else(|| {
            let message = format!("no {} has the id or name `{}`", kind.noun(), reference.0);
            invalid(pointer, "unknown_reference", message)
        })
    }

    pub(in crate::work) fn resolve_activity(&self, to: &Reference, pointer: &str) -> Result<ActivityId, Rejection> {
        self.resolve(Kind::Activity, to, pointer).map(ActivityId)
    }

    pub(in crate::work) fn resolve_queue(&self, to: &Reference, pointer: &str) -> Result<QueueId, Rejection> {
        self.resolve(Kind::Queue, to, pointer).map(QueueId)
    }

    pub(in crate::work) fn resolve_workflow(&self, to: &Reference, pointer: &str) -> Result<WorkflowId, Rejection> {
        self.resolve(Kind::Workflow, to, pointer).map(WorkflowId)
    }

    pub(in crate::work) fn resolve_event_channel(
        &self,
        to: &Reference,
        pointer: &str,
    ) -> Result<EventChannelId, Rejection> {
        self.resolve(Kind::EventChannel, to, pointer).map(EventChannelId)
    }

    pub(in crate::work) fn resolve_worker(&self, to: &Reference, pointer: &str) -> Result<WorkerId, Rejection> {
        let id = self.resolve(Kind::Worker, to, pointer).map(WorkerId)?;
        match self.floor.slot(id) {
            Some(_) => Ok(id),
            None => Err(invalid(pointer, "unknown_reference", format!("no worker has the id `{id}`"))),
        }
    }

    pub(in crate::work) fn resolve_channel(&self, name: &str, pointer: &str) -> Result<u16, Rejection> {
        let unknown = || invalid(pointer, "unknown_reference", format!("no channel is named `{name}`"));
        self.config.channel_number(name).ok_or_else(unknown)
    }

    pub(in crate::work) fn worker_slot(&self, id: WorkerId) -> Result<Slot, Rejection> {
        self.floor.slot(id).ok_or(Rejection::NotFound { resource: "worker" })
    }

    /// A worker as answers and events show it.
    pub(in crate::work) fn worker_view(&self, id: WorkerId) -> Option<WorkerView> {
        let seat = self.floor.seat_of(id)?;
        let channels = self.config.channels.iter().enumerate().filter(|(_, entry)| !entry.deleted);
        let (mut capacity, mut load) = (std::collections::BTreeMap::new(), std::collections::BTreeMap::new());
        for (number, entry) in channels {
            let number = number as u16;
            capacity.insert(entry.name.to_string(), seat.effective_capacity(number, self.floor.exclusions()));
            load.insert(entry.name.to_string(), seat.load_on(number));
        }
        let available = seat.available();
        let idle_since = (available && seat.held == 0).then_some(seat.worker.idle_since);
        let activity_name = seat.activity.to_string();
        Some(WorkerView { worker: seat.worker.clone(), activity_name, capacity, load, available, idle_since })
    }
}
