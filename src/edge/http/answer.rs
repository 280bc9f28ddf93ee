//! From replies and records to answers: the JSON of a resource, its entity tag and its place.

use super::HttpState;
use super::auth::Caller;
use super::error::ApiError;
use super::extract::IfMatch;
use crate::runtime::store::{KeyChange, StoredAnswer};
use crate::runtime::{Answered, Failure, Once, Request};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use cordboard_domain::event_channel::{EventChannelView, SubscriptionView};
use cordboard_domain::work::view::*;
use cordboard_domain::work::{Command, PublishedWorkflow, Record, Rejection, Reply};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

static REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// An answer before it becomes a response, in the form in which it is kept for an idempotency key.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Answer {
    pub status: u16,
    pub etag: Option<String>,
    pub location: Option<String>,
    pub body: Option<Value>,
}

impl Answer {
    pub fn ok(body: Value) -> Self {
        Self { status: 200, etag: None, location: None, body: Some(body) }
    }

    pub fn no_content() -> Self {
        Self { status: 204, etag: None, location: None, body: None }
    }

    /// One resource with its revision.
    pub fn resource(shown: Shown) -> Self {
        Self { etag: Some(format!("\"{}\"", shown.revision)), ..Self::ok(shown.body) }
    }

    /// As created: its place is told.
    pub fn created(self, place: &str) -> Self {
        let id = self.body.as_ref().and_then(|body| body.get("id")).and_then(Value::as_str).unwrap_or_default();
        Self { status: 201, location: Some(format!("{place}/{id}")), ..self }
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::OK);
        let mut response = match self.body {
            Some(body) => (status, axum::Json(body)).into_response(),
            None => status.into_response(),
        };
        for (name, value) in [(header::ETAG, self.etag), (header::LOCATION, self.location)] {
            if let Some(value) = value.and_then(|value| HeaderValue::from_str(&value).ok()) {
                response.headers_mut().insert(name, value);
            }
        }
        response
    }
}

/// A resource as JSON with its revision.
pub struct Shown {
    pub body: Value,
    pub revision: u64,
}

/// A record as the API shows it.
pub fn show(record: &Record) -> Shown {
    fn shown(view: impl Serialize, revision: u64) -> Shown {
        // Views are made of texts, numbers and maps with text keys, which always serialise.
        Shown { body: serde_json::to_value(view).unwrap_or_default(), revision }
    }
    match record {
        Record::Account(it) => shown(AccountView::from(it), it.stamp.revision),
        Record::Activity(it) => shown(ActivityView::from(it), it.stamp.revision),
        Record::Channel(it) => shown(ChannelView::from(it), it.stamp.revision),
        Record::Queue(it) => shown(QueueView::from(it), it.stamp.revision),
        Record::Schedule(it) => shown(ScheduleView::from(it), it.stamp.revision),
        Record::Workflow(it) => shown(WorkflowView::from(it), it.stamp.revision),
        Record::WorkflowVersion(it) => shown(it, u64::from(it.version)),
        Record::EventChannel(it) => shown(EventChannelView::from(it), it.stamp.revision),
        Record::Subscription(it) => shown(SubscriptionView::from(it), it.stamp.revision),
        Record::Worker(it) => shown(it, it.stamp.revision),
        Record::Item(it) => shown(ItemView::from(it), it.stamp.revision),
        Record::Reservation(it) => shown(ReservationView::from(it), it.stamp.revision),
    }
}

/// A workflow with its newest document and the warnings of its check.
pub fn show_workflow(published: &PublishedWorkflow) -> Shown {
    let Shown { mut body, revision } = show(&Record::Workflow(published.workflow.clone()));
    body["document"] = published.version.document.clone();
    body["findings"] = json!(published.findings);
    Shown { body, revision }
}

fn answer_to(reply: &Reply, created_at: Option<&'static str>) -> Answer {
    let answer = match reply {
        Reply::Resource(record) => Answer::resource(show(record)),
        // What exists already is not created.
        Reply::Existing(record) => return Answer::resource(show(record)),
        Reply::Worker(view) => {
            let body = serde_json::to_value(WorkerJson::from(&**view)).unwrap_or_default();
            Answer::resource(Shown { body, revision: view.worker.stamp.revision })
        }
        Reply::Workflow(published) => Answer::resource(show_workflow(published)),
        Reply::Deleted | Reply::Done => return Answer::no_content(),
    };
    match created_at {
        Some(place) => answer.created(place),
        None => answer,
    }
}

/// A command to be carried out for a caller.
pub struct Order {
    pub command: Command,
    pub keys: Vec<KeyChange>,
    /// `If-Match`.
    pub condition: IfMatch,
    /// `Idempotency-Key` with the digest of the request.
    pub once: Option<(String, [u8; 32])>,
    /// For a creation: the path of the collection.
    pub created_at: Option<&'static str>,
}

impl Order {
    pub fn new(command: Command) -> Self {
        Self { command, keys: Vec::new(), condition: IfMatch::default(), once: None, created_at: None }
    }

    pub fn creating(mut self, place: &'static str) -> Self {
        self.created_at = Some(place);
        self
    }

    /// Only if the resource is still at one of these revisions.
    pub fn when(mut self, condition: IfMatch) -> Self {
        self.condition = condition;
        self
    }

    pub fn once(mut self, key: Option<String>, digest: [u8; 32]) -> Self {
        self.once = key.map(|key| (key, digest));
        self
    }
}

/// Carries out an order and answers with the resource as it is after it.
pub async fn carry_out(state: &HttpState, caller: &Caller, order: Order) -> Result<Response, ApiError> {
    let Order { mut command, keys, condition, once, created_at } = order;
    let mut revisions = condition.revisions().into_iter();
    loop {
        // A command expects one revision. Revisions only rise, so asking for each, the lowest first, misses none; what
        // is refused as stale has changed nothing.
        let revision = revisions.next();
        if let Some(expected) = expected(&mut command) {
            *expected = revision;
        }
        let once = once.clone().map(|(key, digest)| Once {
            key,
            digest,
            encode: Box::new(move |reply| keep(&answer_to(reply, created_at))),
        });
        let request = Request { actor: caller.actor.clone(), command: command.clone(), keys: keys.clone(), once };
        match state.runtime.handle(caller.account, request).await {
            Ok(Answered::Fresh(reply)) => return Ok(answer_to(&reply, created_at).into_response()),
            Ok(Answered::Replayed(kept)) => return replay(&kept),
            Err(Failure::Rejected(Rejection::Stale { .. })) if revisions.len() > 0 => {}
            Err(failure) => return Err(failure.into()),
        }
    }
}

/// Where a command says which revision it expects.
fn expected(command: &mut Command) -> Option<&mut Option<u64>> {
    use Command::*;
    match command {
        UpdateAccount { expected, .. }
        | UpdateActivity { expected, .. }
        | DeleteActivity { expected, .. }
        | UpdateChannel { expected, .. }
        | DeleteChannel { expected, .. }
        | UpdateQueue { expected, .. }
        | DeleteQueue { expected, .. }
        | UpdateSchedule { expected, .. }
        | DeleteSchedule { expected, .. }
        | UpdateWorkflow { expected, .. }
        | PublishWorkflow { expected, .. }
        | DeleteWorkflow { expected, .. }
        | UpdateWorker { expected, .. }
        | DeleteWorker { expected, .. }
        | UpdateItem { expected, .. }
        | CancelItem { expected, .. }
        | CompleteItem { expected, .. }
        | WrapUpItem { expected, .. }
        | TransferItem { expected, .. }
        | RerouteItem { expected, .. }
        | AcceptReservation { expected, .. }
        | RejectReservation { expected, .. }
        | WrapUpReservation { expected, .. }
        | CompleteReservation { expected, .. }
        | RotateSigningSecret { expected, .. }
        | UpdateEventChannel { expected, .. }
        | DeleteEventChannel { expected, .. }
        | UpdateSubscription { expected, .. }
        | DeleteSubscription { expected, .. }
        | RotateSubscriptionSecret { expected, .. } => Some(expected),
        CreateActivity { .. } | CreateChannel { .. } | CreateQueue { .. } | CreateSchedule { .. } => None,
        CreateWorkflow { .. } | CreateWorker(_) | CreateItem(_) | SetConnection { .. } => None,
        CreateEventChannel(_) | CreateSubscription(_) | ReportSubscription { .. } => None,
        AnswerRequest { .. } | AnswerAssignment { .. } | RecordChange { .. } | Tick => None,
    }
}

fn keep(answer: &Answer) -> StoredAnswer {
    StoredAnswer { status: answer.status, body: serde_json::to_string(answer).unwrap_or_default() }
}

fn replay(kept: &StoredAnswer) -> Result<Response, ApiError> {
    let answer: Answer = serde_json::from_str(&kept.body).map_err(|error| {
        tracing::error!(%error, "a kept answer cannot be read");
        ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "the kept answer cannot be read")
    })?;
    let mut response = answer.into_response();
    response.headers_mut().insert(REPLAYED.clone(), HeaderValue::from_static("true"));
    Ok(response)
}

/// One page of a list; `next` is the id of its last entry when there may be more.
pub fn page(mut entries: Vec<Value>, limit: u64, cursor: impl Fn(&Value) -> Option<String>) -> Answer {
    let more = entries.len() as u64 > limit;
    entries.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    let next = entries.last().filter(|_| more).and_then(cursor);
    Answer::ok(json!({ "data": entries, "next": next }))
}

pub fn by_id(entry: &Value) -> Option<String> {
    entry.get("id").and_then(Value::as_str).map(str::to_owned)
}
