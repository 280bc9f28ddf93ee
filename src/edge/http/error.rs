//! The one error of the API: problem details (RFC 9457), as `application/problem+json`.

use crate::runtime::Failure;
use crate::runtime::store::StoreError;
use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use cordboard_domain::rule::Severity;
use cordboard_domain::work::Rejection;
use serde::Serialize;
use utoipa::ToSchema;

/// Seconds after which a caller may try again when the service cannot take its request.
const RETRY_AFTER_S: u64 = 1;

/// Why a request was refused (RFC 9457).
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Problem {
    #[serde(rename = "type")]
    #[schema(example = "about:blank")]
    pub problem_type: &'static str,
    /// The status in words.
    pub title: String,
    pub status: u16,
    /// What happened, for a person.
    pub detail: String,
    /// What happened, for a program; stable.
    #[schema(example = "invalid")]
    pub code: String,
    /// Places in the request that are wrong.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub errors: Vec<FieldError>,
    /// When events are gone: the sequence number of the first that is kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub first_sequence: Option<u64>,
}

#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct FieldError {
    /// JSON pointer (RFC 6901) into the body, or `?name` for a query parameter.
    #[schema(example = "/workers/in/1")]
    pub pointer: String,
    #[schema(example = "unknown_field")]
    pub code: String,
    pub message: String,
}

#[derive(Debug)]
pub struct ApiError {
    pub status: StatusCode,
    pub code: String,
    pub detail: String,
    pub errors: Vec<FieldError>,
    pub retry_after_s: Option<u64>,
    pub first_sequence: Option<u64>,
}

impl ApiError {
    pub fn new(status: StatusCode, code: &str, detail: impl Into<String>) -> Self {
        Self {
            status,
            code: code.to_owned(),
            detail: detail.into(),
            errors: Vec::new(),
            retry_after_s: None,
            first_sequence: None,
        }
    }

    pub fn not_found(what: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", format!("no such {what}"))
    }

    pub fn forbidden(detail: &str) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", detail)
    }

    pub fn unauthorized(detail: &str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", detail)
    }

    /// A malformed query parameter or header.
    pub fn parameter(name: &str, code: &str, message: impl Into<String>) -> Self {
        let message = message.into();
        let field = FieldError { pointer: format!("?{name}"), code: code.to_owned(), message: message.clone() };
        Self { errors: vec![field], ..Self::new(StatusCode::BAD_REQUEST, "bad_parameter", message) }
    }

    /// A body that is JSON but wrong in one place.
    pub fn field(pointer: impl Into<String>, code: &str, message: impl Into<String>) -> Self {
        let (pointer, message) = (pointer.into(), message.into());
        let detail = format!("{pointer}: {message}");
        let field = FieldError { pointer, code: code.to_owned(), message };
        Self { errors: vec![field], ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", detail) }
    }

    /// Events before `first` are not kept any more.
    pub fn events_gone(first: u64) -> Self {
        let detail = format!("events before sequence number {first} are not kept any more; begin after {}", first - 1);
        Self { first_sequence: Some(first), ..Self::new(StatusCode::GONE, "events_gone", detail) }
    }

    fn unavailable(detail: &str) -> Self {
        let error = Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail);
        Self { retry_after_s: Some(RETRY_AFTER_S), ..error }
    }
}

impl From<Rejection> for ApiError {
    fn from(rejection: Rejection) -> Self {
        let detail = rejection.to_string();
        match rejection {
            Rejection::NotFound { .. } => Self::new(StatusCode::NOT_FOUND, "not_found", detail),
            Rejection::Invalid { pointer, code, message } => Self::field(pointer, code, message),
            Rejection::Conflict { code, .. } => Self::new(StatusCode::CONFLICT, code, detail),
            Rejection::Stale { .. } => Self::new(StatusCode::PRECONDITION_FAILED, "stale", detail),
            Rejection::Full { .. } => Self::new(StatusCode::CONFLICT, "limit_reached", detail),
            Rejection::Document { findings } => {
                let errors = findings.into_iter().filter(|finding| finding.severity == Severity::Error);
                let errors = errors.map(|finding| FieldError {
                    pointer: finding.pointer,
                    code: finding.code.to_owned(),
                    message: finding.message,
                });
                Self { errors: errors.collect(), ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", detail) }
            }
        }
    }
}

impl From<Failure> for ApiError {
    fn from(failure: Failure) -> Self {
        let detail = failure.to_string();
        match failure {
            Failure::Rejected(rejection) => rejection.into(),
            Failure::IdempotencyConflict => Self::new(StatusCode::CONFLICT, "idempotency_conflict", detail),
            Failure::IdempotencyInProgress => Self::new(StatusCode::CONFLICT, "idempotency_in_progress", detail),
            Failure::Overloaded | Failure::Unavailable => Self::unavailable(&detail),
            Failure::NoAccount => Self::new(StatusCode::NOT_FOUND, "not_found", detail),
        }
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "reading the store failed");
        Self::unavailable("the store is unavailable")
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let problem = Problem {
            problem_type: "about:blank",
            title: self.status.canonical_reason().unwrap_or("Error").to_owned(),
            status: self.status.as_u16(),
            detail: self.detail,
            code: self.code,
            errors: self.errors,
            first_sequence: self.first_sequence,
        };
        let mut response = (self.status, Json(problem)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = self.retry_after_s {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
