//! `/accounts/{id}/signing-secret`: with what an account's callbacks are signed. It is shown to the account's admin and to
//! the operator, here alone.

use super::super::HttpState;
use super::super::answer::{Answer, Order, Shown, carry_out};
use super::super::auth::Operator;
use super::super::error::ApiError;
use super::super::extract::{Body, IfMatch, NoIdempotencyKey, NoParams};
use super::super::openapi::Forbidden;
use super::super::schema;
use super::account::{acting, reached};
use axum::extract::{Path, State};
use cordboard_domain::limit::SECRET_OVERLAP_S_DEFAULT;
use cordboard_domain::work::{Account, Command};
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub fn routes() -> OpenApiRouter<HttpState> {
    OpenApiRouter::new().routes(routes!(get_signing_secret)).routes(routes!(rotate_signing_secret))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SigningSecretRotation {
    /// Seconds for which the secret that is replaced signs too; a day when absent.
    #[schema(minimum = 0, maximum = 604800)]
    overlap_s: Option<u32>,
}

async fn shown(state: &HttpState, account: &Account) -> Answer {
    let (signing, now) = (&account.signing, state.runtime.now());
    let former_until = signing.former(now).map(|former| former.until).max();
    let body = json!({"secret": signing.current.reveal(), "created_at": signing.since, "former_until": former_until});
    Answer::resource(Shown { body, revision: account.stamp.revision })
}

/// Get the secret with which an account's callbacks are signed.
#[utoipa::path(get, path = "/v1/accounts/{id}/signing-secret", tag = "Accounts", params(("id" = String, Path)),
    responses((status = 200, body = schema::SigningSecret), Forbidden))]
async fn get_signing_secret(
    State(state): State<HttpState>,
    operator: Operator,
    _: NoParams,
    Path(id): Path<String>,
) -> Result<Answer, ApiError> {
    let account = reached(&state, &operator, &id).await?;
    Ok(shown(&state, &account).await)
}

/// Put a fresh signing secret in force. The one before signs too for `overlap_s` more seconds.
#[utoipa::path(post, path = "/v1/accounts/{id}/signing-secret/rotate", tag = "Accounts",
    params(("id" = String, Path), IfMatch), request_body = SigningSecretRotation,
    responses((status = 200, body = schema::SigningSecret), Forbidden))]
async fn rotate_signing_secret(
    State(state): State<HttpState>,
    operator: Operator,
    _: NoParams,
    // An answer that is kept for repetitions would keep the secret.
    _: NoIdempotencyKey,
    Path(id): Path<String>,
    condition: IfMatch,
    body: Body<SigningSecretRotation>,
) -> Result<Answer, ApiError> {
    let account = reached(&state, &operator, &id).await?.id;
    let caller = acting(operator, account);
    let secret = state.runtime.fresh_signing_secret();
    let overlap_s = body.value.overlap_s.unwrap_or(SECRET_OVERLAP_S_DEFAULT);
    let command = Command::RotateSigningSecret { secret, overlap_s, expected: None };
    carry_out(&state, &caller, Order::new(command).when(condition)).await?;
    let account = state.runtime.read(account, |engine, _| engine.account().clone()).await?;
    Ok(shown(&state, &account).await)
}
