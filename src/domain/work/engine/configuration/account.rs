//! The account's own name and settings.

use crate::limit::*;
use crate::signing::SigningSecret;
use crate::statistics;
use crate::work::engine::directory::{check_name_text, check_range, check_revision, invalid, rotated_secrets};
use crate::work::engine::{Answer, Engine, Turn};
use crate::work::*;

impl Engine {
    pub(in crate::work::engine) fn update_account(
        &mut self,
        turn: &mut Turn<'_>,
        name: Option<String>,
        settings: Option<SettingsChange>,
        expected: Expected,
    ) -> Result<Answer, Rejection> {
        check_revision(&self.account.stamp, expected)?;
        let name = match name {
            Some(name) => {
                check_name_text(&name)?;
                name
            }
            None => self.account.name.clone(),
        };
        let settings = match settings {
            Some(change) => self.changed_settings(change)?,
            None => self.account.settings.clone(),
        };
        let limits_changed = settings.exclusions != self.account.settings.exclusions;
        self.account.name = name;
        let old = std::mem::replace(&mut self.account.settings, settings);
        if old.presence_grace_s != self.account.settings.presence_grace_s {
            self.rearm_presence(old.presence_grace_s);
        }
        self.account.stamp.touch(turn.now);
        if limits_changed {
            self.refresh_capacities(turn);
        }
        let record = Record::Account(self.account.clone());
        turn.put(record.clone());
        self.emit_config(turn, "account.updated", &record);
        Ok(Answer::Record(Box::new(record)))
    }

    fn changed_settings(&self, change: SettingsChange) -> Result<Settings, Rejection> {
        let mut settings = self.account.settings.clone();
        if let Some(limit) = change.miss_limit {
            settings.miss_limit = check_range("/settings/miss_limit", limit, 0, MISS_LIMIT_MAX)?;
        }
        if let Some(activity) = &change.miss_activity {
            settings.miss_activity = self.resolve_activity(activity, "/settings/miss_activity")?;
        }
        if let Some(activity) = &change.default_activity {
            settings.default_activity = self.resolve_activity(activity, "/settings/default_activity")?;
        }
        if let Some(seconds) = change.reoffer_after_s {
            settings.reoffer_after_s = check_range("/settings/reoffer_after_s", seconds, 1, DURATION_S_MAX)?;
        }
        if let Some(seconds) = change.presence_grace_s {
            settings.presence_grace_s = check_range("/settings/presence_grace_s", seconds, 0, PRESENCE_GRACE_S_MAX)?;
        }
        if let Some(seconds) = change.service_level_threshold_s {
            let pointer = "/settings/service_level_threshold_s";
            check_range(pointer, seconds, 1, SERVICE_LEVEL_THRESHOLD_S_MAX)?;
            if !statistics::is_threshold(seconds) {
                let message = "must have at most three significant digits, such as 20, 125 or 14,400";
                return Err(invalid(pointer, "too_fine", message));
            }
            settings.service_level_threshold_s = seconds;
        }
        if let Some(exclusions) = change.exclusions {
            self.check_exclusions(&exclusions)?;
            settings.exclusions = exclusions;
        }
        Ok(settings)
    }

    fn check_exclusions(&self, exclusions: &[Exclusion]) -> Result<(), Rejection> {
        if exclusions.len() > EXCLUSIONS_MAX {
            let message = format!("at most {EXCLUSIONS_MAX} exclusions");
            return Err(invalid("/settings/exclusions", "too_many", message));
        }
        for (place, rule) in exclusions.iter().enumerate() {
            let pointer = |field: &str| format!("/settings/exclusions/{place}/{field}");
            self.resolve_channel(&rule.while_channel, &pointer("while_channel"))?;
            self.resolve_channel(&rule.channel, &pointer("channel"))?;
            check_range(&pointer("capacity"), rule.capacity, 0, CAPACITY_MAX)?;
            if rule.while_channel == rule.channel {
                let message = "a channel cannot exclude itself; lower its capacity instead";
                return Err(invalid(&pointer("channel"), "same_channel", message));
            }
        }
        Ok(())
    }

    pub(in crate::work::engine) fn rotate_signing_secret(
        &mut self,
        turn: &mut Turn<'_>,
        secret: SigningSecret,
        overlap_s: u32,
        expected: Expected,
    ) -> Result<Answer, Rejection> {
        check_revision(&self.account.stamp, expected)?;
        let (secrets, until) = rotated_secrets(&self.account.secrets, secret, turn.now, overlap_s)?;
        self.account.secrets = secrets;
        self.account.stamp.touch(turn.now);
        let record = Record::Account(self.account.clone());
        turn.put(record.clone());
        let detail = serde_json::json!({ "previous_sign_until": until });
        let account = self.account.clone();
        let view = crate::work::view::AccountView::from(&account);
        self.emit(turn, "account.signing_secret_rotated", account.id.to_string(), &view, Some(detail));
        Ok(Answer::Record(Box::new(record)))
    }

    /// The event of a configuration change, with the resource as the API shows it.
    pub(in crate::work::engine) fn emit_config(&mut self, turn: &mut Turn<'_>, event: &'static str, record: &Record) {
        use crate::event_channel::{EventChannelView, SubscriptionView};
        use crate::work::view::*;
        match record {
            Record::Account(it) => self.emit(turn, event, it.id.to_string(), &AccountView::from(it), None),
            Record::Activity(it) => self.emit(turn, event, it.id.to_string(), &ActivityView::from(it), None),
            Record::Channel(it) => self.emit(turn, event, it.id.to_string(), &ChannelView::from(it), None),
            Record::Queue(it) => self.emit(turn, event, it.id.to_string(), &QueueView::from(it), None),
            Record::Schedule(it) => self.emit(turn, event, it.id.to_string(), &ScheduleView::from(it), None),
            Record::Workflow(it) => self.emit(turn, event, it.id.to_string(), &WorkflowView::from(it), None),
            Record::EventChannel(it) => self.emit(turn, event, it.id.to_string(), &EventChannelView::from(it), None),
            Record::Subscription(it) => self.emit(turn, event, it.id.to_string(), &SubscriptionView::from(it), None),
            // These have events of their own, with what the engine knows beyond the record.
            Record::WorkflowVersion(_) | Record::Worker(_) | Record::Item(_) | Record::Reservation(_) => {}
        }
    }
}
