//! Scenario scripts: texts with commands and the trace expected of them. `docs` of the language: see [`play`].

mod callout;
pub mod parse;
mod perform;
pub mod play;
mod tell;

pub use play::actor_of;

/// Plays a script and returns it with the trace that it gave.
pub fn play(text: &str) -> Result<String, String> {
    let parts = parse::parse(text)?;
    let traces = play::traces(&parts)?;
    Ok(parse::print(&parts, &traces))
}
