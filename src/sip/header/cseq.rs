//! CSeq (RFC 3261 §20.16) and RAck, which carries one (RFC 3262 §7.2).

use super::Fault;
use crate::method::Method;
use crate::scan::{Scan, number};

/// A number and the method it counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CSeq<'a> {
    pub number: u32,
    pub method: Method<'a>,
}

/// What a PRACK confirms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RAck<'a> {
    pub rseq: u32,
    pub cseq: CSeq<'a>,
}

fn take_number(scan: &mut Scan<'_>) -> Result<u32, Fault> {
    let digits = scan.take_while(|byte| byte.is_ascii_digit());
    let value = number(digits).and_then(|value| u32::try_from(value).ok()).ok_or(Fault::Number)?;
    if scan.lws() { Ok(value) } else { Err(Fault::Malformed) }
}

impl<'a> CSeq<'a> {
    /// # Errors
    /// [`Fault::Number`] above 2³²−1 (RFC 4475 §3.1.2.4), [`Fault::Malformed`] for other shapes.
    pub fn parse(value: &'a [u8]) -> Result<Self, Fault> {
        let mut scan = Scan::new(value);
        let number = take_number(&mut scan)?;
        let method = Method::of(scan.token().ok_or(Fault::Malformed)?);
        if scan.is_done() { Ok(Self { number, method }) } else { Err(Fault::Malformed) }
    }
}

impl<'a> RAck<'a> {
    /// # Errors
    /// As [`CSeq::parse`].
    pub fn parse(value: &'a [u8]) -> Result<Self, Fault> {
        let mut scan = Scan::new(value);
        let rseq = take_number(&mut scan)?;
        Ok(Self { rseq, cseq: CSeq::parse(scan.rest())? })
    }
}
