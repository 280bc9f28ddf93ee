//! Reads a scenario script: notes, commands and the trace expected after each. It knows words, pairs and JSON, not what
//! the commands mean.

use serde_json::Value;

/// What a script is made of, in its order; printing the parts gives the script again.
#[derive(Debug, Clone, PartialEq)]
pub enum Part {
    /// A blank line or one that begins with `#`.
    Note(String),
    Step(Step),
}

/// A command as it stands in the text, and what is expected to come of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    pub line: usize,
    /// The source lines: more than one where JSON goes on.
    pub text: Vec<String>,
    pub words: Vec<Word>,
    /// Lines that begin with `> `, without the mark.
    pub expected: Vec<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Word {
    Text(String),
    Pair(String, String),
    Json(Value),
}

pub const MARK: &str = "> ";

pub fn parse(text: &str) -> Result<Vec<Part>, String> {
    let mut parts: Vec<Part> = Vec::new();
    let mut lines = text.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        let line_number = number + 1;
        if let Some(expected) = line.strip_prefix(MARK) {
            match parts.last_mut() {
                Some(Part::Step(step)) => step.expected.push(expected.to_owned()),
                _ => return Err(format!("line {line_number}: a trace line without a command before it")),
            }
            continue;
        }
        if line.trim().is_empty() || line.starts_with('#') {
            parts.push(Part::Note(line.to_owned()));
            continue;
        }
        let mut source = vec![line.to_owned()];
        let words = loop {
            match words(&source.join("\n")) {
                Ok(words) => break words,
                Err(Unfinished::Json) => match lines.next() {
                    Some((_, more)) => source.push(more.to_owned()),
                    None => return Err(format!("line {line_number}: JSON that never ends")),
                },
                Err(Unfinished::Wrong(why)) => return Err(format!("line {line_number}: {why}")),
            }
        };
        parts.push(Part::Step(Step { line: line_number, text: source, words, expected: Vec::new() }));
    }
    Ok(parts)
}

enum Unfinished {
    Json,
    Wrong(String),
}

fn words(text: &str) -> Result<Vec<Word>, Unfinished> {
    let mut words = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        if rest.starts_with(['{', '[', '"']) {
            let mut values = serde_json::Deserializer::from_str(rest).into_iter::<Value>();
            match values.next() {
                Some(Ok(value)) => words.push(Word::Json(value)),
                Some(Err(error)) if error.is_eof() => return Err(Unfinished::Json),
                Some(Err(error)) => return Err(Unfinished::Wrong(error.to_string())),
                None => return Err(Unfinished::Json),
            }
            rest = rest[values.byte_offset()..].trim_start();
            continue;
        }
        let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
        let word = &rest[..end];
        words.push(match word.split_once('=') {
            Some((key, value)) => Word::Pair(key.to_owned(), value.to_owned()),
            None => Word::Text(word.to_owned()),
        });
        rest = rest[end..].trim_start();
    }
    Ok(words)
}

/// The script with the given trace in place of the expected one.
pub fn print(parts: &[Part], traces: &[Vec<String>]) -> String {
    let mut text = String::new();
    let mut traces = traces.iter();
    for part in parts {
        match part {
            Part::Note(line) => text.extend([line.as_str(), "\n"]),
            Part::Step(step) => {
                for line in &step.text {
                    text.extend([line.as_str(), "\n"]);
                }
                for line in traces.next().into_iter().flatten() {
                    text.extend([MARK, line.as_str(), "\n"]);
                }
            }
        }
    }
    text
}

/// Milliseconds of a length of time such as `250ms`, `20s`, `5m`, `2h` or `3d`.
pub fn millis(text: &str) -> Result<i64, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number: i64 = text[..digits].parse().map_err(|_| format!("`{text}` is not a length of time"))?;
    let unit = match &text[digits..] {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(format!("`{text}` needs a unit: ms, s, m, h or d")),
    };
    Ok(number * unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCRIPT: &str = "# A title.\n\nworker ann {\"a\":\n  [1]} voice=2\n> one\n> two\nafter 5s\n";

    #[test]
    fn a_script_is_read_and_printed_again() {
        let parts = parse(SCRIPT).expect("it is a script");
        let steps: Vec<_> = parts
            .iter()
            .filter_map(|part| match part {
                Part::Step(step) => Some(step),
                Part::Note(_) => None,
            })
            .collect();
        assert_eq!(steps.len(), 2);
        assert_eq!(steps[0].expected, ["one", "two"]);
        assert_eq!(steps[0].words[2], Word::Json(serde_json::json!({"a": [1]})));
        assert_eq!(steps[0].words[3], Word::Pair("voice".into(), "2".into()));
        assert_eq!(print(&parts, &[steps[0].expected.clone(), Vec::new()]), SCRIPT);
    }

    #[test]
    fn what_is_no_script_is_refused_with_its_line() {
        assert!(parse("> nothing before").is_err_and(|why| why.contains("line 1")));
        assert!(parse("\nworker {\"a\": ").is_err_and(|why| why.contains("line 2")));
        assert!(millis("5").is_err() && millis("5m") == Ok(300_000));
    }
}
