//! What a stream sends: the account's events as they are, or what an event channel makes of them.

use crate::runtime::channel_feed::{ChannelEnd, ChannelFeed};
use crate::runtime::feed::{Feed, FeedEnd, Published};
use cordboard_domain::event_channel::Message;
use std::sync::Arc;

pub(super) enum Source {
    Log(Feed),
    Channel(Box<ChannelFeed>),
}

/// One message of a stream.
pub(super) enum Sent {
    Event(Arc<Published>),
    Message(Message),
}

impl Source {
    /// The sequence number to resume after.
    pub fn position(&self) -> u64 {
        match self {
            Self::Log(feed) => feed.position(),
            Self::Channel(feed) => feed.position(),
        }
    }

    pub async fn next(&mut self) -> Result<Sent, ChannelEnd> {
        match self {
            Self::Log(feed) => feed.next().await.map(Sent::Event).map_err(ChannelEnd::Feed),
            Self::Channel(feed) => feed.next().await.map(Sent::Message),
        }
    }

    pub fn next_at_once(&mut self) -> Option<Sent> {
        match self {
            Self::Log(feed) => feed.next_at_once().map(Sent::Event),
            Self::Channel(feed) => feed.next_at_once().map(Sent::Message),
        }
    }
}

impl Sent {
    pub fn sequence(&self) -> u64 {
        match self {
            Self::Event(event) => event.sequence,
            Self::Message(message) => message.last_sequence,
        }
    }

    /// Type of the event, or `batch`.
    pub fn event_type(&self) -> &str {
        match self {
            Self::Event(event) => &event.event_type,
            Self::Message(message) => message.event_type.as_deref().unwrap_or("batch"),
        }
    }

    pub fn text(&self) -> &str {
        match self {
            Self::Event(event) => event.text(),
            Self::Message(message) => &message.body,
        }
    }
}

impl From<ChannelEnd> for super::End {
    fn from(end: ChannelEnd) -> Self {
        match end {
            ChannelEnd::Feed(FeedEnd::Stopped) => Self::Stopping,
            ChannelEnd::Feed(FeedEnd::Gone { .. }) => Self::Gone,
            ChannelEnd::Deleted => Self::ChannelDeleted,
            ChannelEnd::Feed(FeedEnd::Store(_)) | ChannelEnd::Unusable(_) => {
                tracing::error!(%end, "a feed could not be read");
                Self::Failed
            }
        }
    }
}
