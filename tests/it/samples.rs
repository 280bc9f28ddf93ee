//! The sample workflows of the project: every file is read, and nothing is found wrong with it.

use cordboard_domain::work::document::Document;
use cordboard_domain::work::document::case::TestFile;
use cordboard_domain::work::run_cases;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// Pairs of a sample's document and its test file, by the document's file name.
fn samples() -> Vec<(PathBuf, Value, TestFile)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("workflows");
    let files = std::fs::read_dir(&folder).expect("the folder of samples").map(|entry| entry.expect("an entry").path());
    let documents = files.filter(|path| path.extension().is_some_and(|end| end == "json"));
    let documents = documents.filter(|path| !path.to_string_lossy().ends_with(".test.json"));
    let mut documents: Vec<PathBuf> = documents.collect();
    documents.sort();
    let read =
        |path: &Path| std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let pairs = documents.into_iter().map(|path| {
        let document = serde_json::from_str(&read(&path)).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let tests = path.with_extension("test.json");
        let file = TestFile::read(&read(&tests)).unwrap_or_else(|error| panic!("{}: {error}", tests.display()));
        (path, document, file)
    });
    pairs.collect()
}

#[test]
fn nothing_is_found_in_the_samples() {
    let samples = samples();
    assert!(samples.len() >= 6, "{} samples", samples.len());
    for (path, document, file) in samples {
        let found = file.check();
        assert!(found.is_empty(), "{}: {found:#?}", path.with_extension("test.json").display());
        let found = Document::check(&document, &file.directory());
        assert!(found.is_empty(), "{}: {found:#?}", path.display());
    }
}

#[test]
fn cases_name_rules_and_steps_that_exist() {
    for (path, document, file) in samples() {
        let read = Document::parse(&document).expect("sound");
        for case in &file.cases {
            let at = format!("{}: {}", path.display(), case.name);
            let name = case.expect.rule.as_deref().unwrap_or("default");
            let rule = read.rules.iter().position(|rule| rule.name == name).map(|place| place as u16);
            let program = read.program(rule).unwrap_or_else(|| panic!("{at}: no rule `{name}`"));
            assert_eq!(&*program.name, name, "{at}");
            for step in &case.expect.steps {
                let mut lines = program.lines.iter();
                let found = lines.any(|line| *line.pointer == *step.step || line.label.as_deref() == Some(&step.step));
                assert!(found, "{at}: no step {}", step.step);
            }
        }
    }
}

#[test]
fn every_case_of_the_samples_holds() {
    let mut failed = Vec::new();
    for (path, document, file) in samples() {
        for case in run_cases(&document, &file).expect("the declared account is sound") {
            let told =
                case.differences.iter().map(|difference| format!("{}: {}: {difference}", path.display(), case.name));
            failed.extend(told);
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}
