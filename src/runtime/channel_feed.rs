//! What a receiver of an event channel is sent, from a position on: the account's events through the channel's rules.
//!
//! A change of the channel is an event itself, and takes effect at its place in the log: what comes before it, is shaped
//! by the rules before it, however late it is read.

use super::feed::{Feed, FeedEnd, Published, Wanted};
use super::port::Clock;
use super::store::{EventFilter, StoreError};
use super::{Failure, FeedRefused, Runtime};
use cordboard_domain::event_channel::{ChannelRules, EventChannelState, Message, Passing, Shaper};
use cordboard_domain::id::{AccountId, EventChannelId};
use cordboard_domain::rule::RuleError;
use serde_json::Value;
use std::collections::VecDeque;
use std::sync::Arc;

const UPDATED: &str = "event_channel.updated";
const DELETED: &str = "event_channel.deleted";

/// Why a channel gives nothing more.
#[derive(Debug, thiserror::Error)]
pub enum ChannelEnd {
    #[error(transparent)]
    Feed(#[from] FeedEnd),
    #[error("the event channel was deleted")]
    Deleted,
    /// What was saved was checked; this is a defect.
    #[error("the event channel's rules cannot be used: {0}")]
    Unusable(String),
}

/// Why a channel cannot be read from a position.
#[derive(Debug, thiserror::Error)]
pub enum ChannelRefused {
    #[error("no such event channel")]
    NoChannel,
    #[error(transparent)]
    Feed(#[from] FeedRefused),
    #[error("the event channel's rules cannot be used: {0}")]
    Unusable(String),
}

pub struct ChannelFeed {
    feed: Feed,
    clock: Arc<dyn Clock>,
    account: AccountId,
    channel: EventChannelId,
    shaper: Shaper,
    ready: VecDeque<Message>,
    deleted: bool,
}

impl Runtime {
    /// What the channel gives after a sequence number, or from now on.
    pub async fn channel_feed(
        &self,
        account: AccountId,
        channel: EventChannelId,
        after: Option<u64>,
    ) -> Result<ChannelFeed, ChannelRefused> {
        let found = self.read(account, move |engine, _| (engine.event_channel(channel).cloned(), engine.sequence()));
        let (record, last) = found.await.map_err(FeedRefused::Failed)?;
        let record = record.ok_or(ChannelRefused::NoChannel)?;
        let position = after.unwrap_or(last);
        let mut in_force = (record.rules, record.state == EventChannelState::Paused);
        if record.effective_after > position
            && let Some(before) = self.rules_before_change(account, channel, position).await?
        {
            in_force = before;
        }
        let (rules, paused) = in_force;
        let shaper = Shaper::new(account, channel, rules, paused).map_err(unusable)?;
        let feed = self.feed(account, Some(position), wanted(&shaper)).await?;
        let (clock, ready) = (Arc::clone(&self.0.clock), VecDeque::new());
        Ok(ChannelFeed { feed, clock, account, channel, shaper, ready, deleted: false })
    }

    /// The rules that held at a position, as the first change after it tells them.
    async fn rules_before_change(
        &self,
        account: AccountId,
        channel: EventChannelId,
        position: u64,
    ) -> Result<Option<(ChannelRules, bool)>, ChannelRefused> {
        let unread = |error: StoreError| {
            tracing::error!(%account, %error, "reading the changes of an event channel failed");
            ChannelRefused::Feed(FeedRefused::Failed(Failure::Unavailable))
        };
        let (subject, types) = (Some(channel.to_string()), vec![UPDATED.to_owned()]);
        let mut filter = EventFilter { after_sequence: position, types, subject, limit: 1 };
        loop {
            let page = self.0.store.events(account, &filter).await.map_err(unread)?;
            if let Some(event) = page.events.first() {
                let data: Value = serde_json::from_str(event.data.get()).unwrap_or_default();
                let before = rules_in(&data["detail"]["before"]);
                return before.map(Some).map_err(ChannelRefused::Unusable);
            }
            if !page.more {
                return Ok(None);
            }
            filter.after_sequence = page.read_to;
        }
    }
}

fn unusable(error: RuleError) -> ChannelRefused {
    ChannelRefused::Unusable(error.message)
}

/// What the channel's feed has to see: what it gives, and its own changes.
fn wanted(shaper: &Shaper) -> Wanted {
    let mut types: Vec<String> = shaper.types().map(str::to_owned).collect();
    if !types.is_empty() {
        types.extend([UPDATED.to_owned(), DELETED.to_owned()]);
    }
    Wanted { types, worker: None }
}

/// The rules in a channel as it is shown, and whether it is paused.
fn rules_in(shown: &Value) -> Result<(ChannelRules, bool), String> {
    let parts = ["types", "filter", "fields", "throttle", "batch", "retention_s"];
    let rules = parts.into_iter().filter_map(|part| Some((part.to_owned(), shown.get(part)?.clone())));
    let rules = serde_json::from_value(Value::Object(rules.collect())).map_err(|error| error.to_string())?;
    let state = shown["state"].as_str().ok_or("it has no state")?;
    Ok((rules, state != "active"))
}

impl ChannelFeed {
    /// The sequence number up to which everything has been given or told of, for resuming after it.
    pub fn position(&self) -> u64 {
        let first = self.ready.front().map(|message| message.first_sequence).or(self.shaper.held_from());
        first.map_or_else(|| self.feed.position(), |first| first - 1)
    }

    /// The next message; waits until there is one. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Result<Message, ChannelEnd> {
        loop {
            if let Some(message) = self.ready.pop_front() {
                return Ok(message);
            }
            if self.deleted {
                return Err(ChannelEnd::Deleted);
            }
            let event = match self.feed.next_at_once() {
                Some(event) => event,
                None => match self.event_or_deadline().await? {
                    Some(event) => event,
                    None => {
                        self.tick();
                        continue;
                    }
                },
            };
            self.take(&event)?;
        }
    }

    /// One more message if it is there already.
    pub fn next_at_once(&mut self) -> Option<Message> {
        self.ready.pop_front()
    }

    /// What is due is sent when nothing is there at once: until then what is there belongs together.
    async fn event_or_deadline(&mut self) -> Result<Option<Arc<Published>>, FeedEnd> {
        let Some(deadline) = self.shaper.next_deadline() else { return self.feed.next().await.map(Some) };
        tokio::select! {
            biased;
            event = self.feed.next() => event.map(Some),
            () = self.clock.until(deadline) => Ok(None),
        }
    }

    fn tick(&mut self) {
        let mut out = Vec::new();
        self.shaper.tick(self.clock.now(), &mut out);
        self.ready.extend(out);
    }

    fn take(&mut self, event: &Published) -> Result<(), ChannelEnd> {
        let (now, mut out) = (self.clock.now(), Vec::new());
        let (sequence, event_type, time) = (event.sequence, &*event.event_type, event.time);
        let passing = Passing { sequence, id: &event.id, event_type, time, text: event.text() };
        self.shaper.take(now, &passing, &mut out);
        let of_this = matches!(event_type, UPDATED | DELETED) && *event.subject == *self.channel.to_string();
        if of_this {
            self.shaper.end(now, &mut out);
        }
        self.ready.extend(out);
        match event_type {
            UPDATED if of_this => self.change(event),
            DELETED if of_this => {
                self.deleted = true;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Goes on with the rules that an event put into force.
    fn change(&mut self, event: &Published) -> Result<(), ChannelEnd> {
        let shown: Value = serde_json::from_str(event.text()).unwrap_or_default();
        let (rules, paused) = rules_in(&shown["data"]["resource"]).map_err(ChannelEnd::Unusable)?;
        let shaper = Shaper::new(self.account, self.channel, rules, paused);
        self.shaper = shaper.map_err(|error| ChannelEnd::Unusable(error.message))?;
        self.feed.turn(event.sequence, wanted(&self.shaper));
        Ok(())
    }
}
