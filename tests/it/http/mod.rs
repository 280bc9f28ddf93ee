//! The REST API, called without sockets: its router on a real store and a clock moved by hand.

mod answer;
mod auth;
mod body;
pub mod contract;
mod example;
mod isolation;
mod office;
mod parameter;
mod reservation;
mod text;
mod work_item;
mod worker;
mod workflow;
