//! `tel:` URIs (RFC 3966).

use super::sip::UriParams;
use super::{Part, UriError};

/// A telephone number. A local one needs `phone-context` to mean anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TelUri<'a> {
    /// With its plus sign and its visual separators, as received.
    pub number: &'a [u8],
    pub params: UriParams<'a>,
}

pub(super) fn is_separator(byte: u8) -> bool {
    b"-.()".contains(&byte)
}

impl<'a> TelUri<'a> {
    pub(super) fn parse(rest: &'a [u8]) -> Result<Self, UriError> {
        let end = memchr::memchr(b';', rest).unwrap_or(rest.len());
        let (number, params) = rest.split_at(end);
        let params = UriParams::parse(params).ok_or(UriError::Part(Part::Parameter))?;
        let fits = match number.strip_prefix(b"+") {
            Some(digits) => is_number(digits, |byte| byte.is_ascii_digit()),
            None => {
                let is = |byte: u8| byte.is_ascii_hexdigit() || matches!(byte, b'*' | b'#');
                is_number(number, is) && params.value("phone-context").is_some()
            }
        };
        if fits { Ok(Self { number, params }) } else { Err(UriError::Part(Part::Number)) }
    }

    pub fn is_global(&self) -> bool {
        self.number.starts_with(b"+")
    }

    /// The number without visual separators.
    pub fn digits(&self) -> impl Iterator<Item = u8> + Clone + use<'a> {
        self.number.iter().copied().filter(|byte| !is_separator(*byte))
    }
}

/// At least one digit among separators.
fn is_number(bytes: &[u8], is: impl Fn(u8) -> bool) -> bool {
    bytes.iter().all(|byte| is(*byte) || is_separator(*byte)) && bytes.iter().any(|byte| is(*byte))
}
