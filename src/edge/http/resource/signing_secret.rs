//! `/accounts/{id}/signing-secret`: with what an account's callbacks are signed. It is shown to the account's admin and to
//! the operator, here alone.

use super::super::HttpState;
use super::super::answer::{Answer, Order, carry_out};
use super::super::auth::Operator;
use super::super::error::ApiError;
use super::super::extract::{Body, IdempotencyKey, IfMatch, NoParams};
use super::super::openapi::{Conflict, Forbidden};
use super::super::{schema, subscription_schema};
use super::account::{acting, reached};
use super::subscription_secret::{SecretRotation, show_secrets, signing_secret};
use axum::extract::{Path, State};
use axum::response::Response;
use cordboard_domain::work::Command;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub fn routes() -> OpenApiRouter<HttpState> {
    OpenApiRouter::new().routes(routes!(get_signing_secret)).routes(routes!(rotate_signing_secret))
}

/// Get the secrets with which an account's callbacks are signed.
#[utoipa::path(get, path = "/v1/accounts/{id}/signing-secret", tag = "Accounts", params(("id" = String, Path)),
    responses((status = 200, body = subscription_schema::SubscriptionSecret), Forbidden))]
async fn get_signing_secret(
    State(state): State<HttpState>,
    operator: Operator,
    _: NoParams,
    Path(id): Path<String>,
) -> Result<Answer, ApiError> {
    let account = reached(&state, &operator, &id).await?;
    let secrets = show_secrets(account.signing_secrets(state.runtime.now()));
    secrets.map(Answer::ok).ok_or_else(|| ApiError::not_found("signing secret"))
}

/// Replace an account's signing secret. For `overlap_s` callbacks are signed with both, so that your servers can change
/// over; at most three sign at a time.
#[utoipa::path(post, path = "/v1/accounts/{id}/signing-secret/rotate", tag = "Accounts",
    params(("id" = String, Path), IfMatch, IdempotencyKey), request_body = SecretRotation,
    responses((status = 200, body = schema::Account), Forbidden, Conflict))]
async fn rotate_signing_secret(
    State(state): State<HttpState>,
    operator: Operator,
    _: NoParams,
    Path(id): Path<String>,
    condition: IfMatch,
    IdempotencyKey(key): IdempotencyKey,
    body: Body<SecretRotation>,
) -> Result<Response, ApiError> {
    let account = reached(&state, &operator, &id).await?.id;
    let caller = acting(operator, account);
    let SecretRotation { secret, overlap_s } = body.value;
    let secret = signing_secret(&state, secret)?;
    let command = Command::RotateSigningSecret { secret, overlap_s, expected: None };
    carry_out(&state, &caller, Order::new(command).when(condition).once(key, body.digest)).await
}
