//! Deliveries to subscriptions, from the API to receivers of every kind.

mod failing;
mod hook;
mod kill;
mod post;
mod redis;
mod restart;
mod webhook;
