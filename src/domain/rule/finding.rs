//! What a check finds wrong or doubtful in something that a person wrote.

use serde::Serialize;

/// How bad a finding is: an error refuses the document, a warning is shown beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    Error,
    Warning,
}

/// One finding: what, where, and how to mend it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    pub severity: Severity,
    /// Stable name of the kind of finding.
    pub code: &'static str,
    /// A sentence for the person who wrote it, with the mend.
    pub message: String,
    /// JSON pointer (RFC 6901) to the place in the document.
    pub pointer: String,
}
