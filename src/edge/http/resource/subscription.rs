//! `/subscriptions`: who is sent the events of a channel, and from where on.

use super::super::HttpState;
use super::super::answer::{self, Answer, Order, carry_out};
use super::super::auth::Caller;
use super::super::callback_url;
use super::super::error::ApiError;
use super::super::extract::{Body, IdempotencyKey, IfMatch, NoParams, Params};
use super::super::find;
use super::super::openapi::{Conflict, Forbidden};
use super::super::subscription_schema as schema;
use super::subscription_secret::signing_secret;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use cordboard_domain::event_channel::*;
use cordboard_domain::id::SubscriptionId;
use cordboard_domain::limit::STREAM_LENGTH_DEFAULT;
use cordboard_domain::work::{Command, Record, Reference};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub fn routes() -> OpenApiRouter<HttpState> {
    OpenApiRouter::new().routes(routes!(list_subscriptions, create_subscription)).routes(routes!(
        get_subscription,
        update_subscription,
        delete_subscription
    ))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct SubscriptionParams {
    /// Name or id.
    event_channel: Option<String>,
    #[param(value_type = Option<schema::SubscriptionState>)]
    state: Option<SubscriptionState>,
    /// Entries of the page, 1 to 200; default 50.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u64>,
    /// The `next` of the page before.
    after: Option<String>,
}

/// `now`, or the sequence number after which events are sent: 0 is the beginning.
#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(untagged, expecting = "expected `now` or a sequence number")]
pub enum Beginning {
    Now(Now),
    After(u64),
}

#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Now {
    Now,
}

impl From<Beginning> for StartFrom {
    fn from(beginning: Beginning) -> Self {
        match beginning {
            Beginning::Now(Now::Now) => Self::Now,
            Beginning::After(sequence) => Self::After(sequence),
        }
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewSubscription {
    /// Name or id.
    event_channel: String,
    /// Never changes.
    #[schema(value_type = schema::SubscriptionKind)]
    kind: SubscriptionKind,
    /// For a webhook, and needed there.
    #[schema(max_length = 2000, example = "https://crm.example/events")]
    url: Option<String>,
    /// For a webhook: `whsec_` and the base64 of 24 to 64 random bytes. One is made when absent.
    secret: Option<String>,
    /// For a Redis stream, and needed there: its key.
    #[schema(min_length = 1, max_length = 200)]
    stream: Option<String>,
    /// For a Redis stream: entries after which the oldest may go; default 10,000.
    #[schema(minimum = 1, maximum = 1000000)]
    length_max: Option<u32>,
    /// Default `now`.
    #[serde(default = "now")]
    from: Beginning,
    /// Default `active`.
    #[serde(default = "active")]
    #[schema(value_type = schema::SubscriptionActivity)]
    state: SubscriptionState,
}

fn now() -> Beginning {
    Beginning::Now(Now::Now)
}

fn active() -> SubscriptionState {
    SubscriptionState::Active
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SubscriptionChange {
    /// Of a webhook.
    #[schema(max_length = 2000)]
    url: Option<String>,
    /// Of a Redis stream.
    #[schema(min_length = 1, max_length = 200)]
    stream: Option<String>,
    /// Of a Redis stream.
    #[schema(minimum = 1, maximum = 1000000)]
    length_max: Option<u32>,
    /// Begins there anew, whatever was sent before.
    from: Option<Beginning>,
    /// `active` also for one that was disabled.
    #[schema(value_type = Option<schema::SubscriptionActivity>)]
    state: Option<SubscriptionState>,
}

/// List subscriptions, newest first.
#[utoipa::path(get, path = "/v1/subscriptions", tag = "Subscriptions", params(SubscriptionParams),
    responses((status = 200, body = schema::Subscriptions), Forbidden))]
async fn list_subscriptions(
    State(state): State<HttpState>,
    caller: Caller,
    Params(params): Params<SubscriptionParams>,
) -> Result<Answer, ApiError> {
    caller.not_agent()?;
    let limit = find::limit(params.limit)?;
    let after = find::cursor(params.after, |text| SubscriptionId::parse(text).is_ok())?;
    let after = after.and_then(|text| SubscriptionId::parse(&text).ok());
    let wanted = usize::try_from(limit).unwrap_or(usize::MAX).saturating_add(1);
    let found = state.runtime.read(caller.account, move |engine, _| {
        let channel = match &params.event_channel {
            Some(reference) => Some(engine.event_channel_named(reference)?),
            None => None,
        };
        let fits = |it: &&Subscription| {
            after.is_none_or(|after| it.id < after)
                && channel.is_none_or(|channel| it.event_channel == channel)
                && params.state.is_none_or(|state| it.state == state)
        };
        Some(engine.subscriptions().rev().filter(fits).take(wanted).cloned().collect::<Vec<_>>())
    });
    let unknown = || ApiError::parameter("event_channel", "unknown_reference", "no such event channel");
    let found = found.await?.ok_or_else(unknown)?;
    let entries = found.into_iter().map(|it| answer::show(&Record::Subscription(it)).body).collect();
    Ok(answer::page(entries, limit, answer::by_id))
}

/// Create a subscription. The secret of a webhook is read at `/v1/subscriptions/{id}/secret`.
#[utoipa::path(post, path = "/v1/subscriptions", tag = "Subscriptions", params(IdempotencyKey),
    request_body = NewSubscription, responses((status = 201, body = schema::Subscription), Forbidden))]
async fn create_subscription(
    State(state): State<HttpState>,
    caller: Caller,
    _: NoParams,
    IdempotencyKey(key): IdempotencyKey,
    body: Body<NewSubscription>,
) -> Result<Response, ApiError> {
    caller.configures()?;
    let NewSubscription { event_channel, kind, url, secret, stream, length_max, from, state: beginning } = body.value;
    let (target, secret) = target_of(&state, kind, (url, secret), (stream, length_max))?;
    check_kept(&state, &caller, from).await?;
    let event_channel = Reference(event_channel);
    let new = cordboard_domain::event_channel::NewSubscription {
        event_channel,
        target,
        secret,
        from: from.into(),
        state: beginning,
    };
    let order = Order::new(Command::CreateSubscription(new)).creating("/v1/subscriptions").once(key, body.digest);
    carry_out(&state, &caller, order).await
}

/// Where the events go and, for a webhook, what they are signed with.
fn target_of(
    state: &HttpState,
    kind: SubscriptionKind,
    (url, secret): (Option<String>, Option<String>),
    (stream, length_max): (Option<String>, Option<u32>),
) -> Result<(SubscriptionTarget, Option<SigningSecret>), ApiError> {
    use SubscriptionKind::*;
    let given = [
        ("/url", Webhook, url.is_some()),
        ("/secret", Webhook, secret.is_some()),
        ("/stream", RedisStream, stream.is_some()),
        ("/length_max", RedisStream, length_max.is_some()),
    ];
    if let Some((pointer, ..)) = given.into_iter().find(|(_, of, given)| *given && *of != kind) {
        let message = "a webhook has url and secret, a redis_stream has stream and length_max";
        return Err(ApiError::field(pointer, "other_kind", message));
    }
    let missing = |pointer, message| ApiError::field(pointer, "missing_field", message);
    match kind {
        Webhook => {
            let url = url.ok_or_else(|| missing("/url", "a webhook needs a URL"))?;
            callback_url::check(state, "/url", Some(&url))?;
            Ok((SubscriptionTarget::Webhook { url }, Some(signing_secret(state, secret)?)))
        }
        RedisStream => {
            if !state.limits.redis_streams {
                let message = "this server has no Redis; its operator sets `redis_url` in the configuration";
                return Err(ApiError::field("/kind", "redis_not_configured", message));
            }
            let stream = stream.ok_or_else(|| missing("/stream", "a redis_stream needs its key"))?;
            let length_max = length_max.unwrap_or(STREAM_LENGTH_DEFAULT);
            Ok((SubscriptionTarget::RedisStream { stream, length_max }, None))
        }
    }
}

/// Refuses a beginning whose events are gone: they would be missing without a word.
async fn check_kept(state: &HttpState, caller: &Caller, from: Beginning) -> Result<(), ApiError> {
    let Beginning::After(sequence) = from else { return Ok(()) };
    let first = state.runtime.store().first_event(caller.account).await?;
    if sequence.saturating_add(1) < first {
        let message = format!("events before {first} are not kept any more; begin after {}", first - 1);
        return Err(ApiError::field("/from", "events_gone", message));
    }
    Ok(())
}

/// A subscription of the caller's account.
pub(super) async fn subscription(state: &HttpState, caller: &Caller, id: &str) -> Result<Subscription, ApiError> {
    let not_found = || ApiError::not_found("subscription");
    let id = SubscriptionId::parse(id).map_err(|_| not_found())?;
    let found = state.runtime.read(caller.account, move |engine, _| engine.subscription(id).cloned()).await?;
    found.ok_or_else(not_found)
}

/// Get a subscription.
#[utoipa::path(get, path = "/v1/subscriptions/{id}", tag = "Subscriptions", params(("id" = String, Path)),
    responses((status = 200, body = schema::Subscription), Forbidden))]
async fn get_subscription(
    State(state): State<HttpState>,
    caller: Caller,
    _: NoParams,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    caller.not_agent()?;
    let found = subscription(&state, &caller, &id).await?;
    Ok(Answer::resource(answer::show(&Record::Subscription(found))).into_response())
}

/// Change a subscription, pause it, activate it, or begin elsewhere.
#[utoipa::path(patch, path = "/v1/subscriptions/{id}", tag = "Subscriptions", params(("id" = String, Path), IfMatch),
    request_body = SubscriptionChange, responses((status = 200, body = schema::Subscription), Forbidden, Conflict))]
async fn update_subscription(
    State(state): State<HttpState>,
    caller: Caller,
    _: NoParams,
    Path(id): Path<String>,
    condition: IfMatch,
    body: Body<SubscriptionChange>,
) -> Result<Response, ApiError> {
    caller.configures()?;
    let id = subscription(&state, &caller, &id).await?.id;
    let SubscriptionChange { url, stream, length_max, from, state: new_state } = body.value;
    if let Some(url) = &url {
        callback_url::check(&state, "/url", Some(url))?;
    }
    if let Some(from) = from {
        check_kept(&state, &caller, from).await?;
    }
    let change = cordboard_domain::event_channel::SubscriptionChange {
        url,
        stream,
        length_max,
        from: from.map(StartFrom::from),
        state: new_state,
    };
    let command = Command::UpdateSubscription { id, change, expected: None };
    carry_out(&state, &caller, Order::new(command).when(condition)).await
}

/// Delete a subscription. What was not sent yet is not sent.
#[utoipa::path(delete, path = "/v1/subscriptions/{id}", tag = "Subscriptions", params(("id" = String, Path), IfMatch),
    responses((status = 204), Forbidden))]
async fn delete_subscription(
    State(state): State<HttpState>,
    caller: Caller,
    _: NoParams,
    Path(id): Path<String>,
    condition: IfMatch,
) -> Result<Response, ApiError> {
    caller.configures()?;
    let id = subscription(&state, &caller, &id).await?.id;
    carry_out(&state, &caller, Order::new(Command::DeleteSubscription { id, expected: None }).when(condition)).await
}
