//! Durable lifecycles: create → offer → accept → complete through the runtime on SQLite with full durability, each
//! answer after its commit, with 1, 16 and 256 lifecycles in flight. Beside it, in the same run, raw SQLite writing the
//! same rows to the same tables: one change per commit, and 256 changes per commit.
//!
//! `make bench NAME=lifecycle`; `BENCH_SECONDS=10` sets how long each row is measured.
#![expect(clippy::disallowed_methods, reason = "a bench measures time and lasts for one")]

mod support;

use cordboard_domain::id::{ItemId, ReservationId};
use cordboard_domain::work::*;
use serde_json::json;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use support::{Floor, cpu_seconds, percentile, raw, seconds};
use tokio::sync::oneshot;

const IN_FLIGHT: [usize; 3] = [1, 16, 256];
/// Changes in one transaction of raw SQLite.
const RAW_GROUPS: [usize; 2] = [1, 256];

/// Offers as they become known: whoever created an item finds its reservation here.
#[derive(Default)]
struct Offers(Mutex<HashMap<ItemId, Offer>>);

enum Offer {
    Made(ReservationId),
    Awaited(oneshot::Sender<ReservationId>),
}

impl Offers {
    fn made(&self, item: ItemId, reservation: ReservationId) {
        let mut offers = self.0.lock().expect("no holder panics");
        match offers.remove(&item) {
            Some(Offer::Awaited(awaited)) => drop(awaited.send(reservation)),
            _ => drop(offers.insert(item, Offer::Made(reservation))),
        }
    }

    async fn of(&self, item: ItemId) -> ReservationId {
        let awaited = {
            let mut offers = self.0.lock().expect("no holder panics");
            match offers.remove(&item) {
                Some(Offer::Made(reservation)) => return reservation,
                _ => {
                    let (sender, receiver) = oneshot::channel();
                    offers.insert(item, Offer::Awaited(sender));
                    receiver
                }
            }
        };
        awaited.await.expect("offers are told")
    }
}

#[derive(serde::Deserialize)]
struct Told {
    resource: Offered,
}

#[derive(serde::Deserialize)]
struct Offered {
    id: ReservationId,
    work_item: ItemId,
}

/// Watches the events of the account for offers, as an agent's browser does.
fn watch_offers(floor: &Floor) -> Arc<Offers> {
    let offers = Arc::new(Offers::default());
    let mut events = floor.runtime.subscribe(floor.account).expect("the account is there");
    let told = Arc::clone(&offers);
    tokio::spawn(async move {
        while let Ok(batch) = events.recv().await {
            for event in batch.events.iter().filter(|event| event.event_type == "reservation.offered") {
                let data: Told = serde_json::from_str(event.data.get()).expect("events hold their resource");
                told.made(data.resource.work_item, data.resource.id);
            }
        }
    });
    offers
}

struct Measured {
    per_second: f64,
    /// CPU time of a lifecycle in microseconds, the drivers' part included.
    cpu_us: f64,
    p50_ms: f64,
    p99_ms: f64,
}

async fn lifecycles(floor: &Arc<Floor>, offers: &Arc<Offers>, in_flight: usize, length: Duration) -> Measured {
    let (stop, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let (started, cpu_before) = (Instant::now(), cpu_seconds());
    let drivers: Vec<_> = (0..in_flight)
        .map(|_| {
            let (floor, offers) = (Arc::clone(floor), Arc::clone(offers));
            let (stop, done) = (Arc::clone(&stop), Arc::clone(&done));
            tokio::spawn(async move {
                let mut times = Vec::new();
                while !stop.load(Ordering::Relaxed) {
                    let began = Instant::now();
                    let item = floor.create_item().await;
                    let id = offers.of(item).await;
                    floor.done(Command::AcceptReservation { id, expected: None }).await;
                    floor.done(Command::CompleteReservation { id, reason: None, expected: None }).await;
                    done.fetch_add(1, Ordering::Relaxed);
                    times.push(began.elapsed());
                }
                times
            })
        })
        .collect();
    tokio::time::sleep(length).await;
    let count = done.load(Ordering::Relaxed) as f64;
    let per_second = count / started.elapsed().as_secs_f64();
    let cpu_us = (cpu_seconds() - cpu_before) / count * 1e6;
    stop.store(true, Ordering::Relaxed);
    let mut times = Vec::new();
    for driver in drivers {
        times.extend(driver.await.expect("no driver panics"));
    }
    times.sort_unstable();
    Measured { per_second, cpu_us, p50_ms: percentile(&times, 50), p99_ms: percentile(&times, 99) }
}

#[tokio::main]
async fn main() {
    let length = Duration::from_secs(seconds());
    let floor = Arc::new(Floor::open().await);
    floor.staff(512).await;
    let offers = watch_offers(&floor);
    lifecycles(&floor, &offers, 64, Duration::from_secs(1)).await;
    println!(
        "{:<34} {:>12} {:>10} {:>10} {:>10}",
        "durable lifecycles (SQLite FULL)", "per second", "CPU us", "p50 ms", "p99 ms"
    );
    let mut lines = Vec::new();
    for in_flight in IN_FLIGHT {
        let measured = lifecycles(&floor, &offers, in_flight, length).await;
        let name = format!("cordboard, {in_flight} in flight");
        let Measured { per_second, cpu_us, p50_ms, p99_ms } = measured;
        println!("{name:<34} {per_second:>12.0} {cpu_us:>10.0} {p50_ms:>10.2} {p99_ms:>10.2}");
        lines.push(json!({"name": name, "per_second": per_second, "cpu_us": cpu_us, "p99_ms": p99_ms}));
    }
    floor.runtime.stop().await;
    let file = floor.directory.path().join("cordboard.db");
    let sizes = raw::sizes(&file).await;
    for group in RAW_GROUPS {
        let raw_file = floor.directory.path().join(format!("raw-{group}.db"));
        let mut raw = raw::open(&file, &raw_file, sizes).await;
        let cpu_before = cpu_seconds();
        let (per_second, p99_ms) = raw.run(group, length).await;
        let cpu_us = (cpu_seconds() - cpu_before) / (per_second * length.as_secs_f64()) * 1e6;
        let name = format!("raw SQLite, {group} per commit");
        println!("{name:<34} {per_second:>12.0} {cpu_us:>10.0} {:>10} {p99_ms:>10.2}", "");
        lines.push(json!({"name": name, "per_second": per_second, "cpu_us": cpu_us, "p99_ms": p99_ms}));
    }
    println!("mean bytes: {sizes:?}");
    println!("{}", json!({"bench": "lifecycle", "rows": lines}));
}
