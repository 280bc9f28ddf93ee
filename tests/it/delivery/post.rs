//! An office whose events leave: channels and subscriptions through the API, and what the API says of deliveries.

use super::hook::{Hook, soon};
use crate::http::office::Office;
use cordboard::edge::system::SystemClock;
use cordboard::runtime::Clock;
use cordboard_domain::time::Timestamp;
use serde_json::{Value, json};

pub const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

pub struct Post {
    pub office: Office,
}

impl Post {
    pub async fn new() -> Self {
        Self { office: Office::new().await }
    }

    /// Where it is as late as it is: the standard's library refuses what seems to be old.
    pub async fn today() -> Self {
        let post = Self::new().await;
        post.office.clock.set(SystemClock.now());
        post
    }

    pub async fn channel(&self, name: &str, rules: Value) -> String {
        let mut body = rules;
        body["name"] = json!(name);
        self.office.post("/v1/event-channels", body).await.is(201).id()
    }

    /// A subscription of a webhook to a channel.
    pub async fn subscribe(&self, channel: &str, url: &str) -> String {
        let body = json!({"event_channel": channel, "kind": "webhook", "url": url, "secret": SECRET});
        self.office.post("/v1/subscriptions", body).await.is(201).id()
    }

    /// A hook that is subscribed to changes of activities, and its subscription.
    pub async fn hook(&self) -> (Hook, String) {
        let hook = Hook::new().await;
        if self.office.get("/v1/event-channels/activities").await.status != 200 {
            self.channel("activities", json!({"types": ["activity.*"]})).await;
        }
        let subscription = self.subscribe("activities", &hook.url).await;
        (hook, subscription)
    }

    /// Something happens: an activity is made. Answers with its id, the event's subject.
    pub async fn event(&self, name: &str) -> String {
        self.office.post("/v1/activities", json!({"name": name, "available": false})).await.is(201).id()
    }

    pub async fn deliveries(&self, subscription: &str) -> Vec<Value> {
        let page = self.office.get(&format!("/v1/subscriptions/{subscription}/deliveries")).await.is(200);
        page.body["data"].as_array().expect("a list").clone()
    }

    /// The newest delivery as soon as it is as wanted.
    pub async fn delivery(&self, subscription: &str, is_wanted: impl Fn(&Value) -> bool) -> Value {
        soon(async {
            loop {
                let found = self.deliveries(subscription).await;
                match found.into_iter().next().filter(&is_wanted) {
                    Some(delivery) => return delivery,
                    None => tokio::task::yield_now().await,
                }
            }
        })
        .await
    }

    /// The newest delivery as soon as so many have arrived.
    pub async fn delivered(&self, subscription: &str, count: usize) -> Value {
        soon(async {
            loop {
                let found = self.deliveries(subscription).await;
                if found.len() == count && found.iter().all(|delivery| delivery["state"] == "delivered") {
                    return found[0].clone();
                }
                tokio::task::yield_now().await;
            }
        })
        .await
    }

    /// The newest delivery as soon as so many attempts of it are written down.
    pub async fn attempted(&self, subscription: &str, attempts: usize) -> Value {
        self.delivery(subscription, |delivery| delivery["attempts"].as_array().expect("a list").len() >= attempts).await
    }

    /// The subscription as soon as it is as wanted.
    pub async fn subscription(&self, id: &str, is_wanted: impl Fn(&Value) -> bool) -> Value {
        soon(async {
            loop {
                let found = self.office.get(&format!("/v1/subscriptions/{id}")).await.is(200).body;
                if is_wanted(&found) {
                    return found;
                }
                tokio::task::yield_now().await;
            }
        })
        .await
    }

    /// Types of the events about a subject, oldest first.
    pub async fn told_of(&self, subject: &str) -> Vec<String> {
        let page = self.office.get(&format!("/v1/events?subject={subject}")).await.is(200);
        let types = page.body["data"].as_array().expect("a list").iter();
        types.map(|event| event["type"].as_str().expect("a type").to_owned()).collect()
    }
}

pub fn time(value: &Value) -> Timestamp {
    Timestamp::parse(value.as_str().expect("a time")).expect("a time")
}
