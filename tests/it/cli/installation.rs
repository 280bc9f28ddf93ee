//! `migrate`, `account create`, `key create`, `openapi`, and a server that does not start.

use super::{Ran, run, run_with};
use crate::support::plain_http::client;
use crate::support::program::Program;
use std::path::Path;

const KEY: &str = "cli-test-key-cli-test-key";

/// The words that follow a label in what was printed.
fn after<'o>(out: &'o str, label: &str) -> &'o str {
    let line = out.lines().find_map(|line| line.strip_prefix(label)).unwrap_or_else(|| panic!("no {label} in {out}"));
    line.trim()
}

/// The status that a request with a key is answered with.
async fn asked(program: &Program, key: &str, path: &str) -> u16 {
    let request = client().get(format!("{}/v1{path}", program.address)).bearer_auth(key);
    request.send().await.expect("it answers").status().as_u16()
}

fn create_key(data: &Path, account: &str, role: &str) -> Ran {
    let data = data.display().to_string();
    run(data.as_ref(), &["key", "create", account, "--role", role, "--data-dir", &data])
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_and_keys_of_the_command_line_are_served() {
    let data = tempfile::tempdir().expect("a folder");
    let flag = data.path().display().to_string();
    let told = run(data.path(), &["account", "create", "Acme", "--data-dir", &flag]).done();
    let (account, first) = (after(&told, "account "), after(&told, "key "));
    assert!(account.starts_with("acc_"), "{told}");
    let told = create_key(data.path(), account, "supervisor").done();
    let supervisor = after(&told, "key ");

    let program = Program::start(data.path(), KEY);
    assert_eq!(asked(&program, first, "/api-keys").await, 200, "an admin lists keys");
    assert_eq!(asked(&program, supervisor, "/work-items").await, 200);
    assert_eq!(asked(&program, supervisor, "/api-keys").await, 403);
    assert_eq!(asked(&program, KEY, "/work-items").await, 401, "the store was not empty, so nothing was founded");
}

#[test]
fn what_cannot_be_made_is_refused_with_a_reason() {
    let data = tempfile::tempdir().expect("a folder");
    let flag = data.path().display().to_string();
    let (_, errors) = run(data.path(), &["account", "create", " ", "--data-dir", &flag]).failed();
    assert!(errors.contains("a name has 1 to 120 characters"), "{errors}");
    let nobodys = "acc_00000000000000000000000000";
    for (account, role, wanted) in [
        (nobodys, "integrator", "there is no account acc_0"),
        ("Acme", "integrator", "`Acme` is not an account"),
        (nobodys, "chief", "a role is admin, integrator or supervisor"),
        (nobodys, "agent", "agents' keys are made through the API"),
    ] {
        let (_, errors) = create_key(data.path(), account, role).failed();
        assert!(errors.contains(wanted), "{errors}");
    }
}

#[test]
fn migrating_makes_the_schema_and_may_be_repeated() {
    let folder = tempfile::tempdir().expect("a folder");
    for _ in 0..2 {
        assert_eq!(run(folder.path(), &["migrate"]).done(), "The schema is up to date.\n");
    }
    assert!(folder.path().join("data/cordboard.db").exists(), "where the default says");
    let (_, errors) = run(folder.path(), &["migrate", "--database-url", "sqlite:///nowhere/cordboard.db"]).failed();
    assert!(errors.starts_with("cordboard: opening the database: "), "{errors}");
}

#[test]
fn the_api_document_is_the_one_of_the_project() {
    let folder = tempfile::tempdir().expect("a folder");
    // No configuration is read for it.
    let told = run_with(folder.path(), &[("CORDBOARD_LOG", "xml")], &["openapi"]).done();
    let committed = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/openapi/openapi.json"));
    assert_eq!(told, committed.expect("it is committed"));
}

#[test]
fn a_bad_configuration_starts_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("cordboard.toml"), "[limits]\nrequest_s = 0\nrequests = 5\n").expect("written");
    let variables = [("CORDBOARD_OPERATOR_KEY", "short"), ("CORDBOARD_HTTP_BIND", "127.0.0.1:0")];
    let url = ["--database-url", "mysql://x"];
    let (out, errors) = run_with(folder.path(), &variables, &["serve", url[0], url[1]]).failed();
    for wanted in [
        "there is no key `limits.requests`",
        "`limits.request_s` is 0; it must be a whole number from 1 to 600 (set in cordboard.toml, line 2)",
        "`operator_key` has 5 characters; a key needs at least 20 (set by the environment variable CORDBOARD_OPERATOR_KEY)",
        "`database_url` must begin with sqlite: or postgres: (set by the flag --database-url)",
    ] {
        assert!(errors.contains(wanted), "{wanted} is missing in\n{errors}");
    }
    assert_eq!(out, "", "nothing listened");
    assert!(!folder.path().join("data").exists(), "nothing was made");
}
