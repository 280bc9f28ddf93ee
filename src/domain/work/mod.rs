//! The distribution engine: commands and time in, outputs out. It knows workers, queues, workflows and items of one
//! account and nothing of how commands arrive or where records are kept.

mod callout;
mod command;
pub mod document;
mod engine;
pub mod explain;
mod founding;
mod matching;
mod plant;
mod record;
mod timer;
mod trial;
pub mod view;

pub use callout::*;
pub use command::*;
pub use engine::*;
pub use founding::found_account;
pub use plant::{Plant, Planted};
pub use record::*;
pub use trial::{CaseResult, run_cases};
