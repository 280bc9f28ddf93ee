//! Where the parts of a message are: one pass over the head, nothing copied, nothing judged but the shape of lines.

use super::name::Name;
use super::start_line::{self, StartFault, StartLine};
use crate::limit::Limits;
use crate::scan::{all, is_token};
use smallvec::SmallVec;

/// Header lines that fit without an allocation; an ordinary INVITE has 12 to 20.
const LINES_INLINE: usize = 32;

/// A range of the message's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    start: u32,
    end: u32,
}

impl Span {
    /// Both are bounded by the limits on a message, far below what fits.
    pub fn new(start: usize, end: usize) -> Self {
        Self { start: start as u32, end: end as u32 }
    }

    pub fn of(self, bytes: &[u8]) -> &[u8] {
        &bytes[self.start as usize..self.end as usize]
    }
}

/// One header line, its folds included.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line {
    pub name: Name,
    pub spelling: Span,
    pub value: Span,
}

/// What is wrong with the lines of a head. The first one found is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeadFault {
    #[error("a line ends without carriage return")]
    BareLineFeed,
    #[error("a carriage return stands alone")]
    BareCarriageReturn,
    #[error("a header line has no colon")]
    NoColon,
    #[error("a header name is not a token")]
    BadName,
    #[error("the start line is followed by white space")]
    LeadingSpace,
    #[error("the head does not end with an empty line")]
    NoEnd,
    #[error("the head has too many bytes")]
    TooLong,
    #[error("the head has too many lines")]
    TooManyLines,
}

#[derive(Debug)]
pub(super) struct Index {
    pub start: StartLine,
    pub start_fault: Option<StartFault>,
    pub head_fault: Option<HeadFault>,
    pub lines: SmallVec<[Line; LINES_INLINE]>,
    /// Where the body begins.
    pub head_end: usize,
}

/// How many line ends stand before the start line; they are ignored (RFC 3261 §7.5).
pub(crate) fn leading_line_ends(bytes: &[u8]) -> usize {
    bytes.iter().position(|byte| !matches!(byte, b'\r' | b'\n')).unwrap_or(bytes.len())
}

/// Reads lines one after another, keeping the first fault.
struct Lines<'a> {
    bytes: &'a [u8],
    at: usize,
    fault: Option<HeadFault>,
}

impl Lines<'_> {
    fn blame(&mut self, fault: HeadFault) {
        self.fault.get_or_insert(fault);
    }

    /// The next line's range without its end. `None` where the bytes end.
    fn next(&mut self) -> Option<(usize, usize)> {
        let start = self.at;
        if start >= self.bytes.len() {
            return None;
        }
        let Some(length) = memchr::memchr2(b'\n', b'\r', &self.bytes[start..]) else {
            self.blame(HeadFault::NoEnd);
            self.at = self.bytes.len();
            return Some((start, self.bytes.len()));
        };
        let end = start + length;
        match &self.bytes[end..] {
            [b'\r', b'\n', ..] => self.at = end + 2,
            [b'\n', ..] => {
                self.blame(HeadFault::BareLineFeed);
                self.at = end + 1;
            }
            _ => return Some(self.past_carriage_returns(start, end)),
        }
        Some((start, end))
    }

    /// A lone carriage return is part of its line, which must not be believed.
    fn past_carriage_returns(&mut self, start: usize, lone: usize) -> (usize, usize) {
        self.blame(HeadFault::BareCarriageReturn);
        let feed = memchr::memchr(b'\n', &self.bytes[lone..]).map_or(self.bytes.len(), |length| lone + length);
        self.at = (feed + 1).min(self.bytes.len());
        let end = if feed < self.bytes.len() && self.bytes[feed - 1] == b'\r' { feed - 1 } else { feed };
        (start, end.max(lone))
    }

    fn continues(&self) -> bool {
        matches!(self.bytes.get(self.at), Some(b' ' | b'\t'))
    }
}

/// `bytes` begin with the start line.
pub(super) fn index(bytes: &[u8], limits: &Limits) -> Index {
    let readable = &bytes[..bytes.len().min(limits.head_bytes_max)];
    let mut lines = Lines { bytes: readable, at: 0, fault: None };
    let (start, end) = lines.next().unwrap_or((0, 0));
    let (start, start_fault) = start_line::read(&bytes[start..end], start);
    let mut index = Index { start, start_fault, head_fault: None, lines: SmallVec::new(), head_end: bytes.len() };
    if lines.continues() {
        lines.blame(HeadFault::LeadingSpace);
    }
    loop {
        let Some((start, mut end)) = lines.next() else {
            lines.blame(if readable.len() < bytes.len() { HeadFault::TooLong } else { HeadFault::NoEnd });
            break;
        };
        if start == end {
            index.head_end = lines.at;
            break;
        }
        while lines.continues() {
            end = lines.next().map_or(end, |(_, end)| end);
        }
        if index.lines.len() == limits.header_lines_max {
            lines.blame(HeadFault::TooManyLines);
            break;
        }
        match line(bytes, start, end) {
            Ok(line) => index.lines.push(line),
            Err(fault) => lines.blame(fault),
        }
    }
    // A head that is cut off looks like a broken line first; its length is what its sender must hear of.
    let cut = index.head_end == bytes.len() && readable.len() < bytes.len();
    index.head_fault =
        if cut && lines.fault != Some(HeadFault::TooManyLines) { Some(HeadFault::TooLong) } else { lines.fault };
    index
}

fn line(bytes: &[u8], start: usize, end: usize) -> Result<Line, HeadFault> {
    let colon = start + memchr::memchr(b':', &bytes[start..end]).ok_or(HeadFault::NoColon)?;
    let is_space = |at: usize| matches!(bytes[at], b' ' | b'\t');
    let mut name_end = colon;
    while name_end > start && is_space(name_end - 1) {
        name_end -= 1;
    }
    let spelling = &bytes[start..name_end];
    let name = Name::of(spelling);
    if name == Name::Other && !all(spelling, is_token) {
        return Err(HeadFault::BadName);
    }
    let trimmed = crate::scan::trim(&bytes[colon + 1..end]);
    let value = trimmed.as_ptr() as usize - bytes.as_ptr() as usize;
    Ok(Line { name, spelling: Span::new(start, name_end), value: Span::new(value, value + trimmed.len()) })
}
