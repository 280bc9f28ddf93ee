//! What it costs to read an ordinary INVITE: the index alone, with a server's typed headers, with the whole check, and
//! the same with the crate `rsip`. Allocations are counted.
//!
//! `make bench NAME=sip_parse`. The ways take turns, five times each; the median is shown.

#![expect(clippy::disallowed_methods, reason = "a bench measures time and lasts for one")]

use bytes::Bytes;
use cordboard_sip::Message;
use rsip::message::{HeadersExt, SipMessage};
use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};

const ROUNDS: u32 = 200_000;
const REPEATS: usize = 5;

const INVITE: &[u8] = b"INVITE sip:bob@biloxi.example.com SIP/2.0\r\n\
Via: SIP/2.0/UDP pc33.atlanta.example.com:5066;branch=z9hG4bK776asdhds;rport\r\n\
Max-Forwards: 70\r\n\
To: Bob <sip:bob@biloxi.example.com>\r\n\
From: Alice <sip:alice@atlanta.example.com>;tag=1928301774\r\n\
Call-ID: a84b4c76e66710@pc33.atlanta.example.com\r\n\
CSeq: 314159 INVITE\r\n\
Contact: <sip:alice@pc33.atlanta.example.com>\r\n\
Allow: INVITE, ACK, CANCEL, OPTIONS, BYE\r\n\
Supported: replaces, timer\r\n\
User-Agent: Softphone 1.0\r\n\
Content-Type: application/sdp\r\n\
Content-Length: 4\r\n\
\r\n\
v=0\n";

/// Counts what the system's allocator is asked for.
struct Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

// SAFETY: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

type Way = (&'static str, fn(&Bytes));

const WAYS: [Way; 4] = [
    ("index", |bytes| drop(black_box(Message::parse(bytes.clone())))),
    ("index, Via, From, To, Call-ID, CSeq", |bytes| {
        let message = Message::parse(bytes.clone()).expect("a message");
        let _ = black_box((message.via(), message.from(), message.to(), message.call_id(), message.cseq()));
    }),
    ("index and check", |bytes| {
        black_box(Message::parse(bytes.clone()).expect("a message").check());
    }),
    ("rsip", |bytes| {
        let message = SipMessage::try_from(&bytes[..]).expect("a message");
        let _ = black_box((message.via_header().is_ok(), message.cseq_header().is_ok()));
    }),
];

/// Nanoseconds and allocations of one round.
fn measure(way: fn(&Bytes), bytes: &Bytes) -> (f64, f64) {
    let before = ALLOCATIONS.load(Ordering::Relaxed);
    let start = std::time::Instant::now();
    (0..ROUNDS).for_each(|_| way(black_box(bytes)));
    let nanoseconds = start.elapsed().as_nanos() as f64 / f64::from(ROUNDS);
    (nanoseconds, (ALLOCATIONS.load(Ordering::Relaxed) - before) as f64 / f64::from(ROUNDS))
}

fn main() {
    let bytes = Bytes::from_static(INVITE);
    let mut measured: [Vec<(f64, f64)>; WAYS.len()] = Default::default();
    for _ in 0..REPEATS {
        for (way, results) in WAYS.iter().zip(&mut measured) {
            results.push(measure(way.1, &bytes));
        }
    }
    println!("{:<40} {:>10} {:>10} {:>12}", "an INVITE of 12 headers", "ns", "spread", "allocations");
    let mut rows = Vec::new();
    for ((name, _), mut results) in WAYS.iter().zip(measured) {
        results.sort_by(|this, other| this.0.total_cmp(&other.0));
        let (median, allocations) = results[REPEATS / 2];
        let spread = results[REPEATS - 1].0 - results[0].0;
        println!("{name:<40} {median:>10.0} {spread:>10.0} {allocations:>12.2}");
        rows.push(format!(
            r#"{{"way":"{name}","ns":{median:.0},"spread":{spread:.0},"allocations":{allocations:.2}}}"#
        ));
    }
    println!(r#"{{"bench":"sip_parse","rows":[{}]}}"#, rows.join(","));
}
