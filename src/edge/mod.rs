//! Touches the world: one folder per outside thing.

pub mod store;
pub mod system;
