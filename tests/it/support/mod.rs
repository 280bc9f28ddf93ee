//! What the tests stand on: databases of their own, a clock moved by hand, a store that fails when told to, the real
//! program.

pub mod clock;
pub mod database;
pub mod dice;
pub mod ear;
pub mod failing_deliveries;
pub mod failing_store;
pub mod loaded;
pub mod outbound;
pub mod plain_http;
pub mod postgres;
pub mod program;
pub mod redis;
pub mod servers;
