//! Two accounts behind one router, with a key for each role.

use crate::support::clock::{CountingEntropy, ManualClock};
use crate::support::database::Database;
use crate::support::failing_store::FailingStore;
use crate::support::outbound::loopback_client;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use cordboard::app::new_key;
use cordboard::edge::http::auth::hash;
use cordboard::edge::http::{HttpLimits, HttpState, router};
use cordboard::edge::sink::AllSinks;
use cordboard::runtime::delivery::{Deliveries, Running};
use cordboard::runtime::store::Role;
use cordboard::runtime::{Entropy, Limits, Ports, Runtime};
use serde_json::{Value, json};
use std::num::NonZeroU32;
use std::sync::Arc;
use tower::ServiceExt;

pub const ADMIN: &str = "admin-key-admin-key-admin";
pub const STRANGER: &str = "stranger-key-stranger-key";
pub const OPERATOR: &str = "operator-key-operator-key";
pub const BODY_BYTES_MAX: usize = 64 * 1024;
pub const STREAMS_MAX: usize = 8;
/// Nobody listens there.
const NO_REDIS: &str = "redis://127.0.0.1:9";
pub const DELIVERIES_KEPT_S: u32 = 30 * 86_400;

pub struct Office {
    pub router: Router,
    pub clock: Arc<ManualClock>,
    pub state: HttpState,
    pub store: Arc<FailingStore>,
    /// Taken by who stops it.
    pub delivering: Option<Running>,
    _database: Database,
}

/// An answer with its body read.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Value,
}

impl Answer {
    /// The code of a problem.
    pub fn code(&self) -> &str {
        assert_eq!(self.headers["content-type"], "application/problem+json", "{self:?}");
        self.body["code"].as_str().expect("a problem has a code")
    }

    /// Pointer and code of the first place that is wrong.
    pub fn first_error(&self) -> (&str, &str) {
        let error = &self.body["errors"][0];
        (error["pointer"].as_str().expect("a pointer"), error["code"].as_str().expect("a code"))
    }

    pub fn id(&self) -> String {
        self.body["id"].as_str().expect("a resource has an id").to_owned()
    }

    pub fn is(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{self:?}");
        self
    }
}

impl Office {
    pub async fn new() -> Self {
        Self::with_burst(1_000_000).await
    }

    /// An office in which each key may call so often at once.
    pub async fn with_burst(burst: u32) -> Self {
        Self::with(burst, Limits::default()).await
    }

    pub async fn with(burst: u32, limits: Limits) -> Self {
        Self::built(burst, limits, Some(NO_REDIS)).await
    }

    /// An office whose server has no Redis.
    pub async fn without_redis() -> Self {
        Self::built(1_000_000, Limits::default(), None).await
    }

    pub async fn with_redis(url: &str) -> Self {
        Self::built(1_000_000, Limits::default(), Some(url)).await
    }

    async fn built(burst: u32, limits: Limits, redis_url: Option<&str>) -> Self {
        let database = Database::sqlite().await;
        let clock = Arc::new(ManualClock::default());
        let entropy: Arc<dyn Entropy> = Arc::new(CountingEntropy::default());
        let store = Arc::new(FailingStore::new(database.store.clone()));
        let fetch = loopback_client(clock.clone());
        let sinks = AllSinks::new(fetch.clone(), redis_url).expect("a client");
        let ports = Ports { store: store.clone(), clock: clock.clone(), entropy: entropy.clone(), fetch };
        let runtime = Runtime::start(ports, limits).await.expect("it starts");
        let delivering = Deliveries::begin(runtime.clone(), database.store.clone(), Arc::new(sinks), DELIVERIES_KEPT_S);
        let delivering = delivering.await.expect("deliveries begin");
        for (name, text) in [("acme", ADMIN), ("globex", STRANGER)] {
            let (entropy, now) = (Arc::clone(&entropy), runtime.now());
            let key = |account| Some(new_key(&*entropy, now, account, "first", Role::Admin, Some(text.to_owned())).0);
            runtime.create_account(name, key).await.expect("an account is made");
        }
        let limits = HttpLimits {
            requests_per_second: NonZeroU32::MIN,
            burst: NonZeroU32::new(burst).expect("more than none"),
            body_bytes_max: BODY_BYTES_MAX,
            token_s_max: 86_400,
            request_s_max: 30,
            streams_max: STREAMS_MAX,
            redis_streams: redis_url.is_some(),
        };
        let state = HttpState::new(
            runtime,
            delivering.deliveries().clone(),
            limits,
            Some(hash(OPERATOR)),
            [7; 32],
            Box::new(String::new),
        );
        Self { router: router(state.clone()), clock, state, store, delivering: Some(delivering), _database: database }
    }

    /// Every answer is held against the OpenAPI document.
    pub async fn send(&self, request: Request<Body>) -> Answer {
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let response = self.router.clone().oneshot(request).await.expect("the router always answers");
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, usize::MAX).await.expect("the body is read");
        let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        let answer = Answer { status: parts.status, headers: parts.headers, body };
        super::contract::judge(&method, &path, &answer);
        answer
    }

    pub async fn call(&self, key: &str, method: &str, path: &str, body: Option<Value>) -> Answer {
        self.call_with(key, method, path, body, &[]).await
    }

    pub async fn call_with(
        &self,
        key: &str,
        method: &str,
        path: &str,
        body: Option<Value>,
        headers: &[(&str, &str)],
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path).header("authorization", format!("Bearer {key}"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = match body {
            Some(body) => request.header("content-type", "application/json").body(Body::from(body.to_string())),
            None => request.body(Body::empty()),
        };
        self.send(request.expect("a request")).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.call(ADMIN, "GET", path, None).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.call(ADMIN, "POST", path, Some(body)).await
    }

    pub async fn patch(&self, path: &str, body: Value) -> Answer {
        self.call(ADMIN, "PATCH", path, Some(body)).await
    }

    /// A queue, a workflow into it, and one free worker; answers with the worker's id.
    pub async fn furnish(&self) -> String {
        self.post("/v1/queues", json!({"name": "support"})).await.is(201);
        let document = json!({"default": [{"route": {"queue": "support"}}]});
        self.post("/v1/workflows", json!({"name": "support", "document": document})).await.is(201);
        self.post("/v1/workers", json!({"name": "ann", "activity": "Available"})).await.is(201).id()
    }

    pub async fn item(&self) -> String {
        self.post("/v1/work-items", json!({"workflow": "support"})).await.is(201).id()
    }

    /// The open offer of an item.
    pub async fn offer(&self, item: &str) -> Option<(String, String)> {
        let page = self.get(&format!("/v1/reservations?work_item={item}&state=offered")).await.is(200);
        let offer = page.body["data"].get(0)?;
        let text = |name: &str| offer[name].as_str().expect("a text").to_owned();
        Some((text("id"), text("worker")))
    }
}
