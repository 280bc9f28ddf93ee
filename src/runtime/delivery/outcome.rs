//! What becomes of a delivery after an attempt.

use super::record::{ATTEMPTS_KEPT_MAX, Attempt, AttemptError, Delivery, DeliveryState};
use super::schedule::FAILING_LONGEST;
use super::sink::{NotTaken, Receipt};
use cordboard_domain::time::Timestamp;
use std::time::Duration;

/// When a message was sent, and when it was known what came of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sending {
    pub at: Timestamp,
    pub over: Timestamp,
}

impl Sending {
    fn latency_ms(self) -> u64 {
        self.over.millis_since(self.at).max(0).unsigned_abs()
    }

    pub fn taken(self, receipt: Receipt) -> Attempt {
        let Receipt { status, answer } = receipt;
        Attempt { at: self.at, latency_ms: self.latency_ms(), status, answer, error: None }
    }

    pub fn not_taken(self, not_taken: NotTaken) -> Attempt {
        let NotTaken { code, message, status, answer, .. } = not_taken;
        let error = Some(AttemptError { code, message });
        Attempt { at: self.at, latency_ms: self.latency_ms(), status, answer, error }
    }
}

/// When a subscription that has failed since then is switched off.
pub(super) fn switched_off_at(failing_since: Timestamp) -> Timestamp {
    failing_since.plus_millis(FAILING_LONGEST.as_millis() as i64)
}

impl Delivery {
    pub(super) fn arrived(&mut self, sending: Sending, receipt: Receipt) {
        self.note(sending.taken(receipt));
        self.state = DeliveryState::Delivered;
        (self.next_attempt_at, self.resolved_at) = (None, Some(sending.over));
    }

    /// It is tried again after a pause, as long as there is one, but not after the time at which its subscription is to be
    /// switched off. One of a subscription that is off by now is tried at once when it is on again.
    pub(super) fn not_taken(
        &mut self,
        sending: Sending,
        not_taken: NotTaken,
        pause: Option<Duration>,
        off: Option<Timestamp>,
    ) {
        let now = sending.over;
        self.note(sending.not_taken(not_taken));
        let Some(pause) = pause else {
            self.state = DeliveryState::Failed;
            (self.next_attempt_at, self.resolved_at) = (None, Some(now));
            return;
        };
        let next = now.plus_millis(pause.as_millis() as i64);
        self.next_attempt_at = match off {
            Some(off) if off <= now => None,
            Some(off) => Some(next.min(off)),
            None => Some(next),
        };
    }

    fn note(&mut self, attempt: Attempt) {
        self.tries += u32::from(attempt.error.is_some());
        self.attempts.push(attempt);
        let too_many = self.attempts.len().saturating_sub(ATTEMPTS_KEPT_MAX);
        self.attempts.drain(..too_many);
    }
}
