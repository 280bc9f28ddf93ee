//! Scenario scripts: texts with commands and the trace expected of them.

pub mod parse;
