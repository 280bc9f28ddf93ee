//! The simulator's tests: sound seeds pass, the same seed gives the same trace, and every planted bug is caught.

use cordboard_domain::work::Plant;
use cordboard_sim::simulation::run;

const SEEDS: u64 = 200;
const STEPS: usize = 300;
/// Seeds within which a planted bug must show.
const SEEDS_TO_CATCH_MAX: u64 = 60;

#[test]
fn the_engine_agrees_with_the_reference_on_every_seed() {
    let first: u64 = std::env::var("SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(1);
    let seeds: u64 = std::env::var("SEEDS").ok().and_then(|text| text.parse().ok()).unwrap_or(SEEDS);
    for seed in first..first + seeds {
        if let Err(failure) = run(seed, STEPS, None) {
            panic!("{failure}");
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_trace() {
    for seed in 1..=5 {
        let (one, two) = (run(seed, STEPS, None), run(seed, STEPS, None));
        let (one, two) = (one.expect("the seed is sound"), two.expect("the seed is sound"));
        assert_eq!(one, two, "seed {seed}");
        assert_ne!(one.hash, run(seed + 1_000, STEPS, None).expect("the seed is sound").hash);
    }
}

#[test]
fn every_planted_bug_is_caught() {
    let mut missed = Vec::new();
    for plant in Plant::ALL {
        let caught = (1..=SEEDS_TO_CATCH_MAX).find(|seed| run(*seed, STEPS, Some(*plant)).is_err());
        match caught {
            Some(seed) => println!("{plant:?} caught by seed {seed}"),
            None => missed.push(plant),
        }
    }
    assert!(missed.is_empty(), "not caught within {SEEDS_TO_CATCH_MAX} seeds: {missed:?}");
}

/// Plays every script of `tests/script/work`; with `UPDATE_EXPECT=1` (`make bless`) the traces are written anew.
#[test]
fn every_script_gives_its_trace() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../script/work");
    let entries = std::fs::read_dir(&folder).expect("the scripts are there");
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("it can be read").path()).collect();
    paths.sort();
    assert!(!paths.is_empty());
    let bless = std::env::var_os("UPDATE_EXPECT").is_some();
    let mut wrong = Vec::new();
    for path in paths {
        let text = std::fs::read_to_string(&path).expect("it can be read");
        match cordboard_sim::script::play(&text) {
            Ok(given) if given == text => {}
            Ok(given) if bless => std::fs::write(&path, given).expect("it can be written"),
            Ok(given) => wrong.push(format!("{}:\n{}", path.display(), difference(&text, &given))),
            Err(why) => wrong.push(format!("{}: {why}", path.display())),
        }
    }
    assert!(wrong.is_empty(), "{}\n(`make bless` accepts the traces as they are)", wrong.join("\n"));
}

/// The first lines in which two scripts differ.
fn difference(expected: &str, given: &str) -> String {
    let pairs = expected.lines().zip(given.lines()).enumerate();
    let first = pairs.filter(|(_, (one, other))| one != other).map(|(line, _)| line).next();
    let from = first.unwrap_or_else(|| expected.lines().count().min(given.lines().count()));
    let few = |text: &str| text.lines().skip(from).take(4).collect::<Vec<_>>().join("\n  ");
    format!("line {}, expected:\n  {}\ngiven:\n  {}", from + 1, few(expected), few(given))
}
