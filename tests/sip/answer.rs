//! Responses made from requests, and the ACK and CANCEL made from an INVITE.

use crate::corpus::{INVITE, files, read};
use cordboard_sip::message::{BuildError, Builder, CannotAnswer, ack_for_failure, cancel};
use cordboard_sip::{Method, Name, Verdict};

#[test]
fn an_answer_has_what_the_request_had_and_a_tag() {
    let invite = read(INVITE.as_bytes());
    let seen = "192.0.2.1:40000".parse().unwrap();
    let answer = invite.answer(180, "Ringing", Some(b"b1"), Some(seen)).unwrap();
    let bytes = answer.header(Name::Contact, "<sip:bob@192.0.2.4>").finish().unwrap();
    let expected = "SIP/2.0 180 Ringing\r\n\
        Via: SIP/2.0/UDP pc33.atlanta.example.com:5066;branch=z9hG4bK776asdhds;received=192.0.2.1;rport=40000\r\n\
        From: Alice <sip:alice@atlanta.example.com>;tag=1928301774\r\n\
        To: Bob <sip:bob@biloxi.example.com>;tag=b1\r\n\
        Call-ID: a84b4c76e66710@pc33.atlanta.example.com\r\n\
        CSeq: 314159 INVITE\r\n\
        Contact: <sip:bob@192.0.2.4>\r\n\
        Content-Length: 0\r\n\r\n";
    assert_eq!(String::from_utf8_lossy(&bytes), expected);
    assert_eq!(read(&bytes).check(), Verdict::Sound);
    assert_eq!(read(&bytes).via().unwrap().received(), Some("192.0.2.1".parse().unwrap()));
}

#[test]
fn a_tag_that_is_there_stays_alone() {
    let within = INVITE.replacen("To: Bob <sip:bob@biloxi.example.com>", "To: <sip:bob@biloxi.example.com>;tag=old", 1);
    let bytes = read(within.as_bytes()).answer(200, "OK", Some(b"new"), None).unwrap().finish().unwrap();
    assert_eq!(read(&bytes).to().unwrap().tag(), Some(&b"old"[..]));
}

#[test]
fn every_refused_torture_message_gets_an_answer_that_reads_back() {
    let mut answered = 0;
    for (name, bytes) in files("rfc4475") {
        let request = read(&bytes);
        let Verdict::Answer { status, reason, .. } = request.check() else { continue };
        let bytes = request.answer(status, reason, Some(b"t"), None).unwrap().finish().unwrap();
        let answer = read(&bytes);
        assert_eq!((answer.status(), answer.head_fault()), (Some(status), None), "{name}");
        let vias = |message: &cordboard_sip::Message| message.lines(Name::Via).count();
        assert_eq!(vias(&answer), vias(&request), "{name}");
        answered += 1;
    }
    assert_eq!(answered, 22);
}

#[test]
fn a_malformed_value_cannot_add_a_line_to_an_answer() {
    let evil = INVITE.replacen("Call-ID: a", "Call-ID: a\rX-Evil: b\r", 1);
    let request = read(evil.as_bytes());
    assert!(matches!(request.check(), Verdict::Answer { status: 400, .. }));
    let bytes = request.answer(400, "Bad Request", Some(b"t"), None).unwrap().finish().unwrap();
    assert_eq!(read(&bytes).head_fault(), None);
    assert_eq!(read(&bytes).other(b"X-Evil").count(), 0);
}

#[test]
fn what_is_never_answered() {
    let ack = INVITE.replace("INVITE", "ACK");
    assert_eq!(read(ack.as_bytes()).answer(200, "OK", None, None).unwrap_err(), CannotAnswer::Ack);
    let response = read(b"SIP/2.0 200 OK\r\n\r\n");
    assert_eq!(response.answer(200, "OK", None, None).unwrap_err(), CannotAnswer::Response);
}

#[test]
fn a_failure_is_acknowledged_on_the_invites_own_way() {
    let routed =
        INVITE.replacen("Max-Forwards", "Route: <sip:p1.example;lr>\r\nRoute: <sip:p2.example;lr>\r\nMax-Forwards", 1);
    let invite = read(routed.as_bytes());
    let refusal = invite.answer(486, "Busy Here", Some(b"b2"), None).unwrap().finish().unwrap();
    let ack = read(&ack_for_failure(&invite, &read(&refusal)).unwrap().finish().unwrap());
    assert_eq!(ack.check(), Verdict::Sound);
    assert_eq!(ack.method(), Some(Method::Ack));
    assert_eq!(ack.to().unwrap().tag(), Some(&b"b2"[..]));
    assert_eq!(ack.via().unwrap().branch(), invite.via().unwrap().branch());
    assert_eq!(ack.routes(Name::Route).count(), 2);
    let cancel = read(&cancel(&invite).unwrap().finish().unwrap());
    assert_eq!(cancel.check(), Verdict::Sound);
    assert_eq!((cancel.cseq().unwrap().number, cancel.cseq().unwrap().method), (314_159, Method::Cancel));
    assert_eq!(cancel.to().unwrap().tag(), None);
}

#[test]
fn the_builder_refuses_what_would_break_out() {
    let request = || Builder::request(b"OPTIONS", b"sip:a@b.example");
    assert_eq!(request().header(Name::Subject, "a\r\nEvil: b").finish(), Err(BuildError::LineEnd));
    assert_eq!(request().named(b"Bad Name", b"x").finish(), Err(BuildError::NotAToken));
    assert_eq!(request().named(b"l", b"7").finish(), Err(BuildError::ContentLength));
    assert_eq!(Builder::request(b"IN VITE", b"sip:a").finish(), Err(BuildError::NotAToken));
    assert_eq!(Builder::request(b"INVITE", b"sip:a b").finish(), Err(BuildError::RequestUri));
    assert_eq!(Builder::response(99, b"").finish(), Err(BuildError::Status));
    assert_eq!(Builder::response(200, b"\n").finish(), Err(BuildError::LineEnd));
}
