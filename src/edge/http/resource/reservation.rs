//! `/reservations`: offers of items to workers, and what became of them.

use super::super::HttpState;
use super::super::answer::{self, Answer, Order, carry_out};
use super::super::auth::Caller;
use super::super::error::ApiError;
use super::super::extract::{Body, IdempotencyKey, IfMatch, NoParams, Params};
use super::super::{find, schema};
use crate::runtime::store::{Filter, Kind};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use cordboard_domain::id::ReservationId;
use cordboard_domain::work::{Command, Record, Reference, Reservation, ReservationState};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub fn routes() -> OpenApiRouter<HttpState> {
    OpenApiRouter::new()
        .routes(routes!(list_reservations))
        .routes(routes!(get_reservation))
        .routes(routes!(accept_reservation))
        .routes(routes!(reject_reservation))
        .routes(routes!(wrap_up_reservation))
        .routes(routes!(complete_reservation))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ReservationParams {
    #[param(value_type = Option<schema::ReservationState>)]
    state: Option<ReservationState>,
    /// Name or id.
    worker: Option<String>,
    /// Id of a work item, open or ended.
    work_item: Option<String>,
    /// Entries of the page, 1 to 200; default 50.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u64>,
    /// The `next` of the page before.
    after: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AcceptReservation {}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RejectReservation {
    #[schema(min_length = 1, max_length = 500)]
    reason: Option<String>,
    /// Name or id of the activity that the worker changes to.
    activity: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WrapUpReservation {
    /// Seconds after which the item is completed by itself.
    #[schema(minimum = 1, maximum = 1209600)]
    timeout_s: Option<u32>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CompleteReservation {
    #[schema(min_length = 1, max_length = 500)]
    reason: Option<String>,
}

/// List reservations, newest first.
#[utoipa::path(get, path = "/v1/reservations", tag = "Reservations", params(ReservationParams),
    responses((status = 200, body = schema::Reservations)))]
async fn list_reservations(
    State(state): State<HttpState>,
    caller: Caller,
    Params(params): Params<ReservationParams>,
) -> Result<Answer, ApiError> {
    let limit = find::limit(params.limit)?;
    let word = |state: ReservationState| serde_json::to_value(state).ok().and_then(|it| it.as_str().map(str::to_owned));
    let worker = find::filtered_worker(&state, &caller, params.worker).await?;
    let filter = Filter {
        state: params.state.and_then(word),
        worker: worker.map(|id| id.to_string()),
        work_item: find::filtered(&state, &caller, Kind::Item, "work_item", params.work_item).await?,
        after: find::cursor(params.after, |text| find::is_id(Kind::Reservation, text))?,
        limit: limit + 1,
        ..Filter::default()
    };
    let records = state.runtime.store().list(caller.account, Kind::Reservation, &filter).await?;
    Ok(answer::page(records.iter().map(|record| answer::show(record).body).collect(), limit, answer::by_id))
}

async fn find_reservation(state: &HttpState, caller: &Caller, id: &str) -> Result<Reservation, ApiError> {
    let id = find::reservation_id(id)?;
    let found = state.runtime.store().get(caller.account, Kind::Reservation, &id.to_string()).await?;
    match found {
        Some(Record::Reservation(it)) if caller.held_to().is_none_or(|own| own == it.worker) => Ok(it),
        Some(_) | None => Err(ApiError::not_found("reservation")),
    }
}

/// Get a reservation.
#[utoipa::path(get, path = "/v1/reservations/{id}", tag = "Reservations", params(("id" = String, Path)),
    responses((status = 200, body = schema::Reservation)))]
async fn get_reservation(
    State(state): State<HttpState>,
    caller: Caller,
    _: NoParams,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let reservation = find_reservation(&state, &caller, &id).await?;
    Ok(Answer::resource(answer::show(&Record::Reservation(reservation))).into_response())
}

/// Carries out a command on a reservation. One that has ended answers as it is when it has come to what is asked for.
async fn act(
    state: &HttpState,
    caller: &Caller,
    id: &str,
    holds: ReservationState,
    order: impl FnOnce(ReservationId) -> Order,
) -> Result<Response, ApiError> {
    let found = find_reservation(state, caller, id).await?;
    let ended = |it: Reservation| match it.state == holds {
        true => Ok(Answer::resource(answer::show(&Record::Reservation(it))).into_response()),
        false => {
            let detail = "the reservation has ended";
            Err(ApiError::new(StatusCode::CONFLICT, "reservation_state", detail))
        }
    };
    let order = order(found.id);
    // With an idempotency key the runtime is asked all the same: it may have kept the answer of the first request.
    if !found.state.is_live() && order.once.is_none() {
        return ended(found);
    }
    match carry_out(state, caller, order).await {
        // It has ended, perhaps between our reading and the engine's turn.
        Err(error) if error.status == StatusCode::NOT_FOUND => ended(find_reservation(state, caller, id).await?),
        answered => answered,
    }
}

/// Accept an offer: the item is the worker's.
#[utoipa::path(post, path = "/v1/reservations/{id}/accept", tag = "Reservations", params(("id" = String, Path), IfMatch, IdempotencyKey),
    request_body = AcceptReservation, responses((status = 200, body = schema::Reservation)))]
async fn accept_reservation(
    State(state): State<HttpState>,
    caller: Caller,
    _: NoParams,
    Path(id): Path<String>,
    condition: IfMatch,
    IdempotencyKey(key): IdempotencyKey,
    body: Body<AcceptReservation>,
) -> Result<Response, ApiError> {
    let order =
        |id| Order::new(Command::AcceptReservation { id, expected: None }).when(condition).once(key, body.digest);
    act(&state, &caller, &id, ReservationState::Accepted, order).await
}

/// Reject an offer: the item goes back to its old place and is offered on.
#[utoipa::path(post, path = "/v1/reservations/{id}/reject", tag = "Reservations", params(("id" = String, Path), IfMatch, IdempotencyKey),
    request_body = RejectReservation, responses((status = 200, body = schema::Reservation)))]
async fn reject_reservation(
    State(state): State<HttpState>,
    caller: Caller,
    _: NoParams,
    Path(id): Path<String>,
    condition: IfMatch,
    IdempotencyKey(key): IdempotencyKey,
    body: Body<RejectReservation>,
) -> Result<Response, ApiError> {
    let RejectReservation { reason, activity } = body.value;
    let activity = activity.map(Reference);
    let order = |id| {
        Order::new(Command::RejectReservation { id, reason, activity, expected: None })
            .when(condition)
            .once(key, body.digest)
    };
    act(&state, &caller, &id, ReservationState::Rejected, order).await
}

/// Begin the after-call work of an accepted reservation.
#[utoipa::path(post, path = "/v1/reservations/{id}/wrap-up", tag = "Reservations", params(("id" = String, Path), IfMatch, IdempotencyKey),
    request_body = WrapUpReservation, responses((status = 200, body = schema::Reservation)))]
async fn wrap_up_reservation(
    State(state): State<HttpState>,
    caller: Caller,
    _: NoParams,
    Path(id): Path<String>,
    condition: IfMatch,
    IdempotencyKey(key): IdempotencyKey,
    body: Body<WrapUpReservation>,
) -> Result<Response, ApiError> {
    let timeout_s = body.value.timeout_s;
    let order = |id| {
        Order::new(Command::WrapUpReservation { id, timeout_s, expected: None }).when(condition).once(key, body.digest)
    };
    act(&state, &caller, &id, ReservationState::Wrapping, order).await
}

/// Complete an accepted or wrapping reservation, and its item with it.
#[utoipa::path(post, path = "/v1/reservations/{id}/complete", tag = "Reservations", params(("id" = String, Path), IfMatch, IdempotencyKey),
    request_body = CompleteReservation, responses((status = 200, body = schema::Reservation)))]
async fn complete_reservation(
    State(state): State<HttpState>,
    caller: Caller,
    _: NoParams,
    Path(id): Path<String>,
    condition: IfMatch,
    IdempotencyKey(key): IdempotencyKey,
    body: Body<CompleteReservation>,
) -> Result<Response, ApiError> {
    let reason = body.value.reason;
    let order = |id| {
        Order::new(Command::CompleteReservation { id, reason, expected: None }).when(condition).once(key, body.digest)
    };
    act(&state, &caller, &id, ReservationState::Completed, order).await
}
