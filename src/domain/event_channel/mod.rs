//! Event channels: what a receiver is sent of an account's events, and in which form.

mod dropped;
mod rules;
mod select;
mod shape;

pub use dropped::EVENTS_DROPPED;
pub use rules::{Batch, ChannelRules, Throttle};
pub use shape::{Message, Passing, Shaper};

#[cfg(test)]
mod tests;
