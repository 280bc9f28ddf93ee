//! Comma-separated values (RFC 3261 §7.3.1): a comma between quotes or angle brackets separates nothing.

use crate::scan::{all, is_token, trim};

/// The values of one header line, white space around each removed. An empty value between two commas is given too.
#[derive(Clone, Debug)]
pub struct Values<'a> {
    rest: Option<&'a [u8]>,
}

impl<'a> Values<'a> {
    pub fn of(line: &'a [u8]) -> Self {
        Self { rest: Some(line) }
    }
}

impl<'a> Iterator for Values<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let rest = self.rest?;
        let end = value_end(rest);
        self.rest = rest.get(end + 1..).filter(|_| end < rest.len());
        Some(trim(&rest[..end]))
    }
}

/// Where the comma is that ends the first value, or where the bytes end.
pub(crate) fn value_end(bytes: &[u8]) -> usize {
    let (mut quoted, mut bracketed, mut at) = (false, false, 0);
    while at < bytes.len() {
        match bytes[at] {
            b'\\' if quoted => at += 1,
            b'"' if !bracketed => quoted = !quoted,
            b'<' if !quoted => bracketed = true,
            b'>' if !quoted => bracketed = false,
            b',' if !quoted && !bracketed => return at,
            _ => {}
        }
        at += 1;
    }
    bytes.len()
}

/// Whether the lines of a token list (Require, Supported, Allow) name `token`; option tags have no case.
pub fn names<'a>(mut lines: impl Iterator<Item = &'a [u8]>, token: &[u8]) -> bool {
    lines.any(|line| Values::of(line).any(|value| all(value, is_token) && value.eq_ignore_ascii_case(token)))
}
