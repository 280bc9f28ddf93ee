//! `/statistics/history`: what happened, by interval and group.

use super::super::HttpState;
use super::super::auth::Caller;
use super::super::error::ApiError;
use super::super::extract::Params;
use super::super::find;
use super::super::openapi::Forbidden;
use super::super::statistics_schema::StatisticsHistory;
use crate::runtime::statistics::history::{ComputedTo, History};
use crate::runtime::statistics::store::{GroupFilter, NamedGroup};
use crate::runtime::store::Kind;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use cordboard_domain::limit::SERVICE_LEVEL_THRESHOLD_S_MAX as THRESHOLD_S_MAX;
use cordboard_domain::statistics::*;
use cordboard_domain::time::Timestamp;
use cordboard_domain::work::Record;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Intervals of one question: a month of quarters of an hour.
const INTERVALS_MAX: usize = 3_000;
/// Days that one question may span.
const SPAN_DAYS_MAX: i64 = 400;
/// Groups, rows and stored hours of one page; a page has one group at least.
const PAGE_GROUPS_MAX: usize = 200;
const PAGE_ROWS_MAX: usize = 12_000;
const PAGE_HOURS_MAX: usize = 60_000;
/// Groups that `only` may name.
const ONLY_MAX: usize = 200;

/// How often groups are listed anew because something was counted before their cells were read.
const LOOKS_MAX: u32 = 4;

pub fn routes() -> OpenApiRouter<HttpState> {
    OpenApiRouter::new().routes(routes!(get_statistics_history))
}

#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
pub enum IntervalName {
    #[serde(rename = "15m")]
    Quarter,
    #[serde(rename = "30m")]
    HalfHour,
    #[serde(rename = "1h")]
    Hour,
    #[serde(rename = "1d")]
    Day,
    #[serde(rename = "total")]
    Total,
}

impl From<IntervalName> for Interval {
    fn from(name: IntervalName) -> Self {
        match name {
            IntervalName::Quarter => Self::Quarter,
            IntervalName::HalfHour => Self::HalfHour,
            IntervalName::Hour => Self::Hour,
            IntervalName::Day => Self::Day,
            IntervalName::Total => Self::Total,
        }
    }
}

#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum GroupBy {
    None,
    Queue,
    Worker,
    Workflow,
    Channel,
}

impl From<GroupBy> for Dimension {
    fn from(name: GroupBy) -> Self {
        match name {
            GroupBy::None => Self::All,
            GroupBy::Queue => Self::Queue,
            GroupBy::Worker => Self::Worker,
            GroupBy::Workflow => Self::Workflow,
            GroupBy::Channel => Self::Channel,
        }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct HistoryParams {
    /// Where the first interval begins; the midnight before `to`, or before now, when absent.
    #[param(value_type = Option<String>, format = DateTime)]
    from: Option<Timestamp>,
    /// Where the last interval ends; the midnight after now when absent. At most 400 days after `from`.
    #[param(value_type = Option<String>, format = DateTime)]
    to: Option<Timestamp>,
    /// Length of an interval, or `total` for the whole time as one; default `1h`. At most 3,000 intervals.
    #[param(inline)]
    interval: Option<IntervalName>,
    /// IANA time zone by whose clocks intervals begin; default `UTC`.
    #[param(example = "Europe/Berlin", max_length = 64)]
    time_zone: Option<String>,
    /// What to tell apart; default `none`.
    #[param(inline)]
    group_by: Option<GroupBy>,
    /// Only these of what is told apart: ids or names, separated by commas.
    #[param(max_length = 10000)]
    only: Option<String>,
    /// Seconds within which an answer counts for the service level, with at most three significant digits; default the
    /// account's `service_level_threshold_s`.
    #[param(minimum = 1, maximum = 1000000)]
    threshold_s: Option<u32>,
    /// The `next` of the page before.
    #[param(max_length = 200)]
    after: Option<String>,
}

/// What is asked, checked.
struct Question {
    span: Span,
    interval: Interval,
    zone: Tz,
    dimension: Dimension,
    threshold_s: u32,
}

#[derive(Serialize)]
struct Answer<'a> {
    from: Timestamp,
    to: Timestamp,
    interval: &'static str,
    time_zone: &'static str,
    group_by: &'static str,
    threshold_s: u32,
    computed_to: Computed,
    complete_from: Option<Timestamp>,
    data: Vec<Series<'a>>,
    next: Option<String>,
}

#[derive(Serialize)]
struct Computed {
    sequence: u64,
    time: Timestamp,
}

#[derive(Serialize)]
struct Series<'a> {
    group: Option<Named<'a>>,
    intervals: Vec<Row>,
}

#[derive(Serialize)]
struct Named<'a> {
    id: String,
    name: Option<&'a str>,
}

#[derive(Serialize)]
struct Row {
    start: Timestamp,
    end: Timestamp,
    #[serde(flatten)]
    measures: Measures,
}

/// What happened, by interval and group: counts, service level, speed of answer, handle time, occupancy, percentiles.
///
/// Each group has all intervals, also those in which nothing happened; groups without anything in the whole time are
/// left out unless `only` names them. `computed_to` tells up to where everything is counted, usually a second ago.
#[utoipa::path(get, path = "/v1/statistics/history", tag = "Statistics", params(HistoryParams),
    responses((status = 200, body = StatisticsHistory), Forbidden))]
async fn get_statistics_history(
    State(state): State<HttpState>,
    caller: Caller,
    Params(params): Params<HistoryParams>,
) -> Result<Response, ApiError> {
    caller.not_agent()?;
    let question = question(&state, &caller, &params).await?;
    let mut looks = 1;
    let (page, next, groups, history) = loop {
        let listed = state.runtime.store().statistics_position(caller.account).await?;
        let (page, next) = page_of(&state, &caller, &question, &params).await?;
        let groups: Vec<Group> = page.iter().map(|named| named.group.clone()).collect();
        let mut history = state.runtime.history(caller.account, &groups, &question.span).await?;
        if history.computed_to.sequence != listed.sequence {
            // More was counted since the groups were listed, perhaps the first of a group.
            if looks < LOOKS_MAX {
                looks += 1;
                continue;
            }
            (history.computed_to.sequence, history.computed_to.time) = (listed.sequence, listed.time);
        }
        break (page, next, groups, history);
    };
    // Thousands of cells are added up and written: other requests of this thread should not wait for that.
    let text = tokio::task::spawn_blocking(move || text_of(&question, &page, &groups, history, next)).await;
    let text = text.map_err(|error| internal(&error))?.map_err(|error| internal(&error))?;
    let json = HeaderValue::from_static("application/json");
    Ok((StatusCode::OK, [(header::CONTENT_TYPE, json)], text).into_response())
}

fn internal(error: &dyn std::fmt::Display) -> ApiError {
    tracing::error!(%error, "statistics cannot be told");
    ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "the stored statistics cannot be read")
}

async fn question(state: &HttpState, caller: &Caller, params: &HistoryParams) -> Result<Question, ApiError> {
    let zone = match &params.time_zone {
        None => Tz::UTC,
        Some(name) => name.parse().map_err(|_| {
            let message = "not a time zone of the IANA database; give one such as `Europe/Berlin`";
            ApiError::parameter("time_zone", "bad_value", message)
        })?,
    };
    let interval = params.interval.map_or(Interval::Hour, Interval::from);
    let span = span(params, interval, zone, state.runtime.now())?;
    let threshold_s = match params.threshold_s {
        Some(seconds) if !is_threshold(seconds) || seconds > THRESHOLD_S_MAX => {
            let message = format!(
                "must be from 1 to {THRESHOLD_S_MAX} with at most three significant digits, such as 20, 125 or 14400; \
                 others cannot be answered exactly"
            );
            return Err(ApiError::parameter("threshold_s", "out_of_range", message));
        }
        Some(seconds) => seconds,
        None => {
            let settings = state.runtime.read(caller.account, |engine, _| engine.account().settings.clone()).await?;
            settings.service_level_threshold_s
        }
    };
    let dimension = params.group_by.map_or(Dimension::All, Dimension::from);
    Ok(Question { span, interval, zone, dimension, threshold_s })
}

/// The intervals; today's when neither end is given.
fn span(params: &HistoryParams, interval: Interval, zone: Tz, now: Timestamp) -> Result<Span, ApiError> {
    let odd_zone = || {
        let message = "its clocks were not a whole number of quarters of an hour away from UTC then";
        ApiError::parameter("time_zone", "out_of_range", message)
    };
    let day = |at| day_of(at, zone).ok_or_else(odd_zone);
    let (from, to) = match (params.from, params.to) {
        (Some(from), Some(to)) => (from, to),
        (None, None) => day(now)?,
        (Some(from), None) => (from, day(now)?.1),
        (None, Some(to)) => (day(to.plus_millis(-1))?.0, to),
    };
    let ends_wrong = |name: &str, before: Timestamp| {
        let message =
            format!("no interval of {} begins or ends there in this time zone; {before} is one", interval.name());
        ApiError::parameter(name, "not_aligned", message)
    };
    if to.millis().saturating_sub(from.millis()) > SPAN_DAYS_MAX * 24 * HOUR_MS {
        let message = format!("must be at most {SPAN_DAYS_MAX} days after `from`");
        return Err(ApiError::parameter("to", "too_many", message));
    }
    Span::new((from, to), interval, zone, INTERVALS_MAX).map_err(|fault| match fault {
        SpanFault::Empty => ApiError::parameter("to", "out_of_range", "must be after `from`"),
        SpanFault::From(before) => ends_wrong("from", before),
        SpanFault::To(before) => ends_wrong("to", before),
        SpanFault::TooMany { intervals_max } => {
            let message =
                format!("there would be more than {intervals_max} intervals; ask for a shorter time or longer ones");
            ApiError::parameter("interval", "too_many", message)
        }
        SpanFault::Zone => odd_zone(),
    })
}

/// The groups of the page that is asked for, and where the next one begins.
async fn page_of(
    state: &HttpState,
    caller: &Caller,
    question: &Question,
    params: &HistoryParams,
) -> Result<(Vec<NamedGroup>, Option<String>), ApiError> {
    let Question { span, dimension, .. } = question;
    let hours = hour_of(span.from())..hour_of(span.to().plus_millis(-1)) + 1;
    let room = (PAGE_ROWS_MAX / span.count()).min(PAGE_HOURS_MAX / (hours.end - hours.start) as usize);
    let room = room.clamp(1, PAGE_GROUPS_MAX);
    if let Some(after) = &params.after
        && (*dimension == Dimension::All || Group::parse(*dimension, after).is_none())
    {
        let message = "not a cursor of this answer; give the `next` of a page of it";
        return Err(ApiError::parameter("after", "bad_value", message));
    }
    let mut groups: Vec<NamedGroup> = match (&params.only, dimension) {
        (Some(_), Dimension::All) => {
            let message = "there is nothing to choose from; give `group_by` too";
            return Err(ApiError::parameter("only", "bad_value", message));
        }
        (None, Dimension::All) => return Ok((vec![NamedGroup { group: Group::All, name: None }], None)),
        (Some(only), _) => {
            let chosen = chosen(state, caller, *dimension, only).await?;
            chosen
                .into_iter()
                .filter(|(key, _)| params.after.as_ref().is_none_or(|after| key > after))
                .map(|it| it.1)
                .collect()
        }
        (None, _) => {
            let (dimension, after, limit) = (*dimension, params.after.clone(), room as u64 + 1);
            let open_before = (span.from() < state.runtime.now()).then_some(span.to());
            let filter = GroupFilter { dimension, hours, open_before, after, limit };
            state.runtime.store().statistics_groups(caller.account, &filter).await?
        }
    };
    let more = groups.len() > room;
    groups.truncate(room);
    let next = groups.last().filter(|_| more).map(|last| last.group.key());
    Ok((groups, next))
}

/// The groups that `only` names, by their keys.
async fn chosen(
    state: &HttpState,
    caller: &Caller,
    dimension: Dimension,
    only: &str,
) -> Result<BTreeMap<String, NamedGroup>, ApiError> {
    let mut chosen = BTreeMap::new();
    for reference in only.split(',').map(str::trim) {
        if chosen.len() >= ONLY_MAX {
            return Err(ApiError::parameter("only", "too_many", format!("names more than {ONLY_MAX}")));
        }
        let named = named(state, caller, dimension, reference).await?;
        chosen.insert(named.group.key(), named);
    }
    Ok(chosen)
}

/// A group by id or name; one that is deleted, by its id.
async fn named(
    state: &HttpState,
    caller: &Caller,
    dimension: Dimension,
    reference: &str,
) -> Result<NamedGroup, ApiError> {
    let found = match dimension {
        Dimension::All => Err(ApiError::not_found("group")),
        Dimension::Queue => find::config_record(state, caller, Kind::Queue, reference).await,
        Dimension::Workflow => find::config_record(state, caller, Kind::Workflow, reference).await,
        Dimension::Channel => find::config_record(state, caller, Kind::Channel, reference).await,
        Dimension::Worker => find::worker(state, caller, reference).await.map(|view| Record::Worker(view.worker)),
    };
    let of = |group, name: &str| Ok(NamedGroup { group, name: Some(name.to_owned()) });
    match found {
        Ok(Record::Queue(it)) => of(Group::Queue(it.id), &it.name),
        Ok(Record::Workflow(it)) => of(Group::Workflow(it.id), &it.name),
        Ok(Record::Channel(it)) => of(Group::Channel(it.name.as_str().into()), &it.name),
        Ok(Record::Worker(it)) => of(Group::Worker(it.id), &it.name),
        Err(error) if error.status != StatusCode::NOT_FOUND => Err(error),
        Ok(_) | Err(_) => {
            let known = match Group::parse(dimension, reference) {
                Some(group) => state.runtime.store().statistics_group(caller.account, &group).await?,
                None => None,
            };
            let unknown = || {
                let message = format!("there is no {} `{reference}`, nor was one counted", dimension.name());
                ApiError::parameter("only", "unknown_reference", message)
            };
            known.ok_or_else(unknown)
        }
    }
}

/// The text of the answer.
fn text_of(
    question: &Question,
    page: &[NamedGroup],
    groups: &[Group],
    history: History,
    next: Option<String>,
) -> anyhow::Result<String> {
    let Question { span, interval, zone, dimension, threshold_s } = question;
    let ComputedTo { sequence, time, complete_from } = history.computed_to;
    let series = history.add_up(groups, span)?;
    let data = page.iter().zip(&series).map(|(NamedGroup { group, name }, cells)| {
        let rows = span.intervals().zip(cells).map(|((start, end), cell)| {
            let measures = Measures::of(cell, *dimension, *threshold_s);
            Row { start, end, measures }
        });
        let group = match group {
            Group::All => None,
            // Items name their channel, and so it is known.
            Group::Channel(name) => Some(Named { id: name.to_string(), name: Some(name) }),
            group => Some(Named { id: group.key(), name: name.as_deref() }),
        };
        Series { group, intervals: rows.collect() }
    });
    let answer = Answer {
        from: span.from(),
        to: span.to(),
        interval: interval.name(),
        time_zone: zone.name(),
        group_by: dimension.name(),
        threshold_s: *threshold_s,
        computed_to: Computed { sequence, time },
        complete_from,
        data: data.collect(),
        next,
    };
    Ok(serde_json::to_string(&answer)?)
}
