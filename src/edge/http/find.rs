//! Finding what a path names, by id or by name, within the caller's account.

use super::HttpState;
use super::auth::Caller;
use super::error::ApiError;
use crate::runtime::store::Kind;
use cordboard_domain::id::*;
use cordboard_domain::work::{Item, Record, WorkerView};
use serde::Deserialize;
use utoipa::IntoParams;

/// Entries of a page when the caller does not say.
const PAGE_DEFAULT: u64 = 50;
const PAGE_MAX: u64 = 200;

/// Which page of a list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PageParams {
    /// Entries of the page, 1 to 200; default 50.
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<u64>,
    /// The `next` of the page before.
    #[param(max_length = 100)]
    pub after: Option<String>,
}

/// The entries that a page may have.
pub fn limit(given: Option<u64>) -> Result<u64, ApiError> {
    match given {
        None => Ok(PAGE_DEFAULT),
        Some(limit) if (1..=PAGE_MAX).contains(&limit) => Ok(limit),
        Some(_) => Err(ApiError::parameter("limit", "out_of_range", format!("must be from 1 to {PAGE_MAX}"))),
    }
}

/// The cursor of a page: the id of the last entry before it, which may be gone by now.
pub fn cursor(after: Option<String>, is_id: impl Fn(&str) -> bool) -> Result<Option<String>, ApiError> {
    match after {
        Some(after) if !is_id(&after) => {
            Err(ApiError::parameter("after", "bad_value", "not a cursor of this list; give the `next` of a page of it"))
        }
        after => Ok(after),
    }
}

pub fn is_id(kind: Kind, text: &str) -> bool {
    match kind {
        Kind::Activity => ActivityId::parse(text).is_ok(),
        Kind::Channel => ChannelId::parse(text).is_ok(),
        Kind::Queue => QueueId::parse(text).is_ok(),
        Kind::Schedule => ScheduleId::parse(text).is_ok(),
        Kind::Workflow => WorkflowId::parse(text).is_ok(),
        Kind::EventChannel => EventChannelId::parse(text).is_ok(),
        Kind::Item => ItemId::parse(text).is_ok(),
        Kind::Reservation => ReservationId::parse(text).is_ok(),
    }
}

/// The id of what a filter names, by id or, for configuration, by name. That it names nothing is told: an empty page
/// would not tell a misspelt name from one that has nothing.
pub async fn filtered(
    state: &HttpState,
    caller: &Caller,
    kind: Kind,
    parameter: &str,
    named: Option<String>,
) -> Result<Option<String>, ApiError> {
    let Some(reference) = named else { return Ok(None) };
    let found = config_id(state, caller, kind, &reference).await;
    found.map(Some).map_err(|error| unknown_in_filter(parameter, error))
}

/// The name of the channel that a filter names: items keep the name.
pub async fn filtered_channel(
    state: &HttpState,
    caller: &Caller,
    named: Option<String>,
) -> Result<Option<String>, ApiError> {
    let Some(reference) = named else { return Ok(None) };
    match config_record(state, caller, Kind::Channel, &reference).await {
        Ok(Record::Channel(channel)) => Ok(Some(channel.name.to_string())),
        Ok(_) => Err(ApiError::not_found("channel")),
        Err(error) => Err(unknown_in_filter("channel", error)),
    }
}

fn unknown_in_filter(parameter: &str, error: ApiError) -> ApiError {
    match error.status.as_u16() {
        404 => ApiError::parameter(parameter, "unknown_reference", error.detail),
        _ => error,
    }
}

/// The worker whose resources are listed: the caller's own for an agent that names none.
pub async fn filtered_worker(
    state: &HttpState,
    caller: &Caller,
    named: Option<String>,
) -> Result<Option<WorkerId>, ApiError> {
    let Some(named) = named else { return Ok(caller.held_to()) };
    let found = worker(state, caller, &named).await;
    found.map(|view| Some(view.worker.id)).map_err(|error| unknown_in_filter("worker", error))
}

/// The id of a configuration resource that a path or a parameter names.
pub async fn config_id(state: &HttpState, caller: &Caller, kind: Kind, reference: &str) -> Result<String, ApiError> {
    let store = state.runtime.store();
    if let Some(id) = store.named(caller.account, kind, reference).await? {
        return Ok(id);
    }
    match store.get(caller.account, kind, reference).await? {
        Some(_) => Ok(reference.to_owned()),
        None => Err(ApiError::not_found(noun(kind))),
    }
}

pub fn noun(kind: Kind) -> &'static str {
    match kind {
        Kind::Activity => "activity",
        Kind::Channel => "channel",
        Kind::Queue => "queue",
        Kind::Schedule => "schedule",
        Kind::Workflow => "workflow",
        Kind::EventChannel => "event channel",
        Kind::Item => "work item",
        Kind::Reservation => "reservation",
    }
}

pub async fn config_record(
    state: &HttpState,
    caller: &Caller,
    kind: Kind,
    reference: &str,
) -> Result<Record, ApiError> {
    let id = config_id(state, caller, kind, reference).await?;
    state.runtime.store().get(caller.account, kind, &id).await?.ok_or_else(|| ApiError::not_found(noun(kind)))
}

/// A worker by id or name, as the engine knows it.
pub async fn worker(state: &HttpState, caller: &Caller, reference: &str) -> Result<WorkerView, ApiError> {
    let named = reference.to_owned();
    let found = state.runtime.read(caller.account, move |engine, _| engine.find_worker(&named)).await?;
    let view = found.ok_or_else(|| ApiError::not_found("worker"))?;
    match caller.held_to() {
        Some(own) if own != view.worker.id => Err(ApiError::not_found("worker")),
        Some(_) | None => Ok(view),
    }
}

pub fn item_id(text: &str) -> Result<ItemId, ApiError> {
    ItemId::parse(text).map_err(|_| ApiError::not_found("work item"))
}

pub fn reservation_id(text: &str) -> Result<ReservationId, ApiError> {
    ReservationId::parse(text).map_err(|_| ApiError::not_found("reservation"))
}

/// A work item, open or ended; an agent finds those only that it holds or is offered.
pub async fn item(state: &HttpState, caller: &Caller, id: ItemId) -> Result<Item, ApiError> {
    let found = state.runtime.store().get(caller.account, Kind::Item, &id.to_string()).await?;
    let Some(Record::Item(item)) = found else { return Err(ApiError::not_found("work item")) };
    if let Some(own) = caller.held_to() {
        let offered = state.runtime.read(caller.account, move |engine, _| engine.has_reservation(own, id)).await?;
        if item.worker != Some(own) && !offered {
            return Err(ApiError::not_found("work item"));
        }
    }
    Ok(item)
}
