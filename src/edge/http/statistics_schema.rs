//! The schemas of statistics of the past. They describe what `cordboard_domain::statistics::Measures` writes; tests hold
//! answers against them.
#![expect(dead_code, reason = "describes answers in the OpenAPI document")]

use utoipa::ToSchema;

#[derive(ToSchema)]
pub struct StatisticsHistory {
    #[schema(format = DateTime)]
    pub from: String,
    #[schema(format = DateTime)]
    pub to: String,
    pub interval: String,
    pub time_zone: String,
    pub group_by: String,
    /// Seconds within which an answer counts for the service level.
    pub threshold_s: u32,
    pub computed_to: ComputedTo,
    /// Set when events before this time were forgotten before they were counted; numbers before it are too low.
    #[schema(format = DateTime)]
    pub complete_from: Option<String>,
    /// By the id of the group.
    pub data: Vec<StatisticsSeries>,
    /// The `after` of the next page of groups.
    pub next: Option<String>,
}

/// Up to here every event is counted; later ones are not.
#[derive(ToSchema)]
pub struct ComputedTo {
    /// Of the last event that is counted.
    #[schema(minimum = 0)]
    pub sequence: u64,
    #[schema(format = DateTime)]
    pub time: String,
}

/// One group with all of its intervals, the earliest first.
#[derive(ToSchema)]
pub struct StatisticsSeries {
    /// None when nothing is told apart.
    pub group: Option<StatisticsGroup>,
    pub intervals: Vec<IntervalStatistics>,
}

#[derive(ToSchema)]
pub struct StatisticsGroup {
    /// Id of the queue, worker or workflow; name of the channel.
    pub id: String,
    /// As it is called now, or was when it was deleted.
    pub name: Option<String>,
}

/// What happened from `start` to before `end`. What a group has no such thing of is null.
#[derive(ToSchema)]
pub struct IntervalStatistics {
    #[schema(format = DateTime)]
    pub start: String,
    #[schema(format = DateTime)]
    pub end: String,
    /// Items created; null for queues and workers.
    pub created: Option<u64>,
    /// Items that came into a queue; null for workers.
    pub entered: Option<u64>,
    /// Offers made to workers.
    pub offered: u64,
    /// Offers accepted: waits that were answered.
    pub accepted: u64,
    /// Offers declined by the worker.
    pub rejected: u64,
    /// Offers that the worker let time out.
    pub missed: u64,
    /// Offers taken back because another worker was faster.
    pub rescinded: u64,
    /// Offers taken back because the item ended or went elsewhere.
    pub withdrawn: u64,
    /// Times that a worker was done with an item, also by transferring it.
    pub handled: u64,
    /// Items completed.
    pub completed: u64,
    /// Items canceled, for whatever reason; null for workers.
    pub canceled: Option<u64>,
    /// Items canceled on request after they had begun to wait; null for workers.
    pub abandoned: Option<u64>,
    /// Items that their workflow or their time to live gave up after they had begun to wait; null for workers.
    pub expired: Option<u64>,
    /// Waits answered within the threshold.
    pub accepted_within: u64,
    /// accepted_within ÷ (accepted + abandoned after more than the threshold + expired); null when that is nothing.
    #[schema(minimum = 0, maximum = 1)]
    pub service_level: Option<f64>,
    /// abandoned ÷ (accepted + abandoned + expired); null when that is nothing, and for workers.
    #[schema(minimum = 0, maximum = 1)]
    pub abandonment_rate: Option<f64>,
    /// From when the item began to wait until it was accepted.
    pub speed_of_answer: DurationStatistics,
    /// From when the item began to wait until it was abandoned; null for workers.
    pub time_to_abandon: Option<DurationStatistics>,
    /// From accepting to being done, after-call work included.
    pub handle_time: DurationStatistics,
    /// Handle time before after-call work.
    pub work_time: DurationStatistics,
    /// After-call work; 0 for what had none.
    pub wrap_time: DurationStatistics,
    /// Seconds in which workers held work; null for queues, workflows and channels.
    pub busy_s: Option<f64>,
    /// Seconds in which workers were available and held none; null for queues, workflows and channels.
    pub idle_s: Option<f64>,
    /// busy_s ÷ (busy_s + idle_s); null when that is nothing, and for queues, workflows and channels.
    #[schema(minimum = 0, maximum = 1)]
    pub occupancy: Option<f64>,
}

/// Durations in seconds. Percentiles are nearest-rank, never too low and at most 1 % too high; the rest is exact.
#[derive(ToSchema)]
pub struct DurationStatistics {
    pub total_s: f64,
    pub average_s: Option<f64>,
    pub p50_s: Option<f64>,
    pub p90_s: Option<f64>,
    pub p95_s: Option<f64>,
    pub p99_s: Option<f64>,
    pub longest_s: Option<f64>,
}
