//! What the engine keeps in memory besides workers: configuration by id and by name, and the open items.

use crate::event_channel::{EventChannel, Subscription};
use crate::id::*;
use crate::time::Timestamp;
use crate::work::document::Document;
use crate::work::matching::order::{Discipline, WaitKey};
use crate::work::matching::predicate::PredicateId;
use crate::work::matching::waiting::ClassKey;
use crate::work::*;
use smallvec::SmallVec;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// What a command answers with, before the turn is settled.
pub(in crate::work) enum Answer {
    Record(Box<Record>),
    Workflow(Box<PublishedWorkflow>),
    Item(ItemId),
    Existing(ItemId),
    Reservation(ReservationId),
    Worker(WorkerId),
    Deleted,
    Done,
}

/// An open item: its record, its live reservations, and where it waits.
#[derive(Debug)]
pub(in crate::work) struct Entry {
    pub item: Item,
    /// Live reservations, in the order in which they were made. A warm transfer keeps the first worker's here.
    pub live: SmallVec<[ReservationId; 1]>,
    pub wait: Option<Box<Wait>>,
}

/// An item's stay in one route step.
#[derive(Debug, Clone)]
pub(in crate::work) struct Wait {
    pub class: ClassKey,
    pub key: WaitKey,
    /// In the waiting room at the moment, not merely between two offers.
    pub listed: bool,
    /// Offered first whenever eligible.
    pub preferred: Option<WorkerId>,
    /// How many offers may be open at once.
    pub offers: u32,
    pub reservation_timeout_s: u32,
}

#[derive(Debug)]
pub(in crate::work) struct QueueEntry {
    pub queue: Queue,
    pub members: PredicateId,
    /// Entry times of the pending items, with their number: the first is the longest wait.
    pub pending: BTreeMap<Timestamp, u32>,
    pub pending_count: u32,
    pub reserved_count: u32,
    pub assigned_count: u32,
}

impl QueueEntry {
    pub fn discipline(&self) -> Discipline {
        Discipline { order: self.queue.order, slope_milli: self.queue.priority_per_minute_milli }
    }
}

#[derive(Debug, Clone)]
pub(in crate::work) struct ChannelEntry {
    pub channel: Channel,
    pub name: Arc<str>,
    /// A deleted channel keeps its number; no new channel may take it while items carry it.
    pub deleted: bool,
}

#[derive(Debug)]
pub(in crate::work) struct ScheduleEntry {
    pub record: Schedule,
    pub hours: crate::schedule::Schedule,
}

/// A version of a workflow, read and ready to run.
#[derive(Debug)]
pub(in crate::work) struct Version {
    pub record: WorkflowVersion,
    pub document: Document,
    /// Queues that it routes to, as it names them.
    pub queues: Vec<Box<str>>,
    /// Schedules that its expressions ask about, by name.
    pub schedules: Vec<Box<str>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::work) enum Kind {
    Activity,
    Channel,
    Queue,
    Schedule,
    Workflow,
    EventChannel,
    Worker,
}

impl Kind {
    pub fn noun(self) -> &'static str {
        match self {
            Self::Activity => "activity",
            Self::Channel => "channel",
            Self::Queue => "queue",
            Self::Schedule => "schedule",
            Self::Workflow => "workflow",
            Self::EventChannel => "event channel",
            Self::Worker => "worker",
        }
    }
}

#[derive(Debug, Default)]
pub(in crate::work) struct Config {
    pub activities: BTreeMap<ActivityId, Activity>,
    /// By channel number; numbers are dense and never reused.
    pub channels: Vec<ChannelEntry>,
    pub queues: BTreeMap<QueueId, QueueEntry>,
    pub schedules: BTreeMap<ScheduleId, ScheduleEntry>,
    pub workflows: BTreeMap<WorkflowId, Workflow>,
    pub event_channels: BTreeMap<EventChannelId, EventChannel>,
    pub subscriptions: BTreeMap<SubscriptionId, Subscription>,
    pub versions: HashMap<(WorkflowId, u32), Arc<Version>>,
    /// Open items by the version that they are in.
    pub version_uses: HashMap<(WorkflowId, u32), u32>,
    names: HashMap<(Kind, Box<str>), u128>,
}

impl Config {
    pub fn name_taken(&self, kind: Kind, name: &str) -> bool {
        self.names.contains_key(&(kind, name.into()))
    }

    pub fn set_name(&mut self, kind: Kind, old: Option<&str>, new: &str, id: u128) {
        if let Some(old) = old {
            self.names.remove(&(kind, old.into()));
        }
        self.names.insert((kind, new.into()), id);
    }

    pub fn drop_name(&mut self, kind: Kind, name: &str) {
        self.names.remove(&(kind, name.into()));
    }

    pub fn named(&self, kind: Kind, name: &str) -> Option<u128> {
        self.names.get(&(kind, name.into())).copied()
    }

    pub fn channel_number(&self, name: &str) -> Option<u16> {
        let place = self.channels.iter().position(|entry| !entry.deleted && *entry.name == *name)?;
        Some(place as u16)
    }

    /// The number and the shared name of a channel.
    pub fn channel_named(&self, name: &str) -> Option<(u16, Arc<str>)> {
        let number = self.channel_number(name)?;
        Some((number, Arc::clone(&self.channels[number as usize].name)))
    }

    /// Resolves a reference by id or by name.
    pub fn find(&self, kind: Kind, reference: &Reference) -> Option<u128> {
        let text = reference.0.as_str();
        let by_id = match kind {
            Kind::Activity => ActivityId::parse(text).ok().map(|id| id.0),
            Kind::Channel => ChannelId::parse(text).ok().map(|id| id.0),
            Kind::Queue => QueueId::parse(text).ok().map(|id| id.0),
            Kind::Schedule => ScheduleId::parse(text).ok().map(|id| id.0),
            Kind::Workflow => WorkflowId::parse(text).ok().map(|id| id.0),
            Kind::EventChannel => EventChannelId::parse(text).ok().map(|id| id.0),
            Kind::Worker => WorkerId::parse(text).ok().map(|id| id.0),
        };
        self.named(kind, text).or_else(|| by_id.filter(|id| self.has(kind, *id)))
    }

    fn has(&self, kind: Kind, id: u128) -> bool {
        match kind {
            Kind::Activity => self.activities.contains_key(&ActivityId(id)),
            Kind::Channel => self.channels.iter().any(|entry| !entry.deleted && entry.channel.id.0 == id),
            Kind::Queue => self.queues.contains_key(&QueueId(id)),
            Kind::Schedule => self.schedules.contains_key(&ScheduleId(id)),
            Kind::Workflow => self.workflows.contains_key(&WorkflowId(id)),
            Kind::EventChannel => self.event_channels.contains_key(&EventChannelId(id)),
            // Workers are kept on the floor, which the caller asks.
            Kind::Worker => true,
        }
    }

    pub fn latest(&self, workflow: WorkflowId) -> Option<Arc<Version>> {
        let version = self.workflows.get(&workflow)?.version;
        self.versions.get(&(workflow, version)).cloned()
    }
}

/// A change of a queue: each field present is set.
pub(in crate::work) struct QueueChange {
    pub name: Option<String>,
    pub workers: Option<serde_json::Value>,
    pub order: Option<QueueOrder>,
    pub priority_per_minute_milli: Option<u32>,
}
