//! `sip:` and `sips:` URIs (RFC 3261 §19.1.1).

use super::{Host, Part, UriError, host, is_escaped, is_unreserved};
use crate::limit::URI_PARTS_MAX;
use crate::scan::Scan;

/// `sip:user:password@host:port;params?headers`, parts as received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SipUri<'a> {
    /// `sips:`, which asks for TLS on every hop.
    pub secure: bool,
    /// Semicolons and their like may be part of it (RFC 4475 §3.1.1.9).
    pub user: Option<&'a [u8]>,
    pub password: Option<&'a [u8]>,
    pub host: Host<'a>,
    pub port: Option<u16>,
    /// From the first semicolon on; empty without parameters.
    pub params: UriParams<'a>,
    /// Behind the question mark.
    pub headers: Option<&'a [u8]>,
}

/// Parameters of a URI: escapes are allowed, quotes are not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UriParams<'a> {
    bytes: &'a [u8],
}

impl<'a> UriParams<'a> {
    pub(super) fn parse(bytes: &'a [u8]) -> Option<Self> {
        let is = |byte| is_unreserved(byte) || b"[]/:&+$".contains(&byte);
        let part = |bytes: &[u8]| !bytes.is_empty() && is_escaped(bytes, is);
        let params = Self { bytes };
        let few = params.iter().nth(URI_PARTS_MAX).is_none();
        (few && params.iter().all(|(name, value)| part(name) && value.is_none_or(part))).then_some(params)
    }

    /// Names and values as received, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&'a [u8], Option<&'a [u8]>)> + use<'a> {
        self.bytes.split(|byte| *byte == b';').skip(1).map(split_at_equals)
    }

    /// The first one of this name, in any case.
    pub fn get(&self, name: &str) -> Option<(&'a [u8], Option<&'a [u8]>)> {
        self.iter().find(|(found, _)| found.eq_ignore_ascii_case(name.as_bytes()))
    }

    pub fn value(&self, name: &str) -> Option<&'a [u8]> {
        self.get(name)?.1
    }
}

fn split_at_equals(bytes: &[u8]) -> (&[u8], Option<&[u8]>) {
    match memchr::memchr(b'=', bytes) {
        Some(at) => (&bytes[..at], Some(&bytes[at + 1..])),
        None => (bytes, None),
    }
}

impl<'a> SipUri<'a> {
    /// `rest` is what follows the scheme and its colon.
    pub(super) fn parse(secure: bool, rest: &'a [u8]) -> Result<Self, UriError> {
        let (userinfo, rest) = match memchr::memchr(b'@', rest) {
            Some(at) => (Some(&rest[..at]), &rest[at + 1..]),
            None => (None, rest),
        };
        let (user, password) = userinfo.map(split_userinfo).transpose()?.unwrap_or((None, None));
        let mut scan = Scan::new(rest);
        let host = host::read(&mut scan).ok_or(UriError::Part(Part::Host))?;
        let port = match scan.eat(b':') {
            true => Some(host::read_port(&mut scan).ok_or(UriError::Part(Part::Port))?),
            false => None,
        };
        let tail = scan.rest();
        let question = memchr::memchr(b'?', tail).unwrap_or(tail.len());
        let (params, headers) = (&tail[..question], tail.get(question + 1..));
        if !matches!(params.first(), None | Some(b';')) {
            return Err(UriError::Part(Part::Host));
        }
        let params = UriParams::parse(params).ok_or(UriError::Part(Part::Parameter))?;
        if !headers.is_none_or(are_headers) {
            return Err(UriError::Part(Part::Header));
        }
        Ok(Self { secure, user, password, host, port, params, headers })
    }

    /// `lr`: the proxy at this URI routes loosely (RFC 3261 §16.12).
    pub fn is_loose_router(&self) -> bool {
        self.params.get("lr").is_some()
    }

    /// Names and values behind the question mark, as received.
    pub fn header_pairs(&self) -> impl Iterator<Item = (&'a [u8], Option<&'a [u8]>)> + use<'a> {
        self.headers.into_iter().flat_map(|headers| headers.split(|byte| *byte == b'&')).map(split_at_equals)
    }
}

type Userinfo<'a> = (Option<&'a [u8]>, Option<&'a [u8]>);

fn split_userinfo(userinfo: &[u8]) -> Result<Userinfo<'_>, UriError> {
    let colon = memchr::memchr(b':', userinfo);
    let user = &userinfo[..colon.unwrap_or(userinfo.len())];
    if user.is_empty() || !is_escaped(user, |byte| is_unreserved(byte) || b"&=+$,;?/".contains(&byte)) {
        return Err(UriError::Part(Part::User));
    }
    let password = colon.map(|at| &userinfo[at + 1..]);
    if !password.is_none_or(|it| is_escaped(it, |byte| is_unreserved(byte) || b"&=+$,".contains(&byte))) {
        return Err(UriError::Part(Part::Password));
    }
    Ok((Some(user), password))
}

/// `name=value` pairs with ampersands; a value may be empty, a name may not.
fn are_headers(headers: &[u8]) -> bool {
    let is = |byte| is_unreserved(byte) || b"[]/?:+$".contains(&byte);
    let pairs = || headers.split(|byte| *byte == b'&').map(split_at_equals);
    let few = pairs().nth(URI_PARTS_MAX).is_none();
    few && pairs().all(|(name, value)| {
        !name.is_empty() && is_escaped(name, is) && value.is_some_and(|value| is_escaped(value, is))
    })
}
