//! An account's events from a position on, in order and without gaps: what is stored first, then what is committed from
//! now on. Each subscriber has a feed of its own; one that is slow reads from the store and holds nobody up.

use super::store::{EventFilter, Store, StoreError, StoredEvent};
use cordboard_domain::event::{Event, matching_types};
use cordboard_domain::id::{AccountId, WorkerId};
use cordboard_domain::time::Timestamp;
use serde_json::value::RawValue;
use std::collections::VecDeque;
use std::sync::{Arc, OnceLock};
use tokio::sync::broadcast;

/// Events that a feed reads from the store at a time.
const FEED_PAGE_EVENTS: u64 = 200;

/// The events of one commit, as subscribers are told of them. Without any, it says that something may have been missed.
#[derive(Debug)]
pub struct Committed {
    account: AccountId,
    pub events: Arc<[Event]>,
    /// Rendered once, by the first who needs it, and shared by all.
    published: OnceLock<Box<[Arc<Published>]>>,
}

impl Committed {
    pub fn new(account: AccountId, events: Arc<[Event]>) -> Self {
        Self { account, events, published: OnceLock::new() }
    }

    fn published(&self) -> &[Arc<Published>] {
        self.published.get_or_init(|| {
            let publish = |(place, event): (usize, &Event)| {
                Arc::new(Published {
                    sequence: event.sequence,
                    id: event.id.text().as_str().into(),
                    event_type: event.event_type.into(),
                    subject: event.subject.as_str().into(),
                    time: event.time,
                    worker: event.worker,
                    account: self.account,
                    origin: Origin::Live(Arc::clone(&self.events), place),
                    text: OnceLock::new(),
                })
            };
            self.events.iter().enumerate().map(publish).collect()
        })
    }
}

/// One event, to be sent.
#[derive(Debug)]
pub struct Published {
    pub sequence: u64,
    pub id: Box<str>,
    pub event_type: Box<str>,
    pub subject: Box<str>,
    pub time: Timestamp,
    pub worker: Option<WorkerId>,
    account: AccountId,
    origin: Origin,
    text: OnceLock<Box<str>>,
}

#[derive(Debug)]
enum Origin {
    /// In its commit, at this place.
    Live(Arc<[Event]>, usize),
    Stored(Box<StoredEvent>),
}

impl Published {
    fn stored(account: AccountId, event: StoredEvent) -> Arc<Self> {
        Arc::new(Self {
            sequence: event.sequence,
            id: event.id.as_str().into(),
            event_type: event.event_type.as_str().into(),
            subject: event.subject.as_str().into(),
            time: event.time,
            worker: event.worker,
            account,
            origin: Origin::Stored(Box::new(event)),
            text: OnceLock::new(),
        })
    }

    /// CloudEvents 1.0 JSON, on one line; made by the first who asks for it.
    pub fn text(&self) -> &str {
        self.text.get_or_init(|| match &self.origin {
            Origin::Live(events, place) => render(&events[*place].cloud_event(self.account, &self.id)),
            Origin::Stored(event) => render(&event.cloud_event(self.account)),
        })
    }

    /// The resource after the event, and what else there is to say.
    pub fn data(&self) -> &RawValue {
        match &self.origin {
            Origin::Live(events, place) => &events[*place].data,
            Origin::Stored(event) => &event.data,
        }
    }
}

fn render(event: &impl serde::Serialize) -> Box<str> {
    // An event is made of texts, numbers and JSON that the engine wrote.
    serde_json::to_string(event).unwrap_or_default().into()
}

/// Which events a feed gives.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// Names of types; all when empty.
    pub types: Vec<String>,
    /// Only what concerns this worker.
    pub worker: Option<WorkerId>,
}

impl Wanted {
    /// Reads patterns: a type, `work_item.*` for all of one resource, or `*`. The first that matches no type is returned.
    pub fn of_patterns<'a>(patterns: impl Iterator<Item = &'a str>) -> Result<Vec<String>, &'a str> {
        let mut types = Vec::new();
        for pattern in patterns {
            let before = types.len();
            types.extend(matching_types(pattern).map(str::to_owned));
            if types.len() == before {
                return Err(pattern);
            }
        }
        Ok(types)
    }

    fn wants(&self, event: &Published) -> bool {
        (self.types.is_empty() || self.types.iter().any(|wanted| **wanted == *event.event_type))
            && self.worker.is_none_or(|worker| event.worker == Some(worker))
    }
}

/// Why a feed gives nothing more.
#[derive(Debug, thiserror::Error)]
pub enum FeedEnd {
    #[error("the server is stopping")]
    Stopped,
    /// Events that were still to come were forgotten meanwhile.
    #[error("events before {first} are not kept any more")]
    Gone { first: u64 },
    #[error("the store cannot be read")]
    Store(#[from] StoreError),
}

pub struct Feed {
    store: Arc<dyn Store>,
    account: AccountId,
    wanted: Wanted,
    live: broadcast::Receiver<Arc<Committed>>,
    /// Everything up to here was given, or was not wanted.
    position: u64,
    /// The store has, or may have, more than was read.
    behind: bool,
    ready: VecDeque<Arc<Published>>,
}

impl Feed {
    /// `live` must have been subscribed before anything after `position` was last looked for.
    pub(super) fn new(
        store: Arc<dyn Store>,
        account: AccountId,
        live: broadcast::Receiver<Arc<Committed>>,
        position: u64,
        wanted: Wanted,
    ) -> Self {
        Self { store, account, wanted, live, position, behind: true, ready: VecDeque::new() }
    }

    /// The sequence number up to which everything has been given, for resuming after it.
    pub fn position(&self) -> u64 {
        self.ready.front().map_or(self.position, |event| event.sequence - 1)
    }

    /// The next event; waits until there is one. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Result<Arc<Published>, FeedEnd> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Ok(event);
            }
            if self.behind {
                self.read().await?;
                continue;
            }
            match self.live.recv().await {
                Ok(committed) => self.take(&committed),
                Err(broadcast::error::RecvError::Lagged(_)) => self.behind = true,
                Err(broadcast::error::RecvError::Closed) => return Err(FeedEnd::Stopped),
            }
        }
    }

    /// Goes on after a sequence number with what is wanted from there on; what was ready is read again.
    pub(super) fn turn(&mut self, position: u64, wanted: Wanted) {
        (self.position, self.wanted, self.behind) = (position, wanted, true);
        self.ready.clear();
    }

    /// One more event if it is there already.
    pub fn next_at_once(&mut self) -> Option<Arc<Published>> {
        self.ready.pop_front()
    }

    async fn read(&mut self) -> Result<(), FeedEnd> {
        let (after_sequence, types) = (self.position, self.wanted.types.clone());
        let filter = EventFilter { after_sequence, types, limit: FEED_PAGE_EVENTS, ..EventFilter::default() };
        let page = self.store.events(self.account, &filter).await?;
        // Looked at afterwards: what was forgotten while the page was read may be missing in it.
        let first = self.store.first_event(self.account).await?;
        if self.position + 1 < first {
            return Err(FeedEnd::Gone { first });
        }
        let published = page.events.into_iter().map(|event| Published::stored(self.account, event));
        self.ready.extend(published.filter(|event| self.wanted.wants(event)));
        (self.position, self.behind) = (page.read_to, page.more);
        Ok(())
    }

    fn take(&mut self, committed: &Committed) {
        let (Some(first), Some(last)) = (committed.events.first(), committed.events.last()) else {
            self.behind = true;
            return;
        };
        if last.sequence <= self.position {
            return;
        }
        if first.sequence > self.position + 1 {
            self.behind = true;
            return;
        }
        let new = committed.published().iter().filter(|event| event.sequence > self.position);
        self.ready.extend(new.filter(|event| self.wanted.wants(event)).cloned());
        self.position = last.sequence;
    }
}
