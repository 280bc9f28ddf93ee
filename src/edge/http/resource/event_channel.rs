//! `/event-channels`: rules about what receivers are sent, shared by subscriptions.

use super::super::HttpState;
use super::super::answer::{Answer, Order, carry_out};
use super::super::auth::Caller;
use super::super::error::ApiError;
use super::super::extract::{Body, IdempotencyKey, IfMatch, NoParams, Params};
use super::super::find::{self, PageParams};
use super::super::openapi::{Conflict, Forbidden};
use super::super::subscription_schema as schema;
use crate::runtime::store::Kind;
use axum::extract::{Path, State};
use axum::response::Response;
use cordboard_domain::event_channel::{
    Batch, ChannelRules, EventChannelChange as Change, EventChannelState, NewEventChannel as Creation, Throttle,
};
use cordboard_domain::id::EventChannelId;
use cordboard_domain::work::Command;
use serde::Deserialize;
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub fn routes() -> OpenApiRouter<HttpState> {
    OpenApiRouter::new().routes(routes!(list_event_channels, create_event_channel)).routes(routes!(
        get_event_channel,
        update_event_channel,
        delete_event_channel
    ))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct EventChannelParams {
    name: Option<String>,
    /// Entries of the page, 1 to 200; default 50.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u64>,
    /// The `next` of the page before.
    after: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewEventChannel {
    #[schema(min_length = 1, max_length = 120)]
    name: String,
    /// Types to send: a type, `work_item.*` for all of one resource, or `*`. All when empty, as by default.
    #[serde(default)]
    #[schema(max_items = 100)]
    types: Vec<String>,
    /// JSONLogic over `event`, which is the event as CloudEvents JSON: only those are sent for which it is true.
    filter: Option<Value>,
    /// Paths of what is sent of each event, such as `data.resource.state`; all of it when absent. What CloudEvents
    /// demands and `sequence` are always sent.
    #[schema(max_items = 50)]
    fields: Option<Vec<String>>,
    /// How many events of any one second are sent at most; one summary tells of the others.
    #[schema(value_type = Option<schema::Throttle>)]
    throttle: Option<Throttle>,
    /// Sends events together.
    #[schema(value_type = Option<schema::Batch>)]
    batch: Option<Batch>,
    /// Seconds after which an event is too old to be sent; never when absent.
    #[schema(minimum = 1, maximum = 31536000)]
    retention_s: Option<u32>,
    /// Default `active`.
    #[serde(default = "active")]
    #[schema(value_type = schema::EventChannelState)]
    state: EventChannelState,
}

fn active() -> EventChannelState {
    EventChannelState::Active
}

/// Each field present is set; `null` takes away what a channel can be without.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EventChannelChange {
    #[schema(min_length = 1, max_length = 120)]
    name: Option<String>,
    #[schema(max_items = 100)]
    types: Option<Vec<String>>,
    #[serde(default, deserialize_with = "super::given")]
    #[schema(value_type = Option<Value>)]
    filter: Option<Option<Value>>,
    #[serde(default, deserialize_with = "super::given")]
    #[schema(value_type = Option<Vec<String>>, max_items = 50)]
    fields: Option<Option<Vec<String>>>,
    #[serde(default, deserialize_with = "super::given")]
    #[schema(value_type = Option<schema::Throttle>)]
    throttle: Option<Option<Throttle>>,
    #[serde(default, deserialize_with = "super::given")]
    #[schema(value_type = Option<schema::Batch>)]
    batch: Option<Option<Batch>>,
    #[serde(default, deserialize_with = "super::given")]
    #[schema(value_type = Option<u32>, minimum = 1, maximum = 31536000)]
    retention_s: Option<Option<u32>>,
    #[schema(value_type = Option<schema::EventChannelState>)]
    state: Option<EventChannelState>,
}

/// List event channels, newest first.
#[utoipa::path(get, path = "/v1/event-channels", tag = "Event channels", params(EventChannelParams),
    responses((status = 200, body = schema::EventChannels), Forbidden))]
async fn list_event_channels(
    State(state): State<HttpState>,
    caller: Caller,
    Params(params): Params<EventChannelParams>,
) -> Result<Answer, ApiError> {
    let EventChannelParams { name, limit, after } = params;
    super::list_config(&state, &caller, Kind::EventChannel, PageParams { limit, after }, name).await
}

/// Create an event channel.
#[utoipa::path(post, path = "/v1/event-channels", tag = "Event channels", params(IdempotencyKey),
    request_body = NewEventChannel, responses((status = 201, body = schema::EventChannel), Forbidden))]
async fn create_event_channel(
    State(state): State<HttpState>,
    caller: Caller,
    _: NoParams,
    IdempotencyKey(key): IdempotencyKey,
    body: Body<NewEventChannel>,
) -> Result<Response, ApiError> {
    caller.configures()?;
    let NewEventChannel { name, types, filter, fields, throttle, batch, retention_s, state: beginning } = body.value;
    let rules = ChannelRules { types, filter, fields, throttle, batch, retention_s };
    let command = Command::CreateEventChannel(Creation { name, rules, state: beginning });
    carry_out(&state, &caller, Order::new(command).creating("/v1/event-channels").once(key, body.digest)).await
}

/// Get an event channel by id or name.
#[utoipa::path(get, path = "/v1/event-channels/{id}", tag = "Event channels",
    params(("id" = String, Path, description = "Id or name")),
    responses((status = 200, body = schema::EventChannel), Forbidden))]
async fn get_event_channel(
    State(state): State<HttpState>,
    caller: Caller,
    _: NoParams,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    super::get_config(&state, &caller, Kind::EventChannel, &id).await
}

async fn id_of(state: &HttpState, caller: &Caller, reference: &str) -> Result<EventChannelId, ApiError> {
    caller.configures()?;
    let id = find::config_id(state, caller, Kind::EventChannel, reference).await?;
    EventChannelId::parse(&id).map_err(|_| ApiError::not_found("event channel"))
}

/// Change an event channel. The answer's `effective_after` is the sequence number after which the change holds: what
/// happened up to it is sent by the old rules, however late.
#[utoipa::path(patch, path = "/v1/event-channels/{id}", tag = "Event channels",
    params(("id" = String, Path, description = "Id or name"), IfMatch), request_body = EventChannelChange,
    responses((status = 200, body = schema::EventChannel), Forbidden, Conflict))]
async fn update_event_channel(
    State(state): State<HttpState>,
    caller: Caller,
    _: NoParams,
    Path(id): Path<String>,
    condition: IfMatch,
    body: Body<EventChannelChange>,
) -> Result<Response, ApiError> {
    let id = id_of(&state, &caller, &id).await?;
    let EventChannelChange { name, types, filter, fields, throttle, batch, retention_s, state: new_state } = body.value;
    let change = Change { name, types, filter, fields, throttle, batch, retention_s, state: new_state };
    let command = Command::UpdateEventChannel { id, change, expected: None };
    carry_out(&state, &caller, Order::new(command).when(condition)).await
}

/// Delete an event channel; refused while there are subscriptions to it.
#[utoipa::path(delete, path = "/v1/event-channels/{id}", tag = "Event channels",
    params(("id" = String, Path, description = "Id or name"), IfMatch), responses((status = 204), Forbidden, Conflict))]
async fn delete_event_channel(
    State(state): State<HttpState>,
    caller: Caller,
    _: NoParams,
    Path(id): Path<String>,
    condition: IfMatch,
) -> Result<Response, ApiError> {
    let id = id_of(&state, &caller, &id).await?;
    carry_out(&state, &caller, Order::new(Command::DeleteEventChannel { id, expected: None }).when(condition)).await
}
