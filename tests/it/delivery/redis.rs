//! Redis streams, on a real server.

use super::post::Post;
use crate::http::office::Office;
use crate::support::redis::RedisServer;
use redis::streams::StreamRangeReply;
use serde_json::{Value, json};

async fn entries(server: &RedisServer, stream: &str) -> StreamRangeReply {
    let client = redis::Client::open(server.url()).expect("a URL");
    let mut connection = client.get_multiplexed_async_connection().await.expect("it answers");
    redis::cmd("XRANGE").arg(stream).arg("-").arg("+").query_async(&mut connection).await.expect("a stream")
}

/// The stream's key: the account's id is in front.
async fn key(post: &Post) -> String {
    let events = post.office.get("/v1/events?limit=1").await.is(200).body;
    let source = events["data"][0]["source"].as_str().expect("a source").to_owned();
    format!("{}:acme:events", source.strip_prefix("/accounts/").expect("an account"))
}

async fn subscribe(post: &Post) -> String {
    post.channel("activities", json!({"types": ["activity.*"]})).await;
    let body = json!({"event_channel": "activities", "kind": "redis_stream", "stream": "acme:events"});
    post.office.post("/v1/subscriptions", body).await.is(201).id()
}

#[tokio::test]
async fn events_become_entries_of_the_stream_in_order() {
    let server = RedisServer::start();
    let post = Post { office: Office::with_redis(&server.url()).await };
    let subscription = subscribe(&post).await;
    let subjects = [post.event("one").await, post.event("two").await];
    let last = post.delivered(&subscription, 2).await;
    // Each account has its own: another's subscription to the same name neither reads nor trims this one's.
    assert_eq!(entries(&server, "acme:events").await.ids.len(), 0);
    let written = entries(&server, &key(&post).await).await.ids;
    assert_eq!(written.len(), 2);
    for (entry, subject) in written.iter().zip(&subjects) {
        let field = |name: &str| entry.get::<String>(name).expect("a field");
        let event: Value = serde_json::from_str(&field("body")).expect("JSON");
        assert_eq!((event["subject"].as_str(), field("type").as_str()), (Some(subject.as_str()), "activity.created"));
        assert_eq!(
            (field("id"), field("sequence")),
            (event["id"].as_str().unwrap().to_owned(), event["sequence"].to_string())
        );
    }
    // The answer is the entry's own id.
    assert_eq!(last["attempts"][0]["answer"], written[1].id);
}

#[tokio::test]
async fn a_server_that_was_gone_gets_everything_when_it_is_back() {
    let mut server = RedisServer::start();
    let post = Post { office: Office::with_redis(&server.url()).await };
    let subscription = subscribe(&post).await;
    post.event("one").await;
    post.delivery(&subscription, |delivery| delivery["state"] == "delivered").await;
    server.stop();
    post.event("two").await;
    let waiting = post.delivery(&subscription, |delivery| delivery["attempts"][0]["error"].is_object()).await;
    let code = waiting["attempts"][0]["error"]["code"].as_str().expect("a code");
    assert!(["redis_unreachable", "redis_refused"].contains(&code), "{waiting}");
    server.start_again();
    super::hook::while_time_passes(
        &post.office.clock,
        post.delivery(&subscription, |delivery| delivery["state"] == "delivered"),
    )
    .await;
    assert_eq!(entries(&server, &key(&post).await).await.ids.len(), 1);
    post.subscription(&subscription, |it| it["failing_since"].is_null()).await;
}
