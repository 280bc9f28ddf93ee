//! However an address that is not public is written, nobody connects to it.

use super::receiver::{Canary, Desk, MadeUp, Receiver, loopback, options};
use cordboard::edge::fetch::{Names, SystemNames};
use cordboard::runtime::fetch::{Fetch, FetchCode};
use std::io;
use std::net::IpAddr;
use std::sync::Arc;

use FetchCode::{AddressRefused as Refused, InvalidUrl as Invalid, NameNotResolved as Unknown};

/// `PORT` is where the canary listens; hosts on the left of it need nobody to resolve them.
const SPELLINGS: &[(&str, FetchCode)] = &[
    // The plain ones.
    ("http://127.0.0.1:PORT/", Refused),
    ("HTTP://127.0.0.1:PORT/", Refused),
    ("https://127.0.0.1:PORT/", Refused),
    ("http://127.0.0.2:PORT/", Refused),
    ("http://127.255.255.254:PORT/", Refused),
    ("http://0.0.0.0:PORT/", Refused),
    ("http://10.0.0.1:PORT/", Refused),
    ("http://172.16.0.1:PORT/", Refused),
    ("http://172.31.255.255:PORT/", Refused),
    ("http://192.168.1.1:PORT/", Refused),
    ("http://100.64.0.1:PORT/", Refused),
    ("http://169.254.169.254/latest/meta-data/", Refused),
    ("http://100.100.100.200/latest/meta-data/", Refused),
    ("http://168.63.129.16/", Refused),
    ("http://192.0.0.192/", Refused),
    ("http://224.0.0.1:PORT/", Refused),
    ("http://255.255.255.255:PORT/", Refused),
    // Numbers of other bases, and short forms (inet_aton).
    ("http://2130706433:PORT/", Refused),
    ("http://0x7f000001:PORT/", Refused),
    ("http://0X7F.0x0.0x0.0x1:PORT/", Refused),
    ("http://017700000001:PORT/", Refused),
    ("http://0177.0.0.1:PORT/", Refused),
    ("http://0177.0000.0x0.1:PORT/", Refused),
    ("http://00000177.0.0.1:PORT/", Refused),
    ("http://127.1:PORT/", Refused),
    ("http://127.0.1:PORT/", Refused),
    ("http://127.0x1:PORT/", Refused),
    ("http://0:PORT/", Refused),
    ("http://0x:PORT/", Refused),
    ("http://2852039166/latest/meta-data/", Refused),
    ("http://0xa9.0xfe.0xa9.0xfe/latest/meta-data/", Refused),
    ("http://4294967295:PORT/", Refused),
    ("http://4294967296:PORT/", Invalid),
    ("http://127.0.0.256:PORT/", Invalid),
    ("http://127.0.0.1.1:PORT/", Invalid),
    ("http://0x100.0.0.1:PORT/", Invalid),
    // Dots at the end, and none.
    ("http://127.0.0.1.:PORT/", Refused),
    ("http://127.1.:PORT/", Refused),
    // IPv6, and IPv4 within it.
    ("http://[::1]:PORT/", Refused),
    ("http://[::]:PORT/", Refused),
    ("http://[0:0:0:0:0:0:0:1]:PORT/", Refused),
    ("http://[0000:0000:0000:0000:0000:0000:0000:0001]:PORT/", Refused),
    ("http://[::ffff:127.0.0.1]:PORT/", Refused),
    ("http://[::ffff:7f00:1]:PORT/", Refused),
    ("http://[0:0:0:0:0:ffff:127.0.0.1]:PORT/", Refused),
    ("http://[::FFFF:10.0.0.1]:PORT/", Refused),
    ("http://[::ffff:169.254.169.254]/", Refused),
    ("http://[::127.0.0.1]:PORT/", Refused),
    ("http://[::7f00:1]:PORT/", Refused),
    ("http://[64:ff9b::127.0.0.1]:PORT/", Refused),
    ("http://[64:ff9b::a9fe:a9fe]/", Refused),
    ("http://[64:ff9b:1::127.0.0.1]:PORT/", Refused),
    ("http://[2002:7f00:1::]:PORT/", Refused),
    ("http://[2001:0:7f00:1::]:PORT/", Refused),
    ("http://[fe80::1]:PORT/", Refused),
    ("http://[fec0::1]:PORT/", Refused),
    ("http://[fd00:ec2::254]/latest/meta-data/", Refused),
    ("http://[ff02::1]:PORT/", Refused),
    ("http://[fe80::1%25lo]:PORT/", Invalid),
    ("http://[fe80::1%lo]:PORT/", Invalid),
    ("http://[::1%251]:PORT/", Invalid),
    ("http://[127.0.0.1]:PORT/", Invalid),
    ("http://::1:PORT/", Invalid),
    // Letters of other scripts and escapes for digits and dots.
    ("http://%31%32%37.0.0.1:PORT/", Refused),
    ("http://127%2e0%2e0%2e1:PORT/", Refused),
    ("http://%30x7f.1:PORT/", Refused),
    ("http://１２７.０.０.１:PORT/", Refused),
    ("http://①②⑦.⓪.⓪.①:PORT/", Refused),
    ("http://127。0。0。1:PORT/", Refused),
    ("http://127．0．0．1:PORT/", Refused),
    ("http://127｡0｡0｡1:PORT/", Refused),
    ("http://127.0.0.1\u{ad}:PORT/", Refused),
    ("http://%5b::1%5d:PORT/", Invalid),
    ("http://127.0.0.1%00.public.test:PORT/", Invalid),
    ("http://127.0.0.1%09:PORT/", Invalid),
    // Who is the host?
    ("http://public.test@127.0.0.1:PORT/", Invalid),
    ("http://public.test:80@127.0.0.1:PORT/", Invalid),
    ("http://@127.0.0.1:PORT/", Refused),
    ("http://127.0.0.1:PORT@public.test/", Invalid),
    ("http://127.0.0.1:PORT#@public.test/", Refused),
    ("http://127.0.0.1:PORT?@public.test/", Refused),
    ("http://127.0.0.1:PORT\\@public.test/", Invalid),
    ("http://public.test\\@127.0.0.1:PORT/", Invalid),
    ("http:127.0.0.1:PORT/", Refused),
    ("http:/127.0.0.1:PORT/", Refused),
    ("http:///127.0.0.1:PORT/", Refused),
    ("http:\\\\127.0.0.1:PORT\\", Invalid),
    ("//127.0.0.1:PORT/", Invalid),
    ("127.0.0.1:PORT", Invalid),
    (" http://127.0.0.1:PORT/", Invalid),
    ("http://127.0.0.1:PORT/ ", Invalid),
    ("http://127.0.\t0.1:PORT/", Invalid),
    ("http://127.0.0.1\r\nHost: public.test:PORT/", Invalid),
    ("http://127.0.0.1:0/", Invalid),
    ("http://127.0.0.1:65536/", Invalid),
    ("http://127.0.0.1:-1/", Invalid),
    ("http://:PORT/", Invalid),
    ("http://", Invalid),
    ("", Invalid),
    // Other ways in.
    ("file:///etc/passwd", Invalid),
    ("ftp://127.0.0.1:PORT/", Invalid),
    ("gopher://127.0.0.1:PORT/_GET", Invalid),
    ("ws://127.0.0.1:PORT/", Invalid),
    ("unix:/run/docker.sock", Invalid),
    ("data:text/plain,hello", Invalid),
    ("javascript:alert(1)", Invalid),
];

/// Names that lead to this machine.
const NAMES: &[(&str, FetchCode)] = &[
    ("http://localhost:PORT/", Refused),
    ("http://localhost.:PORT/", Refused),
    ("http://LOCALHOST:PORT/", Refused),
    ("http://ｌｏｃａｌｈｏｓｔ:PORT/", Refused),
    ("http://loc%61lhost:PORT/", Refused),
    ("http://a.localhost:PORT/", Refused),
    ("http://127.0.0.1..:PORT/", Refused),
    ("http://localhost.localdomain:PORT/", Refused),
    ("http://127.0.0.1.public.test:PORT/", Refused),
    ("http://metadata.google.internal/computeMetadata/v1/", Refused),
    ("http://xn--bcher-kva.test:PORT/", Refused),
    ("http://six.test:PORT/", Refused),
    ("http://mapped.test:PORT/", Refused),
    ("http://zero.test:PORT/", Refused),
    ("https://public.test:PORT/", Refused),
    ("http://nowhere.test:PORT/", Unknown),
    ("http://empty.test:PORT/", Unknown),
];

fn leading_home() -> Arc<dyn Names> {
    Arc::new(MadeUp(|name: &str| {
        let addresses: &[&str] = match name.trim_end_matches('.') {
            "nowhere.test" => return Err(io::Error::other("no such name")),
            "empty.test" => &[],
            "six.test" => &["::1", "fe80::1"],
            "mapped.test" => &["::ffff:127.0.0.1"],
            "zero.test" => &["0.0.0.0", "::"],
            "metadata.google.internal" => &["169.254.169.254"],
            _ => &["127.0.0.1", "::1"],
        };
        Ok(addresses.iter().map(|address| address.parse().expect("an address")).collect::<Vec<IpAddr>>())
    }))
}

#[tokio::test]
async fn no_spelling_reaches_this_machine() {
    assert!(SPELLINGS.len() + NAMES.len() >= 60);
    let canary = Canary::new();
    let desk = Desk::new(options(&[]), leading_home());
    let mut faults = Vec::new();
    for (spelling, wanted) in SPELLINGS.iter().chain(NAMES) {
        let url = spelling.replace("PORT", &canary.port().to_string());
        let got = desk.get(&url).await.map_err(|failure| failure.code);
        if got.as_ref().err() != Some(wanted) {
            faults.push(format!("{url:?} gives {got:?} and not {wanted:?}"));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert_eq!(canary.connections(), 0);
}

#[tokio::test]
async fn what_needs_no_name_is_refused_when_it_is_saved() {
    let desk = Desk::new(options(&[]), leading_home());
    for (spelling, wanted) in SPELLINGS {
        let url = spelling.replace("PORT", "80");
        assert_eq!(desk.fetch.check_url(&url).map_err(|failure| failure.code), Err(*wanted), "{url:?}");
    }
    for sound in ["https://public.test/hook?a=b", "http://8.8.8.8:8080/", "https://[2606:4700::1111]/", "http://a.b."] {
        assert_eq!(desk.fetch.check_url(sound), Ok(()), "{sound}");
    }
}

/// Without this the other tests might look at a canary that nobody can reach.
#[tokio::test]
async fn the_canary_hears_whoever_may_come() {
    let canary = Canary::new();
    let opened = Desk::new(options(&["127.0.0.0/8"]), loopback());
    let url = format!("http://public.test:{}/", canary.port());
    let (asked, heard) = tokio::join!(opened.get(&url), async {
        loop {
            let heard = canary.connections();
            if heard > 0 {
                opened.clock.advance(super::receiver::TOTAL);
                return heard;
            }
            tokio::task::yield_now().await;
        }
    });
    assert_eq!((asked.map_err(|failure| failure.code), heard), (Err(FetchCode::Timeout), 1));
}

#[tokio::test]
async fn redirects_lead_nowhere() {
    let canary = Canary::new();
    let desk = Desk::new(options(&["127.0.0.1/32"]), loopback());
    for status in [300, 301, 302, 303, 304, 305, 307, 308] {
        for place in ["http://127.0.0.1:PORT/", "//localhost:PORT/", "http://[::1]:PORT/", "http://2130706433:PORT/"] {
            let place = place.replace("PORT", &canary.port().to_string());
            let answer = format!("HTTP/1.1 {status} Elsewhere\r\nLocation: {place}\r\nContent-Length: 0\r\n\r\n");
            let receiver = Receiver::answering(answer).await;
            let failure = desk.get(&receiver.url()).await.expect_err("a redirect");
            assert_eq!((failure.code, failure.status), (FetchCode::Redirect, Some(status)));
        }
    }
    assert_eq!(canary.connections(), 0);
}

#[tokio::test]
async fn the_names_of_the_machine_are_judged_too() {
    let canary = Canary::new();
    let desk = Desk::new(options(&[]), Arc::new(SystemNames::default()));
    assert_eq!(desk.code(&format!("http://localhost:{}/", canary.port())).await, FetchCode::AddressRefused);
    assert_eq!(canary.connections(), 0);
}

#[tokio::test]
async fn long_urls_are_refused() {
    let desk = Desk::open();
    let url = |bytes: usize| format!("http://public.test/{:a>1$}", "", bytes - "http://public.test/".len());
    assert_eq!(desk.fetch.check_url(&url(2_048)), Ok(()));
    let failure = desk.fetch.check_url(&url(2_049)).expect_err("too long");
    assert_eq!(failure.message, "the URL has 2049 bytes; 2048 are allowed");
}
