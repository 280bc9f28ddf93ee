//! `/workflows/check` and `/workflows/{id}/check`: what is wrong with a document, and what would become of sample items
//! if it were in force. Nothing is changed by asking.

use super::super::HttpState;
use super::super::answer::Answer;
use super::super::auth::Caller;
use super::super::callback_url;
use super::super::error::ApiError;
use super::super::extract::{Body, NoParams};
use super::super::openapi::Forbidden;
use super::super::{find, schema};
use crate::runtime::store::Kind;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use cordboard_domain::work::document::case::SampleItem;
use cordboard_domain::work::{DryRun, Record};
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub fn routes() -> OpenApiRouter<HttpState> {
    OpenApiRouter::new().routes(routes!(check_document)).routes(routes!(check_workflow))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DocumentCheck {
    /// A workflow document, as in `PUT /v1/workflows/{id}/document`; what is wrong with it is told in the answer.
    document: Value,
    /// Items to follow through it.
    #[serde(default)]
    #[schema(value_type = Vec<schema::SampleItem>)]
    samples: Vec<SampleItem>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WorkflowCheck {
    /// Another document than the workflow's newest.
    document: Option<Value>,
    /// Items to follow through it.
    #[serde(default)]
    #[schema(value_type = Vec<schema::SampleItem>)]
    samples: Vec<SampleItem>,
}

/// Check a document and follow sample items through it: rule, steps over time, and the workers eligible now.
#[utoipa::path(post, path = "/v1/workflows/check", tag = "Workflows", request_body = DocumentCheck,
    responses((status = 200, body = schema::DryRun), Forbidden))]
async fn check_document(
    State(state): State<HttpState>,
    caller: Caller,
    _: NoParams,
    body: Body<DocumentCheck>,
) -> Result<Answer, ApiError> {
    caller.not_agent()?;
    rehearse(&state, &caller, body.value.document, body.value.samples).await
}

/// Check a workflow's newest document, or another in its place, and follow sample items through it.
#[utoipa::path(post, path = "/v1/workflows/{id}/check", tag = "Workflows",
    params(("id" = String, Path, description = "Id or name")), request_body = WorkflowCheck,
    responses((status = 200, body = schema::DryRun), Forbidden))]
async fn check_workflow(
    State(state): State<HttpState>,
    caller: Caller,
    _: NoParams,
    Path(id): Path<String>,
    body: Body<WorkflowCheck>,
) -> Result<Answer, ApiError> {
    caller.not_agent()?;
    let record = find::config_record(&state, &caller, Kind::Workflow, &id).await?;
    let Record::Workflow(workflow) = record else { return Err(ApiError::not_found("workflow")) };
    let document = match body.value.document {
        Some(document) => document,
        None => {
            let version = state.runtime.store().version(caller.account, workflow.id, workflow.version).await?;
            version.ok_or_else(|| ApiError::not_found("version"))?.document
        }
    };
    rehearse(&state, &caller, document, body.value.samples).await
}

async fn rehearse(
    state: &HttpState,
    caller: &Caller,
    document: Value,
    samples: Vec<SampleItem>,
) -> Result<Answer, ApiError> {
    let refused = callback_url::findings(state, &document);
    if !refused.is_empty() {
        let run = DryRun { time: state.runtime.now(), findings: refused, samples: Vec::new() };
        return Ok(Answer::ok(serde_json::to_value(run).unwrap_or_default()));
    }
    let view = state.runtime.read(caller.account, |engine, now| engine.dry_run_view(now)).await?;
    // It may take a while, so neither the account's loop nor the threads that serve requests wait for it.
    let run = tokio::task::spawn_blocking(move || view.check(&document, &samples)).await.map_err(|error| {
        tracing::error!(%error, "a dry run failed");
        ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "the dry run failed")
    })?;
    Ok(Answer::ok(serde_json::to_value(run?).unwrap_or_default()))
}
