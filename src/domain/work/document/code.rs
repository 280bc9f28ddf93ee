//! The catalogue of findings: each has a stable code and a severity that follows from it. The codes of expressions
//! themselves (operators, operands, size, facts) belong to [`crate::rule::check_expression`].

use crate::limit::FINDINGS_MAX;
use crate::rule::{Finding, Severity};

/// One kind of finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Code {
    pub name: &'static str,
    pub severity: Severity,
    /// One sentence for the manual.
    pub means: &'static str,
}

macro_rules! codes {
    ($($constant:ident, $name:literal, $severity:ident, $means:literal;)*) => {
        $(pub(in crate::work::document) const $constant: Code =
            Code { name: $name, severity: Severity::$severity, means: $means };)*
        /// Every kind of finding of the document check.
        pub const CODES: &[Code] = &[$($constant),*];
    };
}

codes! {
    DOCUMENT_TOO_LARGE, "document_too_large", Error, "The document is larger than 256 KiB.";
    WRONG_TYPE, "wrong_type", Error, "A value has another JSON type than its field asks for.";
    MISSING_FIELD, "missing_field", Error, "A field that must be there is not.";
    UNKNOWN_FIELD, "unknown_field", Error, "A field that does not exist there; the message names the nearest one.";
    OUT_OF_RANGE, "out_of_range", Error, "A number or a text is none that its field allows; the message says which are.";
    TOO_MANY, "too_many", Error, "More rules, steps or ordering keys than are allowed.";
    TOO_DEEP, "too_deep", Error, "Branches within branches beyond the allowed depth.";
    NOT_A_STEP, "not_a_step", Error, "A step has no verb, or several.";
    PREFER_MISSING, "prefer_missing", Error, "A field of a route needs `prefer` beside it.";
    DUPLICATE_NAME, "duplicate_name", Error, "Two rules carry one name, or a rule is named `default`.";
    DUPLICATE_LABEL, "duplicate_label", Error, "Two steps of one rule carry one label.";
    UNKNOWN_LABEL, "unknown_label", Error, "A `goto` names a label that no step of its rule carries.";
    UNKNOWN_TIME_ZONE, "unknown_time_zone", Error, "The time zone is not in the IANA database.";
    NOT_AN_INSTANT, "not_an_instant", Error, "`wait.until` is a text that is no point in time.";
    BAD_URL, "bad_url", Error, "A text is no absolute http or https URL of at most 2,000 characters.";
    BAD_EXPRESSION, "bad_expression", Error, "The expression cannot be compiled.";
    OBJECT_COMPARED, "object_compared", Error, "The item as a whole is compared with a worker: nobody ever matches.";
    EMPTY_DOCUMENT, "empty_document", Error, "No rule and no default: every item would be canceled.";
    EMPTY_STEPS, "empty_steps", Error, "A rule, a default or a branch without steps.";
    UNKNOWN_QUEUE, "unknown_queue", Error, "The account has no queue of this id or name.";
    UNKNOWN_SCHEDULE, "unknown_schedule", Error, "The account has no schedule of this name.";
    UNKNOWN_WORKER, "unknown_worker", Warning, "The account has no worker of this id or name.";
    UNKNOWN_CHANNEL, "unknown_channel", Warning, "`sys.channel` is compared with a channel that does not exist.";
    UNKNOWN_ACTIVITY, "unknown_activity", Warning, "`sys.worker.activity` is compared with an unknown activity.";
    ATTRIBUTE_UNKNOWN, "attribute_unknown", Warning, "An expression reads an attribute that no worker has.";
    ATTRIBUTE_TYPE, "attribute_type", Warning, "An attribute is compared with a type that no worker holds there.";
    OBJECT_LIKELY, "object_likely", Warning, "What the document reads as objects of the item is compared with a worker.";
    ATTRIBUTES_UNCHECKED, "attributes_unchecked", Warning, "So many attributes are read that some were not looked up.";
    NO_WORKERS, "no_workers", Warning, "The account has no workers, so what reads them could not be checked.";
    QUEUE_WITHOUT_WORKERS, "queue_without_workers", Warning, "No worker belongs to the queue of this step.";
    MATCHES_NOBODY, "matches_nobody", Warning, "No worker of the queue satisfies `workers`, whatever the item.";
    NO_DEFAULT, "no_default", Warning, "Items that no rule matches are canceled.";
    UNREACHABLE_RULE, "unreachable_rule", Warning, "Rules above take every item that this one could match.";
    RULE_NEVER_MATCHES, "rule_never_matches", Warning, "The condition is false for every item.";
    CONSTANT_CONDITION, "constant_condition", Warning, "A condition is the same whatever the item and the time.";
    UNREACHABLE_STEP, "unreachable_step", Warning, "No item can come to this step.";
    LOOP_NEVER_WAITS, "loop_never_waits", Warning, "A `goto` goes round without a route or a wait between.";
    LAST_ROUTE_TIMES_OUT, "last_route_times_out", Warning, "After this route's timeout no step is left: canceled.";
    STEPS_RUN_OUT, "steps_run_out", Warning, "After this step no step is left: the item is canceled.";
    REQUEST_NEVER_MADE, "request_never_made", Warning, "`sys.request` is read where no `request` step can have been.";
    WITHOUT_EFFECT, "without_effect", Warning, "A field or a step changes nothing where it stands.";
    TOO_MANY_FINDINGS, "too_many_findings", Warning, "The list of findings was cut off here; an error when errors were.";
}

/// Errors first, each group in the order in which it was found, and no more than anybody would read.
pub(in crate::work::document) fn arranged(mut findings: Vec<Finding>) -> Vec<Finding> {
    findings.sort_by_key(|finding| finding.severity);
    if findings.len() > FINDINGS_MAX {
        let left = findings.len() - FINDINGS_MAX + 1;
        findings.truncate(FINDINGS_MAX - 1);
        // Errors come first, so a cut within them hides errors and is one itself.
        let severity = findings.last().map_or(Severity::Warning, |finding| finding.severity);
        let message = format!("{left} more findings are not shown; mend these first");
        findings.push(Finding { severity, code: TOO_MANY_FINDINGS.name, message, pointer: String::new() });
    }
    findings
}
