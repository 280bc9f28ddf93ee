//! `/workers`: those who take work, their activity, and the tokens with which they speak for themselves.

use super::super::HttpState;
use super::super::answer::{self, Answer, Order, Shown, carry_out};
use super::super::auth::{Caller, worker_token};
use super::super::error::ApiError;
use super::super::extract::{Body, IdempotencyKey, IfMatch, NoIdempotencyKey, NoParams, Params};
use super::super::openapi::{Conflict, Forbidden};
use super::super::{find, schema};
use crate::runtime::store::Kind;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use cordboard_domain::id::WorkerId;
use cordboard_domain::work::view::WorkerJson;
use cordboard_domain::work::{Command, NewWorker as Creation, Reference, WorkerChange as Change, WorkerView};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashSet};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Life of a token when the caller does not say.
const TOKEN_S_DEFAULT: u32 = 3_600;

pub fn routes() -> OpenApiRouter<HttpState> {
    OpenApiRouter::new()
        .routes(routes!(list_workers, create_worker))
        .routes(routes!(get_worker, update_worker, delete_worker))
        .routes(routes!(create_worker_token))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewWorker {
    #[schema(min_length = 1, max_length = 120)]
    name: String,
    #[serde(default = "nothing")]
    #[schema(value_type = Object)]
    attributes: Value,
    /// Name or id; the account's default activity when absent.
    activity: Option<String>,
    /// By channel, 0 to 50; a channel that is not named has its default.
    #[serde(default)]
    capacity: BTreeMap<String, u32>,
    /// Whether a live connection is needed to be offered work; default false.
    #[serde(default)]
    connection_required: bool,
}

fn nothing() -> Value {
    json!({})
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WorkerChange {
    #[schema(min_length = 1, max_length = 120)]
    name: Option<String>,
    /// Replaces all attributes.
    #[schema(value_type = Option<Object>)]
    attributes: Option<Value>,
    /// Name or id.
    activity: Option<String>,
    /// Replaces the whole map.
    capacity: Option<BTreeMap<String, u32>>,
    connection_required: Option<bool>,
    /// With a change to an unavailable activity: reject the worker's open offers.
    #[serde(default)]
    reject_offers: bool,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct WorkerParams {
    /// Name or id of an activity.
    activity: Option<String>,
    /// Name or id of a queue that the worker belongs to.
    queue: Option<String>,
    available: Option<bool>,
    name: Option<String>,
    /// Entries of the page, 1 to 200; default 50.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u64>,
    /// The `next` of the page before.
    after: Option<String>,
}

fn show(view: &WorkerView) -> Value {
    serde_json::to_value(WorkerJson::from(view)).unwrap_or_default()
}

/// List workers, newest first.
#[utoipa::path(get, path = "/v1/workers", tag = "Workers", params(WorkerParams),
    responses((status = 200, body = schema::Workers), Forbidden))]
async fn list_workers(
    State(state): State<HttpState>,
    caller: Caller,
    Params(params): Params<WorkerParams>,
) -> Result<Answer, ApiError> {
    caller.not_agent()?;
    let limit = find::limit(params.limit)?;
    let after = find::cursor(params.after, |text| WorkerId::parse(text).is_ok())?;
    let activity = find::filtered(&state, &caller, Kind::Activity, "activity", params.activity).await?;
    let wanted = usize::try_from(limit).unwrap_or(usize::MAX).saturating_add(1);
    let views = state.runtime.read(caller.account, move |engine, _| {
        let members: Option<HashSet<_>> = match &params.queue {
            Some(queue) => Some(engine.queue_members(engine.queue_named(queue)?).into_iter().collect()),
            None => None,
        };
        let matches = |view: &WorkerView| {
            activity.as_ref().is_none_or(|it| *it == view.worker.activity.to_string())
                && params.available.is_none_or(|it| it == view.available)
                && params.name.as_ref().is_none_or(|it| *it == view.worker.name)
        };
        let mut ids = engine.worker_ids();
        ids.retain(|id| members.as_ref().is_none_or(|members| members.contains(id)));
        ids.sort_unstable_by_key(|id| std::cmp::Reverse(*id));
        let later = ids.into_iter().filter(|id| after.as_ref().is_none_or(|after| id.to_string() < *after));
        // The account's loop waits meanwhile, so only the page's own workers are looked at in full.
        let views: Vec<_> = later.filter_map(|id| engine.worker(id)).filter(matches).take(wanted).collect();
        Some(views)
    });
    let views = views.await?.ok_or_else(|| ApiError::parameter("queue", "unknown_reference", "no such queue"))?;
    Ok(answer::page(views.iter().map(show).collect(), limit, answer::by_id))
}

/// Create a worker.
#[utoipa::path(post, path = "/v1/workers", tag = "Workers", params(IdempotencyKey), request_body = NewWorker,
    responses((status = 201, body = schema::Worker), Forbidden))]
async fn create_worker(
    State(state): State<HttpState>,
    caller: Caller,
    _: NoParams,
    IdempotencyKey(key): IdempotencyKey,
    body: Body<NewWorker>,
) -> Result<Response, ApiError> {
    caller.configures()?;
    let new = body.value;
    let command = Command::CreateWorker(Creation {
        name: new.name,
        attributes: new.attributes,
        activity: new.activity.map(Reference),
        capacity: new.capacity,
        connection_required: new.connection_required,
    });
    carry_out(&state, &caller, Order::new(command).creating("/v1/workers").once(key, body.digest)).await
}

/// Get a worker by id or name, with its load at the moment.
#[utoipa::path(get, path = "/v1/workers/{id}", tag = "Workers", params(("id" = String, Path, description = "Id or name")),
    responses((status = 200, body = schema::Worker)))]
async fn get_worker(
    State(state): State<HttpState>,
    caller: Caller,
    _: NoParams,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let view = find::worker(&state, &caller, &id).await?;
    let shown = Shown { body: show(&view), revision: view.worker.stamp.revision };
    Ok(Answer::resource(shown).into_response())
}

/// Change a worker. A worker's own token changes the activity only.
#[utoipa::path(patch, path = "/v1/workers/{id}", tag = "Workers", params(("id" = String, Path, description = "Id or name"), IfMatch),
    request_body = WorkerChange, responses((status = 200, body = schema::Worker), Forbidden, Conflict))]
async fn update_worker(
    State(state): State<HttpState>,
    caller: Caller,
    _: NoParams,
    Path(id): Path<String>,
    condition: IfMatch,
    body: Body<WorkerChange>,
) -> Result<Response, ApiError> {
    let id = find::worker(&state, &caller, &id).await?.worker.id;
    let change = body.value;
    let described = change.name.is_some()
        || change.attributes.is_some()
        || change.capacity.is_some()
        || change.connection_required.is_some();
    if described && caller.held_to().is_some() {
        return Err(ApiError::forbidden("a worker changes its own activity only"));
    }
    let change = Change {
        name: change.name,
        attributes: change.attributes,
        activity: change.activity.map(Reference),
        capacity: change.capacity,
        connection_required: change.connection_required,
        reject_offers: change.reject_offers,
    };
    carry_out(&state, &caller, Order::new(Command::UpdateWorker { id, change, expected: None }).when(condition)).await
}

/// Delete a worker; refused while it has live reservations.
#[utoipa::path(delete, path = "/v1/workers/{id}", tag = "Workers", params(("id" = String, Path, description = "Id or name"), IfMatch),
    responses((status = 204), Forbidden, Conflict))]
async fn delete_worker(
    State(state): State<HttpState>,
    caller: Caller,
    _: NoParams,
    Path(id): Path<String>,
    condition: IfMatch,
) -> Result<Response, ApiError> {
    caller.configures()?;
    let id = find::worker(&state, &caller, &id).await?.worker.id;
    carry_out(&state, &caller, Order::new(Command::DeleteWorker { id, expected: None }).when(condition)).await
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TokenRequest {
    /// Life of the token in seconds; default 3,600.
    #[schema(minimum = 60)]
    expires_in_s: Option<u32>,
}

/// Make a short-lived token with which a worker reaches its own resources.
#[utoipa::path(post, path = "/v1/workers/{id}/token", tag = "Workers", params(("id" = String, Path, description = "Id or name")),
    request_body = TokenRequest, responses((status = 201, body = schema::WorkerToken), Forbidden))]
async fn create_worker_token(
    State(state): State<HttpState>,
    caller: Caller,
    _: NoParams,
    Path(id): Path<String>,
    _: NoIdempotencyKey,
    body: Body<TokenRequest>,
) -> Result<Response, ApiError> {
    caller.configures()?;
    let worker = find::worker(&state, &caller, &id).await?.worker.id;
    let (seconds, most) = (body.value.expires_in_s.unwrap_or(TOKEN_S_DEFAULT), state.limits.token_s_max);
    if !(60..=most).contains(&seconds) {
        return Err(ApiError::field("/expires_in_s", "out_of_range", format!("must be from 60 to {most}")));
    }
    let expires_at = state.runtime.now().plus_seconds(seconds);
    let token = worker_token(&state.token_secret, caller.account, worker, expires_at).map_err(|error| {
        tracing::error!(%error, "signing a token failed");
        ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "the token cannot be signed")
    })?;
    let body = json!({ "token": token, "worker": worker, "expires_at": expires_at });
    Ok(Answer { status: 201, ..Answer::ok(body) }.into_response())
}
