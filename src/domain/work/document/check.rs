//! What a document says against what the account has: queues, schedules, workers, channels, activities, and the
//! attributes of its workers with their types. A predicate that can match nobody is told of, whatever the reason.

use super::code::{self, Code};
use super::directory::{Directory, Holders, JsonType};
use super::read::{Notes, RouteSite, Site, hint};
use crate::limit::{CHECKED_PATHS_MAX, CHECKED_WORKERS_MAX};
use crate::rule::operator::nearest;
use crate::rule::{Comparison, Template, comparisons, variables};
use serde_json::{Value, json};
use std::collections::HashMap;

pub(super) fn against(directory: &dyn Directory, notes: &mut Notes) {
    let (sites, routes) = (std::mem::take(&mut notes.sites), std::mem::take(&mut notes.routes));
    let worker_count = directory.worker_count();
    let (holders, attribute_names) = (HashMap::new(), None);
    let asked_most = CHECKED_WORKERS_MAX;
    let mut check =
        Check { directory, notes, worker_count, holders, attribute_names, reads_workers: false, asked_most };
    for route in &routes {
        check.queue(route);
    }
    for (name, pointer) in std::mem::take(&mut check.notes.preferred) {
        check.worker(&name, &pointer);
    }
    let objects = super::object::objects_of_item(&sites);
    for site in &sites {
        check.site(site);
        check.objects(&site.value, &site.pointer, &objects);
    }
    for route in &routes {
        check.satisfied(route);
    }
    if check.reads_workers && worker_count == 0 {
        let message = "there are no workers yet, so what this document asks of them could not be checked; check it again \
                       when there are";
        check.notes.add(code::NO_WORKERS, "", message);
    }
}

pub(super) struct Check<'a> {
    directory: &'a dyn Directory,
    pub(super) notes: &'a mut Notes,
    worker_count: usize,
    /// What has been looked up, by path.
    holders: HashMap<String, Holders>,
    attribute_names: Option<Vec<String>>,
    /// Workers that may still be asked about predicates.
    asked_most: usize,
    /// Whether any expression asks something of workers.
    reads_workers: bool,
}

impl Check<'_> {
    fn queue(&mut self, route: &RouteSite) {
        if self.directory.has_queue(&route.queue) {
            return;
        }
        let names = self.directory.queue_names();
        let hint = hint(&route.queue, names.iter().map(String::as_str));
        let message = format!("there is no queue with the id or name `{}`{hint}; create it first", route.queue);
        self.notes.add(code::UNKNOWN_QUEUE, &route.queue_pointer, message);
    }

    fn worker(&mut self, reference: &str, pointer: &str) {
        if !self.directory.has_worker(reference) {
            let message = format!("there is no worker with the id or name `{reference}`");
            self.notes.add(code::UNKNOWN_WORKER, pointer, message);
        }
    }

    fn site(&mut self, site: &Site) {
        for variable in variables(&site.value, &site.pointer).iter().filter(|variable| !variable.of_element) {
            if let Some(name) = variable.path.strip_prefix("sys.schedule.") {
                self.schedule(name, &variable.pointer);
            } else if variable.path.starts_with("worker.") {
                self.attribute(&variable.path, &variable.pointer);
            }
        }
        for comparison in comparisons(&site.value, &site.pointer) {
            self.comparison(&comparison);
        }
        self.searches(&site.value, &site.pointer);
    }

    fn schedule(&mut self, name: &str, pointer: &str) {
        if self.directory.has_schedule(name) {
            return;
        }
        let names = self.directory.schedule_names();
        let hint = hint(name, names.iter().map(String::as_str));
        self.notes.add(
            code::UNKNOWN_SCHEDULE,
            pointer,
            format!("no schedule is named `{name}`{hint}; create it first"),
        );
    }

    fn attribute(&mut self, path: &str, pointer: &str) {
        self.reads_workers = true;
        if self.worker_count == 0 || self.holders(path).is_none_or(|holders| holders.count > 0) {
            return;
        }
        let directory = self.directory;
        let names = self.attribute_names.get_or_insert_with(|| directory.attribute_names());
        let rest = path.trim_start_matches("worker.");
        let (name, inner) = rest.split_once('.').map_or((rest, None), |(name, inner)| (name, Some(inner)));
        let hint = match nearest(name, names.iter().map(String::as_str).filter(|known| *known != name)) {
            Some(near) => {
                let inner = inner.map_or_else(String::new, |inner| format!(".{inner}"));
                format!("; did you mean `worker.{near}{inner}`?")
            }
            None => "; it reads as nothing for everybody".to_owned(),
        };
        self.notes.add(code::ATTRIBUTE_UNKNOWN, pointer, format!("no worker has the attribute `{rest}`{hint}"));
    }

    /// Who holds an attribute; `None` when too many have been looked up, which is told once.
    pub(super) fn holders(&mut self, path: &str) -> Option<Holders> {
        if let Some(known) = self.holders.get(path) {
            return Some(known.clone());
        }
        if self.holders.len() >= CHECKED_PATHS_MAX {
            let told = |found: &crate::rule::Finding| found.code == code::ATTRIBUTES_UNCHECKED.name;
            if !self.notes.findings.iter().any(told) {
                let message = format!("only the first {CHECKED_PATHS_MAX} attributes of workers were looked up");
                self.notes.add(code::ATTRIBUTES_UNCHECKED, "", message);
            }
            return None;
        }
        let found = self.directory.holders(path);
        self.holders.insert(path.to_owned(), found.clone());
        Some(found)
    }

    fn comparison(&mut self, comparison: &Comparison) {
        match comparison.path.as_str() {
            "sys.channel" => self.names(comparison, code::UNKNOWN_CHANNEL, "channel", self.directory.channel_names()),
            "sys.worker.activity" => {
                self.names(comparison, code::UNKNOWN_ACTIVITY, "activity", self.directory.activity_names());
            }
            "sys.worker.name" | "sys.worker.id" => {
                for name in texts(&comparison.literal) {
                    self.worker(name, &comparison.pointer);
                }
            }
            path if path.starts_with("worker.") => {
                if let Some(holders) = self.holders(path).filter(|holders| holders.count > 0) {
                    self.types(comparison, &holders);
                }
            }
            _ => {}
        }
    }

    fn names(&mut self, comparison: &Comparison, code: Code, noun: &str, known: Vec<String>) {
        if comparison.searched {
            return;
        }
        for name in texts(&comparison.literal).filter(|name| !known.iter().any(|known| known == name)) {
            let hint = hint(name, known.iter().map(String::as_str));
            let message = format!("there is no {noun} `{name}`, so that this is never equal{hint}");
            self.notes.add(code, &comparison.pointer, message);
        }
    }

    /// Tells of a comparison in which no worker's value has the type of the literal.
    fn types(&mut self, comparison: &Comparison, holders: &Holders) {
        let literal = &comparison.literal;
        let (wanted, held) = match comparison.operator.as_str() {
            "in" if comparison.searched => match search_types(JsonType::of(literal), holders) {
                Some(types) => types,
                None => return,
            },
            "in" => match literal {
                Value::Array(values) => (values.iter().map(JsonType::of).collect(), holders.types.clone()),
                _ => (vec![JsonType::Text], holders.types.clone()),
            },
            // Comparing with null asks whether the attribute is there.
            _ if literal.is_null() => return,
            _ => (vec![JsonType::of(literal)], holders.types.clone()),
        };
        if !wanted.iter().any(|wanted| held.contains(wanted)) && !wanted.is_empty() {
            let (path, wanted, held) = (&comparison.path, words(&wanted), words(&held));
            let message =
                format!("`{path}` is compared with {wanted}, but those who have it hold {held}; no worker matches");
            self.notes.add(code::ATTRIBUTE_TYPE, &comparison.pointer, message);
        }
    }

    /// Looks for `in` with a worker's attribute to search and something that is no literal to find.
    fn searches(&mut self, value: &Value, pointer: &str) {
        match value {
            Value::Array(values) => {
                for (place, value) in values.iter().enumerate() {
                    self.searches(value, &format!("{pointer}/{place}"));
                }
            }
            Value::Object(fields) => {
                for (name, of) in fields {
                    if let ("in", Some([found, searched])) = (name.as_str(), of.as_array().map(Vec::as_slice)) {
                        self.search(found, searched, pointer);
                    }
                    self.searches(of, &super::read::join(pointer, name));
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    fn search(&mut self, found: &Value, searched: &Value, pointer: &str) {
        let path = searched.get("var").and_then(|path| path.as_str().or_else(|| path.get(0)?.as_str()));
        let Some(path) = path.filter(|path| path.starts_with("worker.") && found.is_object()) else { return };
        let Some(holders) = self.holders(path) else { return };
        let searchable = [JsonType::List, JsonType::Text];
        if holders.count > 0 && !holders.types.iter().any(|held| searchable.contains(held)) {
            let held = words(&holders.types);
            let message =
                format!("`in` searches a list or a text, but those who have `{path}` hold {held}; no worker matches");
            self.notes.add(code::ATTRIBUTE_TYPE, pointer, message);
        }
    }

    /// Asks the account whether anybody can ever take the items of a route: first what does not depend on the item.
    fn satisfied(&mut self, route: &RouteSite) {
        if let Some((Value::Bool(false), pointer)) = &route.workers {
            self.notes.add(code::MATCHES_NOBODY, pointer, "no worker is ever eligible in this step");
            return;
        }
        if self.worker_count == 0 || !self.directory.has_queue(&route.queue) {
            return;
        }
        if self.directory.satisfied(&route.queue, &Value::Bool(true), self.asked_most) == Some(false) {
            let message = format!(
                "no worker belongs to the queue `{}`, so items wait in vain; look at its `workers`",
                route.queue
            );
            self.notes.add(code::QUEUE_WITHOUT_WORKERS, &route.queue_pointer, message);
            return;
        }
        let Some((predicate, pointer)) = &route.workers else { return };
        let parts = match predicate.get("and").and_then(Value::as_array) {
            Some(parts) => parts.clone(),
            None => vec![predicate.clone()],
        };
        let fixed = parts.into_iter().filter(|part| Template::compile(part).is_ok_and(|part| !part.reads_item()));
        let fixed: Vec<Value> = fixed.collect();
        if fixed.is_empty() || self.asked_most == 0 {
            return;
        }
        let satisfied = self.directory.satisfied(&route.queue, &json!({ "and": fixed }), self.asked_most);
        if satisfied != Some(true) {
            // Somebody is found soon or everybody has been asked.
            self.asked_most = self.asked_most.saturating_sub(self.worker_count);
        }
        if satisfied == Some(false) {
            let message = format!("no worker of the queue `{}` satisfies this, whatever the item", route.queue);
            self.notes.add(code::MATCHES_NOBODY, pointer, message);
        }
    }
}

/// The texts of a literal that is one text or a list.
fn texts(literal: &Value) -> impl Iterator<Item = &str> {
    let listed = literal.as_array().into_iter().flatten().filter_map(Value::as_str);
    literal.as_str().into_iter().chain(listed)
}

/// What searching an attribute for a literal wants to find, and what is there; `None` when a text may be found.
fn search_types(literal: JsonType, holders: &Holders) -> Option<(Vec<JsonType>, Vec<JsonType>)> {
    if holders.types.contains(&JsonType::List) {
        let text = literal == JsonType::Text && holders.types.contains(&JsonType::Text);
        // Lists that are all empty say nothing of what they will hold.
        return (!text && !holders.elements.is_empty()).then(|| (vec![literal], holders.elements.clone()));
    }
    if literal == JsonType::Text && holders.types.contains(&JsonType::Text) {
        return None;
    }
    Some((vec![JsonType::List], holders.types.clone()))
}

fn words(types: &[JsonType]) -> String {
    types.iter().map(|held| held.name()).collect::<Vec<_>>().join(" or ")
}
