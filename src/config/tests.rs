//! Every bad value is refused with its key and the place where it was set.

use super::*;
use std::path::Path;

/// A folder with a configuration file.
fn folder(toml: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("cordboard.toml");
    std::fs::write(&file, toml).expect("written");
    (folder, file)
}

fn load_from(file: &Path, variables: &[(&str, &str)], flags: Flags) -> anyhow::Result<Config> {
    let flags = Flags { config: Some(file.to_owned()), ..flags };
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).into()));
    Config::of(&Sources::read(&flags, variables)?)
}

fn load(toml: &str, variables: &[(&str, &str)]) -> anyhow::Result<Config> {
    let (_folder, file) = folder(toml);
    load_from(&file, variables, Flags::default())
}

fn refused(toml: &str, variables: &[(&str, &str)]) -> String {
    format!("{:#}", load(toml, variables).expect_err("is refused"))
}

/// What is told of a file, with its path taken out.
fn of_file(toml: &str) -> String {
    let (folder, file) = folder(toml);
    let told = load_from(&file, &[], Flags::default()).expect_err("is refused");
    format!("{told:#}").replace(&format!("{}/", folder.path().display()), "")
}

fn of_variable(name: &str, value: &str) -> String {
    refused("", &[(name, value)])
}

#[test]
fn nothing_needs_to_be_set() {
    assert_eq!(load("", &[]).expect("defaults"), Config::default());
}

#[test]
fn later_sources_win() {
    let toml = "http_bind = '127.0.0.1:1'\ndata_dir = 'of-file'\n[limits]\nrequest_s = 1\ntoken_s = 61";
    let (_folder, file) = folder(toml);
    let variables = [("CORDBOARD_LIMITS__TOKEN_S", "62"), ("CORDBOARD_DATA_DIR", "of-variable"), ("PATH", "/bin")];
    let flags = Flags { data_dir: Some("of-flag".into()), ..Flags::default() };
    let config = load_from(&file, &variables, flags).expect("sound");
    assert_eq!((config.limits.request_s, config.limits.token_s), (1, 62));
    assert_eq!((config.data_dir, config.http_bind.port()), (PathBuf::from("of-flag"), 1));
}

#[test]
fn every_key_is_known_by_its_name() {
    fn leaves(value: &serde_json::Value, path: &str, found: &mut Vec<String>) {
        match value.as_object() {
            Some(fields) => fields.iter().for_each(|(name, value)| leaves(value, &format!("{path}.{name}"), found)),
            None => found.push(path.trim_start_matches('.').to_owned()),
        }
    }
    let mut found = Vec::new();
    leaves(&serde_json::to_value(Config::default()).expect("JSON"), "", &mut found);
    let mut known: Vec<String> = KEYS.iter().map(|key| key.name.to_owned()).collect();
    found.sort();
    known.sort();
    assert_eq!(found, known);
}

#[test]
fn a_value_out_of_bounds_names_its_key_its_bounds_and_its_place() {
    let told = of_file("log = 'json'\n\n[limits]\nbatch_size = 7\nrequest_s = 0\n");
    let wanted = "`limits.request_s` is 0; it must be a whole number from 1 to 600";
    assert_eq!(told, format!("the configuration cannot be used:\n  {wanted} (set in cordboard.toml, line 5)"));
    let inline = of_file("\n\nlimits = { batch_size = 7, request_s = 601 }");
    assert!(inline.contains("is 601") && inline.ends_with("line 3)"), "{inline}");
    let dotted = of_file("log = 'text'\nlimits.request_s = 601");
    assert!(dotted.contains("is 601") && dotted.contains("line 2)"), "{dotted}");
    let variable = of_variable("CORDBOARD_LIMITS__REQUEST_S", "0");
    assert!(variable.ends_with(&format!("{wanted} (set by the environment variable CORDBOARD_LIMITS__REQUEST_S)")));
}

#[test]
fn values_of_another_kind_are_told_with_their_place() {
    let cases = [
        ("CORDBOARD_LIMITS__BODY_BYTES", "1MB", "`limits.body_bytes` is \"1MB\"; it must be a whole number from 1024"),
        ("CORDBOARD_LIMITS__BODY_BYTES", "-1", "`limits.body_bytes` is \"-1\"; it must be a whole number"),
        ("CORDBOARD_HTTP_BIND", "8080", "`http_bind` is \"8080\"; it must be an address and a port, such as"),
        ("CORDBOARD_LOG", "xml", "`log` is \"xml\"; it must be text or json"),
        ("CORDBOARD_DATA_DIR", "", "`data_dir` is empty; it must be a path"),
        ("CORDBOARD_BOOTSTRAP__ACCOUNT", " ", "`bootstrap.account` is \" \": "),
    ];
    for (name, value, wanted) in cases {
        let told = of_variable(name, value);
        assert!(told.contains(wanted), "{told}");
        assert!(told.ends_with(&format!("(set by the environment variable {name})")), "{told}");
    }
    let cases = [
        ("http_bind = 7", "`http_bind` is 7; it must be an address and a port"),
        ("limits.request_s = 1.5", "`limits.request_s` is 1.5; it must be a whole number from 1 to 600"),
        ("log = true", "`log` is true; it must be text or json"),
        ("operator_key = 12345678901234567", "`operator_key` must be a text"),
        ("bootstrap.account = []", "`bootstrap.account` is []; it must be a text"),
    ];
    for (toml, wanted) in cases {
        let told = of_file(toml);
        assert!(told.contains(wanted) && told.ends_with("(set in cordboard.toml, line 1)"), "{told}");
    }
}

#[test]
fn networks_are_lists() {
    let networks = |config: Config| {
        let networks: Vec<String> = config.outbound.allow_networks.iter().map(ToString::to_string).collect();
        networks
    };
    let written = load("[outbound]\nallow_networks = ['10.0.0.0/8', 'fd00::/8']", &[]).expect("sound");
    assert_eq!(networks(written), ["10.0.0.0/8", "fd00::/8"]);
    let name = "CORDBOARD_OUTBOUND__ALLOW_NETWORKS";
    for (text, wanted) in [("10.0.0.0/8, ::1/128", vec!["10.0.0.0/8", "::1/128"]), ("", Vec::new())] {
        assert_eq!(networks(load("", &[(name, text)]).expect("sound")), wanted);
    }
    let cases = [
        ("10.0.0.1/8", "has \"10.0.0.1/8\", which is not a network; 10.0.0.0/8 is"),
        ("10.0.0.1", "has \"10.0.0.1\"; it must be a network, such as"),
        ("localhost", "has \"localhost\"; it must be a network, such as"),
        ("10.0.0.0/8,10.0.0.0/33", "has \"10.0.0.0/33\"; it must be a network, such as"),
    ];
    for (text, wanted) in cases {
        let told = of_variable(name, text);
        assert!(told.contains(&format!("`outbound.allow_networks` {wanted}")), "{told}");
    }
    let told = of_file("outbound.allow_networks = '10.0.0.0/8'");
    assert!(told.contains("it must be a list of networks"), "{told}");
}

#[test]
fn secrets_are_not_told() {
    let told = of_variable("CORDBOARD_OPERATOR_KEY", "hunter2hunter2");
    assert!(told.contains("`operator_key` has 14 characters; a key needs at least 20") && !told.contains("hunter"));
    let told = of_variable("CORDBOARD_DATABASE_URL", "mysql://me:hunter2@host/db");
    assert!(told.contains("`database_url` must begin with sqlite: or postgres:") && !told.contains("hunter"), "{told}");
    for url in
        ["http://me:hunter2@host", "redis:hunter2", "hunter2", "redis://:hunter2@", "rediss://:hunter2@host:port"]
    {
        let told = of_variable("CORDBOARD_REDIS_URL", url);
        let wanted = "`redis_url` must be a URL with a host that begins with redis:// or rediss://";
        assert!(told.contains(wanted) && !told.contains("hunter"), "{told}");
    }
    let told = of_file("[bootstrap]\n# Short.\napi_key = 'short'");
    assert!(told.contains("`bootstrap.api_key` has 5 characters") && told.ends_with("line 3)"), "{told}");
}

#[test]
fn a_key_of_digits_is_a_text() {
    let digits = "12345678901234567890";
    let config = load("", &[("CORDBOARD_OPERATOR_KEY", digits)]).expect("sound");
    assert_eq!(config.operator_key.as_deref(), Some(digits));
}

#[test]
fn flags_are_named_as_they_are_typed() {
    let (_folder, file) = folder("database_url = 'sqlite:x'");
    let flags = Flags { database_url: Some("mysql://x".to_owned()), ..Flags::default() };
    let told = load_from(&file, &[], flags).expect_err("is refused").to_string();
    assert!(told.ends_with("`database_url` must begin with sqlite: or postgres: (set by the flag --database-url)"));
}

#[test]
fn unknown_keys_are_told_with_what_was_meant() {
    let told = of_file("htp_bind = 'x'\n[limits]\nrequest_s = 7\nrequests_per_secnd = 5\n[colour]\nof = 'sky'");
    let lines: Vec<&str> = told.lines().map(str::trim).collect();
    assert_eq!(
        lines,
        [
            "the configuration cannot be used:",
            "there is no key `htp_bind`; did you mean `http_bind`? (set in cordboard.toml, line 1)",
            "there is no key `limits.requests_per_secnd`; did you mean `limits.requests_per_second`? (set in \
             cordboard.toml, line 4)",
            "there is no key `colour.of` (set in cordboard.toml, line 6)",
        ]
    );
    let moved = of_file("request_s = 5");
    assert!(moved.contains("no key `request_s`; did you mean `limits.request_s`?"), "{moved}");
    let inside = of_file("\nlog.level = 'info'");
    assert!(inside.contains("`log` is {\"level\":\"info\"}; it must be text or json (set in cordboard.toml, line 2)"));
    let section = of_file("limits = 5");
    assert!(section.contains("no key `limits`; it is a section with keys such as `limits."), "{section}");
    for name in ["CORDBOARD_LIMITS_REQUEST_S", "CORDBOARD_LIMITS__REQUST_S", "CORDBOARD_REQUEST_S"] {
        let told = of_variable(name, "5");
        assert!(told.contains("did you mean `CORDBOARD_LIMITS__REQUEST_S`?"), "{told}");
        assert!(told.ends_with(&format!("(set by the environment variable {name})")), "{told}");
    }
}

#[test]
fn everything_that_is_wrong_is_told_at_once() {
    let told =
        refused("log = 'xml'", &[("CORDBOARD_HTTP_BIND", "nowhere"), ("CORDBOARD_COLOUR", "red"), ("CORDBOARD_", "")]);
    assert!(["`log`", "`http_bind`", "`colour`"].iter().all(|wanted| told.contains(wanted)), "{told}");
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let told = of_file("http_bind = '127.0.0.1:1'\noperator_key = 'hunter2\n");
    assert!(told.starts_with("reading the configuration file cordboard.toml: not TOML at line 2: "), "{told}");
    assert!(!told.contains("hunter"), "{told}");
    let missing = load_from(Path::new("/nowhere/cordboard.toml"), &[], Flags::default()).expect_err("is refused");
    assert!(format!("{missing:#}").starts_with("reading the configuration file /nowhere/cordboard.toml: "));
}
