//! Cutting the bytes of a TCP or TLS connection into messages (RFC 3261 §18.3) and keep-alives (RFC 5626 §3.5.1).
//!
//! Holds what has not become a message yet, never more than one head and one body of the permitted size plus what was
//! last pushed. How long a peer may take is for the edge to say; this has no clock.

use crate::header::Fault;
use crate::limit::Limits;
use crate::message::Message;
use bytes::{Bytes, BytesMut};

/// What a stream contained.
#[derive(Debug)]
pub enum Frame {
    Message(Box<Message>),
    /// The first line end between two messages: the answer to a ping of ours, or nothing.
    Pong,
    /// The second of two line ends: to be answered with one line end.
    Ping,
}

/// Why a stream cannot be read on. It is to be closed, after answering `message` if there is one.
#[derive(Debug, thiserror::Error)]
#[error("{kind}")]
pub struct FrameError {
    pub kind: FrameFault,
    /// The head that broke the stream, to be answered by its [`Message::check`] or with 400 where that finds nothing.
    pub message: Option<Box<Message>>,
}

/// See [`FrameError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameFault {
    #[error("a head has more bytes than permitted")]
    HeadTooLong,
    #[error("a body has more bytes than permitted")]
    BodyTooLong,
    #[error("Content-Length is missing")]
    NoLength,
    #[error("Content-Length is malformed or repeated")]
    BadLength,
    #[error("the bytes are no message")]
    NotText,
}

/// One direction of one connection.
#[derive(Debug)]
pub struct Framer {
    buffer: BytesMut,
    limits: Limits,
    /// No head end begins before this.
    searched: usize,
    /// The whole length of the message whose head is there.
    whole: Option<usize>,
    /// Whether the last thing was a single line end.
    after_pong: bool,
}

impl Framer {
    pub fn new(limits: Limits) -> Self {
        Self { buffer: BytesMut::new(), limits, searched: 0, whole: None, after_pong: false }
    }

    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// Bytes that are not a whole message yet.
    pub fn pending_bytes(&self) -> usize {
        self.buffer.len()
    }

    /// The next thing that is complete; `None` until more bytes come.
    ///
    /// # Errors
    /// When no boundary can be found any more; calling it again is of no use.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, FrameError> {
        if self.whole.is_none() {
            if let Some(keep_alive) = self.line_end() {
                return Ok(Some(keep_alive));
            }
            match self.buffer.first() {
                None | Some(b'\r' | b'\n') => return Ok(None),
                Some(0..=0x20 | 0x7f..) => return Err(self.fail(FrameFault::NotText, 0)),
                Some(_) => {}
            }
            self.after_pong = false;
            let Some(head) = self.head()? else { return Ok(None) };
            self.whole = Some(self.length(head)?);
        }
        let Some(whole) = self.whole.filter(|whole| self.buffer.len() >= *whole) else { return Ok(None) };
        (self.whole, self.searched) = (None, 0);
        let bytes = self.buffer.split_to(whole).freeze();
        self.read(bytes).map(|message| Some(Frame::Message(message)))
    }

    /// Takes a line end off the front. A carriage return may still wait for its line feed.
    fn line_end(&mut self) -> Option<Frame> {
        let length = match self.buffer[..] {
            [b'\r', b'\n', ..] => 2,
            [b'\n', ..] => 1,
            _ => return None,
        };
        bytes::Buf::advance(&mut self.buffer, length);
        self.after_pong = !self.after_pong;
        Some(if self.after_pong { Frame::Pong } else { Frame::Ping })
    }

    /// The length of the head once its empty line is there.
    fn head(&mut self) -> Result<Option<usize>, FrameError> {
        let end = head_end(&self.buffer, self.searched);
        if end.unwrap_or(self.buffer.len()) > self.limits.head_bytes_max {
            return Err(self.fail(FrameFault::HeadTooLong, self.buffer.len()));
        }
        // An empty line may have begun with the last two bytes.
        self.searched = self.buffer.len().saturating_sub(2);
        Ok(end)
    }

    /// The length of the whole message, from its head.
    fn length(&mut self, head: usize) -> Result<usize, FrameError> {
        let message = self.read(Bytes::copy_from_slice(&self.buffer[..head]))?;
        let kind = match message.content_length() {
            Ok(Some(length)) if length <= self.limits.body_bytes_max => return Ok(head + length),
            Ok(Some(_)) => FrameFault::BodyTooLong,
            Ok(None) => FrameFault::NoLength,
            Err(error) if error.fault == Fault::Missing => FrameFault::NoLength,
            Err(_) => FrameFault::BadLength,
        };
        Err(FrameError { kind, message: Some(message) })
    }

    fn read(&self, bytes: Bytes) -> Result<Box<Message>, FrameError> {
        match Message::parse_within(bytes, &self.limits) {
            Ok(message) => Ok(Box::new(message)),
            Err(_) => Err(FrameError { kind: FrameFault::NotText, message: None }),
        }
    }

    fn fail(&self, kind: FrameFault, head: usize) -> FrameError {
        let head = Bytes::copy_from_slice(&self.buffer[..head]);
        FrameError { kind, message: self.read(head).ok() }
    }
}

/// Where the head ends: behind the first empty line, however its predecessor ends, as the index of a message sees it.
fn head_end(bytes: &[u8], from: usize) -> Option<usize> {
    memchr::memchr_iter(b'\n', &bytes[from..]).map(|at| from + at + 1).find_map(|next| match bytes[next..] {
        [b'\n', ..] => Some(next + 1),
        [b'\r', b'\n', ..] => Some(next + 2),
        _ => None,
    })
}
