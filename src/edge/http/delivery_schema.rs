//! The shapes of deliveries for the OpenAPI document.
#![expect(dead_code, reason = "describes answers in the OpenAPI document")]

use serde_json::Value;
use utoipa::ToSchema;

/// `pending`: being sent, or waiting for its turn or its next attempt. `failed`: given up after the last attempt.
/// `skipped`: the subscription was set to another position before it was sent.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum DeliveryState {
    Pending,
    Delivered,
    Failed,
    Skipped,
}

/// One sending and what came of it; without an `error` it arrived.
#[derive(ToSchema)]
pub struct Attempt {
    #[schema(format = DateTime)]
    pub at: String,
    pub latency_ms: u64,
    /// HTTP status, where there was one.
    pub status: Option<u16>,
    /// The first 500 characters of what was answered.
    pub answer: Option<String>,
    pub error: Option<AttemptError>,
}

#[derive(ToSchema)]
pub struct AttemptError {
    /// Stable: `timeout`, `connection_refused`, `server_error` and others, listed in docs/subscriptions.md.
    pub code: String,
    pub message: String,
}

#[derive(ToSchema)]
pub struct Delivery {
    /// Of the event, or of the batch; the receiver gets it as `webhook-id`, the same at every attempt.
    pub id: String,
    pub subscription: String,
    pub state: DeliveryState,
    /// Type of the event; null for a batch.
    pub r#type: Option<String>,
    /// How many events it carries.
    pub events: u64,
    pub first_sequence: u64,
    pub last_sequence: u64,
    /// The latest ten, oldest first.
    pub attempts: Vec<Attempt>,
    #[schema(format = DateTime)]
    pub next_attempt_at: Option<String>,
    #[schema(format = DateTime)]
    pub created_at: String,
    #[schema(format = DateTime)]
    pub resolved_at: Option<String>,
}

#[derive(ToSchema)]
pub struct DeliveryWithBody {
    #[schema(inline)]
    #[serde(flatten)]
    pub delivery: Delivery,
    /// What is sent: an event as CloudEvents JSON, or an array of them.
    pub body: Value,
}

#[derive(ToSchema)]
pub struct Deliveries {
    pub data: Vec<Delivery>,
    /// Gives the next page as `after`; null on the last page.
    pub next: Option<String>,
}

/// How far a subscription is.
#[derive(ToSchema)]
pub struct Progress {
    /// Events up to here were made into deliveries, or are not for this subscription.
    pub position: u64,
    /// Of the account's last event.
    pub last_sequence: u64,
    /// The oldest delivery that has not arrived and is not given up.
    pub waiting: Option<Delivery>,
}

#[derive(ToSchema)]
pub struct Resent {
    pub resent: u64,
    /// There may be more in the range than are sent again at once.
    pub more: bool,
}
