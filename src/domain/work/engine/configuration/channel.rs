//! Channels: kinds of work, each with its own capacity. A channel's name never changes.

use crate::id::ChannelId;
use crate::limit::{CAPACITY_MAX, CHANNELS_MAX};
use crate::work::engine::directory::{check_limit, check_range, check_revision, conflict};
use crate::work::engine::{Answer, ChannelEntry, Engine, Kind, Turn};
use crate::work::*;
use std::sync::Arc;

impl Engine {
    pub(in crate::work::engine) fn create_channel(
        &mut self,
        turn: &mut Turn<'_>,
        name: String,
        default_capacity: u32,
    ) -> Result<Answer, Rejection> {
        self.check_name(Kind::Channel, &name, None)?;
        check_range("/default_capacity", default_capacity, 0, CAPACITY_MAX)?;
        check_limit("channels", self.config.channels.len(), CHANNELS_MAX)?;
        let id = ChannelId(self.fresh_id(turn.now));
        let channel = Channel { id, name, default_capacity, stamp: Stamp::new(turn.now) };
        self.keep_channel(channel.clone());
        self.refresh_capacities(turn);
        let record = Record::Channel(channel);
        turn.put(record.clone());
        self.emit_config(turn, "channel.created", &record);
        Ok(Answer::Record(Box::new(record)))
    }

    /// Gives a channel its number; the caller refreshes the workers' capacities.
    pub(in crate::work) fn keep_channel(&mut self, channel: Channel) {
        self.config.set_name(Kind::Channel, None, &channel.name, channel.id.0);
        let entry = ChannelEntry { name: Arc::from(channel.name.as_str()), channel, deleted: false };
        // The number of a deleted channel is free again: nothing that is open carries it.
        match self.config.channels.iter_mut().find(|entry| entry.deleted) {
            Some(vacant) => *vacant = entry,
            None => self.config.channels.push(entry),
        }
    }

    fn channel_place(&self, id: ChannelId, expected: Expected) -> Result<usize, Rejection> {
        let found = self.config.channels.iter().position(|entry| !entry.deleted && entry.channel.id == id);
        let place = found.ok_or(Rejection::NotFound { resource: "channel" })?;
        check_revision(&self.config.channels[place].channel.stamp, expected)?;
        Ok(place)
    }

    pub(in crate::work::engine) fn update_channel(
        &mut self,
        turn: &mut Turn<'_>,
        id: ChannelId,
        default_capacity: Option<u32>,
        expected: Expected,
    ) -> Result<Answer, Rejection> {
        let place = self.channel_place(id, expected)?;
        if let Some(capacity) = default_capacity {
            check_range("/default_capacity", capacity, 0, CAPACITY_MAX)?;
        }
        let channel = &mut self.config.channels[place].channel;
        channel.default_capacity = default_capacity.unwrap_or(channel.default_capacity);
        channel.stamp.touch(turn.now);
        let record = Record::Channel(channel.clone());
        self.refresh_capacities(turn);
        turn.put(record.clone());
        self.emit_config(turn, "channel.updated", &record);
        Ok(Answer::Record(Box::new(record)))
    }

    pub(in crate::work::engine) fn delete_channel(
        &mut self,
        turn: &mut Turn<'_>,
        id: ChannelId,
        expected: Expected,
    ) -> Result<Answer, Rejection> {
        let place = self.channel_place(id, expected)?;
        let channel = self.config.channels[place].channel.clone();
        // Deleting a channel is rare; keeping a count for it would cost every item.
        if self.items.values().any(|entry| *entry.item.channel == *channel.name) {
            return Err(conflict("channel_in_use", "work items on this channel are open; end them first"));
        }
        let names = |rule: &Exclusion| rule.channel == channel.name || rule.while_channel == channel.name;
        if self.account.settings.exclusions.iter().any(names) {
            return Err(conflict("channel_in_use", "an exclusion of the account's settings names this channel"));
        }
        let has = |seat: &crate::work::matching::floor::Seat| seat.worker.capacity.contains_key(&channel.name);
        if self.floor.iter().any(|(_, seat)| has(seat)) {
            return Err(conflict("channel_in_use", "a worker's capacity names this channel; change the worker first"));
        }
        self.config.drop_name(Kind::Channel, &channel.name);
        self.config.channels[place].deleted = true;
        self.refresh_capacities(turn);
        self.emit_config(turn, "channel.deleted", &Record::Channel(channel));
        turn.delete(Gone::Channel(id));
        Ok(Answer::Deleted)
    }
}
