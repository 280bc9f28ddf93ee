//! When two URIs are the same (RFC 3261 §19.1.4, RFC 3966 §4). The relation is not transitive: parameters that only
//! one of two has mostly do not count.

use super::{SipUri, TelUri, unescaped};

/// Parameters that have to be in both or in neither. That `transport` is one follows from the RFC's own examples.
const NEVER_ALONE: [&[u8]; 5] = [b"user", b"ttl", b"method", b"maddr", b"transport"];

/// Escapes are worth what they stand for, but an escaped reserved character is not the plain one.
fn same(mut this: &[u8], mut other: &[u8], fold_case: bool) -> bool {
    loop {
        let (Some((left, left_length)), Some((right, right_length))) = (unescaped(this), unescaped(other)) else {
            return this.is_empty() && other.is_empty();
        };
        let equal = if fold_case { left.eq_ignore_ascii_case(&right) } else { left == right };
        if !equal || (left_length != right_length && b";/?:@&=+$,".contains(&left)) {
            return false;
        }
        (this, other) = (&this[left_length..], &other[right_length..]);
    }
}

fn same_option(this: Option<&[u8]>, other: Option<&[u8]>, fold_case: bool) -> bool {
    match (this, other) {
        (Some(this), Some(other)) => same(this, other, fold_case),
        (None, None) => true,
        (Some(_), None) | (None, Some(_)) => false,
    }
}

impl SipUri<'_> {
    pub fn is_equivalent(&self, other: &SipUri<'_>) -> bool {
        self.secure == other.secure
            && same_option(self.user, other.user, false)
            && same_option(self.password, other.password, false)
            && self.host.is_equivalent(&other.host)
            && self.port == other.port
            && self.params_fit(other)
            && other.params_fit(self)
            && self.headers_in(other)
            && other.headers_in(self)
    }

    /// Whether none of this one's parameters speaks against the other.
    fn params_fit(&self, other: &SipUri<'_>) -> bool {
        self.params.iter().all(|(name, value)| match other.params.iter().find(|(found, _)| same(found, name, true)) {
            Some((_, found)) => same_option(value, found, true),
            None => !NEVER_ALONE.iter().any(|alone| same(name, alone, true)),
        })
    }

    fn headers_in(&self, other: &SipUri<'_>) -> bool {
        self.header_pairs().all(|(name, value)| {
            let same = |(found, its): (&[u8], Option<&[u8]>)| same(found, name, true) && same_option(its, value, false);
            other.header_pairs().any(same)
        })
    }
}

impl TelUri<'_> {
    pub fn is_equivalent(&self, other: &TelUri<'_>) -> bool {
        let in_other = |this: &TelUri<'_>, other: &TelUri<'_>| {
            this.params.iter().all(|(name, value)| {
                let mut found = other.params.iter().filter(|(found, _)| same(found, name, true));
                found.any(|(_, its)| same_option(value, its, true))
            })
        };
        self.digits().map(|byte| byte.to_ascii_lowercase()).eq(other.digits().map(|byte| byte.to_ascii_lowercase()))
            && in_other(self, other)
            && in_other(other, self)
    }
}
