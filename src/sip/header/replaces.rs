//! Replaces (RFC 3891 §6.1): the dialog that a new one takes the place of.

use super::{Fault, Params};
use crate::scan::{Scan, is_word, trim};

/// A dialog, named from the side that receives the header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replaces<'a> {
    pub call_id: &'a [u8],
    pub to_tag: &'a [u8],
    pub from_tag: &'a [u8],
    /// Only while it has not been answered.
    pub early_only: bool,
}

impl<'a> Replaces<'a> {
    /// # Errors
    /// [`Fault::Malformed`] or [`Fault::Parameter`], also where a tag is missing.
    pub fn parse(value: &'a [u8]) -> Result<Self, Fault> {
        let end = memchr::memchr(b';', value).unwrap_or(value.len());
        let call_id = trim(&value[..end]);
        if !is_call_id(call_id) {
            return Err(Fault::Malformed);
        }
        let params = Params::parse(&value[end..])?;
        let tag = |name| params.value(name).ok_or(Fault::Parameter);
        let early_only = params.get("early-only").is_some();
        Ok(Self { call_id, to_tag: tag("to-tag")?, from_tag: tag("from-tag")?, early_only })
    }
}

/// `word [ "@" word ]` (RFC 3261 §25.1).
pub(crate) fn is_call_id(value: &[u8]) -> bool {
    let mut scan = Scan::new(value);
    let local = scan.take_while(is_word);
    let host = !scan.eat(b'@') || !scan.take_while(is_word).is_empty();
    !local.is_empty() && host && scan.is_done()
}
