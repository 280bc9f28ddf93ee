//! Servers that are asked without a network: a test sees every request, and gives the answer when it likes.

use async_trait::async_trait;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use bytes::Bytes;
use cordboard::runtime::fetch::{Fetch, FetchAnswer, FetchCode, FetchFailure, FetchRequest};
use serde_json::Value;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// What takes longer has gone wrong; only a test that fails waits for it.
const PATIENCE: Duration = Duration::from_secs(30);

pub struct Servers(mpsc::UnboundedSender<Call>);

/// One request, which waits for its answer.
pub struct Call {
    pub request: FetchRequest,
    answer: oneshot::Sender<Result<FetchAnswer, FetchFailure>>,
}

/// Everything that the servers are asked, in order.
pub struct Calls(mpsc::UnboundedReceiver<Call>);

impl Servers {
    pub fn new() -> (Self, Calls) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (Self(sender), Calls(receiver))
    }
}

#[async_trait]
impl Fetch for Servers {
    fn check_url(&self, _: &str) -> Result<(), FetchFailure> {
        Ok(())
    }

    async fn fetch(&self, request: FetchRequest) -> Result<FetchAnswer, FetchFailure> {
        let (answer, answered) = oneshot::channel();
        let gone = |_| FetchFailure::new(FetchCode::ConnectionClosed, "the test has ended");
        // A test that is over hears nothing any more.
        drop(self.0.send(Call { request, answer }));
        answered.await.map_err(gone)?
    }
}

impl Calls {
    pub async fn next(&mut self) -> Call {
        tokio::time::timeout(PATIENCE, self.0.recv()).await.expect("it is asked soon").expect("the runtime runs")
    }

    /// Nobody is asked at the moment.
    pub async fn none(&mut self) {
        for _ in 0..200 {
            tokio::task::yield_now().await;
        }
        if let Ok(call) = self.0.try_recv() {
            panic!("asked: {:?}", call.request);
        }
    }
}

impl Call {
    pub fn body(&self) -> Value {
        serde_json::from_slice(&self.request.body).expect("a body is JSON")
    }

    pub fn header(&self, name: &str) -> &str {
        let found = self.request.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str()).unwrap_or_else(|| panic!("no header {name}"))
    }

    /// Verified by a library that receivers use.
    pub fn is_signed_with(&self, secret: &str) -> bool {
        is_signed_with(secret, &self.request.headers, &self.request.body)
    }

    pub fn answers(self, status: u16, body: impl ToString) {
        let body = Bytes::from(body.to_string());
        self.ends(Ok(FetchAnswer { status, headers: Vec::new(), body }));
    }

    pub fn fails(self, code: FetchCode) {
        self.ends(Err(FetchFailure::new(code, "as the test says")));
    }

    fn ends(self, answer: Result<FetchAnswer, FetchFailure>) {
        assert!(self.answer.send(answer).is_ok(), "the runtime waits for it");
    }

    /// Whether nobody waits for the answer any more.
    pub fn is_given_up(&self) -> bool {
        self.answer.is_closed()
    }
}

pub fn is_signed_with(secret: &str, headers: &[(String, String)], body: &[u8]) -> bool {
    let pairs = headers.iter().map(|(name, value)| {
        (name.parse::<HeaderName>().expect("a name"), HeaderValue::from_str(value).expect("a value"))
    });
    let headers: HeaderMap = pairs.collect();
    standardwebhooks::Webhook::new(secret).expect("a secret").verify(body, &headers).is_ok()
}
