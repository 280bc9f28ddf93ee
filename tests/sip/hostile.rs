//! Malformed and hostile messages of our own, each with the treatment it must get.

use crate::corpus::{INVITE, exercise, treatment};

/// What is done to the ordinary INVITE.
enum Change {
    /// The header line that begins with this becomes that (without line end); empty takes it away.
    Line(&'static str, &'static str),
    /// A line more, before the others.
    Add(&'static str),
    /// The first of this becomes that, anywhere.
    Replace(&'static str, &'static str),
    /// The whole message.
    Whole(&'static [u8]),
}

use Change::{Add, Line, Replace, Whole};

const TABLE: &[(&str, Change, &str)] = &[
    // The start line
    ("no version", Replace(" SIP/2.0\r\n", "\r\n"), "400"),
    ("no URI", Replace("INVITE sip:bob@biloxi.example.com SIP", "INVITE SIP"), "400"),
    ("method only", Replace("INVITE sip:bob@biloxi.example.com SIP/2.0", "INVITE"), "400"),
    ("version of HTTP", Replace("SIP/2.0\r\n", "HTTP/1.1\r\n"), "400"),
    ("version 3.0", Replace("SIP/2.0\r\n", "SIP/3.0\r\n"), "505"),
    ("version 2.1", Replace("SIP/2.0\r\n", "SIP/2.1\r\n"), "505"),
    ("version 20", Replace("SIP/2.0\r\n", "SIP/20\r\n"), "400"),
    ("version without digits", Replace("SIP/2.0\r\n", "SIP/.\r\n"), "400"),
    ("version in small letters", Replace("SIP/2.0\r\n", "sip/2.0\r\n"), "sound"),
    ("tab in the start line", Replace("INVITE sip", "INVITE\tsip"), "400"),
    ("method in small letters", Replace("INVITE sip", "invite sip"), "501"),
    ("method with a slash", Replace("INVITE sip", "INV/ITE sip"), "400"),
    ("method of bytes above 127", Replace("INVITE sip", "IÏNVITE sip"), "400"),
    ("start line folded", Replace(" SIP/2.0\r\n", " SIP/2.0\r\n folded\r\n"), "400"),
    ("line ends before the start line", Replace("INVITE sip", "\r\n\r\nINVITE sip"), "sound"),
    // The Request-URI
    ("URI without scheme", Replace("INVITE sip:bob@", "INVITE bob@"), "400"),
    ("URI without host", Replace("sip:bob@biloxi.example.com SIP", "sip:bob@ SIP"), "400"),
    ("empty URI behind the scheme", Replace("sip:bob@biloxi.example.com SIP", "sip: SIP"), "400"),
    ("empty user", Replace("sip:bob@biloxi.example.com SIP", "sip:@biloxi.example.com SIP"), "400"),
    ("two at signs", Replace("sip:bob@biloxi", "sip:bob@evil@biloxi"), "400"),
    ("port 0", Replace("biloxi.example.com SIP", "biloxi.example.com:0 SIP"), "400"),
    ("port above 65535", Replace("biloxi.example.com SIP", "biloxi.example.com:65536 SIP"), "400"),
    ("port of 30 digits", Replace("biloxi.example.com SIP", "h:111111111111111111111111111111 SIP"), "400"),
    ("port without digits", Replace("biloxi.example.com SIP", "biloxi.example.com: SIP"), "400"),
    ("negative port", Replace("biloxi.example.com SIP", "biloxi.example.com:-1 SIP"), "400"),
    ("half an escape", Replace("sip:bob@", "sip:bo%4@"), "400"),
    ("escape of no digits", Replace("sip:bob@", "sip:bo%zz@"), "400"),
    ("escaped line end stays escaped", Replace("sip:bob@", "sip:bo%0d%0a@"), "sound"),
    ("raw bytes above 127 in the user", Replace("sip:bob@", "sip:böb@"), "400"),
    ("quote in the user", Replace("sip:bob@", "sip:b\"ob@"), "400"),
    ("IPv4 out of range", Replace("bob@biloxi.example.com SIP", "bob@256.1.1.1 SIP"), "400"),
    ("IPv4 of three parts", Replace("bob@biloxi.example.com SIP", "bob@10.1.1 SIP"), "400"),
    ("empty label", Replace("biloxi.example.com SIP", "biloxi..com SIP"), "400"),
    ("IPv6 never closed", Replace("biloxi.example.com SIP", "[2001:db8::1 SIP"), "400"),
    ("IPv6 of nothing", Replace("biloxi.example.com SIP", "[] SIP"), "400"),
    ("IPv6 with a zone", Replace("biloxi.example.com SIP", "[fe80::1%25eth0] SIP"), "400"),
    ("IPv6 with nine groups", Replace("biloxi.example.com SIP", "[1:2:3:4:5:6:7:8:9] SIP"), "400"),
    ("IPv6 with port", Replace("biloxi.example.com SIP", "[2001:db8::1]:5060 SIP"), "sound"),
    ("junk behind the host", Replace("biloxi.example.com SIP", "[::1]x SIP"), "400"),
    ("empty URI parameter", Replace("biloxi.example.com SIP", "biloxi.example.com;;lr SIP"), "400"),
    ("URI parameter without name", Replace("biloxi.example.com SIP", "biloxi.example.com;=x SIP"), "400"),
    ("headers in the URI", Replace("biloxi.example.com SIP", "biloxi.example.com?Subject=x SIP"), "400"),
    ("unknown scheme", Replace("INVITE sip:bob@", "INVITE mailto:bob@"), "416"),
    ("sips", Replace("INVITE sip:bob@", "INVITE sips:bob@"), "sound"),
    ("scheme in capitals", Replace("INVITE sip:bob@", "INVITE SIP:bob@"), "sound"),
    ("tel", Replace("sip:bob@biloxi.example.com SIP", "tel:+1-201-555-0123 SIP"), "sound"),
    ("tel without digits", Replace("sip:bob@biloxi.example.com SIP", "tel:+-- SIP"), "400"),
    ("local tel without context", Replace("sip:bob@biloxi.example.com SIP", "tel:7042 SIP"), "400"),
    ("local tel", Replace("sip:bob@biloxi.example.com SIP", "tel:7042;phone-context=example.com SIP"), "sound"),
    // Header lines
    ("line without colon", Add("NoColonHere"), "400"),
    ("line of a colon", Add(": value"), "400"),
    ("space in a name", Add("Bad Name: value"), "400"),
    ("bytes above 127 in a name", Add("Üser: value"), "400"),
    ("bytes above 127 in an unknown value", Add("X-Name: Müller"), "sound"),
    ("NUL in an unknown value", Add("X-Nul: a\0b"), "sound"),
    ("lone carriage return", Add("X-Split: a\rVia: evil"), "400"),
    ("lone carriage return before the end", Add("X-Split: a\r"), "400"),
    ("lone line feed", Add("X-Split: a\nX-Evil: b"), "400"),
    ("folded unknown header", Add("X-Fold: a\r\n b\r\n\tc"), "sound"),
    ("folded to nothing", Add("X-Fold:\r\n \r\n\t"), "sound"),
    ("empty value", Add("X-Empty:"), "sound"),
    ("head without end", Replace("\r\n\r\nv=0\n", "\r\n"), "400"),
    ("head cut within a line", Replace("\r\n\r\nv=0\n", ""), "400"),
    ("nothing but a start line", Whole(b"INVITE sip:bob@example.com SIP/2.0\r\n\r\n"), "drop"),
    // Via
    ("no Via", Line("Via", ""), "drop"),
    ("empty Via", Line("Via", "Via:"), "drop"),
    ("Via of another protocol", Line("Via", "Via: HTTP/2.0/UDP h.example;branch=z9hG4bKa"), "400"),
    ("Via of another version", Line("Via", "Via: SIP/3.0/UDP h.example;branch=z9hG4bKa"), "400"),
    ("Via without transport", Line("Via", "Via: SIP/2.0 h.example;branch=z9hG4bKa"), "drop"),
    ("Via without host", Line("Via", "Via: SIP/2.0/UDP ;branch=z9hG4bKa"), "drop"),
    ("Via with port 0", Line("Via", "Via: SIP/2.0/UDP h.example:0;branch=z9hG4bKa"), "drop"),
    ("Via with port 99999", Line("Via", "Via: SIP/2.0/UDP h.example:99999;branch=z9hG4bKa"), "drop"),
    ("Via with an empty branch", Line("Via", "Via: SIP/2.0/UDP h.example;branch="), "400"),
    ("Via with the cookie alone", Line("Via", "Via: SIP/2.0/UDP h.example;branch=z9hG4bK"), "400"),
    ("Via without branch", Line("Via", "Via: SIP/2.0/UDP h.example"), "sound"),
    ("Via of an old branch", Line("Via", "Via: SIP/2.0/UDP h.example;branch=1"), "sound"),
    ("Via with junk behind", Line("Via", "Via: SIP/2.0/UDP h.example junk"), "400"),
    ("Via with an open quote", Line("Via", "Via: SIP/2.0/UDP h.example;branch=\"z9hG4bK"), "400"),
    ("Via of an unknown transport", Line("Via", "Via: SIP/2.0/PIGEON h.example;branch=z9hG4bKa"), "sound"),
    ("compact Via", Line("Via", "v: SIP/2.0/UDP h.example;branch=z9hG4bKa"), "sound"),
    // From and To
    ("no From", Line("From", ""), "400"),
    ("no To", Line("To", ""), "400"),
    ("two To", Add("To: <sip:eve@example.com>"), "400"),
    ("compact To beside To", Add("t: <sip:eve@example.com>"), "400"),
    ("empty To", Line("To", "To:"), "400"),
    ("To without scheme", Line("To", "To: bob"), "400"),
    ("bracket never closed", Line("To", "To: <sip:bob@example.com"), "400"),
    ("bracket never opened", Line("To", "To: sip:bob@example.com>"), "400"),
    ("two URIs", Line("To", "To: <sip:bob@example.com> <sip:eve@example.com>"), "400"),
    ("quote never closed", Line("From", "From: \"Alice <sip:alice@example.com>;tag=1"), "400"),
    ("escaped last quote", Line("From", "From: \"Alice\\\" <sip:alice@example.com>;tag=1"), "400"),
    ("quoted name without URI", Line("From", "From: \"Alice\";tag=1"), "400"),
    ("name with a colon", Line("From", "From: Al:ice <sip:alice@example.com>;tag=1"), "400"),
    ("tag without value", Line("From", "From: <sip:alice@example.com>;tag="), "400"),
    ("empty parameter", Line("From", "From: <sip:alice@example.com>;;tag=1"), "400"),
    ("semicolon at the end", Line("From", "From: <sip:alice@example.com>;tag=1;"), "400"),
    ("name of UTF-8 in quotes", Line("From", "From: \"Ænne\" <sip:alice@example.com>;tag=1"), "sound"),
    ("name of UTF-8 without quotes", Line("From", "From: Ænne <sip:alice@example.com>;tag=1"), "400"),
    ("empty name in quotes", Line("From", "From: \"\" <sip:alice@example.com>;tag=1"), "sound"),
    ("comma in a bare URI", Line("To", "To: sip:bob,eve@example.com"), "400"),
    ("a comma behind To", Line("To", "To: <sip:bob@example.com>, <sip:eve@example.com>"), "400"),
    ("bell in a quoted name", Line("From", "From: \"\x07\" <sip:alice@example.com>;tag=1"), "400"),
    // Call-ID and CSeq
    ("no Call-ID", Line("Call-ID", ""), "400"),
    ("empty Call-ID", Line("Call-ID", "Call-ID:"), "400"),
    ("Call-ID with a space", Line("Call-ID", "Call-ID: a b"), "400"),
    ("Call-ID with two at signs", Line("Call-ID", "Call-ID: a@b@c"), "400"),
    ("Call-ID ending in an at sign", Line("Call-ID", "Call-ID: a@"), "400"),
    ("two Call-IDs", Add("i: other"), "400"),
    ("no CSeq", Line("CSeq", ""), "400"),
    ("CSeq without method", Line("CSeq", "CSeq: 1"), "400"),
    ("CSeq without number", Line("CSeq", "CSeq: INVITE"), "400"),
    ("CSeq negative", Line("CSeq", "CSeq: -1 INVITE"), "400"),
    ("CSeq with a plus sign", Line("CSeq", "CSeq: +1 INVITE"), "400"),
    ("CSeq of 2^32", Line("CSeq", "CSeq: 4294967296 INVITE"), "400"),
    ("CSeq of 2^64", Line("CSeq", "CSeq: 18446744073709551616 INVITE"), "400"),
    ("CSeq hexadecimal", Line("CSeq", "CSeq: 0x1 INVITE"), "400"),
    ("CSeq without space", Line("CSeq", "CSeq: 1INVITE"), "400"),
    ("CSeq with junk", Line("CSeq", "CSeq: 1 INVITE x"), "400"),
    ("CSeq of another method", Line("CSeq", "CSeq: 1 BYE"), "400"),
    ("CSeq in small letters", Line("CSeq", "CSeq: 1 invite"), "400"),
    // The rest
    ("no Max-Forwards", Line("Max-Forwards", ""), "sound"),
    ("Max-Forwards no number", Line("Max-Forwards", "Max-Forwards: many"), "400"),
    ("Max-Forwards negative", Line("Max-Forwards", "Max-Forwards: -1"), "400"),
    ("Max-Forwards of 256", Line("Max-Forwards", "Max-Forwards: 256"), "sound"),
    ("Max-Forwards of a thousand digits", Line("Max-Forwards", "Max-Forwards: 99999999999999999999999999"), "sound"),
    ("two Max-Forwards", Add("Max-Forwards: 70"), "400"),
    ("length too large", Line("Content-Length", "Content-Length: 5"), "400"),
    ("length too small", Line("Content-Length", "Content-Length: 3"), "sound"),
    ("length absent", Line("Content-Length", ""), "sound"),
    ("length empty", Line("Content-Length", "Content-Length:"), "400"),
    ("length with a plus sign", Line("Content-Length", "Content-Length: +4"), "400"),
    ("length hexadecimal", Line("Content-Length", "Content-Length: 0x4"), "400"),
    ("length of 2^64", Line("Content-Length", "Content-Length: 18446744073709551620"), "400"),
    ("length twice the same", Add("l: 4"), "400"),
    ("length as a list", Line("Content-Length", "Content-Length: 4, 4"), "400"),
    ("type without slash", Line("Content-Type", "Content-Type: sdp"), "400"),
    ("type without subtype", Line("Content-Type", "Content-Type: application/"), "400"),
    ("two types", Add("c: text/plain"), "400"),
    ("Contact never closed", Line("Contact", "Contact: <sip:a@b.example"), "400"),
    ("empty Contact between commas", Line("Contact", "Contact: <sip:a@b.example>,,<sip:c@d.example>"), "400"),
    ("Contact of a star", Line("Contact", "Contact: *"), "sound"),
    ("Route without scheme", Add("Route: <proxy.example;lr>"), "400"),
    ("Route of two", Add("Route: <sip:a.example;lr>, <sip:b.example;lr>"), "sound"),
    ("Record-Route never closed", Add("Record-Route: <sip:a.example;lr"), "400"),
    // Whole messages
    ("ACK that is broken", Whole(b"ACK sip:a@b.example SIP/2.0\r\nVia: SIP/2.0/UDP h.example\r\n\r\n"), "drop"),
    ("response that is broken", Whole(b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP h.example\r\n\r\n"), "drop"),
    ("status of 99", Whole(b"SIP/2.0 099 No\r\n\r\n"), "drop"),
    ("status of 700", Whole(b"SIP/2.0 700 No\r\n\r\n"), "drop"),
    ("status without digits", Whole(b"SIP/2.0 abc No\r\n\r\n"), "drop"),
    ("status of version 3", Whole(b"SIP/3.0 200 OK\r\n\r\n"), "drop"),
    ("nothing", Whole(b""), "drop"),
    ("a keep-alive", Whole(b"\r\n\r\n"), "drop"),
    ("a NUL", Whole(b"\0"), "drop"),
    ("STUN", Whole(b"\x00\x01\x00\x00\x21\x12\xa4\x42aaaaaaaaaaaa"), "drop"),
    ("RTP", Whole(b"\x80\x00\x00\x01\x00\x00\x00\xa0\x12\x34\x56\x78"), "drop"),
    ("TLS to a plain port", Whole(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"), "drop"),
    ("HTTP", Whole(b"GET / HTTP/1.1\r\nHost: example.com\r\n\r\n"), "drop"),
    ("one letter", Whole(b"I"), "drop"),
];

fn apply(change: &Change) -> Vec<u8> {
    let (head, body) = INVITE.split_once("\r\n\r\n").expect("a head");
    match change {
        Whole(bytes) => bytes.to_vec(),
        Replace(this, that) => {
            assert!(INVITE.contains(this), "{this:?} is there to be replaced");
            INVITE.replacen(this, that, 1).into_bytes()
        }
        Add(line) => INVITE.replacen("\r\n", &format!("\r\n{line}\r\n"), 1).into_bytes(),
        Line(name, line) => {
            let is_it = |found: &&str| found.split(':').next() == Some(*name);
            assert_eq!(head.split("\r\n").filter(is_it).count(), 1, "{name} is there to be changed");
            let lines = head.split("\r\n").map(|found| if is_it(&found) { line } else { found });
            let lines: Vec<_> = lines.filter(|line| !line.is_empty()).collect();
            format!("{}\r\n\r\n{body}", lines.join("\r\n")).into_bytes()
        }
    }
}

/// Sizes that a table of short texts cannot hold.
fn giants() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let with = |line: String| INVITE.replacen("\r\n\r\n", &format!("\r\n{line}\r\n\r\n"), 1).into_bytes();
    vec![
        ("a header of 40,000 bytes", with(format!("X-Long: {}", "a".repeat(40_000))), "513"),
        ("1,000 headers", with(vec!["X: y"; 1_000].join("\r\n")), "513"),
        ("200 headers", with(vec!["X: y"; 200].join("\r\n")), "sound"),
        ("10,000 folds", with(format!("X: y{}", "\r\n z".repeat(10_000))), "513"),
        ("a header of 20,000 bytes", with(format!("X-Long: {}", "a".repeat(20_000))), "sound"),
        ("5,000 commas in a Contact", with(format!("Contact: {}", ",".repeat(5_000))), "400"),
        ("5,000 quotes in a Contact", with(format!("Contact: {}", "\"".repeat(5_001))), "400"),
        ("5,000 brackets in a Contact", with(format!("Contact: {}", "<".repeat(5_000))), "400"),
        ("5,000 parameters", with(format!("Contact: <sip:a@b.example>{}", ";a".repeat(5_000))), "sound"),
        ("a start line of 40,000 bytes", INVITE.replacen("bob", &"b".repeat(40_000), 1).into_bytes(), "drop"),
        (
            "5,000 parameters of a URI",
            INVITE.replacen("<sip:bob@b", &format!("<sip:bob@c.example{};x=y", ";a".repeat(5_000)), 1).into_bytes(),
            "400",
        ),
        ("a URI of 20,000 bytes", INVITE.replacen("bob", &"b".repeat(20_000), 1).into_bytes(), "sound"),
    ]
}

pub fn messages() -> impl Iterator<Item = (&'static str, Vec<u8>, &'static str)> {
    TABLE.iter().map(|(name, change, expected)| (*name, apply(change), *expected)).chain(giants())
}

#[test]
fn every_hostile_message_gets_its_treatment() {
    assert!(messages().count() >= 100);
    assert_eq!(treatment(INVITE.as_bytes()), "sound");
    let mut faults = Vec::new();
    for (name, bytes, expected) in messages() {
        exercise(&bytes);
        let got = treatment(&bytes);
        if got != expected {
            faults.push(format!("{name}: {got}, not {expected}"));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
