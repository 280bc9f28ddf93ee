//! Configuration commands, one file per resource. Each checks everything first; what a change means for waiting items
//! is settled by pushing the workers and items concerned onto the turn.

mod account;
mod activity;
mod channel;
mod event_channel;
mod queue;
mod schedule;
mod subscription;
mod workflow;

#[cfg(test)]
mod subscription_tests;
