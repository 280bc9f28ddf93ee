//! The REST resources, one file each.

pub mod account;
pub mod activity;
pub mod api_key;
pub mod channel;
pub mod delivery;
pub mod event;
pub mod event_channel;
pub mod queue;
pub mod reservation;
pub mod schedule;
pub mod signing_secret;
pub mod statistics;
pub mod statistics_history;
pub mod subscription;
pub mod subscription_secret;
pub mod work_item;
pub mod worker;
pub mod workflow;
pub mod workflow_check;

use super::HttpState;
use super::answer::{self, Answer};
use super::auth::Caller;
use super::error::ApiError;
use super::find::{self, PageParams};
use crate::runtime::store::{Filter, Kind};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Deserializer};

/// A page of one kind of configuration.
async fn list_config(
    state: &HttpState,
    caller: &Caller,
    kind: Kind,
    page: PageParams,
    name: Option<String>,
) -> Result<Answer, ApiError> {
    caller.not_agent()?;
    let limit = find::limit(page.limit)?;
    let after = find::cursor(page.after, |text| find::is_id(kind, text))?;
    let filter = Filter { name, after, limit: limit + 1, ..Filter::default() };
    let records = state.runtime.store().list(caller.account, kind, &filter).await?;
    let entries = records.iter().map(|record| answer::show(record).body).collect();
    Ok(answer::page(entries, limit, answer::by_id))
}

async fn get_config(state: &HttpState, caller: &Caller, kind: Kind, reference: &str) -> Result<Response, ApiError> {
    caller.not_agent()?;
    let record = find::config_record(state, caller, kind, reference).await?;
    Ok(Answer::resource(answer::show(&record)).into_response())
}

/// Tells a field that is `null` from one that is not there.
fn given<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<T>>, D::Error> {
    Option::<T>::deserialize(deserializer).map(Some)
}
