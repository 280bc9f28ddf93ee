//! `/work-items`: units of work, from creation to their end.

use super::super::HttpState;
use super::super::answer::{self, Answer, Order, carry_out};
use super::super::auth::Caller;
use super::super::error::ApiError;
use super::super::extract::{Body, IdempotencyKey, IfMatch, NoParams, Params};
use super::super::openapi::{Conflict, Forbidden};
use super::super::{find, schema};
use crate::runtime::store::{EventFilter, Filter, Kind};
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use cordboard_domain::id::ItemId;
use cordboard_domain::limit::ITEM_TIMEOUT_S_DEFAULT;
use cordboard_domain::time::Timestamp;
use cordboard_domain::work::explain::Explanation;
use cordboard_domain::work::{Command, Item, ItemState, NewItem, Record, Reference, TransferTarget};
use serde::Deserialize;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

const PLACE: &str = "/v1/work-items";

pub fn routes() -> OpenApiRouter<HttpState> {
    OpenApiRouter::new()
        .routes(routes!(list_work_items, create_work_item))
        .routes(routes!(get_work_item, update_work_item))
        .routes(routes!(cancel_work_item))
        .routes(routes!(complete_work_item))
        .routes(routes!(wrap_up_work_item))
        .routes(routes!(transfer_work_item))
        .routes(routes!(reroute_work_item))
        .routes(routes!(explain_work_item))
        .routes(routes!(list_work_item_events))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewWorkItem {
    /// Name or id.
    #[schema(example = "support")]
    workflow: String,
    /// Name of a channel; default `default`.
    #[serde(default = "default_channel")]
    channel: String,
    /// Any JSON object of at most 32 KiB.
    #[serde(default = "nothing")]
    #[schema(value_type = Object)]
    attributes: Value,
    #[serde(default)]
    #[schema(minimum = -1000000, maximum = 1000000)]
    priority: i64,
    /// Seconds that the item may stay unassigned; default a day.
    #[serde(default = "default_timeout")]
    #[schema(minimum = 1, maximum = 1209600)]
    timeout_s: u32,
    /// While an item with this key is open, creating another answers with the open one.
    #[schema(min_length = 1, max_length = 200)]
    unique_key: Option<String>,
}

fn default_channel() -> String {
    "default".to_owned()
}

fn nothing() -> Value {
    json!({})
}

fn default_timeout() -> u32 {
    ITEM_TIMEOUT_S_DEFAULT
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WorkItemChange {
    /// Replaces all attributes.
    #[schema(value_type = Option<Object>)]
    attributes: Option<Value>,
    #[schema(minimum = -1000000, maximum = 1000000)]
    priority: Option<i64>,
    /// Start again at the first rule of the workflow's newest version; unassigned items only.
    #[serde(default)]
    reevaluate: bool,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct WorkItemParams {
    #[param(value_type = Option<schema::ItemState>)]
    state: Option<ItemState>,
    /// Name or id.
    queue: Option<String>,
    /// Name or id.
    workflow: Option<String>,
    channel: Option<String>,
    /// Name or id of the worker that holds the item.
    worker: Option<String>,
    /// Created at or after.
    #[param(value_type = Option<String>, format = DateTime)]
    created_from: Option<Timestamp>,
    /// Created before.
    #[param(value_type = Option<String>, format = DateTime)]
    created_before: Option<Timestamp>,
    /// Entries of the page, 1 to 200; default 50.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u64>,
    /// The `next` of the page before.
    after: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EndWorkItem {
    #[schema(min_length = 1, max_length = 500)]
    reason: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WrapUpWorkItem {
    /// Seconds after which the item is completed by itself.
    #[schema(minimum = 1, maximum = 1209600)]
    timeout_s: Option<u32>,
    #[schema(min_length = 1, max_length = 500)]
    reason: Option<String>,
}

/// Where to: exactly one of `worker`, `queue` and `workflow`.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TransferWorkItem {
    worker: Option<String>,
    queue: Option<String>,
    workflow: Option<String>,
    /// Warm: the worker keeps the item until another accepts it; default false.
    #[serde(default)]
    warm: bool,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RerouteWorkItem {
    /// Name or id; the item's own workflow when absent.
    workflow: Option<String>,
}

/// List work items, newest first.
#[utoipa::path(get, path = "/v1/work-items", tag = "Work items", params(WorkItemParams),
    responses((status = 200, body = schema::WorkItems)))]
async fn list_work_items(
    State(state): State<HttpState>,
    caller: Caller,
    Params(params): Params<WorkItemParams>,
) -> Result<Answer, ApiError> {
    let limit = find::limit(params.limit)?;
    let word = |state: ItemState| serde_json::to_value(state).ok().and_then(|it| it.as_str().map(str::to_owned));
    let queue = find::filtered(&state, &caller, Kind::Queue, "queue", params.queue).await?;
    let workflow = find::filtered(&state, &caller, Kind::Workflow, "workflow", params.workflow).await?;
    let channel = find::filtered_channel(&state, &caller, params.channel).await?;
    let worker = find::filtered_worker(&state, &caller, params.worker).await?;
    let filter = Filter {
        state: params.state.and_then(word),
        queue,
        workflow,
        channel,
        worker: worker.map(|id| id.to_string()),
        created_from: params.created_from,
        created_before: params.created_before,
        after: find::cursor(params.after, |text| find::is_id(Kind::Item, text))?,
        limit: limit + 1,
        ..Filter::default()
    };
    let records = state.runtime.store().list(caller.account, Kind::Item, &filter).await?;
    Ok(answer::page(records.iter().map(|record| answer::show(record).body).collect(), limit, answer::by_id))
}

/// Create a work item. It is offered at once when a worker is free for it.
#[utoipa::path(post, path = "/v1/work-items", tag = "Work items", params(IdempotencyKey), request_body = NewWorkItem,
    responses((status = 201, body = schema::WorkItem), (status = 200, description = "An open item has this `unique_key`",
    body = schema::WorkItem), Forbidden))]
async fn create_work_item(
    State(state): State<HttpState>,
    caller: Caller,
    _: NoParams,
    IdempotencyKey(key): IdempotencyKey,
    body: Body<NewWorkItem>,
) -> Result<Response, ApiError> {
    caller.not_agent()?;
    let new = body.value;
    let command = Command::CreateItem(NewItem {
        workflow: Reference(new.workflow),
        channel: new.channel,
        attributes: raw(&new.attributes)?,
        priority: new.priority,
        timeout_s: new.timeout_s,
        unique_key: new.unique_key,
    });
    carry_out(&state, &caller, Order::new(command).creating(PLACE).once(key, body.digest)).await
}

fn raw(attributes: &Value) -> Result<Box<RawValue>, ApiError> {
    to_raw_value(attributes).map_err(|error| ApiError::field("/attributes", "bad_json", error.to_string()))
}

/// Get a work item.
#[utoipa::path(get, path = "/v1/work-items/{id}", tag = "Work items", params(("id" = String, Path)),
    responses((status = 200, body = schema::WorkItem)))]
async fn get_work_item(
    State(state): State<HttpState>,
    caller: Caller,
    _: NoParams,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let item = find::item(&state, &caller, find::item_id(&id)?).await?;
    Ok(Answer::resource(answer::show(&Record::Item(item))).into_response())
}

/// Carries out a command on an item. One that has ended is no longer the engine's: asking again for what it has come to
/// answers with it, anything else is refused.
async fn act(
    state: &HttpState,
    caller: &Caller,
    item: Item,
    order: Order,
    holds: &[ItemState],
) -> Result<Response, ApiError> {
    let shown = |item: Item| Ok(Answer::resource(answer::show(&Record::Item(item))).into_response());
    let ended = |item: Item| match holds.contains(&item.state) {
        true => shown(item),
        false => {
            let detail = "the work item has ended";
            Err(ApiError::new(axum::http::StatusCode::CONFLICT, "work_item_state", detail))
        }
    };
    // With an idempotency key the runtime is asked all the same: it may have kept the answer of the first request.
    if !item.state.is_open() && order.once.is_none() {
        return ended(item);
    }
    let id = item.id;
    match carry_out(state, caller, order).await {
        // It has ended, perhaps between our reading and the engine's turn.
        Err(error) if error.status.as_u16() == 404 => ended(find::item(state, caller, id).await?),
        answered => answered,
    }
}

/// Change a work item's attributes or priority.
#[utoipa::path(patch, path = "/v1/work-items/{id}", tag = "Work items", params(("id" = String, Path), IfMatch),
    request_body = WorkItemChange, responses((status = 200, body = schema::WorkItem), Forbidden, Conflict))]
async fn update_work_item(
    State(state): State<HttpState>,
    caller: Caller,
    _: NoParams,
    Path(id): Path<String>,
    condition: IfMatch,
    body: Body<WorkItemChange>,
) -> Result<Response, ApiError> {
    caller.not_agent()?;
    let id = find::item_id(&id)?;
    let item = find::item(&state, &caller, id).await?;
    let WorkItemChange { attributes, priority, reevaluate } = body.value;
    let attributes = attributes.as_ref().map(raw).transpose()?;
    let command = Command::UpdateItem { id, attributes, priority, reevaluate, expected: None };
    act(&state, &caller, item, Order::new(command).when(condition), &[]).await
}

struct Action {
    item: Item,
    id: ItemId,
}

async fn action(state: &HttpState, caller: &Caller, id: &str) -> Result<Action, ApiError> {
    let id = find::item_id(id)?;
    Ok(Action { item: find::item(state, caller, id).await?, id })
}

/// Cancel a pending or reserved item; its open offers are canceled.
#[utoipa::path(post, path = "/v1/work-items/{id}/cancel", tag = "Work items", params(("id" = String, Path), IfMatch, IdempotencyKey),
    request_body = EndWorkItem, responses((status = 200, body = schema::WorkItem), Forbidden))]
async fn cancel_work_item(
    State(state): State<HttpState>,
    caller: Caller,
    _: NoParams,
    Path(id): Path<String>,
    condition: IfMatch,
    IdempotencyKey(key): IdempotencyKey,
    body: Body<EndWorkItem>,
) -> Result<Response, ApiError> {
    caller.not_agent()?;
    let Action { item, id } = action(&state, &caller, &id).await?;
    let command = Command::CancelItem { id, reason: body.value.reason, expected: None };
    act(&state, &caller, item, Order::new(command).when(condition).once(key, body.digest), &[ItemState::Canceled]).await
}

/// Complete an assigned or wrapping item.
#[utoipa::path(post, path = "/v1/work-items/{id}/complete", tag = "Work items", params(("id" = String, Path), IfMatch, IdempotencyKey),
    request_body = EndWorkItem, responses((status = 200, body = schema::WorkItem), Forbidden))]
async fn complete_work_item(
    State(state): State<HttpState>,
    caller: Caller,
    _: NoParams,
    Path(id): Path<String>,
    condition: IfMatch,
    IdempotencyKey(key): IdempotencyKey,
    body: Body<EndWorkItem>,
) -> Result<Response, ApiError> {
    let Action { item, id } = action(&state, &caller, &id).await?;
    holds(&caller, &item)?;
    let command = Command::CompleteItem { id, reason: body.value.reason, expected: None };
    act(&state, &caller, item, Order::new(command).when(condition).once(key, body.digest), &[ItemState::Completed])
        .await
}

/// An agent acts on items only that it holds, not on those that it is merely offered.
fn holds(caller: &Caller, item: &Item) -> Result<(), ApiError> {
    match caller.held_to() {
        Some(own) if item.worker != Some(own) => Err(ApiError::forbidden("another worker holds this item")),
        Some(_) | None => Ok(()),
    }
}

/// Begin the after-call work of an assigned item; it still holds the worker's capacity.
#[utoipa::path(post, path = "/v1/work-items/{id}/wrap-up", tag = "Work items", params(("id" = String, Path), IfMatch, IdempotencyKey),
    request_body = WrapUpWorkItem, responses((status = 200, body = schema::WorkItem), Forbidden))]
async fn wrap_up_work_item(
    State(state): State<HttpState>,
    caller: Caller,
    _: NoParams,
    Path(id): Path<String>,
    condition: IfMatch,
    IdempotencyKey(key): IdempotencyKey,
    body: Body<WrapUpWorkItem>,
) -> Result<Response, ApiError> {
    let Action { item, id } = action(&state, &caller, &id).await?;
    holds(&caller, &item)?;
    let WrapUpWorkItem { timeout_s, reason } = body.value;
    let command = Command::WrapUpItem { id, timeout_s, reason, expected: None };
    act(&state, &caller, item, Order::new(command).when(condition).once(key, body.digest), &[]).await
}

/// Transfer an assigned item to a worker, a queue or a workflow.
#[utoipa::path(post, path = "/v1/work-items/{id}/transfer", tag = "Work items", params(("id" = String, Path), IfMatch, IdempotencyKey),
    request_body = TransferWorkItem, responses((status = 200, body = schema::WorkItem), Forbidden))]
async fn transfer_work_item(
    State(state): State<HttpState>,
    caller: Caller,
    _: NoParams,
    Path(id): Path<String>,
    condition: IfMatch,
    IdempotencyKey(key): IdempotencyKey,
    body: Body<TransferWorkItem>,
) -> Result<Response, ApiError> {
    let Action { item, id } = action(&state, &caller, &id).await?;
    holds(&caller, &item)?;
    let TransferWorkItem { worker, queue, workflow, warm } = body.value;
    let to = match (worker, queue, workflow) {
        (Some(worker), None, None) => TransferTarget::Worker(Reference(worker)),
        (None, Some(queue), None) => TransferTarget::Queue(Reference(queue)),
        (None, None, Some(workflow)) => TransferTarget::Workflow(Reference(workflow)),
        _ => return Err(ApiError::field("", "one_of", "exactly one of `worker`, `queue` and `workflow` is needed")),
    };
    let command = Command::TransferItem { id, to, warm, expected: None };
    act(&state, &caller, item, Order::new(command).when(condition).once(key, body.digest), &[]).await
}

/// Start an unassigned item again, in the newest version of its own or of another workflow.
#[utoipa::path(post, path = "/v1/work-items/{id}/reroute", tag = "Work items", params(("id" = String, Path), IfMatch, IdempotencyKey),
    request_body = RerouteWorkItem, responses((status = 200, body = schema::WorkItem), Forbidden))]
async fn reroute_work_item(
    State(state): State<HttpState>,
    caller: Caller,
    _: NoParams,
    Path(id): Path<String>,
    condition: IfMatch,
    IdempotencyKey(key): IdempotencyKey,
    body: Body<RerouteWorkItem>,
) -> Result<Response, ApiError> {
    caller.not_agent()?;
    let Action { item, id } = action(&state, &caller, &id).await?;
    let command = Command::RerouteItem { id, workflow: body.value.workflow.map(Reference), expected: None };
    act(&state, &caller, item, Order::new(command).when(condition).once(key, body.digest), &[]).await
}

/// Explain why an item is where it is: rule, step, who comes next, what excludes everybody else, what happens when.
#[utoipa::path(get, path = "/v1/work-items/{id}/explanation", tag = "Work items", params(("id" = String, Path)),
    responses((status = 200, body = schema::Explanation)))]
async fn explain_work_item(
    State(state): State<HttpState>,
    caller: Caller,
    _: NoParams,
    Path(id): Path<String>,
) -> Result<Answer, ApiError> {
    let Action { item, id } = action(&state, &caller, &id).await?;
    let view = state.runtime.read(caller.account, move |engine, now| engine.explanation_view(id, now)).await?;
    let explanation = match view {
        // Made off the account's loop, and off the threads that serve requests.
        Some(view) => tokio::task::spawn_blocking(move || view.explain()).await.map_err(|error| {
            tracing::error!(%error, "an explanation failed");
            ApiError::new(axum::http::StatusCode::INTERNAL_SERVER_ERROR, "internal", "the explanation failed")
        })?,
        None => Explanation::of_ended(&item, state.runtime.now()),
    };
    Ok(Answer::ok(serde_json::to_value(explanation).unwrap_or_default()))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ItemEventParams {
    /// Only events with a higher sequence number; default 0.
    after_sequence: Option<u64>,
    /// Entries of the page, 1 to 200; default 50.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u64>,
}

/// List the events about a work item, oldest first.
#[utoipa::path(get, path = "/v1/work-items/{id}/events", tag = "Work items", params(("id" = String, Path), ItemEventParams),
    responses((status = 200, body = schema::Events)))]
async fn list_work_item_events(
    State(state): State<HttpState>,
    caller: Caller,
    Path(id): Path<String>,
    Params(params): Params<ItemEventParams>,
) -> Result<Answer, ApiError> {
    let Action { id, .. } = action(&state, &caller, &id).await?;
    let after_sequence = params.after_sequence.unwrap_or(0).min(i64::MAX as u64);
    let filter = EventFilter { after_sequence, subject: Some(id.to_string()), ..EventFilter::default() };
    super::event::list(&state, &caller, filter, params.limit).await
}
