//! Accounts over REST: the operator makes and lists them, an account's admin sets what holds in it.

use super::office::*;
use serde_json::{Value, json};

async fn own_path(office: &Office, key: &str) -> String {
    let name = if key == ADMIN { "acme" } else { "globex" };
    let page = office.call(OPERATOR, "GET", "/v1/accounts", None).await.is(200).body;
    let found = page["data"].as_array().expect("a list").iter().find(|it| it["name"] == name).expect("it is listed");
    format!("/v1/accounts/{}", found["id"].as_str().expect("an id"))
}

#[tokio::test]
async fn the_operator_makes_accounts_and_pages_through_them() {
    let office = Office::new().await;
    let mut names = vec!["globex", "acme"];
    for name in ["initech", "umbrella"] {
        office.clock.advance(std::time::Duration::from_millis(1));
        let made = office.call(OPERATOR, "POST", "/v1/accounts", Some(json!({"name": name}))).await.is(201);
        assert_eq!(made.headers["location"], format!("/v1/accounts/{}", made.id()));
        let key = made.body["api_key"].as_str().expect("it is shown once").to_owned();
        office.call(&key, "GET", "/v1/queues", None).await.is(200);
        let read = office.call(&key, "GET", &format!("/v1/accounts/{}", made.id()), None).await.is(200);
        assert_eq!((read.body.get("api_key"), &read.headers["etag"]), (None, &made.headers["etag"]));
        names.insert(0, name);
    }
    let (mut seen, mut after) = (Vec::new(), String::new());
    loop {
        let page = office.call(OPERATOR, "GET", &format!("/v1/accounts?limit=1{after}"), None).await.is(200).body;
        seen.extend(page["data"].as_array().expect("a list").iter().map(|it| it["name"].clone()));
        let Some(next) = page["next"].as_str() else { break };
        after = format!("&after={next}");
    }
    // The first two were made in the same millisecond, so their order is by chance.
    assert_eq!(seen[..2], names[..2]);
    assert_eq!(seen.len(), 4);
    for (method, body) in [("GET", None), ("POST", Some(json!({"name": "mine"})))] {
        assert_eq!(office.call(ADMIN, method, "/v1/accounts", body).await.is(403).code(), "forbidden");
    }
}

#[tokio::test]
async fn settings_are_changed_one_by_one_and_on_condition() {
    let office = Office::new().await;
    let path = own_path(&office, ADMIN).await;
    let before = office.get(&path).await.is(200);
    let etag = before.headers["etag"].to_str().expect("text").to_owned();
    let change = json!({"settings": {"miss_limit": 3, "reoffer_after_s": 60}});
    let condition: &[(&str, &str)] = &[("if-match", &etag)];
    let changed = office.call_with(ADMIN, "PATCH", &path, Some(change.clone()), condition).await.is(200);
    assert_eq!(changed.body["settings"]["miss_limit"], 3);
    assert_eq!(changed.body["settings"]["presence_grace_s"], before.body["settings"]["presence_grace_s"]);
    office.call_with(ADMIN, "PATCH", &path, Some(change), condition).await.is(412);
    let training = office.post("/v1/activities", json!({"name": "Training", "available": false})).await.is(201).id();
    let settings = json!({"settings": {"miss_activity": "Training", "default_activity": training,
        "exclusions": [{"while_channel": "voice", "channel": "chat", "capacity": 0}]}});
    let changed = office.patch(&path, settings.clone()).await.is(200);
    assert_eq!(
        (&changed.body["settings"]["miss_activity"], changed.body["settings"]["exclusions"][0].clone()),
        (&json!(training), settings["settings"]["exclusions"][0].clone())
    );
    let worker = office.post("/v1/workers", json!({"name": "ann"})).await.is(201);
    assert_eq!(worker.body["activity"], "Training");
    let renamed = office.call(OPERATOR, "PATCH", &path, Some(json!({"name": "Acme Ltd"}))).await.is(200);
    assert_eq!(renamed.body["settings"], changed.body["settings"]);
    let event = office.get("/v1/events?types=account.updated&limit=200").await.is(200).body["data"][2].clone();
    assert_eq!(event["data"]["actor"]["kind"], "operator");
}

#[tokio::test]
async fn wrong_settings_are_refused_with_their_place() {
    let office = Office::new().await;
    let path = own_path(&office, ADMIN).await;
    let before = office.get(&path).await.is(200).body;
    let exclusion = |channel: &str| json!([{"while_channel": "voice", "channel": channel, "capacity": 0}]);
    let cases: [(Value, &str, &str); 9] = [
        (json!({"miss_limit": 1_001}), "/settings/miss_limit", "out_of_range"),
        (json!({"miss_activity": "nowhere"}), "/settings/miss_activity", "unknown_reference"),
        (json!({"default_activity": "nowhere"}), "/settings/default_activity", "unknown_reference"),
        (json!({"reoffer_after_s": 0}), "/settings/reoffer_after_s", "out_of_range"),
        (json!({"presence_grace_s": 3_601}), "/settings/presence_grace_s", "out_of_range"),
        (json!({"exclusions": exclusion("nowhere")}), "/settings/exclusions/0/channel", "unknown_reference"),
        (json!({"exclusions": exclusion("voice")}), "/settings/exclusions/0/channel", "same_channel"),
        (json!({"colour": "red"}), "/settings/colour", "unknown_field"),
        (json!({"miss_limit": "many"}), "/settings/miss_limit", "wrong_type"),
    ];
    for (settings, pointer, code) in cases {
        let answer = office.patch(&path, json!({"settings": settings})).await.is(422);
        assert_eq!(answer.first_error(), (pointer, code), "{settings}");
    }
    assert_eq!(office.patch(&path, json!({"name": ""})).await.is(422).first_error(), ("/name", "bad_name"));
    assert_eq!(office.get(&path).await.is(200).body, before, "nothing was changed");
    let foreign = own_path(&office, STRANGER).await;
    office.get(&foreign).await.is(404);
    office.patch(&foreign, json!({"name": "mine"})).await.is(404);
}
