//! The simulator's tests: sound seeds pass, the same seed gives the same trace, and every planted bug is caught.

use cordboard_domain::work::Plant;
use cordboard_sim::simulation::run;

const SEEDS: u64 = 200;
const STEPS: usize = 300;
/// Seeds within which a planted bug must show.
const SEEDS_TO_CATCH_MAX: u64 = 150;

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
