//! What the tests stand on: receivers that answer as they are told, a canary that counts who comes, and the client with
//! a clock moved by hand.

use crate::support::clock::ManualClock;
pub use crate::support::outbound::{CONNECT, MadeUp, loopback, options};
use bytes::Bytes;
use cordboard::edge::fetch::{HttpFetch, HttpFetchOptions, Names};
use cordboard::runtime::fetch::{Fetch, FetchAnswer, FetchCode, FetchFailure, FetchMethod, FetchRequest};
use std::io;
use std::net::{SocketAddr, TcpListener as StdListener};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// Real time after which a test is broken rather than slow.
const PATIENCE: Duration = Duration::from_secs(20);

pub const TOTAL: Duration = Duration::from_secs(15);
pub const ANSWER_BYTES_MAX: usize = 64 * 1024;

pub struct Desk {
    pub fetch: HttpFetch,
    pub clock: Arc<ManualClock>,
}

impl Desk {
    pub fn new(options: HttpFetchOptions, names: Arc<dyn Names>) -> Self {
        let clock = Arc::new(ManualClock::default());
        let fetch = HttpFetch::new(options, names, Arc::clone(&clock) as _).expect("a client");
        Self { fetch, clock }
    }

    /// For receivers on this machine.
    pub fn open() -> Self {
        Self::new(options(&["127.0.0.0/8"]), loopback())
    }

    pub async fn get(&self, url: &str) -> Result<FetchAnswer, FetchFailure> {
        soon(self.fetch.fetch(get(url))).await
    }

    pub async fn code(&self, url: &str) -> FetchCode {
        self.get(url).await.expect_err(url).code
    }
}

pub fn get(url: &str) -> FetchRequest {
    FetchRequest {
        method: FetchMethod::Get,
        url: url.to_owned(),
        headers: Vec::new(),
        body: Bytes::new(),
        total: TOTAL,
        answer_bytes_max: ANSWER_BYTES_MAX,
    }
}

pub async fn soon<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, work).await.expect("it ends soon")
}

/// A server that treats each connection as it is told.
pub struct Receiver {
    pub address: SocketAddr,
    task: JoinHandle<()>,
}

impl Receiver {
    pub async fn new<W: Future<Output = io::Result<()>> + Send>(
        serve: impl Fn(TcpStream) -> W + Send + Sync + 'static,
    ) -> Self {
        Self::at(SocketAddr::from(([127, 0, 0, 1], 0)), serve).await
    }

    pub async fn at<W: Future<Output = io::Result<()>> + Send>(
        address: SocketAddr,
        serve: impl Fn(TcpStream) -> W + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind(address).await.expect("an address");
        let address = listener.local_addr().expect("bound");
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // Whoever misbehaves may find that the client has left: that is what is tested.
                serve(stream).await.unwrap_or_default();
            }
        });
        Self { address, task }
    }

    /// Reads each request's head, gives this answer, and closes.
    pub async fn answering(answer: impl Into<Vec<u8>>) -> Self {
        let answer: Arc<[u8]> = answer.into().into();
        Self::new(move |mut stream| {
            let answer = Arc::clone(&answer);
            async move {
                head(&mut stream).await?;
                stream.write_all(&answer).await?;
                stream.shutdown().await
            }
        })
        .await
    }

    /// Nobody listens there any more.
    pub async fn stop(mut self) {
        self.task.abort();
        (&mut self.task).await.expect_err("it was ended");
    }

    pub fn url(&self) -> String {
        format!("http://{}/", self.address)
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What a request says until its empty line.
pub async fn head(stream: &mut TcpStream) -> io::Result<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}

/// Listens on every address of the machine, and expects nobody.
pub struct Canary(StdListener);

impl Canary {
    pub fn new() -> Self {
        // Where IPv6 is there, this one hears both.
        let listener = StdListener::bind("[::]:0").or_else(|_| StdListener::bind("0.0.0.0:0")).expect("a port");
        listener.set_nonblocking(true).expect("a socket");
        Self(listener)
    }

    pub fn port(&self) -> u16 {
        self.0.local_addr().expect("bound").port()
    }

    /// Connections since this was asked last. Whoever has connected stands in the queue already.
    pub fn connections(&self) -> usize {
        std::iter::from_fn(|| self.0.accept().ok()).count()
    }
}
