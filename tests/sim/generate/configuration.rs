//! A random account: settings, queues, workflows, and changes of them while work is under way.

use super::{CHANNELS, document};
use crate::random::Dice;
use crate::reference::World;
use cordboard_domain::work::*;
use serde_json::{Value, json};

pub const QUEUES: [&str; 3] = ["everyone", "english", "skilled"];

/// Settings with small numbers, so that limits are met often.
pub fn account(dice: &mut Dice) -> Vec<Command> {
    let settings = settings(dice);
    vec![Command::UpdateAccount { name: None, settings: Some(settings), expected: None }]
}

fn settings(dice: &mut Dice) -> SettingsChange {
    SettingsChange {
        miss_limit: Some(dice.below(4) as u32),
        reoffer_after_s: Some(dice.between(1, 40) as u32),
        exclusions: Some(exclusions(dice)),
        presence_grace_s: dice.chance(1, 3).then(|| dice.between(0, 15) as u32),
        ..SettingsChange::default()
    }
}

fn exclusions(dice: &mut Dice) -> Vec<Exclusion> {
    if dice.chance(1, 2) {
        return Vec::new();
    }
    let capacity = dice.below(2) as u32;
    let rule = |one: &str, other: &str| Exclusion { while_channel: one.into(), channel: other.into(), capacity };
    let mut rules = vec![rule("voice", "chat")];
    if dice.chance(1, 2) {
        rules.push(rule("chat", "voice"));
    }
    rules
}

pub fn queues(dice: &mut Dice) -> Vec<Command> {
    let queue = |name: &str| Command::CreateQueue {
        name: name.to_owned(),
        workers: members(name),
        order: order(dice),
        priority_per_minute_milli: slope(dice),
    };
    QUEUES.map(queue).into()
}

fn members(name: &str) -> Value {
    match name {
        "english" => json!({"in": ["en", {"var": "worker.langs"}]}),
        "skilled" => json!({">=": [{"var": "worker.skill"}, 2]}),
        _ => json!(true),
    }
}

fn order(dice: &mut Dice) -> QueueOrder {
    if dice.chance(1, 3) { QueueOrder::Lifo } else { QueueOrder::Fifo }
}

/// Steep slopes: within the seconds of a run ageing must overtake priority.
fn slope(dice: &mut Dice) -> u32 {
    dice.one(&[0, 0, 500, 30_000, 200_000])
}

pub fn workflow(dice: &mut Dice, place: u64) -> Command {
    Command::CreateWorkflow {
        name: format!("flow{place}"),
        document: document::workflow(dice),
        assignment_url: dice.chance(1, 2).then(|| "https://one.example/assign".to_owned()),
        assignment_fallback_url: None,
    }
}

/// A change of the configuration under the work.
pub fn change(dice: &mut Dice, world: &World) -> Option<Command> {
    Some(match dice.below(8) {
        0 | 1 => Command::UpdateAccount { name: None, settings: Some(settings(dice)), expected: None },
        2 | 3 => {
            let queues: Vec<_> = world.queues.values().map(|queue| (queue.id, queue.name.clone())).collect();
            let (id, name) = dice.pick(&queues)?.clone();
            let workers = if dice.chance(1, 2) { members(&name) } else { json!({">=": [{"var": "worker.skill"}, 1]}) };
            Command::UpdateQueue {
                id,
                name: None,
                workers: dice.chance(1, 2).then_some(workers),
                order: dice.chance(1, 2).then(|| order(dice)),
                priority_per_minute_milli: dice.chance(1, 2).then(|| slope(dice)),
                expected: None,
            }
        }
        4 => {
            let activities: Vec<_> = world.activities.values().filter(|it| it.name == "Break").collect();
            let activity = dice.pick(&activities)?;
            let available = Some(!activity.available);
            Command::UpdateActivity { id: activity.id, name: None, available, expected: None }
        }
        5 => {
            let channels: Vec<_> =
                world.channels.values().filter(|it| CHANNELS.contains(&it.name.as_str())).map(|it| it.id).collect();
            let id = *dice.pick(&channels)?;
            Command::UpdateChannel { id, default_capacity: Some(dice.between(0, 3) as u32), expected: None }
        }
        _ => {
            let workflows: Vec<_> = world.workflows.keys().copied().collect();
            let id = *dice.pick(&workflows)?;
            let document = document::workflow(dice);
            Command::PublishWorkflow { id, document, reevaluate: dice.chance(1, 2), expected: None }
        }
    })
}
