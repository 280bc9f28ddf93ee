//! The shape of a workflow document for the OpenAPI document. The domain reads documents itself and tells more: it also
//! checks expressions, labels and references. `docs/workflows.md` is the manual.
#![expect(dead_code, reason = "describes bodies in the OpenAPI document")]

use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// Rules are tried from the top; the first that matches takes the item, and its steps are followed one by one. A
/// document has `rules`, `default` or both.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WorkflowDocument {
    /// For people; the workflow has its own name.
    #[schema(min_length = 1, max_length = 120, required = false)]
    pub name: String,
    /// IANA name in which `sys.now` is told; `UTC` when absent.
    #[schema(example = "Europe/Berlin", required = false)]
    pub time_zone: String,
    #[schema(max_items = 200, required = false)]
    pub rules: Vec<Rule>,
    /// Steps of the items that no rule takes; without it they are canceled.
    #[schema(min_items = 1, required = false)]
    pub default: Vec<Step>,
    /// Seconds that an offer lasts where its step does not say; default 120.
    #[schema(minimum = 1, maximum = 1209600, required = false)]
    pub reservation_timeout_s: u32,
}

/// What becomes of the items that match.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// No other rule's, and not `default`.
    #[schema(min_length = 1, max_length = 120)]
    pub name: String,
    /// JSONLogic over the item; `true` takes every item.
    pub when: Value,
    #[schema(min_items = 1)]
    pub steps: Vec<Step>,
}

/// One verb, and a label to go to.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Unique in its rule.
    #[schema(min_length = 1, max_length = 120, required = false)]
    pub label: String,
    #[schema(required = false)]
    pub route: RouteStep,
    #[schema(required = false)]
    pub set: SetStep,
    /// The steps of the first arm that is true are taken.
    #[schema(min_items = 1, required = false, no_recursion)]
    pub branch: Vec<BranchArm>,
    #[schema(required = false)]
    pub wait: WaitStep,
    #[schema(required = false)]
    pub request: RequestStep,
    #[schema(required = false)]
    pub goto: GotoStep,
    #[schema(required = false)]
    pub finish: FinishStep,
}

/// The item waits in a queue until a worker accepts it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RouteStep {
    /// Id or name.
    #[schema(min_length = 1, max_length = 120)]
    pub queue: String,
    /// JSONLogic over worker and item: of the queue's members only those are offered the item for whom it is true.
    #[schema(required = false)]
    pub workers: Value,
    /// Id or name of a worker, or an expression for it, who comes first.
    #[schema(required = false)]
    pub prefer: Value,
    /// Seconds from entering in which the item is offered to nobody else; default 0.
    #[schema(minimum = 0, maximum = 1209600, required = false)]
    pub prefer_wait_s: u32,
    /// Only the worker of `prefer` is offered the item.
    #[schema(required = false)]
    pub known_worker_only: bool,
    /// Equal workers come by the longest idle.
    #[schema(max_items = 5, required = false)]
    pub order_by: Vec<OrderKey>,
    /// The item's priority from here on.
    #[schema(minimum = -1000000, maximum = 1000000, required = false)]
    pub priority: i64,
    /// Seconds until the item moves on to the next step.
    #[schema(minimum = 1, maximum = 1209600, required = false)]
    pub timeout_s: u32,
    /// JSONLogic, looked at once on entering; when true the step is skipped.
    #[schema(required = false)]
    pub skip_if: Value,
    /// Workers that are offered the item at once; default 1.
    #[schema(minimum = 1, maximum = 50, required = false)]
    pub offers: u32,
    /// Seconds that an offer of this step lasts.
    #[schema(minimum = 1, maximum = 1209600, required = false)]
    pub reservation_timeout_s: u32,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OrderKey {
    /// JSONLogic over worker and item.
    pub value: Value,
    /// Default `asc`.
    #[schema(required = false)]
    pub direction: Direction,
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    Asc,
    Desc,
}

/// Sets the priority and attributes; others stay.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetStep {
    /// A number, or an expression for one.
    #[schema(required = false)]
    pub priority: Value,
    /// Expressions by the attribute's name.
    #[schema(required = false)]
    pub attributes: BTreeMap<String, Value>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BranchArm {
    /// JSONLogic over the item; the last arm may do without.
    #[schema(required = false)]
    pub when: Value,
    #[schema(min_items = 1)]
    pub steps: Vec<Step>,
}

/// The item waits in no queue: for `seconds`, or until the instant of `until`.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WaitStep {
    #[schema(minimum = 1, maximum = 1209600, required = false)]
    pub seconds: u32,
    /// RFC 3339 text, seconds since 1970, or an expression for either.
    #[schema(required = false)]
    pub until: Value,
}

/// Asks a server, whose JSON answer becomes attributes; `sys.request` tells what came of it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RequestStep {
    /// Where to POST, http or https.
    #[schema(min_length = 8, max_length = 2000, example = "https://crm.example/lookup")]
    pub url: String,
    /// Asked when `url` gives no answer that can be used.
    #[schema(min_length = 8, max_length = 2000, required = false)]
    pub fallback_url: String,
    /// Seconds for each of the two; default 5.
    #[schema(minimum = 1, maximum = 15, required = false)]
    pub timeout_s: u32,
    /// An attribute that takes the whole answer; without it each field becomes an attribute.
    #[schema(min_length = 1, max_length = 120, required = false)]
    pub into: String,
    /// Expressions by name, sent as `data`.
    #[schema(required = false)]
    pub send: BTreeMap<String, Value>,
}

/// On to a labelled step of the same rule.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GotoStep {
    #[schema(min_length = 1, max_length = 120)]
    pub label: String,
    /// How often one item takes it; default 10.
    #[schema(minimum = 1, maximum = 1000, required = false)]
    pub count: u32,
}

/// Ends the item without a worker.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FinishStep {
    pub outcome: Outcome,
    #[schema(min_length = 1, max_length = 500, required = false)]
    pub reason: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Complete,
    Cancel,
}
