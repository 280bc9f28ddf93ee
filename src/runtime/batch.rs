//! What has been decided and is not committed yet: the rows and events of several commands, and who waits for them.

use super::store::{Batch, KeptAnswer, KeyChange};
use cordboard_domain::event::Event;
use cordboard_domain::id::AccountId;
use cordboard_domain::work::{Effect, Gone, Output, Record};
use std::sync::Arc;

/// Gives an answer; dropped unused it tells the caller that there will be none.
pub type Deliver = Box<dyn FnOnce() + Send>;

#[derive(Default)]
pub(super) struct Draft {
    pub records: Vec<Record>,
    pub gone: Vec<Gone>,
    pub events: Vec<Event>,
    pub effects: Vec<Effect>,
    pub keys: Vec<KeyChange>,
    pub answers: Vec<KeptAnswer>,
    /// Answers in the order of their commands.
    pub waiting: Vec<Deliver>,
}

/// What follows a commit.
pub(super) struct Afterwards {
    pub events: Arc<[Event]>,
    pub waiting: Vec<Deliver>,
    pub effects: Vec<Effect>,
}

impl Draft {
    pub fn add(&mut self, outputs: impl Iterator<Item = Output>) {
        for output in outputs {
            match output {
                Output::Put(record) => self.records.push(record),
                Output::Delete(gone) => self.gone.push(gone),
                Output::Event(event) => self.events.push(event),
                Output::Effect(effect) => self.effects.push(effect),
            }
        }
    }

    pub fn is_empty(&self) -> bool {
        !self.writes() && self.waiting.is_empty()
    }

    pub fn writes(&self) -> bool {
        let nothing = self.records.is_empty()
            && self.gone.is_empty()
            && self.events.is_empty()
            && self.keys.is_empty()
            && self.answers.is_empty();
        !nothing
    }

    /// Rows and events, by which a batch is bounded.
    pub fn size(&self) -> usize {
        self.records.len() + self.events.len() + self.waiting.len()
    }

    pub fn into_batch(self, account: AccountId, after_commit: u64, sequence: u64) -> (Batch, Afterwards) {
        let events: Arc<[Event]> = self.events.into();
        let batch = Batch {
            account,
            after_commit,
            sequence,
            records: self.records,
            gone: self.gone,
            events: Arc::clone(&events),
            keys: self.keys,
            answers: self.answers,
        };
        (batch, Afterwards { events, waiting: self.waiting, effects: self.effects })
    }
}
