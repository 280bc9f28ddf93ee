//! Runs the simulator by hand: `make sim SEED=7 STEPS=500`; many seeds with `SEEDS=100000`, a planted bug with
//! `PLANT=LifoAsFifo`. The first failing seed ends the run with its trace.

use cordboard_domain::work::Plant;
use cordboard_sim::simulation::{Report, run};
use std::process::ExitCode;

fn number(name: &str, usual: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

fn main() -> ExitCode {
    let (first, seeds) = (number("SEED", 1), number("SEEDS", 1));
    let steps = number("STEPS", 1_000) as usize;
    let wanted = std::env::var("PLANT").ok();
    let plant = Plant::ALL.iter().copied().find(|plant| wanted == Some(format!("{plant:?}")));
    let mut total = Report::default();
    for seed in first..first + seeds {
        match run(seed, steps, plant) {
            Ok(report) => {
                total.hash ^= report.hash;
                total.commands += report.commands;
                total.rejected += report.rejected;
                total.offers += report.offers;
                total.crashes += report.crashes;
                total.millis += report.millis;
            }
            Err(failure) => {
                println!("{failure}");
                return ExitCode::FAILURE;
            }
        }
    }
    println!(
        "{seeds} seeds from {first}, {steps} steps each: {} commands, {} refused, {} offers, {} crashes, {} s of virtual \
         time, trace {:016x}",
        total.commands,
        total.rejected,
        total.offers,
        total.crashes,
        total.millis / 1_000,
        total.hash
    );
    ExitCode::SUCCESS
}
