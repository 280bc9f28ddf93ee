//! Chance that is the same in every run.

use cordboard_domain::id::IdSource;
use cordboard_domain::time::Timestamp;

pub struct Dice(pub IdSource);

impl Dice {
    pub fn below(&mut self, end: u64) -> u64 {
        (self.0.next(Timestamp::from_millis(0)) % u128::from(end)) as u64
    }
}
