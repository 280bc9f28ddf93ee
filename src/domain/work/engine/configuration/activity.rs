//! Activities: what workers declare themselves to be doing.

use crate::id::ActivityId;
use crate::limit::ACTIVITIES_MAX;
use crate::work::engine::directory::{check_limit, check_revision, conflict};
use crate::work::engine::{Answer, Engine, Kind, Turn};
use crate::work::matching::floor::Slot;
use crate::work::*;
use serde_json::json;
use std::sync::Arc;

impl Engine {
    pub(in crate::work::engine) fn create_activity(
        &mut self,
        turn: &mut Turn<'_>,
        name: String,
        available: bool,
    ) -> Result<Answer, Rejection> {
        self.check_name(Kind::Activity, &name, None)?;
        check_limit("activities", self.config.activities.len(), ACTIVITIES_MAX)?;
        let id = ActivityId(self.fresh_id(turn.now));
        let activity = Activity { id, name, available, stamp: Stamp::new(turn.now) };
        self.keep_activity(activity.clone());
        let record = Record::Activity(activity);
        turn.put(record.clone());
        self.emit_config(turn, "activity.created", &record);
        Ok(Answer::Record(Box::new(record)))
    }

    pub(in crate::work) fn keep_activity(&mut self, activity: Activity) {
        self.config.set_name(Kind::Activity, None, &activity.name, activity.id.0);
        self.config.activities.insert(activity.id, activity);
    }

    pub(in crate::work::engine) fn update_activity(
        &mut self,
        turn: &mut Turn<'_>,
        id: ActivityId,
        name: Option<String>,
        available: Option<bool>,
        expected: Expected,
    ) -> Result<Answer, Rejection> {
        let found = self.config.activities.get(&id).ok_or(Rejection::NotFound { resource: "activity" })?;
        check_revision(&found.stamp, expected)?;
        let mut activity = found.clone();
        let former = json!({ "former": { "name": found.name, "available": found.available } });
        if let Some(name) = name {
            self.check_name(Kind::Activity, &name, Some(&activity.name))?;
            self.config.set_name(Kind::Activity, Some(&activity.name), &name, id.0);
            activity.name = name;
        }
        activity.available = available.unwrap_or(activity.available);
        activity.stamp.touch(turn.now);
        self.config.activities.insert(id, activity.clone());
        let record = Record::Activity(activity.clone());
        turn.put(record.clone());
        // Its workers have no events of their own; whoever follows them finds them by the former name.
        let shown = view::ActivityView::from(&activity);
        self.emit(turn, "activity.updated", id.to_string(), &shown, Some(former));
        let name = Arc::<str>::from(activity.name.as_str());
        for slot in self.slots_in(id) {
            self.change_seat_activity(turn, slot, Arc::clone(&name), activity.available);
        }
        Ok(Answer::Record(Box::new(record)))
    }

    /// The activity that a worker is in has another name or meaning.
    fn change_seat_activity(&mut self, turn: &mut Turn<'_>, slot: Slot, name: Arc<str>, available: bool) {
        if self.floor.seat(slot).is_some_and(|seat| !seat.available()) {
            // Its idle time starts anew when it becomes available by this.
            self.touch_worker(turn, slot);
        }
        let now = turn.now;
        self.floor.change_facts(slot, |seat| {
            let was_available = seat.available();
            seat.activity = name;
            seat.activity_available = available;
            if !was_available && seat.available() {
                seat.worker.idle_since = now;
            }
        });
        self.drop_direct_transfers_if_away(turn, slot);
        turn.freed.push(slot);
    }

    fn slots_in(&self, id: ActivityId) -> Vec<Slot> {
        self.floor.iter().filter(|(_, seat)| seat.worker.activity == id).map(|(slot, _)| slot).collect()
    }

    pub(in crate::work::engine) fn delete_activity(
        &mut self,
        turn: &mut Turn<'_>,
        id: ActivityId,
        expected: Expected,
    ) -> Result<Answer, Rejection> {
        let activity = self.config.activities.get(&id).ok_or(Rejection::NotFound { resource: "activity" })?;
        check_revision(&activity.stamp, expected)?;
        let settings = &self.account.settings;
        if settings.miss_activity == id || settings.default_activity == id {
            let message = "the account's settings name this activity as miss_activity or default_activity";
            return Err(conflict("activity_in_use", message));
        }
        let workers = self.slots_in(id).len();
        if workers > 0 {
            return Err(conflict(
                "activity_in_use",
                format!("{workers} workers are in this activity; move them first"),
            ));
        }
        let record = Record::Activity(activity.clone());
        self.config.drop_name(Kind::Activity, &activity.name.clone());
        self.config.activities.remove(&id);
        self.emit_config(turn, "activity.deleted", &record);
        turn.delete(Gone::Activity(id));
        Ok(Answer::Deleted)
    }
}
