//! Restart with many open items: how long until every account is loaded with all timers armed, and until the first
//! item is offered to a worker that becomes available.
//!
//! `make bench NAME=restart`; `ITEMS=1000000` sets how many items are open.
#![expect(clippy::disallowed_methods, reason = "a bench measures time and lasts for one")]

mod support;

use cordboard_domain::work::*;
use serde_json::json;
use std::time::Instant;
use support::{Floor, fill, items, resident_bytes, runtime_on};

#[tokio::main]
async fn main() {
    let count = items();
    let floor = Floor::open().await;
    fill(&floor, count).await;
    floor.runtime.stop().await;
    let before = resident_bytes();
    let started = Instant::now();
    let runtime = runtime_on(floor.directory.path()).await;
    let loaded_s = started.elapsed().as_secs_f64();
    let floor = Floor { runtime, ..floor };
    let mut events = floor.runtime.subscribe(floor.account).expect("the account is there");
    floor.staff(1).await;
    loop {
        let batch = events.recv().await.expect("events come");
        if batch.events.iter().any(|event| event.event_type == "reservation.offered") {
            break;
        }
    }
    let first_offer_s = started.elapsed().as_secs_f64();
    println!("{:<44} {:>12}", "restart", count);
    println!("{:<44} {loaded_s:>12.2}", "loaded, all timers armed, s");
    println!("{:<44} {first_offer_s:>12.2}", "first item offered, s");
    let line = json!({
        "bench": "restart", "items": count, "loaded_s": loaded_s, "first_offer_s": first_offer_s,
        "resident_before_bytes": before, "resident_after_bytes": resident_bytes(),
    });
    println!("{line}");
    floor.done(Command::Tick).await;
    floor.runtime.stop().await;
}
