//! Where the configuration comes from, and where each key of it was set.

use super::Flags;
use super::key::{self, Wants};
use anyhow::{Context, bail};
use serde_json::Value;
use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use toml_edit::{ImDocument, TableLike};

const PREFIX: &str = "CORDBOARD_";
const FILE: &str = "cordboard.toml";

/// Where a key was set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// The flag's name, without its dashes.
    Flag(String),
    Variable(String),
    File {
        file: PathBuf,
        line: usize,
    },
    Default,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(name) => write!(f, "set by the flag --{name}"),
            Self::Variable(name) => write!(f, "set by the environment variable {name}"),
            Self::File { file, line } => write!(f, "set in {}, line {line}", file.display()),
            Self::Default => f.write_str("the default"),
        }
    }
}

/// A variable of the environment that sets a key.
struct Variable {
    name: String,
    key: String,
    value: Value,
}

/// All that was given, read and not merged yet.
pub(super) struct Sources<'f> {
    flags: &'f Flags,
    /// Keys that flags set.
    flagged: Vec<String>,
    variables: Vec<Variable>,
    file: PathBuf,
    text: String,
    /// Keys of the file, with their lines.
    lines: Vec<(String, usize)>,
}

impl<'f> Sources<'f> {
    pub fn read(flags: &'f Flags, variables: impl Iterator<Item = (String, OsString)>) -> anyhow::Result<Self> {
        let file = flags.config.clone().unwrap_or_else(|| PathBuf::from(FILE));
        let text = match std::fs::read_to_string(&file) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && flags.config.is_none() => String::new(),
            Err(error) => {
                return Err(error).with_context(|| format!("reading the configuration file {}", file.display()));
            }
        };
        let lines = lines_of(&text).with_context(|| format!("reading the configuration file {}", file.display()))?;
        let variables = variables.filter_map(|(name, value)| variable(name, value)).collect::<Result<_, _>>()?;
        let set = serde_json::to_value(flags).context("reading the flags")?;
        let flagged = set.as_object().into_iter().flatten().map(|(key, _)| key.clone()).collect();
        Ok(Self { flags, flagged, variables, file, text, lines })
    }

    pub fn flags(&self) -> &Flags {
        self.flags
    }

    /// The file's text; empty when there is none.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What the environment sets of the keys that there are.
    pub fn variables(&self) -> impl Iterator<Item = (&str, &Value)> {
        let known = self.variables.iter().filter(|variable| key::find(&variable.key).is_some());
        known.map(|variable| (variable.key.as_str(), &variable.value))
    }

    /// Where the value in force was set: the last source that sets a key wins.
    pub fn place(&self, key: &str) -> Place {
        if self.flagged.iter().any(|flagged| flagged == key) {
            return Place::Flag(key.replace('_', "-"));
        }
        if let Some(variable) = self.variables.iter().rev().find(|variable| variable.key == key) {
            return Place::Variable(variable.name.clone());
        }
        // What should be a value and is a section is where its first key is.
        let within = |known: &str| known.strip_prefix(key).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
        match self.lines.iter().find(|(known, _)| within(known)) {
            Some((_, line)) => Place::File { file: self.file.clone(), line: *line },
            None => Place::Default,
        }
    }

    /// Keys that are set and do not exist, each with its place and with what was probably meant.
    pub fn unknown_keys(&self) -> Vec<String> {
        let mut faults = Vec::new();
        for (name, line) in self.lines.iter().filter(|(name, _)| key::find(name).is_none()) {
            let place = Place::File { file: self.file.clone(), line: *line };
            faults.push(unknown(name, &place, str::to_owned));
        }
        for variable in self.variables.iter().filter(|variable| key::find(&variable.key).is_none()) {
            faults.push(unknown(&variable.key, &Place::Variable(variable.name.clone()), variable_of));
        }
        faults
    }
}

fn unknown(name: &str, place: &Place, written: impl Fn(&str) -> String) -> String {
    let hint = match (key::within(name), key::meant(name)) {
        (Some(known), _) => format!("; it is a section with keys such as `{}`", written(known)),
        (None, Some(near)) => format!("; did you mean `{}`?", written(near)),
        (None, None) => String::new(),
    };
    format!("there is no key `{name}`{hint} ({place})")
}

/// The variable that sets a key.
fn variable_of(key: &str) -> String {
    format!("{PREFIX}{}", key.replace('.', "__").to_ascii_uppercase())
}

/// What a variable sets, if it is one of the configuration's. Only what must be a number is read as one: a key of digits
/// is a text. A list has commas between its entries.
fn variable(name: String, value: OsString) -> Option<anyhow::Result<Variable>> {
    let key = name.to_ascii_uppercase().strip_prefix(PREFIX)?.replace("__", ".").to_ascii_lowercase();
    let Ok(value) = value.into_string() else {
        return Some(Err(anyhow::anyhow!("the environment variable {name} is not UTF-8")));
    };
    let value = match key::find(&key).map(|key| &key.wants) {
        Some(Wants::Whole { .. }) => value.trim().parse::<u64>().map_or(Value::String(value), Value::from),
        Some(Wants::Networks) => value.split(',').map(str::trim).filter(|entry| !entry.is_empty()).collect(),
        Some(_) | None => Value::String(value),
    };
    Some(Ok(Variable { name, key, value }))
}

/// The keys of a file with their lines.
fn lines_of(text: &str) -> anyhow::Result<Vec<(String, usize)>> {
    let document = match ImDocument::parse(text) {
        Ok(document) => document,
        // Without the line itself, which may hold a secret.
        Err(error) => {
            let start = error.span().map_or(0, |span| span.start);
            bail!("not TOML at line {}: {}", line_at(text, start), error.message().replace('\n', ", "));
        }
    };
    let mut found = Vec::new();
    gather(document.as_table(), "", text, &mut found);
    Ok(found)
}

fn gather(table: &dyn TableLike, section: &str, text: &str, found: &mut Vec<(String, usize)>) {
    for (name, item) in table.iter() {
        let key = if section.is_empty() { name.to_owned() } else { format!("{section}.{name}") };
        if let Some(inner) = item.as_table_like() {
            gather(inner, &key, text, found);
            continue;
        }
        let start = table.key(name).and_then(|key| key.span()).or_else(|| item.span()).map_or(0, |span| span.start);
        found.push((key, line_at(text, start)));
    }
}

fn line_at(text: &str, byte: usize) -> usize {
    text.bytes().take(byte).filter(|byte| *byte == b'\n').count() + 1
}
