//! `/api-keys`: who may call. A key is shown once, in the answer to its creation; only its hash is kept.

use super::super::HttpState;
use super::super::answer::{self, Answer, Order, Shown, carry_out};
use super::super::auth::{Caller, fresh_key};
use super::super::error::ApiError;
use super::super::extract::{Body, IfMatch, NoIdempotencyKey, NoParams, Params};
use super::super::find::{self, PageParams};
use super::super::openapi::Forbidden;
use super::super::schema;
use crate::runtime::store::{ApiKey, KeyChange, Role};
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use cordboard_domain::id::{IdSource, KeyId};
use cordboard_domain::time::Timestamp;
use cordboard_domain::work::{Command, check_name_text};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// A key never changes, so it has one revision only.
const REVISION: u64 = 1;

pub fn routes() -> OpenApiRouter<HttpState> {
    OpenApiRouter::new().routes(routes!(list_api_keys, create_api_key)).routes(routes!(get_api_key, delete_api_key))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewApiKey {
    #[schema(min_length = 1, max_length = 120)]
    name: String,
    /// Default `integrator`.
    #[serde(default = "integrator")]
    #[schema(value_type = Option<schema::KeyRole>)]
    role: String,
    /// For role `agent`: name or id of the worker that it speaks for.
    worker: Option<String>,
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
}

fn integrator() -> String {
    Role::Integrator.name().to_owned()
}

fn show(key: &ApiKey) -> Value {
    json!({
        "id": key.id,
        "name": key.name,
        "role": key.role.name(),
        "worker": key.worker,
        "expires_at": key.expires_at,
        "created_at": key.created_at,
    })
}

/// List API keys, newest first.
#[utoipa::path(get, path = "/v1/api-keys", tag = "API keys", params(PageParams),
    responses((status = 200, body = schema::ApiKeys), Forbidden))]
async fn list_api_keys(
    State(state): State<HttpState>,
    caller: Caller,
    Params(page): Params<PageParams>,
) -> Result<Answer, ApiError> {
    caller.configures()?;
    let limit = find::limit(page.limit)?;
    let after = find::cursor(page.after, |text| KeyId::parse(text).is_ok())?;
    let keys = state.runtime.store().keys(caller.account, after.as_deref(), limit + 1).await?;
    Ok(answer::page(keys.iter().map(show).collect(), limit, answer::by_id))
}

/// Create an API key. The answer is the only time that it is shown, so there is no idempotency key for it.
#[utoipa::path(post, path = "/v1/api-keys", tag = "API keys", request_body = NewApiKey,
    responses((status = 201, body = schema::ApiKey), Forbidden))]
async fn create_api_key(
    State(state): State<HttpState>,
    caller: Caller,
    _: NoParams,
    _: NoIdempotencyKey,
    body: Body<NewApiKey>,
) -> Result<Response, ApiError> {
    caller.configures()?;
    let new = body.value;
    check_name_text(&new.name)?;
    if new.expires_at.is_some_and(|at| at <= state.runtime.now()) {
        return Err(ApiError::field("/expires_at", "in_the_past", "the key would never work; give a time to come"));
    }
    let role = Role::parse(&new.role);
    let role =
        role.ok_or_else(|| ApiError::field("/role", "unknown_role", format!("there is no role `{}`", new.role)))?;
    if role == Role::Admin && caller.role != Role::Admin {
        return Err(ApiError::forbidden("only an admin makes an admin's key"));
    }
    let worker = match (role, &new.worker) {
        (Role::Agent, Some(reference)) => {
            Some(find::worker(&state, &caller, reference).await.map_err(|error| match error.status.as_u16() {
                404 => ApiError::field("/worker", "unknown_reference", error.detail),
                _ => error,
            })?)
        }
        (Role::Agent, None) => {
            return Err(ApiError::field("/worker", "missing_field", "an agent's key needs a worker"));
        }
        (_, Some(_)) => return Err(ApiError::field("/worker", "not_an_agent", "only an agent's key has a worker")),
        (_, None) => None,
    };
    let (text, hash) = fresh_key(&**state.runtime.entropy());
    let now = state.runtime.now();
    let key = ApiKey {
        id: KeyId(IdSource::new(state.runtime.entropy().seed()).next(now)),
        account: caller.account,
        name: new.name,
        role,
        worker: worker.map(|view| view.worker.id),
        hash,
        created_at: now,
        expires_at: new.expires_at,
    };
    let mut shown = show(&key);
    let event =
        Command::RecordChange { event_type: "api_key.created", subject: key.id.to_string(), data: shown.clone() };
    carry_out(&state, &caller, Order { keys: vec![KeyChange::Put(key)], ..Order::new(event) }).await?;
    shown["key"] = json!(text);
    Ok(Answer::resource(Shown { body: shown, revision: REVISION }).created("/v1/api-keys").into_response())
}

async fn find_key(state: &HttpState, caller: &Caller, id: &str) -> Result<ApiKey, ApiError> {
    caller.configures()?;
    let id = KeyId::parse(id).map_err(|_| ApiError::not_found("API key"))?;
    // Keys sort by id; the one asked for is the first after the next higher id.
    let above = KeyId(id.0.saturating_add(1)).to_string();
    let found = state.runtime.store().keys(caller.account, Some(&above), 1).await?;
    found.into_iter().find(|key| key.id == id).ok_or_else(|| ApiError::not_found("API key"))
}

/// Get an API key, without the key itself.
#[utoipa::path(get, path = "/v1/api-keys/{id}", tag = "API keys", params(("id" = String, Path)),
    responses((status = 200, body = schema::ApiKey), Forbidden))]
async fn get_api_key(
    State(state): State<HttpState>,
    caller: Caller,
    _: NoParams,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let body = show(&find_key(&state, &caller, &id).await?);
    Ok(Answer::resource(Shown { body, revision: REVISION }).into_response())
}

/// Revoke an API key.
#[utoipa::path(delete, path = "/v1/api-keys/{id}", tag = "API keys", params(("id" = String, Path), IfMatch),
    responses((status = 204), Forbidden))]
async fn delete_api_key(
    State(state): State<HttpState>,
    caller: Caller,
    _: NoParams,
    Path(id): Path<String>,
    condition: IfMatch,
) -> Result<Response, ApiError> {
    let key = find_key(&state, &caller, &id).await?;
    condition.check(REVISION)?;
    if key.role == Role::Admin && caller.role != Role::Admin {
        return Err(ApiError::forbidden("only an admin revokes an admin's key"));
    }
    let subject = key.id.to_string();
    let event = Command::RecordChange { event_type: "api_key.deleted", subject, data: show(&key) };
    let revoked = Order { keys: vec![KeyChange::Delete(key.id)], ..Order::new(event) };
    let answered = carry_out(&state, &caller, revoked).await?;
    state.forget_key(key.id);
    Ok(answered)
}
