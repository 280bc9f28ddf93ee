//! Whose cells they are: families of single dimensions, so that the number of cells stays bounded.

use crate::id::{QueueId, WorkerId, WorkflowId};
use std::sync::Arc;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dimension {
    All,
    Queue,
    Worker,
    Workflow,
    Channel,
}

impl Dimension {
    pub const ALL: [(Self, &str); 5] = [
        (Self::All, "none"),
        (Self::Queue, "queue"),
        (Self::Worker, "worker"),
        (Self::Workflow, "workflow"),
        (Self::Channel, "channel"),
    ];

    pub fn name(self) -> &'static str {
        Self::ALL.into_iter().find(|(dimension, _)| *dimension == self).map_or("", |(_, name)| name)
    }

    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(_, known)| *known == name).map(|(dimension, _)| dimension)
    }
}

/// One of a dimension. Items name their channel, so a channel is known by its name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Group {
    All,
    Queue(QueueId),
    Worker(WorkerId),
    Workflow(WorkflowId),
    Channel(Arc<str>),
}

impl Group {
    pub fn dimension(&self) -> Dimension {
        match self {
            Self::All => Dimension::All,
            Self::Queue(_) => Dimension::Queue,
            Self::Worker(_) => Dimension::Worker,
            Self::Workflow(_) => Dimension::Workflow,
            Self::Channel(_) => Dimension::Channel,
        }
    }

    /// How it is called within its dimension; the whole account has no name.
    pub fn key(&self) -> String {
        match self {
            Self::All => String::new(),
            Self::Queue(id) => id.to_string(),
            Self::Worker(id) => id.to_string(),
            Self::Workflow(id) => id.to_string(),
            Self::Channel(name) => name.to_string(),
        }
    }

    pub fn parse(dimension: Dimension, key: &str) -> Option<Self> {
        match dimension {
            Dimension::All => key.is_empty().then_some(Self::All),
            Dimension::Queue => QueueId::parse(key).ok().map(Self::Queue),
            Dimension::Worker => WorkerId::parse(key).ok().map(Self::Worker),
            Dimension::Workflow => WorkflowId::parse(key).ok().map(Self::Workflow),
            Dimension::Channel => (!key.is_empty()).then(|| Self::Channel(key.into())),
        }
    }
}

/// The four cells of one group in one hour, which are stored together.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HourKey {
    pub group: Group,
    /// Hours since 1970 in UTC.
    pub hour: i64,
}
