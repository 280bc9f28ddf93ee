//! `/events/socket`: the same events over a WebSocket (RFC 6455), a text message each.

use super::super::HttpState;
use super::super::error::{ApiError, Problem};
use super::super::extract::Params;
use super::{End, HEARTBEAT, Listener, Next, Stream, StreamParams};
use axum::extract::State;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::SinkExt;
use std::time::Duration;

/// Bytes of a message to the server: it expects none but control frames.
const RECEIVED_BYTES_MAX: usize = 1_024;
/// Bytes that are set aside for each connection to receive into; the default is 128 KiB.
const READ_BUFFER_BYTES: usize = 1_024;
/// How long a message may take to be handed to the network.
const SEND_MAX: Duration = Duration::from_secs(30);
/// Pings without an answer after which a receiver counts as gone.
const UNANSWERED_PINGS_MAX: u32 = 2;
/// How long closing may take: the close frame there, and the receiver's back.
const CLOSE_MAX: Duration = Duration::from_secs(5);
/// Messages handed over together.
const MESSAGES_TOGETHER_MAX: usize = 64;

/// Close codes of our own, in the range for private use (RFC 6455, section 7.4.2).
const CLOSE_UNAUTHORIZED: u16 = 4401;
const CLOSE_TOO_SLOW: u16 = 4408;
const CLOSE_CHANNEL_DELETED: u16 = 4404;
const CLOSE_GONE: u16 = 4410;

/// Receive events live, in order and without gaps (WebSocket).
///
/// Each text message is one event as CloudEvents JSON; resume with `after` and the last `sequence`. The server pings every
/// 15 seconds, with the position as the ping's payload. It closes with 1001 when it stops, 1008 when something is sent to
/// it, 1011 when events cannot be read, 4404 when the event channel was deleted, 4401 when the key or token is not valid any more, 4408 when the receiver is too
/// slow or does not answer, 4410 when what it should get next is not kept any more; the reason names the position to resume after.
#[utoipa::path(get, path = "/v1/events/socket", tag = "Events", params(StreamParams),
    responses((status = 101, description = "The connection is a WebSocket from here on."),
        (status = 410, description = "Events after the position are not kept any more; `first_sequence` tells the first that is.", body = Problem, content_type = "application/problem+json"),
        (status = 426, description = "The request does not ask for a WebSocket.", body = Problem, content_type = "application/problem+json")))]
pub async fn open_event_socket(
    State(state): State<HttpState>,
    listener: Listener,
    Params(params): Params<StreamParams>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, ApiError> {
    let upgrade = match upgrade {
        Ok(upgrade) => upgrade.max_message_size(RECEIVED_BYTES_MAX).max_frame_size(RECEIVED_BYTES_MAX),
        Err(rejection) => return Ok(no_upgrade(&rejection)),
    };
    let stream = Stream::open(state, listener, params).await?;
    Ok(upgrade.read_buffer_size(READ_BUFFER_BYTES).on_upgrade(|socket| serve(stream, socket)))
}

/// 426 names what to upgrade to (RFC 9110, section 15.5.22).
fn no_upgrade(rejection: &WebSocketUpgradeRejection) -> Response {
    let error = ApiError::new(StatusCode::UPGRADE_REQUIRED, "not_a_websocket", rejection.body_text());
    let mut response = error.into_response();
    response.headers_mut().insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    response
}

/// How the conversation ended.
enum Over {
    /// The receiver is gone; there is nobody to tell.
    Gone,
    Close(u16, &'static str),
}

async fn serve(mut stream: Stream, mut socket: WebSocket) {
    let over = converse(&mut stream, &mut socket).await;
    if let Over::Close(code, reason) = over {
        let reason = format!("{reason}; resume after={}", stream.source.position());
        let close = Message::Close(Some(CloseFrame { code, reason: reason.into() }));
        tokio::select! {
            biased;
            () = close_with(&mut socket, close) => {}
            // It is closed either way.
            () = stream.state.runtime.pause(CLOSE_MAX) => {}
        }
    }
}

/// Says goodbye and reads until the receiver has too: a connection that is closed on what was received and not read is
/// reset, and a reset may overtake the goodbye.
async fn close_with(socket: &mut WebSocket, close: Message) {
    if socket.send(close).await.is_ok() {
        while let Some(Ok(_)) = socket.recv().await {}
    }
}

async fn converse(stream: &mut Stream, socket: &mut WebSocket) -> Over {
    let mut unanswered = 0;
    loop {
        let next = tokio::select! {
            biased;
            received = socket.recv() => match received {
                Some(Ok(Message::Pong(_))) => {
                    unanswered = 0;
                    continue;
                }
                Some(Ok(Message::Ping(_))) => continue,
                Some(Ok(Message::Text(_) | Message::Binary(_))) => {
                    return Over::Close(close_code::POLICY, "this socket only sends");
                }
                Some(Ok(Message::Close(_)) | Err(_)) | None => return Over::Gone,
            },
            next = stream.next() => next,
        };
        let outcome = match next {
            Next::Sent(sent_first) => {
                let mut text = sent_first.text().to_owned();
                let mut together = 1;
                while together < MESSAGES_TOGETHER_MAX {
                    let Some(more) = stream.source.next_at_once() else { break };
                    let message = Message::Text(std::mem::replace(&mut text, more.text().to_owned()).into());
                    if let Err(over) = sent(stream, socket.feed(message)).await {
                        return over;
                    }
                    together += 1;
                }
                sent(stream, socket.send(Message::Text(text.into()))).await
            }
            Next::Quiet if unanswered >= UNANSWERED_PINGS_MAX => {
                return Over::Close(CLOSE_TOO_SLOW, "pings are not answered");
            }
            Next::Quiet => {
                unanswered += 1;
                let position = stream.source.position().to_string();
                sent(stream, socket.send(Message::Ping(position.into_bytes().into()))).await
            }
            Next::End(end) => return Over::Close(code(&end), end.reason()),
        };
        if let Err(over) = outcome {
            return over;
        }
    }
}

/// Hands a message to the network, for as long as that may take.
async fn sent(stream: &Stream, sending: impl Future<Output = Result<(), axum::Error>>) -> Result<(), Over> {
    tokio::select! {
        biased;
        sent = sending => sent.map_err(|_| Over::Gone),
        () = stream.state.runtime.pause(SEND_MAX) => Err(Over::Close(CLOSE_TOO_SLOW, "the receiver is too slow")),
    }
}

fn code(end: &End) -> u16 {
    match end {
        End::Stopping => close_code::AWAY,
        End::Unauthorized => CLOSE_UNAUTHORIZED,
        End::Gone => CLOSE_GONE,
        End::ChannelDeleted => CLOSE_CHANNEL_DELETED,
        End::Failed => close_code::ERROR,
    }
}

// Three heartbeats pass before a silent receiver is given up; a message may not take longer than two.
const _: () = assert!(SEND_MAX.as_secs() <= 2 * HEARTBEAT.as_secs());
