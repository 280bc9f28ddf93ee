//! The speaking half of Cordboard: SIP (RFC 3261) as pure functions and machines, sans-IO.
//!
//! Nothing here may read a clock, draw a random number, log, wait or open a socket; the manifest is the fence.
//! [`message`] finds the parts of received bytes without copying them and builds messages, [`header`] reads single
//! headers on demand, [`uri`] the addresses in them, [`frame`] cuts a byte stream into messages.

pub mod frame;
pub mod header;
pub mod limit;
pub mod message;
pub mod method;
mod scan;
pub mod status;
pub mod uri;

pub use header::{Fault, HeaderError};
pub use message::{Message, Name, Verdict};
pub use method::Method;
