//! `/statistics/realtime`: the numbers of the moment.

use super::super::HttpState;
use super::super::answer::Answer;
use super::super::auth::Caller;
use super::super::error::ApiError;
use super::super::extract::NoParams;
use super::super::openapi::Forbidden;
use super::super::schema;
use axum::extract::State;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub fn routes() -> OpenApiRouter<HttpState> {
    OpenApiRouter::new().routes(routes!(get_realtime_statistics))
}

/// The numbers of the moment, per queue and per activity.
#[utoipa::path(get, path = "/v1/statistics/realtime", tag = "Statistics",
    responses((status = 200, body = schema::Statistics), Forbidden))]
async fn get_realtime_statistics(
    State(state): State<HttpState>,
    caller: Caller,
    _: NoParams,
) -> Result<Answer, ApiError> {
    caller.not_agent()?;
    let statistics = state.runtime.read(caller.account, |engine, now| engine.statistics(now)).await?;
    Ok(Answer::ok(serde_json::to_value(statistics).unwrap_or_default()))
}
