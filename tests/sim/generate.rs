//! What the simulator asks of the engine: a random account, and random commands that make sense now and then. It looks
//! at the reference's picture to name things that exist.

mod callout;
mod configuration;
mod document;

use crate::random::Dice;
use crate::reference::World;
use cordboard_domain::id::{ItemId, ReservationId, WorkerId};
use cordboard_domain::work::*;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Open items beyond which no more are created: the reference looks at all of them.
const OPEN_ITEMS_MAX: usize = 20;
const WORKERS_MAX: usize = 8;
pub(crate) const CHANNELS: [&str; 3] = ["voice", "chat", "email"];
pub(crate) const LANGUAGES: [&str; 3] = ["en", "de", "fr"];

#[derive(Debug, Default)]
pub struct Generator {
    /// Names are never used twice.
    names: u64,
    callouts: callout::Answers,
}

impl Generator {
    pub fn set_up(&mut self, dice: &mut Dice) -> Vec<Command> {
        let mut commands = configuration::account(dice);
        commands.extend(configuration::queues(dice));
        commands.extend((0..2).map(|place| configuration::workflow(dice, place)));
        for _ in 0..dice.between(1, 5) {
            commands.push(self.create_worker(dice));
        }
        commands
    }

    pub fn command(&mut self, dice: &mut Dice, world: &World) -> Option<Command> {
        match dice.below(100) {
            0..=24 if world.items.len() < OPEN_ITEMS_MAX => Some(self.create_item(dice, world)),
            25..=40 => offered(dice, world).map(|id| Command::AcceptReservation { id, expected: None }),
            41..=46 => self.reject(dice, world),
            47..=52 => self.callouts.command(dice, world),
            53..=66 => self.end_work(dice, world),
            67..=70 => self.transfer(dice, world),
            71..=82 => self.change_worker(dice, world),
            83..=86 => connection(dice, world),
            87..=90 => self.change_item(dice, world),
            91..=92 if world.workers.len() < WORKERS_MAX => Some(self.create_worker(dice)),
            93 => worker(dice, world).map(|id| Command::DeleteWorker { id, expected: None }),
            94 => Some(nonsense(dice)),
            _ => configuration::change(dice, world),
        }
    }

    fn name(&mut self, prefix: &str) -> String {
        self.names += 1;
        format!("{prefix}{}", self.names)
    }

    fn create_item(&mut self, dice: &mut Dice, world: &World) -> Command {
        let priority = if dice.chance(1, 3) { dice.between(0, 20) as i64 - 5 } else { 0 };
        Command::CreateItem(NewItem {
            workflow: Reference(format!("flow{}", dice.below(2))),
            channel: dice.one(&CHANNELS).to_owned(),
            attributes: item_attributes(dice, world),
            priority,
            timeout_s: if dice.chance(1, 10) { dice.between(1, 90) as u32 } else { 3_600 },
            unique_key: dice.chance(1, 4).then(|| format!("key{}", dice.below(6))),
        })
    }

    fn create_worker(&mut self, dice: &mut Dice) -> Command {
        let activity = if dice.chance(1, 6) { "Break" } else { "Available" };
        Command::CreateWorker(NewWorker {
            name: self.name("w"),
            attributes: worker_attributes(dice),
            activity: Some(Reference(activity.to_owned())),
            capacity: capacity(dice),
            connection_required: dice.chance(1, 6),
        })
    }

    fn reject(&mut self, dice: &mut Dice, world: &World) -> Option<Command> {
        let id = offered(dice, world)?;
        let activity = dice.chance(1, 8).then(|| Reference("Break".to_owned()));
        Some(Command::RejectReservation { id, reason: None, activity, expected: None })
    }

    fn end_work(&mut self, dice: &mut Dice, world: &World) -> Option<Command> {
        let held = world.reservations.values().filter(|it| it.state != ReservationState::Offered);
        let held: Vec<_> = held.map(|it| (it.id, it.item)).collect();
        let (id, item) = *dice.pick(&held)?;
        let timeout_s = dice.chance(1, 2).then(|| dice.between(1, 30) as u32);
        Some(match dice.below(10) {
            0 | 1 => Command::WrapUpReservation { id, timeout_s, expected: None },
            2 => Command::WrapUpItem { id: item, timeout_s, reason: None, expected: None },
            3 | 4 => Command::CompleteItem { id: item, reason: None, expected: None },
            _ => Command::CompleteReservation { id, reason: None, expected: None },
        })
    }

    fn transfer(&mut self, dice: &mut Dice, world: &World) -> Option<Command> {
        let assigned: Vec<_> = world.items.values().filter(|it| it.state == ItemState::Assigned).collect();
        let id = dice.pick(&assigned)?.id;
        let to = match dice.below(3) {
            0 => TransferTarget::Worker(Reference(worker(dice, world)?.to_string())),
            1 => TransferTarget::Queue(Reference(dice.one(&configuration::QUEUES).to_owned())),
            _ => TransferTarget::Workflow(Reference(format!("flow{}", dice.below(2)))),
        };
        Some(Command::TransferItem { id, to, warm: dice.chance(1, 2), expected: None })
    }

    fn change_worker(&mut self, dice: &mut Dice, world: &World) -> Option<Command> {
        let id = worker(dice, world)?;
        let mut change = WorkerChange::default();
        match dice.below(12) {
            0..=4 => change.activity = Some(Reference("Available".to_owned())),
            5 | 6 => {
                change.activity = Some(Reference(dice.one(&["Break", "Offline"]).to_owned()));
                change.reject_offers = dice.chance(1, 2);
            }
            7 | 8 => change.attributes = Some(worker_attributes(dice)),
            9 | 10 => change.capacity = Some(capacity(dice)),
            _ => change.connection_required = Some(dice.chance(1, 2)),
        }
        Some(Command::UpdateWorker { id, change, expected: None })
    }

    fn change_item(&mut self, dice: &mut Dice, world: &World) -> Option<Command> {
        let id = item(dice, world)?;
        Some(match dice.below(8) {
            0 | 1 => Command::UpdateItem {
                id,
                attributes: Some(item_attributes(dice, world)),
                priority: None,
                reevaluate: dice.chance(1, 3),
                expected: None,
            },
            2 | 3 => Command::UpdateItem {
                id,
                attributes: None,
                priority: Some(dice.between(0, 30) as i64),
                reevaluate: false,
                expected: None,
            },
            4 | 5 => Command::CancelItem { id, reason: None, expected: None },
            _ => {
                let workflow = dice.chance(1, 2).then(|| Reference(format!("flow{}", dice.below(2))));
                Command::RerouteItem { id, workflow, expected: None }
            }
        })
    }
}

fn offered(dice: &mut Dice, world: &World) -> Option<ReservationId> {
    let offered = world.reservations.values().filter(|it| it.state == ReservationState::Offered);
    let offered: Vec<_> = offered.map(|it| it.id).collect();
    dice.pick(&offered).copied()
}

pub(crate) fn worker(dice: &mut Dice, world: &World) -> Option<WorkerId> {
    let workers: Vec<_> = world.workers.keys().copied().collect();
    dice.pick(&workers).copied()
}

fn item(dice: &mut Dice, world: &World) -> Option<ItemId> {
    let items: Vec<_> = world.items.keys().copied().collect();
    dice.pick(&items).copied()
}

fn connection(dice: &mut Dice, world: &World) -> Option<Command> {
    let id = worker(dice, world)?;
    Some(Command::SetConnection { id, connected: dice.chance(1, 2) })
}

/// Commands about things that are not there, or that somebody else has changed since.
fn nonsense(dice: &mut Dice) -> Command {
    let (item, reservation) = (ItemId(u128::from(dice.word())), ReservationId(u128::from(dice.word())));
    match dice.below(4) {
        0 => Command::CancelItem { id: item, reason: None, expected: Some(7) },
        1 => Command::AcceptReservation { id: reservation, expected: None },
        2 => Command::UpdateWorker { id: WorkerId(1), change: WorkerChange::default(), expected: None },
        _ => Command::RerouteItem { id: item, workflow: Some(Reference("nowhere".to_owned())), expected: None },
    }
}

fn item_attributes(dice: &mut Dice, world: &World) -> Box<RawValue> {
    let mut attributes = json!({"lang": dice.one(&LANGUAGES), "need": dice.below(4)});
    if dice.chance(1, 3) {
        attributes["tier"] = json!("gold");
    }
    if dice.chance(1, 3) {
        let name = worker(dice, world).and_then(|id| world.workers.get(&id)).map(|worker| worker.name.clone());
        attributes["last"] = json!(name);
    }
    to_raw_value(&attributes).expect("plain JSON is written")
}

fn worker_attributes(dice: &mut Dice) -> Value {
    let languages: Vec<_> = LANGUAGES.iter().filter(|_| dice.chance(2, 3)).collect();
    let mut attributes = json!({"langs": languages, "skill": dice.below(5)});
    if dice.chance(1, 4) {
        attributes["team"] = json!(dice.one(&["a", "b"]));
    }
    attributes
}

fn capacity(dice: &mut Dice) -> BTreeMap<String, u32> {
    let own: Vec<_> = CHANNELS.iter().filter(|_| dice.chance(1, 2)).collect();
    own.into_iter().map(|channel| ((*channel).to_owned(), dice.below(4) as u32)).collect()
}
