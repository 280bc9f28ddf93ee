//! Memory of many waiting items with 300 bytes of attributes each, in a runtime that has just loaded them.
//!
//! `make bench NAME=memory`; `ITEMS=1000000` sets how many.
#![expect(clippy::disallowed_methods, reason = "a bench measures time and lasts for one")]

mod support;

use serde_json::json;
use support::{Floor, fill, items, peak_bytes, resident_bytes, runtime_on};

const MIB: f64 = 1_048_576.0;

/// Set in the process that loads: what filled the store must not be counted.
const LOAD_FROM: &str = "CORDBOARD_BENCH_LOAD_FROM";

#[tokio::main]
async fn main() {
    if let Ok(directory) = std::env::var(LOAD_FROM) {
        return measure(&directory).await;
    }
    let floor = Floor::open().await;
    fill(&floor, items()).await;
    floor.runtime.stop().await;
    let program = std::env::current_exe().expect("the program is a file");
    let status = std::process::Command::new(program).env(LOAD_FROM, floor.directory.path()).status();
    assert!(status.expect("it runs").success());
}

async fn measure(directory: &str) {
    let before = resident_bytes();
    let runtime = runtime_on(std::path::Path::new(directory)).await;
    let (after, count) = (resident_bytes(), items());
    println!("{:<44} {:>12}", "memory: waiting items", count);
    println!("{:<44} {:>12.0}", "resident before loading, MiB", before as f64 / MIB);
    println!("{:<44} {:>12.0}", "resident with all items loaded, MiB", after as f64 / MIB);
    println!("{:<44} {:>12.0}", "highest while loading, MiB", peak_bytes() as f64 / MIB);
    let per_item = after.saturating_sub(before) / count as u64;
    println!("{:<44} {per_item:>12}", "bytes per item");
    let line = json!({
        "bench": "memory", "items": count, "resident_bytes": after, "peak_bytes": peak_bytes(),
        "bytes_per_item": per_item,
    });
    println!("{line}");
    runtime.stop().await;
}
