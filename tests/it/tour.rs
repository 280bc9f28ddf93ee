//! The README's ten minutes, typed as a new user types them: its commands are read from the file and run by bash
//! against the real program, and each answer is what the text around it says.

use super::support::program::Program;
use serde_json::Value;
use std::io::{BufRead, BufReader, Lines};
use std::process::{Child, ChildStdout, Command, Stdio};

const README: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");
const KEY: &str = "my-first-key-0123456789";
const ADDRESS: &str = "http://127.0.0.1:8080";

/// The shell blocks of the section, in order.
fn blocks() -> Vec<String> {
    let readme = std::fs::read_to_string(README).expect("there is a README");
    let section = readme.split("\n## Ten minutes\n").nth(1).expect("it has the tour");
    let section = section.split("\n## ").next().unwrap_or_default();
    let blocks = section.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap_or_default());
    blocks.map(str::to_owned).collect()
}

/// Somebody at a terminal, who copies ids from one answer into the next command.
struct Terminal {
    /// What was exported before.
    exports: String,
    item: Option<String>,
    reservation: Option<String>,
}

impl Terminal {
    /// Runs a block; the answers of its requests in order. One that is refused fails.
    fn run(&mut self, block: &str) -> Vec<Value> {
        let placed = block
            .replace("RESERVATION", self.reservation.as_deref().unwrap_or("RESERVATION"))
            .replace("ITEM", self.item.as_deref().unwrap_or("ITEM"));
        let script = format!(
            "set -euo pipefail\ncurl() {{ command curl --silent --show-error --fail-with-body \"$@\"; }}\n{}\n{placed}",
            self.exports
        );
        let ran = Command::new("bash").args(["-c", &script]).output().expect("bash runs");
        let (told, errors) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
        assert!(ran.status.success(), "{placed}\n{told}\n{errors}");
        let answers: Result<Vec<Value>, _> = serde_json::Deserializer::from_str(&told).into_iter().collect();
        let answers = answers.unwrap_or_else(|error| panic!("{placed}\n{told}\n{error}"));
        for entry in answers.iter().flat_map(entries) {
            match entry["id"].as_str() {
                Some(id) if id.starts_with("itm_") => self.item = Some(id.to_owned()),
                Some(id) if id.starts_with("res_") => self.reservation = Some(id.to_owned()),
                _ => {}
            }
        }
        answers
    }
}

/// A third terminal, in which events go by until it is closed.
struct Watch {
    shell: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Watch {
    fn begin(terminal: &Terminal, block: &str) -> Self {
        let script = format!("{}\nexec {block}", terminal.exports);
        let mut shell = Command::new("bash")
            .args(["-c", &script])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("bash runs");
        let lines = BufReader::new(shell.stdout.take().expect("its output is piped")).lines();
        Self { shell, lines }
    }

    /// Reads up to a line.
    fn until(&mut self, wanted: &str) {
        let found = self.lines.by_ref().map_while(Result::ok).any(|line| line == wanted);
        assert!(found, "`{wanted}` does not go by");
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        drop(self.shell.kill());
        drop(self.shell.wait());
    }
}

/// Those of a list, or the answer itself.
fn entries(answer: &Value) -> Vec<&Value> {
    answer["data"].as_array().map_or_else(|| vec![answer], |entries| entries.iter().collect())
}

/// The worker of the only entry.
fn only_worker(list: &Value) -> &Value {
    let entries = entries(list);
    assert_eq!(entries.len(), 1, "{list}");
    &entries[0]["worker"]
}

#[test]
fn the_readme_says_what_happens() {
    let blocks = blocks();
    let [start, exports, setup, watch, post, reject, finish] = blocks.as_slice() else {
        panic!("the tour has {} blocks", blocks.len());
    };
    assert!(start.contains(&format!("CORDBOARD_BOOTSTRAP__API_KEY={KEY} ")) && start.contains(" serve"), "{start}");
    assert!(exports.contains(KEY) && exports.contains(ADDRESS), "{exports}");

    let data = tempfile::tempdir().expect("a directory");
    let program = Program::start(data.path(), KEY);
    let exports = exports.replace(ADDRESS, &program.address);
    let mut terminal = Terminal { exports, item: None, reservation: None };

    let made = terminal.run(setup);
    let [_, ann, bob, _] = made.as_slice() else { panic!("a queue, two workers and a workflow: {made:?}") };

    let mut watched = Watch::begin(&terminal, watch);
    watched.until(": connected");

    let posted = terminal.run(post);
    let [_, offered] = posted.as_slice() else { panic!("an item and the offers: {posted:?}") };
    assert_eq!(only_worker(offered), &ann["id"], "to the longest idle");

    let rejected = terminal.run(reject);
    let [rejection, offered] = rejected.as_slice() else { panic!("the rejection and the offers: {rejected:?}") };
    assert_eq!(rejection["state"], "rejected");
    assert_eq!(only_worker(offered), &bob["id"], "to the other worker");

    let finished = terminal.run(finish);
    let [explanation, accepted, completed, events] = finished.as_slice() else { panic!("four answers: {finished:?}") };
    let explained = explanation.to_string();
    for told in ["\"ann\"", "\"bob\"", "default"] {
        assert!(explained.contains(told), "the explanation names {told}: {explanation:#}");
    }
    assert_eq!((&accepted["state"], &accepted["worker"]), (&"accepted".into(), &bob["id"]));
    assert_eq!(completed["state"], "completed");
    assert!(entries(events).iter().any(|event| event["type"] == "work_item.completed"), "{events:#}");
    for told in ["work_item.created", "reservation.rejected", "reservation.accepted", "work_item.completed"] {
        watched.until(&format!("event: {told}"));
    }
}
