//! The port through which every request leaves: what is asked, what is answered, and why there was no answer. Callers
//! know nothing of sockets, and cannot reach what the operator did not open.

use async_trait::async_trait;
use bytes::Bytes;
use std::fmt;
use std::time::Duration;

/// The one client for every callback.
#[async_trait]
pub trait Fetch: Send + Sync {
    /// What can be told of a URL without asking anybody: for the moment in which it is saved. A name may still lead to
    /// an address that is refused later.
    ///
    /// # Errors
    /// [`FetchCode::InvalidUrl`] or [`FetchCode::AddressRefused`].
    fn check_url(&self, url: &str) -> Result<(), FetchFailure>;

    /// Sends one request, once: nothing is followed, nothing is tried again.
    ///
    /// # Errors
    /// Whatever kept a whole answer from coming back within the limits. An answer of 4xx or 5xx is an answer.
    async fn fetch(&self, request: FetchRequest) -> Result<FetchAnswer, FetchFailure>;
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FetchMethod {
    Get,
    Post,
}

#[derive(Debug, Clone)]
pub struct FetchRequest {
    pub method: FetchMethod,
    pub url: String,
    /// Those that frame the message or name the connection are refused: the client writes them.
    pub headers: Vec<(String, String)>,
    pub body: Bytes,
    /// From the call to the answer's last byte, waiting for a turn included.
    pub total: Duration,
    /// Nothing is read beyond it.
    pub answer_bytes_max: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchAnswer {
    /// 200–299 or 400–999.
    pub status: u16,
    /// Names in lower case; values that are not visible ASCII are left out.
    pub headers: Vec<(String, String)>,
    pub body: Bytes,
}

impl FetchAnswer {
    /// The first value of a header, whose name is given in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Whether the receiver took the request.
    ///
    /// # Errors
    /// [`FetchCode::ClientError`] or [`FetchCode::ServerError`] when it answered with anything but 2xx.
    pub fn success(&self) -> Result<(), FetchFailure> {
        let code = match self.status {
            200..=299 => return Ok(()),
            400..=499 => FetchCode::ClientError,
            _ => FetchCode::ServerError,
        };
        let message = format!("the receiver answered with status {}", self.status);
        Err(FetchFailure { code, message, status: Some(self.status) })
    }
}

/// Why there is no answer that can be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct FetchFailure {
    pub code: FetchCode,
    /// A sentence without its full stop, for the user whose URL it is.
    pub message: String,
    /// What the receiver answered, if it came to that.
    pub status: Option<u16>,
}

impl FetchFailure {
    pub fn new(code: FetchCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), status: None }
    }
}

/// Stable: users and programs branch on the text of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FetchCode {
    InvalidUrl,
    /// A header that may not be set.
    InvalidRequest,
    RequestTooLarge,
    /// The host is, or its name leads only to, addresses that this installation does not reach.
    AddressRefused,
    /// Too many requests wait for this host, or none had its turn in time.
    HostBusy,
    /// Too many requests wait altogether, or none had its turn in time.
    Overloaded,
    NameNotResolved,
    ConnectionRefused,
    /// No connection came about, for another reason.
    ConnectionFailed,
    ConnectTimeout,
    CertificateRefused,
    TlsFailed,
    /// The total time was over.
    Timeout,
    /// The receiver ended the connection before its answer was whole.
    ConnectionClosed,
    MalformedAnswer,
    AnswerHeadersTooLarge,
    AnswerTooLarge,
    /// Any 3xx: none is followed.
    Redirect,
    ClientError,
    ServerError,
}

impl FetchCode {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InvalidUrl => "invalid_url",
            Self::InvalidRequest => "invalid_request",
            Self::RequestTooLarge => "request_too_large",
            Self::AddressRefused => "address_refused",
            Self::HostBusy => "host_busy",
            Self::Overloaded => "overloaded",
            Self::NameNotResolved => "name_not_resolved",
            Self::ConnectionRefused => "connection_refused",
            Self::ConnectionFailed => "connection_failed",
            Self::ConnectTimeout => "connect_timeout",
            Self::CertificateRefused => "certificate_refused",
            Self::TlsFailed => "tls_failed",
            Self::Timeout => "timeout",
            Self::ConnectionClosed => "connection_closed",
            Self::MalformedAnswer => "malformed_answer",
            Self::AnswerHeadersTooLarge => "answer_headers_too_large",
            Self::AnswerTooLarge => "answer_too_large",
            Self::Redirect => "redirect",
            Self::ClientError => "client_error",
            Self::ServerError => "server_error",
        }
    }
}

impl fmt::Display for FetchCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
