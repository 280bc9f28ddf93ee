//! Receivers that do wrong, each with its failure, within its limit. The clock is moved by hand once the receiver says
//! how far it has come.

use super::receiver::{CONNECT, Desk, MadeUp, Receiver, TOTAL, get, head, options, soon};
use async_trait::async_trait;
use cordboard::edge::fetch::Names;
use cordboard::runtime::fetch::{Fetch, FetchCode, FetchFailure};
use std::io;
use std::net::{IpAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::sync::Notify;

const OK: &str = "HTTP/1.1 200 OK\r\n";

/// What comes of a request when the clock moves on once the receiver has given its sign.
async fn late(desk: &Desk, url: &str, sign: &Notify, by: Duration) -> FetchFailure {
    let moved = async {
        sign.notified().await;
        // Not a moment before its limit.
        desk.clock.advance(by - Duration::from_millis(1));
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        desk.clock.advance(Duration::from_millis(1));
    };
    let (answer, ()) = soon(async { tokio::join!(desk.fetch.fetch(get(url)), moved) }).await;
    answer.expect_err("too late")
}

/// Says `said` after each request's head, gives a sign, and then `again` as long as it is read, or nothing more.
async fn lingering(said: String, again: &'static str) -> (Receiver, Arc<Notify>) {
    let sign = Arc::new(Notify::new());
    let given = Arc::clone(&sign);
    let receiver = Receiver::new(move |mut stream| {
        let (said, sign) = (said.clone(), Arc::clone(&given));
        async move {
            head(&mut stream).await?;
            stream.write_all(said.as_bytes()).await?;
            sign.notify_one();
            while !again.is_empty() {
                stream.write_all(again.as_bytes()).await?;
                tokio::task::yield_now().await;
            }
            std::future::pending().await
        }
    })
    .await;
    (receiver, sign)
}

#[tokio::test]
async fn whoever_never_ends_is_left_at_the_total_limit() {
    let desk = Desk::open();
    let cases = [
        (String::new(), "", None),
        ("HTTP/1.1 200 O".to_owned(), "", None),
        (format!("{OK}X-A: "), "", None),
        ("HTTP/1.1 100 Continue\r\n\r\n".to_owned(), "", None),
        ("HTTP/1.1 103 Early Hints\r\n\r\n".to_owned(), "HTTP/1.1 103 Early Hints\r\n\r\n", None),
        (format!("{OK}Content-Length: 100\r\n\r\n"), "", Some(200)),
        (format!("{OK}Content-Length: 100\r\n\r\nabc"), "", Some(200)),
        (format!("{OK}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"), "", Some(200)),
        (format!("{OK}\r\nabc"), "", Some(200)),
        ("HTTP/1.1 500 No\r\nContent-Length: 100\r\n\r\n".to_owned(), "", Some(500)),
    ];
    for (said, again, status) in cases {
        let (receiver, sign) = lingering(said.clone(), again).await;
        let failure = late(&desk, &receiver.url(), &sign, TOTAL).await;
        assert_eq!(failure.code, FetchCode::Timeout, "{said:?}: {failure}");
        // Whether the head has been read when the limit comes is the network's affair.
        assert!(failure.status.is_none() || failure.status == status, "{said:?}: {failure:?}");
        assert!(failure.message.ends_with("within 15 s"), "{failure}");
    }
}

#[tokio::test]
async fn a_body_that_drips_ends_at_the_total_limit() {
    let desk = Arc::new(Desk::open());
    let drops = Arc::clone(&desk);
    // Each drop takes a second of its own, so that no pause between two is long.
    let receiver = Receiver::new(move |mut stream| {
        let clock = Arc::clone(&drops.clock);
        async move {
            head(&mut stream).await?;
            stream.write_all(format!("{OK}Content-Length: 1000\r\n\r\n").as_bytes()).await?;
            loop {
                stream.write_all(b"a").await?;
                clock.advance(Duration::from_secs(1));
                for _ in 0..10 {
                    tokio::task::yield_now().await;
                }
            }
        }
    })
    .await;
    assert_eq!(desk.code(&receiver.url()).await, FetchCode::Timeout);
}

/// A name that is looked up for ever.
struct Silent(Arc<Notify>);

#[async_trait]
impl Names for Silent {
    async fn addresses(&self, _: &str) -> io::Result<Vec<IpAddr>> {
        self.0.notify_one();
        std::future::pending().await
    }
}

#[tokio::test]
async fn connecting_has_a_limit_of_its_own() {
    let sign = Arc::new(Notify::new());
    let desk = Desk::new(options(&[]), Arc::new(Silent(Arc::clone(&sign))));
    let failure = late(&desk, "http://silent.test/", &sign, CONNECT).await;
    assert_eq!((failure.code, failure.message.as_str()), (FetchCode::ConnectTimeout, "no connection within 5 s"));
    // Somebody accepts and says nothing of TLS.
    let sign = Arc::new(Notify::new());
    let given = Arc::clone(&sign);
    let receiver = Receiver::new(move |stream| {
        let sign = Arc::clone(&given);
        async move {
            sign.notify_one();
            std::future::pending::<()>().await;
            drop(stream);
            Ok(())
        }
    })
    .await;
    let desk = Desk::open();
    let failure = late(&desk, &format!("https://{}/", receiver.address), &sign, CONNECT).await;
    assert_eq!(failure.code, FetchCode::ConnectTimeout);
}

#[tokio::test]
async fn nobody_there_is_told_apart() {
    let desk = Desk::open();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let gone = listener.local_addr().expect("bound");
    drop(listener);
    assert_eq!(desk.code(&format!("http://{gone}/")).await, FetchCode::ConnectionRefused);
    let unknown = Desk::new(options(&[]), Arc::new(MadeUp(|_: &str| Err(io::Error::other("no such name")))));
    let failure = unknown.get("http://unknown.test/").await.expect_err("unknown");
    let wanted = (FetchCode::NameNotResolved, "the name could not be resolved: no such name");
    assert_eq!((failure.code, failure.message.as_str()), wanted);
}

#[tokio::test]
async fn whoever_closes_early_is_told_apart() {
    let desk = Desk::open();
    let cases = [
        ("", None),
        ("HTTP/1.1 2", None),
        ("HTTP/1.1 200 OK\r\nContent-", None),
        ("HTTP/1.1 100 Continue\r\n\r\n", None),
        ("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", Some(200)),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", Some(200)),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\na", Some(200)),
        ("HTTP/1.1 500 No\r\nContent-Length: 10\r\n\r\nabc", Some(500)),
    ];
    for (answer, status) in cases {
        let receiver = Receiver::answering(answer).await;
        let failure = desk.get(&receiver.url()).await.expect_err(answer);
        assert_eq!((failure.code, failure.status), (FetchCode::ConnectionClosed, status), "{answer:?}: {failure}");
    }
    let at_once = Receiver::new(|stream| async move { stream.set_zero_linger() }).await;
    assert_eq!(desk.code(&at_once.url()).await, FetchCode::ConnectionClosed);
}

#[tokio::test]
async fn bodies_without_end_are_not_read_to_it() {
    let desk = Desk::open();
    let cases = [
        (format!("{OK}\r\n"), "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
        (format!("{OK}Transfer-Encoding: chunked\r\n\r\n"), "20\r\naaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n"),
        (format!("{OK}Content-Length: 18446744073709551000\r\n\r\n"), ""),
        (format!("{OK}Content-Length: 65537\r\n\r\n"), ""),
        ("HTTP/1.1 500 No\r\n\r\n".to_owned(), "no no no no no no no no no no no no no no no no "),
    ];
    for (said, again) in cases {
        let (receiver, _sign) = lingering(said.clone(), again).await;
        let failure = desk.get(&receiver.url()).await.expect_err("too large");
        assert_eq!((failure.code, failure.status.is_some()), (FetchCode::AnswerTooLarge, true), "{said:?}: {failure}");
    }
}

#[tokio::test]
async fn headers_have_a_number_and_a_size() {
    let desk = Desk::open();
    let field = |bytes: usize| format!("X-A: {}\r\n", "a".repeat(bytes));
    let cases = [
        format!("{OK}{}", field(1024 * 1024)),
        format!("{OK}{}\r\n", field(33 * 1024)),
        format!("{OK}{}\r\n", field(1024).repeat(33)),
        format!("{OK}{}\r\n", field(1).repeat(101)),
        format!("HTTP/1.1 200 {}\r\n\r\n", "a".repeat(1024 * 1024)),
    ];
    for answer in cases {
        let receiver = Receiver::answering(answer.clone()).await;
        let failure = desk.get(&receiver.url()).await.expect_err("too large");
        assert_eq!(failure.code, FetchCode::AnswerHeadersTooLarge, "{} bytes: {failure}", answer.len());
    }
    // Without any end they are not waited for.
    let (receiver, _sign) =
        lingering(OK.to_owned(), "X-A: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n").await;
    assert_eq!(desk.code(&receiver.url()).await, FetchCode::AnswerHeadersTooLarge);
    let receiver = Receiver::answering(format!("{OK}{}Content-Length: 0\r\n\r\n", field(16).repeat(99))).await;
    assert_eq!(desk.get(&receiver.url()).await.expect("an answer").headers.len(), 100);
}

#[tokio::test]
async fn what_is_not_http_is_told_apart() {
    let desk = Desk::open();
    let cases = [
        "hello\r\n\r\n",
        "SSH-2.0-OpenSSH_9.9\r\n",
        "HTTP/9.1 200 OK\r\n\r\n",
        "HTTP/1.1 two OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX A: b\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: ten\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10000000000000000\r\nabc\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: a\r\nConnection: upgrade\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "\0\0\0\0",
    ];
    for answer in cases {
        let receiver = Receiver::answering(answer).await;
        let failure = desk.get(&receiver.url()).await.expect_err(answer);
        assert_eq!(failure.code, FetchCode::MalformedAnswer, "{answer:?}: {failure}");
    }
}
