//! How an element has to treat a received message before any transaction sees it (RFC 3261 §8.2, §16.3, §18.3).
//!
//! What only the application can know is not judged here: unknown methods (405, 501), extensions (420), bodies (415).

use super::{HeadFault, Message, Name, StartFault};
use crate::header::{HeaderError, Values};
use crate::method::Method;
use crate::status;
use crate::uri::{Uri, UriError};

/// What to do with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Hand it on.
    Sound,
    /// Answer the request with this and forget it. `header` is the one to blame, if one is.
    Answer { status: u16, reason: &'static str, header: Option<Name> },
    /// Say nothing.
    Drop { why: DropReason },
}

/// Why a message gets no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DropReason {
    #[error("a malformed response")]
    BadResponse,
    #[error("a malformed ACK, which is never answered")]
    BadAck,
    #[error("no Via that says where an answer goes")]
    NoVia,
    #[error("a response with more than one Via, which was not for us")]
    ManyVias,
}

/// A finding against a request.
type Refusal = (u16, &'static str, Option<Name>);

fn bad(reason: &'static str) -> Refusal {
    (400, reason, None)
}

fn blame(error: HeaderError) -> Refusal {
    (400, error.reason(), Some(error.name))
}

impl Message {
    /// Judges the start line, the lines, the headers every message needs, and those that would misroute it.
    pub fn check(&self) -> Verdict {
        match self.method() {
            None => self.check_response(),
            Some(method) => match self.check_request(method) {
                Ok(()) => Verdict::Sound,
                Err(_) if method == Method::Ack => Verdict::Drop { why: DropReason::BadAck },
                Err(_) if !self.names_a_sender() => Verdict::Drop { why: DropReason::NoVia },
                Err((status, reason, header)) => Verdict::Answer { status, reason, header },
            },
        }
    }

    /// Whether the top Via begins like one; without it nobody asked.
    fn names_a_sender(&self) -> bool {
        self.lines(Name::Via).next().is_some_and(|top| crate::header::via::sent_by(top).is_some())
    }

    fn check_request(&self, method: Method<'_>) -> Result<(), Refusal> {
        self.check_start()?;
        self.check_lines()?;
        self.via().map_err(blame)?;
        self.call_id().map_err(blame)?;
        let cseq = self.cseq().map_err(blame)?;
        self.from().map_err(blame)?;
        self.to().map_err(blame)?;
        self.max_forwards().map_err(blame)?;
        self.check_body()?;
        if cseq.method != method {
            // RFC 4475 §3.1.2.18: a method nobody knows is told so, whatever else is wrong.
            return Err(match method {
                Method::Other(_) => (501, status::phrase(501), None),
                _ => (400, "CSeq Method Mismatch", Some(Name::CSeq)),
            });
        }
        self.via().and_then(|via| via.check_branch()).map_err(blame)?;
        self.check_addresses()?;
        self.check_request_uri()
    }

    fn check_start(&self) -> Result<(), Refusal> {
        match self.start_fault() {
            None => Ok(()),
            Some(StartFault::Version) => Err((505, status::phrase(505), None)),
            Some(StartFault::Shape | StartFault::Status) => Err(bad("Malformed Request-Line")),
            Some(StartFault::Method) => Err(bad("Malformed Method")),
        }
    }

    fn check_lines(&self) -> Result<(), Refusal> {
        match self.head_fault() {
            None => Ok(()),
            Some(HeadFault::TooLong | HeadFault::TooManyLines) => Err((513, status::phrase(513), None)),
            Some(HeadFault::BareLineFeed | HeadFault::BareCarriageReturn) => Err(bad("Malformed Line End")),
            Some(HeadFault::NoColon | HeadFault::BadName | HeadFault::LeadingSpace) => {
                Err(bad("Malformed Header Line"))
            }
            Some(HeadFault::NoEnd) => Err(bad("Head Without End")),
        }
    }

    fn check_body(&self) -> Result<(), Refusal> {
        self.content_length().map_err(blame)?;
        self.body().ok_or((400, "Content-Length Exceeds Message", Some(Name::ContentLength)))?;
        self.content_type().map(|_| ()).map_err(blame)
    }

    /// Contact and Route decide where later requests go, so a broken one is not carried along.
    fn check_addresses(&self) -> Result<(), Refusal> {
        self.contacts().try_for_each(|contact| contact.map(|_| ())).map_err(blame)?;
        self.routes(Name::Route).try_for_each(|route| route.map(|_| ())).map_err(blame)?;
        self.routes(Name::RecordRoute).try_for_each(|route| route.map(|_| ())).map_err(blame)
    }

    fn check_request_uri(&self) -> Result<(), Refusal> {
        match Uri::parse(self.request_uri_bytes().unwrap_or_default()) {
            Ok(Uri::Other(_)) => Err((416, status::phrase(416), None)),
            // RFC 3261 §19.1.1, table 1: headers have no place here, and would smuggle some in.
            Ok(Uri::Sip(uri)) if uri.headers.is_some() => Err(bad("Headers in Request-URI")),
            Ok(Uri::Sip(_) | Uri::Tel(_)) => Ok(()),
            Err(UriError::Scheme | UriError::Part(_)) => Err(bad("Malformed Request-URI")),
        }
    }

    fn check_response(&self) -> Verdict {
        let read = self.start_fault().is_none()
            && self.head_fault().is_none()
            && self.via().is_ok()
            && self.call_id().is_ok()
            && self.cseq().is_ok()
            && self.from().is_ok()
            && self.to().is_ok()
            && self.body().is_some();
        if !read {
            return Verdict::Drop { why: DropReason::BadResponse };
        }
        // RFC 3261 §8.1.3.3: two values mean that it was misrouted or forged (RFC 4475 §3.3.10). Nothing here forwards.
        match self.lines(Name::Via).flat_map(Values::of).nth(1) {
            Some(_) => Verdict::Drop { why: DropReason::ManyVias },
            None => Verdict::Sound,
        }
    }
}
