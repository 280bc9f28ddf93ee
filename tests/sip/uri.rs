//! URIs: the examples of RFC 3261 §19.1 and RFC 3966.

use cordboard_sip::uri::{Host, Part, Uri, UriError, unescape};

fn uri(text: &str) -> Uri<'_> {
    Uri::parse(text.as_bytes()).unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn the_examples_of_section_19_1_3_have_their_parts() {
    let alice = uri("sip:alice:secretword@atlanta.com;transport=tcp?subject=project%20x&priority=urgent");
    let alice = alice.sip().unwrap();
    assert_eq!((alice.user, alice.password), (Some(&b"alice"[..]), Some(&b"secretword"[..])));
    assert_eq!(alice.params.value("TRANSPORT"), Some(&b"tcp"[..]));
    assert_eq!(alice.header_pairs().count(), 2);
    assert_eq!(uri("sip:+1-212-555-1212:1234@gateway.com;user=phone").sip().unwrap().password, Some(&b"1234"[..]));
    assert!(uri("sips:1212@gateway.com").sip().unwrap().secure);
    assert_eq!(uri("sip:alice@192.0.2.4").sip().unwrap().host, Host::V4("192.0.2.4".parse().unwrap()));
    assert_eq!(uri("sip:alice;day=tuesday@atlanta.com").sip().unwrap().user, Some(&b"alice;day=tuesday"[..]));
    assert_eq!(uri("sip:atlanta.com;method=REGISTER?to=alice%40atlanta.com").sip().unwrap().user, None);
    assert_eq!(unescape(b"%00%25%34%31").as_ref(), b"\0%41");
}

#[test]
fn the_examples_of_section_19_1_4_are_equal_or_not() {
    let equal = [
        ("sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp"),
        ("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5"),
        ("sip:carol@chicago.com;newparam=5", "sip:carol@chicago.com;security=on"),
        (
            "sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
            "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com",
        ),
        (
            "sip:alice@atlanta.com?subject=project%20x&priority=urgent",
            "sip:alice@atlanta.com?priority=urgent&subject=project%20x",
        ),
        ("sip:[2001:db8::1]", "sip:[2001:0db8:0:0::1]"),
        ("tel:+1-201-555-0123", "tel:+1(201)5550123"),
        ("tel:7042;phone-context=Example.com", "tel:70-42;phone-context=example.com"),
    ];
    let unequal = [
        ("SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp"),
        ("sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting"),
        ("sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4"),
        ("sip:bob@biloxi.com", "sips:bob@biloxi.com"),
        ("sip:a%3Bb@c.com", "sip:a;b@c.com"),
        ("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off"),
        ("tel:+12015550123", "tel:+12015550123;ext=1"),
        ("mailto:a@b.com", "sip:a@b.com"),
    ];
    for (this, other) in equal {
        assert!(uri(this).is_equivalent(&uri(other)) && uri(other).is_equivalent(&uri(this)), "{this} = {other}");
    }
    for (this, other) in unequal {
        assert!(!uri(this).is_equivalent(&uri(other)) && !uri(other).is_equivalent(&uri(this)), "{this} ≠ {other}");
    }
}

#[test]
fn a_malformed_uri_names_its_part() {
    for (text, part) in [
        ("sip:", Part::Host),
        ("sip:@h.example", Part::User),
        ("sip:a:b@c@h.example", Part::Host),
        ("sip:a:<@h.example", Part::Password),
        ("sip:h.example:x", Part::Port),
        ("sip:h.example;", Part::Parameter),
        ("sip:h.example?", Part::Header),
        ("tel:", Part::Number),
        ("urn:", Part::Rest),
    ] {
        assert_eq!(Uri::parse(text.as_bytes()), Err(UriError::Part(part)), "{text}");
    }
    assert_eq!(Uri::parse(b"bob"), Err(UriError::Scheme));
    assert_eq!(Uri::parse(b"1a:b"), Err(UriError::Scheme));
}
