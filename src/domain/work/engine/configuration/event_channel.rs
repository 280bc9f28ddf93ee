//! Event channels: rules about what receivers are sent. A change tells what held before it, so that whoever is behind
//! can apply to each event the rules that held at its sequence.

use crate::event_channel::*;
use crate::id::EventChannelId;
use crate::limit::EVENT_CHANNELS_MAX;
use crate::rule::Severity;
use crate::work::engine::directory::{check_limit, check_revision, conflict};
use crate::work::engine::{Answer, Engine, Kind, Turn};
use crate::work::*;
use serde_json::json;

fn check_rules(rules: &ChannelRules) -> Result<(), Rejection> {
    let findings = rules.findings();
    match findings.iter().any(|finding| finding.severity == Severity::Error) {
        true => Err(Rejection::Document { findings }),
        false => Ok(()),
    }
}

impl Engine {
    pub(in crate::work::engine) fn create_event_channel(
        &mut self,
        turn: &mut Turn<'_>,
        new: NewEventChannel,
    ) -> Result<Answer, Rejection> {
        let NewEventChannel { name, rules, state } = new;
        self.check_name(Kind::EventChannel, &name, None)?;
        check_limit("event channels", self.config.event_channels.len(), EVENT_CHANNELS_MAX)?;
        check_rules(&rules)?;
        let id = EventChannelId(self.fresh_id(turn.now));
        let effective_after = self.next_sequence();
        let channel = EventChannel { id, name, rules, state, effective_after, stamp: Stamp::new(turn.now) };
        self.keep_event_channel(channel.clone());
        let record = Record::EventChannel(channel);
        self.emit_config(turn, "event_channel.created", &record);
        turn.put(record.clone());
        Ok(Answer::Record(Box::new(record)))
    }

    pub(in crate::work) fn keep_event_channel(&mut self, channel: EventChannel) {
        self.config.set_name(Kind::EventChannel, None, &channel.name, channel.id.0);
        self.config.event_channels.insert(channel.id, channel);
    }

    pub(in crate::work::engine) fn update_event_channel(
        &mut self,
        turn: &mut Turn<'_>,
        id: EventChannelId,
        change: EventChannelChange,
        expected: Expected,
    ) -> Result<Answer, Rejection> {
        let old = self.existing_event_channel(id, expected)?.clone();
        let rules = change.applied_to(&old.rules);
        if let Some(name) = &change.name {
            self.check_name(Kind::EventChannel, name, Some(&old.name))?;
        }
        check_rules(&rules)?;
        let mut channel = EventChannel {
            name: change.name.unwrap_or_else(|| old.name.clone()),
            rules,
            state: change.state.unwrap_or(old.state),
            effective_after: self.next_sequence(),
            ..old
        };
        channel.stamp.touch(turn.now);
        let detail = json!({ "before": EventChannelConfiguration::of(&old.rules, old.state) });
        self.emit(turn, "event_channel.updated", id.to_string(), &EventChannelView::from(&channel), Some(detail));
        self.config.drop_name(Kind::EventChannel, &old.name);
        self.keep_event_channel(channel.clone());
        let record = Record::EventChannel(channel);
        turn.put(record.clone());
        Ok(Answer::Record(Box::new(record)))
    }

    pub(in crate::work::engine) fn delete_event_channel(
        &mut self,
        turn: &mut Turn<'_>,
        id: EventChannelId,
        expected: Expected,
    ) -> Result<Answer, Rejection> {
        let channel = self.existing_event_channel(id, expected)?.clone();
        let subscriptions = self.subscriptions().filter(|it| it.event_channel == id).count();
        if subscriptions > 0 {
            let message = format!("{subscriptions} subscriptions are to this event channel; delete them first");
            return Err(conflict("event_channel_in_use", message));
        }
        self.config.event_channels.remove(&id);
        self.config.drop_name(Kind::EventChannel, &channel.name);
        self.emit_config(turn, "event_channel.deleted", &Record::EventChannel(channel));
        turn.delete(Gone::EventChannel(id));
        Ok(Answer::Deleted)
    }

    fn existing_event_channel(&self, id: EventChannelId, expected: Expected) -> Result<&EventChannel, Rejection> {
        let channel = self.event_channel(id).ok_or(Rejection::NotFound { resource: "event channel" })?;
        check_revision(&channel.stamp, expected)?;
        Ok(channel)
    }
}
