//! `/events/stream`: server-sent events, as browsers' `EventSource` and `curl` read them (HTML Living Standard,
//! section 9.2).

use super::super::HttpState;
use super::super::error::{ApiError, Problem};
use super::super::extract::Params;
use super::{Listener, Next, Stream, StreamParams};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName};
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use std::convert::Infallible;
use std::time::Duration;

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// How long a browser waits before it connects again.
const RETRY: Duration = Duration::from_secs(2);

/// Receive events live, in order and without gaps (server-sent events).
///
/// Each event's `id` is its sequence number, its `event` the type and its `data` the event as CloudEvents JSON. A stream
/// that breaks is resumed by sending the last `id` as `Last-Event-ID`, as `EventSource` does by itself. In quiet times
/// the `id` is sent alone every 15 seconds. Of an event channel with batches, `data` is an array and `event` is `batch`.
/// A worker's token gives what concerns that worker, and counts as its live
/// connection. A receiver that takes nothing for 30 seconds is cut off.
#[utoipa::path(get, path = "/v1/events/stream", tag = "Events",
    params(StreamParams, ("Last-Event-ID" = Option<u64>, Header, description = "Sequence number after which to resume; counts before `after`.")),
    responses((status = 200, description = "The stream; it does not end by itself.", body = String, content_type = "text/event-stream"),
        (status = 410, description = "Events after the position are not kept any more; `first_sequence` tells the first that is.", body = Problem, content_type = "application/problem+json")))]
pub async fn stream_events(
    State(state): State<HttpState>,
    listener: Listener,
    Params(params): Params<StreamParams>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let after = last_event_id(&headers)?.or(params.after);
    let stream = Stream::open(state, listener, StreamParams { after, ..params }).await?;
    let hello = Event::default().retry(RETRY).comment("connected").id(stream.source.position().to_string());
    let events = stream::unfold(Some(stream), |stream| async move {
        let mut stream = stream?;
        let next = stream.next().await;
        let position = stream.source.position().to_string();
        Some(match next {
            Next::Sent(sent) => {
                let told = Event::default().id(sent.sequence().to_string()).event(sent.event_type()).data(sent.text());
                (Ok(told), Some(stream))
            }
            Next::Quiet => (Ok(Event::default().comment("quiet").id(position)), Some(stream)),
            Next::End(end) => (Ok(Event::default().comment(end.reason()).id(position)), None),
        })
    });
    let hello = stream::iter([Ok::<_, Infallible>(hello)]);
    Ok(Sse::new(futures_util::StreamExt::chain(hello, events)).into_response())
}

fn last_event_id(headers: &HeaderMap) -> Result<Option<u64>, ApiError> {
    let Some(value) = headers.get(LAST_EVENT_ID) else { return Ok(None) };
    let sequence = value.to_str().ok().and_then(|text| text.parse().ok());
    sequence.map(Some).ok_or_else(|| {
        ApiError::parameter("Last-Event-ID", "bad_value", "give the `id` of an event of this stream: a sequence number")
    })
}
