//! Subscriptions: who is sent the events of a channel, and from where on. What becomes of deliveries is reported here by
//! whoever delivers.

use super::workflow::check_url;
use crate::event_channel::*;
use crate::id::SubscriptionId;
use crate::limit::*;
use crate::work::engine::directory::{check_limit, check_range, check_revision, conflict, invalid, rotated_secrets};
use crate::work::engine::{Answer, Engine, Turn};
use crate::work::*;
use serde_json::{Value, json};

impl Engine {
    pub(in crate::work::engine) fn create_subscription(
        &mut self,
        turn: &mut Turn<'_>,
        new: NewSubscription,
    ) -> Result<Answer, Rejection> {
        let NewSubscription { event_channel, target, secret, from, state } = new;
        let event_channel = self.resolve_event_channel(&event_channel, "/event_channel")?;
        check_limit("subscriptions", self.config.subscriptions.len(), SUBSCRIPTIONS_MAX)?;
        check_target(&target)?;
        check_state(state)?;
        check_secret(target.kind(), secret.as_ref())?;
        let start_after = self.start_after(from)?;
        let subscription = Subscription {
            id: SubscriptionId(self.fresh_id(turn.now)),
            event_channel,
            target,
            secrets: secret.into_iter().collect(),
            start_after,
            starts: 1,
            state,
            disabled_reason: None,
            failing_since: None,
            stamp: Stamp::new(turn.now),
        };
        Ok(self.put_subscription(turn, "subscription.created", subscription, None))
    }

    pub(in crate::work) fn keep_subscription(&mut self, subscription: Subscription) {
        self.config.subscriptions.insert(subscription.id, subscription);
    }

    /// Emits the event first: `now` means after that very event.
    fn put_subscription(
        &mut self,
        turn: &mut Turn<'_>,
        event: &'static str,
        subscription: Subscription,
        detail: Option<Value>,
    ) -> Answer {
        self.emit(turn, event, subscription.id.to_string(), &SubscriptionView::from(&subscription), detail);
        self.keep_subscription(subscription.clone());
        let record = Record::Subscription(subscription);
        turn.put(record.clone());
        Answer::Record(Box::new(record))
    }

    pub(in crate::work::engine) fn update_subscription(
        &mut self,
        turn: &mut Turn<'_>,
        id: SubscriptionId,
        change: SubscriptionChange,
        expected: Expected,
    ) -> Result<Answer, Rejection> {
        let mut subscription = self.existing_subscription(id, expected)?.clone();
        let target = changed_target(&subscription.target, &change)?;
        if target != subscription.target {
            subscription.target = target;
            // That the old receiver failed says nothing of the new one.
            subscription.failing_since = None;
        }
        if let Some(from) = change.from {
            subscription.start_after = self.start_after(from)?;
            subscription.starts = subscription.starts.saturating_add(1);
        }
        if let Some(state) = change.state {
            check_state(state)?;
        }
        if let Some(state) = change.state.filter(|state| *state != subscription.state) {
            subscription.state = state;
            (subscription.failing_since, subscription.disabled_reason) = (None, None);
        }
        subscription.stamp.touch(turn.now);
        Ok(self.put_subscription(turn, "subscription.updated", subscription, None))
    }

    pub(in crate::work::engine) fn delete_subscription(
        &mut self,
        turn: &mut Turn<'_>,
        id: SubscriptionId,
        expected: Expected,
    ) -> Result<Answer, Rejection> {
        let subscription = self.existing_subscription(id, expected)?.clone();
        self.config.subscriptions.remove(&id);
        self.emit_config(turn, "subscription.deleted", &Record::Subscription(subscription));
        turn.delete(Gone::Subscription(id));
        Ok(Answer::Deleted)
    }

    pub(in crate::work::engine) fn rotate_subscription_secret(
        &mut self,
        turn: &mut Turn<'_>,
        id: SubscriptionId,
        secret: SigningSecret,
        overlap_s: u32,
        expected: Expected,
    ) -> Result<Answer, Rejection> {
        let mut subscription = self.existing_subscription(id, expected)?.clone();
        if subscription.target.kind() != SubscriptionKind::Webhook {
            return Err(conflict("other_kind", "only a webhook has a secret: a Redis stream is not signed"));
        }
        let (secrets, until) = rotated_secrets(&subscription.secrets, secret, turn.now, overlap_s)?;
        subscription.secrets = secrets;
        subscription.stamp.touch(turn.now);
        let detail = json!({ "previous_sign_until": until });
        Ok(self.put_subscription(turn, "subscription.secret_rotated", subscription, Some(detail)))
    }

    pub(in crate::work::engine) fn report_subscription(
        &mut self,
        turn: &mut Turn<'_>,
        id: SubscriptionId,
        starts: u32,
        health: SubscriptionHealth,
    ) -> Result<Answer, Rejection> {
        // What is reported may be overtaken: deleted, paused, begun elsewhere. Then it concerns nobody.
        let current = self.subscription(id).filter(|it| it.starts == starts && it.state == SubscriptionState::Active);
        let Some(mut subscription) = current.cloned() else { return Ok(Answer::Done) };
        let (event, detail) = match (health, subscription.failing_since) {
            (SubscriptionHealth::Failing { .. }, Some(_)) | (SubscriptionHealth::Recovered, None) => {
                return Ok(Answer::Done);
            }
            (SubscriptionHealth::Failing { error }, None) => {
                subscription.failing_since = Some(turn.now);
                ("subscription.failing", Some(json!({ "error": shortened(&error) })))
            }
            (SubscriptionHealth::Recovered, Some(since)) => {
                subscription.failing_since = None;
                ("subscription.recovered", Some(json!({ "failing_since": since })))
            }
            (SubscriptionHealth::Disabled { reason }, _) => {
                subscription.state = SubscriptionState::Disabled;
                subscription.disabled_reason = Some(shortened(&reason));
                ("subscription.disabled", None)
            }
        };
        subscription.stamp.touch(turn.now);
        self.put_subscription(turn, event, subscription, detail);
        Ok(Answer::Done)
    }

    fn existing_subscription(&self, id: SubscriptionId, expected: Expected) -> Result<&Subscription, Rejection> {
        let subscription = self.subscription(id).ok_or(Rejection::NotFound { resource: "subscription" })?;
        check_revision(&subscription.stamp, expected)?;
        Ok(subscription)
    }

    /// The sequence after which a subscription begins by the command whose event comes next.
    fn start_after(&self, from: StartFrom) -> Result<u64, Rejection> {
        let last = self.sequence();
        match from {
            StartFrom::Now => Ok(self.next_sequence()),
            StartFrom::After(sequence) if sequence <= last => Ok(sequence),
            StartFrom::After(_) => {
                Err(invalid("/from", "out_of_range", format!("the last event so far is {last}; give that or `now`")))
            }
        }
    }
}

fn shortened(text: &str) -> String {
    text.chars().take(REPORT_CHARS_MAX).collect()
}

fn check_state(state: SubscriptionState) -> Result<(), Rejection> {
    match state {
        SubscriptionState::Active | SubscriptionState::Paused => Ok(()),
        SubscriptionState::Disabled => {
            Err(invalid("/state", "not_settable", "only the system disables a subscription; pause it instead"))
        }
    }
}

fn check_secret(kind: SubscriptionKind, secret: Option<&SigningSecret>) -> Result<(), Rejection> {
    match (kind, secret) {
        (SubscriptionKind::Webhook, Some(_)) | (SubscriptionKind::RedisStream, None) => Ok(()),
        (SubscriptionKind::Webhook, None) => Err(invalid("/secret", "missing_field", "a webhook needs a secret")),
        (SubscriptionKind::RedisStream, Some(_)) => Err(not_of_kind("/secret", SubscriptionKind::RedisStream)),
    }
}

fn check_target(target: &SubscriptionTarget) -> Result<(), Rejection> {
    match target {
        SubscriptionTarget::Webhook { url } => check_url("/url", Some(url)),
        SubscriptionTarget::RedisStream { stream, length_max } => {
            let chars = stream.chars().count();
            if chars == 0 || chars > STREAM_KEY_CHARS_MAX || stream.chars().any(char::is_control) {
                let message = format!("a stream's key has 1 to {STREAM_KEY_CHARS_MAX} characters, none a control");
                return Err(invalid("/stream", "bad_key", message));
            }
            check_range("/length_max", *length_max, 1, STREAM_LENGTH_MAX).map(|_| ())
        }
    }
}

/// The kind stays, so a field of another kind has nothing to change.
fn changed_target(old: &SubscriptionTarget, change: &SubscriptionChange) -> Result<SubscriptionTarget, Rejection> {
    let mut target = old.clone();
    let (kind, SubscriptionChange { url: new_url, stream: new_stream, length_max: new_length, .. }) =
        (old.kind(), change);
    match &mut target {
        SubscriptionTarget::Webhook { url } => {
            if new_stream.is_some() || new_length.is_some() {
                let pointer = if new_stream.is_some() { "/stream" } else { "/length_max" };
                return Err(not_of_kind(pointer, kind));
            }
            *url = new_url.clone().unwrap_or_else(|| std::mem::take(url));
        }
        SubscriptionTarget::RedisStream { stream, length_max } => {
            if new_url.is_some() {
                return Err(not_of_kind("/url", kind));
            }
            *stream = new_stream.clone().unwrap_or_else(|| std::mem::take(stream));
            *length_max = new_length.unwrap_or(*length_max);
        }
    }
    check_target(&target)?;
    Ok(target)
}

fn not_of_kind(pointer: &str, kind: SubscriptionKind) -> Rejection {
    let (kind, has) = match kind {
        SubscriptionKind::Webhook => ("webhook", "url and secret"),
        SubscriptionKind::RedisStream => ("redis_stream", "stream and length_max"),
    };
    invalid(pointer, "other_kind", format!("a {kind} has {has}; the kind of a subscription never changes"))
}
