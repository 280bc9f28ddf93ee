//! `/workflows`: rules that decide who takes each item, in numbered versions.

use super::super::HttpState;
use super::super::answer::{self, Answer, Order, Shown, carry_out};
use super::super::auth::Caller;
use super::super::callback_url;
use super::super::error::ApiError;
use super::super::extract::{Body, IdempotencyKey, IfMatch, NoParams, Params};
use super::super::find::{self, PageParams};
use super::super::openapi::{Conflict, Forbidden};
use super::super::schema;
use super::super::workflow_schema::WorkflowDocument;
use crate::runtime::store::Kind;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use cordboard_domain::id::WorkflowId;
use cordboard_domain::work::{Command, Record, WorkflowVersion};
use serde::Deserialize;
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub fn routes() -> OpenApiRouter<HttpState> {
    OpenApiRouter::new()
        .routes(routes!(list_workflows, create_workflow))
        .routes(routes!(get_workflow, update_workflow, delete_workflow))
        .routes(routes!(publish_workflow))
        .routes(routes!(list_versions))
        .routes(routes!(get_version))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewWorkflow {
    #[schema(min_length = 1, max_length = 120)]
    name: String,
    /// The workflow document; `docs/workflows.md` is its manual.
    #[schema(value_type = WorkflowDocument)]
    document: Value,
    #[schema(max_length = 2000)]
    assignment_url: Option<String>,
    #[schema(max_length = 2000)]
    assignment_fallback_url: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WorkflowChange {
    #[schema(min_length = 1, max_length = 120)]
    name: Option<String>,
    /// `null` takes it away.
    #[serde(default, deserialize_with = "super::given")]
    #[schema(value_type = Option<String>)]
    assignment_url: Option<Option<String>>,
    /// `null` takes it away.
    #[serde(default, deserialize_with = "super::given")]
    #[schema(value_type = Option<String>)]
    assignment_fallback_url: Option<Option<String>>,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PublishParams {
    /// Unassigned items of the workflow start again in the new version; default false.
    #[serde(default)]
    reevaluate: bool,
}

/// List workflows, newest first, without their documents.
#[utoipa::path(get, path = "/v1/workflows", tag = "Workflows", params(PageParams),
    responses((status = 200, body = schema::Workflows), Forbidden))]
async fn list_workflows(
    State(state): State<HttpState>,
    caller: Caller,
    Params(page): Params<PageParams>,
) -> Result<Answer, ApiError> {
    super::list_config(&state, &caller, Kind::Workflow, page, None).await
}

/// Create a workflow with the first version of its document.
#[utoipa::path(post, path = "/v1/workflows", tag = "Workflows", params(IdempotencyKey), request_body = NewWorkflow,
    responses((status = 201, body = schema::WorkflowWithDocument), Forbidden))]
async fn create_workflow(
    State(state): State<HttpState>,
    caller: Caller,
    _: NoParams,
    IdempotencyKey(key): IdempotencyKey,
    body: Body<NewWorkflow>,
) -> Result<Response, ApiError> {
    caller.configures()?;
    let NewWorkflow { name, document, assignment_url, assignment_fallback_url } = body.value;
    callback_url::check(&state, "/assignment_url", assignment_url.as_deref())?;
    callback_url::check(&state, "/assignment_fallback_url", assignment_fallback_url.as_deref())?;
    callback_url::check_document(&state, &document).map_err(|error| within_document(error, "/document"))?;
    let command = Command::CreateWorkflow { name, document, assignment_url, assignment_fallback_url };
    let order = Order::new(command).creating("/v1/workflows").once(key, body.digest);
    let answered = carry_out(&state, &caller, order).await;
    answered.map_err(|error| within_document(error, "/document"))
}

/// Findings point into the document; in a body that holds it they point into the body.
fn within_document(mut error: ApiError, prefix: &str) -> ApiError {
    const OWN: [&str; 3] = ["/name", "/assignment_url", "/assignment_fallback_url"];
    let whole = error.detail.starts_with("what was sent");
    for field in error.errors.iter_mut().filter(|field| whole || !OWN.contains(&field.pointer.as_str())) {
        field.pointer = format!("{prefix}{}", field.pointer);
    }
    error
}

async fn latest(state: &HttpState, caller: &Caller, reference: &str) -> Result<Shown, ApiError> {
    let record = find::config_record(state, caller, Kind::Workflow, reference).await?;
    let Record::Workflow(workflow) = &record else { return Err(ApiError::not_found("workflow")) };
    let version = state.runtime.store().version(caller.account, workflow.id, workflow.version).await?;
    let Shown { mut body, revision } = answer::show(&record);
    body["document"] = version.map(|version| version.document).ok_or_else(|| ApiError::not_found("version"))?;
    Ok(Shown { body, revision })
}

/// Get a workflow by id or name, with the newest version of its document.
#[utoipa::path(get, path = "/v1/workflows/{id}", tag = "Workflows", params(("id" = String, Path, description = "Id or name")),
    responses((status = 200, body = schema::WorkflowWithDocument), Forbidden))]
async fn get_workflow(
    State(state): State<HttpState>,
    caller: Caller,
    _: NoParams,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    caller.not_agent()?;
    Ok(Answer::resource(latest(&state, &caller, &id).await?).into_response())
}

pub async fn id_of(state: &HttpState, caller: &Caller, reference: &str) -> Result<WorkflowId, ApiError> {
    let id = find::config_id(state, caller, Kind::Workflow, reference).await?;
    WorkflowId::parse(&id).map_err(|_| ApiError::not_found("workflow"))
}

/// Change a workflow's name or callbacks.
#[utoipa::path(patch, path = "/v1/workflows/{id}", tag = "Workflows", params(("id" = String, Path, description = "Id or name"), IfMatch),
    request_body = WorkflowChange, responses((status = 200, body = schema::WorkflowWithDocument), Forbidden, Conflict))]
async fn update_workflow(
    State(state): State<HttpState>,
    caller: Caller,
    _: NoParams,
    Path(id): Path<String>,
    condition: IfMatch,
    body: Body<WorkflowChange>,
) -> Result<Response, ApiError> {
    caller.configures()?;
    let id = id_of(&state, &caller, &id).await?;
    let WorkflowChange { name, assignment_url, assignment_fallback_url } = body.value;
    callback_url::check(&state, "/assignment_url", assignment_url.as_ref().and_then(Option::as_deref))?;
    let fallback = assignment_fallback_url.as_ref().and_then(Option::as_deref);
    callback_url::check(&state, "/assignment_fallback_url", fallback)?;
    let command = Command::UpdateWorkflow { id, name, assignment_url, assignment_fallback_url, expected: None };
    carry_out(&state, &caller, Order::new(command).when(condition)).await
}

/// Publish a new version of a workflow's document. Items keep the version that they started with unless
/// `reevaluate` is given.
#[utoipa::path(put, path = "/v1/workflows/{id}/document", tag = "Workflows",
    params(("id" = String, Path, description = "Id or name"), PublishParams, IfMatch), request_body = WorkflowDocument,
    responses((status = 200, body = schema::WorkflowWithDocument), Forbidden))]
async fn publish_workflow(
    State(state): State<HttpState>,
    caller: Caller,
    Path(id): Path<String>,
    Params(params): Params<PublishParams>,
    condition: IfMatch,
    body: Body<Value>,
) -> Result<Response, ApiError> {
    caller.configures()?;
    let id = id_of(&state, &caller, &id).await?;
    callback_url::check_document(&state, &body.value)?;
    let command = Command::PublishWorkflow { id, document: body.value, reevaluate: params.reevaluate, expected: None };
    carry_out(&state, &caller, Order::new(command).when(condition)).await
}

/// Delete a workflow; refused while open items are in it.
#[utoipa::path(delete, path = "/v1/workflows/{id}", tag = "Workflows", params(("id" = String, Path, description = "Id or name"), IfMatch),
    responses((status = 204), Forbidden, Conflict))]
async fn delete_workflow(
    State(state): State<HttpState>,
    caller: Caller,
    _: NoParams,
    Path(id): Path<String>,
    condition: IfMatch,
) -> Result<Response, ApiError> {
    caller.configures()?;
    let id = id_of(&state, &caller, &id).await?;
    carry_out(&state, &caller, Order::new(Command::DeleteWorkflow { id, expected: None }).when(condition)).await
}

fn show_version(version: &WorkflowVersion) -> Value {
    serde_json::to_value(version).unwrap_or_default()
}

/// List the versions of a workflow's document, newest first.
#[utoipa::path(get, path = "/v1/workflows/{id}/versions", tag = "Workflows",
    params(("id" = String, Path, description = "Id or name"), PageParams),
    responses((status = 200, body = schema::WorkflowVersions), Forbidden))]
async fn list_versions(
    State(state): State<HttpState>,
    caller: Caller,
    Path(id): Path<String>,
    Params(page): Params<PageParams>,
) -> Result<Answer, ApiError> {
    caller.not_agent()?;
    let id = id_of(&state, &caller, &id).await?;
    let limit = find::limit(page.limit)?;
    let before = page.after.map(|after| after.parse::<u32>()).transpose();
    let before = before.map_err(|_| ApiError::parameter("after", "bad_value", "not a cursor of this list"))?;
    let before = before.map(|before| before.min(i32::MAX as u32));
    let versions = state.runtime.store().versions(caller.account, id, before, limit + 1).await?;
    let entries = versions.iter().map(show_version).collect();
    Ok(answer::page(entries, limit, |version| version.get("version").map(Value::to_string)))
}

/// Get one version of a workflow's document.
#[utoipa::path(get, path = "/v1/workflows/{id}/versions/{version}", tag = "Workflows",
    params(("id" = String, Path, description = "Id or name"), ("version" = u32, Path, minimum = 1)),
    responses((status = 200, body = schema::WorkflowVersion), Forbidden))]
async fn get_version(
    State(state): State<HttpState>,
    caller: Caller,
    _: NoParams,
    Path((id, version)): Path<(String, String)>,
) -> Result<Answer, ApiError> {
    caller.not_agent()?;
    let id = id_of(&state, &caller, &id).await?;
    let number = version.parse::<u32>().ok().filter(|number| *number <= i32::MAX as u32);
    let number = number.ok_or_else(|| ApiError::not_found("version"))?;
    let found = state.runtime.store().version(caller.account, id, number).await?;
    let found = found.ok_or_else(|| ApiError::not_found("version"))?;
    // A version never changes, and its number is no other version's.
    Ok(Answer::resource(Shown { body: show_version(&found), revision: u64::from(found.version) }))
}
