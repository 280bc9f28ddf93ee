//! Challenges and credentials (RFC 3261 §20.7, §20.44; RFC 7616): a scheme and comma-separated parameters.
//!
//! This reads the shape only; whether a digest is right is for the layer that has the secrets. An unknown scheme is kept
//! as it is (RFC 4475 §3.3.7).

use super::Fault;
use crate::scan::{Scan, is_token};

/// WWW-Authenticate, Authorization and their Proxy- kin. One line is one of them; commas belong to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Auth<'a> {
    pub scheme: &'a [u8],
    rest: &'a [u8],
}

/// A base64 token may stand where a value does, and some senders leave URIs without quotes.
fn is_loose(byte: u8) -> bool {
    is_token(byte) || matches!(byte, b'/' | b'=' | b':' | b'@' | b'?')
}

fn next<'a>(scan: &mut Scan<'a>) -> Option<(&'a [u8], &'a [u8])> {
    let name = scan.token()?;
    scan.separator(b'=').then_some(())?;
    let value = match scan.peek() {
        Some(b'"') => scan.quoted()?,
        _ => scan.take_while(is_loose),
    };
    let more = scan.separator(b',');
    scan.lws();
    (more != scan.is_done()).then_some((name, value))
}

impl<'a> Auth<'a> {
    /// # Errors
    /// [`Fault::Malformed`] without a scheme or any parameter, [`Fault::Parameter`] for a broken one.
    pub fn parse(value: &'a [u8]) -> Result<Self, Fault> {
        let mut scan = Scan::new(value);
        let scheme = scan.token().ok_or(Fault::Malformed)?;
        if !scan.lws() {
            return Err(Fault::Malformed);
        }
        let auth = Self { scheme, rest: scan.rest() };
        while !scan.is_done() {
            next(&mut scan).ok_or(Fault::Parameter)?;
        }
        Ok(auth)
    }

    pub fn is_digest(&self) -> bool {
        self.scheme.eq_ignore_ascii_case(b"Digest")
    }

    /// The parameters in order; quoted values without quotes, escapes as received.
    pub fn params(&self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> + use<'a> {
        let mut scan = Scan::new(self.rest);
        std::iter::from_fn(move || if scan.is_done() { None } else { next(&mut scan) })
    }

    /// The first one of this name, in any case.
    pub fn get(&self, name: &str) -> Option<&'a [u8]> {
        self.params().find(|(found, _)| found.eq_ignore_ascii_case(name.as_bytes())).map(|(_, value)| value)
    }
}
