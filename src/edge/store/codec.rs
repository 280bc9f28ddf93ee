//! Records to and from the JSON of their rows.

use crate::runtime::store::{Kind, StoreError};
use cordboard_domain::work::Record;
use serde::Serialize;
use serde::de::DeserializeOwned;

pub(super) fn encode(value: &impl Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value)
        .map_err(|error| StoreError::Unreadable { what: "record".to_owned(), why: error.to_string() })
}

pub(super) fn decode<T: DeserializeOwned>(what: &str, body: &str) -> Result<T, StoreError> {
    serde_json::from_str(body).map_err(|error| StoreError::Unreadable { what: what.to_owned(), why: error.to_string() })
}

/// The name of a kind in the column `kind`, and in messages.
pub(super) fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Activity => "activity",
        Kind::Channel => "channel",
        Kind::Queue => "queue",
        Kind::Schedule => "schedule",
        Kind::Workflow => "workflow",
        Kind::EventChannel => "event_channel",
        Kind::Item => "work_item",
        Kind::Reservation => "reservation",
    }
}

pub(super) fn decode_kind(kind: Kind, body: &str) -> Result<Record, StoreError> {
    let what = kind_name(kind);
    Ok(match kind {
        Kind::Activity => Record::Activity(decode(what, body)?),
        Kind::Channel => Record::Channel(decode(what, body)?),
        Kind::Queue => Record::Queue(decode(what, body)?),
        Kind::Schedule => Record::Schedule(decode(what, body)?),
        Kind::Workflow => Record::Workflow(decode(what, body)?),
        Kind::EventChannel => Record::EventChannel(decode(what, body)?),
        Kind::Item => Record::Item(decode(what, body)?),
        Kind::Reservation => Record::Reservation(decode(what, body)?),
    })
}

/// The word for a state in its column.
pub(super) fn state_name(state: &impl Serialize) -> Result<String, StoreError> {
    Ok(encode(state)?.trim_matches('"').to_owned())
}
