//! Tells events in one line each, by the names that the script gave; ids never appear.

use super::play::clock;
use crate::store::ModelStore;
use cordboard_domain::event::Event;
use cordboard_domain::id::*;
use cordboard_domain::time::Timestamp;
use cordboard_domain::work::*;
use serde_json::Value;
use std::collections::BTreeMap;

#[derive(Debug, Default)]
pub struct Names {
    pub items: BTreeMap<String, ItemId>,
    /// The name for the item that is being created.
    pub next: Option<String>,
    /// Requests that items have made, in order.
    pub requests: BTreeMap<ItemId, Vec<RequestId>>,
}

impl Names {
    pub fn item(&self, name: &str) -> Result<ItemId, String> {
        self.items.get(name).copied().ok_or_else(|| format!("no item is called `{name}`"))
    }

    /// Keeps which request an item makes; one that is made again is the same.
    pub fn note_call(&mut self, calling: Calling) {
        let Calling::Request { item, request } = calling else { return };
        let made = self.requests.entry(item).or_default();
        if !made.contains(&request) {
            made.push(request);
        }
    }

    pub fn item_name(&self, id: &str) -> String {
        let found = self.items.iter().find(|(_, item)| item.to_string() == id);
        found.map_or_else(|| "an item".to_owned(), |(name, _)| name.clone())
    }

    pub fn tell(&mut self, event: &Event, store: &ModelStore) -> Option<String> {
        let data: Value = serde_json::from_str(event.data.get()).ok()?;
        let (resource, detail) = (&data["resource"], &data["detail"]);
        if event.event_type == "work_item.created" {
            let name = self.next.take().unwrap_or_else(|| "?".to_owned());
            self.items.insert(name, ItemId::parse(&event.subject).ok()?);
            return None;
        }
        let (kind, what) = event.event_type.split_once('.')?;
        match kind {
            "reservation" => Some(self.tell_reservation(what, resource, detail, store)),
            "worker" => tell_worker(what, resource, detail, store),
            "work_item" | "workflow" if event.subject.starts_with("itm_") => {
                let name = self.item_name(&event.subject);
                tell_item(what, resource, detail, store).map(|told| format!("{name} {told}"))
            }
            _ => None,
        }
    }

    fn tell_reservation(&self, what: &str, resource: &Value, detail: &Value, store: &ModelStore) -> String {
        let item = self.item_name(resource["work_item"].as_str().unwrap_or_default());
        let worker = worker_name(&resource["worker"], store);
        let reason = reason(resource);
        match what {
            "offered" => format!("{item} offered {worker} until {}", time(&resource["expires_at"])),
            "accepted" => format!("{item} accepted by {worker}"),
            "rejected" => format!("{item} rejected by {worker}{reason}"),
            "timed_out" => format!("{item} missed by {worker}"),
            "rescinded" => format!("{item} rescinded from {worker}"),
            "canceled" => format!("{item} withdrawn from {worker}{reason}"),
            "callback_answered" => {
                let by = detail["answered_by"].as_str().unwrap_or("?");
                format!("{item} to {worker}: {by} instructs {}{}", text(&detail["instruction"]), causes(detail))
            }
            "callback_failed" => format!("{item} to {worker}: no instruction{}", causes(detail)),
            "wrapping" => format!("{worker} wraps up {item}"),
            "completed" => format!("{worker} is done with {item}{reason}"),
            other => format!("{item} {other} {worker}"),
        }
    }
}

fn tell_worker(what: &str, resource: &Value, detail: &Value, store: &ModelStore) -> Option<String> {
    let name = resource["name"].as_str()?;
    match what {
        "activity_changed" => {
            let to = store.activities.values().find(|it| detail["to"] == it.id.to_string().as_str());
            let to = to.map_or("?", |activity| activity.name.as_str());
            Some(format!("{name} goes to {to} ({})", detail["why"].as_str().unwrap_or("?")))
        }
        "reachable" | "unreachable" => Some(format!("{name} is {what}")),
        _ => None,
    }
}

fn tell_item(what: &str, resource: &Value, detail: &Value, store: &ModelStore) -> Option<String> {
    Some(match what {
        "rule_matched" => format!("takes rule {}", resource["rule"].as_str()?),
        "step_entered" => {
            let notes = detail.as_object().into_iter().flatten().filter(|(name, _)| *name != "request");
            let notes: Vec<_> = notes.map(|(name, value)| format!(" {name}={}", text(value))).collect();
            format!("enters {}{}", resource["step"].as_str()?, notes.concat())
        }
        "step_timed_out" => "step timed out".to_owned(),
        "exhausted" => "has no step left".to_owned(),
        "request_answered" => format!("is answered by {}{}", text(&detail["answered_by"]), causes(detail)),
        "request_failed" => format!("is not answered{}", causes(detail)),
        "queued" if detail["again"] == true => format!("waits again in {}", queue_name(&resource["queue"], store)),
        "queued" => format!("waits in {}", queue_name(&resource["queue"], store)),
        "routed" => format!("starts anew ({})", detail["why"].as_str()?),
        "updated" => format!("has priority {}, {}", resource["priority"], resource["attributes"]),
        "transferred" => {
            let outcome = detail["outcome"].as_str()?;
            let warm = if detail["warm"] == true { " warm" } else { "" };
            let why = detail["why"].as_str().map(|why| format!(" ({why})")).unwrap_or_default();
            format!("transfer{warm} {outcome}{why}")
        }
        "completed" | "canceled" => format!("{what}{}", reason(resource)),
        _ => return None,
    })
}

/// Why attempts of a callout failed.
fn causes(detail: &Value) -> String {
    let causes = detail["causes"].as_array().into_iter().flatten();
    let told = causes.map(|cause| {
        let asked = cause["asked"].as_str().map_or_else(String::new, |asked| format!("{asked}: "));
        let status = cause["status"].as_u64().map_or_else(String::new, |status| format!(" {status}"));
        format!(" ({asked}{}{status})", cause["code"].as_str().unwrap_or("?"))
    });
    told.collect()
}

pub fn worker_name(id: &Value, store: &ModelStore) -> String {
    let worker = id.as_str().and_then(|id| WorkerId::parse(id).ok()).and_then(|id| store.workers.get(&id));
    worker.map_or_else(|| "?".to_owned(), |worker| worker.name.clone())
}

pub fn queue_name(id: &Value, store: &ModelStore) -> String {
    let queue = id.as_str().and_then(|id| QueueId::parse(id).ok()).and_then(|id| store.queues.get(&id));
    queue.map_or_else(|| "no queue".to_owned(), |queue| queue.name.clone())
}

fn reason(resource: &Value) -> String {
    resource["reason"].as_str().map(|reason| format!(" ({reason})")).unwrap_or_default()
}

fn time(value: &Value) -> String {
    value.as_str().and_then(|text| Timestamp::parse(text).ok()).map_or_else(|| "?".to_owned(), clock)
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => Timestamp::parse(text).map_or_else(|_| text.clone(), clock),
        other => other.to_string(),
    }
}

/// One line on an item as it is stored.
pub fn show_item(name: &str, item: &Item, store: &ModelStore) -> String {
    let queue = item.queue.and_then(|id| store.queues.get(&id)).map_or("no queue", |queue| queue.name.as_str());
    let worker = item.worker.and_then(|id| store.workers.get(&id)).map_or("nobody", |worker| worker.name.as_str());
    let (state, version) = (format!("{:?}", item.state).to_lowercase(), item.workflow_version);
    format!(
        "{name} is {state}, priority {}, {queue}, worker {worker}, rule {}, step {}, version {version}",
        item.priority,
        item.rule.as_deref().unwrap_or("none"),
        item.step.as_deref().unwrap_or("none"),
    )
}
