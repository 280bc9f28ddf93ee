//! The loop of an account: group commit, what is visible when, failures of the store, timers, idempotency.

mod callout;
mod callout_limits;
mod commit;
mod desk;
mod failure;
mod feed;
mod idempotency;
mod presence;
mod random;
mod recount;
mod statistics;
mod timers;
mod upkeep;
