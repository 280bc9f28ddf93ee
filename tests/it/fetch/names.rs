//! Names whose addresses change from one attempt to the next: each connection is judged by the answer that it is made
//! with. 127.0.0.2 is opened and stands for the public address of an attacker; 127.0.0.1 is not.

use super::receiver::{Canary, Desk, MadeUp, Receiver, head, options};
use cordboard::edge::fetch::Names;
use cordboard::runtime::fetch::FetchCode;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

const OUTSIDE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(127, 0, 0, 2));
const INSIDE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

/// Answers in turn, and the last one for ever.
fn in_turn(answers: Vec<Vec<IpAddr>>) -> (Arc<dyn Names>, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let names = MadeUp(move |_: &str| {
        let turn = count.fetch_add(1, Ordering::SeqCst).min(answers.len() - 1);
        Ok(answers[turn].clone())
    });
    (Arc::new(names), asked)
}

/// The attacker's own server, on the port at which another one listens inside.
async fn outside(canary: &TwoFaced, answer: &'static str) -> Receiver {
    Receiver::at(SocketAddr::new(OUTSIDE, canary.port), move |stream| answered(stream, answer)).await
}

async fn answered(mut stream: TcpStream, answer: &str) -> io::Result<()> {
    while !head(&mut stream).await?.is_empty() {
        stream.write_all(answer.as_bytes()).await?;
        if answer.contains("Connection: close") {
            return stream.shutdown().await;
        }
    }
    Ok(())
}

/// A canary on the inner address alone, so that the outer one's port is free.
struct TwoFaced {
    inner: std::net::TcpListener,
    port: u16,
}

impl TwoFaced {
    fn new() -> Self {
        let inner = std::net::TcpListener::bind((INSIDE, 0)).expect("a port");
        inner.set_nonblocking(true).expect("a socket");
        let port = inner.local_addr().expect("bound").port();
        Self { inner, port }
    }

    fn connections(&self) -> usize {
        std::iter::from_fn(|| self.inner.accept().ok()).count()
    }
}

const AND_CLOSE: &str = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
const AND_KEEP: &str = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

#[tokio::test]
async fn a_name_that_moves_inside_is_refused_on_its_next_connection() {
    let canary = TwoFaced::new();
    let receiver = outside(&canary, AND_CLOSE).await;
    let (names, asked) = in_turn(vec![vec![OUTSIDE], vec![INSIDE]]);
    let desk = Desk::new(options(&["127.0.0.2/32"]), names);
    let url = format!("http://rebinding.test:{}/", receiver.address.port());
    assert_eq!(desk.get(&url).await.expect("an answer").status, 200);
    for attempt in 2..=5 {
        assert_eq!(desk.code(&url).await, FetchCode::AddressRefused);
        assert_eq!(asked.load(Ordering::SeqCst), attempt, "every attempt asks again");
    }
    assert_eq!(canary.connections(), 0);
}

#[tokio::test]
async fn a_connection_that_is_kept_stays_with_the_address_that_was_judged() {
    let canary = TwoFaced::new();
    let receiver = outside(&canary, AND_KEEP).await;
    let (names, _) = in_turn(vec![vec![OUTSIDE], vec![INSIDE]]);
    let desk = Desk::new(options(&["127.0.0.2/32"]), names);
    let url = format!("http://rebinding.test:{}/", receiver.address.port());
    assert_eq!(desk.get(&url).await.expect("an answer").status, 200);
    for _ in 0..5 {
        let got = desk.get(&url).await.map(|answer| answer.status).map_err(|failure| failure.code);
        assert!(matches!(got, Ok(200) | Err(FetchCode::AddressRefused)), "{got:?}");
    }
    assert_eq!(canary.connections(), 0);
}

#[tokio::test]
async fn of_several_addresses_only_the_allowed_are_tried() {
    let canary = TwoFaced::new();
    let receiver = outside(&canary, AND_CLOSE).await;
    let port = receiver.address.port();
    let everywhere = vec![INSIDE, "::1".parse().expect("an address"), OUTSIDE, INSIDE];
    let (names, _) = in_turn(vec![everywhere]);
    let desk = Desk::new(options(&["127.0.0.2/32"]), names);
    assert_eq!(desk.get(&format!("http://several.test:{port}/")).await.expect("an answer").status, 200);
    receiver.stop().await;
    // With nobody at the allowed address, the others are not a way out.
    assert_eq!(desk.code(&format!("http://several.test:{port}/")).await, FetchCode::ConnectionRefused);
    assert_eq!(canary.connections(), 0);
}

#[tokio::test]
async fn the_user_is_told_the_kind_and_not_the_address() {
    let canary = Canary::new();
    let (names, _) = in_turn(vec![vec!["10.11.12.13".parse().expect("an address")]]);
    let desk = Desk::new(options(&[]), names);
    let failure = desk.get(&format!("http://inner.test:{}/", canary.port())).await.expect_err("refused");
    let wanted = "the URL's host is a private address, which this installation does not reach; its operator can open \
                  the network";
    assert_eq!((failure.code.as_str(), failure.to_string().as_str()), ("address_refused", wanted));
    assert!(!failure.message.contains("10.11"));
}
