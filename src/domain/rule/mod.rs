//! JSONLogic as people write it: checked, compiled, and evaluated against facts.

mod finding;

pub use finding::{Finding, Severity};
