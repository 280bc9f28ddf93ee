//! A test message to a receiver, which somebody waits for.

use super::Deliveries;
use super::courier::live_secrets;
use super::outcome::Sending;
use super::record::Attempt;
use super::sink::{NotTaken, Parcel};
use cordboard_domain::event_channel::{Message, Subscription};
use cordboard_domain::id::{AccountId, EventId, IdSource};
use serde_json::json;

/// What a ping carries as its type.
pub const PING: &str = "subscription.ping";

/// The account has as many pings on their way as it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("as many test messages as may be are on their way; wait for their answers")]
pub struct TooManyPings;

impl Deliveries {
    /// Sends the receiver a message of its own, at once and once, whatever else waits.
    pub async fn ping(&self, account: AccountId, subscription: &Subscription) -> Result<Attempt, TooManyPings> {
        let lanes = self.0.lanes.of(account);
        let _turn = lanes.pings.try_acquire().map_err(|_| TooManyPings)?;
        let (runtime, at) = (&self.0.runtime, self.0.runtime.now());
        let id = EventId(IdSource::new(runtime.entropy().seed()).next(at)).to_string();
        let event = json!({
            "specversion": "1.0", "id": id, "source": format!("/accounts/{account}"), "type": PING,
            "subject": subscription.id, "time": at, "datacontenttype": "application/json",
            "data": {"subscription": subscription.id, "event_channel": subscription.event_channel},
        });
        let (event_type, body) = (Some(PING.to_owned()), event.to_string());
        let message = Message { id, first_sequence: 0, last_sequence: 0, events: 1, event_type, body };
        let message = self.0.in_form(account, subscription.event_channel, message).await;
        let outcome = match live_secrets(subscription, at) {
            Ok(secrets) => {
                let (target, message) = (&subscription.target, &message);
                let parcel = Parcel { account, target, secrets: &secrets, message, at };
                self.0.sinks.send(parcel).await
            }
            Err(bad) => {
                let (code, message) = ("bad_secret".to_owned(), bad.to_string());
                Err(NotTaken { code, message, status: None, answer: None, ours: true })
            }
        };
        let sending = Sending { at, over: runtime.now() };
        Ok(match outcome {
            Ok(receipt) => sending.taken(receipt),
            Err(not_taken) => sending.not_taken(not_taken),
        })
    }
}
