//! # request
//!
//! Asks a server of yours and merges what it answers into the item's attributes. The item waits in no queue meanwhile,
//! and goes on with the next step whatever came of it; `sys.request` tells what did.
//!
//! - `url` (needed): where to POST, absolute, http or https.
//! - `fallback_url`: asked the same when `url` gives no answer that can be used.
//! - `timeout_s` (1–15, default 5): seconds for each of the two.
//! - `into`: an attribute that takes the whole answer; without it each field of the answer becomes an attribute.
//! - `send`: an object of names and expressions, sent as `data` beside the item.
//!
//! The answer is a JSON object of at most 64 KiB. Facts afterwards: `sys.request.ok`, `sys.request.error` (the code of
//! the failure) and `sys.request.status`, of the latest request step.
//!
//! ```json
//! {"request": {"url": "https://crm.example.com/lookup", "fallback_url": "https://crm2.example.com/lookup",
//!              "timeout_s": 3, "into": "customer", "send": {"number": {"var": "item.from"}}}}
//! ```

use crate::limit::{CALLOUT_S_DEFAULT, CALLOUT_S_MAX, NAME_CHARS_MAX, URL_CHARS_MAX};
use crate::work::callout::is_callback_url;
use crate::work::document::code;
use crate::work::document::program::{Action, Request};
use crate::work::document::read::{Notes, Object};
use serde_json::Value;

const FIELDS: [&str; 5] = ["url", "fallback_url", "timeout_s", "into", "send"];

pub(in crate::work::document) fn read(value: &Value, pointer: &str, notes: &mut Notes) -> Option<Action> {
    let object = notes.object(value, pointer, &FIELDS, "a request")?;
    let url = notes.required(object, "url", "the URL of the server to ask");
    let url = url.and_then(|url| read_url(url, &object.at("url"), notes));
    let fallback_url = object.get("fallback_url");
    let fallback_url = fallback_url.and_then(|url| read_url(url, &object.at("fallback_url"), notes));
    if url.is_some() && url == fallback_url {
        let message = "the fallback is the same URL, so it fails with the first; name another server or take it out";
        notes.add(code::WITHOUT_EFFECT, object.at("fallback_url"), message);
    }
    let timeout_s = notes.whole_u32(object, "timeout_s", 1, CALLOUT_S_MAX).unwrap_or(CALLOUT_S_DEFAULT);
    let into = object.get("into").and_then(|into| read_into(into, object, notes));
    let send = object.get("send");
    let send = send.map(|send| super::set::read_values(send, &object.at("send"), notes));
    Some(Action::Request(Box::new(Request { url: url?, fallback_url, timeout_s, into, send })))
}

fn read_url(value: &Value, pointer: &str, notes: &mut Notes) -> Option<Box<str>> {
    match value {
        Value::String(url) if is_callback_url(url) => Some(url.as_str().into()),
        Value::String(_) => {
            let message = format!("an absolute http or https URL of at most {URL_CHARS_MAX} characters is wanted here");
            notes.add(code::BAD_URL, pointer, message);
            None
        }
        other => {
            notes.wrong_type(other, pointer, "a URL");
            None
        }
    }
}

fn read_into(value: &Value, object: Object<'_>, notes: &mut Notes) -> Option<String> {
    let pointer = object.at("into");
    let name = notes.text(value, &pointer, NAME_CHARS_MAX)?;
    if name.contains('.') {
        notes.add(code::OUT_OF_RANGE, pointer, "an attribute's name has no dot: `item.a.b` would read inside of `a`");
        return None;
    }
    Some(name)
}
