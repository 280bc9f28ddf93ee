//! Typed access to single headers.

use crate::corpus::{INVITE, read};
use cordboard_sip::header::{Contact, auth::Auth, timer::Refresher};
use cordboard_sip::{Fault, Message, Method, Name};

fn with(lines: &str) -> Message {
    read(INVITE.replacen("\r\n\r\n", &format!("\r\n{lines}\r\n\r\n"), 1).as_bytes())
}

#[test]
fn numbers_and_timers() {
    let message = with("Session-Expires: 4000;refresher=UAC\r\nMin-SE: 90\r\nRSeq: 988789\r\nExpires: 4294967296");
    let timer = message.session_expires().unwrap().unwrap();
    assert_eq!((timer.seconds, timer.refresher), (4000, Some(Refresher::Uac)));
    assert_eq!(message.min_se().unwrap().unwrap().seconds, 90);
    assert_eq!(message.rseq().unwrap(), Some(988_789));
    let error = message.expires().unwrap_err();
    assert_eq!((error.name, error.fault), (Name::Expires, Fault::Number));
    assert_eq!(with("x: 90;refresher=nobody").session_expires().unwrap_err().fault, Fault::Parameter);
}

#[test]
fn transfers_and_subscriptions() {
    let lines = "RAck: 776656 1 INVITE\r\nRefer-To: <sip:carol@c.example?Replaces=1%40h%3Bto-tag%3D1>\r\n\
        Replaces: 425928@bobster.example.org;to-tag=7743;from-tag=6472;early-only\r\n\
        o: refer;id=93809824\r\nSubscription-State: terminated;reason=noresource;expires=7";
    let message = with(lines);
    let rack = message.rack().unwrap().unwrap();
    assert_eq!((rack.rseq, rack.cseq.number, rack.cseq.method), (776_656, 1, Method::Invite));
    let target = message.refer_to().unwrap().unwrap();
    assert_eq!(target.uri.sip().unwrap().header_pairs().next().unwrap().0, b"Replaces");
    let replaces = message.replaces().unwrap().unwrap();
    assert_eq!((replaces.call_id, replaces.to_tag), (&b"425928@bobster.example.org"[..], &b"7743"[..]));
    assert!(replaces.early_only);
    assert_eq!(with("Replaces: a@b;to-tag=1").replaces().unwrap_err().fault, Fault::Parameter);
    assert_eq!(message.event().unwrap().unwrap().id(), Some(&b"93809824"[..]));
    let state = message.subscription_state().unwrap().unwrap();
    assert!(state.is_terminated());
    assert_eq!(state.expires_seconds(), Some(7));
}

#[test]
fn credentials() {
    let value = br#"Digest username="bob", realm="a \"b\"", nc=00000001, uri="sip:b.example", qop=auth, response="0f""#;
    let auth = Auth::parse(value).unwrap();
    assert!(auth.is_digest());
    assert_eq!(auth.params().count(), 6);
    assert_eq!(auth.get("NC"), Some(&b"00000001"[..]));
    assert_eq!(auth.get("realm"), Some(&br#"a \"b\""#[..]));
    for broken in [&b"Digest"[..], b"Digest realm", b"Digest realm=\"a", b"Digest realm=\"a\",", b"Digest a=b c=d", b""]
    {
        assert!(Auth::parse(broken).is_err(), "{}", String::from_utf8_lossy(broken));
    }
}

#[test]
fn lists_and_contacts() {
    let message =
        with("Supported: 100rel, timer\r\nk: replaces\r\nm: *, \"a, b\" <sip:x,y@c.example>;q=0.25;expires=60");
    assert!(["100rel", "TIMER", "replaces"].iter().all(|tag| message.names(Name::Supported, tag)));
    assert!(!message.names(Name::Supported, "outbound"));
    let contacts: Vec<_> = message.contacts().map(Result::unwrap).collect();
    assert!(matches!(contacts[1], Contact::Star));
    let Contact::Address(address) = contacts[2] else { panic!("an address") };
    assert_eq!((address.q_thousandths(), address.expires_seconds()), (Some(250), Some(60)));
    assert_eq!(address.display_name().unwrap().as_ref(), b"a, b");
    for (q, expected) in [("1", Some(1000)), ("1.000", Some(1000)), ("0.", Some(0)), ("1.1", None), ("0.1234", None)] {
        let message = with(&format!("m: <sip:a@b.example>;q={q}"));
        let address = message.routes(Name::Contact).nth(1).unwrap().unwrap();
        assert_eq!(address.q_thousandths(), expected, "{q}");
    }
}

#[test]
fn bodies() {
    let message = with("Content-Disposition: session;handling=OPTIONAL");
    assert!(message.content_type().unwrap().unwrap().is("Application", "SDP"));
    assert!(message.content_disposition().unwrap().unwrap().is_optional());
    assert_eq!(message.body().unwrap(), "v=0\n");
}
