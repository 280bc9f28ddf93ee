//! URLs of callbacks in the moment in which they are saved: one that can never be asked is refused with its place, before
//! anybody waits for it. Names are not looked up here; where they lead is checked at every connection.

use super::HttpState;
use super::error::ApiError;
use cordboard_domain::rule::{Finding, Severity};
use cordboard_domain::work::Rejection;
use cordboard_domain::work::document::Document;
use serde_json::Value;

/// Refuses a URL that could never be asked.
pub fn check(state: &HttpState, pointer: &str, url: Option<&str>) -> Result<(), ApiError> {
    let refused = url.and_then(|url| state.runtime.fetch().check_url(url).err());
    match refused {
        Some(failure) => Err(ApiError::field(pointer, failure.code.as_str(), failure.message)),
        None => Ok(()),
    }
}

/// What is wrong with the URLs of a document; nothing, when the document cannot be read, which is told elsewhere.
pub fn findings(state: &HttpState, document: &Value) -> Vec<Finding> {
    let Ok(document) = Document::parse(document) else { return Vec::new() };
    let refused = document.urls().into_iter().filter_map(|(pointer, url)| {
        let failure = state.runtime.fetch().check_url(url).err()?;
        Some(Finding { severity: Severity::Error, code: failure.code.as_str(), message: failure.message, pointer })
    });
    refused.collect()
}

/// Refuses a document with a URL that could never be asked.
pub fn check_document(state: &HttpState, document: &Value) -> Result<(), ApiError> {
    let findings = findings(state, document);
    if findings.is_empty() { Ok(()) } else { Err(Rejection::Document { findings }.into()) }
}
