//! Reading requests strictly: what is unknown or of another type is refused with a pointer to it.

use super::error::{ApiError, FieldError};
use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode, header};
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

/// Characters of an idempotency key.
pub const IDEMPOTENCY_KEY_CHARS_MAX: usize = 200;

/// A JSON body, with the digest of the request that it makes up.
pub struct Body<T> {
    pub value: T,
    /// SHA-256 of method, path and body.
    pub digest: [u8; 32],
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let mut digest = Sha256::new();
        digest.update(request.method().as_str());
        digest.update([0]);
        digest.update(request.uri().path());
        digest.update([0]);
        let declared = is_json(&request);
        let bytes = Bytes::from_request(request, state).await.map_err(|error| match error.status() {
            StatusCode::PAYLOAD_TOO_LARGE => {
                ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", "the body is larger than allowed")
            }
            status => ApiError::new(status, "bad_body", "the body cannot be read"),
        })?;
        digest.update(&bytes);
        // An action may come without a body; its fields are all optional.
        let text: &[u8] = if bytes.is_empty() { b"{}" } else { &bytes };
        if !bytes.is_empty() && !declared {
            let detail = "send the body as `Content-Type: application/json`";
            return Err(ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "not_json", detail));
        }
        Ok(Self { value: read(text)?, digest: digest.finalize().into() })
    }
}

fn is_json(request: &Request) -> bool {
    let declared = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    let essence = declared.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

/// Reads JSON into a type, with a pointer at what is wrong.
pub fn read<T: DeserializeOwned>(text: &[u8]) -> Result<T, ApiError> {
    // A list would be read as a type's fields in their order.
    if text.iter().find(|byte| !byte.is_ascii_whitespace()).is_some_and(|byte| *byte == b'[') {
        return Err(ApiError::field("", "wrong_type", "expected a JSON object, found a list"));
    }
    let mut source = serde_json::Deserializer::from_slice(text);
    let value: T = serde_path_to_error::deserialize(&mut source).map_err(|error| {
        let path: Vec<String> = error.path().iter().map(segment).collect();
        let inner = error.into_inner();
        if inner.is_data() { wrong(&path, &inner.to_string()) } else { malformed(&inner) }
    })?;
    source.end().map_err(|error| malformed(&error))?;
    Ok(value)
}

fn segment(segment: &serde_path_to_error::Segment) -> String {
    use serde_path_to_error::Segment::*;
    match segment {
        Seq { index } => format!("/{index}"),
        Map { key } => format!("/{}", key.replace('~', "~0").replace('/', "~1")),
        Enum { variant } => format!("/{variant}"),
        Unknown => String::new(),
    }
}

/// What the reader of JSON says, and what mends it.
const MENDS: [(&str, &str); 14] = [
    ("EOF while parsing a string", "a text is not closed: end it with `\"`"),
    ("EOF while parsing a list", "a list is not closed: end it with `]`"),
    ("EOF while parsing an object", "an object is not closed: end it with `}`"),
    ("EOF while parsing", "a value is missing at the end"),
    ("trailing comma", "take away the comma before the closing bracket"),
    ("trailing characters", "take away what follows the first object; a body is one object"),
    ("expected `:`", "put a colon between a name and its value"),
    ("expected `,` or `}`", "put a comma between two fields, or end the object with `}`"),
    ("expected `,` or `]`", "put a comma between two values, or end the list with `]`"),
    ("key must be a string", "put each name in double quotes"),
    ("control character", "write line breaks and tabs in texts as `\\n` and `\\t`"),
    ("escape", "write a backslash in a text as `\\\\`"),
    ("unicode", "send the body in UTF-8"),
    ("recursion limit", "nest less deeply"),
];

fn malformed(error: &serde_json::Error) -> ApiError {
    let told = error.to_string();
    let told = told.split(" at line ").next().unwrap_or(&told);
    let mend = MENDS.into_iter().find(|(said, _)| told.contains(said));
    let mend =
        mend.map_or("a value is a text in double quotes, a number, true, false, null, [...] or {...}", |it| it.1);
    let message = format!("line {}, column {}: {told}; {mend}", error.line(), error.column());
    let detail = format!("the body is not JSON: {message}");
    let field = FieldError { pointer: String::new(), code: "malformed_json".to_owned(), message };
    ApiError { errors: vec![field], ..ApiError::new(StatusCode::BAD_REQUEST, "malformed_json", detail) }
}

fn wrong(path: &[String], message: &str) -> ApiError {
    let quoted = |prefix: &str| message.strip_prefix(prefix)?.split('`').next().map(str::to_owned);
    let mut pointer = path.concat();
    let (code, name) = match (quoted("unknown field `"), quoted("missing field `")) {
        (Some(name), _) => ("unknown_field", Some(name)),
        (_, Some(name)) => ("missing_field", Some(name)),
        (None, None) => ("wrong_type", None),
    };
    if let Some(name) = name {
        let last = format!("/{name}");
        if path.last() != Some(&last) {
            pointer.push_str(&last);
        }
    }
    // The place in the text says less than the pointer.
    let message = message.split(" at line ").next().unwrap_or(message);
    let field = FieldError { pointer: pointer.clone(), code: code.to_owned(), message: message.to_owned() };
    let detail = format!("{pointer}: {message}");
    ApiError { errors: vec![field], ..ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", detail) }
}

/// Query parameters; an unknown one is refused.
pub struct Params<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Params<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let query = parts.uri.query().unwrap_or("");
        // PostgreSQL refuses even to compare it.
        if let Some((name, _)) = form_urlencoded::parse(query.as_bytes()).find(|(_, value)| value.contains('\0')) {
            return Err(ApiError::parameter(&name, "bad_value", "must not contain NUL"));
        }
        let source = serde_urlencoded::Deserializer::new(form_urlencoded::parse(query.as_bytes()));
        serde_path_to_error::deserialize(source).map(Self).map_err(|error| {
            let message = error.inner().to_string();
            let unknown = message.strip_prefix("unknown field `").and_then(|rest| rest.split('`').next());
            match unknown {
                Some(name) => {
                    let known = message.split_once("`, ").map_or("", |(_, rest)| rest);
                    let message = format!("there is no parameter `{name}`; {known}");
                    ApiError::parameter(name, "unknown_parameter", message)
                }
                None => ApiError::parameter(&error.path().to_string(), "bad_value", message),
            }
        })
    }
}

/// For operations without query parameters: any is refused.
pub struct NoParams;

impl<S: Send + Sync> FromRequestParts<S> for NoParams {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        match form_urlencoded::parse(parts.uri.query().unwrap_or("").as_bytes()).next() {
            None => Ok(Self),
            Some((name, _)) => {
                let message = format!("there is no parameter `{name}`; this operation takes none");
                Err(ApiError::parameter(&name, "unknown_parameter", message))
            }
        }
    }
}

/// Entity tags of one `If-Match`.
const TAGS_MAX: usize = 20;
/// No resource comes to this revision, so it stands for entity tags that we never gave.
const REVISION_OF_NONE: u64 = u64::MAX;

/// The revisions of `If-Match`, the lowest first; none when it is absent or `*`, since what is not there is not found
/// anyway.
#[derive(Debug, Default)]
pub struct IfMatch(Vec<u64>);

impl IfMatch {
    pub fn revisions(self) -> Vec<u64> {
        self.0
    }

    /// Checks the condition on what never changes.
    pub fn check(&self, revision: u64) -> Result<(), ApiError> {
        if self.0.is_empty() || self.0.contains(&revision) {
            return Ok(());
        }
        let detail = format!("the resource has changed since: its revision is {revision}");
        Err(ApiError::new(StatusCode::PRECONDITION_FAILED, "stale", detail))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let lines = parts.headers.get_all(header::IF_MATCH).iter().map(|line| line.to_str());
        let malformed = || {
            let message = "send `*`, or entity tags in quotes with commas between, as answers have them in `ETag`";
            ApiError::parameter("If-Match", "bad_value", message)
        };
        // Lines of one header are one list (RFC 9110, section 5.3).
        let lines = lines.collect::<Result<Vec<_>, _>>().map_err(|_| malformed())?;
        let tags = lines.join(",");
        if lines.is_empty() || tags.trim() == "*" {
            return Ok(Self::default());
        }
        let mut revisions = entity_tags(&tags).ok_or_else(malformed)?;
        revisions.sort_unstable();
        revisions.dedup();
        Ok(Self(revisions))
    }
}

/// The revisions that a list of entity tags names (RFC 9110, section 13.1.1); `None` when it is no such list.
fn entity_tags(mut rest: &str) -> Option<Vec<u64>> {
    let mut revisions = Vec::new();
    loop {
        // A list may have empty elements (section 5.6.1.2).
        rest = rest.trim_start_matches([' ', '\t', ',']);
        if rest.is_empty() {
            return Some(revisions).filter(|found| (1..=TAGS_MAX).contains(&found.len()));
        }
        let strong = rest.strip_prefix('"');
        let (tag, after) = strong.or_else(|| rest.strip_prefix("W/\""))?.split_once('"')?;
        if tag.bytes().any(|byte| byte <= b' ' || byte == 0x7f) {
            return None;
        }
        // A weak tag never matches here, nor does another way to write a number.
        let revision = tag.parse::<u64>().ok().filter(|it| strong.is_some() && it.to_string() == tag);
        revisions.push(revision.unwrap_or(REVISION_OF_NONE));
        rest = after.trim_start_matches([' ', '\t']);
        if !rest.is_empty() && !rest.starts_with(',') {
            return None;
        }
    }
}

/// The key of `Idempotency-Key`; only POST takes one.
pub struct IdempotencyKey(pub Option<String>);

impl<S: Send + Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let Some(value) = parts.headers.get("idempotency-key").filter(|_| parts.method == Method::POST) else {
            return Ok(Self(None));
        };
        let key = value.to_str().unwrap_or("");
        let sound =
            !key.is_empty() && key.len() <= IDEMPOTENCY_KEY_CHARS_MAX && key.bytes().all(|b| b.is_ascii_graphic());
        if !sound {
            let message = format!("1 to {IDEMPOTENCY_KEY_CHARS_MAX} visible ASCII characters");
            return Err(ApiError::parameter("Idempotency-Key", "bad_value", message));
        }
        Ok(Self(Some(key.to_owned())))
    }
}

/// Refuses `Idempotency-Key` where the answer is not kept, be it that it holds a secret: ignored, a retry would be
/// carried out a second time unnoticed.
pub struct NoIdempotencyKey;

impl<S: Send + Sync> FromRequestParts<S> for NoIdempotencyKey {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        if parts.headers.contains_key("idempotency-key") {
            let message = "the answer is not kept here; send the request without the header";
            return Err(ApiError::parameter("Idempotency-Key", "not_supported", message));
        }
        Ok(Self)
    }
}
