//! What is sent, byte for byte, and what comes back of receivers that behave.

use super::receiver::{ANSWER_BYTES_MAX, Canary, Desk, Receiver, get, head, soon};
use bytes::Bytes;
use cordboard::edge::fetch::REQUEST_BYTES_MAX;
use cordboard::runtime::fetch::{Fetch, FetchCode, FetchMethod, FetchRequest};
use std::process::Command;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;

fn post(url: &str, headers: &[(&str, &str)], body: &'static str) -> FetchRequest {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    FetchRequest { method: FetchMethod::Post, headers, body: Bytes::from_static(body.as_bytes()), ..get(url) }
}

/// Gives what it was sent to the test, and an answer with a cookie.
async fn listening() -> (Receiver, mpsc::UnboundedReceiver<String>) {
    let (sent, received) = mpsc::unbounded_channel();
    let receiver = Receiver::new(move |mut stream| {
        let sent = sent.clone();
        async move {
            let mut request = head(&mut stream).await?;
            let length = request.split("content-length: ").nth(1).and_then(|rest| rest.split("\r\n").next());
            let mut body = vec![0; length.map_or(0, |length| length.parse().expect("a number"))];
            stream.read_exact(&mut body).await?;
            request.push_str(&String::from_utf8_lossy(&body));
            sent.send(request).expect("the test listens");
            let head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nSet-Cookie: a=b\r\nContent-Length: 5\r\n";
            stream.write_all(format!("{head}Connection: close\r\n\r\nhello").as_bytes()).await
        }
    })
    .await;
    (receiver, received)
}

#[tokio::test]
async fn an_answer_comes_back() {
    let (receiver, mut received) = listening().await;
    let desk = Desk::open();
    let url = format!("http://receiver.test:{}/a/b?c=d#e", receiver.address.port());
    for _ in 0..2 {
        let answer = desk.get(&url).await.expect("an answer");
        assert_eq!((answer.status, answer.body.as_ref()), (200, b"hello".as_slice()));
        assert_eq!(answer.header("content-type"), Some("text/plain"));
        assert_eq!(answer.success(), Ok(()));
        // The second time without the cookie of the first.
        let request = received.recv().await.expect("a request");
        let mut lines: Vec<&str> = request.trim_end().lines().collect();
        lines[1..].sort_unstable();
        let host = format!("host: receiver.test:{}", receiver.address.port());
        let agent = concat!("user-agent: Cordboard/", env!("CARGO_PKG_VERSION"));
        assert_eq!(lines, ["GET /a/b?c=d HTTP/1.1", "accept-encoding: identity", "accept: */*", &host, agent]);
    }
}

#[tokio::test]
async fn a_body_goes_out_with_its_headers() {
    let (receiver, mut received) = listening().await;
    let desk = Desk::open();
    let headers = [("content-type", "application/json"), ("webhook-id", "msg_1"), ("Accept", "text/xml")];
    let answer = soon(desk.fetch.fetch(post(&receiver.url(), &headers, "{\"a\":1}"))).await.expect("an answer");
    assert_eq!(answer.status, 200);
    let request = received.recv().await.expect("a request");
    assert!(request.starts_with("POST / HTTP/1.1\r\n") && request.ends_with("\r\n\r\n{\"a\":1}"), "{request}");
    for line in ["content-type: application/json", "webhook-id: msg_1", "accept: text/xml", "content-length: 7"] {
        assert!(request.contains(&format!("\r\n{line}\r\n")), "{request}");
    }
}

#[tokio::test]
async fn headers_that_frame_the_message_are_refused() {
    let canary = Canary::new();
    let desk = Desk::open();
    let url = format!("http://receiver.test:{}/", canary.port());
    let bad = [
        ("Host", "inner.test"),
        ("content-length", "0"),
        ("Transfer-Encoding", "chunked"),
        ("connection", "upgrade"),
        ("Expect", "100-continue"),
        ("x-a", "b\r\nHost: inner.test"),
        ("x-a\r\nHost", "inner.test"),
        ("x a", "b"),
        ("", "b"),
    ];
    for header in bad {
        let failure = soon(desk.fetch.fetch(post(&url, &[header], ""))).await.expect_err(header.0);
        assert_eq!(failure.code, FetchCode::InvalidRequest, "{header:?}");
        assert!(!failure.message.contains(['\r', '\n']), "{failure}");
    }
    let body = Bytes::from(vec![b'a'; REQUEST_BYTES_MAX + 1]);
    let failure = soon(desk.fetch.fetch(FetchRequest { body, ..post(&url, &[], "") })).await.expect_err("too large");
    assert_eq!(failure.code, FetchCode::RequestTooLarge);
    assert_eq!(canary.connections(), 0);
}

#[tokio::test]
async fn answers_that_say_no_are_answers() {
    let desk = Desk::open();
    let cases = [
        (400, FetchCode::ClientError),
        (404, FetchCode::ClientError),
        (410, FetchCode::ClientError),
        (429, FetchCode::ClientError),
        (500, FetchCode::ServerError),
        (503, FetchCode::ServerError),
        (999, FetchCode::ServerError),
    ];
    for (status, wanted) in cases {
        let receiver = Receiver::answering(format!("HTTP/1.1 {status} No\r\nContent-Length: 3\r\n\r\nwhy")).await;
        let answer = desk.get(&receiver.url()).await.expect("an answer");
        assert_eq!((answer.status, answer.body.as_ref()), (status, b"why".as_slice()));
        let failure = answer.success().expect_err("a failure");
        assert_eq!((failure.code, failure.status), (wanted, Some(status)));
        assert_eq!(failure.message, format!("the receiver answered with status {status}"));
    }
}

#[tokio::test]
async fn a_body_may_be_as_long_as_agreed() {
    let desk = Desk::open();
    let full = "a".repeat(ANSWER_BYTES_MAX);
    let sized = format!("HTTP/1.1 200 OK\r\nContent-Length: {ANSWER_BYTES_MAX}\r\n\r\n{full}");
    let chunked = format!(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{ANSWER_BYTES_MAX:x}\r\n{full}\r\n0\r\nTrailer: a\r\n\r\n"
    );
    let until_closed = format!("HTTP/1.1 200 OK\r\n\r\n{full}");
    for answer in [sized, chunked, until_closed] {
        let receiver = Receiver::answering(answer).await;
        assert_eq!(desk.get(&receiver.url()).await.expect("an answer").body.len(), ANSWER_BYTES_MAX);
    }
    let packed = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1f\u{8}ab";
    let receiver = Receiver::answering(packed).await;
    assert_eq!(desk.get(&receiver.url()).await.expect("an answer").body.as_ref(), b"\x1f\x08ab", "left as it is");
}

/// Another process, since the environment of this one belongs to all tests.
#[test]
fn proxies_of_the_environment_are_not_asked() {
    let canary = Canary::new();
    let proxy = format!("http://127.0.0.1:{}", canary.port());
    let mut again = Command::new(std::env::current_exe().expect("this program"));
    again.args(["--exact", "fetch::answer::an_answer_comes_back"]);
    for name in ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "HTTPS_PROXY", "https_proxy"] {
        again.env(name, &proxy);
    }
    let ran = again.output().expect("it runs");
    let told = String::from_utf8_lossy(&ran.stdout);
    assert!(ran.status.success() && told.contains("1 passed"), "{told}");
    assert_eq!(canary.connections(), 0);
}
