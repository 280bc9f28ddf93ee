//! The one client: judges the URL, waits for its turn, sends once, and reads no more than was agreed. It speaks HTTP/1.1
//! alone, follows nothing, keeps no cookies, asks for no compression and knows no proxy.

use super::connect::ConnectLimit;
use super::resolve::{CheckedNames, Names};
use super::target::Target;
use super::turn::Turns;
use super::{address::Reach, failure, trust, turn};
use crate::runtime::Clock;
use crate::runtime::fetch::{Fetch, FetchAnswer, FetchCode, FetchFailure, FetchMethod, FetchRequest};
use anyhow::Context;
use async_trait::async_trait;
use bytes::BytesMut;
use ipnet::IpNet;
use reqwest::header::{ACCEPT_ENCODING, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Response, redirect};
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

/// Bytes of a request's body.
pub const REQUEST_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Header fields of an answer.
pub const ANSWER_HEADERS_MAX: usize = 100;

/// Bytes of the names and values of an answer's header fields.
pub const ANSWER_HEADER_BYTES_MAX: usize = 32 * 1024;

/// Connections to one host that are kept for the next request.
const IDLE_PER_HOST_MAX: usize = 4;

/// How long they are kept: less than servers do (Node.js 5 s), or a request would meet a connection that is being closed.
const IDLE_LONGEST: Duration = Duration::from_secs(4);

/// Fields that frame a message, or speak about the connection (RFC 9110, 7.6.1).
const CLIENTS_OWN_HEADERS: [&str; 12] = [
    "accept-encoding",
    "connection",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// What the operator decides.
#[derive(Debug, Clone)]
pub struct HttpFetchOptions {
    pub allow_networks: Vec<IpNet>,
    pub ca_file: Option<PathBuf>,
    /// Name, TCP and TLS together.
    pub connect: Duration,
    pub requests_at_once: usize,
    pub host_requests_at_once: usize,
}

pub struct HttpFetch {
    client: Client,
    reach: Arc<Reach>,
    turns: Turns,
    clock: Arc<dyn Clock>,
}

/// The end of a request's time, over all of its phases.
type Deadline<'c> = Pin<Box<dyn Future<Output = ()> + Send + 'c>>;

impl HttpFetch {
    /// # Errors
    /// When the file of certificate authorities cannot be used.
    pub fn new(options: HttpFetchOptions, names: Arc<dyn Names>, clock: Arc<dyn Clock>) -> anyhow::Result<Self> {
        let reach = Arc::new(Reach::new(options.allow_networks));
        let defaults = HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_static("identity"))]);
        let client = Client::builder()
            .tls_backend_preconfigured(trust::tls(options.ca_file.as_deref())?)
            .dns_resolver(CheckedNames { names, reach: Arc::clone(&reach) })
            .connector_layer(ConnectLimit { clock: Arc::clone(&clock), longest: options.connect })
            .no_proxy()
            .redirect(redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .http1_only()
            .http1_max_headers(ANSWER_HEADERS_MAX)
            .pool_max_idle_per_host(IDLE_PER_HOST_MAX)
            .pool_idle_timeout(IDLE_LONGEST)
            .user_agent(concat!("Cordboard/", env!("CARGO_PKG_VERSION")))
            .default_headers(defaults)
            .build()
            .context("making the client for outbound requests")?;
        let turns = Turns::new(options.requests_at_once, options.host_requests_at_once);
        Ok(Self { client, reach, turns, clock })
    }

    async fn send(&self, target: Target, request: FetchRequest) -> Result<FetchAnswer, FetchFailure> {
        let (total, most) = (request.total, request.answer_bytes_max);
        let place = self.turns.place(&target.host)?;
        let mut deadline: Deadline<'_> = self.clock.pause(total);
        let _host_turn = in_time(&mut deadline, place.host_turn()).await.ok_or_else(|| turn::busy(&target.host))?;
        let _turn = in_time(&mut deadline, place.turn()).await.ok_or_else(turn::overloaded)?;
        let method = match request.method {
            FetchMethod::Get => reqwest::Method::GET,
            FetchMethod::Post => reqwest::Method::POST,
        };
        let sent = self.client.request(method, target.url).headers(headers(&request.headers)?).body(request.body);
        let Some(sent) = within(&mut deadline, sent.send()).await else {
            return Err(timeout(total, "there was no answer"));
        };
        let response = sent.map_err(|error| failure::of(&error))?;
        let status = response.status().as_u16();
        let answer = async {
            let headers = judged(&response)?;
            let body = body(response, most);
            let body = within(&mut deadline, body).await.ok_or_else(|| timeout(total, "the answer did not end"))??;
            Ok(FetchAnswer { status, headers, body: body.freeze() })
        };
        answer.await.map_err(|failure: FetchFailure| FetchFailure { status: Some(status), ..failure })
    }
}

#[async_trait]
impl Fetch for HttpFetch {
    fn check_url(&self, url: &str) -> Result<(), FetchFailure> {
        Target::read(url, &self.reach).map(drop)
    }

    async fn fetch(&self, request: FetchRequest) -> Result<FetchAnswer, FetchFailure> {
        let target = Target::read(&request.url, &self.reach)?;
        if request.body.len() > REQUEST_BYTES_MAX {
            let message = format!("the request has {} bytes; {REQUEST_BYTES_MAX} are allowed", request.body.len());
            return Err(FetchFailure::new(FetchCode::RequestTooLarge, message));
        }
        self.send(target, request).await
    }
}

/// What comes of the work, unless the deadline comes first.
async fn within<T>(deadline: &mut Deadline<'_>, work: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        biased;
        done = work => Some(done),
        () = deadline => None,
    }
}

/// A turn, unless the deadline comes first: one that comes free with the deadline is of no use.
async fn in_time<T, E>(deadline: &mut Deadline<'_>, turn: impl Future<Output = Result<T, E>>) -> Option<T> {
    tokio::select! {
        biased;
        () = deadline => None,
        turn = turn => turn.ok(),
    }
}

fn timeout(total: Duration, what: &str) -> FetchFailure {
    FetchFailure::new(FetchCode::Timeout, format!("{what} within {} s", total.as_secs_f32()))
}

fn headers(given: &[(String, String)]) -> Result<HeaderMap, FetchFailure> {
    let mut headers = HeaderMap::new();
    for (name, value) in given {
        let invalid = |why: &str| {
            FetchFailure::new(FetchCode::InvalidRequest, format!("the header {:?} {why}", name.escape_default()))
        };
        let known: HeaderName = name.parse().map_err(|_| invalid("has a name that is not allowed"))?;
        let value = HeaderValue::from_str(value).map_err(|_| invalid("has a value that is not allowed"))?;
        if CLIENTS_OWN_HEADERS.contains(&known.as_str()) {
            return Err(invalid("is written by Cordboard itself"));
        }
        headers.append(known, value);
    }
    Ok(headers)
}

/// The headers of an answer that may be read on.
fn judged(response: &Response) -> Result<Vec<(String, String)>, FetchFailure> {
    let status = response.status();
    // Nobody asked for another protocol, and other interim answers never come here.
    if status.is_informational() {
        let message = format!("the receiver answered with status {}, which ends nothing", status.as_u16());
        return Err(FetchFailure::new(FetchCode::MalformedAnswer, message));
    }
    if status.is_redirection() {
        let message = format!("the receiver answered with status {}; redirects are not followed", status.as_u16());
        return Err(FetchFailure::new(FetchCode::Redirect, message));
    }
    let bytes: usize = response.headers().iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if bytes > ANSWER_HEADER_BYTES_MAX {
        let message = format!("the answer's headers have {bytes} bytes; {ANSWER_HEADER_BYTES_MAX} are allowed");
        return Err(FetchFailure::new(FetchCode::AnswerHeadersTooLarge, message));
    }
    let visible = |(name, value): (&HeaderName, &HeaderValue)| {
        value.to_str().ok().map(|value| (name.as_str().to_owned(), value.to_owned()))
    };
    Ok(response.headers().iter().filter_map(visible).collect())
}

async fn body(mut response: Response, most: usize) -> Result<BytesMut, FetchFailure> {
    let too_large = || FetchFailure::new(FetchCode::AnswerTooLarge, format!("the answer has more than {most} bytes"));
    // What is announced need not be read first.
    if response.content_length().is_some_and(|length| usize::try_from(length).map_or(true, |length| length > most)) {
        return Err(too_large());
    }
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| failure::of(&error))? {
        if body.len() + chunk.len() > most {
            return Err(too_large());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}
