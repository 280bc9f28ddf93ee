//! Statistics of the past over REST: what is charged to which interval, how a question is asked, and who may ask.

use super::office::*;
use crate::support::clock::START;
use cordboard::runtime::Limits;
use serde_json::{Value, json};
use std::time::Duration;

/// Looks until everything is counted; only a test that fails takes so many.
const LOOKS_MAX: usize = 100_000;
const MORNING: &str = "from=2026-01-05T09:00:00Z&to=2026-01-05T10:00:00Z&interval=15m";

async fn office() -> Office {
    Office::with(1_000_000, Limits { statistics_every_ms: 0, ..Limits::default() }).await
}

impl Office {
    /// The answer once everything that has happened is counted.
    async fn history(&self, question: &str) -> Value {
        let path = format!("/v1/statistics/history?{question}");
        let last = self.last_event().await;
        for _ in 0..LOOKS_MAX {
            let answer = self.get(&path).await.is(200).body;
            if answer["computed_to"]["sequence"] == last {
                return answer;
            }
            tokio::task::yield_now().await;
        }
        panic!("event {last} is left uncounted");
    }

    async fn last_event(&self) -> u64 {
        let account = self.get("/v1/events?limit=1").await.is(200).body["data"][0]["source"].clone();
        let account = account.as_str().and_then(|source| source.strip_prefix("/accounts/")).expect("an account");
        let account = cordboard_domain::id::AccountId::parse(account).expect("an id");
        self.state.runtime.read(account, |engine, _| engine.sequence()).await.expect("read")
    }

    /// Lets the time be so many milliseconds after nine o'clock.
    fn at(&self, ms: i64) {
        self.clock.set(START.plus_millis(ms));
    }

    async fn act(&self, path: &str) {
        self.post(path, json!({})).await.is(200);
    }

    async fn is_refused(&self, question: &str, pointer: &str, code: &str) {
        let answer = self.get(&format!("/v1/statistics/history?{question}")).await.is(400);
        assert_eq!(answer.first_error(), (pointer, code), "{question}: {answer:?}");
    }
}

/// The values of some fields in each interval of the first group.
fn column<'a>(answer: &'a Value, field: &str) -> Vec<&'a Value> {
    let pointer = format!("/{}", field.replace('.', "/"));
    let intervals = answer["data"][0]["intervals"].as_array().expect("intervals");
    intervals.iter().map(|interval| interval.pointer(&pointer).unwrap_or(&Value::Null)).collect()
}

#[track_caller]
fn holds(answer: &Value, field: &str, expected: Value) {
    assert_eq!(json!(column(answer, field)), expected, "{field}: {answer}");
}

#[tokio::test]
async fn each_measure_is_charged_to_the_interval_in_which_it_comes_about() {
    let office = office().await;
    office.furnish().await;
    let first = office.item().await;
    office.at(20_000);
    let (offer, _) = office.offer(&first).await.expect("ann is free");
    office.act(&format!("/v1/reservations/{offer}/accept")).await;
    // The last moment of the first quarter, and the first of the second.
    office.at(900_000 - 1);
    let second = office.item().await;
    office.at(900_000);
    let third = office.item().await;
    office.at(1_000_000);
    office.act(&format!("/v1/work-items/{first}/wrap-up")).await;
    office.at(1_800_000);
    office.act(&format!("/v1/work-items/{first}/complete")).await;
    office.act(&format!("/v1/work-items/{third}/cancel")).await;
    // The second was offered when ann was free again, and she did not answer.
    office.at(1_800_000 + 120_000);
    let answer = office.history(MORNING).await;
    holds(&answer, "created", json!([2, 1, 0, 0]));
    holds(&answer, "entered", json!([2, 1, 0, 0]));
    holds(&answer, "offered", json!([1, 0, 1, 0]));
    holds(&answer, "accepted", json!([1, 0, 0, 0]));
    holds(&answer, "missed", json!([0, 0, 1, 0]));
    holds(&answer, "completed", json!([0, 0, 1, 0]));
    holds(&answer, "canceled", json!([0, 0, 1, 0]));
    holds(&answer, "abandoned", json!([0, 0, 1, 0]));
    // Accepted after exactly twenty seconds is within twenty seconds.
    holds(&answer, "accepted_within", json!([1, 0, 0, 0]));
    holds(&answer, "service_level", json!([1.0, null, 0.0, null]));
    holds(&answer, "speed_of_answer.average_s", json!([20.0, null, null, null]));
    holds(&answer, "time_to_abandon.total_s", json!([0.0, 0.0, 900.0, 0.0]));
    holds(&answer, "handle_time.total_s", json!([0.0, 0.0, 1_780.0, 0.0]));
    holds(&answer, "work_time.p99_s", json!([null, null, 980.0, null]));
    holds(&answer, "wrap_time.longest_s", json!([null, null, 800.0, null]));
    // Time is split where a quarter ends; ann was sent away for the missed offer.
    holds(&answer, "busy_s", json!([880.0, 900.0, 0.0, 0.0]));
    holds(&answer, "idle_s", json!([20.0, 0.0, 120.0, 0.0]));
    let occupancy = column(&answer, "occupancy");
    assert!(occupancy[0].as_f64().is_some_and(|share| (share - 880.0 / 900.0).abs() < 1e-9), "{answer}");
    assert_eq!(occupancy[1..], [&json!(1.0), &json!(0.0), &Value::Null]);
    assert_eq!(answer["computed_to"]["time"], json!(START.plus_millis(1_920_000)));
    assert_eq!(
        (&answer["threshold_s"], &answer["complete_from"], &answer["next"]),
        (&json!(20), &Value::Null, &Value::Null)
    );

    let by_worker = office.history(&format!("{MORNING}&group_by=worker")).await;
    assert_eq!(by_worker["data"][0]["group"]["name"], "ann");
    holds(&by_worker, "created", json!([null, null, null, null]));
    holds(&by_worker, "abandoned", json!([null, null, null, null]));
    holds(&by_worker, "busy_s", json!([880.0, 900.0, 0.0, 0.0]));
    holds(&by_worker, "handled", json!([0, 0, 1, 0]));
    let by_queue = office.history(&format!("{MORNING}&group_by=queue&only=support")).await;
    holds(&by_queue, "abandoned", json!([0, 0, 1, 0]));
    holds(&by_queue, "occupancy", json!([null, null, null, null]));
    let total = office.history("from=2026-01-05T09:00:00Z&to=2026-01-05T10:00:00Z&interval=total").await;
    holds(&total, "created", json!([3]));
    holds(&total, "busy_s", json!([1_780.0]));
    assert!(!second.is_empty());
}

#[tokio::test]
async fn time_that_goes_on_is_told_up_to_now() {
    let office = office().await;
    office.furnish().await;
    office.at(600_000);
    let answer = office.history(MORNING).await;
    holds(&answer, "idle_s", json!([600.0, 0.0, 0.0, 0.0]));
    // Nothing happens.
    office.at(2_700_000);
    holds(&office.history(MORNING).await, "idle_s", json!([900.0, 900.0, 900.0, 0.0]));
    let later = "from=2026-01-05T09:15:00Z&to=2026-01-05T09:45:00Z&interval=30m";
    office.is_refused(later, "?from", "not_aligned").await;
    let half = office.history("from=2026-01-05T09:30:00Z&to=2026-01-05T10:00:00Z&interval=30m").await;
    holds(&half, "idle_s", json!([900.0]));
    // A worker who has been idle since yesterday is told of, though nothing has happened today.
    let tomorrow = "from=2026-01-06T00:00:00Z&to=2026-01-07T00:00:00Z&interval=1d&group_by=worker";
    assert_eq!(office.history(tomorrow).await["data"], json!([]), "no worker has anything there yet");
    office.clock.set(cordboard_domain::time::Timestamp::parse("2026-01-06T06:00:00Z").expect("a time"));
    let answer = office.history(tomorrow).await;
    assert_eq!(answer["data"][0]["group"]["name"], "ann");
    holds(&answer, "idle_s", json!([21_600.0]));
    let yesterday = "from=2026-01-04T00:00:00Z&to=2026-01-05T00:00:00Z&interval=1d&group_by=worker";
    assert_eq!(office.history(yesterday).await["data"], json!([]), "nor had she the day before");
}

#[tokio::test]
async fn a_transfer_is_a_wait_of_its_own() {
    let office = office().await;
    office.furnish().await;
    office.post("/v1/queues", json!({"name": "back"})).await.is(201);
    let item = office.item().await;
    office.at(5_000);
    let (offer, _) = office.offer(&item).await.expect("ann is free");
    office.act(&format!("/v1/reservations/{offer}/accept")).await;
    office.at(65_000);
    office.post("/v1/workers", json!({"name": "ben", "activity": "Available"})).await.is(201);
    office.post(&format!("/v1/work-items/{item}/transfer"), json!({"queue": "back"})).await.is(200);
    office.at(95_000);
    let (offer, _) = office.offer(&item).await.expect("ben is free");
    office.act(&format!("/v1/reservations/{offer}/accept")).await;
    office.at(105_000);
    office.act(&format!("/v1/work-items/{item}/complete")).await;
    for (queue, waited, handled, completed) in [("support", 5.0, 60.0, 0), ("back", 30.0, 10.0, 1)] {
        let answer = office.history(&format!("{MORNING}&group_by=queue&only={queue}")).await;
        let first = &answer["data"][0]["intervals"][0];
        let told = ["entered", "accepted", "handled", "completed"].map(|field| first[field].clone());
        assert_eq!(told, [json!(1), json!(1), json!(1), json!(completed)], "{queue}");
        assert_eq!(first["speed_of_answer"]["average_s"], waited, "{queue}");
        assert_eq!(first["handle_time"]["average_s"], handled, "{queue}");
    }
    let whole = office.history(MORNING).await;
    holds(&whole, "created", json!([1, 0, 0, 0]));
    holds(&whole, "accepted", json!([2, 0, 0, 0]));
    holds(&whole, "service_level", json!([0.5, null, null, null]));
}

#[tokio::test]
async fn the_threshold_is_the_accounts_or_the_questions() {
    let office = office().await;
    office.furnish().await;
    let item = office.item().await;
    office.at(30_000);
    let (offer, _) = office.offer(&item).await.expect("ann is free");
    office.act(&format!("/v1/reservations/{offer}/accept")).await;
    let level = async |question: &str| {
        let answer = office.history(&format!("{MORNING}{question}")).await;
        (answer["threshold_s"].clone(), column(&answer, "service_level")[0].clone())
    };
    assert_eq!(level("").await, (json!(20), json!(0.0)));
    assert_eq!(level("&threshold_s=30").await, (json!(30), json!(1.0)));
    assert_eq!(level("&threshold_s=29").await, (json!(29), json!(0.0)));
    // It is applied when the question is asked, so it holds for the past too.
    let account = office.get("/v1/events?limit=1").await.is(200).body["data"][0]["source"].clone();
    let account = account.as_str().and_then(|source| source.strip_prefix("/accounts/")).expect("an account").to_owned();
    let path = format!("/v1/accounts/{account}");
    office.patch(&path, json!({"settings": {"service_level_threshold_s": 45}})).await.is(200);
    assert_eq!(level("").await, (json!(45), json!(1.0)));
    for (wrong, code) in [(0, "out_of_range"), (1_000_001, "out_of_range"), (1_001, "too_fine")] {
        let body = json!({"settings": {"service_level_threshold_s": wrong}});
        let refused = office.patch(&path, body).await.is(422);
        assert_eq!(refused.first_error(), ("/settings/service_level_threshold_s", code), "{wrong}");
    }
}

#[tokio::test]
async fn days_are_those_of_the_time_zone_and_today_is_asked_by_itself() {
    let office = office().await;
    office.furnish().await;
    office.item().await;
    let kathmandu = "interval=1d&time_zone=Asia/Kathmandu&from=2026-01-04T18:15:00Z&to=2026-01-06T18:15:00Z";
    let answer = office.history(kathmandu).await;
    holds(&answer, "created", json!([1, 0]));
    holds(&answer, "start", json!(["2026-01-04T18:15:00.000Z", "2026-01-05T18:15:00.000Z"]));
    let today = office.history("time_zone=America/New_York").await;
    assert_eq!(
        (&today["from"], &today["to"]),
        (&json!("2026-01-05T05:00:00.000Z"), &json!("2026-01-06T05:00:00.000Z"))
    );
    assert_eq!((&today["interval"], &today["group_by"]), (&json!("1h"), &json!("none")));
    assert_eq!(column(&today, "created").len(), 24);
    let from = office.history("from=2026-01-04T00:00:00Z&interval=1d").await;
    holds(&from, "created", json!([0, 1]));
    let to = office.history("to=2026-01-05T10:00:00Z").await;
    assert_eq!(to["from"], "2026-01-05T00:00:00.000Z");
}

#[tokio::test]
async fn groups_are_named_paged_and_chosen() {
    let office = office().await;
    office.furnish().await;
    let mut queues = vec![office.get("/v1/queues/support").await.is(200).id()];
    for number in 0..7 {
        // Ids sort by their time.
        office.clock.advance(Duration::from_millis(1));
        let mut name = format!("queue {number}");
        queues.push(office.post("/v1/queues", json!({"name": name})).await.is(201).id());
        if number == 3 {
            office.patch(&format!("/v1/queues/{}", queues[4]), json!({"name": "renamed"})).await.is(200);
            name = "renamed".to_owned();
        }
        let document = json!({"default": [{"route": {"queue": name}}]});
        office.post("/v1/workflows", json!({"name": name, "document": document})).await.is(201);
        office.post("/v1/work-items", json!({"workflow": name, "channel": "chat"})).await.is(201);
    }
    // Forty days are few enough hours for every group, four hundred for six of them.
    let year = "from=2025-06-01T00:00:00Z&to=2026-07-06T00:00:00Z&interval=total&group_by=queue";
    let all = office.history("from=2026-01-01T00:00:00Z&to=2026-02-10T00:00:00Z&interval=total&group_by=queue").await;
    let of = |answer: &Value, field: &str| -> Vec<String> {
        let groups = answer["data"].as_array().expect("groups").iter();
        groups.map(|it| it["group"][field].as_str().expect("a text").to_owned()).collect()
    };
    assert_eq!(of(&all, "id"), queues[1..], "nothing came to the first");
    assert_eq!(of(&all, "name")[3], "renamed");
    let first = office.history(year).await;
    assert_eq!((of(&first, "id"), &first["next"]), (queues[1..7].to_vec(), &json!(queues[6])));
    let second = office.history(&format!("{year}&after={}", queues[6])).await;
    assert_eq!((of(&second, "id"), &second["next"]), (queues[7..].to_vec(), &Value::Null));

    let only = format!("{year}&only=support,{},renamed", queues[2]);
    let chosen = office.history(&only).await;
    assert_eq!(of(&chosen, "id"), [queues[0].clone(), queues[2].clone(), queues[4].clone()]);
    holds(&chosen, "entered", json!([0]));
    // One that is gone is still known by its id.
    for item in office.get("/v1/work-items?queue=renamed").await.is(200).body["data"].as_array().expect("items") {
        office.act(&format!("/v1/work-items/{}/cancel", item["id"].as_str().expect("an id"))).await;
    }
    office.call(ADMIN, "DELETE", "/v1/workflows/renamed", None).await.is(204);
    office.call(ADMIN, "DELETE", "/v1/queues/renamed", None).await.is(204);
    let gone = office.history(&format!("{year}&only={}", queues[4])).await;
    assert_eq!(of(&gone, "name"), ["renamed"]);
    office.is_refused(&format!("{year}&only=renamed"), "?only", "unknown_reference").await;
    let channels = office.history("group_by=channel").await;
    assert_eq!((of(&channels, "id"), of(&channels, "name")), (vec!["chat".to_owned()], vec!["chat".to_owned()]));
    let workflows = office.history("group_by=workflow&only=queue%201").await;
    assert_eq!(of(&workflows, "name"), ["queue 1"]);
}

#[tokio::test]
async fn a_question_that_cannot_be_answered_exactly_is_refused() {
    let office = office().await;
    office.furnish().await;
    let (day, bare) = ("from=2026-01-05T00:00:00Z&to=2026-01-06T00:00:00Z", "from=2026-01-05T00:00:00Z");
    for (question, pointer, code) in [
        ("from=yesterday", "?from", "bad_value"),
        ("from=2026-01-05T00:07:00Z&to=2026-01-06T00:00:00Z", "?from", "not_aligned"),
        ("from=2026-01-05T00:07:00Z&to=2026-01-06T00:00:00Z&interval=total", "?from", "not_aligned"),
        (&format!("{bare}&to=2026-01-05T01:30:00Z"), "?to", "not_aligned"),
        (&format!("{bare}&to=2026-01-05T01:00:00Z&interval=1d"), "?to", "not_aligned"),
        (&format!("{bare}&to=2026-01-05T00:00:00Z"), "?to", "out_of_range"),
        (&format!("{bare}&to=2027-03-05T00:00:00Z&interval=1d"), "?to", "too_many"),
        (&format!("{bare}&to=2026-03-05T00:00:00Z&interval=15m"), "?interval", "too_many"),
        (&format!("{day}&interval=1w"), "?interval", "bad_value"),
        (&format!("{day}&group_by=team"), "?group_by", "bad_value"),
        (&format!("{day}&time_zone=Mars/Base"), "?time_zone", "bad_value"),
        (&format!("{day}&time_zone=Asia/Kathmandu"), "?from", "not_aligned"),
        (&format!("{day}&threshold_s=0"), "?threshold_s", "out_of_range"),
        (&format!("{day}&threshold_s=1234"), "?threshold_s", "out_of_range"),
        (&format!("{day}&threshold_s=2000000"), "?threshold_s", "out_of_range"),
        (&format!("{day}&only=support"), "?only", "bad_value"),
        (&format!("{day}&group_by=queue&only=nobody"), "?only", "unknown_reference"),
        (&format!("{day}&group_by=queue&only="), "?only", "unknown_reference"),
        (&format!("{day}&after=x"), "?after", "bad_value"),
        (&format!("{day}&group_by=queue&after=x"), "?after", "bad_value"),
        (&format!("{day}&queue=support"), "?queue", "unknown_parameter"),
    ] {
        office.is_refused(question, pointer, code).await;
    }
    // The nearest bound is told.
    let refused = office.get("/v1/statistics/history?from=2026-01-05T00:07:00Z&to=2026-01-06T00:00:00Z").await.is(400);
    assert!(refused.body["detail"].as_str().is_some_and(|told| told.contains("2026-01-05T00:00:00.000Z")));
}

#[tokio::test]
async fn another_accounts_statistics_and_an_agents_are_not_told() {
    let office = office().await;
    office.furnish().await;
    let item = office.item().await;
    let queue = office.get("/v1/queues/support").await.is(200).id();
    let worker = office.get("/v1/workers/ann").await.is(200).id();
    office.history(MORNING).await;
    let path = format!("/v1/statistics/history?{MORNING}");
    let own = office.call(STRANGER, "GET", &path, None).await.is(200).body;
    holds(&own, "created", json!([0, 0, 0, 0]));
    holds(&own, "idle_s", json!([0.0, 0.0, 0.0, 0.0]));
    for (dimension, id) in [("queue", queue), ("worker", worker)] {
        let all = format!("{path}&group_by={dimension}");
        assert_eq!(office.call(STRANGER, "GET", &all, None).await.is(200).body["data"], json!([]));
        let refused = office.call(STRANGER, "GET", &format!("{all}&only={id}"), None).await.is(400);
        assert_eq!(refused.first_error(), ("?only", "unknown_reference"));
    }
    let token = office.post("/v1/workers/ann/token", json!({})).await.is(201).body["token"].clone();
    office.call(token.as_str().expect("a token"), "GET", &path, None).await.is(403);
    assert!(!item.is_empty());
}

#[tokio::test]
async fn a_store_that_cannot_be_written_delays_the_statistics_and_nothing_else() {
    let office = office().await;
    office.furnish().await;
    let before = office.history(MORNING).await;
    office.store.fail_next_statistics(crate::support::failing_store::Fate::FailBefore);
    office.item().await;
    let path = format!("/v1/statistics/history?{MORNING}");
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
    let failed = office.get(&path).await.is(200).body;
    assert_eq!(failed["computed_to"]["sequence"], before["computed_to"]["sequence"], "what is told is what is counted");
    for _ in 0..LOOKS_MAX {
        office.clock.advance(Duration::from_millis(100));
        let answer = office.get(&path).await.is(200).body;
        if answer["computed_to"]["sequence"] == office.last_event().await {
            return holds(&answer, "created", json!([1, 0, 0, 0]));
        }
        tokio::task::yield_now().await;
    }
    panic!("it is not tried again");
}
