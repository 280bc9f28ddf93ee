//! `/channels`: kinds of work with their own capacity. A channel's name never changes.

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
use cordboard_domain::id::ChannelId;
use cordboard_domain::work::Command;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub fn routes() -> OpenApiRouter<HttpState> {
    OpenApiRouter::new().routes(routes!(list_channels, create_channel)).routes(routes!(
        get_channel,
        update_channel,
        delete_channel
    ))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewChannel {
    #[schema(min_length = 1, max_length = 120)]
    name: String,
    /// Capacity of a worker that does not say; default 1.
    #[serde(default = "one")]
    #[schema(minimum = 0, maximum = 50)]
    default_capacity: u32,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChannelChange {
    #[schema(minimum = 0, maximum = 50)]
    default_capacity: Option<u32>,
}

/// List channels, newest first.
#[utoipa::path(get, path = "/v1/channels", tag = "Channels", params(PageParams),
    responses((status = 200, body = schema::Channels), Forbidden))]
async fn list_channels(
    State(state): State<HttpState>,
    caller: Caller,
    Params(page): Params<PageParams>,
) -> Result<Answer, ApiError> {
    super::list_config(&state, &caller, Kind::Channel, page, None).await
}

/// Create a channel.
#[utoipa::path(post, path = "/v1/channels", tag = "Channels", params(IdempotencyKey), request_body = NewChannel,
    responses((status = 201, body = schema::Channel), Forbidden))]
async fn create_channel(
    State(state): State<HttpState>,
    caller: Caller,
    _: NoParams,
    IdempotencyKey(key): IdempotencyKey,
    body: Body<NewChannel>,
) -> Result<Response, ApiError> {
    caller.configures()?;
    let new = body.value;
    let command = Command::CreateChannel { name: new.name, default_capacity: new.default_capacity };
    carry_out(&state, &caller, Order::new(command).creating("/v1/channels").once(key, body.digest)).await
}

/// Get a channel by id or name.
#[utoipa::path(get, path = "/v1/channels/{id}", tag = "Channels", params(("id" = String, Path, description = "Id or name")),
    responses((status = 200, body = schema::Channel), Forbidden))]
async fn get_channel(
    State(state): State<HttpState>,
    caller: Caller,
    _: NoParams,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    super::get_config(&state, &caller, Kind::Channel, &id).await
}

async fn id_of(state: &HttpState, caller: &Caller, reference: &str) -> Result<ChannelId, ApiError> {
    caller.configures()?;
    let id = find::config_id(state, caller, Kind::Channel, reference).await?;
    ChannelId::parse(&id).map_err(|_| ApiError::not_found("channel"))
}

/// Change a channel.
#[utoipa::path(patch, path = "/v1/channels/{id}", tag = "Channels", params(("id" = String, Path, description = "Id or name"), IfMatch),
    request_body = ChannelChange, responses((status = 200, body = schema::Channel), Forbidden))]
async fn update_channel(
    State(state): State<HttpState>,
    caller: Caller,
    _: NoParams,
    Path(id): Path<String>,
    condition: IfMatch,
    body: Body<ChannelChange>,
) -> Result<Response, ApiError> {
    let id = id_of(&state, &caller, &id).await?;
    let change = body.value;
    let command = Command::UpdateChannel { id, default_capacity: change.default_capacity, expected: None };
    carry_out(&state, &caller, Order::new(command).when(condition)).await
}

/// Delete a channel; refused while it is in use.
#[utoipa::path(delete, path = "/v1/channels/{id}", tag = "Channels", params(("id" = String, Path, description = "Id or name"), IfMatch),
    responses((status = 204), Forbidden, Conflict))]
async fn delete_channel(
    State(state): State<HttpState>,
    caller: Caller,
    _: NoParams,
    Path(id): Path<String>,
    condition: IfMatch,
) -> Result<Response, ApiError> {
    let id = id_of(&state, &caller, &id).await?;
    carry_out(&state, &caller, Order::new(Command::DeleteChannel { id, expected: None }).when(condition)).await
}

fn one() -> u32 {
    1
}
