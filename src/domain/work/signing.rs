//! The secrets with which an account signs what it sends to integrators' servers. After a rotation the former one signs
//! too for a while, so that receivers may change over. Their text is the caller's: nothing here computes a signature.

use crate::limit::SECRETS_FORMER_MAX;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A secret in the text form of Standard Webhooks, `whsec_…`. It does not show in debug output.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SigningSecret(String);

impl SigningSecret {
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The secret itself, for signing and for the one route that shows it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SigningSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningSecret(…)")
    }
}

/// A secret that was rotated and signs until its time is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FormerSecret {
    pub secret: SigningSecret,
    pub until: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signing {
    pub current: SigningSecret,
    /// Since when the current one is in force.
    pub since: Timestamp,
    /// The latest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    former: Vec<FormerSecret>,
}

impl Signing {
    pub fn new(current: SigningSecret, since: Timestamp) -> Self {
        Self { current, since, former: Vec::new() }
    }

    /// Puts another secret in force; the one before signs for `overlap_s` more seconds.
    pub fn rotate(&mut self, secret: SigningSecret, now: Timestamp, overlap_s: u32) {
        let secret = std::mem::replace(&mut self.current, secret);
        self.since = now;
        self.former.insert(0, FormerSecret { secret, until: now.plus_seconds(overlap_s) });
        self.former.retain(|former| former.until > now);
        self.former.truncate(SECRETS_FORMER_MAX);
    }

    /// The former secrets that still sign.
    pub fn former(&self, now: Timestamp) -> impl Iterator<Item = &FormerSecret> {
        self.former.iter().filter(move |former| former.until > now)
    }

    /// All that sign at `now`, the current one first.
    pub fn secrets(&self, now: Timestamp) -> Vec<SigningSecret> {
        std::iter::once(&self.current).chain(self.former(now).map(|former| &former.secret)).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn former_secrets_sign_until_their_time_is_over() {
        let at = |seconds: u32| Timestamp::from_millis(0).plus_seconds(seconds);
        let texts = |signing: &Signing, now| {
            signing.secrets(now).iter().map(|secret| secret.reveal().to_owned()).collect::<Vec<_>>()
        };
        let mut signing = Signing::new(SigningSecret::new("a"), at(0));
        signing.rotate(SigningSecret::new("b"), at(10), 100);
        signing.rotate(SigningSecret::new("c"), at(20), 0);
        assert_eq!(texts(&signing, at(20)), ["c", "a"], "b signs no more at once");
        assert_eq!(texts(&signing, at(109)), ["c", "a"]);
        assert_eq!(texts(&signing, at(110)), ["c"]);
        for text in 0..10 {
            signing.rotate(SigningSecret::new(text.to_string()), at(30), 1_000);
        }
        assert_eq!(signing.secrets(at(31)).len(), 1 + SECRETS_FORMER_MAX);
    }

    #[test]
    fn a_secret_does_not_show() {
        let signing = Signing::new(SigningSecret::new("whsec_hidden"), Timestamp::default());
        assert!(!format!("{signing:?}").contains("hidden"));
    }
}
