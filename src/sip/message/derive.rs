//! Requests that follow from an INVITE of one's own within its transaction: the ACK for a failure and the CANCEL.

use super::{Builder, Message, Name};
use crate::header::{HeaderError, Values};

/// What a derived request starts with (RFC 3261 §8.1.1.6).
const MAX_FORWARDS: &str = "70";

/// The ACK for a final response of 300 or more (RFC 3261 §17.1.1.3): the INVITE's, but To is the response's.
///
/// # Errors
/// Names the header without which none can be made.
pub fn ack_for_failure(invite: &Message, response: &Message) -> Result<Builder, HeaderError> {
    response.to()?;
    derive(invite, b"ACK", response.lines(Name::To).next().unwrap_or_default())
}

/// The CANCEL of a request (RFC 3261 §9.1): all but the method is the request's.
///
/// # Errors
/// Names the header without which none can be made.
pub fn cancel(request: &Message) -> Result<Builder, HeaderError> {
    request.to()?;
    derive(request, b"CANCEL", request.lines(Name::To).next().unwrap_or_default())
}

/// One Via only, the top one, so that it belongs to the same transaction; the same Route, so that it goes the same way.
fn derive(request: &Message, method: &[u8], to: &[u8]) -> Result<Builder, HeaderError> {
    request.via()?;
    request.from()?;
    let (call_id, cseq) = (request.call_id()?, request.cseq()?);
    let first = |name| request.lines(name).next().unwrap_or_default();
    let top = Values::of(first(Name::Via)).next().unwrap_or_default();
    let builder = Builder::request(method, request.request_uri_bytes().unwrap_or_default())
        .copied(Name::Via, top)
        .header(Name::MaxForwards, MAX_FORWARDS)
        .copied(Name::From, first(Name::From))
        .copied(Name::To, to)
        .copied(Name::CallId, call_id)
        .header(Name::CSeq, [cseq.number.to_string().as_bytes(), b" ", method].concat());
    Ok(request.lines(Name::Route).fold(builder, |builder, route| builder.copied(Name::Route, route)))
}
