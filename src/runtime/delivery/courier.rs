//! One subscription's courier: makes messages of its channel into deliveries, writes them down, and carries them to the
//! receiver one after the other, each until it has arrived or is given up.

use super::super::channel_feed::{ChannelEnd, ChannelFeed, ChannelRefused};
use super::super::feed::FeedEnd;
use super::super::signature::Secret;
use super::super::{FeedRefused, Request};
use super::Around;
use super::journal::Stopped;
use super::outcome::{Sending, switched_off_at};
use super::record::{Delivery, DeliveryState, Entry, Position};
use super::schedule::pause_after;
use super::sink::{NotTaken, Parcel, Receipt};
use cordboard_domain::event_channel::{
    Message, Subscription, SubscriptionHealth, SubscriptionState, SubscriptionTarget, missed,
};
use cordboard_domain::id::{AccountId, SubscriptionId};
use cordboard_domain::time::Timestamp;
use cordboard_domain::work::{Actor, Command};
use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, watch};

/// Deliveries that are written down together, and pending ones that are read together.
const PLANNED_MAX: usize = 32;
/// Pause before what the store or our own limits prevented is tried again.
const AGAIN_AFTER: Duration = Duration::from_secs(1);
/// How often it is noted how far a subscription is that is sent nothing.
const NOTE_POSITION_EVERY: Duration = Duration::from_secs(10);

/// Why a round of carrying ended.
enum Over {
    /// The subscription is not what it was, or deliveries are to be sent again: look at everything anew.
    Anew,
    /// Something here fails; try again a little later.
    Trouble,
    Stopped,
}

impl From<Stopped> for Over {
    fn from(_: Stopped) -> Self {
        Self::Stopped
    }
}

pub(super) struct Courier {
    pub around: Arc<Around>,
    pub account: AccountId,
    pub id: SubscriptionId,
    /// The subscription as it is; none when it was deleted.
    pub subscription: watch::Receiver<Option<Arc<Subscription>>>,
    pub nudge: Arc<Notify>,
    pub stopping: watch::Receiver<bool>,
    /// The subscription as deliveries are made for it at present.
    pub served: Option<Arc<Subscription>>,
}

impl Courier {
    pub async fn run(mut self) {
        loop {
            let current = self.subscription.borrow_and_update().clone();
            let Some(subscription) = current else {
                // If the journal has ended, what is left is forgotten at the next start.
                return self.around.journal.forget(self.id).await.unwrap_or_default();
            };
            let over = if subscription.state == SubscriptionState::Active {
                let Err(over) = self.carry_all(&subscription).await;
                over
            } else {
                self.served = Some(subscription);
                self.rest().await
            };
            match over {
                Over::Anew => {}
                Over::Stopped => return,
                Over::Trouble => {
                    if let Some(Over::Stopped) = self.pause(AGAIN_AFTER).await {
                        return;
                    }
                }
            }
        }
    }

    /// Waits for the subscription to become active.
    async fn rest(&mut self) -> Over {
        tokio::select! {
            biased;
            _ = self.stopping.wait_for(|stopping| *stopping) => Over::Stopped,
            changed = self.subscription.changed() => changed.map_or(Over::Stopped, |()| Over::Anew),
        }
    }

    /// Lets time pass, unless the subscription changes or the server stops meanwhile.
    async fn pause(&mut self, length: Duration) -> Option<Over> {
        let around = Arc::clone(&self.around);
        tokio::select! {
            biased;
            over = self.interrupted() => Some(over),
            () = around.runtime.pause(length) => None,
        }
    }

    /// Ends when there is a reason to look at everything anew, or to stop.
    async fn interrupted(&mut self) -> Over {
        loop {
            tokio::select! {
                biased;
                _ = self.stopping.wait_for(|stopping| *stopping) => return Over::Stopped,
                () = self.nudge.notified() => return Over::Anew,
                changed = self.subscription.changed() => {
                    if changed.is_err() {
                        return Over::Stopped;
                    }
                    if !is_same(self.served.as_deref(), self.subscription.borrow_and_update().as_deref()) {
                        return Over::Anew;
                    }
                }
            }
        }
    }

    /// Carries until something changes.
    async fn carry_all(&mut self, subscription: &Arc<Subscription>) -> Result<Infallible, Over> {
        let before = self.served.replace(Arc::clone(subscription));
        let position = self.place(subscription).await?;
        let mut pending: VecDeque<Delivery> = self.pending().await?.into();
        // Whoever mends a subscription sees at once whether it helped.
        if before.is_some_and(|before| !is_same(Some(&before), Some(subscription))) {
            pending.iter_mut().take(1).for_each(|first| first.next_attempt_at = None);
        }
        let mut feed: Option<ChannelFeed> = None;
        loop {
            while let Some(delivery) = pending.pop_front() {
                self.carry(subscription, delivery).await?;
                // Of those that were pending before, there may be more than were read at once.
                if pending.is_empty() && feed.is_none() {
                    pending = self.pending().await?.into();
                }
            }
            let feed = match &mut feed {
                Some(feed) => feed,
                none => none.insert(self.open(subscription, position).await?),
            };
            pending = self.plan(subscription, feed).await?.into();
        }
    }

    /// What waits to be carried, oldest first, everything that was noted counted in.
    async fn pending(&mut self) -> Result<Vec<Delivery>, Over> {
        self.around.journal.write(Entry::Barrier).await?;
        let pending = self.around.store.pending_deliveries(self.id, PLANNED_MAX as u64).await;
        pending.map_err(|error| self.trouble(&error))
    }

    fn trouble(&self, error: &dyn std::fmt::Display) -> Over {
        tracing::warn!(subscription = %self.id, %error, "deliveries of a subscription are held up; trying again");
        Over::Trouble
    }

    /// How far the subscription is; where it begins if this is a new start of it.
    async fn place(&mut self, subscription: &Subscription) -> Result<u64, Over> {
        let position = self.around.store.delivery_position(self.id).await.map_err(|error| self.trouble(&error))?;
        if let Some(position) = position.filter(|position| position.starts == subscription.starts) {
            return Ok(position.sequence);
        }
        let position = Position { starts: subscription.starts, sequence: subscription.start_after };
        let (account, at) = (self.account, self.around.runtime.now());
        self.around.journal.write(Entry::Started { account, subscription: self.id, position, at }).await?;
        Ok(position.sequence)
    }

    /// Opens the channel at a position. If events after it are not kept any more, the receiver is told of the gap first.
    async fn open(&mut self, subscription: &Arc<Subscription>, mut position: u64) -> Result<ChannelFeed, Over> {
        let account = self.account;
        loop {
            let stored = self.around.store.delivery_position(self.id).await.map_err(|error| self.trouble(&error))?;
            position = stored.map_or(position, |stored| stored.sequence);
            let feed = self.around.runtime.channel_feed(account, subscription.event_channel, Some(position)).await;
            let first = match feed {
                Ok(feed) => return Ok(feed),
                Err(ChannelRefused::Feed(FeedRefused::Gone { first })) => first,
                // The word of the deletion is on its way.
                Err(ChannelRefused::NoChannel) => return Err(self.rest().await),
                Err(error) => return Err(self.trouble(&error)),
            };
            let now = self.around.runtime.now();
            let gap = missed(account, subscription.event_channel, (position + 1, first - 1), now);
            let gap = self.around.in_form(account, subscription.event_channel, gap).await;
            let planned = self.write_plan(subscription, vec![gap], first - 1).await?;
            for delivery in planned {
                self.carry(subscription, delivery).await?;
            }
        }
    }

    /// Waits for messages and writes down the deliveries of those that are there.
    async fn plan(&mut self, subscription: &Subscription, feed: &mut ChannelFeed) -> Result<Vec<Delivery>, Over> {
        let around = Arc::clone(&self.around);
        let mut noted = feed.position();
        let first = loop {
            tokio::select! {
                biased;
                over = self.interrupted() => return Err(over),
                message = feed.next() => break message.map_err(|end| self.ended(&end))?,
                () = around.runtime.pause(NOTE_POSITION_EVERY) => {
                    // What is not for this subscription need not be looked at again after a restart.
                    if feed.position() > noted {
                        noted = feed.position();
                        self.note_position(subscription, noted).await?;
                    }
                }
            }
        };
        let mut messages = vec![first];
        while messages.len() < PLANNED_MAX
            && let Some(message) = feed.next_at_once()
        {
            messages.push(message);
        }
        let position = feed.position();
        self.write_plan(subscription, messages, position).await
    }

    async fn note_position(&self, subscription: &Subscription, sequence: u64) -> Result<(), Over> {
        let position = Position { starts: subscription.starts, sequence };
        let (account, subscription, deliveries) = (self.account, self.id, Vec::new());
        Ok(self.around.journal.note(Entry::Planned { account, subscription, position, deliveries }).await?)
    }

    fn ended(&self, end: &ChannelEnd) -> Over {
        match end {
            ChannelEnd::Feed(FeedEnd::Stopped) => Over::Stopped,
            // Both are found again when the channel is opened anew.
            ChannelEnd::Feed(FeedEnd::Gone { .. }) | ChannelEnd::Deleted => Over::Trouble,
            ChannelEnd::Feed(FeedEnd::Store(error)) => self.trouble(error),
            ChannelEnd::Unusable(_) => self.trouble(end),
        }
    }

    async fn write_plan(
        &mut self,
        subscription: &Subscription,
        messages: Vec<Message>,
        sequence: u64,
    ) -> Result<Vec<Delivery>, Over> {
        let (account, created_at) = (self.account, self.around.runtime.now());
        let planned = messages.into_iter().map(|message| Delivery {
            account,
            subscription: self.id,
            message,
            state: DeliveryState::Pending,
            attempts: Vec::new(),
            tries: 0,
            next_attempt_at: None,
            created_at,
            resolved_at: None,
        });
        let deliveries: Vec<Delivery> = planned.collect();
        let position = Position { starts: subscription.starts, sequence };
        let entry = Entry::Planned { account, subscription: self.id, position, deliveries: deliveries.clone() };
        self.around.journal.write(entry).await?;
        Ok(deliveries)
    }

    /// Tries until the delivery has arrived or is given up.
    async fn carry(&mut self, subscription: &Subscription, mut delivery: Delivery) -> Result<(), Over> {
        // It found no room, as at a host of which others already wait for an answer: not among the sound ones again.
        let mut was_crowded_out = false;
        while delivery.state == DeliveryState::Pending {
            self.wait_until(delivery.next_attempt_at).await?;
            let fails = was_crowded_out || delivery.tries > 0 || self.failing_since().is_some();
            let (sending, outcome) = self.attempt(subscription, &delivery, fails).await?;
            let kind = if outcome.is_ok() { "arrived" } else { "not_taken" };
            metrics::counter!("cordboard_delivery_attempts_total", "outcome" => kind).increment(1);
            match outcome {
                Err(not_taken) if not_taken.ours => {
                    was_crowded_out = true;
                    if let Some(over) = self.pause(AGAIN_AFTER).await {
                        return Err(over);
                    }
                }
                Ok(receipt) => {
                    delivery.arrived(sending, receipt);
                    self.around.journal.note(Entry::Attempted(delivery.clone())).await?;
                    if self.failing_since().is_some() {
                        self.report(subscription, SubscriptionHealth::Recovered).await;
                    }
                }
                Err(not_taken) => {
                    let off = self.report_failing(subscription, &delivery, &not_taken.message).await;
                    let pause = pause_after(delivery.tries + 1, self.around.runtime.entropy().seed());
                    delivery.not_taken(sending, not_taken, pause, off);
                    self.around.journal.note(Entry::Attempted(delivery.clone())).await?;
                    // Switched off: that word has to come back before anything else is tried.
                    if off.is_some_and(|off| off <= sending.over) {
                        return Err(self.rest().await);
                    }
                }
            }
        }
        Ok(())
    }

    async fn wait_until(&mut self, at: Option<Timestamp>) -> Result<(), Over> {
        let around = Arc::clone(&self.around);
        let due = async move {
            if let Some(at) = at {
                around.runtime.until(at).await;
            }
        };
        tokio::select! {
            biased;
            over = self.interrupted() => Err(over),
            () = due => Ok(()),
        }
    }

    /// Sends once, when it has its turn.
    async fn attempt(
        &mut self,
        subscription: &Subscription,
        delivery: &Delivery,
        fails: bool,
    ) -> Result<(Sending, Result<Receipt, NotTaken>), Over> {
        let (around, lanes) = (Arc::clone(&self.around), self.around.lanes.of(self.account));
        let lane = if fails { &lanes.failing } else { &lanes.sound };
        let _turn = tokio::select! {
            biased;
            over = self.interrupted() => return Err(over),
            turn = lane.acquire() => turn.map_err(|_| Over::Stopped)?,
        };
        let at = around.runtime.now();
        let secrets = match live_secrets(subscription, at) {
            Ok(secrets) => secrets,
            Err(error) => return Err(self.trouble(&error)),
        };
        let (account, target, message) = (self.account, &subscription.target, &delivery.message);
        let outcome = around.sinks.send(Parcel { account, target, secrets: &secrets, message, at }).await;
        Ok((Sending { at, over: around.runtime.now() }, outcome))
    }

    fn failing_since(&self) -> Option<Timestamp> {
        self.subscription.borrow().as_ref().and_then(|subscription| subscription.failing_since)
    }

    /// Says that the subscription fails, and switches it off when it has for too long; when that is or was. A delivery
    /// that arrives with its second attempt is not worth a word: words are events, which are delivered in their turn.
    async fn report_failing(&mut self, of: &Subscription, delivery: &Delivery, error: &str) -> Option<Timestamp> {
        if delivery.tries == 0 {
            return None;
        }
        let Some(off) = self.failing_since().map(switched_off_at) else {
            self.report(of, SubscriptionHealth::Failing { error: error.to_owned() }).await;
            return None;
        };
        if self.around.runtime.now() < off {
            return Some(off);
        }
        let reason = format!("it failed for five days, at last because {error}");
        // If that cannot be told now, it is after the next attempt.
        self.report(of, SubscriptionHealth::Disabled { reason }).await.then_some(off)
    }

    /// Tells the engine, if that can be; what it could not be told now, it is at the next attempt. The word of the change
    /// comes back by its event. The record in `subscription` is
    /// brought up to date at once, for the word of the change may take a while to come back.
    async fn report(&mut self, subscription: &Subscription, health: SubscriptionHealth) -> bool {
        let command = Command::ReportSubscription { id: self.id, starts: subscription.starts, health };
        let request = Request { actor: Actor::System, command, keys: Vec::new(), once: None };
        let account = self.account;
        if let Err(failure) = self.around.runtime.handle(account, request).await {
            tracing::warn!(subscription = %self.id, %failure, "a subscription's health could not be told");
            return false;
        }
        true
    }
}

/// Whether nothing has changed that deliveries depend on.
fn is_same(one: Option<&Subscription>, other: Option<&Subscription>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => {
            (one.event_channel, &one.target, &one.secrets, one.starts, one.state)
                == (other.event_channel, &other.target, &other.secrets, other.starts, other.state)
        }
        (one, other) => one.is_none() && other.is_none(),
    }
}

/// The secrets that sign at a time.
pub(super) fn live_secrets(
    subscription: &Subscription,
    at: Timestamp,
) -> Result<Vec<Secret>, super::super::signature::BadSecret> {
    if !matches!(subscription.target, SubscriptionTarget::Webhook { .. }) {
        return Ok(Vec::new());
    }
    subscription.signing_secrets(at).map(|secret| Secret::parse(&secret.text)).collect()
}
