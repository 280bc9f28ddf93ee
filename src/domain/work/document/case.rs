//! Test files of workflows (`<name>.test.json`): an account declared in full, and cases that say which rule an item
//! takes, where it waits and when, and which workers would be offered it in which order. Reading and checking the file
//! is here; what the engine makes of a case is compared by whoever runs it.

use super::directory::Directory;
use super::offline::OfflineDirectory;
use crate::id::IdSource;
use crate::limit::{ITEM_TIMEOUT_S_DEFAULT, PRIORITY_PER_MINUTE_MAX};
use crate::rule::{Finding, Place, Severity, check_expression};
use crate::signing::SigningSecret;
use crate::time::Timestamp;
use crate::work::{Exclusion, ItemState, QueueOrder, Record, found_account};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// A whole test file. The activities and channels of a new account are there without being declared.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TestFile {
    /// What the cases are to prove, for those who read the file.
    #[serde(default)]
    pub about: String,
    #[serde(default)]
    pub activities: Vec<DeclaredActivity>,
    #[serde(default)]
    pub channels: Vec<DeclaredChannel>,
    #[serde(default)]
    pub exclusions: Vec<Exclusion>,
    pub queues: Vec<DeclaredQueue>,
    #[serde(default)]
    pub schedules: Vec<DeclaredSchedule>,
    pub workers: Vec<DeclaredWorker>,
    pub cases: Vec<Case>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeclaredActivity {
    pub name: String,
    pub available: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeclaredChannel {
    pub name: String,
    pub default_capacity: u32,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeclaredQueue {
    pub name: String,
    /// Who belongs; everybody when it does not say.
    #[serde(default = "everybody")]
    pub workers: Value,
    #[serde(default = "fifo")]
    pub order: QueueOrder,
    #[serde(default)]
    pub priority_per_minute: f64,
}

fn everybody() -> Value {
    Value::Bool(true)
}

fn fifo() -> QueueOrder {
    QueueOrder::Fifo
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeclaredSchedule {
    pub name: String,
    pub time_zone: Value,
    pub weekly: Value,
    #[serde(default)]
    pub holidays: Option<Value>,
}

impl DeclaredSchedule {
    /// The hours as a schedule of an account has them.
    pub fn hours(&self) -> Value {
        let mut hours = Map::new();
        hours.insert("time_zone".to_owned(), self.time_zone.clone());
        hours.insert("weekly".to_owned(), self.weekly.clone());
        if let Some(holidays) = &self.holidays {
            hours.insert("holidays".to_owned(), holidays.clone());
        }
        Value::Object(hours)
    }
}

/// Workers have been idle the longer, the earlier they are declared.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeclaredWorker {
    pub name: String,
    #[serde(default = "nothing")]
    pub attributes: Value,
    #[serde(default = "available")]
    pub activity: String,
    #[serde(default)]
    pub capacity: BTreeMap<String, u32>,
}

fn nothing() -> Value {
    json!({})
}

fn available() -> String {
    "Available".to_owned()
}

/// One item and what must become of it while nobody accepts it and nothing else changes.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    pub name: String,
    /// When the item is created.
    pub at: Timestamp,
    pub item: SampleItem,
    /// Activities of workers in this case alone, by the worker's name.
    #[serde(default)]
    pub activities: BTreeMap<String, String>,
    /// Accepted items that workers hold in this case, by the worker's name and the channel.
    #[serde(default)]
    pub load: BTreeMap<String, BTreeMap<String, u32>>,
    pub expect: Expected,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SampleItem {
    #[serde(default = "default_channel")]
    pub channel: String,
    #[serde(default = "nothing")]
    pub attributes: Value,
    #[serde(default)]
    pub priority: i64,
    /// The item's time to live.
    #[serde(default = "a_day")]
    pub timeout_s: u32,
    /// What its `request` steps are answered, since a rehearsal asks nobody.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub answers: Vec<CannedAnswer>,
}

/// The answer to a `request` step in a rehearsal. Several of one step are given in their order, the last again and again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CannedAnswer {
    /// JSON pointer of the step, or its label.
    pub step: String,
    /// Seconds until it comes.
    #[serde(default)]
    pub after_s: u32,
    /// What the server answers; without it the request fails.
    #[serde(default)]
    pub answer: Option<Map<String, Value>>,
    /// The code of the failure, `server_error` when absent.
    #[serde(default)]
    pub error: Option<String>,
    #[serde(default)]
    pub status: Option<u16>,
}

fn a_day() -> u32 {
    ITEM_TIMEOUT_S_DEFAULT
}

fn default_channel() -> String {
    "default".to_owned()
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expected {
    /// Name of the rule, `default`, or `null` when no rule takes the item.
    pub rule: Option<String>,
    /// Every route and wait that the item comes to rest in, in order.
    #[serde(default)]
    pub steps: Vec<ExpectedStep>,
    #[serde(default = "pending")]
    pub state: ItemState,
    /// Why the item ended.
    #[serde(default)]
    pub reason: Option<String>,
    /// Priority in the end, when the case is about it.
    #[serde(default)]
    pub priority: Option<i64>,
    /// Attributes that the item has in the end, besides others.
    #[serde(default)]
    pub attributes: Option<Value>,
}

fn pending() -> ItemState {
    ItemState::Pending
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExpectedStep {
    /// Seconds from the item's creation to entering the step.
    pub after_s: u32,
    /// JSON pointer of the step, or its label.
    pub step: String,
    /// Name of the queue of a route.
    #[serde(default)]
    pub queue: Option<String>,
    /// Names of the workers that would be offered the item on entering, the first first.
    #[serde(default)]
    pub workers: Vec<String>,
}

impl TestFile {
    /// Reads a file's text.
    ///
    /// # Errors
    /// What is wrong, with line and column.
    pub fn read(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }

    /// The declared account, for checking the document.
    pub fn directory(&self) -> OfflineDirectory {
        let mut directory = OfflineDirectory::default();
        let (activities, channels) = founded();
        let declared = self.activities.iter().map(|activity| activity.name.clone());
        activities.into_iter().chain(declared).for_each(|name| directory.add_activity(&name));
        let declared = self.channels.iter().map(|channel| channel.name.clone());
        channels.into_iter().chain(declared).for_each(|name| directory.add_channel(&name));
        for queue in &self.queues {
            directory.add_queue(&queue.name, queue.workers.clone());
        }
        for schedule in &self.schedules {
            directory.add_schedule(&schedule.name);
        }
        for worker in &self.workers {
            directory.add_worker(&worker.name, &worker.activity, &worker.attributes);
        }
        directory
    }

    /// What is wrong with the file itself.
    pub fn check(&self) -> Vec<Finding> {
        let mut check = Check { directory: self.directory(), findings: Vec::new() };
        check.names("/queues", self.queues.iter().map(|queue| queue.name.as_str()));
        check.names("/schedules", self.schedules.iter().map(|schedule| schedule.name.as_str()));
        check.names("/workers", self.workers.iter().map(|worker| worker.name.as_str()));
        check.names("/cases", self.cases.iter().map(|case| case.name.as_str()));
        for (place, queue) in self.queues.iter().enumerate() {
            let pointer = format!("/queues/{place}/workers");
            check_expression(&queue.workers, &pointer, Place::QueueMembers, &mut check.findings);
            if !(0.0..=PRIORITY_PER_MINUTE_MAX).contains(&queue.priority_per_minute) {
                let pointer = format!("/queues/{place}/priority_per_minute");
                check.error("out_of_range", &pointer, format!("a number from 0 to {PRIORITY_PER_MINUTE_MAX}"));
            }
        }
        for (place, schedule) in self.schedules.iter().enumerate() {
            for mut finding in crate::schedule::Schedule::parse(&schedule.hours()).err().into_iter().flatten() {
                finding.pointer = format!("/schedules/{place}{}", finding.pointer);
                check.findings.push(finding);
            }
        }
        for (place, worker) in self.workers.iter().enumerate() {
            let pointer = format!("/workers/{place}");
            check.activity(&worker.activity, &format!("{pointer}/activity"));
            check.channels(worker.capacity.keys(), &format!("{pointer}/capacity"));
            check.object(&worker.attributes, &format!("{pointer}/attributes"));
        }
        for (place, case) in self.cases.iter().enumerate() {
            check.case(case, &format!("/cases/{place}"));
        }
        if self.cases.is_empty() {
            check.error("no_cases", "/cases", "a test file without cases proves nothing; add one".to_owned());
        }
        check.findings
    }
}

/// Names of the activities and channels that every account starts with.
fn founded() -> (Vec<String>, Vec<String>) {
    let (_, records) =
        found_account("test", Timestamp::default(), &mut IdSource::new(0), SigningSecret::new("test".to_owned()));
    let (mut activities, mut channels) = (Vec::new(), Vec::new());
    for record in records {
        match record {
            Record::Activity(activity) => activities.push(activity.name),
            Record::Channel(channel) => channels.push(channel.name),
            _ => {}
        }
    }
    (activities, channels)
}

struct Check {
    directory: OfflineDirectory,
    findings: Vec<Finding>,
}

impl Check {
    fn error(&mut self, code: &'static str, pointer: &str, message: String) {
        self.findings.push(Finding { severity: Severity::Error, code, message, pointer: pointer.to_owned() });
    }

    fn names<'a>(&mut self, pointer: &str, names: impl Iterator<Item = &'a str>) {
        let mut seen = BTreeSet::new();
        for (place, name) in names.enumerate() {
            if !seen.insert(name) {
                self.error(
                    "duplicate_name",
                    &format!("{pointer}/{place}/name"),
                    format!("`{name}` stands above already"),
                );
            }
        }
    }

    fn known(&mut self, names: &[String], name: &str, noun: &str, pointer: &str) {
        if !names.iter().any(|known| known == name) {
            let hint = super::read::hint(name, names.iter().map(String::as_str));
            self.error("unknown_reference", pointer, format!("the file declares no {noun} `{name}`{hint}"));
        }
    }

    fn activity(&mut self, name: &str, pointer: &str) {
        self.known(&self.directory.activity_names(), name, "activity", pointer);
    }

    fn channels<'a>(&mut self, names: impl Iterator<Item = &'a String>, pointer: &str) {
        for name in names {
            self.known(&self.directory.channel_names(), name, "channel", &super::read::join(pointer, name));
        }
    }

    fn worker(&mut self, name: &str, pointer: &str) {
        self.known(&self.directory.worker_names(), name, "worker", pointer);
    }

    fn object(&mut self, value: &Value, pointer: &str) {
        if !value.is_object() {
            self.error("wrong_type", pointer, "attributes are an object".to_owned());
        }
    }

    fn answers(&mut self, answers: &[CannedAnswer], pointer: &str) {
        for (place, canned) in answers.iter().enumerate() {
            if canned.answer.is_some() && canned.error.is_some() {
                let message = "an answer or an error, not both".to_owned();
                self.error("too_many", &format!("{pointer}/{place}/error"), message);
            }
        }
    }

    fn case(&mut self, case: &Case, pointer: &str) {
        self.answers(&case.item.answers, &format!("{pointer}/item/answers"));
        let channels = self.directory.channel_names();
        self.known(&channels, &case.item.channel, "channel", &format!("{pointer}/item/channel"));
        self.object(&case.item.attributes, &format!("{pointer}/item/attributes"));
        for (worker, activity) in &case.activities {
            let pointer = super::read::join(&format!("{pointer}/activities"), worker);
            self.worker(worker, &pointer);
            self.activity(activity, &pointer);
        }
        for (worker, load) in &case.load {
            let pointer = super::read::join(&format!("{pointer}/load"), worker);
            self.worker(worker, &pointer);
            self.channels(load.keys(), &pointer);
        }
        for (place, step) in case.expect.steps.iter().enumerate() {
            let pointer = format!("{pointer}/expect/steps/{place}");
            if let Some(queue) = &step.queue {
                self.known(&self.directory.queue_names(), queue, "queue", &format!("{pointer}/queue"));
            }
            for (place, worker) in step.workers.iter().enumerate() {
                self.worker(worker, &format!("{pointer}/workers/{place}"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(change: impl FnOnce(&mut Value)) -> Result<Vec<(&'static str, String)>, String> {
        let mut file = json!({
            "queues": [{"name": "support"}],
            "workers": [{"name": "ada"}],
            "cases": [{"name": "one", "at": "2026-03-02T09:00:00Z", "item": {},
                       "expect": {"rule": "default", "steps": [
                           {"after_s": 0, "step": "/default/0", "queue": "support", "workers": ["ada"]}]}}],
        });
        change(&mut file);
        let file = TestFile::read(&file.to_string()).map_err(|error| error.to_string())?;
        Ok(file.check().into_iter().map(|finding| (finding.code, finding.pointer)).collect())
    }

    #[test]
    fn faults_of_a_test_file_are_told_where_they_stand() {
        assert_eq!(file(|_| {}), Ok(vec![]));
        let told =
            |found: Vec<(&'static str, &str)>| Ok(found.into_iter().map(|(code, at)| (code, at.to_owned())).collect());
        let unknown = |at| told(vec![("unknown_reference", at)]);
        assert_eq!(file(|file| file["workers"][0]["activity"] = json!("Lunch")), unknown("/workers/0/activity"));
        assert_eq!(file(|file| file["cases"][0]["load"] = json!({"bob": {"voice": 1}})), unknown("/cases/0/load/bob"));
        let step = |file: &mut Value| file["cases"][0]["expect"]["steps"][0]["workers"] = json!(["adda"]);
        assert_eq!(file(step), unknown("/cases/0/expect/steps/0/workers/0"));
        let twice = |file: &mut Value| file["queues"] = json!([{"name": "support"}, {"name": "support"}]);
        assert_eq!(file(twice), told(vec![("duplicate_name", "/queues/1/name")]));
        let hours = json!([{"name": "s", "time_zone": "Moon", "weekly": {}}]);
        let found = file(|file| file["schedules"] = hours).expect("read");
        assert_eq!(found[0].1, "/schedules/0/time_zone");
        assert!(file(|file| file["cases"][0]["expects"] = json!(1)).is_err_and(|error| error.contains("`expects`")));
    }
}
