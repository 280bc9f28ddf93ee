//! The REST API, called without sockets: its router on a real store and a clock moved by hand.

mod account;
mod activity;
mod answer;
mod api_key;
mod auth;
mod body;
mod channel;
pub mod contract;
mod event;
mod event_resume;
mod event_socket;
mod event_stream;
mod example;
mod isolation;
mod life;
mod live;
pub mod office;
mod parameter;
mod queue;
mod reservation;
mod schedule;
mod statistics;
mod text;
mod work_item;
mod worker;
mod workflow;
mod workflow_check;
