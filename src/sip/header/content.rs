//! Content-Type (RFC 3261 §20.15) and Content-Disposition (§20.11).

use super::{Fault, Params};
use crate::scan::Scan;

/// `application/sdp;charset=utf-8`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MediaType<'a> {
    pub kind: &'a [u8],
    pub subtype: &'a [u8],
    pub params: Params<'a>,
}

impl<'a> MediaType<'a> {
    /// # Errors
    /// [`Fault::Malformed`] or [`Fault::Parameter`].
    pub fn parse(value: &'a [u8]) -> Result<Self, Fault> {
        let mut scan = Scan::new(value);
        let kind = scan.token().ok_or(Fault::Malformed)?;
        if !scan.separator(b'/') {
            return Err(Fault::Malformed);
        }
        let subtype = scan.token().ok_or(Fault::Malformed)?;
        Ok(Self { kind, subtype, params: Params::parse(scan.rest())? })
    }

    /// Without parameters, in any case.
    pub fn is(&self, kind: &str, subtype: &str) -> bool {
        self.kind.eq_ignore_ascii_case(kind.as_bytes()) && self.subtype.eq_ignore_ascii_case(subtype.as_bytes())
    }
}

/// `session;handling=optional`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Disposition<'a> {
    pub kind: &'a [u8],
    pub params: Params<'a>,
}

impl<'a> Disposition<'a> {
    /// # Errors
    /// [`Fault::Malformed`] or [`Fault::Parameter`].
    pub fn parse(value: &'a [u8]) -> Result<Self, Fault> {
        let mut scan = Scan::new(value);
        let kind = scan.token().ok_or(Fault::Malformed)?;
        Ok(Self { kind, params: Params::parse(scan.rest())? })
    }

    /// A body one need not understand.
    pub fn is_optional(&self) -> bool {
        self.params.value("handling").is_some_and(|value| value.eq_ignore_ascii_case(b"optional"))
    }
}
