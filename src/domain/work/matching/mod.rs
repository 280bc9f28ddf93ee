//! Matching by classes and bitmaps: who may take an item and which item a worker takes, without ever scanning the items
//! or the workers. It knows neither reservations nor workflows; the engine tells it who is free and what waits.

pub mod floor;
pub mod held;
pub mod order;
pub mod predicate;
pub mod ranking;
pub mod waiting;
