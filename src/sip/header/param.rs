//! Parameters behind a semicolon (`generic-param`, RFC 3261 §25.1): checked once when their header is read, found by
//! name when asked for.

use super::Fault;
use crate::scan::{Scan, is_token};

/// `;name`, `;name=value` or `;name="value"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Param<'a> {
    pub name: &'a [u8],
    /// Without its quotes, escapes as received.
    pub value: Option<&'a [u8]>,
}

/// The parameters of one value, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Params<'a> {
    bytes: &'a [u8],
}

/// A host may be a value, and `received` has IPv6 addresses without brackets (RFC 5118 §4.5).
pub(crate) fn is_value(byte: u8) -> bool {
    is_token(byte) || matches!(byte, b'[' | b']' | b':')
}

fn next<'a>(scan: &mut Scan<'a>) -> Result<Param<'a>, Fault> {
    if !scan.separator(b';') {
        return Err(Fault::Parameter);
    }
    let name = scan.token().ok_or(Fault::Parameter)?;
    if !scan.separator(b'=') {
        scan.lws();
        return Ok(Param { name, value: None });
    }
    let value = match scan.peek() {
        Some(b'"') => scan.quoted(),
        _ => Some(scan.take_while(is_value)).filter(|value| !value.is_empty()),
    };
    scan.lws();
    Ok(Param { name, value: Some(value.ok_or(Fault::Parameter)?) })
}

impl<'a> Params<'a> {
    /// `bytes` are all that follows the value: nothing, or parameters to the end.
    ///
    /// # Errors
    /// [`Fault::Parameter`] for anything else, also for a semicolon with nothing behind it.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Fault> {
        let mut scan = Scan::new(bytes);
        scan.lws();
        while !scan.is_done() {
            next(&mut scan)?;
        }
        Ok(Self { bytes })
    }

    pub fn iter(&self) -> impl Iterator<Item = Param<'a>> + use<'a> {
        let mut scan = Scan::new(self.bytes);
        std::iter::from_fn(move || next(&mut scan).ok())
    }

    /// The first one of this name, in any case.
    pub fn get(&self, name: &str) -> Option<Param<'a>> {
        self.iter().find(|param| param.name.eq_ignore_ascii_case(name.as_bytes()))
    }

    /// The value of the first one of this name, if it has one.
    pub fn value(&self, name: &str) -> Option<&'a [u8]> {
        self.get(name)?.value
    }
}
