//! URIs as SIP uses them: `sip:`, `sips:` (RFC 3261 §19.1), `tel:` (RFC 3966), and any other by its scheme.

mod compare;
pub mod host;
pub mod sip;
pub mod tel;

pub use host::Host;
pub use sip::SipUri;
pub use tel::TelUri;

use crate::scan::all;

/// A URI, borrowed from where it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Uri<'a> {
    Sip(SipUri<'a>),
    Tel(TelUri<'a>),
    Other(OtherUri<'a>),
}

/// A well-formed URI of another scheme.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OtherUri<'a> {
    pub scheme: &'a [u8],
    pub rest: &'a [u8],
}

/// What is wrong with a URI.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UriError {
    #[error("no scheme")]
    Scheme,
    #[error("malformed {0}")]
    Part(Part),
}

/// A part of a URI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    User,
    Password,
    Host,
    Port,
    Parameter,
    Header,
    Number,
    Rest,
}

impl std::fmt::Display for Part {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::User => "user",
            Self::Password => "password",
            Self::Host => "host",
            Self::Port => "port",
            Self::Parameter => "parameter",
            Self::Header => "header",
            Self::Number => "number",
            Self::Rest => "rest",
        })
    }
}

impl<'a> Uri<'a> {
    /// Reads all of `bytes`.
    ///
    /// # Errors
    /// Says which part is malformed.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, UriError> {
        let colon = memchr::memchr(b':', bytes).ok_or(UriError::Scheme)?;
        let (scheme, rest) = (&bytes[..colon], &bytes[colon + 1..]);
        if scheme.eq_ignore_ascii_case(b"sip") {
            return SipUri::parse(false, rest).map(Self::Sip);
        }
        if scheme.eq_ignore_ascii_case(b"sips") {
            return SipUri::parse(true, rest).map(Self::Sip);
        }
        if scheme.eq_ignore_ascii_case(b"tel") {
            return TelUri::parse(rest).map(Self::Tel);
        }
        let lettered = scheme.first().is_some_and(u8::is_ascii_alphabetic);
        if !lettered || !all(scheme, |byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte)) {
            return Err(UriError::Scheme);
        }
        if rest.is_empty() || !is_escaped(rest, |byte| is_unreserved(byte) || b";/?:@&=+$,#[]".contains(&byte)) {
            return Err(UriError::Part(Part::Rest));
        }
        Ok(Self::Other(OtherUri { scheme, rest }))
    }

    /// The `sip:` or `sips:` URI, if it is one.
    pub fn sip(&self) -> Option<&SipUri<'a>> {
        match self {
            Self::Sip(uri) => Some(uri),
            Self::Tel(_) | Self::Other(_) => None,
        }
    }

    /// Whether both mean the same (RFC 3261 §19.1.4, RFC 3966 §4); other schemes only byte by byte.
    pub fn is_equivalent(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Sip(this), Self::Sip(other)) => this.is_equivalent(other),
            (Self::Tel(this), Self::Tel(other)) => this.is_equivalent(other),
            (Self::Other(this), Self::Other(other)) => {
                this.scheme.eq_ignore_ascii_case(other.scheme) && this.rest == other.rest
            }
            (Self::Sip(_) | Self::Tel(_) | Self::Other(_), _) => false,
        }
    }
}

/// `unreserved` of RFC 3261 §25.1.
pub(crate) fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_.!~*'()".contains(&byte)
}

/// Whether each byte is one of these or part of a `%` escape with two hexadecimal digits.
pub(crate) fn is_escaped(bytes: &[u8], is: impl Fn(u8) -> bool) -> bool {
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        match bytes.get(at + 1..at + 3) {
            Some(digits) if *byte == b'%' && digits.iter().all(u8::is_ascii_hexdigit) => at += 3,
            _ if *byte != b'%' && is(*byte) => at += 1,
            _ => return false,
        }
    }
    true
}

/// The byte at the front with its escape resolved, and how many bytes it took.
pub(crate) fn unescaped(bytes: &[u8]) -> Option<(u8, usize)> {
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    match bytes {
        [b'%', high, low, ..] => Some((digit(*high)? * 16 + digit(*low)?, 3)),
        [byte, ..] => Some((*byte, 1)),
        [] => None,
    }
}

/// With every escape resolved once, never twice (RFC 4475 §3.1.1.3). May hold any byte, also NUL (§3.1.1.4).
pub fn unescape(mut bytes: &[u8]) -> std::borrow::Cow<'_, [u8]> {
    if memchr::memchr(b'%', bytes).is_none() {
        return std::borrow::Cow::Borrowed(bytes);
    }
    let mut plain = Vec::with_capacity(bytes.len());
    while let Some(first) = bytes.first() {
        let (byte, length) = unescaped(bytes).unwrap_or((*first, 1));
        plain.push(byte);
        bytes = &bytes[length..];
    }
    plain.into()
}
