//! `/subscriptions/{id}/deliveries` and what is done with them: listing, sending again, pinging, and how far a
//! subscription is.

use super::super::HttpState;
use super::super::answer::Answer;
use super::super::auth::Caller;
use super::super::error::ApiError;
use super::super::extract::{Body, NoIdempotencyKey, NoParams, Params};
use super::super::openapi::{Conflict, Forbidden};
use super::super::{delivery_schema as schema, find};
use crate::runtime::delivery::Unavailable;
use crate::runtime::delivery::record::{Delivery, DeliveryFilter, DeliveryState, RESEND_MAX, Resend};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use cordboard_domain::event_channel::{Subscription, SubscriptionState};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Bytes of a delivery's id.
const ID_BYTES_MAX: usize = 200;

pub fn routes() -> OpenApiRouter<HttpState> {
    OpenApiRouter::new()
        .routes(routes!(list_deliveries))
        .routes(routes!(get_delivery))
        .routes(routes!(get_progress))
        .routes(routes!(retry_deliveries))
        .routes(routes!(ping_subscription))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DeliveryParams {
    #[param(value_type = Option<schema::DeliveryState>)]
    state: Option<DeliveryState>,
    /// Entries of the page, 1 to 200; default 50.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u64>,
    /// The `next` of the page before.
    after: Option<u64>,
}

/// What is sent again. Without a field: what waits for its next attempt is tried now.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RetryOrder {
    /// Id of one delivery, in whatever state.
    #[schema(max_length = 200)]
    delivery: Option<String>,
    /// Deliveries with events from this sequence number on.
    from_sequence: Option<u64>,
    /// Deliveries with events up to this one.
    to_sequence: Option<u64>,
    /// Of a range: those too that were delivered. Default false: only those that failed or were skipped.
    #[serde(default)]
    delivered_too: bool,
}

/// A ping takes no fields.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PingOrder {}

impl RetryOrder {
    fn which(self) -> Result<Resend, ApiError> {
        let Self { delivery, from_sequence, to_sequence, delivered_too } = self;
        match (delivery, from_sequence, to_sequence) {
            (Some(_), Some(_), _) | (Some(_), _, Some(_)) => {
                let message = "give one `delivery` or a range of sequence numbers, not both";
                Err(ApiError::field("/delivery", "not_with_range", message))
            }
            (Some(id), None, None) if id.len() > ID_BYTES_MAX || id.chars().any(char::is_control) => {
                Err(ApiError::field("/delivery", "bad_value", "give the `id` of a delivery"))
            }
            (Some(id), None, None) => Ok(Resend::One(id)),
            (None, None, None) if delivered_too => {
                let message = "belongs to a range; give `from_sequence` or `to_sequence`";
                Err(ApiError::field("/delivered_too", "without_range", message))
            }
            (None, None, None) => Ok(Resend::Waiting),
            (None, from, to) => {
                let (from_sequence, to_sequence) = (bounded(from.unwrap_or(0)), bounded(to.unwrap_or(u64::MAX)));
                if from_sequence > to_sequence {
                    return Err(ApiError::field("/to_sequence", "out_of_range", "must not be below `from_sequence`"));
                }
                Ok(Resend::Range { from_sequence, to_sequence, failed_only: !delivered_too })
            }
        }
    }
}

/// No sequence number is higher.
fn bounded(sequence: u64) -> u64 {
    sequence.min(i64::MAX as u64)
}

impl From<Unavailable> for ApiError {
    fn from(_: Unavailable) -> Self {
        let error = ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "the server is stopping");
        ApiError { retry_after_s: Some(1), ..error }
    }
}

/// The caller's subscription, which agents have none of.
async fn subscription(state: &HttpState, caller: &Caller, id: &str) -> Result<Subscription, ApiError> {
    caller.not_agent()?;
    super::subscription::subscription(state, caller, id).await
}

fn shown(delivery: &Delivery) -> Value {
    let Delivery { message, state, attempts, .. } = delivery;
    json!({
        "id": message.id,
        "subscription": delivery.subscription,
        "state": state.name(),
        "type": message.event_type,
        "events": message.events,
        "first_sequence": message.first_sequence,
        "last_sequence": message.last_sequence,
        "attempts": attempts,
        "next_attempt_at": delivery.next_attempt_at,
        "created_at": delivery.created_at,
        "resolved_at": delivery.resolved_at,
    })
}

/// List deliveries of a subscription, newest first.
#[utoipa::path(get, path = "/v1/subscriptions/{id}/deliveries", tag = "Subscriptions",
    params(("id" = String, Path), DeliveryParams), responses((status = 200, body = schema::Deliveries), Forbidden))]
async fn list_deliveries(
    State(state): State<HttpState>,
    caller: Caller,
    Path(id): Path<String>,
    Params(params): Params<DeliveryParams>,
) -> Result<Answer, ApiError> {
    let of = subscription(&state, &caller, &id).await?.id;
    let limit = find::limit(params.limit)?;
    if params.after.is_some_and(|after| i64::try_from(after).is_err()) {
        return Err(ApiError::parameter("after", "out_of_range", "no sequence number is that high"));
    }
    let filter = DeliveryFilter { state: params.state, before: params.after, limit: limit + 1 };
    let mut deliveries = state.deliveries.store().deliveries(of, &filter).await?;
    let more = deliveries.len() as u64 > limit;
    deliveries.truncate(limit as usize);
    let next = deliveries.last().filter(|_| more).map(|last| last.message.last_sequence.to_string());
    let entries: Vec<Value> = deliveries.iter().map(shown).collect();
    Ok(Answer::ok(json!({ "data": entries, "next": next })))
}

/// Get a delivery with the body of its request.
#[utoipa::path(get, path = "/v1/subscriptions/{id}/deliveries/{delivery}", tag = "Subscriptions",
    params(("id" = String, Path), ("delivery" = String, Path, description = "Its `id`, which the receiver gets as `webhook-id`")),
    responses((status = 200, body = schema::DeliveryWithBody), Forbidden))]
async fn get_delivery(
    State(state): State<HttpState>,
    caller: Caller,
    _: NoParams,
    Path((id, delivery)): Path<(String, String)>,
) -> Result<Answer, ApiError> {
    let of = subscription(&state, &caller, &id).await?.id;
    let found = state.deliveries.store().delivery(of, &delivery).await?;
    let found = found.ok_or_else(|| ApiError::not_found("delivery"))?;
    let mut body = shown(&found);
    // As it was made; JSON that is too deep for us to read is shown as the text that it is.
    body["body"] = serde_json::from_str(&found.message.body).unwrap_or_else(|_| json!(found.message.body));
    Ok(Answer::ok(body))
}

/// Get how far a subscription is: what was made into deliveries, and what waits.
#[utoipa::path(get, path = "/v1/subscriptions/{id}/progress", tag = "Subscriptions", params(("id" = String, Path)),
    responses((status = 200, body = schema::Progress), Forbidden))]
async fn get_progress(
    State(state): State<HttpState>,
    caller: Caller,
    _: NoParams,
    Path(id): Path<String>,
) -> Result<Answer, ApiError> {
    let of = subscription(&state, &caller, &id).await?;
    let store = state.deliveries.store();
    let position = store.delivery_position(of.id).await?.filter(|position| position.starts == of.starts);
    let first = store.pending_deliveries(of.id, 1).await?.into_iter().next();
    let last_sequence = state.runtime.read(caller.account, |engine, _| engine.sequence()).await?;
    Ok(Answer::ok(json!({
        "position": position.map_or(of.start_after, |position| position.sequence),
        "last_sequence": last_sequence,
        "waiting": first.as_ref().map(shown),
    })))
}

/// Send deliveries again, in order and with the ids that they had; or try now what waits.
///
/// At most 1,000 deliveries of a range are sent again, the oldest first; `resent` tells how many.
#[utoipa::path(post, path = "/v1/subscriptions/{id}/retry", tag = "Subscriptions", params(("id" = String, Path)),
    request_body = RetryOrder, responses((status = 200, body = schema::Resent), Forbidden, Conflict))]
async fn retry_deliveries(
    State(state): State<HttpState>,
    caller: Caller,
    _: NoParams,
    Path(id): Path<String>,
    _: NoIdempotencyKey,
    body: Body<RetryOrder>,
) -> Result<Answer, ApiError> {
    caller.configures()?;
    let of = subscription(&state, &caller, &id).await?;
    let which = body.value.which()?;
    if of.state != SubscriptionState::Active {
        let detail = "nothing is sent while the subscription is not active; set its `state` to `active` first";
        return Err(ApiError::new(StatusCode::CONFLICT, "subscription_not_active", detail));
    }
    let one = matches!(which, Resend::One(_));
    let resent = state.deliveries.resend(of.id, which).await?;
    if one && resent == 0 {
        return Err(ApiError::not_found("delivery"));
    }
    Ok(Answer::ok(json!({ "resent": resent, "more": resent == RESEND_MAX })))
}

/// Send a test message (`subscription.ping`) to the receiver, once and now, and tell what came of it.
///
/// It is signed as everything else, has no sequence number and is not listed.
#[utoipa::path(post, path = "/v1/subscriptions/{id}/ping", tag = "Subscriptions", params(("id" = String, Path)),
    request_body = PingOrder, responses((status = 200, body = schema::Attempt), Forbidden))]
async fn ping_subscription(
    State(state): State<HttpState>,
    caller: Caller,
    _: NoParams,
    Path(id): Path<String>,
    _: NoIdempotencyKey,
    _: Body<PingOrder>,
) -> Result<Answer, ApiError> {
    caller.configures()?;
    let of = subscription(&state, &caller, &id).await?;
    let attempt = state.deliveries.ping(caller.account, &of).await.map_err(|too_many| {
        let error = ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "too_many_pings", too_many.to_string());
        ApiError { retry_after_s: Some(15), ..error }
    })?;
    Ok(Answer::ok(json!(attempt)))
}
