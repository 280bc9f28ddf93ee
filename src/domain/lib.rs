//! The deciding half of Cordboard: pure machines that take a time and an input and return outputs.
//!
//! Nothing here may read a clock, draw a random number, log, wait or touch the world; the manifest is the fence.
//! [`work`] distributes work items to workers; [`event`] is the catalogue of what can happen, [`event_channel`] decides
//! what of it a receiver is sent, and [`statistics`] counts what the events tell; [`rule`] evaluates the JSONLogic that
//! people write; [`schedule`] answers whether business hours are open.

pub mod event;
pub mod event_channel;
pub mod id;
pub mod limit;
pub mod rule;
pub mod schedule;
pub mod signing;
pub mod statistics;
pub mod time;
pub mod work;
