//! Hosts: names, IPv4 and IPv6 references (RFC 3261 §25.1, RFC 5118 §4).

use crate::scan::{Scan, number};
use std::net::{Ipv4Addr, Ipv6Addr};

/// Bytes of the longest IPv6 address in text.
const IPV6_LENGTH_MAX: usize = 46;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Host<'a> {
    Name(&'a [u8]),
    V4(Ipv4Addr),
    V6(Ipv6Addr),
}

impl Host<'_> {
    /// Names in any case; addresses by value, so that two spellings of one IPv6 address are the same.
    pub fn is_equivalent(&self, other: &Host<'_>) -> bool {
        match (self, other) {
            (Self::Name(this), Host::Name(other)) => this.eq_ignore_ascii_case(other),
            (Self::V4(this), Host::V4(other)) => this == other,
            (Self::V6(this), Host::V6(other)) => this == other,
            (Self::Name(_) | Self::V4(_) | Self::V6(_), _) => false,
        }
    }
}

/// Takes a host off the front. `None` where there is none or a malformed one.
pub(crate) fn read<'a>(scan: &mut Scan<'a>) -> Option<Host<'a>> {
    if scan.eat(b'[') {
        let address = scan.take_while(|byte| byte.is_ascii_hexdigit() || byte == b':' || byte == b'.');
        return scan.eat(b']').then(|| ipv6(address)).flatten().map(Host::V6);
    }
    // The underscore is in no grammar but in many networks.
    let name = scan.take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_'));
    if name.last().is_none_or(|last| *last == b'.' && name.len() == 1) {
        return None;
    }
    if let Some(address) = std::str::from_utf8(name).ok().and_then(|text| text.parse().ok()) {
        return Some(Host::V4(address));
    }
    is_name(name).then_some(Host::Name(name))
}

/// No empty label, and the last one begins with a letter, or `999.1.1.1` would be a name.
fn is_name(name: &[u8]) -> bool {
    let name = name.strip_suffix(b".").unwrap_or(name);
    let labels = || name.split(|byte| *byte == b'.');
    labels().all(|label| !label.is_empty() && label[0] != b'-' && label[label.len() - 1] != b'-')
        && labels().next_back().is_some_and(|label| label[0].is_ascii_alphabetic() || label[0] == b'_')
}

/// Three colons before an embedded IPv4 address are an error of the grammar that must be tolerated (RFC 5118 §4.10).
fn ipv6(text: &[u8]) -> Option<Ipv6Addr> {
    let parse = |text: &[u8]| std::str::from_utf8(text).ok()?.parse().ok();
    if let Some(address) = parse(text) {
        return Some(address);
    }
    let at = memchr::memmem::find(text, b":::").filter(|_| text.len() <= IPV6_LENGTH_MAX)?;
    text.contains(&b'.').then_some(())?;
    let mut repaired = [0; IPV6_LENGTH_MAX];
    let length = text.len() - 1;
    repaired[..at].copy_from_slice(&text[..at]);
    repaired[at..length].copy_from_slice(&text[at + 1..]);
    parse(&repaired[..length])
}

/// A port, 1 to 65,535.
pub(crate) fn read_port(scan: &mut Scan<'_>) -> Option<u16> {
    let digits = scan.take_while(|byte| byte.is_ascii_digit());
    number(digits).and_then(|port| u16::try_from(port).ok()).filter(|port| *port > 0)
}
