//! Callouts: requests to an integrator's server, which the engine decides on and the runtime makes. Each has an id that
//! stays the same over all attempts and restarts, so that an answer finds what it belongs to, or changes nothing.

use crate::id::{ItemId, RequestId, ReservationId};
use crate::limit::{CALLOUT_CAUSE_CHARS_MAX, REASON_CHARS_MAX};
use crate::signing::SigningSecret;
use serde::Serialize;
use serde_json::{Map, Value};
use std::borrow::Cow;

/// What a callout is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Calling {
    /// A `request` step asks for attributes.
    Request { item: ItemId, request: RequestId },
    /// The assignment callback of an open offer.
    Assignment(ReservationId),
}

impl Calling {
    /// The message's id over all attempts (`webhook-id`).
    pub fn message_id(self) -> String {
        match self {
            Self::Request { request, .. } => request.to_string(),
            Self::Assignment(reservation) => reservation.to_string(),
        }
    }
}

/// Everything that is needed to make a callout, as things stand at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Callout {
    pub url: Box<str>,
    pub fallback_url: Option<Box<str>>,
    /// Of each attempt.
    pub timeout_s: u32,
    /// JSON.
    pub body: String,
    /// All of them sign.
    pub secrets: Vec<SigningSecret>,
}

/// Which of the two URLs was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Asked {
    Primary,
    Fallback,
}

/// Why an answer cannot be used, or why there is none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Cause {
    /// `null` when nobody was asked.
    pub asked: Option<Asked>,
    /// Stable: people and workflows branch on it.
    pub code: Cow<'static, str>,
    pub message: String,
    /// What the server answered, if it came to that.
    pub status: Option<u16>,
}

impl Cause {
    /// A long message is cut.
    pub fn new(asked: Option<Asked>, code: impl Into<Cow<'static, str>>, message: &str, status: Option<u16>) -> Self {
        let message = message.chars().take(CALLOUT_CAUSE_CHARS_MAX).collect();
        Self { asked, code: code.into(), message, status }
    }

    /// The runtime never came back with an answer.
    pub(in crate::work) fn lost() -> Self {
        Self::new(None, "answer_lost", "no answer came back in time", None)
    }
}

/// An answer that can be used.
#[derive(Debug, Clone, PartialEq)]
pub struct Heard<T> {
    pub answer: T,
    pub status: u16,
    pub from: Asked,
}

/// How a callout ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome<T> {
    pub heard: Option<Heard<T>>,
    /// Of each attempt that failed, in order; there may be one although the fallback answered.
    pub causes: Vec<Cause>,
}

impl<T> Outcome<T> {
    pub fn failed(causes: Vec<Cause>) -> Self {
        Self { heard: None, causes }
    }
}

/// What an assignment callback instructs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Instruction {
    /// Nothing yet: the worker answers.
    None,
    Accept,
    Reject {
        reason: Option<String>,
    },
}

impl Instruction {
    pub fn name(&self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Accept => "accept",
            Self::Reject { .. } => "reject",
        }
    }
}

/// Code and sentence of an answer that cannot be used.
pub type Unusable = (&'static str, String);

fn object(body: &[u8]) -> Result<Map<String, Value>, Unusable> {
    match serde_json::from_slice(body) {
        Ok(Value::Object(fields)) => Ok(fields),
        Ok(_) => Err(("not_an_object", "the answer is JSON, but no object".to_owned())),
        Err(error) => Err(("not_json", format!("the answer is not JSON: {error}"))),
    }
}

/// Reads the answer to a `request` step: a JSON object.
///
/// # Errors
/// `not_json` or `not_an_object`.
pub fn read_attributes(body: &[u8]) -> Result<Map<String, Value>, Unusable> {
    object(body)
}

/// Reads the answer of an assignment callback: nothing, or an object with an `instruction`.
///
/// # Errors
/// `not_json`, `not_an_object`, `unknown_instruction`, or `instruction_not_supported` for those of calls.
pub fn read_instruction(body: &[u8]) -> Result<Instruction, Unusable> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(Instruction::None);
    }
    let fields = object(body)?;
    let unknown = |what: String| ("unknown_instruction", what);
    if let Some(name) = fields.keys().find(|name| !matches!(name.as_str(), "instruction" | "reason")) {
        let name: String = name.chars().take(40).collect();
        return Err(unknown(format!("the answer has `instruction` and `reason`, but no `{}`", name.escape_debug())));
    }
    let reason = match fields.get("reason") {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) if !text.is_empty() && text.chars().count() <= REASON_CHARS_MAX => Some(text.clone()),
        Some(_) => return Err(unknown(format!("`reason` is a text of 1 to {REASON_CHARS_MAX} characters"))),
    };
    match fields.get("instruction") {
        None | Some(Value::Null) => Ok(Instruction::None),
        Some(Value::String(text)) => match text.as_str() {
            "none" => Ok(Instruction::None),
            "accept" => Ok(Instruction::Accept),
            "reject" => Ok(Instruction::Reject { reason }),
            "redirect" | "dequeue" | "conference" => {
                Err(("instruction_not_supported", format!("`{text}` is for calls, which this version does not have")))
            }
            _ => Err(unknown("an instruction is `accept`, `reject` or `none`".to_owned())),
        },
        Some(_) => Err(unknown("`instruction` is a text".to_owned())),
    }
}

/// Whether a text may be the URL of a callback: absolute, of http or https. Where it may lead is decided when it is
/// called.
pub(in crate::work) fn is_callback_url(url: &str) -> bool {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let sound = rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'));
    sound
        && url.chars().count() <= crate::limit::URL_CHARS_MAX
        && !url.chars().any(|c| c.is_whitespace() || c.is_control())
}

/// A URL as events and explanations show it: what stands behind `?` may be a secret.
pub(in crate::work) fn shown_url(url: &str) -> &str {
    url.split(['?', '#']).next().unwrap_or(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_of_assignment_callbacks_are_read_strictly() {
        let read = |text: &str| read_instruction(text.as_bytes()).map_err(|(code, _)| code);
        for nothing in ["", " \r\n", "{}", r#"{"instruction": "none"}"#, r#"{"instruction": null}"#] {
            assert_eq!(read(nothing), Ok(Instruction::None), "{nothing:?}");
        }
        assert_eq!(read(r#"{"instruction": "accept"}"#), Ok(Instruction::Accept));
        let reason = Some("no skill".to_owned());
        assert_eq!(read(r#"{"instruction": "reject", "reason": "no skill"}"#), Ok(Instruction::Reject { reason }));
        for call in ["redirect", "dequeue", "conference"] {
            assert_eq!(read(&format!(r#"{{"instruction": "{call}"}}"#)), Err("instruction_not_supported"));
        }
        for (wrong, code) in [
            (r#"{"instruction": "acept"}"#, "unknown_instruction"),
            (r#"{"instrution": "accept"}"#, "unknown_instruction"),
            (r#"{"instruction": 1}"#, "unknown_instruction"),
            (r#"{"instruction": "reject", "reason": 1}"#, "unknown_instruction"),
            (r#"["accept"]"#, "not_an_object"),
            ("accept", "not_json"),
        ] {
            assert_eq!(read(wrong), Err(code), "{wrong}");
        }
    }

    #[test]
    fn answers_of_request_steps_are_objects() {
        let read = |body: &[u8]| read_attributes(body).map_err(|(code, _)| code);
        assert_eq!(read(br#"{"tier": "gold"}"#).map(|fields| fields.len()), Ok(1));
        for body in [&b""[..], b"{", b"<html>", b"\xff", b"{}{}"] {
            assert_eq!(read(body), Err("not_json"), "{body:?}");
        }
        assert_eq!(read("[".repeat(100_000).as_bytes()), Err("not_json"), "no depth is too much for the stack");
        assert_eq!(read(b"[1]"), Err("not_an_object"));
    }

    #[test]
    fn the_query_of_a_url_is_not_shown() {
        assert_eq!(shown_url("https://crm.example/a?key=secret#b"), "https://crm.example/a");
    }
}
