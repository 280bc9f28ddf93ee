//! The configuration of an event channel, checked whole before it is taken.

use crate::event::matching_types;
use crate::limit::{
    BATCH_DELAY_S_MAX, BATCH_EVENTS_MAX, CHANNEL_RETENTION_S_MAX, FIELD_PATH_CHARS_MAX, FIELDS_MAX,
    THROTTLE_EVENTS_PER_S_MAX, TYPE_PATTERNS_MAX,
};
use crate::rule::{Finding, Place, Severity, check_expression};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What a channel does with each event, in this order: types, filter, retention, throttle, fields, batch.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChannelRules {
    /// Types of events, `work_item.*` for all of one resource; all when empty.
    #[serde(default)]
    pub types: Vec<String>,
    /// JSONLogic over `event`, the event as CloudEvents JSON: only those for which it is true pass.
    #[serde(default)]
    pub filter: Option<Value>,
    /// Paths of what is sent of each event, such as `data.resource.state`; everything when absent. What CloudEvents
    /// demands (`specversion`, `id`, `source`, `type`) and `sequence` are always sent.
    #[serde(default)]
    pub fields: Option<Vec<String>>,
    #[serde(default)]
    pub throttle: Option<Throttle>,
    #[serde(default)]
    pub batch: Option<Batch>,
    /// Seconds after which an event is too old to be sent; never when absent.
    #[serde(default)]
    pub retention_s: Option<u32>,
}

/// At most so many events of any one second (by the events' own time) pass. One summary tells what was dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Throttle {
    pub events_per_s: u32,
}

/// Events are sent together, as an array: as soon as there are so many, or the first has waited so long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Batch {
    pub events_max: u32,
    /// 0 sends together what is there at once.
    pub delay_s: u32,
}

impl ChannelRules {
    /// Everything that is wrong with the rules, with pointers into their JSON.
    pub fn findings(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        self.check_types(&mut findings);
        if let Some(filter) = &self.filter {
            check_expression(filter, "/filter", Place::Event, &mut findings);
        }
        self.check_fields(&mut findings);
        if let Some(Throttle { events_per_s }) = self.throttle {
            check_range(&mut findings, "/throttle/events_per_s", events_per_s, 1, THROTTLE_EVENTS_PER_S_MAX);
        }
        if let Some(Batch { events_max, delay_s }) = self.batch {
            check_range(&mut findings, "/batch/events_max", events_max, 1, BATCH_EVENTS_MAX);
            check_range(&mut findings, "/batch/delay_s", delay_s, 0, BATCH_DELAY_S_MAX);
        }
        if let Some(retention_s) = self.retention_s {
            check_range(&mut findings, "/retention_s", retention_s, 1, CHANNEL_RETENTION_S_MAX);
        }
        findings
    }

    fn check_types(&self, findings: &mut Vec<Finding>) {
        if self.types.len() > TYPE_PATTERNS_MAX {
            error(findings, "too_many", "/types", format!("at most {TYPE_PATTERNS_MAX} types"));
            return;
        }
        for (place, pattern) in self.types.iter().enumerate() {
            if matching_types(pattern).next().is_none() {
                let message = format!("no type of event is called `{pattern}`; give a type, `work_item.*` or `*`");
                error(findings, "unknown_event_type", &format!("/types/{place}"), message);
            }
        }
    }

    fn check_fields(&self, findings: &mut Vec<Finding>) {
        let Some(fields) = &self.fields else { return };
        if fields.len() > FIELDS_MAX {
            error(findings, "too_many", "/fields", format!("at most {FIELDS_MAX} fields"));
            return;
        }
        for (place, path) in fields.iter().enumerate() {
            let pointer = format!("/fields/{place}");
            if path.chars().count() > FIELD_PATH_CHARS_MAX {
                error(findings, "too_long", &pointer, format!("at most {FIELD_PATH_CHARS_MAX} characters"));
            } else if path.split('.').any(str::is_empty) {
                let message = "a path is names with dots between them, such as `data.resource.state`".to_owned();
                error(findings, "bad_path", &pointer, message);
            }
        }
    }
}

fn error(findings: &mut Vec<Finding>, code: &'static str, pointer: &str, message: String) {
    findings.push(Finding { severity: Severity::Error, code, message, pointer: pointer.to_owned() });
}

fn check_range(findings: &mut Vec<Finding>, pointer: &str, value: u32, least: u32, most: u32) {
    if !(least..=most).contains(&value) {
        error(findings, "out_of_range", pointer, format!("must be from {least} to {most}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn found(rules: Value) -> Vec<(String, &'static str)> {
        let rules: ChannelRules = serde_json::from_value(rules).expect("rules");
        rules.findings().into_iter().map(|finding| (finding.pointer, finding.code)).collect()
    }

    #[test]
    fn sound_rules_have_no_findings() {
        let rules = json!({
            "types": ["work_item.*", "reservation.offered"],
            "filter": {"==": [{"var": "event.data.resource.channel"}, "voice"]},
            "fields": ["subject", "data.resource.state"],
            "throttle": {"events_per_s": 10},
            "batch": {"events_max": 100, "delay_s": 0},
            "retention_s": 3_600,
        });
        assert_eq!(found(rules), []);
        assert_eq!(found(json!({})), []);
    }

    #[test]
    fn each_fault_is_told_with_its_place() {
        let rules = json!({
            "types": ["work_item.created", "work_itm.*"],
            "filter": {"==": [{"var": "item.tier"}, {"launch": []}]},
            "fields": ["data..state"],
            "throttle": {"events_per_s": 0},
            "batch": {"events_max": 0, "delay_s": 1_000},
            "retention_s": 0,
        });
        let expected = [
            ("/types/1", "unknown_event_type"),
            ("/filter/==/0/var", "unknown_fact"),
            ("/filter/==/1/launch", "unknown_operator"),
            ("/fields/0", "bad_path"),
            ("/throttle/events_per_s", "out_of_range"),
            ("/batch/events_max", "out_of_range"),
            ("/batch/delay_s", "out_of_range"),
            ("/retention_s", "out_of_range"),
        ];
        assert_eq!(found(rules), expected.map(|(pointer, code)| (pointer.to_owned(), code)));
    }
}
