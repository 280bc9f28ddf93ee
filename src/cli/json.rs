//! Reading JSON files that people write: what is wrong is told with file, line and column, the line itself, and what
//! mends it.

use anyhow::{Context, bail};
use serde::de::DeserializeOwned;
use serde_json::error::Category;
use std::path::Path;

/// Characters shown of the line on either side of the fault.
const SHOWN_CHARS_MAX: usize = 60;

/// Reads a file that is to be `what`.
///
/// # Errors
/// When it cannot be opened, is no JSON, or is JSON of another shape.
pub(super) fn read<T: DeserializeOwned>(path: &Path, what: &str) -> anyhow::Result<T> {
    let text = std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    match serde_json::from_str(&text) {
        Ok(value) => Ok(value),
        Err(error) => bail!("{}", told(path, what, &text, &error)),
    }
}

fn told(path: &Path, what: &str, text: &str, error: &serde_json::Error) -> String {
    let (line, column) = (error.line(), error.column());
    let place = format!(" at line {line} column {column}");
    let why = error.to_string();
    let why = why.strip_suffix(&place).unwrap_or(&why);
    let mend = mend(error, why, text);
    let shown = shown(text, line, column);
    format!("{}:{line}:{column}: not {what}: {why}{mend}{shown}", path.display())
}

/// What probably mends it, as the end of the sentence.
fn mend(error: &serde_json::Error, why: &str, text: &str) -> &'static str {
    if text.trim().is_empty() {
        return "; the file is empty";
    }
    match error.classify() {
        Category::Eof => "; the file ends too early: a bracket, a brace or a quote is not closed",
        Category::Syntax if why.starts_with("trailing comma") => "; take the comma before it out",
        Category::Syntax if why.starts_with("key must be a string") => "; a name stands in double quotes",
        Category::Syntax if why.starts_with("expected `,`") => "; a comma or a closing bracket is missing before it",
        Category::Syntax if why.starts_with("expected `:`") => "; a colon is missing between a name and its value",
        Category::Syntax if why.starts_with("expected value") || why.starts_with("expected ident") => {
            "; texts stand in double quotes, and JSON has no comments"
        }
        Category::Syntax if why.starts_with("trailing characters") => "; the file holds one value and nothing after it",
        Category::Syntax | Category::Data | Category::Io => "",
    }
}

/// The line with a mark under the column, as two further lines. The column counts bytes from 1.
fn shown(text: &str, line: usize, column: usize) -> String {
    let Some(content) = text.lines().nth(line.saturating_sub(1)) else { return String::new() };
    let fault = content.char_indices().take_while(|(at, _)| *at + 1 < column).count();
    let (from, to) = (fault.saturating_sub(SHOWN_CHARS_MAX), fault + SHOWN_CHARS_MAX);
    let part: String = content.chars().skip(from).take(to - from).map(|it| if it == '\t' { ' ' } else { it }).collect();
    format!("\n    {}\n    {}^", part.trim_end(), " ".repeat(fault - from))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn told_of(text: &str) -> String {
        let error = serde_json::from_str::<Value>(text).expect_err("is no JSON");
        told(Path::new("a.json"), "JSON", text, &error)
    }

    #[test]
    fn faults_are_told_with_their_place_and_their_mend() {
        let told = told_of("{\n  \"ä\": 1,\n  \"b\" 2\n}");
        assert!(told.starts_with("a.json:3:7: not JSON: expected `:`; a colon is missing"), "{told}");
        assert!(told.ends_with("\n      \"b\" 2\n          ^"), "{told}");
        let wide = told_of(&format!("[{}oops]", "\"ü\", ".repeat(100)));
        let lines: Vec<&str> = wide.lines().collect();
        let under = lines[2].chars().position(|it| it == '^').expect("a mark");
        assert_eq!(lines[1].chars().nth(under), Some('o'), "{wide}");
        for (text, mend) in [
            ("", "the file is empty"),
            ("{\"a\": [1", "is not closed"),
            ("[1,]", "take the comma before it out"),
            ("{a: 1}", "in double quotes"),
            ("[1 2]", "a comma or a closing bracket is missing"),
            ("[// why\n]", "JSON has no comments"),
            ("{} {}", "one value and nothing after it"),
        ] {
            assert!(told_of(text).contains(mend), "{}", told_of(text));
        }
    }
}
