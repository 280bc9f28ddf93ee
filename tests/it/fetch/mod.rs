//! Requests that leave: whom they reach, and what comes of receivers that misbehave.

mod address;
mod answer;
mod misbehaving;
mod names;
pub mod receiver;
mod spelling;
pub mod tls;
mod turn;
