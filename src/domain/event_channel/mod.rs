//! Event channels: what a receiver is sent of an account's events, and in which form.

mod rules;

pub use rules::{Batch, ChannelRules, Throttle};
