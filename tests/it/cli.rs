//! The command line as a person uses it: the real program, its exit codes, and what it says on either stream.

mod installation;
mod workflow;

use std::path::Path;
use std::process::Command;

/// What came of a call.
pub struct Ran {
    pub code: i32,
    pub out: String,
    pub errors: String,
}

/// Calls the program in a folder, with nothing of the configuration but what is given.
pub fn run_with(folder: &Path, variables: &[(&str, &str)], arguments: &[&str]) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cordboard"));
    command.current_dir(folder).args(arguments).env_clear().env("RUST_LOG", "error").envs(variables.iter().copied());
    let ran = command.output().expect("the program runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("it speaks UTF-8");
    Ran { code: ran.status.code().expect("it ends by itself"), out: text(ran.stdout), errors: text(ran.stderr) }
}

pub fn run(folder: &Path, arguments: &[&str]) -> Ran {
    run_with(folder, &[], arguments)
}

impl Ran {
    /// What it printed, when it did what it was asked to.
    #[track_caller]
    pub fn done(self) -> String {
        assert_eq!(self.code, 0, "{}{}", self.out, self.errors);
        self.out
    }

    /// What it printed, and why it failed.
    #[track_caller]
    pub fn failed(self) -> (String, String) {
        assert_eq!(self.code, 1, "{}{}", self.out, self.errors);
        (self.out, self.errors)
    }
}

#[test]
fn wrong_calls_are_told_from_failures() {
    let folder = tempfile::tempdir().expect("a folder");
    for arguments in [&["serv"][..], &["workflow"], &["workflow", "test"], &["serve", "--http-bind", "here"], &[]] {
        let ran = run(folder.path(), arguments);
        assert_eq!(ran.code, 2, "{arguments:?}: {}", ran.errors);
        assert!(ran.errors.contains("Usage:") || ran.errors.contains("--http-bind"), "{}", ran.errors);
    }
    assert!(run(folder.path(), &["--help"]).done().contains("workflow"));
    assert!(run(folder.path(), &["--version"]).done().starts_with("cordboard "));
}
