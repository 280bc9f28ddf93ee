//! Callouts as the runtime makes them: who is asked and how, what follows from answers and failures, and that a restart
//! or a failed commit loses none and takes none twice.

use super::desk::*;
use crate::support::ear::Ear;
use crate::support::failing_store::Fate;
use crate::support::servers::{Calls, Servers};
use cordboard::edge::system::SystemClock;
use cordboard::runtime::fetch::FetchCode;
use cordboard::runtime::{Clock, Limits};
use cordboard_domain::work::*;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

const ONE: &str = "https://one.example/ask";
const TWO: &str = "https://two.example/ask";

/// A desk whose servers are the test's, and what is heard there.
pub struct Asking {
    pub desk: Desk,
    pub calls: Calls,
    pub ear: Ear,
}

pub fn asking_workflow(name: &str, fallback: Option<&str>) -> Command {
    let mut request = json!({"url": ONE, "timeout_s": 3, "send": {"who": {"var": "item.from"}}});
    if let Some(url) = fallback {
        request["fallback_url"] = json!(url);
    }
    let document = json!({"default": [{"request": request}, {"route": {"queue": QUEUE}}]});
    let (assignment_url, assignment_fallback_url) = (None, None);
    Command::CreateWorkflow { name: name.to_owned(), document, assignment_url, assignment_fallback_url }
}

fn assigning_workflow(fallback: Option<&str>) -> Command {
    let document = json!({"default": [{"route": {"queue": QUEUE}}], "reservation_timeout_s": OFFER_S});
    let (assignment_url, assignment_fallback_url) = (Some(ONE.to_owned()), fallback.map(str::to_owned));
    Command::CreateWorkflow { name: "assigned".to_owned(), document, assignment_url, assignment_fallback_url }
}

pub fn item_in(workflow: &str) -> Command {
    let Command::CreateItem(new) = new_item(None) else { unreachable!("it makes an item") };
    let attributes = serde_json::value::to_raw_value(&json!({"from": "+49"})).expect("JSON");
    Command::CreateItem(NewItem { workflow: reference(workflow), attributes, ..new })
}

impl Asking {
    pub async fn new() -> Self {
        Self::with(Limits::default()).await
    }

    pub async fn with(limits: Limits) -> Self {
        let (servers, calls) = Servers::new();
        let desk = Desk::asking(limits, |_| Arc::new(servers)).await;
        // The verifying library reads the machine's clock.
        desk.clock.set(SystemClock.now());
        desk.runtime.begin_callouts();
        let ear = Ear::new(&desk.runtime, desk.account);
        Self { desk, calls, ear }
    }

    pub async fn hears(&mut self, wanted: &str) -> Value {
        self.ear.hears(wanted).await
    }

    async fn secret(&self) -> String {
        let read = self.desk.runtime.read(self.desk.account, |engine, _| engine.account().secrets[0].clone());
        read.await.expect("it is read").text
    }

    async fn restart(&mut self) {
        self.desk.restart().await;
        self.ear = Ear::new(&self.desk.runtime, self.desk.account);
        self.desk.runtime.begin_callouts();
    }
}

#[tokio::test]
async fn a_request_is_signed_and_its_answer_merged() {
    let mut asking = Asking::new().await;
    asking.desk.done(asking_workflow("asking", None)).await;
    let made = item(asking.desk.ask(request(item_in("asking"))).await.expect("made"));
    let call = asking.calls.next().await;
    let visit = made.place.request.as_ref().expect("it asks").id.to_string();
    assert_eq!((call.request.url.as_str(), call.request.total), (ONE, Duration::from_secs(3)));
    assert_eq!((call.header("webhook-id"), call.header("content-type")), (visit.as_str(), "application/json"));
    assert!(call.is_signed_with(&asking.secret().await));
    assert!(!call.is_signed_with("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"));
    let body = call.body();
    assert_eq!((&body["type"], &body["id"]), (&json!("workflow.request"), &json!(visit)));
    assert_eq!((&body["step"], &body["data"]), (&json!("/default/0"), &json!({"who": "+49"})));
    assert_eq!(body["work_item"]["id"], made.id.to_string());
    assert_eq!(body["workflow"]["name"], "asking");
    assert!(!call.request.body.windows(6).any(|part| part == b"whsec_"), "the secret stays here");
    call.answers(200, r#"{"tier": "gold"}"#);
    let told = asking.hears("workflow.request_answered").await;
    assert_eq!(told["resource"]["attributes"], json!({"from": "+49", "tier": "gold"}));
    assert_eq!(told["actor"], json!({"kind": "callback"}));
    assert_eq!((&told["detail"]["answered_by"], &told["detail"]["status"]), (&json!("primary"), &json!(200)));
    assert_eq!(asking.desk.waiting().await, 1);
    asking.calls.none().await;
}

#[tokio::test]
async fn every_failure_leads_to_the_fallback_and_then_on() {
    let mut asking = Asking::new().await;
    asking.desk.done(asking_workflow("asking", Some(TWO))).await;
    let wrong = [
        (Err(FetchCode::ConnectionRefused), "connection_refused", Value::Null),
        (Err(FetchCode::Timeout), "timeout", Value::Null),
        (Err(FetchCode::AnswerTooLarge), "answer_too_large", Value::Null),
        (Ok((404, "{}".to_owned())), "client_error", json!(404)),
        (Ok((503, "{}".to_owned())), "server_error", json!(503)),
        (Ok((200, "<html>".to_owned())), "not_json", json!(200)),
        (Ok((204, String::new())), "not_json", json!(204)),
        (Ok((200, "[]".to_owned())), "not_an_object", json!(200)),
    ];
    for (answer, code, status) in wrong {
        for fallback_answers in [true, false] {
            asking.desk.done(item_in("asking")).await;
            let first = asking.calls.next().await;
            let id = first.header("webhook-id").to_owned();
            match answer.clone() {
                Ok((status, body)) => first.answers(status, body),
                Err(code) => first.fails(code),
            }
            let second = asking.calls.next().await;
            assert_eq!((second.request.url.as_str(), second.header("webhook-id")), (TWO, id.as_str()));
            assert!(second.is_signed_with(&asking.secret().await));
            let cause = |cause: &Value| (cause["code"].clone(), cause["status"].clone());
            if fallback_answers {
                second.answers(200, r#"{"tier": "gold"}"#);
                let told = asking.hears("workflow.request_answered").await;
                assert_eq!(told["detail"]["answered_by"], "fallback", "{code}");
                assert_eq!(cause(&told["detail"]["causes"][0]), (json!(code), status.clone()));
            } else {
                second.fails(FetchCode::NameNotResolved);
                let told = asking.hears("workflow.request_failed").await;
                assert_eq!(cause(&told["detail"]["causes"][0]), (json!(code), status.clone()));
                assert_eq!(told["detail"]["causes"][1]["code"], "name_not_resolved");
                assert_eq!(told["resource"]["attributes"], json!({"from": "+49"}));
            }
        }
    }
    assert_eq!(asking.desk.waiting().await, 16, "each goes on");
}

#[tokio::test]
async fn too_many_attributes_are_a_failure_of_their_own() {
    let mut asking = Asking::new().await;
    asking.desk.done(asking_workflow("asking", Some(TWO))).await;
    asking.desk.done(item_in("asking")).await;
    let large = json!({"text": "x".repeat(40_000)});
    asking.calls.next().await.answers(200, large);
    let told = asking.hears("workflow.request_failed").await;
    assert_eq!(told["detail"]["causes"][0]["code"], "attributes_too_large");
    asking.calls.none().await;
}

#[tokio::test]
async fn an_answer_that_comes_too_late_is_none() {
    let mut asking = Asking::new().await;
    asking.desk.done(asking_workflow("asking", None)).await;
    let made = item(asking.desk.ask(request(item_in("asking"))).await.expect("made"));
    let first = asking.calls.next().await;
    let again = Command::RerouteItem { id: made.id, workflow: None, expected: None };
    asking.desk.done(again).await;
    let second = asking.calls.next().await;
    assert_ne!(first.header("webhook-id"), second.header("webhook-id"));
    first.answers(200, r#"{"round": 1}"#);
    let_others_run().await;
    second.answers(200, r#"{"round": 2}"#);
    let told = asking.hears("workflow.request_answered").await;
    assert_eq!(told["resource"]["attributes"]["round"], 2);
    let events = asking.desk.events().await;
    assert_eq!(events.iter().filter(|(_, kind)| kind == "workflow.request_answered").count(), 1);
}

#[tokio::test]
async fn a_restart_asks_again_by_the_same_id() {
    let mut asking = Asking::new().await;
    asking.desk.done(asking_workflow("asking", None)).await;
    asking.desk.done(assigning_workflow(None)).await;
    asking.desk.done(new_worker("Ann", "Available")).await;
    asking.desk.done(item_in("asking")).await;
    let request = asking.calls.next().await;
    asking.desk.done(item_in("assigned")).await;
    let offer = asking.calls.next().await;
    let id = |call: &crate::support::servers::Call| call.header("webhook-id").to_owned();
    let ids = (id(&request), id(&offer));
    asking.desk.clock.advance(Duration::from_secs(15));
    asking.restart().await;
    assert!(request.is_given_up() && offer.is_given_up());
    let (mut request, mut offer) = (asking.calls.next().await, asking.calls.next().await);
    if request.body()["type"] == "assignment" {
        std::mem::swap(&mut request, &mut offer);
    }
    assert_eq!((id(&request), id(&offer)), ids);
    asking.calls.none().await;
    // All its time again: the first would have been lost by now.
    asking.desk.clock.advance(Duration::from_secs(4));
    request.answers(200, "{}");
    asking.hears("workflow.request_answered").await;
    offer.answers(200, r#"{"instruction": "accept"}"#);
    asking.hears("reservation.accepted").await;
    asking.desk.assert_gapless().await;
    asking.desk.assert_engine_is_what_is_stored().await;
}

#[tokio::test]
async fn a_failed_commit_asks_nobody_twice_and_loses_no_answer() {
    let mut asking = Asking::new().await;
    asking.desk.done(asking_workflow("asking", None)).await;
    asking.desk.done(item_in("asking")).await;
    let call = asking.calls.next().await;
    // Another commit fails and the engine is rebuilt while the server thinks.
    asking.desk.store.fail_next(Fate::FailBefore);
    asking.desk.ask(request(new_item(None))).await.expect_err("it is not stored");
    asking.calls.none().await;
    // And the commit of the answer fails too: the engine is told again.
    asking.desk.store.fail_next(Fate::FailBefore);
    call.answers(200, r#"{"tier": "gold"}"#);
    let_others_run().await;
    asking.calls.none().await;
    let told = asking.desk.clock.clone();
    let passing = async {
        loop {
            let_others_run().await;
            told.advance(Duration::from_millis(500));
        }
    };
    tokio::select! {
        data = asking.hears("workflow.request_answered") => assert_eq!(data["resource"]["attributes"]["tier"], "gold"),
        () = passing => {}
    }
    asking.desk.assert_gapless().await;
}

#[tokio::test]
async fn an_assignment_callback_instructs() {
    let mut asking = Asking::new().await;
    asking.desk.done(assigning_workflow(Some(TWO))).await;
    asking.desk.done(new_worker("Ann", "Available")).await;
    asking.desk.done(item_in("assigned")).await;
    let call = asking.calls.next().await;
    let body = call.body();
    assert_eq!((&body["type"], &body["worker"]["name"]), (&json!("assignment"), &json!("Ann")));
    assert_eq!((&body["id"], &body["reservation"]["state"]), (&body["reservation"]["id"], &json!("offered")));
    assert_eq!(body["reservation"]["work_item"], body["work_item"]["id"]);
    assert_eq!(call.request.total, Duration::from_secs(5));
    assert!(call.is_signed_with(&asking.secret().await));
    call.answers(204, "");
    let told = asking.hears("reservation.callback_answered").await;
    assert_eq!((&told["detail"]["instruction"], &told["resource"]["state"]), (&json!("none"), &json!("offered")));
    // Ann may still answer, or miss it.
    asking.desk.clock.advance(Duration::from_secs(OFFER_S));
    asking.hears("reservation.timed_out").await;
    asking.desk.done(new_worker("Ben", "Available")).await;
    asking.calls.next().await.answers(200, r#"{"instruction": "reject", "reason": "no skill"}"#);
    assert_eq!(asking.hears("reservation.rejected").await["resource"]["reason"], "no skill");
    asking.desk.done(new_worker("Cleo", "Available")).await;
    asking.calls.next().await.answers(200, r#"{"instruction": "accept"}"#);
    let told = asking.hears("reservation.accepted").await;
    assert_eq!(told["actor"], json!({"kind": "callback"}));
}

#[tokio::test]
async fn an_assignment_callback_that_fails_takes_the_offer_back() {
    let mut asking = Asking::new().await;
    asking.desk.done(assigning_workflow(Some(TWO))).await;
    asking.desk.done(new_worker("Ann", "Available")).await;
    asking.desk.done(item_in("assigned")).await;
    asking.calls.next().await.answers(200, r#"{"instruction": "conference"}"#);
    let second = asking.calls.next().await;
    assert_eq!(second.request.url, TWO);
    second.answers(500, "");
    let told = asking.hears("reservation.callback_failed").await;
    let codes: Vec<_> = told["detail"]["causes"].as_array().expect("both").iter().map(|it| &it["code"]).collect();
    assert_eq!(codes, ["instruction_not_supported", "server_error"]);
    // Ann has missed nothing and may take other work; the item goes to somebody else.
    let ann = asking.desk.runtime.read(asking.desk.account, |engine, _| {
        engine.workers().find(|view| view.worker.name == "Ann").map(|view| (view.available, view.worker.misses))
    });
    assert_eq!(ann.await.expect("read"), Some((true, 0)));
    asking.calls.none().await;
    asking.desk.clock.advance(Duration::from_secs(1));
    asking.desk.done(new_worker("Ben", "Available")).await;
    let call = asking.calls.next().await;
    assert_eq!(call.body()["worker"]["name"], "Ben");
    // Both have declined by callback, and nobody is asked in a circle.
    call.fails(FetchCode::ConnectionRefused);
    asking.calls.next().await.fails(FetchCode::ConnectionRefused);
    asking.hears("reservation.callback_failed").await;
    asking.calls.none().await;
    asking.desk.clock.advance(Duration::from_secs(29));
    assert_eq!(asking.calls.next().await.body()["worker"]["name"], "Ann");
}

#[tokio::test]
async fn a_workers_own_answer_comes_first() {
    let mut asking = Asking::new().await;
    asking.desk.done(assigning_workflow(None)).await;
    asking.desk.done(new_worker("Ann", "Available")).await;
    asking.desk.done(item_in("assigned")).await;
    let call = asking.calls.next().await;
    let id = call.body()["reservation"]["id"].as_str().expect("an id").to_owned();
    let id = cordboard_domain::id::ReservationId::parse(&id).expect("an id");
    asking.desk.done(Command::AcceptReservation { id, expected: None }).await;
    let before = asking.desk.events().await.len();
    call.fails(FetchCode::ConnectionClosed);
    let_others_run().await;
    assert_eq!(asking.desk.waiting().await, 0);
    assert_eq!(asking.desk.events().await.len(), before, "it changed nothing");
}
