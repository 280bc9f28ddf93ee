//! The brute-force reference: its own picture of an account, built from what the engine emits, and its own opinion of
//! every decision, written from the description of distribution. It shares no code with the engine's matching.

mod callout;
mod check;
mod eligibility;
mod follow;
mod item;
mod logic;
mod offer;
mod order;
mod world;

pub use world::World;
