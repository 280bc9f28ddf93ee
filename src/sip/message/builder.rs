//! Writing a message: what was asked, in the order it was asked, and at the end the Content-Length that every stream
//! needs (RFC 3261 §18.3). A value that would break out of its line is refused, not repaired.

use super::Name;
use crate::scan::{all, is_token};
use bytes::{BufMut, Bytes, BytesMut};

const CAPACITY: usize = 1024;

/// A message being written.
#[derive(Clone, Debug)]
pub struct Builder {
    bytes: BytesMut,
    body: Bytes,
    fault: Option<BuildError>,
}

/// What cannot be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    #[error("a method or header name is not a token")]
    NotAToken,
    #[error("a value would end its line")]
    LineEnd,
    #[error("the Request-URI is empty or has white space")]
    RequestUri,
    #[error("the status code is not one of 100 to 699")]
    Status,
    #[error("Content-Length is written by the builder alone")]
    ContentLength,
}

impl Builder {
    fn new() -> Self {
        Self { bytes: BytesMut::with_capacity(CAPACITY), body: Bytes::new(), fault: None }
    }

    pub fn request(method: &[u8], uri: &[u8]) -> Self {
        let mut builder = Self::new();
        builder.require(all(method, is_token), BuildError::NotAToken);
        builder.require(all(uri, |byte| byte > b' ' && byte != 0x7f), BuildError::RequestUri);
        builder.put(&[method, b" ", uri, b" SIP/2.0\r\n"]);
        builder
    }

    pub fn response(status: u16, reason: &[u8]) -> Self {
        let mut builder = Self::new();
        builder.require((100..=699).contains(&status), BuildError::Status);
        builder.require(is_one_line(reason), BuildError::LineEnd);
        let digits = [100, 10, 1].map(|place| b'0' + (status / place % 10) as u8);
        builder.put(&[b"SIP/2.0 ", &digits, b" ", reason, b"\r\n"]);
        builder
    }

    fn require(&mut self, holds: bool, error: BuildError) {
        if !holds {
            self.fault.get_or_insert(error);
        }
    }

    fn put(&mut self, pieces: &[&[u8]]) {
        pieces.iter().for_each(|piece| self.bytes.put_slice(piece));
    }

    /// Adds a header under the name this stack has for it.
    #[must_use]
    pub fn header(self, name: Name, value: impl AsRef<[u8]>) -> Self {
        self.named(name.as_str().as_bytes(), value.as_ref())
    }

    /// Adds a header under any name.
    #[must_use]
    pub fn named(mut self, name: &[u8], value: &[u8]) -> Self {
        self.require(all(name, is_token), BuildError::NotAToken);
        self.require(Name::of(name) != Name::ContentLength, BuildError::ContentLength);
        self.require(is_one_line(value), BuildError::LineEnd);
        self.put(&[name, b": ", value, b"\r\n"]);
        self
    }

    /// Adds a header received from elsewhere: its folds become spaces (RFC 3261 §7.3.1), and so does what would end the
    /// line otherwise, because the value may come from a malformed message that is being answered.
    #[must_use]
    pub fn copied(mut self, name: Name, value: &[u8]) -> Self {
        self.put(&[name.as_str().as_bytes(), b": "]);
        let mut after_end = false;
        for byte in value {
            let is_end = matches!(byte, b'\r' | b'\n' | 0);
            if !is_end {
                self.bytes.put_u8(*byte);
            } else if !after_end {
                self.bytes.put_u8(b' ');
            }
            after_end = is_end;
        }
        self.put(&[b"\r\n"]);
        self
    }

    /// Sets the body and adds its Content-Type.
    #[must_use]
    pub fn body(mut self, content_type: &str, body: Bytes) -> Self {
        self.body = body;
        self.header(Name::ContentType, content_type)
    }

    /// Ends the head and appends the body.
    ///
    /// # Errors
    /// The first thing asked for that cannot be written.
    pub fn finish(mut self) -> Result<Bytes, BuildError> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        let length = self.body.len().to_string();
        self.put(&[b"Content-Length: ", length.as_bytes(), b"\r\n\r\n"]);
        let body = std::mem::take(&mut self.body);
        self.bytes.put_slice(&body);
        Ok(self.bytes.freeze())
    }
}

/// No line end, also none that other parsers might see, and no NUL that others stop at.
fn is_one_line(bytes: &[u8]) -> bool {
    !bytes.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0))
}
