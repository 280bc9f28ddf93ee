//! `/accounts`: tenants. The operator of the installation makes and lists them; an account's own admin reads it and
//! changes its name and settings.

use super::super::HttpState;
use super::super::answer::{self, Answer, Order, carry_out};
use super::super::auth::{Caller, Operator, fresh_key};
use super::super::error::ApiError;
use super::super::extract::{Body, IfMatch, NoIdempotencyKey, NoParams, Params};
use super::super::find::{self, PageParams};
use super::super::openapi::Forbidden;
use super::super::schema;
use crate::runtime::store::{ApiKey, Role};
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use cordboard_domain::id::{AccountId, IdSource, KeyId};
use cordboard_domain::work::{Account, Actor, Command, Exclusion, Record, Reference, SettingsChange};
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub fn routes() -> OpenApiRouter<HttpState> {
    OpenApiRouter::new().routes(routes!(list_accounts, create_account)).routes(routes!(get_account, update_account))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AccountRequest {
    #[schema(min_length = 1, max_length = 120)]
    name: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AccountChange {
    #[schema(min_length = 1, max_length = 120)]
    name: Option<String>,
    settings: Option<AccountSettingsChange>,
}

/// Each field present is set.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AccountSettingsChange {
    #[schema(minimum = 0, maximum = 1000)]
    miss_limit: Option<u32>,
    /// Name or id.
    miss_activity: Option<String>,
    /// Name or id.
    default_activity: Option<String>,
    #[schema(minimum = 1, maximum = 1209600)]
    reoffer_after_s: Option<u32>,
    #[schema(minimum = 0, maximum = 3600)]
    presence_grace_s: Option<u32>,
    /// At most three significant digits.
    #[schema(minimum = 1, maximum = 1000000)]
    service_level_threshold_s: Option<u32>,
    #[schema(value_type = Option<Vec<schema::ChannelExclusion>>)]
    exclusions: Option<Vec<Exclusion>>,
}

fn installation_only(operator: &Operator) -> Result<(), ApiError> {
    match operator {
        Operator::Installation => Ok(()),
        Operator::Account(_) => Err(ApiError::forbidden("only the operator's key lists and creates accounts")),
    }
}

/// List accounts, newest first. Operator only.
#[utoipa::path(get, path = "/v1/accounts", tag = "Accounts", params(PageParams),
    responses((status = 200, body = schema::Accounts), Forbidden))]
async fn list_accounts(
    State(state): State<HttpState>,
    operator: Operator,
    Params(page): Params<PageParams>,
) -> Result<Answer, ApiError> {
    installation_only(&operator)?;
    let limit = find::limit(page.limit)?;
    let after = find::cursor(page.after, |text| AccountId::parse(text).is_ok())?;
    let accounts = state.runtime.store().list_accounts(after.as_deref(), limit + 1).await?;
    let accounts = accounts.into_iter();
    let entries = accounts.map(|account| answer::show(&Record::Account(account)).body).collect();
    Ok(answer::page(entries, limit, answer::by_id))
}

/// Create an account with its first admin key, which is shown this once. Operator only.
#[utoipa::path(post, path = "/v1/accounts", tag = "Accounts", request_body = AccountRequest,
    responses((status = 201, body = schema::NewAccount), Forbidden))]
async fn create_account(
    State(state): State<HttpState>,
    operator: Operator,
    _: NoParams,
    _: NoIdempotencyKey,
    body: Body<AccountRequest>,
) -> Result<Response, ApiError> {
    installation_only(&operator)?;
    let name = body.value.name;
    let (text, hash) = fresh_key(&**state.runtime.entropy());
    let (now, seed) = (state.runtime.now(), state.runtime.entropy().seed());
    let first_key = |account| {
        let id = KeyId(IdSource::new(seed).next(now));
        let (name, role) = ("first key".to_owned(), Role::Admin);
        Some(ApiKey { id, account, name, role, worker: None, hash, created_at: now, expires_at: None })
    };
    let account = state.runtime.create_account(&name, first_key).await?;
    let mut shown = answer::show(&Record::Account(account));
    shown.body["api_key"] = json!(text);
    Ok(Answer::resource(shown).created("/v1/accounts").into_response())
}

/// The account that a path names, if the caller reaches it.
pub(super) async fn reached(state: &HttpState, operator: &Operator, id: &str) -> Result<Account, ApiError> {
    let id = AccountId::parse(id).map_err(|_| ApiError::not_found("account"))?;
    if let Operator::Account(caller) = operator
        && caller.account != id
    {
        return Err(ApiError::not_found("account"));
    }
    if !state.runtime.has_account(id) {
        return Err(ApiError::not_found("account"));
    }
    Ok(state.runtime.read(id, |engine, _| engine.account().clone()).await?)
}

/// The caller as who changes this account, which it reaches.
pub(super) fn acting(operator: Operator, account: AccountId) -> Caller {
    match operator {
        Operator::Account(caller) => caller,
        Operator::Installation => Caller { account, actor: Actor::Operator, role: Role::Admin, worker: None },
    }
}

/// Get an account.
#[utoipa::path(get, path = "/v1/accounts/{id}", tag = "Accounts", params(("id" = String, Path)),
    responses((status = 200, body = schema::Account), Forbidden))]
async fn get_account(
    State(state): State<HttpState>,
    operator: Operator,
    _: NoParams,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let account = reached(&state, &operator, &id).await?;
    Ok(Answer::resource(answer::show(&Record::Account(account))).into_response())
}

/// Change an account's name or settings.
#[utoipa::path(patch, path = "/v1/accounts/{id}", tag = "Accounts", params(("id" = String, Path), IfMatch),
    request_body = AccountChange, responses((status = 200, body = schema::Account), Forbidden))]
async fn update_account(
    State(state): State<HttpState>,
    operator: Operator,
    _: NoParams,
    Path(id): Path<String>,
    condition: IfMatch,
    body: Body<AccountChange>,
) -> Result<Response, ApiError> {
    let account = reached(&state, &operator, &id).await?.id;
    let caller = acting(operator, account);
    let AccountChange { name, settings } = body.value;
    let settings = settings.map(|change| SettingsChange {
        miss_limit: change.miss_limit,
        miss_activity: change.miss_activity.map(Reference),
        default_activity: change.default_activity.map(Reference),
        reoffer_after_s: change.reoffer_after_s,
        presence_grace_s: change.presence_grace_s,
        service_level_threshold_s: change.service_level_threshold_s,
        exclusions: change.exclusions,
    });
    carry_out(&state, &caller, Order::new(Command::UpdateAccount { name, settings, expected: None }).when(condition))
        .await
}
