//! Deliveries to subscriptions, from the API to receivers of every kind.

mod failing;
mod hook;
mod kill;
mod post;
mod random;
mod redis;
mod restart;
mod store_failing;
mod webhook;
