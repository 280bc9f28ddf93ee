//! The secrets with which requests to integrators' servers are signed, of a webhook or of a whole account. After a
//! rotation the secret before signs too for a while, so that receivers may change over. No signature is computed here.

use crate::limit::SIGNING_SECRETS_MAX;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What requests are signed with. It is stored and shown where it is asked for, and printed nowhere.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SigningSecret {
    /// `whsec_` and base64.
    pub text: String,
    /// For one that was replaced: until when it signs beside the new one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signs_until: Option<Timestamp>,
}

impl SigningSecret {
    pub fn new(text: String) -> Self {
        Self { text, signs_until: None }
    }

    pub fn signs_at(&self, now: Timestamp) -> bool {
        self.signs_until.is_none_or(|until| now < until)
    }
}

impl fmt::Debug for SigningSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningSecret").field("signs_until", &self.signs_until).finish_non_exhaustive()
    }
}

/// Why a secret cannot be put in front.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RotationRefused {
    #[error("this secret signs already; give another one")]
    InUse,
    #[error("{signing} secrets sign already; give a shorter overlap_s or wait")]
    TooMany { signing: usize },
}

/// The secrets after `fresh` was put in front: those before it sign until `until` at most.
///
/// # Errors
/// When it signs already, or when too many would.
pub fn rotated(
    secrets: &[SigningSecret],
    fresh: SigningSecret,
    now: Timestamp,
    until: Timestamp,
) -> Result<Vec<SigningSecret>, RotationRefused> {
    let mut after = vec![fresh];
    for old in secrets {
        // One that was replaced before ends when it was to end, or now already.
        let signs_until = Some(old.signs_until.map_or(until, |end| end.min(until)));
        let old = SigningSecret { signs_until, ..old.clone() };
        if old.signs_at(now) {
            after.push(old);
        }
    }
    if after.iter().skip(1).any(|old| old.text == after[0].text) {
        return Err(RotationRefused::InUse);
    }
    if after.len() > SIGNING_SECRETS_MAX {
        return Err(RotationRefused::TooMany { signing: after.len() - 1 });
    }
    Ok(after)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u32) -> Timestamp {
        Timestamp::from_millis(0).plus_seconds(seconds)
    }

    fn rotate(secrets: &mut Vec<SigningSecret>, text: &str, now: u32, until: u32) -> Result<(), RotationRefused> {
        *secrets = rotated(secrets, SigningSecret::new(text.to_owned()), at(now), at(until))?;
        Ok(())
    }

    fn signing(secrets: &[SigningSecret], now: u32) -> Vec<&str> {
        secrets.iter().filter(|secret| secret.signs_at(at(now))).map(|secret| secret.text.as_str()).collect()
    }

    #[test]
    fn former_secrets_sign_until_their_time_is_over() {
        let mut secrets = vec![SigningSecret::new("a".to_owned())];
        rotate(&mut secrets, "b", 10, 110).expect("room");
        rotate(&mut secrets, "c", 20, 200).expect("room");
        assert_eq!(signing(&secrets, 109), ["c", "b", "a"], "a ends when it was to end");
        assert_eq!(signing(&secrets, 110), ["c", "b"]);
        assert_eq!(rotate(&mut secrets, "d", 30, 300), Err(RotationRefused::TooMany { signing: 3 }));
        assert_eq!(rotate(&mut secrets, "b", 30, 300), Err(RotationRefused::InUse));
        rotate(&mut secrets, "d", 30, 30).expect("the others sign no more");
        assert_eq!(signing(&secrets, 30), ["d"]);
    }

    #[test]
    fn a_secret_does_not_show() {
        assert!(!format!("{:?}", SigningSecret::new("whsec_hidden".to_owned())).contains("hidden"));
    }
}
