//! API keys over REST: what a key may be, who may make and revoke it, and that it is shown once.

use super::office::*;
use serde_json::json;

#[tokio::test]
async fn a_key_is_made_read_listed_and_revoked_on_condition() {
    let office = Office::new().await;
    let mut made = Vec::new();
    for name in ["one", "two"] {
        office.clock.advance(std::time::Duration::from_millis(1));
        let key = office.post("/v1/api-keys", json!({"name": name})).await.is(201);
        assert_eq!(
            (&key.body["role"], &key.headers["etag"]),
            (&json!("integrator"), &"\"1\"".parse().expect("a value"))
        );
        made.push(key);
    }
    let path = format!("/v1/api-keys/{}", made[0].id());
    assert_eq!(made[0].headers["location"], path);
    let read = office.get(&path).await.is(200);
    assert_eq!((read.body.get("key"), &read.headers["etag"]), (None, &made[0].headers["etag"]));
    let page = office.get("/v1/api-keys?limit=1").await.is(200).body;
    assert_eq!(page["data"][0]["name"], "two");
    let next = office.get(&format!("/v1/api-keys?after={}", page["next"].as_str().expect("more"))).await.is(200).body;
    let names: Vec<_> = next["data"].as_array().expect("a list").iter().map(|key| &key["name"]).collect();
    assert_eq!(names, ["one", "first"]);
    assert!(!page.to_string().contains("cbk_") && !next.to_string().contains("cbk_"), "no key is shown again");
    office.call(STRANGER, "GET", &path, None).await.is(404);
    office.call(STRANGER, "DELETE", &path, None).await.is(404);
    let other: &[(&str, &str)] = &[("if-match", "\"2\"")];
    assert_eq!(office.call_with(ADMIN, "DELETE", &path, None, other).await.is(412).code(), "stale");
    office.call_with(ADMIN, "DELETE", &path, None, &[("if-match", "\"2\", \"1\"")]).await.is(204);
    office.call(ADMIN, "DELETE", &path, None).await.is(404);
    assert_eq!(office.call(ADMIN, "PATCH", &path, Some(json!({}))).await.is(405).code(), "no_such_method");
}

#[tokio::test]
async fn a_key_that_could_not_be_used_is_refused() {
    let office = Office::new().await;
    office.furnish().await;
    let cases = [
        (json!({}), "/name", "missing_field"),
        (json!({"name": "x", "role": "king"}), "/role", "unknown_role"),
        (json!({"name": "x", "role": "agent"}), "/worker", "missing_field"),
        (json!({"name": "x", "role": "agent", "worker": "nobody"}), "/worker", "unknown_reference"),
        (json!({"name": "x", "worker": "ann"}), "/worker", "not_an_agent"),
        (json!({"name": "x", "expires_at": "tomorrow"}), "/expires_at", "wrong_type"),
        (json!({"name": "x", "expires_at": "2020-01-01T00:00:00Z"}), "/expires_at", "in_the_past"),
        (json!({"name": "x", "key": "mine"}), "/key", "unknown_field"),
    ];
    for (body, pointer, code) in cases {
        let answer = office.post("/v1/api-keys", body.clone()).await.is(422);
        assert_eq!(answer.first_error(), (pointer, code), "{body}");
    }
    assert_eq!(office.get("/v1/api-keys").await.is(200).body["data"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn an_integrator_neither_makes_nor_revokes_an_admins_key() {
    let office = Office::new().await;
    let made = office.post("/v1/api-keys", json!({"name": "ci"})).await.is(201);
    let integrator = made.body["key"].as_str().expect("it is shown").to_owned();
    let admin = office.post("/v1/api-keys", json!({"name": "boss", "role": "admin"})).await.is(201).id();
    let path = format!("/v1/api-keys/{admin}");
    assert_eq!(office.call(&integrator, "DELETE", &path, None).await.is(403).code(), "forbidden");
    office.call(&integrator, "GET", &path, None).await.is(200);
    office.call(&integrator, "DELETE", &format!("/v1/api-keys/{}", made.id()), None).await.is(204);
    office.call(&integrator, "GET", &path, None).await.is(401);
}

#[tokio::test]
async fn an_agents_key_speaks_for_its_worker_as_long_as_there_is_one() {
    let office = Office::new().await;
    office.furnish().await;
    let agent = json!({"name": "ann's desk", "role": "agent", "worker": "ann"});
    let made = office.post("/v1/api-keys", agent).await.is(201);
    let key = made.body["key"].as_str().expect("it is shown").to_owned();
    office.call(&key, "GET", "/v1/workers/ann", None).await.is(200);
    office.call(&key, "GET", "/v1/api-keys", None).await.is(403);
    office.call(ADMIN, "DELETE", "/v1/workers/ann", None).await.is(204);
    assert_eq!(office.call(&key, "GET", "/v1/reservations", None).await.is(401).code(), "unauthorized");
}
