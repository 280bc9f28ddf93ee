//! `cordboard workflow check FILE` and `cordboard workflow test FILE…`: documents without a server. The account that a
//! document is for is declared in its test file, `name.test.json` beside `name.json`.

use super::json;
use anyhow::bail;
use cordboard_domain::rule::{Finding, Severity};
use cordboard_domain::work::document::Document;
use cordboard_domain::work::document::case::TestFile;
use cordboard_domain::work::{CaseResult, Rejection, run_cases};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Check a workflow document; what it names must be declared in the test file beside it, if there is one.
    Check { file: PathBuf },
    /// Run the test cases of workflow documents.
    Test {
        /// `name.json` or `name.test.json`; the other is found beside it.
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
}

pub fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Check { file } => check(&file),
        Command::Test { files } => test(&files),
    }
}

/// The document and the test file of a pair, given either.
fn pair(path: &Path) -> (PathBuf, PathBuf) {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let stem = name.strip_suffix(".test.json").or_else(|| name.strip_suffix(".json")).unwrap_or(&name);
    (path.with_file_name(format!("{stem}.json")), path.with_file_name(format!("{stem}.test.json")))
}

/// Prints findings; an error among them is one of the command.
fn tell(path: &Path, findings: &[Finding]) -> anyhow::Result<()> {
    let mut errors = 0;
    for finding in findings {
        let severity = match finding.severity {
            Severity::Error => {
                errors += 1;
                "error"
            }
            Severity::Warning => "warning",
        };
        let place = if finding.pointer.is_empty() { "/" } else { &finding.pointer };
        println!("{}: {severity} {} at {place}: {}", path.display(), finding.code, finding.message);
    }
    if errors > 0 {
        bail!("{} has {}", path.display(), counted(errors, "error", "errors"));
    }
    Ok(())
}

fn counted(number: usize, one: &str, several: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {several}") }
}

fn read_cases(path: &Path) -> anyhow::Result<TestFile> {
    let file: TestFile = json::read(path, "a test file")?;
    tell(path, &file.check())?;
    Ok(file)
}

fn check(file: &Path) -> anyhow::Result<()> {
    let document: Value = json::read(file, "JSON")?;
    let (_, cases) = pair(file);
    let findings = if cases.exists() {
        Document::check(&document, &read_cases(&cases)?.directory())
    } else {
        println!("{}: no {} declares an account, so names are not checked", file.display(), cases.display());
        match Document::parse(&document) {
            Ok(_) => Vec::new(),
            Err(findings) => findings,
        }
    };
    tell(file, &findings)?;
    println!("{}: sound", file.display());
    Ok(())
}

/// Runs every file, whatever is wrong with one of them; either of a pair stands for both.
fn test(files: &[PathBuf]) -> anyhow::Result<()> {
    let (mut passed, mut failed, mut unusable) = (0, 0, 0);
    let mut seen = BTreeSet::new();
    for (document, cases) in files.iter().map(|file| pair(file)).filter(|pair| seen.insert(pair.clone())) {
        let results = play(&document, &cases).unwrap_or_else(|error| {
            unusable += 1;
            println!("{}: NOT RUN: {error:#}", cases.display());
            Vec::new()
        });
        for result in results {
            if result.differences.is_empty() {
                passed += 1;
                println!("{}: ok: {}", cases.display(), result.name);
            } else {
                failed += 1;
                println!("{}: FAILED: {}", cases.display(), result.name);
                result.differences.iter().for_each(|difference| println!("    {difference}"));
            }
        }
    }
    let told = format!("{}, {}", counted(passed, "case holds", "cases hold"), counted(failed, "does not", "do not"));
    let not_run =
        if unusable > 0 { format!(", {} could not be run", counted(unusable, "file", "files")) } else { String::new() };
    println!("{told}{not_run}");
    if failed > 0 || unusable > 0 {
        bail!("not every case holds: {told}{not_run}");
    }
    Ok(())
}

fn play(document: &Path, cases: &Path) -> anyhow::Result<Vec<CaseResult>> {
    let (content, file): (Value, TestFile) = (json::read(document, "JSON")?, read_cases(cases)?);
    tell(document, &Document::check(&content, &file.directory()))?;
    match run_cases(&content, &file) {
        Ok(results) => Ok(results),
        Err(Rejection::Document { findings }) => {
            tell(cases, &findings)?;
            bail!("its declared account cannot be made");
        }
        Err(Rejection::Invalid { pointer, message, .. }) => bail!("at {pointer}: {message}"),
        Err(other) => bail!("{other}"),
    }
}
