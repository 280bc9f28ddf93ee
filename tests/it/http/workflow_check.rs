//! The check of documents over REST: its bounds, and who may ask.

use super::office::*;
use serde_json::json;

fn document() -> serde_json::Value {
    json!({"default": [{"route": {"queue": "support"}}]})
}

#[tokio::test]
async fn samples_are_bounded_and_each_wrong_one_is_named() {
    let office = Office::new().await;
    office.furnish().await;
    for path in ["/v1/workflows/check", "/v1/workflows/support/check"] {
        let check = async |samples| office.post(path, json!({"document": document(), "samples": samples})).await;
        let run = check(json!(vec![json!({}); 50])).await.is(200);
        assert_eq!(run.body["samples"].as_array().map(Vec::len), Some(50), "{path}");
        assert_eq!(check(json!(vec![json!({}); 51])).await.is(422).first_error(), ("/samples", "too_many"));
        let cases = [
            (json!({"channel": "nowhere"}), "/samples/1/channel", "unknown_reference"),
            (json!({"priority": 1_000_001}), "/samples/1/priority", "out_of_range"),
            (json!({"timeout_s": 0}), "/samples/1/timeout_s", "out_of_range"),
            (json!({"attributes": []}), "/samples/1/attributes", "not_an_object"),
            (json!({"colour": "red"}), "/samples/1/colour", "unknown_field"),
        ];
        for (sample, pointer, code) in cases {
            let answer = check(json!([{}, sample])).await.is(422);
            assert_eq!(answer.first_error(), (pointer, code), "{path} {sample}");
        }
    }
    assert_eq!(
        office.post("/v1/workflows/check", json!({})).await.is(422).first_error(),
        ("/document", "missing_field")
    );
}

#[tokio::test]
async fn what_is_wrong_with_a_document_is_told_and_not_refused() {
    let office = Office::new().await;
    office.furnish().await;
    for document in [json!(5), json!({}), json!({"default": [{"rout": {}}]})] {
        let run = office.post("/v1/workflows/check", json!({"document": document, "samples": [{}]})).await.is(200);
        assert_eq!(run.body["findings"][0]["severity"], "error", "{document}");
        assert_eq!(run.body["samples"], json!([]));
    }
    let own = office.post("/v1/workflows/support/check", json!({"samples": [{}]})).await.is(200);
    assert_eq!(own.body["samples"][0]["steps"][0]["workers"][0]["name"], "ann");
}

#[tokio::test]
async fn a_supervisor_may_ask_and_an_agent_or_a_stranger_may_not() {
    let office = Office::new().await;
    office.furnish().await;
    let key =
        async |body| office.post("/v1/api-keys", body).await.is(201).body["key"].as_str().expect("shown").to_owned();
    let supervisor = key(json!({"name": "lead", "role": "supervisor"})).await;
    let agent = key(json!({"name": "ann", "role": "agent", "worker": "ann"})).await;
    for path in ["/v1/workflows/check", "/v1/workflows/support/check"] {
        let body = || Some(json!({"document": document(), "samples": [{}]}));
        office.call(&supervisor, "POST", path, body()).await.is(200);
        assert_eq!(office.call(&agent, "POST", path, body()).await.is(403).code(), "forbidden", "{path}");
    }
    office.call(STRANGER, "POST", "/v1/workflows/support/check", Some(json!({}))).await.is(404);
}
