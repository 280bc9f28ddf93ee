//! Schedules: business hours that workflow documents ask about by name.

use crate::id::ScheduleId;
use crate::limit::SCHEDULES_MAX;
use crate::work::engine::directory::{check_limit, check_revision, conflict};
use crate::work::engine::{Answer, Engine, Kind, ScheduleEntry, Turn};
use crate::work::*;
use serde_json::Value;

fn read_hours(hours: &Value) -> Result<crate::schedule::Schedule, Rejection> {
    crate::schedule::Schedule::parse(hours).map_err(|findings| Rejection::Document { findings })
}

impl Engine {
    pub(in crate::work::engine) fn create_schedule(
        &mut self,
        turn: &mut Turn<'_>,
        name: String,
        hours: Value,
    ) -> Result<Answer, Rejection> {
        self.check_name(Kind::Schedule, &name, None)?;
        check_limit("schedules", self.config.schedules.len(), SCHEDULES_MAX)?;
        read_hours(&hours)?;
        let id = ScheduleId(self.fresh_id(turn.now));
        let schedule = Schedule { id, name, hours, stamp: Stamp::new(turn.now) };
        self.keep_schedule(schedule.clone())?;
        let record = Record::Schedule(schedule);
        turn.put(record.clone());
        self.emit_config(turn, "schedule.created", &record);
        Ok(Answer::Record(Box::new(record)))
    }

    pub(in crate::work) fn keep_schedule(&mut self, record: Schedule) -> Result<(), Rejection> {
        let hours = read_hours(&record.hours)?;
        self.config.set_name(Kind::Schedule, None, &record.name, record.id.0);
        self.config.schedules.insert(record.id, ScheduleEntry { record, hours });
        Ok(())
    }

    pub(in crate::work::engine) fn update_schedule(
        &mut self,
        turn: &mut Turn<'_>,
        id: ScheduleId,
        name: Option<String>,
        hours: Option<Value>,
        expected: Expected,
    ) -> Result<Answer, Rejection> {
        let entry = self.config.schedules.get(&id).ok_or(Rejection::NotFound { resource: "schedule" })?;
        check_revision(&entry.record.stamp, expected)?;
        let mut record = entry.record.clone();
        if let Some(name) = name.filter(|name| *name != record.name) {
            self.check_name(Kind::Schedule, &name, Some(&record.name))?;
            self.check_schedule_unused(&record.name)?;
            record.name = name;
        }
        if let Some(parts) = hours {
            let mut hours = record.hours;
            match (&mut hours, parts) {
                (Value::Object(hours), Value::Object(parts)) => hours.extend(parts),
                (hours, parts) => *hours = parts,
            }
            read_hours(&hours)?;
            record.hours = hours;
        }
        record.stamp.touch(turn.now);
        let old = entry.record.name.clone();
        self.config.drop_name(Kind::Schedule, &old);
        self.keep_schedule(record.clone())?;
        let record = Record::Schedule(record);
        turn.put(record.clone());
        self.emit_config(turn, "schedule.updated", &record);
        Ok(Answer::Record(Box::new(record)))
    }

    pub(in crate::work::engine) fn delete_schedule(
        &mut self,
        turn: &mut Turn<'_>,
        id: ScheduleId,
        expected: Expected,
    ) -> Result<Answer, Rejection> {
        let entry = self.config.schedules.get(&id).ok_or(Rejection::NotFound { resource: "schedule" })?;
        check_revision(&entry.record.stamp, expected)?;
        let record = entry.record.clone();
        self.check_schedule_unused(&record.name)?;
        self.config.schedules.remove(&id);
        self.config.drop_name(Kind::Schedule, &record.name);
        self.emit_config(turn, "schedule.deleted", &Record::Schedule(record));
        turn.delete(Gone::Schedule(id));
        Ok(Answer::Deleted)
    }

    fn check_schedule_unused(&self, name: &str) -> Result<(), Rejection> {
        let user = self.config.versions.values().find(|version| version.schedules.iter().any(|used| **used == *name));
        match user.and_then(|version| self.config.workflows.get(&version.record.workflow)) {
            Some(workflow) => {
                let message =
                    format!("workflow `{}` asks about this schedule; change its document first", workflow.name);
                Err(conflict("schedule_in_use", message))
            }
            None => Ok(()),
        }
    }
}
