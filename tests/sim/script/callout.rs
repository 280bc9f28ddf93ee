//! What servers answer in a script: to request steps, and to assignment callbacks.

use super::parse::Step;
use super::perform::{Done, offer, tell};
use super::play::Stage;
use cordboard_domain::work::*;
use serde_json::{Map, Value};

/// `fails=timeout status=504`: how each attempt failed; `fallback=yes` says that the fallback was asked too.
fn causes(step: &Step) -> Result<Vec<Cause>, String> {
    let Some(code) = step.pair("fails") else { return Ok(Vec::new()) };
    let status = step.number("status")?;
    let cause = |asked| Cause::new(Some(asked), code.to_owned(), "as the script says", status);
    let both = step.yes("fallback");
    Ok([Asked::Primary, Asked::Fallback].into_iter().take(1 + usize::from(both)).map(cause).collect())
}

/// An answer, if there is one, came from the fallback when anything failed before.
fn outcome<T>(answer: Option<T>, causes: Vec<Cause>) -> Outcome<T> {
    let from = if causes.is_empty() { Asked::Primary } else { Asked::Fallback };
    Outcome { heard: answer.map(|answer| Heard { answer, status: 200, from }), causes }
}

/// `answer i1 {…}`: of the item's latest request, or of an earlier one by its number.
pub fn answer(stage: &mut Stage, step: &Step, name: &str) -> Done {
    let item = stage.names.item(name)?;
    let made = stage.names.requests.get(&item).map_or(&[][..], Vec::as_slice);
    let visit = step.number::<usize>("visit")?.unwrap_or(made.len());
    let request = made.get(visit.wrapping_sub(1)).ok_or_else(|| format!("`{name}` has not asked so often"))?;
    let attributes: Option<Map<String, Value>> = step.json().and_then(Value::as_object).cloned();
    let (request, outcome) = (*request, outcome(attributes, causes(step)?));
    tell(stage, Command::AnswerRequest { item, request, outcome })
}

/// `instruct i1 accept by ann`
pub fn instruct(stage: &mut Stage, step: &Step, name: &str) -> Done {
    let (word, by) = (step.word(2), step.word(4));
    let instruction = match word {
        Some("accept") => Some(Instruction::Accept),
        Some("reject") => Some(Instruction::Reject { reason: step.pair("reason").map(str::to_owned) }),
        Some("none") => Some(Instruction::None),
        Some(other) => return Err(format!("`{other}` is no instruction")),
        None => None,
    };
    let id = offer(stage, name, by)?;
    let outcome = outcome(instruction, causes(step)?);
    tell(stage, Command::AnswerAssignment { id, outcome })
}
