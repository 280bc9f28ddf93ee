//! Items through HTTP, against the real program on SQLite with full durability: 64 keep-alive connections that create an
//! item, ask for its reservation, accept it and complete it, and then such that only create. First as fast as they go;
//! then open loop at 70 % of that, where a time counts from when the request was due and not from when it was sent.
//!
//! `make bench NAME=http`; `BENCH_SECONDS=10` sets how long each row is measured. Client and server share the machine.
#![expect(clippy::disallowed_methods, reason = "a bench measures time and lasts for one")]

#[path = "../it/support/program.rs"]
mod program;
mod support;

use program::Program;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use support::{percentile, seconds};

const CONNECTIONS: usize = 64;
/// Share of the peak at which the open loop runs.
const SHARE_OF_PEAK: f64 = 0.7;
/// A loop that falls behind is given up so long after its end.
const LATE_MAX: Duration = Duration::from_secs(5);
const WORKERS: usize = 512;
const KEY: &str = "bench-key-bench-key-bench-key";

/// One keep-alive connection that speaks just enough HTTP to cost little beside the server.
struct Connection {
    stream: BufReader<TcpStream>,
}

impl Connection {
    fn open(program: &Program) -> Self {
        let address = program.address.strip_prefix("http://").expect("an address");
        let stream = TcpStream::connect(address).expect("it listens");
        stream.set_nodelay(true).expect("a socket option");
        Self { stream: BufReader::new(stream) }
    }

    /// The answer's body; a refusal ends the bench.
    fn ask(&mut self, method: &str, path: &str, body: &str) -> Value {
        let request = format!(
            "{method} /v1/{path} HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {KEY}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        self.stream.get_mut().write_all(request.as_bytes()).expect("it is sent");
        let (mut line, mut status, mut length) = (String::new(), String::new(), 0);
        loop {
            line.clear();
            self.stream.read_line(&mut line).expect("it is answered");
            let line = line.trim_end();
            if status.is_empty() {
                line.clone_into(&mut status);
            } else if line.is_empty() {
                break;
            } else if let Some(told) = line.strip_prefix("content-length: ") {
                length = told.parse().expect("a number");
            }
        }
        let mut answer = vec![0; length];
        self.stream.read_exact(&mut answer).expect("it is answered in full");
        assert!(status.contains(" 20"), "{path}: {status} {}", String::from_utf8_lossy(&answer));
        serde_json::from_slice(&answer).expect("it is JSON")
    }

    fn post(&mut self, path: &str, body: &Value) -> Value {
        self.ask("POST", path, &body.to_string())
    }

    /// Accepts and completes an item that was offered when it was created.
    fn serve(&mut self, item: &str) {
        let offered = self.ask("GET", &format!("reservations?state=offered&work_item={item}&limit=1"), "");
        let reservation = offered["data"][0]["id"].as_str().expect("there are workers enough");
        self.ask("POST", &format!("reservations/{reservation}/accept"), "");
        self.ask("POST", &format!("work-items/{item}/complete"), "");
    }
}

/// What a connection does again and again.
#[derive(Clone, Copy)]
enum Work {
    Lifecycle,
    Create,
}

impl Work {
    fn name(self) -> &'static str {
        match self {
            Self::Lifecycle => "create, find, accept, complete",
            Self::Create => "create",
        }
    }

    /// In the second nobody is there to take an item.
    fn workflow(self) -> &'static str {
        match self {
            Self::Lifecycle => "staffed",
            Self::Create => "empty",
        }
    }
}

fn configure(program: &Program) {
    let mut connection = Connection::open(program);
    for (name, workers) in [(Work::Lifecycle.workflow(), true), (Work::Create.workflow(), false)] {
        connection.post("queues", &json!({"name": name, "workers": workers}));
        let document = json!({"default": [{"route": {"queue": name}}]});
        connection.post("workflows", &json!({"name": name, "document": document}));
    }
    for number in 0..WORKERS {
        let attributes = json!({"languages": ["en", "de"], "skill": number % 10});
        let name = format!("worker {number}");
        connection.post("workers", &json!({"name": name, "activity": "Available", "attributes": attributes}));
    }
}

struct Measured {
    per_second: f64,
    p50_ms: f64,
    p99_ms: f64,
}

/// Creations per second, and how long each took; at `rate` per second, or as fast as the connections go.
fn measure(program: &Program, work: Work, rate: Option<f64>, length: Duration) -> Measured {
    let attributes = json!({
        "tier": "gold", "language": "en", "customer": "cus_0192837465", "order": 48_151_623, "topic": "billing",
        "history": ["opened", "answered", "reopened"], "note": "x".repeat(150),
    });
    let item = json!({"workflow": work.workflow(), "channel": "chat", "attributes": attributes}).to_string();
    let (begun, arrivals) = (Instant::now(), AtomicU64::new(0));
    let drive = || {
        let (mut connection, mut times) = (Connection::open(program), Vec::new());
        loop {
            let due = match rate {
                Some(rate) => Duration::from_secs_f64(arrivals.fetch_add(1, Ordering::Relaxed) as f64 / rate),
                None => begun.elapsed(),
            };
            if due >= length || begun.elapsed() >= length + LATE_MAX {
                return times;
            }
            std::thread::sleep(due.saturating_sub(begun.elapsed()));
            let created = connection.ask("POST", "work-items", &item);
            times.push(begun.elapsed() - due);
            if let Work::Lifecycle = work {
                connection.serve(created["id"].as_str().expect("an id"));
            }
        }
    };
    let mut times: Vec<Duration> = std::thread::scope(|scope| {
        let drivers: Vec<_> = (0..CONNECTIONS).map(|_| scope.spawn(drive)).collect();
        drivers.into_iter().flat_map(|driver| driver.join().expect("no driver panics")).collect()
    });
    let per_second = times.len() as f64 / begun.elapsed().as_secs_f64();
    times.sort_unstable();
    Measured { per_second, p50_ms: percentile(&times, 50), p99_ms: percentile(&times, 99) }
}

fn main() {
    let length = Duration::from_secs(seconds());
    let data = tempfile::tempdir().expect("a directory");
    let mut program = Program::start(data.path(), KEY);
    configure(&program);
    measure(&program, Work::Lifecycle, None, Duration::from_secs(1));
    let title = format!("HTTP, {CONNECTIONS} connections");
    println!("{title:<52} {:>12} {:>10} {:>10}", "creates/s", "p50 ms", "p99 ms");
    let mut rows = Vec::new();
    for work in [Work::Lifecycle, Work::Create] {
        let mut row = |name: String, measured: Measured| {
            let Measured { per_second, p50_ms, p99_ms } = measured;
            println!("{name:<52} {per_second:>12.0} {p50_ms:>10.2} {p99_ms:>10.2}");
            rows.push(json!({"name": name, "per_second": per_second, "p50_ms": p50_ms, "p99_ms": p99_ms}));
            per_second
        };
        let peak = row(format!("{}: peak", work.name()), measure(&program, work, None, length));
        let rate = peak * SHARE_OF_PEAK;
        row(format!("{}: open loop, 70 % of peak", work.name()), measure(&program, work, Some(rate), length));
    }
    program.kill();
    println!("{}", json!({"bench": "http", "connections": CONNECTIONS, "rows": rows}));
}
