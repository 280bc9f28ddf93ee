//! Touches the world: one folder per outside thing.

pub mod fetch;
pub mod http;
pub mod sink;
pub mod store;
pub mod system;
