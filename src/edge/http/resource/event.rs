//! `/events`: everything that happened, oldest first.

use super::super::HttpState;
use super::super::answer::Answer;
use super::super::auth::Caller;
use super::super::error::{ApiError, Problem};
use super::super::extract::Params;
use super::super::openapi::Forbidden;
use super::super::stream::types_of;
use super::super::{find, schema};
use crate::runtime::store::{EventFilter, StoredEvent};
use axum::extract::State;
use cordboard_domain::id::*;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub fn routes() -> OpenApiRouter<HttpState> {
    OpenApiRouter::new().routes(routes!(list_events))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct EventParams {
    /// Only events with a higher sequence number; all that are kept when absent.
    after_sequence: Option<u64>,
    /// Types to show, separated by commas: a type, or `work_item.*` for all of one resource; all when absent.
    #[param(example = "work_item.created,reservation.*")]
    types: Option<String>,
    /// Id of the resource that the events are about.
    subject: Option<String>,
    /// Entries of the page, 1 to 200; default 50.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u64>,
}

/// List events, oldest first; `next` is the `after_sequence` of the next page. With `types`, one request looks at 20,480
/// events at most: a page may have few entries or none and still have a `next`.
#[utoipa::path(get, path = "/v1/events", tag = "Events", params(EventParams),
    responses((status = 200, body = schema::Events),
        (status = 410, description = "Events after the position are not kept any more; `first_sequence` tells the first that is.", body = Problem, content_type = "application/problem+json"),
        Forbidden))]
async fn list_events(
    State(state): State<HttpState>,
    caller: Caller,
    Params(params): Params<EventParams>,
) -> Result<Answer, ApiError> {
    caller.not_agent()?;
    let types = types_of(params.types.as_deref())?;
    let after_sequence = params.after_sequence.unwrap_or(0);
    if i64::try_from(after_sequence).is_err() {
        return Err(ApiError::parameter("after_sequence", "out_of_range", "no sequence number is that high"));
    }
    if params.subject.as_deref().is_some_and(|subject| !is_subject(subject)) {
        return Err(ApiError::parameter("subject", "bad_value", "give the id of a resource, such as `itm_...`"));
    }
    if params.after_sequence.is_some() {
        let first = state.runtime.store().first_event(caller.account).await?;
        if after_sequence + 1 < first {
            return Err(ApiError::events_gone(first));
        }
    }
    let filter = EventFilter { after_sequence, types, subject: params.subject, ..EventFilter::default() };
    list(&state, &caller, filter, params.limit).await
}

/// Whether a text is an id that events may be about. Whether there is such a resource is not asked: what is deleted
/// has events too.
fn is_subject(text: &str) -> bool {
    AccountId::parse(text).is_ok()
        || WorkerId::parse(text).is_ok()
        || ActivityId::parse(text).is_ok()
        || ChannelId::parse(text).is_ok()
        || QueueId::parse(text).is_ok()
        || WorkflowId::parse(text).is_ok()
        || ScheduleId::parse(text).is_ok()
        || ItemId::parse(text).is_ok()
        || ReservationId::parse(text).is_ok()
        || EventChannelId::parse(text).is_ok()
        || SubscriptionId::parse(text).is_ok()
        || KeyId::parse(text).is_ok()
}

/// A page of the account's events. When it looks for types, it looks at a bounded number of events; a page that is not
/// full then goes on where that ended.
pub async fn list(
    state: &HttpState,
    caller: &Caller,
    filter: EventFilter,
    given: Option<u64>,
) -> Result<Answer, ApiError> {
    let limit = find::limit(given)?;
    let page = state.runtime.store().events(caller.account, &EventFilter { limit, ..filter }).await?;
    let entries: Vec<Value> = page.events.iter().map(|event| cloud_event(caller.account, event)).collect();
    let next = page.more.then(|| page.read_to.to_string());
    Ok(Answer::ok(json!({ "data": entries, "next": next })))
}

fn cloud_event(account: AccountId, event: &StoredEvent) -> Value {
    json!(event.cloud_event(account))
}
