//! What the benched account looks like: its queues, workflows, workers and items.

use cordboard_domain::id::IdSource;
use cordboard_domain::time::Timestamp;
use cordboard_domain::work::{NewItem, NewWorker, Reference};
use serde_json::value::RawValue;
use serde_json::{Value, json};

pub const QUEUES: usize = 50;
const LANGUAGES: usize = 20;
const LEVELS: usize = 10;
/// Rules of one workflow.
const RULES: usize = 10;
/// A level that no worker has.
const UNHEARD_OF: usize = 99;

/// Which workers an item asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asks {
    /// A language and a level: 200 predicates in all.
    Shared,
    /// Each item for a number of its own.
    Unique,
    /// For two facts of the worker, compared with each other and a number of its own.
    TwoFacts,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Workers {
    Available,
    Break,
}

impl Workers {
    pub fn activity(self) -> &'static str {
        match self {
            Self::Available => "Available",
            Self::Break => "Break",
        }
    }
}

#[derive(Debug, Clone, Copy)]
pub struct Shape {
    pub items: usize,
    pub workers: usize,
    pub asks: Asks,
    /// Chats ask for what nobody has.
    pub hopeless: bool,
    /// Every worker belongs to every queue; else to three of fifty.
    pub everybody: bool,
    /// Workers are sorted by what the item asks for.
    pub order_by_item: bool,
}

impl Shape {
    pub fn new(items: usize, workers: usize) -> Self {
        Self { items, workers, asks: Asks::Shared, hopeless: false, everybody: false, order_by_item: false }
    }

    pub fn members(&self, queue: usize) -> Value {
        if self.everybody { json!(true) } else { json!({"in": [topic(queue), {"var": "worker.teams"}]}) }
    }

    fn predicate(&self) -> Value {
        match self.asks {
            Asks::Shared => json!({"and": [
                {"in": [{"var": "item.language"}, {"var": "worker.languages"}]},
                {">=": [{"var": "worker.level"}, {"var": "item.level"}]},
            ]}),
            Asks::Unique => json!({"and": [
                {"in": [{"var": "item.language"}, {"var": "worker.languages"}]},
                {">=": [{"var": "worker.score"}, {"var": "item.score"}]},
            ]}),
            Asks::TwoFacts => {
                json!({"<=": [{"+": [{"var": "worker.used"}, {"var": "item.score"}]}, {"var": "worker.most"}]})
            }
        }
    }

    /// Documents of five workflows with ten rules each, one rule for each queue; every third sorts by level.
    pub fn workflows(&self) -> Vec<(String, Value)> {
        let workflow = |first: usize| {
            let rules: Vec<Value> = (first..first + RULES).map(|queue| self.rule(queue)).collect();
            let name = workflow_of(first);
            (name.clone(), json!({"name": name, "rules": rules}))
        };
        (0..QUEUES).step_by(RULES).map(workflow).collect()
    }

    fn rule(&self, queue: usize) -> Value {
        let mut route = json!({"queue": topic(queue), "workers": self.predicate(), "reservation_timeout_s": 60});
        if self.order_by_item {
            let value = json!({"in": [{"var": "item.language"}, {"var": "worker.languages"}]});
            route["order_by"] = json!([{"value": value, "direction": "desc"}]);
        } else if queue.is_multiple_of(3) {
            route["order_by"] = json!([{"value": {"var": "worker.level"}, "direction": "desc"}]);
        }
        json!({"name": topic(queue), "when": {"==": [{"var": "item.topic"}, topic(queue)]}, "steps": [{"route": route}]})
    }

    pub fn worker(&self, number: usize, random: &mut Random) -> NewWorker {
        let teams: Vec<String> = (0..3).map(|_| topic(random.below(QUEUES))).collect();
        let languages: Vec<String> = (0..3).map(|_| language(random.below(LANGUAGES))).collect();
        let attributes = json!({
            "teams": teams, "languages": languages, "level": random.below(LEVELS), "score": random.unit(),
            "used": random.below(100), "most": 100 + random.below(100), "site": number % 7, "name": "x".repeat(20),
        });
        NewWorker {
            name: format!("worker {number}"),
            attributes,
            activity: Some(Reference(Workers::Break.activity().to_owned())),
            capacity: [("chat".to_owned(), 1), ("voice".to_owned(), 1)].into(),
            connection_required: false,
        }
    }

    pub fn item(&self, channel: &str, random: &mut Random) -> NewItem {
        let queue = random.below(QUEUES);
        let hopeless = self.hopeless && channel == "chat";
        let level = if hopeless { UNHEARD_OF } else { random.below(LEVELS) };
        let score = if hopeless { UNHEARD_OF as f64 + random.unit() } else { random.unit() };
        let attributes = json!({
            "topic": topic(queue), "language": language(random.below(LANGUAGES)), "level": level, "score": score,
            "customer": "cus_0192837465",
        });
        NewItem {
            workflow: Reference(workflow_of(queue)),
            channel: channel.to_owned(),
            attributes: RawValue::from_string(attributes.to_string()).expect("it is JSON"),
            priority: random.below(3) as i64,
            timeout_s: 86_400,
            unique_key: None,
        }
    }
}

pub fn topic(queue: usize) -> String {
    format!("topic-{queue}")
}

fn language(number: usize) -> String {
    format!("language-{number}")
}

fn workflow_of(queue: usize) -> String {
    format!("workflow-{}", queue / RULES)
}

/// The same numbers in each run.
#[derive(Debug)]
pub struct Random(IdSource);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(IdSource::new(seed))
    }

    pub fn below(&mut self, end: usize) -> usize {
        (self.0.next(Timestamp::default()) % end as u128) as usize
    }

    /// From 0 to 1.
    pub fn unit(&mut self) -> f64 {
        self.below(1 << 40) as f64 / (1u64 << 40) as f64
    }
}
