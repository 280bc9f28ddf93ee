//! A received message: its bytes and an index over them. Headers are read when asked for ([`crate::header`]).
//!
//! Nothing is copied and, for up to 32 header lines, nothing allocated. A malformed message is indexed as far as it
//! goes, because it has to be answered (RFC 3261 §8.2): [`Message::check`] says how.

mod answer;
mod builder;
mod derive;
mod index;
mod name;
mod start_line;
mod verdict;

pub use answer::{CannotAnswer, Seen};
pub use builder::{BuildError, Builder};
pub use derive::{ack_for_failure, cancel};
pub use index::HeadFault;
pub(crate) use index::leading_line_ends;
pub use name::Name;
pub use start_line::StartFault;
pub use verdict::{DropReason, Verdict};

use crate::limit::Limits;
use crate::method::Method;
use bytes::Bytes;
use index::Index;
use start_line::StartLine;

/// A message as received, cheap to hand on: the bytes are shared.
#[derive(Debug)]
pub struct Message {
    bytes: Bytes,
    index: Index,
}

/// One header line: its name as received and its value, white space around it removed, folds still in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header<'a> {
    pub name: Name,
    pub spelling: &'a [u8],
    pub value: &'a [u8],
}

/// Bytes that hold no message at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// Nothing, or line ends only: a keep-alive (RFC 5626 §3.5.1).
    #[error("there are no bytes but line ends")]
    Empty,
    /// STUN, RTP or a port scan: not a letter to begin with.
    #[error("this is no text")]
    NotText,
}

impl Message {
    /// Indexes a datagram, or one message cut out of a stream.
    ///
    /// # Errors
    /// Only for bytes that cannot begin a message; everything else is a message that [`Message::check`] judges.
    pub fn parse(bytes: Bytes) -> Result<Self, Unreadable> {
        Self::parse_within(bytes, &Limits::default())
    }

    /// The same within other limits.
    ///
    /// # Errors
    /// As [`Message::parse`].
    pub fn parse_within(mut bytes: Bytes, limits: &Limits) -> Result<Self, Unreadable> {
        let skipped = leading_line_ends(&bytes);
        match bytes.get(skipped) {
            None => return Err(Unreadable::Empty),
            Some(0..=0x20 | 0x7f..) => return Err(Unreadable::NotText),
            Some(_) => {}
        }
        if skipped > 0 {
            bytes = bytes.slice(skipped..);
        }
        let index = index::index(&bytes, limits);
        Ok(Self { bytes, index })
    }

    /// All received bytes but line ends before the start line.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    pub fn is_request(&self) -> bool {
        matches!(self.index.start, StartLine::Request { .. })
    }

    /// The method of a request, `None` for a response.
    pub fn method(&self) -> Option<Method<'_>> {
        match self.index.start {
            StartLine::Request { method, .. } => Some(Method::of(method.of(&self.bytes))),
            StartLine::Response { .. } => None,
        }
    }

    /// The Request-URI as received, `None` for a response.
    pub fn request_uri_bytes(&self) -> Option<&[u8]> {
        match self.index.start {
            StartLine::Request { uri, .. } => Some(uri.of(&self.bytes)),
            StartLine::Response { .. } => None,
        }
    }

    /// The status code of a response (0 where it is no number), `None` for a request.
    pub fn status(&self) -> Option<u16> {
        match self.index.start {
            StartLine::Request { .. } => None,
            StartLine::Response { status, .. } => Some(status),
        }
    }

    /// The reason phrase of a response: any bytes (RFC 4475 §3.1.1.12).
    pub fn reason(&self) -> Option<&[u8]> {
        match self.index.start {
            StartLine::Request { .. } => None,
            StartLine::Response { reason, .. } => Some(reason.of(&self.bytes)),
        }
    }

    pub fn start_fault(&self) -> Option<StartFault> {
        self.index.start_fault
    }

    pub fn head_fault(&self) -> Option<HeadFault> {
        self.index.head_fault
    }

    /// Every header line that has a name, in order.
    pub fn headers(&self) -> impl Iterator<Item = Header<'_>> {
        let bytes = &self.bytes;
        self.index.lines.iter().map(move |line| Header {
            name: line.name,
            spelling: line.spelling.of(bytes),
            value: line.value.of(bytes),
        })
    }

    /// The values of the lines of this name, in order, not split at commas.
    pub fn lines(&self, name: Name) -> impl Iterator<Item = &[u8]> {
        self.index.lines.iter().filter(move |line| line.name == name).map(|line| line.value.of(&self.bytes))
    }

    /// The values of the lines of a name this stack does not know, in any case.
    pub fn other<'a>(&'a self, spelling: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
        self.headers().filter(move |header| header.spelling.eq_ignore_ascii_case(spelling)).map(|header| header.value)
    }

    /// Everything behind the head, whatever Content-Length says.
    pub fn after_head(&self) -> Bytes {
        self.bytes.slice(self.index.head_end..)
    }

    /// The body: what Content-Length says, or all that follows the head without one (RFC 3261 §18.3). `None` where the
    /// length is unreadable or more than there is.
    pub fn body(&self) -> Option<Bytes> {
        let start = self.index.head_end;
        let there = self.bytes.len() - start;
        let length = self.content_length().ok()?.unwrap_or(there);
        (length <= there).then(|| self.bytes.slice(start..start + length))
    }
}
