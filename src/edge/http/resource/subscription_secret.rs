//! The secrets of `/subscriptions`: a webhook's requests are signed with them. They are in no answer but the one that is
//! asked for them, so that every other answer can be kept and shown.

use super::super::HttpState;
use super::super::answer::{Answer, Order, carry_out};
use super::super::auth::Caller;
use super::super::error::ApiError;
use super::super::extract::{Body, IdempotencyKey, IfMatch, NoParams};
use super::super::openapi::{Conflict, Forbidden};
use super::super::subscription_schema as schema;
use super::subscription::subscription;
use crate::runtime::signature::Secret;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use cordboard_domain::limit::SECRET_OVERLAP_S_DEFAULT;
use cordboard_domain::signing::SigningSecret;
use cordboard_domain::work::Command;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub fn routes() -> OpenApiRouter<HttpState> {
    OpenApiRouter::new().routes(routes!(get_subscription_secret)).routes(routes!(rotate_subscription_secret))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SecretRotation {
    /// `whsec_` and the base64 of 24 to 64 random bytes. One is made when absent.
    pub(super) secret: Option<String>,
    /// Seconds for which the secrets so far sign as well; default 86,400. 0 when one has become known.
    #[serde(default = "a_day")]
    #[schema(minimum = 0, maximum = 604800)]
    pub(super) overlap_s: u32,
}

fn a_day() -> u32 {
    SECRET_OVERLAP_S_DEFAULT
}

/// The secret that was given, or a fresh one.
pub(super) fn signing_secret(state: &HttpState, given: Option<String>) -> Result<SigningSecret, ApiError> {
    let text = match given {
        Some(text) => {
            Secret::parse(&text).map_err(|error| ApiError::field("/secret", "bad_secret", error.to_string()))?;
            text
        }
        None => return Ok(state.runtime.fresh_signing_secret()),
    };
    Ok(SigningSecret::new(text))
}

/// The secrets that sign, the newest in front; `None` when there is none.
pub(super) fn show_secrets<'a>(mut signing: impl Iterator<Item = &'a SigningSecret>) -> Option<Value> {
    let newest = signing.next()?;
    let previous: Vec<_> = signing.map(|it| json!({ "secret": it.text, "signs_until": it.signs_until })).collect();
    Some(json!({ "secret": newest.text, "previous": previous }))
}

/// Get the secrets with which a webhook's requests are signed. It takes an admin's or an integrator's key.
#[utoipa::path(get, path = "/v1/subscriptions/{id}/secret", tag = "Subscriptions", params(("id" = String, Path)),
    responses((status = 200, body = schema::SubscriptionSecret), Forbidden))]
async fn get_subscription_secret(
    State(state): State<HttpState>,
    caller: Caller,
    _: NoParams,
    Path(id): Path<String>,
) -> Result<Answer, ApiError> {
    caller.configures()?;
    let found = subscription(&state, &caller, &id).await?;
    let secrets = show_secrets(found.signing_secrets(state.runtime.now()));
    secrets.map(Answer::ok).ok_or_else(|| {
        let detail = "only a webhook has a secret: a Redis stream is not signed";
        ApiError::new(StatusCode::NOT_FOUND, "not_found", detail)
    })
}

/// Replace the secret of a webhook. For `overlap_s` requests are signed with both, so that the receiver can change over;
/// at most three sign at a time.
#[utoipa::path(post, path = "/v1/subscriptions/{id}/rotate-secret", tag = "Subscriptions",
    params(("id" = String, Path), IfMatch, IdempotencyKey), request_body = SecretRotation,
    responses((status = 200, body = schema::Subscription), Forbidden, Conflict))]
async fn rotate_subscription_secret(
    State(state): State<HttpState>,
    caller: Caller,
    _: NoParams,
    Path(id): Path<String>,
    condition: IfMatch,
    IdempotencyKey(key): IdempotencyKey,
    body: Body<SecretRotation>,
) -> Result<Response, ApiError> {
    caller.configures()?;
    let id = subscription(&state, &caller, &id).await?.id;
    let SecretRotation { secret, overlap_s } = body.value;
    let secret = signing_secret(&state, secret)?;
    let command = Command::RotateSubscriptionSecret { id, secret, overlap_s, expected: None };
    carry_out(&state, &caller, Order::new(command).when(condition).once(key, body.digest)).await
}
