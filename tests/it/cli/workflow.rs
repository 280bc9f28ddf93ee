//! `workflow check` and `workflow test` on good files, doubtful ones, wrong ones and none.

use super::{Ran, run};
use serde_json::{Value, json};
use std::path::Path;
use tempfile::TempDir;

fn document() -> Value {
    let workers = json!({"in": [{"var": "item.language"}, {"var": "worker.languages"}]});
    json!({"name": "a", "default": [{"route": {"queue": "support", "workers": workers}}]})
}

fn cases() -> Value {
    json!({
        "queues": [{"name": "support"}],
        "workers": [{"name": "ada", "attributes": {"languages": ["fr"]}}, {"name": "bob", "attributes": {"languages": ["de"]}}],
        "cases": [{"name": "French", "at": "2026-03-02T09:00:00Z", "item": {"attributes": {"language": "fr"}},
                   "expect": {"rule": "default", "steps": [
                       {"after_s": 0, "step": "/default/0", "queue": "support", "workers": ["ada"]}]}}],
    })
}

fn write(folder: &TempDir, name: &str, text: impl ToString) {
    std::fs::write(folder.path().join(name), text.to_string()).expect("written");
}

/// A folder with the pairs of these names.
fn folder(pairs: &[&str]) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for name in pairs {
        write(&folder, &format!("{name}.json"), document());
        write(&folder, &format!("{name}.test.json"), cases());
    }
    folder
}

fn check(folder: &TempDir, file: &str) -> Ran {
    run(folder.path(), &["workflow", "check", file])
}

fn test(folder: &TempDir, files: &[&str]) -> Ran {
    run(folder.path(), &[&["workflow", "test"], files].concat())
}

#[test]
fn a_sound_document_is_called_so() {
    assert_eq!(check(&folder(&["a"]), "a.json").done(), "a.json: sound\n");
    let folder = folder(&[]);
    write(&folder, "alone.json", document());
    let told = check(&folder, "alone.json").done();
    assert!(told.contains("no alone.test.json declares an account, so names are not checked"), "{told}");
    assert!(told.ends_with("alone.json: sound\n"), "{told}");
}

#[test]
fn findings_have_severity_code_place_and_mend() {
    let folder = folder(&["a"]);
    let mut misspelt = document();
    misspelt["default"][0]["route"]["workers"] = json!({"in": ["fr", {"var": "worker.langauges"}]});
    write(&folder, "a.json", &misspelt);
    let warned = check(&folder, "a.json").done();
    let wanted = "a.json: warning attribute_unknown at /default/0/route/workers/in/1: ";
    assert!(warned.contains(wanted) && warned.contains("did you mean `worker.languages`?"), "{warned}");

    misspelt["default"][0]["route"]["queue"] = json!("suport");
    write(&folder, "a.json", &misspelt);
    let (out, errors) = check(&folder, "a.json").failed();
    assert!(out.contains("a.json: error unknown_queue at /default/0/route/queue: "), "{out}");
    assert!(out.contains("did you mean `support`?") && !out.contains("sound"), "{out}");
    assert_eq!(errors, "cordboard: a.json has 1 error\n");
}

#[test]
fn files_that_cannot_be_read_are_named_with_the_place() {
    let folder = folder(&["a"]);
    let (_, errors) = check(&folder, "none.json").failed();
    assert!(errors.starts_with("cordboard: reading none.json: No such file"), "{errors}");
    write(&folder, "a.json", "{\n  \"name\": \"a\",\n  \"default\": [],\n}");
    let (_, errors) = check(&folder, "a.json").failed();
    assert!(errors.starts_with("cordboard: a.json:4:1: not JSON: trailing comma; take the comma before it out\n"));
    assert!(errors.ends_with("\n    }\n    ^\n"), "{errors}");
    write(&folder, "a.json", document());
    write(&folder, "a.test.json", "{\"queues\": [],\n \"wrkers\": []}");
    let (_, errors) = check(&folder, "a.json").failed();
    assert!(errors.contains("a.test.json:2:9: not a test file: unknown field `wrkers`"), "{errors}");
}

#[test]
fn cases_that_hold_are_counted() {
    let folder = folder(&["a", "b"]);
    let told = test(&folder, &["a.json", "b.test.json"]).done();
    assert_eq!(told, "a.test.json: ok: French\nb.test.json: ok: French\n2 cases hold, 0 do not\n");
    // A shell's pattern names both of a pair.
    let told = test(&folder, &["a.json", "a.test.json", "b.json", "b.test.json"]).done();
    assert!(told.ends_with("\n2 cases hold, 0 do not\n"), "{told}");
}

#[test]
fn a_case_that_does_not_hold_says_what_differs() {
    let folder = folder(&["a"]);
    let mut cases = cases();
    cases["cases"][0]["expect"]["steps"][0]["workers"] = json!(["bob"]);
    write(&folder, "a.test.json", cases);
    let (out, errors) = test(&folder, &["a.json"]).failed();
    let differs = "    step 1: /default/0 after 0 s, in support for bob was expected, and it is /default/0 after 0 s, in \
                   support for ada\n";
    assert_eq!(out, format!("a.test.json: FAILED: French\n{differs}0 cases hold, 1 does not\n"));
    assert_eq!(errors, "cordboard: not every case holds: 0 cases hold, 1 does not\n");
}

#[test]
fn one_file_that_cannot_be_run_does_not_hide_the_others() {
    let folder = folder(&["a", "broken", "refused", "z"]);
    write(&folder, "broken.json", "{\"default\": [}");
    write(&folder, "refused.json", json!({"default": [{"route": {"queue": "nowhere"}}]}));
    let mut wrong = cases();
    wrong["cases"][0]["expect"]["rule"] = json!("gold");
    write(&folder, "z.test.json", wrong);
    let files = ["none.json", "broken.json", "a.json", "refused.json", "z.json"];
    let (out, errors) = test(&folder, &files).failed();
    for wanted in [
        "none.test.json: NOT RUN: reading none.json: No such file",
        "broken.test.json: NOT RUN: broken.json:1:14: not JSON: expected value; ",
        "a.test.json: ok: French\n",
        "refused.json: error unknown_queue at /default/0/route/queue: ",
        "refused.test.json: NOT RUN: refused.json has 1 error\n",
        "z.test.json: FAILED: French\n    rule: gold was expected, and it is default\n",
        "\n1 case holds, 1 does not, 3 files could not be run\n",
    ] {
        assert!(out.contains(wanted), "{wanted} is missing in\n{out}");
    }
    assert_eq!(errors, "cordboard: not every case holds: 1 case holds, 1 does not, 3 files could not be run\n");
}

#[test]
fn the_samples_of_the_project_hold() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let entries = std::fs::read_dir(root.join("workflows")).expect("the samples").map(|entry| entry.expect("an entry"));
    let files: Vec<String> = entries.map(|entry| entry.path().display().to_string()).collect();
    let files: Vec<&str> = files.iter().map(String::as_str).filter(|file| file.ends_with(".json")).collect();
    let told = run(root, &[&["workflow", "test"], files.as_slice()].concat()).done();
    assert!(told.ends_with(" cases hold, 0 do not\n"), "{told}");
}
