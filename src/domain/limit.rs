//! Every bound of the domain in one place; the name ends in its unit and `_MAX`, or says what it is the default of.

/// Characters of a name of any resource.
pub const NAME_CHARS_MAX: usize = 120;
/// Bytes of an item's or a worker's attributes as JSON.
pub const ATTRIBUTES_BYTES_MAX: usize = 32 * 1024;
/// Nesting of attributes as JSON.
pub const ATTRIBUTES_DEPTH_MAX: usize = 32;
/// Bytes of one workflow document as JSON.
pub const DOCUMENT_BYTES_MAX: usize = 256 * 1024;
/// Nodes of one JSONLogic expression.
pub const EXPRESSION_NODES_MAX: usize = 1_000;
/// Nesting of one JSONLogic expression.
pub const EXPRESSION_DEPTH_MAX: usize = 32;
/// Rules of one workflow document.
pub const RULES_MAX: usize = 200;
/// Steps of one rule, those in branches counted.
pub const STEPS_PER_RULE_MAX: usize = 100;
/// Nesting of `branch` steps.
pub const BRANCH_DEPTH_MAX: usize = 8;
/// Keys of one `order_by`.
pub const ORDER_BY_KEYS_MAX: usize = 5;
/// How often one `goto` may be taken by one item in one run through its rule.
pub const GOTO_COUNT_MAX: u32 = 1_000;
/// How often one `goto` may be taken when the step does not say.
pub const GOTO_COUNT_DEFAULT: u32 = 10;
/// Steps that one item may enter within one decision, so that no document can hold up the engine.
pub const STEPS_PER_DECISION_MAX: u32 = 200;
/// Workers that a broadcast step may offer one item to at once.
pub const OFFERS_MAX: u32 = 50;
/// A worker's capacity on one channel.
pub const CAPACITY_MAX: u32 = 50;
/// Priority of an item, above and below zero.
pub const PRIORITY_MAX: i64 = 1_000_000;
/// Points of ageing that a queue may add each minute.
pub const PRIORITY_PER_MINUTE_MAX: f64 = 1_000.0;
/// Seconds that a reservation, a step or a wait may last: fourteen days.
pub const DURATION_S_MAX: u32 = 1_209_600;
/// Seconds that an item may stay unassigned when it does not say: a day.
pub const ITEM_TIMEOUT_S_DEFAULT: u32 = 86_400;
/// Seconds that an offer lasts when neither step nor workflow says.
pub const RESERVATION_TIMEOUT_S_DEFAULT: u32 = 120;
/// Seconds after a decline until the same worker may be offered the item again.
pub const REOFFER_AFTER_S_DEFAULT: u32 = 30;
/// Misses in a row after which a worker is moved to the account's miss activity.
pub const MISS_LIMIT_DEFAULT: u32 = 1;
/// Seconds that a required connection may be lost before the worker is unreachable.
pub const PRESENCE_GRACE_S_DEFAULT: u32 = 15;
/// Seconds within which an answer counts for the service level, when neither the account nor the question says.
pub const SERVICE_LEVEL_THRESHOLD_S_DEFAULT: u32 = 20;
/// Longest service level threshold, twelve days; one has at most three significant digits.
pub const SERVICE_LEVEL_THRESHOLD_S_MAX: u32 = 1_000_000;
/// Timers fired by one tick; the rest fire in the next, so that commands are heard between.
pub const TIMERS_PER_TICK_MAX: usize = 192;
/// Resources of each kind of configuration in one account.
pub const QUEUES_MAX: usize = 10_000;
pub const WORKFLOWS_MAX: usize = 10_000;
pub const SCHEDULES_MAX: usize = 1_000;
pub const ACTIVITIES_MAX: usize = 1_000;
pub const CHANNELS_MAX: usize = 100;
pub const WORKERS_MAX: usize = 100_000;
/// Work items of one account that are neither completed nor canceled.
pub const OPEN_ITEMS_MAX: usize = 5_000_000;
/// Seconds that a warm transfer looks for its second worker before it is undone.
pub const WARM_TRANSFER_S_MAX: u32 = 120;
/// Characters of a `unique_key`.
pub const UNIQUE_KEY_CHARS_MAX: usize = 200;
/// Characters of a reason that a caller gives.
pub const REASON_CHARS_MAX: usize = 500;
/// Characters of a URL.
pub const URL_CHARS_MAX: usize = 2_000;
/// Seconds that one attempt of a request to an integrator's server may take.
pub const CALLOUT_S_MAX: u32 = 15;
/// Seconds that it may take where nobody says.
pub const CALLOUT_S_DEFAULT: u32 = 5;
/// Seconds that a callout may wait for its turn.
pub const CALLOUT_WAIT_S_MAX: u32 = 10;
/// Seconds beyond its attempts and its wait after which an answer counts as lost.
pub const CALLOUT_LOST_AFTER_S: u32 = 10;
/// Bytes of the answer to a callout.
pub const CALLOUT_ANSWER_BYTES_MAX: usize = 64 * 1024;
/// Characters of a cause of a callout's failure.
pub const CALLOUT_CAUSE_CHARS_MAX: usize = 300;
/// Answers that a sample of a dry run may have for its `request` steps.
pub const SAMPLE_ANSWERS_MAX: usize = 100;
/// Exclusions between channels in one account.
pub const EXCLUSIONS_MAX: usize = 100;
/// Highest `miss_limit` of an account.
pub const MISS_LIMIT_MAX: u32 = 1_000;
/// Longest grace period of a lost connection: an hour.
pub const PRESENCE_GRACE_S_MAX: u32 = 3_600;
/// Findings told of one document; the rest is cut off, and the last one says so.
pub const FINDINGS_MAX: usize = 100;
/// Attributes that one check of a document looks up among the workers; each takes a look at all of them.
pub const CHECKED_PATHS_MAX: usize = 100;
/// Workers that one check of a document asks about its predicates, so that a check never holds up the engine for long.
pub const CHECKED_WORKERS_MAX: usize = 200_000;
/// Sample items of one dry run.
pub const SAMPLES_MAX: usize = 50;
/// Rests of one sample that a dry run follows.
pub const REHEARSED_RESTS_MAX: usize = 200;
/// Type patterns of one event channel.
pub const TYPE_PATTERNS_MAX: usize = 100;
/// Paths that one event channel selects.
pub const FIELDS_MAX: usize = 50;
/// Characters of such a path.
pub const FIELD_PATH_CHARS_MAX: usize = 200;
/// Events per second that a throttle may let pass.
pub const THROTTLE_EVENTS_PER_S_MAX: u32 = 10_000;
/// Events of one batch of an event channel.
pub const BATCH_EVENTS_MAX: u32 = 100;
/// Seconds that the first event of a batch may wait for others.
pub const BATCH_DELAY_S_MAX: u32 = 60;
/// Seconds after which a channel's events may still be sent: a year.
pub const CHANNEL_RETENTION_S_MAX: u32 = 31_536_000;
/// Event channels and subscriptions of one account.
pub const EVENT_CHANNELS_MAX: usize = 1_000;
pub const SUBSCRIPTIONS_MAX: usize = 1_000;
/// Characters of the key of a Redis stream.
pub const STREAM_KEY_CHARS_MAX: usize = 200;
/// Entries that a Redis stream may be told to keep, and keeps when it is not told.
pub const STREAM_LENGTH_MAX: u32 = 1_000_000;
pub const STREAM_LENGTH_DEFAULT: u32 = 10_000;
/// Secrets of one webhook, or of an account, that sign at the same time.
pub const SIGNING_SECRETS_MAX: usize = 3;
/// Seconds that a replaced secret signs beside the new one: at most a week, a day when nobody says.
pub const SECRET_OVERLAP_S_MAX: u32 = 604_800;
pub const SECRET_OVERLAP_S_DEFAULT: u32 = 86_400;
/// Characters kept of what is reported of a receiver.
pub const REPORT_CHARS_MAX: usize = 500;
