//! The one integration binary; its tree mirrors the program: the store, the runtime, the REST resources.

mod cli;
mod delivery;
mod fetch;
mod http;
mod kill;
mod openapi;
mod runtime;
mod samples;
mod store;
mod support;
mod tidy;
mod tour;
