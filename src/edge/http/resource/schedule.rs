//! `/schedules`: business hours that workflows ask about by name.

use super::super::HttpState;
use super::super::answer::{Answer, Order, carry_out};
use super::super::auth::Caller;
use super::super::error::ApiError;
use super::super::extract::{Body, IdempotencyKey, IfMatch, NoParams, Params};
use super::super::find::{self, PageParams};
use super::super::openapi::{Conflict, Forbidden};
use super::super::schema;
use crate::runtime::store::Kind;
use axum::extract::{Path, State};
use axum::response::Response;
use cordboard_domain::id::ScheduleId;
use cordboard_domain::work::Command;
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub fn routes() -> OpenApiRouter<HttpState> {
    OpenApiRouter::new().routes(routes!(list_schedules, create_schedule)).routes(routes!(
        get_schedule,
        update_schedule,
        delete_schedule
    ))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewSchedule {
    #[schema(min_length = 1, max_length = 120)]
    name: String,
    #[schema(value_type = String, example = "Europe/Berlin")]
    time_zone: Value,
    /// By day (`mon` to `sun`): spans such as `["09:00", "17:00"]`.
    #[schema(value_type = Option<std::collections::BTreeMap<String, Vec<Vec<String>>>>)]
    weekly: Option<Value>,
    #[schema(value_type = Option<Vec<schema::Holiday>>)]
    holidays: Option<Value>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ScheduleChange {
    #[schema(min_length = 1, max_length = 120)]
    name: Option<String>,
    #[schema(value_type = Option<String>)]
    time_zone: Option<Value>,
    #[schema(value_type = Option<std::collections::BTreeMap<String, Vec<Vec<String>>>>)]
    weekly: Option<Value>,
    #[schema(value_type = Option<Vec<schema::Holiday>>)]
    holidays: Option<Value>,
}

/// List schedules, newest first.
#[utoipa::path(get, path = "/v1/schedules", tag = "Schedules", params(PageParams),
    responses((status = 200, body = schema::Schedules), Forbidden))]
async fn list_schedules(
    State(state): State<HttpState>,
    caller: Caller,
    Params(page): Params<PageParams>,
) -> Result<Answer, ApiError> {
    super::list_config(&state, &caller, Kind::Schedule, page, None).await
}

/// Create a schedule.
#[utoipa::path(post, path = "/v1/schedules", tag = "Schedules", params(IdempotencyKey), request_body = NewSchedule,
    responses((status = 201, body = schema::Schedule), Forbidden))]
async fn create_schedule(
    State(state): State<HttpState>,
    caller: Caller,
    _: NoParams,
    IdempotencyKey(key): IdempotencyKey,
    body: Body<NewSchedule>,
) -> Result<Response, ApiError> {
    caller.configures()?;
    let new = body.value;
    let command = Command::CreateSchedule {
        name: new.name,
        hours: hours([("time_zone", Some(new.time_zone)), ("weekly", new.weekly), ("holidays", new.holidays)]),
    };
    carry_out(&state, &caller, Order::new(command).creating("/v1/schedules").once(key, body.digest)).await
}

/// Get a schedule by id or name.
#[utoipa::path(get, path = "/v1/schedules/{id}", tag = "Schedules", params(("id" = String, Path, description = "Id or name")),
    responses((status = 200, body = schema::Schedule), Forbidden))]
async fn get_schedule(
    State(state): State<HttpState>,
    caller: Caller,
    _: NoParams,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    super::get_config(&state, &caller, Kind::Schedule, &id).await
}

async fn id_of(state: &HttpState, caller: &Caller, reference: &str) -> Result<ScheduleId, ApiError> {
    caller.configures()?;
    let id = find::config_id(state, caller, Kind::Schedule, reference).await?;
    ScheduleId::parse(&id).map_err(|_| ApiError::not_found("schedule"))
}

/// Change a schedule.
#[utoipa::path(patch, path = "/v1/schedules/{id}", tag = "Schedules", params(("id" = String, Path, description = "Id or name"), IfMatch),
    request_body = ScheduleChange, responses((status = 200, body = schema::Schedule), Forbidden, Conflict))]
async fn update_schedule(
    State(state): State<HttpState>,
    caller: Caller,
    _: NoParams,
    Path(id): Path<String>,
    condition: IfMatch,
    body: Body<ScheduleChange>,
) -> Result<Response, ApiError> {
    let id = id_of(&state, &caller, &id).await?;
    let change = body.value;
    let parts = [("time_zone", change.time_zone), ("weekly", change.weekly), ("holidays", change.holidays)];
    let given = parts.iter().any(|(_, part)| part.is_some());
    let hours = given.then(|| hours(parts));
    let command = Command::UpdateSchedule { id, name: change.name, hours, expected: None };
    carry_out(&state, &caller, Order::new(command).when(condition)).await
}

/// Delete a schedule; refused while it is in use.
#[utoipa::path(delete, path = "/v1/schedules/{id}", tag = "Schedules", params(("id" = String, Path, description = "Id or name"), IfMatch),
    responses((status = 204), Forbidden, Conflict))]
async fn delete_schedule(
    State(state): State<HttpState>,
    caller: Caller,
    _: NoParams,
    Path(id): Path<String>,
    condition: IfMatch,
) -> Result<Response, ApiError> {
    let id = id_of(&state, &caller, &id).await?;
    carry_out(&state, &caller, Order::new(Command::DeleteSchedule { id, expected: None }).when(condition)).await
}

/// The parts of hours that are given.
fn hours(parts: [(&str, Option<Value>); 3]) -> Value {
    let given = parts.into_iter().filter_map(|(name, part)| Some((name.to_owned(), part?)));
    Value::Object(given.collect())
}
