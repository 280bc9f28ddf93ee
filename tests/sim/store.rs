//! The model store: what a database would hold after each commit, kept in memory. It writes what it is told in one stroke
//! or not at all, checks that the events it is given continue the sequence, and hands back what recovery reads.

use cordboard_domain::event::Event;
use cordboard_domain::event_channel::{EventChannel, Subscription};
use cordboard_domain::id::*;
use cordboard_domain::work::*;
use std::collections::BTreeMap;

/// The committed records of one account, by id, and its events.
#[derive(Debug, Clone)]
pub struct ModelStore {
    pub account: Account,
    pub activities: BTreeMap<ActivityId, Activity>,
    pub channels: BTreeMap<ChannelId, Channel>,
    pub queues: BTreeMap<QueueId, Queue>,
    pub schedules: BTreeMap<ScheduleId, Schedule>,
    pub workflows: BTreeMap<WorkflowId, Workflow>,
    pub versions: BTreeMap<(WorkflowId, u32), WorkflowVersion>,
    pub workers: BTreeMap<WorkerId, Worker>,
    pub event_channels: BTreeMap<EventChannelId, EventChannel>,
    pub subscriptions: BTreeMap<SubscriptionId, Subscription>,
    pub items: BTreeMap<ItemId, Item>,
    pub reservations: BTreeMap<ReservationId, Reservation>,
    /// The last committed event's sequence number.
    pub sequence: u64,
}

impl ModelStore {
    pub fn new(account: Account) -> Self {
        Self {
            account,
            activities: BTreeMap::new(),
            channels: BTreeMap::new(),
            queues: BTreeMap::new(),
            schedules: BTreeMap::new(),
            workflows: BTreeMap::new(),
            versions: BTreeMap::new(),
            workers: BTreeMap::new(),
            event_channels: BTreeMap::new(),
            subscriptions: BTreeMap::new(),
            items: BTreeMap::new(),
            reservations: BTreeMap::new(),
            sequence: 0,
        }
    }

    /// Writes the outputs of one batch. An error says what a real store would have refused.
    pub fn commit(&mut self, outputs: &[Output]) -> Result<(), String> {
        for output in outputs {
            match output {
                Output::Put(record) => self.put(record.clone()),
                Output::Delete(gone) => self.delete(*gone)?,
                Output::Event(event) => self.append(event)?,
                Output::Effect(_) => {}
            }
        }
        Ok(())
    }

    fn append(&mut self, event: &Event) -> Result<(), String> {
        if event.sequence != self.sequence + 1 {
            return Err(format!("event {} follows {}: {}", event.sequence, self.sequence, event.event_type));
        }
        self.sequence = event.sequence;
        Ok(())
    }

    pub fn put(&mut self, record: Record) {
        match record {
            Record::Account(account) => self.account = account,
            Record::Activity(record) => drop(self.activities.insert(record.id, record)),
            Record::Channel(record) => drop(self.channels.insert(record.id, record)),
            Record::Queue(record) => drop(self.queues.insert(record.id, record)),
            Record::Schedule(record) => drop(self.schedules.insert(record.id, record)),
            Record::Workflow(record) => drop(self.workflows.insert(record.id, record)),
            Record::WorkflowVersion(record) => drop(self.versions.insert((record.workflow, record.version), record)),
            Record::Worker(record) => drop(self.workers.insert(record.id, record)),
            Record::EventChannel(record) => drop(self.event_channels.insert(record.id, record)),
            Record::Subscription(record) => drop(self.subscriptions.insert(record.id, record)),
            Record::Item(record) => drop(self.items.insert(record.id, record)),
            Record::Reservation(record) => drop(self.reservations.insert(record.id, record)),
        }
    }

    pub fn delete(&mut self, gone: Gone) -> Result<(), String> {
        let was_there = match gone {
            Gone::Activity(id) => self.activities.remove(&id).is_some(),
            Gone::Channel(id) => self.channels.remove(&id).is_some(),
            Gone::Queue(id) => self.queues.remove(&id).is_some(),
            Gone::Schedule(id) => self.schedules.remove(&id).is_some(),
            Gone::Workflow(id) => {
                self.versions.retain(|(workflow, _), _| *workflow != id);
                self.workflows.remove(&id).is_some()
            }
            Gone::EventChannel(id) => self.event_channels.remove(&id).is_some(),
            Gone::Subscription(id) => self.subscriptions.remove(&id).is_some(),
            Gone::Worker(id) => self.workers.remove(&id).is_some(),
        };
        if was_there { Ok(()) } else { Err(format!("deleted what was not there: {gone:?}")) }
    }

    /// What a start reads: configuration, workers, the versions still in use, open items and live reservations.
    pub fn recovery_records(&self) -> Vec<Record> {
        let open = || self.items.values().filter(|item| item.state.is_open());
        let mut records = Vec::new();
        records.extend(self.activities.values().cloned().map(Record::Activity));
        records.extend(self.channels.values().cloned().map(Record::Channel));
        records.extend(self.queues.values().cloned().map(Record::Queue));
        records.extend(self.schedules.values().cloned().map(Record::Schedule));
        records.extend(self.workflows.values().cloned().map(Record::Workflow));
        records.extend(
            self.versions
                .values()
                .filter(|version| {
                    self.workflows.get(&version.workflow).is_some_and(|workflow| workflow.version == version.version)
                        || open()
                            .any(|item| item.workflow == version.workflow && item.workflow_version == version.version)
                })
                .cloned()
                .map(Record::WorkflowVersion),
        );
        records.extend(self.event_channels.values().cloned().map(Record::EventChannel));
        records.extend(self.subscriptions.values().cloned().map(Record::Subscription));
        records.extend(self.workers.values().cloned().map(Record::Worker));
        records.extend(open().cloned().map(Record::Item));
        records.extend(
            self.reservations
                .values()
                .filter(|reservation| reservation.state.is_live())
                .cloned()
                .map(Record::Reservation),
        );
        records
    }
}
