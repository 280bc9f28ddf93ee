//! The OpenAPI document. Handlers describe their parameters, bodies and what the state of resources forbids; the passes
//! here add what follows from that for every operation: problems, headers, examples. Nothing here is asked when a
//! request is answered.

use super::error::Problem;
use super::extract::{IDEMPOTENCY_KEY_CHARS_MAX, IdempotencyKey, IfMatch};
use serde_json::Value;
use std::collections::BTreeMap;
use utoipa::openapi::header::{Header, HeaderBuilder};
use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::request_body::RequestBody;
use utoipa::openapi::response::{Response, ResponseBuilder};
use utoipa::openapi::schema::{ObjectBuilder, Schema, SchemaType, Type};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{Components, Content, OpenApi as Document, Ref, RefOr, Required};
use utoipa::{IntoParams, IntoResponses, Modify, OpenApi};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Cordboard",
        description = "Work distribution: rules decide who takes each item, durably. Times are RFC 3339 in UTC with \
                       milliseconds, durations are seconds. A resource is found by id or, where names are unique, by name."
    ),
    components(schemas(Problem))
)]
struct Outline;

/// The document before the routes.
pub fn outline() -> Document {
    Outline::openapi()
}

/// The document of all routes, with what follows from them.
pub fn complete(mut document: Document) -> Document {
    let passes: [&dyn Modify; 6] = [&Licence, &Credentials, &Bodies, &Refusals, &Headers, &Examples];
    passes.into_iter().for_each(|pass| pass.modify(&mut document));
    document
}

/// An operation that the caller's role may not reach.
pub struct Forbidden;

/// An operation that the state of a resource may forbid.
pub struct Conflict;

impl IntoResponses for Forbidden {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        BTreeMap::from([("403".to_owned(), Ref::from_response_name("Forbidden").into())])
    }
}

impl IntoResponses for Conflict {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        BTreeMap::from([("409".to_owned(), Ref::from_response_name("Conflict").into())])
    }
}

fn header_parameter(name: &str, description: &str, schema: ObjectBuilder) -> Vec<Parameter> {
    let schema = schema.schema_type(SchemaType::Type(Type::String)).build();
    let parameter = ParameterBuilder::new().name(name).parameter_in(ParameterIn::Header).required(Required::False);
    vec![parameter.description(Some(description)).schema(Some(schema)).build()]
}

impl IntoParams for IfMatch {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let description =
            "Entity tags, one of which the resource must still have (RFC 9110, section 13.1.1); `*` is any.";
        let tags = r#"^(\*|(W/)?"[!#-~]*"([ \t]*,[ \t]*(W/)?"[!#-~]*"){0,19})$"#;
        header_parameter("If-Match", description, ObjectBuilder::new().pattern(Some(tags)).examples(["\"3\""]))
    }
}

impl IntoParams for IdempotencyKey {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let description =
            "The same key with the same request answers as the first time for 24 hours; with another it is refused.";
        let schema = ObjectBuilder::new().min_length(Some(1)).max_length(Some(IDEMPOTENCY_KEY_CHARS_MAX));
        let schema = schema.pattern(Some("^[!-~]+$")).examples(["order-4711"]);
        header_parameter("Idempotency-Key", description, schema)
    }
}

/// The licence of Cargo.toml; a document without one says nothing about it.
struct Licence;

impl Modify for Licence {
    fn modify(&self, document: &mut Document) {
        document.info.license = document.info.license.take().filter(|licence| !licence.name.is_empty());
    }
}

struct Credentials;

impl Modify for Credentials {
    fn modify(&self, document: &mut Document) {
        let schemes = [("bearer", HttpAuthScheme::Bearer), ("basic", HttpAuthScheme::Basic)];
        let components = document.components.get_or_insert_with(Components::new);
        for (name, scheme) in schemes.clone() {
            components.add_security_scheme(name, SecurityScheme::Http(Http::new(scheme)));
        }
        let none: [&str; 0] = [];
        document.security = Some(schemes.map(|(name, _)| SecurityRequirement::new(name, none)).to_vec());
    }
}

fn operations(document: &mut Document) -> impl Iterator<Item = &mut Operation> {
    let items = document.paths.paths.values_mut();
    items.flat_map(|item| [&mut item.get, &mut item.post, &mut item.put, &mut item.patch, &mut item.delete]).flatten()
}

fn has_parameter(operation: &Operation, place: ParameterIn, name: Option<&str>) -> bool {
    operation.parameters.iter().flatten().any(|parameter| match parameter {
        RefOr::T(parameter) => parameter.parameter_in == place && name.is_none_or(|name| parameter.name == name),
        RefOr::Ref(_) => false,
    })
}

/// The schema's name in the components.
fn named_schema(content: &RefOr<Content>) -> Option<String> {
    match content {
        RefOr::T(Content { schema: Some(RefOr::Ref(schema)), .. }) => {
            schema.ref_location.strip_prefix("#/components/schemas/").map(str::to_owned)
        }
        RefOr::T(_) | RefOr::Ref(_) => None,
    }
}

/// Names of component schemas that have a field.
fn schemas_with(document: &Document, wanted: impl Fn(&utoipa::openapi::Object) -> bool) -> Vec<String> {
    let schemas = document.components.iter().flat_map(|components| &components.schemas);
    let with = schemas.filter(|(_, schema)| matches!(schema, RefOr::T(Schema::Object(object)) if wanted(object)));
    with.map(|(name, _)| name.clone()).collect()
}

/// A body without required fields may be left out, and every answer says what it is.
struct Bodies;

impl Modify for Bodies {
    fn modify(&self, document: &mut Document) {
        let demanding = schemas_with(document, |schema| !schema.required.is_empty());
        for operation in operations(document) {
            if let Some(RefOr::T(body)) = &mut operation.request_body {
                let demands = body.content.values().filter_map(named_schema).any(|name| demanding.contains(&name));
                body.required = Some(if demands { Required::True } else { Required::False });
            }
            for (status, response) in &mut operation.responses.responses {
                if let RefOr::T(response) = response
                    && response.description.is_empty()
                {
                    response.description = described(status).to_owned();
                }
            }
        }
    }
}

fn described(status: &str) -> &'static str {
    match status {
        "201" => "Created.",
        "204" => "Deleted.",
        _ => "As it is now.",
    }
}

/// A problem: its status, its name in the components, what it means, and whether an operation can have it.
type Refusal = (&'static str, &'static str, &'static str, fn(&Operation) -> bool);

const REFUSALS: [Refusal; 12] = [
    ("400", "BadRequest", "The body is not JSON, or a header or query parameter is malformed or unknown.", |_| true),
    ("401", "Unauthorized", "No valid key or token.", |_| true),
    ("403", "Forbidden", "The key's role does not reach this.", |_| false),
    ("404", "NotFound", "No such resource in this account.", |it| has_parameter(it, ParameterIn::Path, None)),
    ("409", "Conflict", "The state of a resource forbids it, or a name or an idempotency key is taken.", |it| {
        has_parameter(it, ParameterIn::Header, Some("Idempotency-Key"))
    }),
    ("412", "PreconditionFailed", "`If-Match` names other revisions.", |it| {
        has_parameter(it, ParameterIn::Header, Some("If-Match"))
    }),
    ("413", "TooLarge", "The body is larger than allowed.", |it| it.request_body.is_some()),
    ("415", "UnsupportedMediaType", "The body is not declared as JSON.", |it| it.request_body.is_some()),
    ("422", "Unprocessable", "The body is JSON but wrong; `errors` says where.", |it| it.request_body.is_some()),
    ("429", "TooManyRequests", "The key has used up its rate; `Retry-After` says when to come again.", |_| true),
    ("500", "Internal", "A defect of the server; its log says more.", |_| true),
    ("503", "Unavailable", "The store is unavailable, or too much waits; nothing has changed.", |_| true),
];

/// Adds the problems that an operation can have by its parameters and body. Roles and states are known to the handlers
/// only, which list `Forbidden` and `Conflict` themselves.
struct Refusals;

impl Modify for Refusals {
    fn modify(&self, document: &mut Document) {
        for operation in operations(document) {
            for (status, name, _, can_be) in REFUSALS {
                if can_be(operation) {
                    let refusal = Ref::from_response_name(name);
                    operation.responses.responses.insert(status.to_owned(), refusal.into());
                }
            }
        }
        let components = document.components.get_or_insert_with(Components::new);
        for (_, name, meaning, _) in REFUSALS {
            let content = Content::new(Some(Ref::from_schema_name("Problem")));
            let response = ResponseBuilder::new().description(meaning).content("application/problem+json", content);
            components.responses.insert(name.to_owned(), response.build().into());
        }
    }
}

const HEADERS: [(&str, &str); 6] = [
    ("ETag", "The resource's revision, for `If-Match`."),
    ("Location", "Where the new resource is."),
    ("Retry-After", "Seconds after which to come again."),
    ("WWW-Authenticate", "How to send a key."),
    ("Idempotent-Replayed", "`true` when this is the kept answer of an earlier request with the same key."),
    ("X-Request-Id", "The request's own, or a fresh one; the server's log names it."),
];

fn add_header(response: &mut Response, name: &str) {
    let place = Ref::new(format!("#/components/headers/{name}"));
    response.headers.insert(name.to_owned(), RefOr::Ref(place));
}

/// Adds the headers that answers have.
struct Headers;

impl Modify for Headers {
    fn modify(&self, document: &mut Document) {
        // A single resource has its time of creation; pages, statistics and explanations have none.
        let resources = schemas_with(document, |schema| schema.properties.contains_key("created_at"));
        for operation in operations(document) {
            let replays = has_parameter(operation, ParameterIn::Header, Some("Idempotency-Key"));
            for (status, response) in &mut operation.responses.responses {
                let RefOr::T(response) = response else { continue };
                add_header(response, "X-Request-Id");
                let shown = response.content.values().filter_map(named_schema).any(|name| resources.contains(&name));
                if shown {
                    add_header(response, "ETag");
                }
                if shown && status == "201" {
                    add_header(response, "Location");
                }
                if replays {
                    add_header(response, "Idempotent-Replayed");
                }
            }
        }
        let Some(components) = &mut document.components else { return };
        for (name, response) in &mut components.responses {
            let RefOr::T(response) = response else { continue };
            add_header(response, "X-Request-Id");
            match name.as_str() {
                "Unauthorized" => add_header(response, "WWW-Authenticate"),
                "TooManyRequests" | "Unavailable" => add_header(response, "Retry-After"),
                _ => {}
            }
        }
        for (name, description) in HEADERS {
            let header = HeaderBuilder::from(header_of(name)).description(Some(description)).build();
            components.headers.insert(name.to_owned(), header.into());
        }
    }
}

fn header_of(name: &str) -> Header {
    match name {
        "Retry-After" => Header::new(ObjectBuilder::new().schema_type(SchemaType::Type(Type::Integer)).build()),
        _ => Header::default(),
    }
}

/// Examples by the name of their schema. Tests send them and hold them against their schemas, and so would see it if
/// they could not be read.
const EXAMPLES: &str = include_str!("../../../openapi/examples.json");

/// Shows an example of each body that has one.
struct Examples;

impl Modify for Examples {
    fn modify(&self, document: &mut Document) {
        let examples: BTreeMap<String, Value> = serde_json::from_str(EXAMPLES).unwrap_or_default();
        let show = |content: &mut RefOr<Content>| {
            let example = named_schema(content).and_then(|name| examples.get(&name).cloned());
            if let RefOr::T(content) = content {
                content.example = example;
            }
        };
        for operation in operations(document) {
            if let Some(RefOr::T(RequestBody { content, .. })) = &mut operation.request_body {
                content.values_mut().for_each(show);
            }
            for response in operation.responses.responses.values_mut() {
                if let RefOr::T(response) = response {
                    response.content.values_mut().for_each(show);
                }
            }
        }
    }
}
