//! Webhooks by Standard Webhooks 1.0: a POST with the event, or the batch, as its body, and a signature.

use crate::runtime::delivery::sink::{ANSWER_CHARS_MAX, NotTaken, Parcel, Receipt};
use crate::runtime::fetch::{Fetch, FetchAnswer, FetchCode, FetchFailure, FetchMethod, FetchRequest};
use crate::runtime::signature::signature_headers;
use bytes::Bytes;
use std::sync::Arc;
use std::time::Duration;

/// From the call to the answer's last byte.
const ANSWER_WITHIN: Duration = Duration::from_secs(15);
/// Bytes of an answer: it need say nothing at all.
const ANSWER_BYTES_MAX: usize = 16 * 1024;

pub(super) struct Webhooks {
    fetch: Arc<dyn Fetch>,
}

impl Webhooks {
    pub fn new(fetch: Arc<dyn Fetch>) -> Self {
        Self { fetch }
    }

    pub async fn send(&self, url: &str, parcel: Parcel<'_>) -> Result<Receipt, NotTaken> {
        let Parcel { message, secrets, at, .. } = parcel;
        // CloudEvents 1.0, HTTP binding, structured and batched mode.
        let content_type = match message.event_type {
            Some(_) => "application/cloudevents+json",
            None => "application/cloudevents-batch+json",
        };
        let mut headers = vec![
            ("content-type".to_owned(), content_type.to_owned()),
            ("user-agent".to_owned(), concat!("cordboard/", env!("CARGO_PKG_VERSION")).to_owned()),
        ];
        headers.extend(signature_headers(secrets, &message.id, at, message.body.as_bytes()));
        let request = FetchRequest {
            method: FetchMethod::Post,
            url: url.to_owned(),
            headers,
            body: Bytes::copy_from_slice(message.body.as_bytes()),
            total: ANSWER_WITHIN,
            answer_bytes_max: ANSWER_BYTES_MAX,
        };
        let answer = self.fetch.fetch(request).await.map_err(|failure| not_taken(failure, None))?;
        match answer.success() {
            Ok(()) => Ok(Receipt { status: Some(answer.status), answer: beginning(&answer) }),
            Err(failure) => Err(not_taken(failure, beginning(&answer))),
        }
    }
}

fn not_taken(failure: FetchFailure, answer: Option<String>) -> NotTaken {
    let ours = matches!(failure.code, FetchCode::Overloaded | FetchCode::HostBusy);
    NotTaken { code: failure.code.to_string(), message: failure.message, status: failure.status, answer, ours }
}

/// The first characters of an answer, for whoever looks for the cause.
fn beginning(answer: &FetchAnswer) -> Option<String> {
    let text = String::from_utf8_lossy(&answer.body);
    let kept = text.chars().map(|kept| if kept.is_control() && kept != '\n' { '\u{fffd}' } else { kept });
    Some(kept.take(ANSWER_CHARS_MAX).collect()).filter(|text: &String| !text.is_empty())
}
