//! Cordboard: a self-hosted contact-center engine.
//!
//! - `cordboard_domain` decides: pure machines, time and randomness as arguments.
//! - [`runtime`] runs them: one loop per account, group commit, timers.
//! - [`edge`] touches the world: the store, the clock, HTTP.

pub mod app;
pub mod cli;
pub mod config;
pub mod edge;
pub mod runtime;
