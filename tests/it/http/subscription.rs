//! Subscriptions over REST: where they begin, what their kinds have, their states and their secrets.

use super::office::*;
use cordboard::runtime::Request;
use cordboard::runtime::signature::Secret;
use cordboard_domain::event_channel::SubscriptionHealth;
use cordboard_domain::id::{AccountId, SubscriptionId};
use cordboard_domain::work::{Actor, Command};
use serde_json::{Value, json};
use std::time::Duration;

const SUBSCRIPTIONS: &str = "/v1/subscriptions";
/// Of the standard's own documents.
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

async fn office() -> Office {
    let office = Office::new().await;
    office.post("/v1/event-channels", json!({"name": "all"})).await.is(201);
    office
}

fn webhook() -> Value {
    json!({"event_channel": "all", "kind": "webhook", "url": "https://crm.example/events"})
}

/// A body with some fields set besides.
fn with(mut body: Value, fields: Value) -> Value {
    let fields = fields.as_object().expect("an object").clone();
    body.as_object_mut().expect("an object").extend(fields);
    body
}

fn path(id: &str) -> String {
    format!("{SUBSCRIPTIONS}/{id}")
}

async fn last_sequence(office: &Office) -> u64 {
    let events = office.get("/v1/events?limit=200").await.is(200).body;
    events["data"].as_array().and_then(|all| all.last()).and_then(|it| it["sequence"].as_u64()).expect("events")
}

async fn report(office: &Office, id: &str, health: SubscriptionHealth) {
    let event = office.get("/v1/events?limit=1").await.is(200).body["data"][0]["source"].clone();
    let account = event.as_str().and_then(|source| source.strip_prefix("/accounts/")).expect("an account");
    let account = AccountId::parse(account).expect("an id");
    let id = SubscriptionId::parse(id).expect("an id");
    let command = Command::ReportSubscription { id, starts: 1, health };
    let request = Request { actor: Actor::System, command, keys: Vec::new(), once: None };
    office.state.runtime.handle(account, request).await.expect("it is reported");
}

#[tokio::test]
async fn a_webhook_is_made_read_changed_and_deleted() {
    let office = office().await;
    let made = office.post(SUBSCRIPTIONS, webhook()).await.is(201);
    let path = path(&made.id());
    assert_eq!(
        (&made.headers["location"], &made.headers["etag"]),
        (&path.parse().expect("text"), &"\"1\"".parse().expect("text"))
    );
    let channel = office.get("/v1/event-channels/all").await.is(200).id();
    let expected = json!({
        "id": made.id(), "event_channel": channel, "kind": "webhook", "url": "https://crm.example/events",
        "stream": null, "length_max": null, "from": last_sequence(&office).await, "state": "active",
        "disabled_reason": null, "failing_since": null, "created_at": made.body["created_at"],
        "updated_at": made.body["created_at"],
    });
    assert_eq!(made.body, expected);
    assert_eq!(office.get(&path).await.is(200).body, expected);
    let change = json!({"url": "https://crm.example/v2", "state": "paused"});
    let changed = office.call_with(ADMIN, "PATCH", &path, Some(change), &[("if-match", "\"1\"")]).await.is(200);
    assert_eq!((&changed.body["url"], &changed.body["state"]), (&json!("https://crm.example/v2"), &json!("paused")));
    let stale = &[("if-match", "\"1\"")];
    for (method, path, body) in [
        ("PATCH", path.clone(), Some(json!({}))),
        ("DELETE", path.clone(), None),
        ("POST", format!("{path}/rotate-secret"), Some(json!({}))),
    ] {
        assert_eq!(office.call_with(ADMIN, method, &path, body, stale).await.is(412).code(), "stale");
    }
    office.call(ADMIN, "DELETE", &path, None).await.is(204);
    for (method, path) in [("GET", path.clone()), ("GET", format!("{path}/secret")), ("DELETE", path)] {
        office.call(ADMIN, method, &path, None).await.is(404);
    }
}

#[tokio::test]
async fn what_is_wrong_is_refused_with_its_place() {
    let office = office().await;
    let redis = json!({"event_channel": "all", "kind": "redis_stream", "stream": "events"});
    let refused = [
        (with(webhook(), json!({"event_channel": "none"})), "/event_channel", "unknown_reference"),
        (with(webhook(), json!({"kind": "email"})), "/kind", "wrong_type"),
        (with(webhook(), json!({"url": null})), "/url", "missing_field"),
        (with(webhook(), json!({"url": "crm.example"})), "/url", "invalid_url"),
        (with(webhook(), json!({"url": "https://10.0.0.1/"})), "/url", "address_refused"),
        (with(webhook(), json!({"url": "http://169.254.169.254/"})), "/url", "address_refused"),
        (with(webhook(), json!({"secret": "hunter2"})), "/secret", "bad_secret"),
        (with(webhook(), json!({"stream": "events"})), "/stream", "other_kind"),
        (with(webhook(), json!({"from": "yesterday"})), "/from", "wrong_type"),
        (with(webhook(), json!({"from": -1})), "/from", "wrong_type"),
        (with(webhook(), json!({"from": 1_000_000})), "/from", "out_of_range"),
        (with(webhook(), json!({"state": "disabled"})), "/state", "not_settable"),
        (with(webhook(), json!({"colour": "red"})), "/colour", "unknown_field"),
        (with(redis.clone(), json!({"stream": null})), "/stream", "missing_field"),
        (with(redis.clone(), json!({"stream": "a\u{7}"})), "/stream", "bad_key"),
        (with(redis.clone(), json!({"length_max": 0})), "/length_max", "out_of_range"),
        (with(redis.clone(), json!({"url": "https://crm.example/"})), "/url", "other_kind"),
        (with(redis.clone(), json!({"secret": SECRET})), "/secret", "other_kind"),
    ];
    for (body, pointer, code) in refused {
        let answer = office.post(SUBSCRIPTIONS, body.clone()).await.is(422);
        assert_eq!(answer.first_error(), (pointer, code), "{body}");
    }
    assert_eq!(office.get(SUBSCRIPTIONS).await.is(200).body["data"], json!([]));
    let hook = path(&office.post(SUBSCRIPTIONS, webhook()).await.is(201).id());
    let stream = path(&office.post(SUBSCRIPTIONS, redis).await.is(201).id());
    let refused = [
        (&hook, json!({"kind": "redis_stream"}), "/kind", "unknown_field"),
        (&hook, json!({"stream": "events"}), "/stream", "other_kind"),
        (&hook, json!({"length_max": 5}), "/length_max", "other_kind"),
        (&hook, json!({"url": "https://[::ffff:10.0.0.1]/"}), "/url", "address_refused"),
        (&hook, json!({"state": "disabled"}), "/state", "not_settable"),
        (&hook, json!({"from": 1_000_000}), "/from", "out_of_range"),
        (&stream, json!({"url": "https://crm.example/"}), "/url", "other_kind"),
    ];
    for (path, body, pointer, code) in refused {
        let answer = office.patch(path, body.clone()).await.is(422);
        assert_eq!(answer.first_error(), (pointer, code), "{body}");
    }
    assert_eq!(office.get(&format!("{stream}/secret")).await.is(404).code(), "not_found");
    assert_eq!(office.post(&format!("{stream}/rotate-secret"), json!({})).await.is(409).code(), "other_kind");
}

#[tokio::test]
async fn a_redis_stream_needs_a_redis() {
    let redis = json!({"event_channel": "all", "kind": "redis_stream", "stream": "events"});
    let with_one = office().await;
    let made = with_one.post(SUBSCRIPTIONS, redis.clone()).await.is(201);
    assert_eq!((&made.body["stream"], &made.body["length_max"]), (&json!("events"), &json!(10_000)));
    let longer = with_one.patch(&path(&made.id()), json!({"length_max": 20, "stream": "more"})).await.is(200).body;
    assert_eq!((&longer["stream"], &longer["length_max"], &longer["url"]), (&json!("more"), &json!(20), &Value::Null));
    let without = Office::without_redis().await;
    without.post("/v1/event-channels", json!({"name": "all"})).await.is(201);
    let answer = without.post(SUBSCRIPTIONS, redis).await.is(422);
    assert_eq!(answer.first_error(), ("/kind", "redis_not_configured"));
}

#[tokio::test]
async fn it_begins_now_or_after_a_sequence_number_and_anew_when_told() {
    let office = office().await;
    let made = office.post(SUBSCRIPTIONS, webhook()).await.is(201);
    let path = path(&made.id());
    assert_eq!(made.body["from"], json!(last_sequence(&office).await), "the event of its creation");
    for (from, expected) in [(json!(0), 0), (json!(3), 3)] {
        assert_eq!(office.patch(&path, json!({"from": from})).await.is(200).body["from"], json!(expected));
    }
    let now = office.patch(&path, json!({"from": "now"})).await.is(200).body["from"].clone();
    assert_eq!(now, json!(last_sequence(&office).await), "the event of the change");
    let kept = office.patch(&path, json!({"state": "paused"})).await.is(200).body["from"].clone();
    assert_eq!(kept, now);
    let old = office.post(SUBSCRIPTIONS, with(webhook(), json!({"from": 2}))).await.is(201);
    assert_eq!(old.body["from"], json!(2));
}

#[tokio::test]
async fn what_the_system_says_of_a_receiver_is_shown_until_somebody_activates_it() {
    let office = office().await;
    let id = office.post(SUBSCRIPTIONS, webhook()).await.is(201).id();
    report(&office, &id, SubscriptionHealth::Failing { error: "status 503".to_owned() }).await;
    let since = office.get(&path(&id)).await.is(200).body["failing_since"].clone();
    assert!(since.is_string(), "{since}");
    let failing = office.get("/v1/events?types=subscription.failing").await.is(200).body["data"][0].clone();
    assert_eq!(failing["subject"], json!(id));
    assert_eq!(failing["data"]["detail"]["error"], "status 503");
    assert_eq!(failing["data"]["actor"], json!({"kind": "system"}));
    report(&office, &id, SubscriptionHealth::Disabled { reason: "five days".to_owned() }).await;
    let disabled = office.get(&path(&id)).await.is(200).body;
    assert_eq!((&disabled["state"], &disabled["disabled_reason"]), (&json!("disabled"), &json!("five days")));
    assert_eq!(office.get("/v1/subscriptions?state=disabled").await.is(200).body["data"], json!([disabled]));
    let active = office.patch(&path(&id), json!({"state": "active"})).await.is(200).body;
    assert_eq!((&active["disabled_reason"], &active["failing_since"]), (&Value::Null, &Value::Null));
}

#[tokio::test]
async fn lists_are_paged_and_filtered() {
    let office = office().await;
    office.post("/v1/event-channels", json!({"name": "other"})).await.is(201);
    let mut made = Vec::new();
    for (channel, state) in [("all", "active"), ("other", "active"), ("all", "paused"), ("all", "active")] {
        office.clock.advance(Duration::from_millis(1));
        let new = with(webhook(), json!({"event_channel": channel, "state": state}));
        made.push(office.post(SUBSCRIPTIONS, new).await.is(201).id());
    }
    let ids = |page: &Value| -> Vec<String> {
        let entries = page["data"].as_array().expect("a list").iter();
        entries.map(|entry| entry["id"].as_str().expect("an id").to_owned()).collect()
    };
    let list = async |query: &str| ids(&office.get(&format!("{SUBSCRIPTIONS}{query}")).await.is(200).body);
    let of = |places: &[usize]| places.iter().map(|place| made[*place].clone()).collect::<Vec<_>>();
    assert_eq!(list("").await, of(&[3, 2, 1, 0]));
    assert_eq!(list("?event_channel=all").await, of(&[3, 2, 0]));
    assert_eq!(list("?event_channel=all&state=active").await, of(&[3, 0]));
    assert_eq!(list("?state=disabled").await, of(&[]));
    let first = office.get("/v1/subscriptions?limit=2&event_channel=all").await.is(200).body;
    assert_eq!((ids(&first), &first["next"]), (of(&[3, 2]), &json!(made[2])));
    let rest = office.get(&format!("/v1/subscriptions?event_channel=all&after={}", made[2])).await.is(200).body;
    assert_eq!((ids(&rest), &rest["next"]), (of(&[0]), &Value::Null));
    for wrong in ["?event_channel=none", "?state=lost", "?after=x", "?limit=0", "?colour=red"] {
        office.get(&format!("{SUBSCRIPTIONS}{wrong}")).await.is(400);
    }
}

#[tokio::test]
async fn a_secret_is_given_or_made_and_rotated_with_an_overlap() {
    let office = office().await;
    let given = path(&office.post(SUBSCRIPTIONS, with(webhook(), json!({"secret": SECRET}))).await.is(201).id());
    let secret = async |path: &str| office.get(&format!("{path}/secret")).await.is(200).body;
    assert_eq!(secret(&given).await, json!({"secret": SECRET, "previous": []}));
    let made = path(&office.post(SUBSCRIPTIONS, webhook()).await.is(201).id());
    let fresh = secret(&made).await["secret"].as_str().expect("a text").to_owned();
    assert!(Secret::parse(&fresh).is_ok(), "{fresh}");

    let rotate = async |body: Value| office.post(&format!("{given}/rotate-secret"), body).await;
    assert_eq!(rotate(json!({"secret": SECRET})).await.is(409).code(), "secret_in_use");
    assert_eq!(rotate(json!({"overlap_s": 604_801})).await.is(422).first_error(), ("/overlap_s", "out_of_range"));
    assert_eq!(rotate(json!({"secret": "x"})).await.is(422).first_error(), ("/secret", "bad_secret"));
    rotate(json!({"overlap_s": 3_600})).await.is(200);
    let after = secret(&given).await;
    assert_eq!(
        (&after["previous"][0]["secret"], after["previous"].as_array().map(Vec::len)),
        (&json!(SECRET), Some(1))
    );
    assert_ne!(after["secret"], json!(SECRET));
    rotate(json!({})).await.is(200);
    let refused = rotate(json!({})).await.is(409);
    assert_eq!(refused.code(), "too_many_secrets");
    office.clock.advance(Duration::from_secs(3_600));
    assert_eq!(secret(&given).await["previous"].as_array().map(Vec::len), Some(1), "the first is over");
    rotate(json!({"overlap_s": 0})).await.is(200);
    assert_eq!(secret(&given).await["previous"], json!([]), "one that became known signs no more");
}

#[tokio::test]
async fn a_repeated_request_makes_one_subscription_and_one_secret() {
    let office = office().await;
    let key = &[("idempotency-key", "once")];
    let made = office.call_with(ADMIN, "POST", SUBSCRIPTIONS, Some(webhook()), key).await.is(201);
    let secret = office.get(&format!("{}/secret", path(&made.id()))).await.is(200).body;
    let again = office.call_with(ADMIN, "POST", SUBSCRIPTIONS, Some(webhook()), key).await.is(201);
    assert_eq!(again.body, made.body);
    let rotate = format!("{}/rotate-secret", path(&made.id()));
    let key = &[("idempotency-key", "rotated")];
    for _ in 0..2 {
        office.call_with(ADMIN, "POST", &rotate, Some(json!({})), key).await.is(200);
    }
    let rotated = office.get(&format!("{}/secret", path(&made.id()))).await.is(200).body;
    assert_eq!(rotated["previous"].as_array().map(Vec::len), Some(1), "rotated once");
    assert_eq!(rotated["previous"][0]["secret"], secret["secret"]);
}

#[tokio::test]
async fn roles_reach_so_far() {
    let office = office().await;
    let made = path(&office.post(SUBSCRIPTIONS, webhook()).await.is(201).id());
    let worker = office.post("/v1/workers", json!({"name": "ann"})).await.is(201).id();
    let mut keys = Vec::new();
    for role in ["integrator", "supervisor", "agent"] {
        let worker = (role == "agent").then_some(&worker);
        let key = office.post("/v1/api-keys", json!({"name": role, "role": role, "worker": worker})).await.is(201);
        keys.push(key.body["key"].as_str().expect("a key").to_owned());
    }
    let asked = [
        ("GET", SUBSCRIPTIONS.to_owned(), None, [200, 200, 403]),
        ("GET", "/v1/event-channels".to_owned(), None, [200, 200, 403]),
        ("GET", "/v1/event-channels/all".to_owned(), None, [200, 200, 403]),
        ("GET", made.clone(), None, [200, 200, 403]),
        ("GET", format!("{made}/secret"), None, [200, 403, 403]),
        ("POST", format!("{made}/rotate-secret"), Some(json!({})), [200, 403, 403]),
        ("PATCH", made.clone(), Some(json!({})), [200, 403, 403]),
        ("PATCH", "/v1/event-channels/all".to_owned(), Some(json!({})), [200, 403, 403]),
        ("POST", SUBSCRIPTIONS.to_owned(), Some(webhook()), [201, 403, 403]),
        ("POST", "/v1/event-channels".to_owned(), Some(json!({"name": "new"})), [201, 403, 403]),
        ("DELETE", "/v1/event-channels/new".to_owned(), None, [204, 403, 403]),
        ("DELETE", made.clone(), None, [204, 403, 403]),
    ];
    for (method, path, body, expected) in asked {
        // Those that may not come first: afterwards it may be gone.
        for (key, status) in keys.iter().zip(expected).rev() {
            office.call(key, method, &path, body.clone()).await.is(status);
        }
    }
}

#[tokio::test]
async fn secrets_are_in_no_event_and_in_no_other_answer() {
    let office = office().await;
    let key = &[("idempotency-key", "once")];
    let new = with(webhook(), json!({"secret": SECRET}));
    let mut answers = Vec::new();
    for _ in 0..2 {
        answers.push(office.call_with(ADMIN, "POST", SUBSCRIPTIONS, Some(new.clone()), key).await.is(201));
    }
    let path = path(&answers[0].id());
    let rotate = format!("{path}/rotate-secret");
    answers.push(office.post(&rotate, json!({"secret": SECRET.replace('M', "N")})).await.is(200));
    answers.push(office.post(&rotate, json!({"secret": SECRET.replace('M', "N")})).await.is(409));
    answers.push(office.post(SUBSCRIPTIONS, with(webhook(), json!({"secret": "whsec_short"}))).await.is(422));
    answers.push(office.patch(&path, json!({"state": "paused"})).await.is(200));
    answers.push(office.get(&path).await.is(200));
    answers.push(office.get(SUBSCRIPTIONS).await.is(200));
    report(&office, answers[0].body["id"].as_str().expect("an id"), SubscriptionHealth::Recovered).await;
    office.call(ADMIN, "DELETE", &path, None).await.is(204);
    let events = office.get("/v1/events?limit=200&types=subscription.*").await.is(200);
    assert_eq!(events.body["data"].as_array().map(Vec::len), Some(4));
    answers.push(events);
    for answer in answers {
        let shown = answer.body.to_string();
        assert!(!shown.contains("whsec_M") && !shown.contains("whsec_N") && !shown.contains("short"), "{shown}");
    }
}
