//! `name-addr` and `addr-spec` with parameters (RFC 3261 §20.10, §25.1): From, To, Contact, Route, Refer-To and kin.

use super::{Fault, Params};
use crate::scan::{Scan, is_token, number};
use crate::uri::Uri;
use std::borrow::Cow;

/// `"Display Name" <uri>;params` or `uri;params`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address<'a> {
    /// As received: without the quotes of a quoted one, escapes kept; tokens with their white space otherwise.
    pub display: Option<&'a [u8]>,
    pub uri: Uri<'a>,
    /// The URI's bytes between the angle brackets.
    pub uri_bytes: &'a [u8],
    /// Of the header, not of the URI.
    pub params: Params<'a>,
}

impl<'a> Address<'a> {
    /// # Errors
    /// [`Fault::Malformed`], [`Fault::Uri`] or [`Fault::Parameter`], by what is wrong.
    pub fn parse(value: &'a [u8]) -> Result<Self, Fault> {
        let mut scan = Scan::new(value);
        scan.lws();
        let display = display(&mut scan)?;
        let uri_bytes = match display {
            Shape::Bracketed(_) => bracketed(&mut scan)?,
            Shape::Bare => bare(&mut scan)?,
        };
        let display = match display {
            Shape::Bracketed(display) => display,
            Shape::Bare => None,
        };
        let uri = Uri::parse(uri_bytes).map_err(|_| Fault::Uri)?;
        Ok(Self { display, uri, uri_bytes, params: Params::parse(scan.rest())? })
    }

    /// The tag of From or To. One without a value is none.
    pub fn tag(&self) -> Option<&'a [u8]> {
        self.params.value("tag")
    }

    /// `expires` of a Contact in seconds; `None` when absent or out of range, for which the default holds
    /// (RFC 3261 §10.2.1.1, RFC 4475 §3.1.2.4).
    pub fn expires_seconds(&self) -> Option<u32> {
        number(self.params.value("expires")?).and_then(|seconds| u32::try_from(seconds).ok())
    }

    /// `q` of a Contact in thousandths; 1000 when absent (RFC 3261 §20.10), `None` when malformed.
    pub fn q_thousandths(&self) -> Option<u16> {
        let Some(value) = self.params.value("q") else { return Some(1000) };
        let (whole, fraction) = value.split_at_checked(1)?;
        let digits = fraction.strip_prefix(b".").unwrap_or(fraction);
        if digits.len() > 3 || (digits.len() == fraction.len() && !fraction.is_empty()) {
            return None;
        }
        let thousandths = digits.iter().try_fold((0_u16, 100_u16), |(sum, place), digit| {
            digit.is_ascii_digit().then(|| (sum + u16::from(digit - b'0') * place, place / 10))
        })?;
        match (whole, thousandths.0) {
            (b"0", thousandths) => Some(thousandths),
            (b"1", 0) => Some(1000),
            _ => None,
        }
    }

    /// The display name with its escapes resolved.
    pub fn display_name(&self) -> Option<Cow<'a, [u8]>> {
        self.display.map(unescape)
    }
}

/// Resolves `\x` of a quoted string.
pub fn unescape(quoted: &[u8]) -> Cow<'_, [u8]> {
    if memchr::memchr(b'\\', quoted).is_none() {
        return Cow::Borrowed(quoted);
    }
    let mut plain = Vec::with_capacity(quoted.len());
    let mut bytes = quoted.iter().copied();
    while let Some(byte) = bytes.next() {
        plain.push(if byte == b'\\' { bytes.next().unwrap_or(byte) } else { byte });
    }
    Cow::Owned(plain)
}

enum Shape<'a> {
    Bracketed(Option<&'a [u8]>),
    Bare,
}

/// Reads up to the angle bracket, if there is one. No white space is needed before it (RFC 4475 §3.1.1.6).
fn display<'a>(scan: &mut Scan<'a>) -> Result<Shape<'a>, Fault> {
    if scan.peek() == Some(b'"') {
        let name = scan.quoted().ok_or(Fault::Malformed)?;
        scan.lws();
        return if scan.peek() == Some(b'<') { Ok(Shape::Bracketed(Some(name))) } else { Err(Fault::Malformed) };
    }
    let mut ahead = *scan;
    let before = ahead.rest();
    let mut end = 0;
    while !ahead.take_while(is_token).is_empty() {
        end = before.len() - ahead.rest().len();
        ahead.lws();
    }
    if ahead.peek() != Some(b'<') {
        return Ok(Shape::Bare);
    }
    *scan = ahead;
    Ok(Shape::Bracketed((end > 0).then_some(&before[..end])))
}

fn bracketed<'a>(scan: &mut Scan<'a>) -> Result<&'a [u8], Fault> {
    scan.eat(b'<');
    let uri = scan.take_while(|byte| byte != b'>');
    if scan.eat(b'>') { Ok(uri) } else { Err(Fault::Malformed) }
}

/// Without brackets the first semicolon belongs to the header, and neither comma nor question mark may be in the URI
/// (RFC 3261 §20; RFC 4475 §3.1.2.13).
fn bare<'a>(scan: &mut Scan<'a>) -> Result<&'a [u8], Fault> {
    let uri = scan.take_while(|byte| !matches!(byte, b';' | b' ' | b'\t' | b'\r' | b'\n'));
    if uri.iter().any(|byte| matches!(byte, b',' | b'?' | b'<' | b'>' | b'"')) {
        Err(Fault::Malformed)
    } else {
        Ok(uri)
    }
}
