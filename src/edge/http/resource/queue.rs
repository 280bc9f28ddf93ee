//! `/queues`: named pools of workers with the order in which items wait.

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
use cordboard_domain::id::QueueId;
use cordboard_domain::limit::PRIORITY_PER_MINUTE_MAX;
use cordboard_domain::work::{Command, QueueOrder};
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub fn routes() -> OpenApiRouter<HttpState> {
    OpenApiRouter::new().routes(routes!(list_queues, create_queue)).routes(routes!(
        get_queue,
        update_queue,
        delete_queue
    ))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewQueue {
    #[schema(min_length = 1, max_length = 120)]
    name: String,
    /// JSONLogic over the worker: who belongs; default `true`.
    #[serde(default = "everybody")]
    workers: Value,
    /// Default `fifo`.
    #[serde(default = "fifo")]
    #[schema(value_type = schema::QueueOrder)]
    order: QueueOrder,
    /// Points of score for each minute waited; default 0.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 1000)]
    priority_per_minute: f64,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct QueueChange {
    #[schema(min_length = 1, max_length = 120)]
    name: Option<String>,
    workers: Option<Value>,
    #[schema(value_type = Option<schema::QueueOrder>)]
    order: Option<QueueOrder>,
    #[schema(minimum = 0, maximum = 1000)]
    priority_per_minute: Option<f64>,
}

/// List queues, newest first.
#[utoipa::path(get, path = "/v1/queues", tag = "Queues", params(PageParams),
    responses((status = 200, body = schema::Queues), Forbidden))]
async fn list_queues(
    State(state): State<HttpState>,
    caller: Caller,
    Params(page): Params<PageParams>,
) -> Result<Answer, ApiError> {
    super::list_config(&state, &caller, Kind::Queue, page, None).await
}

/// Create a queue.
#[utoipa::path(post, path = "/v1/queues", tag = "Queues", params(IdempotencyKey), request_body = NewQueue,
    responses((status = 201, body = schema::Queue), Forbidden))]
async fn create_queue(
    State(state): State<HttpState>,
    caller: Caller,
    _: NoParams,
    IdempotencyKey(key): IdempotencyKey,
    body: Body<NewQueue>,
) -> Result<Response, ApiError> {
    caller.configures()?;
    let new = body.value;
    let command = Command::CreateQueue {
        name: new.name,
        workers: new.workers,
        order: new.order,
        priority_per_minute_milli: milli(new.priority_per_minute)?,
    };
    carry_out(&state, &caller, Order::new(command).creating("/v1/queues").once(key, body.digest)).await
}

/// Get a queue by id or name.
#[utoipa::path(get, path = "/v1/queues/{id}", tag = "Queues", params(("id" = String, Path, description = "Id or name")),
    responses((status = 200, body = schema::Queue), Forbidden))]
async fn get_queue(
    State(state): State<HttpState>,
    caller: Caller,
    _: NoParams,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    super::get_config(&state, &caller, Kind::Queue, &id).await
}

async fn id_of(state: &HttpState, caller: &Caller, reference: &str) -> Result<QueueId, ApiError> {
    caller.configures()?;
    let id = find::config_id(state, caller, Kind::Queue, reference).await?;
    QueueId::parse(&id).map_err(|_| ApiError::not_found("queue"))
}

/// Change a queue.
#[utoipa::path(patch, path = "/v1/queues/{id}", tag = "Queues", params(("id" = String, Path, description = "Id or name"), IfMatch),
    request_body = QueueChange, responses((status = 200, body = schema::Queue), Forbidden, Conflict))]
async fn update_queue(
    State(state): State<HttpState>,
    caller: Caller,
    _: NoParams,
    Path(id): Path<String>,
    condition: IfMatch,
    body: Body<QueueChange>,
) -> Result<Response, ApiError> {
    let id = id_of(&state, &caller, &id).await?;
    let change = body.value;
    let command = Command::UpdateQueue {
        id,
        name: change.name,
        workers: change.workers,
        order: change.order,
        priority_per_minute_milli: change.priority_per_minute.map(milli).transpose()?,
        expected: None,
    };
    carry_out(&state, &caller, Order::new(command).when(condition)).await
}

/// Delete a queue; refused while it is in use.
#[utoipa::path(delete, path = "/v1/queues/{id}", tag = "Queues", params(("id" = String, Path, description = "Id or name"), IfMatch),
    responses((status = 204), Forbidden, Conflict))]
async fn delete_queue(
    State(state): State<HttpState>,
    caller: Caller,
    _: NoParams,
    Path(id): Path<String>,
    condition: IfMatch,
) -> Result<Response, ApiError> {
    let id = id_of(&state, &caller, &id).await?;
    carry_out(&state, &caller, Order::new(Command::DeleteQueue { id, expected: None }).when(condition)).await
}

fn everybody() -> Value {
    Value::Bool(true)
}

fn fifo() -> QueueOrder {
    QueueOrder::Fifo
}

/// Points per minute in thousandths; finer steps are rounded.
fn milli(points: f64) -> Result<u32, ApiError> {
    if !(0.0..=PRIORITY_PER_MINUTE_MAX).contains(&points) {
        let message = format!("must be from 0 to {PRIORITY_PER_MINUTE_MAX}");
        return Err(ApiError::field("/priority_per_minute", "out_of_range", message));
    }
    Ok((points * 1_000.0).round() as u32)
}
