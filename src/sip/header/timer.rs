//! Session-Expires and Min-SE (RFC 4028 §4, §5).

use super::{Fault, Params};
use crate::scan::{Scan, number};

/// Who sends the refreshes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refresher {
    Uac,
    Uas,
}

/// Session-Expires, or Min-SE where there is no refresher.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionTimer {
    pub seconds: u32,
    pub refresher: Option<Refresher>,
}

impl SessionTimer {
    /// # Errors
    /// [`Fault::Number`] for what is no number of seconds, [`Fault::Parameter`] for an unknown refresher.
    pub fn parse(value: &[u8]) -> Result<Self, Fault> {
        let mut scan = Scan::new(value);
        let digits = scan.take_while(|byte| byte.is_ascii_digit());
        let seconds = number(digits).and_then(|value| u32::try_from(value).ok()).ok_or(Fault::Number)?;
        let refresher = match Params::parse(scan.rest())?.value("refresher") {
            None => None,
            Some(role) if role.eq_ignore_ascii_case(b"uac") => Some(Refresher::Uac),
            Some(role) if role.eq_ignore_ascii_case(b"uas") => Some(Refresher::Uas),
            Some(_) => return Err(Fault::Parameter),
        };
        Ok(Self { seconds, refresher })
    }
}
