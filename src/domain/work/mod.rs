//! The distribution engine: commands and time in, outputs out. It knows workers, queues, workflows and items of one
//! account and nothing of how commands arrive or where records are kept.

mod command;
mod record;

pub use command::*;
pub use record::*;
