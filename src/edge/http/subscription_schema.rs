//! The shapes of event channels and subscriptions for the OpenAPI document; the answers themselves are made from the
//! domain's views.
#![expect(dead_code, reason = "describes answers in the OpenAPI document")]

use serde_json::Value;
use utoipa::ToSchema;

#[derive(ToSchema)]
pub struct EventChannel {
    #[schema(example = "ech_01hf7yef60tty3nx6e38750vxa")]
    pub id: String,
    pub name: String,
    /// Types that are sent; all when empty.
    #[schema(max_items = 100)]
    pub types: Vec<String>,
    /// JSONLogic over `event`.
    pub filter: Option<Value>,
    /// Paths of what is sent of each event; all of it when `null`.
    #[schema(max_items = 50)]
    pub fields: Option<Vec<String>>,
    pub throttle: Option<Throttle>,
    pub batch: Option<Batch>,
    /// Seconds after which an event is too old to be sent.
    #[schema(minimum = 1, maximum = 31536000)]
    pub retention_s: Option<u32>,
    pub state: EventChannelState,
    /// Sequence number of the event by which this took effect: it holds for the events after it.
    pub effective_after: u64,
    #[schema(format = DateTime)]
    pub created_at: String,
    #[schema(format = DateTime)]
    pub updated_at: String,
}

/// At most so many events of any one second are sent, by the events' own time.
#[derive(ToSchema)]
pub struct Throttle {
    #[schema(minimum = 1, maximum = 10000)]
    pub events_per_s: u32,
}

/// Events are sent together as soon as there are so many, or the first has waited so long.
#[derive(ToSchema)]
pub struct Batch {
    #[schema(minimum = 1, maximum = 100)]
    pub events_max: u32,
    #[schema(minimum = 0, maximum = 60)]
    pub delay_s: u32,
}

#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum EventChannelState {
    Active,
    Paused,
}

#[derive(ToSchema)]
pub struct Subscription {
    #[schema(example = "sub_01hf7yef60tty3nx6e38750vxa")]
    pub id: String,
    /// Id of the event channel.
    pub event_channel: String,
    pub kind: SubscriptionKind,
    /// Of a webhook.
    pub url: Option<String>,
    /// Of a Redis stream: its key.
    pub stream: Option<String>,
    /// Of a Redis stream: entries after which the oldest may go.
    pub length_max: Option<u32>,
    /// Sequence number after which the events are sent.
    pub from: u64,
    pub state: SubscriptionState,
    /// Why the system has switched it off.
    pub disabled_reason: Option<String>,
    /// Since when nothing reaches the receiver.
    #[schema(format = DateTime)]
    pub failing_since: Option<String>,
    #[schema(format = DateTime)]
    pub created_at: String,
    #[schema(format = DateTime)]
    pub updated_at: String,
}

#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum SubscriptionKind {
    Webhook,
    RedisStream,
}

#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum SubscriptionState {
    Active,
    Paused,
    Disabled,
}

/// What may be set of a state: only the system disables.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum SubscriptionActivity {
    Active,
    Paused,
}

/// What a webhook's requests are signed with.
#[derive(ToSchema)]
pub struct SubscriptionSecret {
    #[schema(example = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]
    pub secret: String,
    /// Replaced ones that still sign, the newest first.
    pub previous: Vec<PreviousSecret>,
}

#[derive(ToSchema)]
pub struct PreviousSecret {
    pub secret: String,
    #[schema(format = DateTime)]
    pub signs_until: String,
}

/// A page, newest first; `next` is the `after` of the next page.
#[derive(ToSchema)]
pub struct EventChannels {
    pub data: Vec<EventChannel>,
    pub next: Option<String>,
}

/// A page, newest first; `next` is the `after` of the next page.
#[derive(ToSchema)]
pub struct Subscriptions {
    pub data: Vec<Subscription>,
    pub next: Option<String>,
}
