//! Via (RFC 3261 §20.42, §18.2; `rport`: RFC 3581): the way a request came and its answer goes.

use super::{Fault, HeaderError, Params};
use crate::message::Name;
use crate::scan::{Scan, number};
use crate::uri::{Host, host};
use std::net::IpAddr;

/// What every branch begins with that is unique by itself (RFC 3261 §8.1.1.7).
pub const MAGIC_COOKIE: &[u8] = b"z9hG4bK";

/// One value of a Via header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Via<'a> {
    /// `UDP`, `TCP`, `TLS`, `WS`, `WSS` or one that nobody here knows.
    pub transport: &'a [u8],
    pub host: Host<'a>,
    pub port: Option<u16>,
    pub params: Params<'a>,
}

/// The protocol and the host, which is all an answer needs to find its way, and what follows them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SentBy<'a> {
    pub version_is_ours: bool,
    pub transport: &'a [u8],
    pub host: Host<'a>,
    pub port: Option<u16>,
    pub rest: &'a [u8],
}

/// Reads as far as the port. White space is allowed around each slash (RFC 4475 §3.1.1.1).
pub(crate) fn sent_by(value: &[u8]) -> Option<SentBy<'_>> {
    let mut scan = Scan::new(value);
    let protocol = scan.token()?;
    scan.separator(b'/').then_some(())?;
    let version = scan.token()?;
    scan.separator(b'/').then_some(())?;
    let transport = scan.token()?;
    scan.lws().then_some(())?;
    let host = host::read(&mut scan)?;
    let port = if scan.separator(b':') { Some(host::read_port(&mut scan)?) } else { None };
    let version_is_ours = protocol.eq_ignore_ascii_case(b"SIP") && version == b"2.0";
    Some(SentBy { version_is_ours, transport, host, port, rest: scan.rest() })
}

impl<'a> Via<'a> {
    /// # Errors
    /// Names what of the value is malformed.
    pub fn parse(value: &'a [u8]) -> Result<Self, HeaderError> {
        let error = |fault| HeaderError::new(Name::Via, fault);
        let sent_by = sent_by(value).filter(|it| it.version_is_ours).ok_or(error(Fault::Malformed))?;
        let params = Params::parse(sent_by.rest).map_err(error)?;
        Ok(Self { transport: sent_by.transport, host: sent_by.host, port: sent_by.port, params })
    }

    pub fn branch(&self) -> Option<&'a [u8]> {
        self.params.value("branch")
    }

    /// The branch if it identifies a transaction; `None` means to match by the rules of RFC 2543 (§17.2.3).
    pub fn transaction(&self) -> Option<&'a [u8]> {
        self.branch().filter(|branch| has_cookie(branch) && branch.len() > MAGIC_COOKIE.len())
    }

    /// The cookie promises a unique branch; alone it would match every other such request (RFC 4475 §3.2.1).
    pub(crate) fn check_branch(&self) -> Result<(), HeaderError> {
        match self.branch() {
            Some(branch) if has_cookie(branch) && branch.len() == MAGIC_COOKIE.len() => {
                Err(HeaderError::new(Name::Via, Fault::Parameter))
            }
            _ => Ok(()),
        }
    }

    /// Where the request was seen to come from. Brackets around IPv6 are taken too (RFC 5118 §4.5).
    pub fn received(&self) -> Option<IpAddr> {
        let value = self.params.value("received")?;
        let bare = value.strip_prefix(b"[").and_then(|value| value.strip_suffix(b"]")).unwrap_or(value);
        std::str::from_utf8(bare).ok()?.parse().ok()
    }

    /// Whether the answer is asked for at the port the request came from (RFC 3581 §3).
    pub fn asks_rport(&self) -> bool {
        self.params.get("rport").is_some()
    }

    /// The port that was filled in.
    pub fn rport(&self) -> Option<u16> {
        number(self.params.value("rport")?).and_then(|port| u16::try_from(port).ok())
    }
}

/// Case does not matter: "z9hG4bK" is compared like any token (RFC 3261 §7.3.1).
fn has_cookie(branch: &[u8]) -> bool {
    branch.len() >= MAGIC_COOKIE.len() && branch[..MAGIC_COOKIE.len()].eq_ignore_ascii_case(MAGIC_COOKIE)
}
