//! Random commands on a store that fails at random: after each failure and each restart the engine is what the store
//! holds, and the sequence has no gap.

use super::desk::*;
use crate::support::failing_store::Fate;
use cordboard::runtime::store::{Filter, Kind, Store};
use cordboard_domain::id::IdSource;
use cordboard_domain::time::Timestamp;
use cordboard_domain::work::*;
use std::time::Duration;

const ROUNDS: u32 = 60;
const COMMANDS_PER_ROUND: u64 = 12;

struct Dice(IdSource);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        (self.0.next(Timestamp::from_millis(0)) % u128::from(end)) as u64
    }
}

impl Desk {
    async fn stored(&self, kind: Kind) -> Vec<Record> {
        let filter = Filter { limit: 50, ..Filter::default() };
        self.store.list(self.account, kind, &filter).await.expect("they are read")
    }

    /// A command about something that is there, or was.
    async fn any_command(&self, dice: &mut Dice) -> Command {
        let expected = None;
        let reason = None;
        let choice = dice.below(8);
        if choice >= 5 {
            return new_item(None);
        }
        let kind = if choice < 3 { Kind::Reservation } else { Kind::Item };
        let records = self.stored(kind).await;
        if records.is_empty() {
            return new_item(None);
        }
        match (choice, &records[dice.below(records.len() as u64) as usize]) {
            (0, Record::Reservation(it)) => Command::AcceptReservation { id: it.id, expected },
            (1, Record::Reservation(it)) => Command::RejectReservation { id: it.id, reason, activity: None, expected },
            (2, Record::Reservation(it)) => Command::CompleteReservation { id: it.id, reason, expected },
            (3, Record::Item(it)) => Command::CancelItem { id: it.id, reason, expected },
            (_, Record::Item(it)) => Command::WrapUpItem { id: it.id, timeout_s: Some(5), reason, expected },
            (_, other) => unreachable!("not of the kind that was listed: {other:?}"),
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

#[tokio::test]
async fn the_engine_is_what_is_stored_whatever_fails() {
    let mut desk = Desk::new().await;
    let mut dice = Dice(IdSource::new(20_260_105));
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
