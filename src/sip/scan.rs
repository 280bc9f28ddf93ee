//! Reading the pieces of the grammar of RFC 3261 §25.1 off the front of some bytes. Knows no header.

/// Characters of `token`.
pub(crate) fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-.!%*_+`'~".contains(&byte)
}

/// Characters of `word`, which Call-IDs are made of.
pub(crate) fn is_word(byte: u8) -> bool {
    is_token(byte) || b"()<>:\\\"/[]?{}".contains(&byte)
}

pub(crate) fn all(bytes: &[u8], is: impl Fn(u8) -> bool) -> bool {
    !bytes.is_empty() && bytes.iter().all(|byte| is(*byte))
}

/// A decimal number that fits; `None` for anything else, also for no digits at all and for signs.
pub(crate) fn number(bytes: &[u8]) -> Option<u64> {
    if !all(bytes, |byte| byte.is_ascii_digit()) {
        return None;
    }
    bytes.iter().try_fold(0_u64, |sum, digit| sum.checked_mul(10)?.checked_add(u64::from(digit - b'0')))
}

/// The length of the linear white space at the front, a fold (line end and white space) included.
fn lws_length(bytes: &[u8]) -> usize {
    let mut at = 0;
    loop {
        match &bytes[at..] {
            [b' ' | b'\t', ..] => at += 1,
            [b'\r', b'\n', b' ' | b'\t', ..] => at += 3,
            [b'\n', b' ' | b'\t', ..] => at += 2,
            _ => return at,
        }
    }
}

/// Without linear white space at both ends.
pub(crate) fn trim(bytes: &[u8]) -> &[u8] {
    let start = lws_length(bytes);
    let mut end = bytes.len();
    while end > start && matches!(bytes[end - 1], b' ' | b'\t' | b'\r' | b'\n') {
        end -= 1;
    }
    &bytes[start..end]
}

/// A place in some bytes. Nothing is taken when a piece does not fit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scan<'a> {
    rest: &'a [u8],
}

impl<'a> Scan<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub fn is_done(&self) -> bool {
        self.rest.is_empty()
    }

    pub fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    pub fn take(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.rest.split_at(count.min(self.rest.len()));
        self.rest = rest;
        taken
    }

    pub fn take_while(&mut self, is: impl Fn(u8) -> bool) -> &'a [u8] {
        let count = self.rest.iter().position(|byte| !is(*byte)).unwrap_or(self.rest.len());
        self.take(count)
    }

    /// Skips white space and says whether there was any.
    pub fn lws(&mut self) -> bool {
        !self.take(lws_length(self.rest)).is_empty()
    }

    pub fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        if found {
            self.take(1);
        }
        found
    }

    /// The byte with white space around it: `SEMI`, `EQUAL`, `SLASH` of the grammar.
    pub fn separator(&mut self, byte: u8) -> bool {
        let mut ahead = *self;
        ahead.lws();
        if !ahead.eat(byte) {
            return false;
        }
        ahead.lws();
        *self = ahead;
        true
    }

    pub fn token(&mut self) -> Option<&'a [u8]> {
        let token = self.take_while(is_token);
        (!token.is_empty()).then_some(token)
    }

    /// What stands between two quotes, escapes as received. Control characters must be escaped, line ends cannot be.
    pub fn quoted(&mut self) -> Option<&'a [u8]> {
        let inner = self.rest.strip_prefix(b"\"")?;
        let mut at = 0;
        loop {
            match inner.get(at..)? {
                [b'"', ..] => break,
                [b'\\', b'\r' | b'\n' | 0x80.., ..] => return None,
                [b'\\', _, ..] => at += 2,
                [b' '..=b'~' | 0x80.., ..] => at += 1,
                more => match lws_length(more) {
                    0 => return None,
                    length => at += length,
                },
            }
        }
        self.take(at + 2);
        Some(&inner[..at])
    }
}
