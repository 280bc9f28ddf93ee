//! What servers come back with: answers, failures, answers that come twice or too late, and often none at all.

use super::{LANGUAGES, offered};
use crate::random::Dice;
use crate::reference::World;
use cordboard_domain::id::*;
use cordboard_domain::work::*;
use serde_json::{Map, Value, json};

/// Callouts that are remembered, to be answered once more.
const REMEMBERED_MAX: usize = 20;

#[derive(Debug, Default)]
pub struct Answers {
    /// Answered before; most are over.
    requests: Vec<(ItemId, RequestId)>,
    offers: Vec<ReservationId>,
}

impl Answers {
    pub fn command(&mut self, dice: &mut Dice, world: &World) -> Option<Command> {
        let asking: Vec<_> = world.items.values().filter_map(|it| it.asking.map(|request| (it.id, request))).collect();
        if !asking.is_empty() && dice.chance(2, 3) {
            // A late answer reaches an item that asks again, too.
            let late = || self.requests.iter().filter(|(item, _)| asking.iter().any(|(known, _)| known == item));
            let late: Vec<_> = late().copied().collect();
            let chosen = match dice.below(3) {
                0 => dice.pick(&late).or(self.requests.last()),
                _ => dice.pick(&asking),
            };
            let (item, request) = *chosen?;
            remember(&mut self.requests, (item, request));
            return Some(Command::AnswerRequest { item, request, outcome: outcome(dice, attributes) });
        }
        let fresh = offered(dice, world);
        let id = if dice.chance(1, 4) { dice.pick(&self.offers).copied() } else { fresh }?;
        remember(&mut self.offers, id);
        Some(Command::AnswerAssignment { id, outcome: outcome(dice, instruction) })
    }
}

fn remember<T>(list: &mut Vec<T>, what: T) {
    if list.len() == REMEMBERED_MAX {
        list.remove(0);
    }
    list.push(what);
}

fn outcome<T>(dice: &mut Dice, answer: fn(&mut Dice) -> T) -> Outcome<T> {
    let code = dice.one(&["timeout", "server_error", "not_json"]);
    let cause = |asked| Cause::new(Some(asked), code, "by chance", (code == "server_error").then_some(500));
    match dice.below(4) {
        0 => Outcome::failed(vec![cause(Asked::Primary), cause(Asked::Fallback)]),
        1 => Outcome {
            heard: Some(Heard { answer: answer(dice), status: 200, from: Asked::Fallback }),
            causes: vec![cause(Asked::Primary)],
        },
        _ => Outcome {
            heard: Some(Heard { answer: answer(dice), status: 200, from: Asked::Primary }),
            causes: Vec::new(),
        },
    }
}

fn attributes(dice: &mut Dice) -> Map<String, Value> {
    let mut answer = Map::new();
    if dice.chance(1, 2) {
        answer.insert("lang".to_owned(), json!(dice.one(&LANGUAGES)));
    }
    if dice.chance(1, 2) {
        answer.insert("need".to_owned(), json!(dice.below(4)));
    }
    if dice.chance(1, 4) {
        answer.insert("tier".to_owned(), json!("gold"));
    }
    answer
}

fn instruction(dice: &mut Dice) -> Instruction {
    match dice.below(3) {
        0 => Instruction::Accept,
        1 => Instruction::Reject { reason: dice.chance(1, 2).then(|| "by chance".to_owned()) },
        _ => Instruction::None,
    }
}
