//! What a test can check of docs/style.md: headers, sizes, names, leftovers, the fences of the pure crates, links of
//! the docs.

use std::path::{Path, PathBuf};

/// Lines of a source file; above it, split it.
const LINES_MAX: usize = 800;
const DOMAIN_MAY_USE: [&str; 8] =
    ["serde", "serde_json", "thiserror", "datalogic-rs", "chrono", "chrono-tz", "roaring", "smallvec"];
const SIP_MAY_USE: [&str; 4] = ["bytes", "memchr", "smallvec", "thiserror"];
const NAMES_SAYING_NOTHING: [&str; 6] = ["util", "utils", "common", "helper", "helpers", "manager"];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn walk(directory: &Path, ending: &str, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(directory).expect("a directory can be read").flatten() {
        let path = entry.path();
        if path.is_dir() {
            walk(&path, ending, found);
        } else if path.extension().is_some_and(|it| it == ending) {
            found.push(path);
        }
    }
}

fn sources() -> Vec<PathBuf> {
    let mut found = Vec::new();
    ["src", "tests", "migrations/src"].iter().for_each(|place| walk(&root().join(place), "rs", &mut found));
    assert!(found.len() > 100, "the sources are found");
    found
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn sources_are_tidy() {
    let leftovers = ["todo", "unimplemented", "dbg"].map(|name| format!("{name}!("));
    let (ignored, sleep) = (format!("#[{}", "ignore"), format!("{}(", "sleep"));
    let mut faults = Vec::new();
    for path in sources() {
        let (text, shown) = (read(&path), path.display());
        let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        if !text.starts_with("//!") {
            faults.push(format!("{shown} does not open with //!"));
        }
        if text.lines().count() > LINES_MAX {
            faults.push(format!("{shown} has more than {LINES_MAX} lines"));
        }
        if NAMES_SAYING_NOTHING.contains(&stem) {
            faults.push(format!("{shown} has a name that says nothing"));
        }
        for leftover in leftovers.iter().chain([&ignored]).filter(|leftover| text.contains(*leftover)) {
            faults.push(format!("{shown} contains {leftover}"));
        }
        // A bench waits for real; a test never does.
        if ["tests/it", "tests/sim", "tests/sip"].iter().any(|tests| path.starts_with(root().join(tests)))
            && text.contains(&sleep)
        {
            faults.push(format!("{shown} sleeps"));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn the_pure_crates_list_only_what_they_may_use() {
    for (manifest, may_use) in
        [("src/domain/Cargo.toml", &DOMAIN_MAY_USE[..]), ("src/sip/Cargo.toml", &SIP_MAY_USE[..])]
    {
        let text = read(&root().join(manifest));
        let listed = text.lines().skip_while(|line| *line != "[dependencies]").skip(1);
        for line in listed.take_while(|line| !line.starts_with('[')).filter(|line| !line.trim().is_empty()) {
            let name = line.split(['=', '.', ' ']).next().unwrap_or_default();
            assert!(name.starts_with('#') || may_use.contains(&name), "{manifest} must not list {name}");
        }
    }
}

#[test]
fn links_in_the_docs_lead_somewhere() {
    let mut pages = vec![root().join("README.md"), root().join("CONTRIBUTING.md")];
    walk(&root().join("docs"), "md", &mut pages);
    for page in pages {
        let text = read(&page);
        let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        for target in targets.filter(|target| !target.contains("://") && !target.starts_with('#')) {
            let file = target.split('#').next().unwrap_or_default();
            let place = page.parent().expect("a page is in a directory").join(file);
            assert!(place.exists(), "{} links to {target}, which is not there", page.display());
        }
    }
}
