//! Random commands on a store that fails at random: after each failure and each restart the engine is what the store
//! holds, and the sequence has no gap.

use super::desk::*;
use crate::support::clock::{CountingEntropy, START};
use crate::support::dice::Dice;
use crate::support::failing_store::Fate;
use cordboard::runtime::Entropy;
use cordboard::runtime::store::{Filter, Kind, Store};
use cordboard_domain::id::IdSource;
use cordboard_domain::work::*;
use std::time::Duration;

/// Engines whose ids are compared, and ids of each.
const ENGINES: usize = 200;
const IDS_PER_ENGINE: usize = 500;
/// Another by `RANDOM_SEED`, and more, one after the other, by `RANDOM_SEEDS`.
const SEED: u64 = 20_260_105;
const ROUNDS: u32 = 60;
const COMMANDS_PER_ROUND: u64 = 12;

impl Desk {
    /// The newest that are stored of a kind, in a state if one is named.
    async fn stored(&self, kind: Kind, state: Option<&str>) -> Vec<Record> {
        let filter = Filter { limit: 50, state: state.map(str::to_owned), ..Filter::default() };
        self.store.list(self.account, kind, &filter).await.expect("they are read")
    }

    /// A command about something that is there, or was. Half of the time it is about something that the command suits
    /// as far as the store knows.
    async fn any_command(&self, dice: &mut Dice) -> Command {
        let (expected, reason) = (None, None);
        let (kind, suits) = match dice.below(8) {
            0 => (Kind::Reservation, "offered"),
            1 => (Kind::Reservation, "accepted"),
            2 => (Kind::Reservation, "wrapping"),
            3 => (Kind::Item, "reserved"),
            4 => (Kind::Item, "assigned"),
            _ => return new_item(None),
        };
        let state = (dice.below(2) == 0).then_some(suits);
        let records = self.stored(kind, state).await;
        if records.is_empty() {
            return new_item(None);
        }
        let (record, way) = (&records[dice.below(records.len() as u64) as usize], dice.below(3));
        match (record, suits, way) {
            (Record::Reservation(it), "offered", 0) => {
                Command::RejectReservation { id: it.id, reason, activity: None, expected }
            }
            (Record::Reservation(it), "offered", _) => Command::AcceptReservation { id: it.id, expected },
            (Record::Reservation(it), "accepted", 0) => {
                Command::WrapUpReservation { id: it.id, timeout_s: Some(5), expected }
            }
            (Record::Reservation(it), ..) => Command::CompleteReservation { id: it.id, reason, expected },
            (Record::Item(it), "reserved", 0) => Command::CancelItem { id: it.id, reason, expected },
            (Record::Item(it), "reserved", _) => Command::RerouteItem { id: it.id, workflow: None, expected },
            (Record::Item(it), _, 0) => Command::WrapUpItem { id: it.id, timeout_s: Some(5), reason, expected },
            (Record::Item(it), _, 1) => Command::CompleteItem { id: it.id, reason, expected },
            (Record::Item(it), ..) => {
                let to = TransferTarget::Queue(reference(QUEUE));
                Command::TransferItem { id: it.id, to, warm: dice.below(2) == 0, expected }
            }
            (other, ..) => unreachable!("not of the kind that was listed: {other:?}"),
        }
    }

    /// Waits until all that is due has fired and is committed.
    async fn settle(&self) {
        while self.runtime.read(self.account, |engine, _| engine.sequence()).await.is_err() {
            self.clock.advance(Duration::from_secs(1));
            let_others_run().await;
        }
    }
}

/// What a rebuilt engine makes at the same moment must not take the place of what there is.
#[test]
fn engines_rebuilt_at_a_standing_clock_make_other_ids() {
    let entropy = CountingEntropy::default();
    let mut ids = std::collections::HashSet::new();
    for _ in 0..ENGINES {
        let mut source = IdSource::new(entropy.seed());
        ids.extend((0..IDS_PER_ENGINE).map(|_| source.next(START)));
    }
    assert_eq!(ids.len(), ENGINES * IDS_PER_ENGINE);
}

fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |value| value.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}

#[tokio::test]
async fn the_engine_is_what_is_stored_whatever_fails() {
    let (first, count) = (number("RANDOM_SEED", SEED), number("RANDOM_SEEDS", 1));
    for seed in first..first + count {
        println!("RANDOM_SEED={seed}");
        whatever_fails(seed).await;
    }
}

async fn whatever_fails(seed: u64) {
    let mut desk = Desk::new().await;
    let mut dice = Dice(IdSource::new(seed));
    // Nobody is sent away for a missed offer.
    let settings = Some(SettingsChange { miss_limit: Some(0), ..SettingsChange::default() });
    desk.done(Command::UpdateAccount { name: None, settings, expected: None }).await;
    for name in ["Ann", "Ben", "Cleo"] {
        desk.done(new_worker(name, "Available")).await;
    }
    for _ in 0..ROUNDS {
        let mut pending = Vec::new();
        match dice.below(4) {
            0 => desk.store.fail_next(Fate::FailBefore),
            1 => desk.store.fail_next(Fate::FailAfter),
            _ => {}
        }
        for _ in 0..COMMANDS_PER_ROUND {
            let command = desk.any_command(&mut dice).await;
            pending.push(desk.send(request(command)).await);
        }
        for pending in pending {
            drop(pending.await.expect("every request is answered"));
        }
        desk.settle().await;
        desk.clock.advance(Duration::from_secs(dice.below(25)));
        desk.settle().await;
        if dice.below(8) == 0 {
            desk.restart().await;
        }
        desk.settle().await;
        desk.assert_gapless().await;
        desk.assert_engine_is_what_is_stored().await;
    }
    assert!(desk.events().await.iter().any(|(_, event_type)| event_type == "work_item.completed"));
}
