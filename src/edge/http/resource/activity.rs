//! `/activities`: what workers declare themselves to be doing.

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
use cordboard_domain::id::ActivityId;
use cordboard_domain::work::Command;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub fn routes() -> OpenApiRouter<HttpState> {
    OpenApiRouter::new().routes(routes!(list_activities, create_activity)).routes(routes!(
        get_activity,
        update_activity,
        delete_activity
    ))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewActivity {
    #[schema(min_length = 1, max_length = 120)]
    name: String,
    /// Whether work may be offered in this activity.
    available: bool,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ActivityChange {
    #[schema(min_length = 1, max_length = 120)]
    name: Option<String>,
    available: Option<bool>,
}

/// List activities, newest first.
#[utoipa::path(get, path = "/v1/activities", tag = "Activities", params(PageParams),
    responses((status = 200, body = schema::Activities), Forbidden))]
async fn list_activities(
    State(state): State<HttpState>,
    caller: Caller,
    Params(page): Params<PageParams>,
) -> Result<Answer, ApiError> {
    super::list_config(&state, &caller, Kind::Activity, page, None).await
}

/// Create an activity.
#[utoipa::path(post, path = "/v1/activities", tag = "Activities", params(IdempotencyKey), request_body = NewActivity,
    responses((status = 201, body = schema::Activity), Forbidden))]
async fn create_activity(
    State(state): State<HttpState>,
    caller: Caller,
    _: NoParams,
    IdempotencyKey(key): IdempotencyKey,
    body: Body<NewActivity>,
) -> Result<Response, ApiError> {
    caller.configures()?;
    let new = body.value;
    let command = Command::CreateActivity { name: new.name, available: new.available };
    carry_out(&state, &caller, Order::new(command).creating("/v1/activities").once(key, body.digest)).await
}

/// Get an activity by id or name.
#[utoipa::path(get, path = "/v1/activities/{id}", tag = "Activities", params(("id" = String, Path, description = "Id or name")),
    responses((status = 200, body = schema::Activity), Forbidden))]
async fn get_activity(
    State(state): State<HttpState>,
    caller: Caller,
    _: NoParams,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    super::get_config(&state, &caller, Kind::Activity, &id).await
}

async fn id_of(state: &HttpState, caller: &Caller, reference: &str) -> Result<ActivityId, ApiError> {
    caller.configures()?;
    let id = find::config_id(state, caller, Kind::Activity, reference).await?;
    ActivityId::parse(&id).map_err(|_| ApiError::not_found("activity"))
}

/// Change an activity.
#[utoipa::path(patch, path = "/v1/activities/{id}", tag = "Activities", params(("id" = String, Path, description = "Id or name"), IfMatch),
    request_body = ActivityChange, responses((status = 200, body = schema::Activity), Forbidden, Conflict))]
async fn update_activity(
    State(state): State<HttpState>,
    caller: Caller,
    _: NoParams,
    Path(id): Path<String>,
    condition: IfMatch,
    body: Body<ActivityChange>,
) -> Result<Response, ApiError> {
    let id = id_of(&state, &caller, &id).await?;
    let change = body.value;
    let command = Command::UpdateActivity { id, name: change.name, available: change.available, expected: None };
    carry_out(&state, &caller, Order::new(command).when(condition)).await
}

/// Delete an activity; refused while it is in use.
#[utoipa::path(delete, path = "/v1/activities/{id}", tag = "Activities", params(("id" = String, Path, description = "Id or name"), IfMatch),
    responses((status = 204), Forbidden, Conflict))]
async fn delete_activity(
    State(state): State<HttpState>,
    caller: Caller,
    _: NoParams,
    Path(id): Path<String>,
    condition: IfMatch,
) -> Result<Response, ApiError> {
    let id = id_of(&state, &caller, &id).await?;
    carry_out(&state, &caller, Order::new(Command::DeleteActivity { id, expected: None }).when(condition)).await
}
