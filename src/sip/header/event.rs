//! Event and Subscription-State (RFC 6665 §8.2), as REFER's subscription uses them (RFC 3515).

use super::{Fault, Params};
use crate::scan::{Scan, number};

/// `refer;id=93809824`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event<'a> {
    pub package: &'a [u8],
    pub params: Params<'a>,
}

impl<'a> Event<'a> {
    /// # Errors
    /// [`Fault::Malformed`] or [`Fault::Parameter`].
    pub fn parse(value: &'a [u8]) -> Result<Self, Fault> {
        let mut scan = Scan::new(value);
        let package = scan.token().ok_or(Fault::Malformed)?;
        Ok(Self { package, params: Params::parse(scan.rest())? })
    }

    pub fn id(&self) -> Option<&'a [u8]> {
        self.params.value("id")
    }
}

/// `active;expires=60` or `terminated;reason=noresource`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SubscriptionState<'a> {
    pub state: &'a [u8],
    pub params: Params<'a>,
}

impl<'a> SubscriptionState<'a> {
    /// # Errors
    /// [`Fault::Malformed`] or [`Fault::Parameter`].
    pub fn parse(value: &'a [u8]) -> Result<Self, Fault> {
        let mut scan = Scan::new(value);
        let state = scan.token().ok_or(Fault::Malformed)?;
        Ok(Self { state, params: Params::parse(scan.rest())? })
    }

    pub fn is_terminated(&self) -> bool {
        self.state.eq_ignore_ascii_case(b"terminated")
    }

    pub fn expires_seconds(&self) -> Option<u32> {
        number(self.params.value("expires")?).and_then(|seconds| u32::try_from(seconds).ok())
    }
}
