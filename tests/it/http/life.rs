//! What holds for each kind of configuration alike: it is made, read by id and by name, listed in pages, changed on
//! condition, deleted, and none of another account's business.

use super::office::*;
use serde_json::{Value, json};

/// A kind of configuration.
pub struct Life {
    /// Such as `/v1/queues`.
    pub path: &'static str,
    /// Fields of a new one, its name apart.
    pub new: Value,
    /// A change that is taken.
    pub change: Value,
    /// Bodies of a creation that are refused, with pointer and code.
    pub refused: Vec<(Value, &'static str, &'static str)>,
    /// Bodies of a change that are refused.
    pub refused_changes: Vec<(Value, &'static str, &'static str)>,
}

impl Life {
    fn named(&self, name: &str) -> Value {
        let mut body = self.new.clone();
        body["name"] = json!(name);
        body
    }

    pub async fn is_lived(&self) {
        let office = Office::new().await;
        self.is_made_and_read(&office).await;
        self.is_paged(&office).await;
        self.is_changed(&office).await;
        self.is_refused(&office).await;
        self.is_deleted(&office).await;
    }

    async fn is_made_and_read(&self, office: &Office) {
        let made = office.post(self.path, self.named("first")).await.is(201);
        assert_eq!(made.headers["location"], format!("{}/{}", self.path, made.id()));
        assert_eq!(made.headers["etag"], "\"1\"");
        for (field, value) in self.named("first").as_object().expect("an object") {
            assert_eq!(&made.body[field], value, "{field}");
        }
        for reference in [made.id().as_str(), "first"] {
            let read = office.get(&format!("{}/{reference}", self.path)).await.is(200);
            assert_eq!(read.headers["etag"], "\"1\"");
            for (field, value) in read.body.as_object().expect("an object") {
                assert_eq!(value, &made.body[field], "{field}");
            }
            let foreign = format!("{}/{reference}", self.path);
            office.call(STRANGER, "GET", &foreign, None).await.is(404);
            office.call(STRANGER, "DELETE", &foreign, None).await.is(404);
            office.call(STRANGER, "PATCH", &foreign, Some(self.change.clone())).await.is(404);
        }
        assert_eq!(office.post(self.path, self.named("first")).await.is(409).code(), "name_taken");
        office.call(STRANGER, "POST", self.path, Some(self.named("first"))).await.is(201);
    }

    async fn is_paged(&self, office: &Office) {
        for name in ["second", "third"] {
            office.clock.advance(std::time::Duration::from_millis(1));
            office.post(self.path, self.named(name)).await.is(201);
        }
        let whole = office.get(self.path).await.is(200).body;
        let whole = whole["data"].as_array().expect("a list");
        assert_eq!((&whole[0]["name"], &whole[1]["name"]), (&json!("third"), &json!("second")), "newest first");
        let (mut paged, mut after) = (Vec::new(), String::new());
        loop {
            let page = office.get(&format!("{}?limit=1{after}", self.path)).await.is(200).body;
            paged.extend(page["data"].as_array().expect("a list").clone());
            let Some(next) = page["next"].as_str() else { break };
            after = format!("&after={next}");
        }
        assert_eq!(&paged, whole);
    }

    async fn is_changed(&self, office: &Office) {
        let path = format!("{}/first", self.path);
        let changed = office.patch(&path, self.change.clone()).await.is(200);
        assert_eq!(changed.headers["etag"], "\"2\"");
        for (field, value) in self.change.as_object().expect("an object") {
            assert_eq!(&changed.body[field], value, "{field}");
        }
        let stale: &[(&str, &str)] = &[("if-match", "\"1\"")];
        let refused = office.call_with(ADMIN, "PATCH", &path, Some(self.change.clone()), stale).await.is(412);
        assert_eq!(refused.code(), "stale");
        assert_eq!(office.call_with(ADMIN, "DELETE", &path, None, stale).await.is(412).code(), "stale");
        office.call_with(ADMIN, "PATCH", &path, Some(json!({})), &[("if-match", "\"2\"")]).await.is(200);
    }

    async fn is_refused(&self, office: &Office) {
        let before = office.get(self.path).await.is(200).body;
        let mut refused = self.refused.clone();
        let mut strange = self.named("strange");
        strange["colour"] = json!("red");
        refused.push((strange, "/colour", "unknown_field"));
        refused.push((json!({}), "/name", "missing_field"));
        refused.push((self.named(""), "/name", "bad_name"));
        for (body, pointer, code) in refused {
            let answer = office.post(self.path, body.clone()).await.is(422);
            assert_eq!(answer.first_error(), (pointer, code), "{body}");
        }
        let mut refused = self.refused_changes.clone();
        refused.push((json!({"colour": "red"}), "/colour", "unknown_field"));
        for (body, pointer, code) in refused {
            let answer = office.patch(&format!("{}/second", self.path), body.clone()).await.is(422);
            assert_eq!(answer.first_error(), (pointer, code), "{body}");
        }
        assert_eq!(office.get(self.path).await.is(200).body, before, "nothing was changed");
    }

    async fn is_deleted(&self, office: &Office) {
        let path = format!("{}/first", self.path);
        let id = office.get(&path).await.is(200).id();
        office.call(ADMIN, "DELETE", &path, None).await.is(204);
        for reference in ["first", &id] {
            let path = format!("{}/{reference}", self.path);
            assert_eq!(office.get(&path).await.is(404).code(), "not_found");
            office.patch(&path, self.change.clone()).await.is(404);
            office.call(ADMIN, "DELETE", &path, None).await.is(404);
        }
        office.post(self.path, self.named("first")).await.is(201);
    }
}
