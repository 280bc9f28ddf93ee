//! `cordboard workflow check FILE` and `cordboard workflow test FILE…`: documents without a server. The account that a
//! document is for is declared in its test file, `name.test.json` beside `name.json`.

use anyhow::{Context, bail};
use cordboard_domain::rule::{Finding, Severity};
use cordboard_domain::work::document::Document;
use cordboard_domain::work::document::case::TestFile;
use cordboard_domain::work::{Rejection, run_cases};
use serde_json::Value;
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

fn read(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))
}

fn read_document(path: &Path) -> anyhow::Result<Value> {
    serde_json::from_str(&read(path)?).with_context(|| format!("{} is not JSON", path.display()))
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
        bail!("{} has {errors} errors", path.display());
    }
    Ok(())
}

fn read_cases(path: &Path) -> anyhow::Result<TestFile> {
    let file = TestFile::read(&read(path)?).with_context(|| format!("{} is not a test file", path.display()))?;
    tell(path, &file.check())?;
    Ok(file)
}

fn check(file: &Path) -> anyhow::Result<()> {
    let document = read_document(file)?;
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

fn test(files: &[PathBuf]) -> anyhow::Result<()> {
    let (mut passed, mut failed) = (0, 0);
    for file in files {
        let (document, cases) = pair(file);
        let (content, cases_read) = (read_document(&document)?, read_cases(&cases)?);
        tell(&document, &Document::check(&content, &cases_read.directory()))?;
        let results = match run_cases(&content, &cases_read) {
            Ok(results) => results,
            Err(Rejection::Document { findings }) => {
                tell(&cases, &findings)?;
                bail!("{} cannot be played", cases.display());
            }
            Err(Rejection::Invalid { pointer, message, .. }) => bail!("{} at {pointer}: {message}", cases.display()),
            Err(other) => bail!("{}: {other}", cases.display()),
        };
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
    println!("{passed} cases hold, {failed} do not");
    if failed > 0 {
        bail!("{failed} cases do not hold");
    }
    Ok(())
}
