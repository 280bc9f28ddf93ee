//! A subscription that lives through everything at once, by chance: events, pauses, other URLs, new beginnings, changes
//! of its channel, receivers that refuse, time that jumps, deliveries that stop and begin. In the end the receiver has
//! everything since the last beginning, in order.

use super::hook::{Hook, Received, while_time_passes};
use super::post::Post;
use crate::support::dice::Dice;
use cordboard::edge::sink::AllSinks;
use cordboard::runtime::delivery::record::Resend;
use cordboard::runtime::delivery::{Deliveries, Running};
use cordboard_domain::id::{IdSource, SubscriptionId};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

const STEPS: u32 = 120;

struct Life {
    post: Post,
    hook: Hook,
    channel: String,
    path: String,
    subscription: SubscriptionId,
    running: Option<Running>,
    dice: Dice,
    /// What has come since the last beginning.
    received: Vec<Received>,
    begun_after: u64,
    made: Vec<String>,
}

impl Life {
    async fn new(seed: u64) -> Self {
        let mut post = Post::new().await;
        let channel = post.channel("activities", json!({"types": ["activity.*"]})).await;
        let hook = Hook::new().await;
        let subscription = post.subscribe("activities", &hook.url).await;
        let path = format!("/v1/subscriptions/{subscription}");
        let begun_after = post.office.get(&path).await.is(200).body["from"].as_u64().expect("a number");
        let (dice, running) = (Dice(IdSource::new(seed)), post.office.delivering.take());
        let subscription = SubscriptionId::parse(&subscription).expect("an id");
        let (received, made) = (Vec::new(), Vec::new());
        Self { post, hook, channel, path, subscription, running, dice, received, begun_after, made }
    }

    async fn patch(&self, body: Value) -> Value {
        self.post.office.patch(&self.path, body).await.is(200).body
    }

    async fn step(&mut self, number: u32) {
        match self.dice.below(20) {
            0..8 => self.made.push(self.post.event(&format!("number {number}")).await),
            8 => {
                let Some(gone) = self.made.pop() else { return };
                let path = format!("/v1/activities/{gone}");
                self.post.office.call(crate::http::office::ADMIN, "DELETE", &path, None).await.is(204);
            }
            9 | 10 => {
                let state = if self.dice.below(2) == 0 { "paused" } else { "active" };
                self.patch(json!({ "state": state })).await;
            }
            11 => {
                let url = format!("{}/{}", self.hook.url, self.dice.below(3));
                self.patch(json!({ "url": url })).await;
            }
            12 | 13 => self.hook.answer(&[500, 429][..1 + self.dice.below(2) as usize]),
            14 | 15 => {
                let by_ms = [20, 1_100, 5_600, 400_000][self.dice.below(4) as usize];
                self.post.office.clock.advance(Duration::from_millis(by_ms));
            }
            16 => self.begin_anew().await,
            17 => {
                let batch = [json!(null), json!({"events_max": 3, "delay_s": 2})][self.dice.below(2) as usize].clone();
                let path = format!("/v1/event-channels/{}", self.channel);
                self.post.office.patch(&path, json!({ "batch": batch })).await.is(200);
            }
            18 => self.restart().await,
            _ => self.retry().await,
        }
        for _ in 0..self.dice.below(40) {
            tokio::task::yield_now().await;
        }
    }

    async fn begin_anew(&mut self) {
        let from = match self.dice.below(2) {
            0 => json!("now"),
            _ => json!(self.dice.below(self.begun_after + 1)),
        };
        self.begun_after = self.patch(json!({ "from": from })).await["from"].as_u64().expect("a number");
        self.hook.rest();
        self.received.clear();
    }

    async fn restart(&mut self) {
        self.running.take().expect("they run").stop().await;
        let state = &self.post.office.state;
        let (runtime, store) = (state.runtime.clone(), Arc::clone(state.deliveries.store()));
        let sinks = Arc::new(AllSinks::new(Arc::clone(runtime.fetch()), None).expect("a client"));
        self.running = Some(Deliveries::begin(runtime, store, sinks, 0).await.expect("they begin"));
    }

    /// Has what waits tried now.
    async fn retry(&self) {
        let deliveries = self.running.as_ref().expect("they run").deliveries();
        deliveries.resend(self.subscription, Resend::Waiting).await.expect("they run");
    }

    async fn end(mut self) {
        self.patch(json!({"state": "active"})).await;
        let (post, path) = (&self.post, &self.path);
        let arrived = async {
            loop {
                let progress = post.office.get(&format!("{path}/progress")).await.is(200).body;
                if progress["waiting"].is_null() && progress["position"] == progress["last_sequence"] {
                    return;
                }
                self.retry().await;
            }
        };
        while_time_passes(&post.office.clock, arrived).await;
        self.received.extend(self.hook.rest());
        let query = format!("/v1/events?types=activity.*&limit=200&after_sequence={}", self.begun_after);
        let listed = self.post.office.get(&query).await.is(200).body;
        assert_eq!(listed["next"], Value::Null);
        let wanted: Vec<u64> = listed["data"].as_array().expect("a list").iter().map(sequence).collect();
        let mut got = self.first_arrivals();
        // One may have been on its way when it began anew.
        if got.first() != wanted.first() && !got.is_empty() {
            let early = got.remove(0);
            if wanted.contains(&early) && !got.contains(&early) {
                got = self.first_arrivals_after_one();
            }
        }
        assert_eq!(got, wanted);
    }

    fn first_arrivals(&self) -> Vec<u64> {
        first_arrivals(&self.received)
    }

    fn first_arrivals_after_one(&self) -> Vec<u64> {
        first_arrivals(&self.received[1..])
    }
}

fn sequence(event: &Value) -> u64 {
    event["sequence"].as_u64().expect("a number")
}

/// Sequence numbers in the order in which they first came.
fn first_arrivals(received: &[Received]) -> Vec<u64> {
    let mut known = BTreeSet::new();
    let events = received.iter().flat_map(|request| match request.json() {
        Value::Array(events) => events,
        event => vec![event],
    });
    events.map(|event| sequence(&event)).filter(|sequence| known.insert(*sequence)).collect()
}

async fn live(seeds: std::ops::Range<u64>) {
    for seed in seeds {
        println!("seed {seed}");
        let mut life = Life::new(seed).await;
        for number in 0..STEPS {
            life.step(number).await;
        }
        life.end().await;
    }
}

#[tokio::test]
async fn whatever_happens_everything_since_the_last_beginning_arrives_in_order() {
    let seeds = std::env::var("DELIVERY_SEEDS").map_or(6, |seeds| seeds.parse().expect("a number"));
    live(0..seeds).await;
}
