//! Request steps and assignment callbacks over the network: servers that do wrong lead to the fallback, with the cause
//! told; and URLs that can never be asked are refused when they are saved.

use super::office::*;
use crate::fetch::receiver::{Receiver, head};
use crate::support::ear::Ear;
use crate::support::servers::is_signed_with;
use axum::body::Bytes;
use axum::http::HeaderMap;
use cordboard::edge::system::SystemClock;
use cordboard::runtime::Clock;
use cordboard_domain::id::AccountId;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::sync::{Notify, mpsc};

const OK: &str = "HTTP/1.1 200 OK\r\n";

type Received = (Vec<(String, String)>, Bytes);

/// A server that does well: it tells what it received, and answers each kind of callback.
async fn sound() -> (String, mpsc::UnboundedReceiver<Received>) {
    let (told, received) = mpsc::unbounded_channel();
    let answer = move |headers: HeaderMap, body: Bytes| {
        let told = told.clone();
        async move {
            let pairs =
                headers.iter().map(|(name, value)| (name.to_string(), value.to_str().expect("text").to_owned()));
            let kind: Value = serde_json::from_slice(&body).expect("JSON");
            told.send((pairs.collect(), body)).expect("the test listens");
            match kind["type"].as_str() {
                Some("workflow.request") => r#"{"tier": "gold"}"#,
                _ => r#"{"instruction": "accept"}"#,
            }
        }
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/hook", listener.local_addr().expect("bound"));
    let router = axum::Router::new().route("/hook", axum::routing::post(answer));
    tokio::spawn(async move { axum::serve(listener, router).await.expect("it serves") });
    (url, received)
}

struct Callbacks {
    office: Office,
    account: AccountId,
    ear: Ear,
}

impl Callbacks {
    async fn new() -> Self {
        let office = Office::new().await;
        // The verifying library reads the machine's clock.
        office.clock.set(SystemClock.now());
        office.furnish().await;
        let event = office.get("/v1/events?limit=1").await.is(200).body;
        let source = event["data"][0]["source"].as_str().expect("a source").to_owned();
        let account = AccountId::parse(source.trim_start_matches("/accounts/")).expect("an account");
        office.state.runtime.begin_callouts();
        let ear = Ear::new(&office.state.runtime, account);
        Self { office, account, ear }
    }

    fn path(&self) -> String {
        format!("/v1/accounts/{}/signing-secret", self.account)
    }

    async fn secret(&self) -> String {
        self.office.get(&self.path()).await.is(200).body["secret"].as_str().expect("a text").to_owned()
    }

    /// A workflow that asks these servers for everything.
    async fn workflow(&self, name: &str, url: &str, fallback: Option<&str>) {
        let mut request = json!({"url": url});
        let mut workflow = json!({"name": name, "assignment_url": url});
        if let Some(fallback) = fallback {
            request["fallback_url"] = json!(fallback);
            workflow["assignment_fallback_url"] = json!(fallback);
        }
        workflow["document"] = json!({"default": [{"request": request}, {"route": {"queue": "support"}}]});
        self.office.post("/v1/workflows", workflow).await.is(201);
    }

    async fn item(&self, workflow: &str) -> String {
        self.office.post("/v1/work-items", json!({"workflow": workflow})).await.is(201).id()
    }

    /// An item's way through both callbacks, of which each primary fails for the same cause.
    async fn falls_back(&mut self, name: &str, code: &str, sign: Option<&Notify>) {
        let item = self.item(name).await;
        for (event, state) in [("workflow.request_answered", "pending"), ("reservation.callback_answered", "offered")] {
            if let Some(sign) = sign {
                sign.notified().await;
                self.office.clock.advance(Duration::from_secs(5));
            }
            let told = self.ear.hears(event).await;
            let cause = &told["detail"]["causes"][0];
            assert_eq!((&cause["asked"], &cause["code"]), (&json!("primary"), &json!(code)), "{told:#}");
            assert_eq!(
                (&told["detail"]["answered_by"], &told["resource"]["state"]),
                (&json!("fallback"), &json!(state))
            );
        }
        let item = self.office.get(&format!("/v1/work-items/{item}")).await.is(200).body;
        assert_eq!((&item["state"], &item["attributes"]["tier"]), (&json!("assigned"), &json!("gold")), "{code}");
        let path = format!("/v1/work-items/{}/complete", item["id"].as_str().expect("an id"));
        self.office.post(&path, json!({})).await.is(200);
    }
}

#[tokio::test]
async fn servers_that_answer_badly_lead_to_the_fallback() {
    let mut callbacks = Callbacks::new().await;
    let (fallback, mut received) = sound().await;
    let secret = callbacks.secret().await;
    let endless =
        format!("{OK}Transfer-Encoding: chunked\r\n\r\n{}", "1000\r\n".to_owned() + &"x".repeat(4_096) + "\r\n");
    let endless = endless.clone() + &endless[endless.find("1000").unwrap_or(0)..].repeat(20);
    let cases = [
        ("HTTP/1.1 500 No\r\nContent-Length: 2\r\n\r\n{}".to_owned(), "server_error"),
        ("HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n".to_owned(), "client_error"),
        ("HTTP/1.1 307 Away\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n".to_owned(), "redirect"),
        (format!("{OK}Content-Length: 100\r\n\r\n{{"), "connection_closed"),
        (format!("{OK}Content-Length: 15\r\n\r\n<html>No</html>"), "not_json"),
        (format!("{OK}Content-Length: 6\r\n\r\n[1, 2]"), "not_an_object"),
        (format!("{OK}Content-Length: 10000000\r\n\r\n"), "answer_too_large"),
        (endless, "answer_too_large"),
    ];
    for (place, (said, code)) in cases.into_iter().enumerate() {
        let bad = Receiver::answering(said).await;
        callbacks.workflow(&format!("case {place}"), &bad.url(), Some(&fallback)).await;
        callbacks.falls_back(&format!("case {place}"), code, None).await;
        for _ in 0..2 {
            let (headers, body) = received.recv().await.expect("it was asked");
            assert!(is_signed_with(&secret, &headers, &body));
            assert!(!is_signed_with(&secret, &headers, &body[1..]));
        }
    }
}

#[tokio::test]
async fn servers_that_never_end_lead_to_the_fallback() {
    let mut callbacks = Callbacks::new().await;
    let (fallback, _received) = sound().await;
    for (place, said) in ["", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"].into_iter().enumerate() {
        let sign = Arc::new(Notify::new());
        let given = Arc::clone(&sign);
        let silent = Receiver::new(move |mut stream| {
            let sign = Arc::clone(&given);
            async move {
                head(&mut stream).await?;
                stream.write_all(said.as_bytes()).await?;
                sign.notify_one();
                // Held open elsewhere: the next request is a connection of its own.
                tokio::spawn(async move {
                    std::future::pending::<()>().await;
                    drop(stream);
                });
                Ok(())
            }
        })
        .await;
        callbacks.workflow(&format!("case {place}"), &silent.url(), Some(&fallback)).await;
        callbacks.falls_back(&format!("case {place}"), "timeout", Some(&sign)).await;
    }
}

#[tokio::test]
async fn a_server_that_drips_is_left_in_time() {
    let mut callbacks = Callbacks::new().await;
    let (fallback, _received) = sound().await;
    let clock = Arc::clone(&callbacks.office.clock);
    let drips = Receiver::new(move |mut stream| {
        let clock = Arc::clone(&clock);
        async move {
            head(&mut stream).await?;
            stream.write_all(format!("{OK}Content-Length: 1000\r\n\r\n").as_bytes()).await?;
            // Each drop takes a second; whoever leaves after five has heard five.
            for _ in 0..5 {
                stream.write_all(b"a").await?;
                clock.advance(Duration::from_secs(1));
                for _ in 0..10 {
                    tokio::task::yield_now().await;
                }
            }
            tokio::spawn(async move {
                std::future::pending::<()>().await;
                drop(stream);
            });
            Ok(())
        }
    })
    .await;
    callbacks.workflow("dripping", &drips.url(), Some(&fallback)).await;
    callbacks.falls_back("dripping", "timeout", None).await;
}

#[tokio::test]
async fn when_nobody_answers_the_item_goes_on_and_the_offer_to_somebody_else() {
    let mut callbacks = Callbacks::new().await;
    let nobody = Receiver::answering("").await;
    let url = nobody.url();
    nobody.stop().await;
    callbacks.workflow("nobody", &url, Some(&format!("{url}too"))).await;
    let item = callbacks.item("nobody").await;
    let told = callbacks.ear.hears("workflow.request_failed").await;
    let codes = |told: &Value| {
        let causes = told["detail"]["causes"].as_array().expect("causes").iter();
        causes.map(|cause| cause["code"].as_str().expect("a code").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(codes(&told), ["connection_refused", "connection_refused"]);
    let told = callbacks.ear.hears("reservation.callback_failed").await;
    assert_eq!(codes(&told), ["connection_refused", "connection_refused"]);
    let path = format!("/v1/reservations?work_item={item}");
    let offer = callbacks.office.get(&path).await.is(200).body["data"][0].clone();
    assert_eq!((&offer["state"], &offer["reason"]), (&json!("canceled"), &json!("assignment_callback_failed")));
    let why = callbacks.office.get(&format!("/v1/work-items/{item}/explanation")).await.is(200).body;
    assert_eq!(why["excluded"][0]["reasons"][0]["code"], "declined");
}

#[tokio::test]
async fn an_item_says_whom_it_waits_for() {
    let callbacks = Callbacks::new().await;
    let silent = Receiver::new(|stream| async move {
        std::future::pending::<()>().await;
        drop(stream);
        Ok(())
    })
    .await;
    callbacks.workflow("silent", &format!("{}who?key=secret", silent.url()), None).await;
    let item = callbacks.item("silent").await;
    let why = callbacks.office.get(&format!("/v1/work-items/{item}/explanation")).await.is(200).body;
    assert_eq!(why["summary"], format!("The item waits for the answer of {}who.", silent.url()));
    // What stands behind the question mark is nobody's affair.
    let events = callbacks.office.get("/v1/events?types=workflow.step_entered").await.is(200).body["data"].to_string();
    assert!(events.contains("who\"") && !events.contains("secret"), "{events}");
}

#[tokio::test]
async fn urls_that_can_never_be_asked_are_refused_when_saved() {
    let office = Office::new().await;
    office.furnish().await;
    let document = |url: &str| json!({"default": [{"request": {"url": url}}, {"route": {"queue": "support"}}]});
    let plain = json!({"default": [{"route": {"queue": "support"}}]});
    for (url, code) in [
        ("http://169.254.169.254/latest", "address_refused"),
        ("http://[::ffff:10.0.0.1]/", "address_refused"),
        ("http://user:word@crm.example/", "invalid_url"),
        ("https://crm.example:0/", "invalid_url"),
    ] {
        let new = json!({"name": "new", "document": plain, "assignment_url": url});
        assert_eq!(office.post("/v1/workflows", new).await.is(422).first_error(), ("/assignment_url", code), "{url}");
        let change = json!({"assignment_fallback_url": url});
        let refused = office.patch("/v1/workflows/support", change).await.is(422);
        assert_eq!(refused.first_error(), ("/assignment_fallback_url", code));
        let new = json!({"name": "new", "document": document(url)});
        let refused = office.post("/v1/workflows", new).await.is(422);
        assert_eq!(refused.first_error(), ("/document/default/0/request/url", code));
        let refused = office.call(ADMIN, "PUT", "/v1/workflows/support/document", Some(document(url))).await.is(422);
        assert_eq!(refused.first_error(), ("/default/0/request/url", code));
        let checked = office.post("/v1/workflows/check", json!({"document": document(url)})).await.is(200).body;
        assert_eq!(checked["findings"][0]["code"], code, "{checked}");
    }
}

#[tokio::test]
async fn a_dry_run_asks_nobody() {
    let mut callbacks = Callbacks::new().await;
    let (url, mut received) = sound().await;
    let document = json!({"default": [
        {"label": "who", "request": {"url": url}},
        {"branch": [{"when": {"var": "sys.request.ok"}, "steps": [{"route": {"queue": "support"}}]}]},
        {"finish": {"outcome": "cancel", "reason": "unknown"}}]});
    let answers = |answers: Value| json!({"attributes": {}, "answers": answers});
    let samples = json!([
        answers(json!([{"step": "who", "after_s": 2, "answer": {"tier": "gold"}}])),
        answers(json!([{"step": "/default/0", "error": "timeout"}])),
        answers(json!([])),
    ]);
    let body = json!({"document": document, "samples": samples});
    let run = callbacks.office.post("/v1/workflows/check", body).await.is(200).body;
    let [answered, failed, unasked] = [0, 1, 2].map(|place| &run["samples"][place]);
    assert_eq!((&answered["attributes"], &answered["state"]), (&json!({"tier": "gold"}), &json!("pending")));
    assert_eq!(answered["steps"][1]["after_s"], 2.0);
    assert_eq!((&failed["reason"], &unasked["reason"]), (&json!("unknown"), &json!("unknown")));
    assert_eq!(failed["steps"][0]["detail"]["outcome"]["causes"][0]["code"], "timeout");
    assert_eq!(unasked["steps"][0]["detail"]["outcome"]["causes"][0]["code"], "not_asked");
    // The server is there and is asked when it is earnest.
    callbacks.workflow("earnest", &url, None).await;
    callbacks.item("earnest").await;
    callbacks.ear.hears("reservation.accepted").await;
    received.recv().await.expect("the request");
    received.recv().await.expect("the callback");
    assert!(received.try_recv().is_err());
}
