//! Live events: what the event stream (SSE) and the event socket (WebSocket) have in common. Both give an account's
//! events in order and without gaps from a position on, and say at each moment how to resume.

mod socket;
mod source;
mod sse;

use super::HttpState;
use super::auth::{self, Caller};
use super::error::ApiError;
use super::find;
use crate::runtime::FeedRefused;
use crate::runtime::channel_feed::ChannelRefused;
use crate::runtime::feed::Wanted;
use crate::runtime::presence::Connection;
use crate::runtime::store::Kind;
use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use cordboard_domain::id::EventChannelId;
use cordboard_domain::time::Timestamp;
use serde::Deserialize;
use source::{Sent, Source};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, watch};
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Without an event for so long, a sign of life with the position is sent.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// Looks in a row at a caller's right to listen that tell nothing, before its stream ends: five minutes.
const UNSURE_MAX: u32 = 20;

pub fn routes() -> OpenApiRouter<HttpState> {
    OpenApiRouter::new().routes(routes!(sse::stream_events)).routes(routes!(socket::open_event_socket))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct StreamParams {
    /// Sequence number after which to begin; what happens from now on when absent.
    after: Option<u64>,
    /// Types to send, separated by commas: a type, `work_item.*` for all of one resource; all when absent.
    #[param(example = "work_item.*,reservation.offered")]
    types: Option<String>,
    /// Id or name of an event channel, whose rules say what is sent and in which form; excludes `types`.
    channel: Option<String>,
}

/// A caller that stays: what it may see is looked at again as long as its stream is open.
pub struct Listener {
    caller: Caller,
    credential: String,
}

impl FromRequestParts<HttpState> for Listener {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &HttpState) -> Result<Self, ApiError> {
        let caller = Caller::from_request_parts(parts, state).await?;
        Ok(Self { caller, credential: auth::credential(parts)? })
    }
}

/// Types as a query names them.
pub fn types_of(given: Option<&str>) -> Result<Vec<String>, ApiError> {
    Wanted::of_patterns(given.iter().flat_map(|types| types.split(','))).map_err(|unknown| {
        let message =
            format!("there is no event type `{unknown}`; give a type, or `work_item.*` for all of one resource");
        ApiError::parameter("types", "unknown_type", message)
    })
}

/// Why a stream is over.
enum End {
    Stopping,
    Unauthorized,
    /// The receiver was so slow that what it should get next is not kept any more.
    Gone,
    ChannelDeleted,
    Failed,
}

impl End {
    fn reason(&self) -> &'static str {
        match self {
            Self::Stopping => "the server is stopping",
            Self::Unauthorized => "the key or token is not valid any more",
            Self::Gone => "the next events are not kept any more",
            Self::ChannelDeleted => "the event channel was deleted",
            Self::Failed => "the events cannot be read now",
        }
    }
}

/// What comes next on a stream.
enum Next {
    Sent(Sent),
    /// Nothing happened for a while.
    Quiet,
    End(End),
}

/// An open stream: where its messages come from, and what is held while it lasts.
struct Stream {
    state: HttpState,
    listener: Listener,
    source: Source,
    /// When the caller's right to listen was last looked at.
    looked_at: Timestamp,
    /// How often in a row that could not be told.
    unsure: u32,
    stopping: watch::Receiver<bool>,
    _permit: OwnedSemaphorePermit,
    /// A worker's own stream is its live connection.
    _connection: Option<Connection>,
}

impl Stream {
    async fn open(state: HttpState, listener: Listener, params: StreamParams) -> Result<Self, ApiError> {
        let account = listener.caller.account;
        let permit = state.streams_of(account).try_acquire_owned().map_err(|_| {
            let detail = "this account has as many event streams open as it may";
            let error = ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "too_many_streams", detail);
            ApiError { retry_after_s: Some(HEARTBEAT.as_secs()), ..error }
        })?;
        let worker = listener.caller.held_to();
        let source = source_of(&state, &listener.caller, params).await?;
        let connection = worker.map(|worker| state.presence.connect(account, worker));
        let (stopping, looked_at) = (state.stopping.subscribe(), state.runtime.now());
        Ok(Self { state, listener, source, looked_at, unsure: 0, stopping, _permit: permit, _connection: connection })
    }

    async fn next(&mut self) -> Next {
        // Also when events never pause: a key may have been revoked, a token have expired.
        let now = self.state.runtime.now();
        if now.millis_since(self.looked_at) >= HEARTBEAT.as_millis() as i64 {
            if let Some(end) = self.look_again().await {
                return Next::End(end);
            }
            // Only now: a look that was cut short by what the receiver sent does not count.
            self.looked_at = now;
        }
        tokio::select! {
            biased;
            _ = self.stopping.wait_for(|stopping| *stopping) => Next::End(End::Stopping),
            next = self.source.next() => next.map_or_else(|end| Next::End(end.into()), Next::Sent),
            () = self.state.runtime.pause(HEARTBEAT) => Next::Quiet,
        }
    }

    /// Why the caller may not listen any more.
    async fn look_again(&mut self) -> Option<End> {
        let identified = async {
            let caller = auth::identify(&self.state, &self.listener.credential).await?;
            auth::still_there(&self.state, &caller).await
        };
        match identified.await {
            Ok(()) => self.unsure = 0,
            Err(error) if error.status == StatusCode::UNAUTHORIZED => return Some(End::Unauthorized),
            // Nobody can tell now: the store is busy or away.
            Err(_) if self.unsure < UNSURE_MAX => self.unsure += 1,
            Err(_) => return Some(End::Failed),
        }
        None
    }
}

/// What is to be sent, from a position on.
async fn source_of(state: &HttpState, caller: &Caller, params: StreamParams) -> Result<Source, ApiError> {
    let StreamParams { after, types, channel } = params;
    let Some(channel) = channel else {
        let wanted = Wanted { types: types_of(types.as_deref())?, worker: caller.held_to() };
        return state.runtime.feed(caller.account, after, wanted).await.map(Source::Log).map_err(refused);
    };
    caller.not_agent()?;
    if types.is_some() {
        let message = "an event channel has types of its own; leave out `types` or `channel`";
        return Err(ApiError::parameter("types", "not_with_channel", message));
    }
    let id = find::filtered(state, caller, Kind::EventChannel, "channel", Some(channel)).await?.unwrap_or_default();
    let id = EventChannelId::parse(&id).map_err(|_| ApiError::not_found("event channel"))?;
    let feed = state.runtime.channel_feed(caller.account, id, after).await.map_err(|error| match error {
        ChannelRefused::NoChannel => ApiError::not_found("event channel"),
        ChannelRefused::Feed(error) => refused(error),
        ChannelRefused::Unusable(error) => {
            tracing::error!(channel = %id, %error, "an event channel's rules cannot be used");
            ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "a defect of the server; its log says more")
        }
    })?;
    Ok(Source::Channel(Box::new(feed)))
}

fn refused(refused: FeedRefused) -> ApiError {
    match refused {
        FeedRefused::Ahead { last } => {
            let message = format!("the last event so far has the sequence number {last}");
            ApiError::parameter("after", "out_of_range", message)
        }
        FeedRefused::Gone { first } => ApiError::events_gone(first),
        FeedRefused::Failed(failure) => failure.into(),
    }
}
