//! The first line of a message (RFC 3261 §7.1, §7.2). Read strictly; a broken one still yields its method, so that
//! what follows can be answered.

use super::index::Span;
use crate::scan::{all, is_token, number};

/// What the first line says.
#[derive(Clone, Copy, Debug)]
pub(super) enum StartLine {
    /// Either part may be empty in a broken line.
    Request {
        method: Span,
        uri: Span,
    },
    Response {
        status: u16,
        reason: Span,
    },
}

/// What is wrong with a first line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StartFault {
    #[error("the start line is not three parts with one space between them")]
    Shape,
    #[error("the SIP version is not 2.0")]
    Version,
    #[error("the method is not a token")]
    Method,
    #[error("the status code is not one of 100 to 699")]
    Status,
}

/// Reads `line`, which begins at `offset` of the message.
pub(super) fn read(line: &[u8], offset: usize) -> (StartLine, Option<StartFault>) {
    if line.len() >= 4 && line[..4].eq_ignore_ascii_case(b"SIP/") {
        response(line, offset)
    } else {
        request(line, offset)
    }
}

/// `SIP/2.0 200 OK`; a missing space after the code is forgiven (RFC 4475 §3.1.1.13).
fn response(line: &[u8], offset: usize) -> (StartLine, Option<StartFault>) {
    let space = |from: usize| memchr::memchr(b' ', &line[from..]).map_or(line.len(), |at| from + at);
    let version_end = space(0);
    let code_start = (version_end + 1).min(line.len());
    let code_end = space(code_start);
    let code = number(&line[code_start..code_end]).and_then(|code| u16::try_from(code).ok());
    let reason = Span::new(offset + (code_end + 1).min(line.len()), offset + line.len());
    let fault = match (version(&line[..version_end]), code) {
        (Some(true), Some(100..=699)) if code_end - code_start == 3 => None,
        (Some(true), _) => Some(StartFault::Status),
        (Some(false), _) => Some(StartFault::Version),
        (None, _) => Some(StartFault::Shape),
    };
    (StartLine::Response { status: code.unwrap_or(0), reason }, fault)
}

fn request(line: &[u8], offset: usize) -> (StartLine, Option<StartFault>) {
    let method_end = memchr::memchr(b' ', line).unwrap_or(line.len());
    let version_start = memchr::memrchr(b' ', line).map_or(line.len(), |at| at + 1);
    let uri_start = (method_end + 1).min(line.len());
    let uri_end = version_start.saturating_sub(1).max(uri_start);
    let (method, uri) = (&line[..method_end], &line[uri_start..uri_end]);
    let one_space = !uri.is_empty() && !uri.iter().any(|byte| matches!(byte, b' ' | b'\t'));
    let fault = match version(&line[version_start..]) {
        _ if !all(method, is_token) => Some(StartFault::Method),
        Some(false) => Some(StartFault::Version),
        Some(true) if one_space => None,
        Some(true) | None => Some(StartFault::Shape),
    };
    let span = |start: usize, end: usize| Span::new(offset + start, offset + end);
    (StartLine::Request { method: span(0, method_end), uri: span(uri_start, uri_end) }, fault)
}

/// Whether it is the version 2.0, or `None` for what is no SIP version at all. `SIP` may be in any case.
fn version(bytes: &[u8]) -> Option<bool> {
    let (sip, number) = bytes.split_at_checked(4)?;
    let dot = memchr::memchr(b'.', number)?;
    let digits = |bytes: &[u8]| all(bytes, |byte| byte.is_ascii_digit());
    let shaped = sip.eq_ignore_ascii_case(b"SIP/") && digits(&number[..dot]) && digits(&number[dot + 1..]);
    shaped.then_some(number == b"2.0")
}
