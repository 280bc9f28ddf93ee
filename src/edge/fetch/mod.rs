//! Requests that leave: the one client for every callback. It alone decides whom the program may reach, and knows
//! nothing of what is asked.

pub mod address;
mod client;
mod connect;
mod failure;
pub mod resolve;
mod target;
mod trust;
mod turn;

pub use client::{ANSWER_HEADER_BYTES_MAX, ANSWER_HEADERS_MAX, HttpFetch, HttpFetchOptions, REQUEST_BYTES_MAX};
pub use resolve::{Names, SystemNames};
pub use target::URL_BYTES_MAX;
pub use turn::{HOST_REQUESTS_HELD_MAX, REQUESTS_HELD_MAX};
