//! Properties over random and mutated bytes: nothing panics, nothing is read outside, what is built reads back.

use crate::corpus::{INVITE, all, exercise, read};
use bytes::Bytes;
use cordboard_sip::frame::Framer;
use cordboard_sip::limit::Limits;
use cordboard_sip::message::Builder;
use cordboard_sip::{Name, Verdict, uri::Uri};
use proptest::prelude::*;

/// How many mutations of stored messages one run tries; `FUZZ_ROUNDS` asks for more.
const ROUNDS: u64 = 20_000;

/// What a fuzz target calls: any bytes, as a datagram, a stream and a URI.
fn fuzz_message(bytes: &[u8]) {
    exercise(bytes);
    let mut framer = Framer::new(Limits::default());
    framer.push(bytes);
    while let Ok(Some(_)) = framer.next_frame() {}
    if let Ok(uri) = Uri::parse(bytes) {
        assert!(uri.is_equivalent(&uri));
    }
}

/// A small generator of its own, so that a seed names the same bytes everywhere (splitmix64).
struct Seed(u64);

impl Seed {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }
}

/// Bytes that mean something to the grammar.
const SPICE: &[u8] = b"\r\n \t\0:;,<>\"\\@%=?&[]/*.\x7f\x80\xff09zZ";

fn mutate(seed: &mut Seed, corpus: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = corpus[seed.below(corpus.len())].clone();
    for _ in 0..=seed.below(6) {
        let at = seed.below(bytes.len());
        match seed.below(6) {
            _ if bytes.is_empty() => {}
            0 => bytes[at] = SPICE[seed.below(SPICE.len())],
            1 => bytes.insert(at, SPICE[seed.below(SPICE.len())]),
            2 => drop(bytes.drain(at..(at + seed.below(20)).min(bytes.len()))),
            3 => bytes.truncate(at),
            4 => {
                let end = (at + seed.below(60)).min(bytes.len());
                let copied = bytes[at..end].to_vec();
                let to = seed.below(bytes.len());
                bytes.splice(to..to, copied);
            }
            _ => {
                let other = &corpus[seed.below(corpus.len())];
                let from = seed.below(other.len());
                bytes.truncate(at);
                bytes.extend_from_slice(&other[from..]);
            }
        }
    }
    bytes
}

#[test]
fn mutated_messages_harm_nothing() {
    let rounds = std::env::var("FUZZ_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(ROUNDS);
    let corpus: Vec<_> = all().into_iter().filter(|bytes| bytes.len() < 4_000).collect();
    for round in 0..rounds {
        fuzz_message(&mutate(&mut Seed(round), &corpus));
    }
}

#[test]
fn every_prefix_of_every_message_harms_nothing() {
    for bytes in all().into_iter().filter(|bytes| bytes.len() < 4_000) {
        (0..bytes.len()).for_each(|length| exercise(&bytes[..length]));
    }
}

fn token() -> impl Strategy<Value = String> {
    "[-A-Za-z0-9.!%*_+`'~]{1,20}"
}

proptest! {
    #[test]
    fn any_bytes_harm_nothing(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        fuzz_message(&bytes);
        fuzz_message(&[INVITE.as_bytes(), &bytes].concat());
        fuzz_message(&[&INVITE.as_bytes()[..60], &bytes].concat());
    }

    #[test]
    fn what_is_built_reads_back(
        method in "[A-Z]{3,12}",
        user in "[A-Za-z0-9]{1,12}",
        names in proptest::collection::vec((token(), "[ -~é]{0,40}"), 0..40),
        (tag, branch, call_id) in (token(), token(), "[A-Za-z0-9]{1,20}"),
        number in any::<u32>(),
        body in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        let names: Vec<_> = names.into_iter().filter(|(name, _)| Name::of(name.as_bytes()) == Name::Other).collect();
        let uri = format!("sip:{user}@example.com");
        let mut builder = Builder::request(method.as_bytes(), uri.as_bytes())
            .header(Name::Via, format!("SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK{branch}"))
            .header(Name::From, format!("<{uri}>;tag={tag}"))
            .header(Name::To, format!("<{uri}>"))
            .header(Name::CallId, &call_id)
            .header(Name::CSeq, format!("{number} {method}"));
        for (name, value) in &names {
            builder = builder.named(name.as_bytes(), value.as_bytes());
        }
        let bytes = builder.body("application/octet-stream", Bytes::from(body.clone())).finish().unwrap();
        let message = read(&bytes);
        prop_assert_eq!(message.check(), Verdict::Sound);
        prop_assert_eq!(message.method().unwrap().as_bytes(), method.as_bytes());
        prop_assert_eq!(message.request_uri_bytes().unwrap(), uri.as_bytes());
        prop_assert_eq!(message.from().unwrap().tag(), Some(tag.as_bytes()));
        prop_assert_eq!(message.call_id().unwrap(), call_id.as_bytes());
        prop_assert_eq!(message.cseq().unwrap().number, number);
        prop_assert_eq!(message.body().unwrap(), body);
        let others: Vec<_> = message.headers().filter(|header| header.name == Name::Other).collect();
        prop_assert_eq!(others.len(), names.len());
        for (found, (name, value)) in others.iter().zip(&names) {
            prop_assert_eq!(found.spelling, name.as_bytes());
            prop_assert_eq!(found.value, value.trim_matches(' ').as_bytes());
        }
    }
}
