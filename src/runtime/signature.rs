//! Signatures of requests that leave, by Standard Webhooks 1.0: the receiver recomputes an HMAC-SHA256 over id, time and
//! body with the secret that both know. While a secret is being replaced, the old one signs too.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use cordboard_domain::time::Timestamp;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::fmt;

/// In front of a secret's base64.
const SECRET_PREFIX: &str = "whsec_";
/// Bytes of a secret, as the standard recommends them.
pub const SECRET_BYTES_MIN: usize = 24;
pub const SECRET_BYTES_MAX: usize = 64;

/// Why a text is no secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a secret is `whsec_` and the base64 of {SECRET_BYTES_MIN} to {SECRET_BYTES_MAX} random bytes")]
pub struct BadSecret;

/// A key that both sides know. It is never shown by accident.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Vec<u8>);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Secret {
    pub fn of_random(bytes: [u8; 32]) -> Self {
        Self(bytes.to_vec())
    }

    /// # Errors
    /// When the text is anything but `whsec_` and the base64 of as many bytes as a secret has.
    pub fn parse(text: &str) -> Result<Self, BadSecret> {
        let bytes = text.strip_prefix(SECRET_PREFIX).and_then(|text| STANDARD.decode(text).ok());
        let bytes = bytes.filter(|bytes| (SECRET_BYTES_MIN..=SECRET_BYTES_MAX).contains(&bytes.len()));
        bytes.map(Self).ok_or(BadSecret)
    }

    /// As the receiver's library wants it.
    pub fn text(&self) -> String {
        format!("{SECRET_PREFIX}{}", STANDARD.encode(&self.0))
    }

    fn sign(&self, id: &str, seconds: i64, body: &[u8]) -> String {
        // An HMAC takes keys of any length.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.0) else { return String::new() };
        mac.update(format!("{id}.{seconds}.").as_bytes());
        mac.update(body);
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    }
}

/// The three headers that sign a request. `id` stays the same when it is sent again; `at` is the time of sending.
pub fn signature_headers(secrets: &[Secret], id: &str, at: Timestamp, body: &[u8]) -> [(String, String); 3] {
    let seconds = at.millis().div_euclid(1_000);
    let signatures: Vec<String> = secrets.iter().map(|secret| secret.sign(id, seconds, body)).collect();
    [
        ("webhook-id".to_owned(), id.to_owned()),
        ("webhook-timestamp".to_owned(), seconds.to_string()),
        ("webhook-signature".to_owned(), signatures.join(" ")),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the standard's own documents.
    #[test]
    fn the_known_example_is_signed_as_the_standard_signs_it() {
        let secret = Secret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").expect("a secret");
        let at = Timestamp::from_millis(1_614_265_330_999);
        let headers = signature_headers(&[secret], "msg_p5jXN8AQM9LWM0D4loKWxJek", at, br#"{"test": 2432232314}"#);
        let [(_, id), (_, seconds), (_, signature)] = headers;
        assert_eq!((id.as_str(), seconds.as_str()), ("msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330"));
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn each_secret_signs() {
        let secrets = [Secret::of_random([1; 32]), Secret::of_random([2; 32])];
        let [.., (_, both)] = signature_headers(&secrets, "id", Timestamp::from_millis(0), b"x");
        let [.., (_, second)] = signature_headers(&secrets[1..], "id", Timestamp::from_millis(0), b"x");
        assert_eq!(both.split(' ').nth(1), Some(second.as_str()));
    }

    #[test]
    fn what_is_no_secret_is_refused() {
        for text in ["", "whsec_", "whsec_AAAA", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_!!!!"] {
            assert_eq!(Secret::parse(text), Err(BadSecret), "{text}");
        }
        let secret = Secret::of_random([7; 32]);
        assert_eq!(Secret::parse(&secret.text()), Ok(secret));
    }
}
