//! What the commands of a script mean.

use super::callout;
use super::parse::{Step, Word, millis};
use super::play::{START, Stage};
use super::tell;
use cordboard_domain::id::*;
use cordboard_domain::work::*;
use serde_json::value::to_raw_value;
use serde_json::{Value, json};
use std::collections::BTreeMap;

pub(super) type Done = Result<(), String>;

pub fn perform(stage: &mut Stage, step: &Step) -> Done {
    let verb = step.word(0).ok_or("a command begins with a word")?;
    if let Some(length) = verb.strip_prefix('+') {
        return stage.pass(millis(length)?);
    }
    let name = step.word(1).unwrap_or_default();
    match verb {
        "jump" => {
            stage.now = stage.now.plus_millis(millis(name)?);
            stage.fire()
        }
        "crash" => stage.crash(),
        "at" => {
            let to = cordboard_domain::time::Timestamp::parse(name).map_err(|error| error.to_string())?;
            stage.pass(to.millis_since(START) - stage.now.millis_since(START))
        }
        "show" => show(stage, name),
        "explain" => explain(stage, name),
        "account" | "exclude" => account(stage, step, verb),
        "activity" | "channel" | "queue" | "schedule" | "workflow" => configure(stage, step, verb, name),
        "worker" => create_worker(stage, step, name),
        "item" => create_item(stage, step, name),
        "set" if stage.names.items.contains_key(name) => change_item(stage, step, name),
        "set" => change_worker(stage, step, name),
        "connect" | "disconnect" => {
            let id = worker(stage, name)?;
            tell(stage, Command::SetConnection { id, connected: verb == "connect" })
        }
        "dismiss" => {
            let id = worker(stage, name)?;
            tell(stage, Command::DeleteWorker { id, expected: None })
        }
        "accept" | "reject" => answer(stage, step, verb, name),
        "answer" => callout::answer(stage, step, name),
        "instruct" => callout::instruct(stage, step, name),
        "outstanding" => {
            stage.outstanding();
            Ok(())
        }
        "wrap" | "complete" | "cancel" | "reroute" | "transfer" => end(stage, step, verb, name),
        other => Err(format!("no command is called `{other}`")),
    }
}

pub(super) fn tell(stage: &mut Stage, command: Command) -> Done {
    stage.handle(command)?;
    stage.fire()
}

fn reference(text: &str) -> Reference {
    Reference(text.to_owned())
}

fn worker(stage: &Stage, name: &str) -> Result<WorkerId, String> {
    let found = stage.store.workers.values().find(|worker| worker.name == name);
    found.map(|worker| worker.id).ok_or_else(|| format!("no worker is called `{name}`"))
}

fn show(stage: &mut Stage, name: &str) -> Done {
    let line = match stage.names.items.get(name).and_then(|id| stage.store.items.get(id)) {
        Some(item) => tell::show_item(name, item, &stage.store),
        None => {
            let worker = &stage.store.workers[&worker(stage, name)?];
            let activity = stage.store.activities.get(&worker.activity).map_or("?", |activity| &activity.name);
            format!("{name} is in {activity}, reachable {}, misses {}", worker.reachable, worker.misses)
        }
    };
    stage.trace.push(line);
    Ok(())
}

fn explain(stage: &mut Stage, name: &str) -> Done {
    let id = stage.names.item(name)?;
    let view = stage.engine.explanation_view(id, stage.now).ok_or_else(|| format!("`{name}` has ended"))?;
    let told = view.explain();
    stage.trace.push(told.summary);
    for worker in told.excluded {
        for reason in worker.reasons {
            stage.trace.push(format!("{} {}: {}", worker.name, reason.code, reason.message));
        }
    }
    Ok(())
}

fn account(stage: &mut Stage, step: &Step, verb: &str) -> Done {
    let mut settings = SettingsChange {
        miss_limit: step.number("miss_limit")?,
        miss_activity: step.pair("miss_activity").map(reference),
        default_activity: step.pair("default_activity").map(reference),
        reoffer_after_s: step.number("reoffer_after_s")?,
        presence_grace_s: step.number("presence_grace_s")?,
        service_level_threshold_s: None,
        exclusions: None,
    };
    if verb == "exclude" {
        let mut rules = stage.store.account.settings.exclusions.clone();
        let word = |place| step.word(place).unwrap_or_default().to_owned();
        let capacity = word(3).parse().map_err(|_| "exclude WHILE CHANNEL CAPACITY")?;
        rules.push(Exclusion { while_channel: word(1), channel: word(2), capacity });
        settings.exclusions = Some(rules);
    }
    tell(stage, Command::UpdateAccount { name: None, settings: Some(settings), expected: None })
}

fn configure(stage: &mut Stage, step: &Step, verb: &str, name: &str) -> Done {
    let store = &stage.store;
    let (new, expected) = (name.to_owned(), None);
    let command = match verb {
        "activity" => {
            let available = step.pair("available").map(|text| text == "yes");
            match store.activities.values().find(|it| it.name == name).map(|it| it.id) {
                Some(id) => Command::UpdateActivity { id, name: None, available, expected },
                None => Command::CreateActivity { name: new, available: available.unwrap_or(true) },
            }
        }
        "channel" => match store.channels.values().find(|it| it.name == name).map(|it| it.id) {
            Some(id) => Command::UpdateChannel { id, default_capacity: step.number("capacity")?, expected },
            None => Command::CreateChannel { name: new, default_capacity: step.number("capacity")?.unwrap_or(1) },
        },
        "queue" => {
            let order = step.pair("order").map(|it| if it == "lifo" { QueueOrder::Lifo } else { QueueOrder::Fifo });
            let ageing = step.number::<f64>("ageing")?.map(|points| (points * 1_000.0) as u32);
            let workers = step.json().cloned();
            match store.queues.values().find(|it| it.name == name).map(|it| it.id) {
                Some(id) => {
                    let priority_per_minute_milli = ageing;
                    Command::UpdateQueue { id, name: None, workers, order, priority_per_minute_milli, expected }
                }
                None => Command::CreateQueue {
                    name: new,
                    workers: workers.unwrap_or(Value::Bool(true)),
                    order: order.unwrap_or(QueueOrder::Fifo),
                    priority_per_minute_milli: ageing.unwrap_or(0),
                },
            }
        }
        "schedule" => {
            let hours = step.json().cloned();
            match store.schedules.values().find(|it| it.name == name).map(|it| it.id) {
                Some(id) => Command::UpdateSchedule { id, name: None, hours, expected },
                None => Command::CreateSchedule { name: new, hours: hours.unwrap_or_default() },
            }
        }
        _ => {
            let document = step.json().cloned().unwrap_or_default();
            match store.workflows.values().find(|it| it.name == name).map(|it| it.id) {
                Some(id) => Command::PublishWorkflow { id, document, reevaluate: step.yes("reevaluate"), expected },
                None => {
                    let assignment_url = step.pair("assignment_url").map(str::to_owned);
                    Command::CreateWorkflow { name: new, document, assignment_url, assignment_fallback_url: None }
                }
            }
        }
    };
    if let Some(Reply::Workflow(published)) = stage.handle(command)?
        && step.yes("warnings")
    {
        for finding in published.findings {
            stage.trace.push(format!("warned: {} at {}: {}", finding.code, finding.pointer, finding.message));
        }
    }
    stage.fire()
}

/// Pairs that name a channel are capacities.
fn capacity(stage: &Stage, step: &Step) -> Result<BTreeMap<String, u32>, String> {
    let mut capacity = BTreeMap::new();
    for word in &step.words {
        let Word::Pair(channel, number) = word else { continue };
        if stage.store.channels.values().any(|it| it.name == *channel) {
            capacity.insert(channel.clone(), number.parse().map_err(|_| format!("`{number}` is no capacity"))?);
        }
    }
    Ok(capacity)
}

fn create_worker(stage: &mut Stage, step: &Step, name: &str) -> Done {
    let new = NewWorker {
        name: name.to_owned(),
        attributes: step.json().cloned().unwrap_or_else(|| json!({})),
        activity: Some(reference(step.pair("activity").unwrap_or("Available"))),
        capacity: capacity(stage, step)?,
        connection_required: step.pair("connection") == Some("required"),
    };
    tell(stage, Command::CreateWorker(new))
}

fn change_worker(stage: &mut Stage, step: &Step, name: &str) -> Done {
    let id = worker(stage, name)?;
    let capacity = capacity(stage, step)?;
    let change = WorkerChange {
        name: None,
        attributes: step.json().cloned(),
        activity: step.pair("activity").map(reference),
        capacity: (!capacity.is_empty()).then_some(capacity),
        connection_required: step.pair("connection").map(|text| text == "required"),
        reject_offers: step.yes("reject_offers"),
    };
    tell(stage, Command::UpdateWorker { id, change, expected: None })
}

fn create_item(stage: &mut Stage, step: &Step, name: &str) -> Done {
    let attributes = step.json().cloned().unwrap_or_else(|| json!({}));
    let timeout_s = step.pair("timeout").map_or(Ok(86_400_000), millis)? / 1_000;
    let new = NewItem {
        workflow: reference(step.pair("flow").unwrap_or("flow")),
        channel: step.pair("channel").unwrap_or("default").to_owned(),
        attributes: to_raw_value(&attributes).map_err(|error| error.to_string())?,
        priority: step.number("priority")?.unwrap_or(0),
        timeout_s: timeout_s as u32,
        unique_key: step.pair("key").map(str::to_owned),
    };
    stage.names.next = Some(name.to_owned());
    if let Some(Reply::Existing(record)) = stage.handle(Command::CreateItem(new))?
        && let Record::Item(item) = *record
    {
        let line = format!("{name} is {} again", stage.names.item_name(&item.id.to_string()));
        stage.trace.push(line);
    }
    stage.fire()
}

fn change_item(stage: &mut Stage, step: &Step, name: &str) -> Done {
    let attributes = step.json().map(to_raw_value).transpose().map_err(|error| error.to_string())?;
    let id = stage.names.item(name)?;
    let (priority, reevaluate) = (step.number("priority")?, step.yes("reevaluate"));
    tell(stage, Command::UpdateItem { id, attributes, priority, reevaluate, expected: None })
}

/// `by ann`: without it, the item's only offer, or its last one.
pub(super) fn offer(stage: &Stage, name: &str, by: Option<&str>) -> Result<ReservationId, String> {
    let item = stage.names.item(name)?;
    let by = by.map(|name| worker(stage, name)).transpose()?;
    let offers = stage.store.reservations.values().filter(|it| it.item == item);
    let offer = offers.filter(|it| by.is_none_or(|by| it.worker == by)).max_by_key(|it| (it.state.is_live(), it.id));
    Ok(offer.ok_or_else(|| format!("`{name}` was never offered there"))?.id)
}

fn answer(stage: &mut Stage, step: &Step, verb: &str, name: &str) -> Done {
    let id = offer(stage, name, step.word(3))?;
    let expected = None;
    tell(
        stage,
        match verb {
            "accept" => Command::AcceptReservation { id, expected },
            _ => {
                let (reason, activity) = (step.pair("reason").map(str::to_owned), step.pair("activity").map(reference));
                Command::RejectReservation { id, reason, activity, expected }
            }
        },
    )
}

fn end(stage: &mut Stage, step: &Step, verb: &str, name: &str) -> Done {
    let id = stage.names.item(name)?;
    let (reason, expected) = (step.pair("reason").map(str::to_owned), None);
    tell(
        stage,
        match verb {
            "wrap" => {
                let timeout_s = step.word(2).map(millis).transpose()?.map(|length| (length / 1_000) as u32);
                Command::WrapUpItem { id, timeout_s, reason, expected }
            }
            "complete" => Command::CompleteItem { id, reason, expected },
            "cancel" => Command::CancelItem { id, reason, expected },
            "reroute" => Command::RerouteItem { id, workflow: step.pair("flow").map(reference), expected },
            _ => {
                let target = |name: &str| step.pair(name).map(reference);
                let to = match (target("worker"), target("queue"), target("flow")) {
                    (Some(worker), _, _) => TransferTarget::Worker(worker),
                    (_, Some(queue), _) => TransferTarget::Queue(queue),
                    (_, _, Some(flow)) => TransferTarget::Workflow(flow),
                    _ => return Err("transfer ITEM worker=…, queue=… or flow=…".to_owned()),
                };
                Command::TransferItem { id, to, warm: step.yes("warm"), expected }
            }
        },
    )
}
