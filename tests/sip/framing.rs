//! Streams: however the bytes are cut, the same messages come out, and what cannot be framed says so.

use crate::corpus::{INVITE, all, read};
use cordboard_sip::frame::{Frame, FrameFault, Framer};
use cordboard_sip::limit::Limits;

/// Everything a stream gave: messages as bytes, keep-alives as words, a fault as its name.
fn frames<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<Vec<u8>> {
    let mut framer = Framer::new(Limits::default());
    let mut found = Vec::new();
    for piece in pieces {
        framer.push(piece);
        loop {
            match framer.next_frame() {
                Ok(Some(Frame::Message(message))) => found.push(message.bytes().to_vec()),
                Ok(Some(Frame::Ping)) => found.push(b"ping".to_vec()),
                Ok(Some(Frame::Pong)) => found.push(b"pong".to_vec()),
                Ok(None) => break,
                Err(error) => {
                    found.push(format!("{:?}", error.kind).into_bytes());
                    return found;
                }
            }
        }
    }
    found
}

fn fault(stream: &str) -> FrameFault {
    let mut framer = Framer::new(Limits { head_bytes_max: 2_000, body_bytes_max: 100, header_lines_max: 50 });
    framer.push(stream.as_bytes());
    let error = loop {
        match framer.next_frame() {
            Ok(frame) => assert!(frame.is_some(), "{stream:?} is not finished"),
            Err(error) => break error,
        }
    };
    error.kind
}

#[test]
fn a_stream_cut_at_every_byte_gives_the_same() {
    let stream = format!("\r\n\r\n{INVITE}{INVITE}\r\n\r\n\r\n{INVITE}");
    let whole = frames([stream.as_bytes()]);
    let invite = INVITE.as_bytes().to_vec();
    let words = |texts: &[&str]| texts.iter().map(|text| text.as_bytes().to_vec()).collect::<Vec<_>>();
    let expected = [
        words(&["pong", "ping"]),
        vec![invite.clone(), invite.clone()],
        words(&["pong", "ping", "pong"]),
        vec![invite],
    ];
    assert_eq!(whole, expected.concat());
    for at in 0..stream.len() {
        let (first, second) = stream.as_bytes().split_at(at);
        assert_eq!(frames([first, second]), whole, "cut at {at}");
    }
    assert_eq!(frames(stream.as_bytes().chunks(1)), whole, "byte by byte");
}

#[test]
fn every_stored_message_frames_the_same_whole_and_in_bytes() {
    for bytes in all() {
        let stream = [&bytes[..], INVITE.as_bytes()].concat();
        assert_eq!(frames(stream.chunks(1)), frames([&stream[..]]), "{}", String::from_utf8_lossy(&bytes));
    }
}

#[test]
fn what_cannot_be_framed_says_so() {
    let with = |this: &str, that: &str| INVITE.replacen(this, that, 1);
    assert_eq!(fault(&with("Content-Length: 4\r\n", "")), FrameFault::NoLength);
    assert_eq!(fault(&with("Length: 4", "Length: -4")), FrameFault::BadLength);
    assert_eq!(fault(&with("Length: 4", "Length: 4\r\nl: 5")), FrameFault::BadLength);
    assert_eq!(fault(&with("Length: 4", "Length: 101")), FrameFault::BodyTooLong);
    assert_eq!(fault(&with("bob", &"b".repeat(3_000))), FrameFault::HeadTooLong);
    assert_eq!(fault(&"a".repeat(2_001)), FrameFault::HeadTooLong);
    assert_eq!(fault("\u{16}\u{3}\u{1}"), FrameFault::NotText);
}

#[test]
fn a_broken_head_can_be_answered_before_the_connection_closes() {
    let mut framer = Framer::new(Limits::default());
    framer.push(INVITE.replacen("Length: 4", "Length: five", 1).as_bytes());
    let error = framer.next_frame().expect_err("no boundary");
    let message = error.message.expect("a head to answer");
    let answer = message.answer(400, "Malformed Content-Length", Some(b"t1"), None).unwrap().finish().unwrap();
    assert_eq!(read(&answer).call_id().unwrap(), b"a84b4c76e66710@pc33.atlanta.example.com");
}

#[test]
fn an_unfinished_message_waits() {
    let mut framer = Framer::new(Limits::default());
    framer.push(&INVITE.as_bytes()[..INVITE.len() - 1]);
    assert!(framer.next_frame().unwrap().is_none());
    assert_eq!(framer.pending_bytes(), INVITE.len() - 1);
}
