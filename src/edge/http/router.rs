//! The route tree and what holds for all of it: limits, request ids, security headers, and problems for whatever goes
//! wrong before a handler.

use super::HttpState;
use super::error::ApiError;
use super::openapi::{complete, outline};
use super::resource;
use axum::Router;
use axum::extract::{DefaultBodyLimit, MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use std::any::Any;
use std::time::Duration;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer};
use tower_http::trace::TraceLayer;
use utoipa_axum::router::OpenApiRouter;

/// Where the explorer of the API is.
const EXPLORER: &str = "/docs";

fn api() -> OpenApiRouter<HttpState> {
    OpenApiRouter::with_openapi(outline())
        .merge(resource::account::routes())
        .merge(resource::signing_secret::routes())
        .merge(resource::api_key::routes())
        .merge(resource::activity::routes())
        .merge(resource::channel::routes())
        .merge(resource::queue::routes())
        .merge(resource::schedule::routes())
        .merge(resource::workflow_check::routes())
        .merge(resource::workflow::routes())
        .merge(resource::worker::routes())
        .merge(resource::work_item::routes())
        .merge(resource::reservation::routes())
        .merge(resource::delivery::routes())
        .merge(resource::statistics::routes())
        .merge(resource::statistics_history::routes())
        .merge(resource::event::routes())
        .merge(resource::event_channel::routes())
        .merge(resource::subscription::routes())
        .merge(resource::subscription_secret::routes())
        .merge(super::stream::routes())
}

/// The OpenAPI document of this version.
pub fn openapi() -> utoipa::openapi::OpenApi {
    complete(api().split_for_parts().1)
}

pub fn router(state: HttpState) -> Router {
    let (routes, document) = api().split_for_parts();
    let document = complete(document);
    let explorer = utoipa_swagger_ui::SwaggerUi::new(EXPLORER).url("/openapi.json", document);
    let limits = state.limits;
    let request_id = HeaderName::from_static("x-request-id");
    routes
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .merge(explorer)
        .fallback(no_such_route)
        .method_not_allowed_fallback(no_such_method)
        .layer(middleware::from_fn(refuse_unreadable))
        .layer(middleware::from_fn_with_state(state.clone(), give_up_late))
        .layer(DefaultBodyLimit::max(limits.body_bytes_max))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(middleware::from_fn(secure))
        .layer(PropagateRequestIdLayer::new(request_id.clone()))
        .layer(TraceLayer::new_for_http())
        .layer(SetRequestIdLayer::new(request_id, MakeRequestUuid))
        .with_state(state)
}

/// The process lives.
async fn healthz() -> &'static str {
    "ok"
}

/// The store answers and every engine is loaded.
async fn readyz(State(state): State<HttpState>) -> Response {
    if !state.runtime.is_ready() || state.runtime.store().ping().await.is_err() {
        return (StatusCode::SERVICE_UNAVAILABLE, "not ready").into_response();
    }
    "ready".into_response()
}

async fn metrics(State(state): State<HttpState>) -> Response {
    let content_type = [(header::CONTENT_TYPE, "text/plain; version=0.0.4")];
    (content_type, (state.metrics)()).into_response()
}

async fn no_such_route() -> ApiError {
    ApiError::new(StatusCode::NOT_FOUND, "no_such_route", "there is nothing at this path; see /docs")
}

async fn no_such_method() -> ApiError {
    ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "no_such_method", "this path does not take this method; see /docs")
}

/// A path that is not text names nothing: no id or name has NUL, and PostgreSQL refuses even to compare it.
async fn refuse_unreadable(request: Request, next: Next) -> Response {
    if is_text(request.uri().path()) { next.run(request).await } else { no_such_route().await.into_response() }
}

fn is_text(path: &str) -> bool {
    let (mut decoded, mut rest) = (Vec::with_capacity(path.len()), path.as_bytes());
    while let Some((first, after)) = rest.split_first() {
        let digits = after.get(..2).filter(|_| *first == b'%').and_then(|digits| std::str::from_utf8(digits).ok());
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => (decoded.push(byte), rest = &after[2..]),
            None => (decoded.push(*first), rest = after),
        };
    }
    !decoded.contains(&0) && std::str::from_utf8(&decoded).is_ok()
}

/// A request that takes too long is answered; what it began is finished all the same.
async fn give_up_late(State(state): State<HttpState>, request: Request, next: Next) -> Response {
    let path = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let longest = Duration::from_secs(u64::from(state.limits.request_s_max));
    match tokio::time::timeout(longest, next.run(request)).await {
        Ok(response) => {
            let labels = [("path", path.unwrap_or_default()), ("status", response.status().as_u16().to_string())];
            metrics::counter!("cordboard_http_requests_total", &labels).increment(1);
            response
        }
        Err(_) => {
            let detail = "the request took too long; whether it was carried out, reading the resource tells";
            let error = ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "timeout", detail);
            ApiError { retry_after_s: Some(1), ..error }.into_response()
        }
    }
}

/// An answer in JSON is never a page: nothing of it may be run, shown in a frame or load anything.
const POLICY_OF_ANSWERS: HeaderValue = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");
/// The explorer's own files and this server, and no other host. It sets styles of its own and has pictures in them.
const POLICY_OF_EXPLORER: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
     connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

async fn secure(request: Request, next: Next) -> Response {
    let explorer = request.uri().path().starts_with(EXPLORER);
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    let policy = if explorer { POLICY_OF_EXPLORER } else { POLICY_OF_ANSWERS };
    headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

fn panicked(panic: Box<dyn Any + Send>) -> Response {
    let message = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let message = message.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
    tracing::error!(message, "a handler panicked");
    ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "a defect of the server; its log says more")
        .into_response()
}
