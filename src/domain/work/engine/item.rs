//! Work items: creating, changing, canceling and rerouting them, and the bookkeeping of every change of state.
//!
//! ```text
//! pending → reserved → assigned → wrapping → completed
//! pending | reserved → canceled
//! ```

use super::directory::*;
use super::offer::Ending;
use super::{Answer, Engine, Entry, Turn};
use crate::id::*;
use crate::limit::*;
use crate::work::timer::Timer;
use crate::work::*;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use smallvec::SmallVec;

impl Engine {
    pub(super) fn create_item(&mut self, turn: &mut Turn<'_>, new: NewItem) -> Result<Answer, Rejection> {
        check_range("/priority", new.priority, -PRIORITY_MAX, PRIORITY_MAX)?;
        check_range("/timeout_s", new.timeout_s, 1, DURATION_S_MAX)?;
        check_raw_attributes(&new.attributes)?;
        if let Some(key) = &new.unique_key {
            check_unique_key(key)?;
            if let Some(existing) = self.unique_keys.get(key.as_str()) {
                return Ok(Answer::Existing(*existing));
            }
        }
        let workflow = self.resolve_workflow(&new.workflow, "/workflow")?;
        let channel = self.config.channel_named(&new.channel).map(|(_, name)| name);
        let channel = channel.ok_or_else(|| {
            invalid("/channel", "unknown_reference", format!("no channel is named `{}`", new.channel))
        })?;
        check_limit("open work items", self.items.len(), OPEN_ITEMS_MAX)?;
        let latest = self.config.latest(workflow).ok_or(Rejection::NotFound { resource: "workflow" })?;

        let id = ItemId(self.fresh_id(turn.now));
        let item = Item {
            id,
            workflow,
            workflow_version: latest.record.version,
            channel,
            attributes: new.attributes,
            priority: new.priority,
            state: ItemState::Pending,
            reason: None,
            timeout_s: new.timeout_s,
            expires_at: turn.now.plus_seconds(new.timeout_s),
            unique_key: new.unique_key,
            place: Place::default(),
            rule: None,
            step: None,
            queue: None,
            entered_queue_at: None,
            waiting_since: None,
            declines: Vec::new(),
            worker: None,
            reservation: None,
            wrap_up_until: None,
            transfer: None,
            ended_at: None,
            stamp: Stamp::new(turn.now),
        };
        self.timers.set(item.expires_at, Timer::Item(id));
        self.keep_item(item);
        turn.new_item(id);
        self.emit_item(turn, "work_item.created", id, None);
        self.start(turn, id);
        Ok(Answer::Item(id))
    }

    /// Takes an open item in, new or recovered; its timers and its place in the waiting room are the caller's.
    pub(in crate::work) fn keep_item(&mut self, item: Item) {
        let id = item.id;
        if let Some(key) = &item.unique_key {
            self.unique_keys.insert(key.as_str().into(), id);
        }
        *self.config.version_uses.entry((item.workflow, item.workflow_version)).or_default() += 1;
        if let Some(former) = item.transfer.as_ref().and_then(|transfer| transfer.former.as_deref()) {
            self.hold_former(former);
        }
        self.items.insert(id, Box::new(Entry { item, live: SmallVec::new(), wait: None }));
        self.count(id, 1);
    }

    /// Adds an item to the numbers of its queue, or takes it off.
    fn count(&mut self, id: ItemId, by: i32) {
        let Some(entry) = self.items.get(&id) else { return };
        let Some(queue) = entry.item.queue.and_then(|queue| self.config.queues.get_mut(&queue)) else { return };
        let add = |count: &mut u32| *count = count.saturating_add_signed(by);
        match entry.item.state {
            ItemState::Pending => {
                add(&mut queue.pending_count);
                if let Some(at) = entry.item.entered_queue_at {
                    let same = queue.pending.entry(at).or_default();
                    *same = same.saturating_add_signed(by);
                    if *same == 0 {
                        queue.pending.remove(&at);
                    }
                }
            }
            ItemState::Reserved => add(&mut queue.reserved_count),
            ItemState::Assigned | ItemState::Wrapping => add(&mut queue.assigned_count),
            ItemState::Completed | ItemState::Canceled => {}
        }
    }

    /// The only way in which an item's state, queue or place changes: the queue's numbers follow.
    pub(super) fn change_item(&mut self, turn: &mut Turn<'_>, id: ItemId, change: impl FnOnce(&mut Item)) {
        self.touch_item(turn, id);
        self.count(id, -1);
        if let Some(entry) = self.items.get_mut(&id) {
            change(&mut entry.item);
        }
        self.count(id, 1);
    }

    pub(super) fn set_state(&mut self, turn: &mut Turn<'_>, id: ItemId, state: ItemState) {
        self.change_item(turn, id, |item| item.state = state);
    }

    pub(in crate::work) fn open_item(&self, id: ItemId, expected: Expected) -> Result<&Item, Rejection> {
        let entry = self.items.get(&id).ok_or(Rejection::NotFound { resource: "work item" })?;
        check_revision(&entry.item.stamp, expected)?;
        Ok(&entry.item)
    }

    pub(super) fn update_item(
        &mut self,
        turn: &mut Turn<'_>,
        id: ItemId,
        attributes: Option<Box<RawValue>>,
        priority: Option<i64>,
        reevaluate: bool,
        expected: Expected,
    ) -> Result<Answer, Rejection> {
        let item = self.open_item(id, expected)?;
        if let Some(attributes) = &attributes {
            check_raw_attributes(attributes)?;
        }
        if let Some(priority) = priority {
            check_range("/priority", priority, -PRIORITY_MAX, PRIORITY_MAX)?;
        }
        let (state, workflow) = (item.state, item.workflow);
        if reevaluate && !matches!(state, ItemState::Pending | ItemState::Reserved) {
            return Err(refused(state, "re-evaluated"));
        }
        self.touch_item(turn, id);
        if let Some(entry) = self.items.get_mut(&id) {
            entry.item.attributes = attributes.unwrap_or_else(|| entry.item.attributes.clone());
            entry.item.priority = priority.unwrap_or(entry.item.priority);
        }
        self.emit_item(turn, "work_item.updated", id, None);
        if reevaluate {
            self.reenter(turn, id, workflow, "reevaluated");
        } else {
            // The step's predicate, its ordering and the item's place all follow the new values.
            self.refresh_wait(turn, id);
        }
        Ok(Answer::Item(id))
    }

    pub(super) fn reroute_item(
        &mut self,
        turn: &mut Turn<'_>,
        id: ItemId,
        workflow: Option<Reference>,
        expected: Expected,
    ) -> Result<Answer, Rejection> {
        let item = self.open_item(id, expected)?;
        let state = item.state;
        let workflow = match &workflow {
            Some(reference) => self.resolve_workflow(reference, "/workflow")?,
            None => item.workflow,
        };
        if !matches!(state, ItemState::Pending | ItemState::Reserved) {
            return Err(refused(state, "rerouted"));
        }
        self.reenter(turn, id, workflow, "rerouted");
        Ok(Answer::Item(id))
    }

    /// Starts an unassigned item again at the first rule of a workflow's newest version. Its age goes on.
    pub(super) fn reenter(&mut self, turn: &mut Turn<'_>, id: ItemId, workflow: WorkflowId, why: &str) {
        self.cancel_offers(turn, id, why);
        self.leave_wait(turn, id);
        self.clear_declines(id);
        self.change_item(turn, id, |item| {
            item.state = ItemState::Pending;
            item.queue = None;
            item.entered_queue_at = None;
            item.transfer = None;
        });
        self.move_to_version(turn, id, workflow);
        self.emit_item(turn, "work_item.routed", id, Some(json!({ "why": why })));
        self.start(turn, id);
    }

    /// Puts an item into the newest version of a workflow.
    pub(super) fn move_to_version(&mut self, turn: &mut Turn<'_>, id: ItemId, workflow: WorkflowId) {
        let Some(latest) = self.config.latest(workflow) else { return };
        self.set_version(turn, id, workflow, latest.record.version);
    }

    pub(super) fn set_version(&mut self, turn: &mut Turn<'_>, id: ItemId, workflow: WorkflowId, version: u32) {
        self.touch_item(turn, id);
        let Some(entry) = self.items.get_mut(&id) else { return };
        let old = (entry.item.workflow, entry.item.workflow_version);
        entry.item.workflow = workflow;
        entry.item.workflow_version = version;
        *self.config.version_uses.entry((workflow, version)).or_default() += 1;
        self.release_version(old);
    }

    /// A document that an item may come back to is kept, and its workflow with it.
    pub(super) fn hold_former(&mut self, former: &Former) {
        *self.config.version_uses.entry((former.workflow, former.workflow_version)).or_default() += 1;
    }

    /// Lets go of the document that a transferred item would have come back to.
    pub(super) fn release_former(&mut self, transfer: Option<&Transfer>) {
        if let Some(former) = transfer.and_then(|transfer| transfer.former.as_deref()) {
            self.release_version((former.workflow, former.workflow_version));
        }
    }

    fn release_version(&mut self, (workflow, version): (WorkflowId, u32)) {
        if let Some(uses) = self.config.version_uses.get_mut(&(workflow, version)) {
            *uses = uses.saturating_sub(1);
            if *uses == 0 {
                self.config.version_uses.remove(&(workflow, version));
            }
        }
        self.forget_version_if_unused(workflow, version);
    }

    pub(super) fn cancel_item(
        &mut self,
        turn: &mut Turn<'_>,
        id: ItemId,
        reason: Option<String>,
        expected: Expected,
    ) -> Result<Answer, Rejection> {
        let state = self.open_item(id, expected)?.state;
        check_reason(reason.as_deref())?;
        if !matches!(state, ItemState::Pending | ItemState::Reserved) {
            return Err(refused(state, "canceled"));
        }
        let reason = reason.as_deref().unwrap_or("canceled");
        // Tells whoever gave up waiting from the items that their workflow or their time gave up.
        self.end_offered(turn, id, ItemState::Canceled, reason, Some(json!({ "requested": true })));
        Ok(Answer::Item(id))
    }

    /// The item was unassigned for as long as it may be.
    pub(super) fn item_timed_out(&mut self, turn: &mut Turn<'_>, id: ItemId) {
        self.end_unassigned(turn, id, ItemState::Canceled, "item_timeout");
    }

    /// Ends an item that nobody holds; offers that are open are canceled.
    pub(super) fn end_unassigned(&mut self, turn: &mut Turn<'_>, id: ItemId, state: ItemState, reason: &str) {
        self.end_offered(turn, id, state, reason, None);
    }

    fn end_offered(&mut self, turn: &mut Turn<'_>, id: ItemId, state: ItemState, reason: &str, detail: Option<Value>) {
        self.cancel_offers(turn, id, reason);
        self.leave_wait(turn, id);
        self.end_item(turn, id, state, Some(reason.to_owned()), detail);
    }

    pub(super) fn cancel_offers(&mut self, turn: &mut Turn<'_>, id: ItemId, reason: &str) {
        let Some(entry) = self.items.get(&id) else { return };
        for offer in entry.live.clone() {
            let open = self.reservations.get(&offer).is_some_and(|it| it.state == ReservationState::Offered);
            if open {
                self.end_offer(turn, offer, Ending::Canceled, Some(reason.to_owned()));
            }
        }
    }

    /// The last change of an item: its timers and keys are given back, and the turn's end forgets it.
    pub(super) fn end_item(
        &mut self,
        turn: &mut Turn<'_>,
        id: ItemId,
        state: ItemState,
        reason: Option<String>,
        detail: Option<Value>,
    ) {
        self.clear_declines(id);
        let now = turn.now;
        let mut transfer = None;
        self.change_item(turn, id, |item| {
            item.state = state;
            item.reason = reason;
            item.ended_at = Some(now);
            transfer = item.transfer.take();
        });
        self.release_former(transfer.as_deref());
        let Some(entry) = self.items.get(&id) else { return };
        let (expires_at, wrap_up_until) = (entry.item.expires_at, entry.item.wrap_up_until);
        let version = (entry.item.workflow, entry.item.workflow_version);
        if let Some(key) = &entry.item.unique_key {
            self.unique_keys.remove(key.as_str());
        }
        self.timers.clear(Some(expires_at), Timer::Item(id));
        self.timers.clear(wrap_up_until, Timer::WrapUp(id));
        self.release_version(version);
        let event = if state == ItemState::Completed { "work_item.completed" } else { "work_item.canceled" };
        self.emit_item(turn, event, id, detail);
    }

    /// Forgets who has declined an item.
    pub(super) fn clear_declines(&mut self, id: ItemId) {
        let Some(entry) = self.items.get_mut(&id) else { return };
        for decline in std::mem::take(&mut entry.item.declines) {
            self.timers.clear(Some(decline.until), Timer::Reoffer(id));
        }
    }
}

pub(super) fn refused(state: ItemState, wanted: &str) -> Rejection {
    let name = match state {
        ItemState::Pending => "pending",
        ItemState::Reserved => "reserved",
        ItemState::Assigned => "assigned",
        ItemState::Wrapping => "wrapping",
        ItemState::Completed => "completed",
        ItemState::Canceled => "canceled",
    };
    conflict("work_item_state", format!("a work item that is {name} cannot be {wanted}"))
}

pub(super) fn check_reason(reason: Option<&str>) -> Result<(), Rejection> {
    if reason.is_some_and(|reason| reason.is_empty() || reason.chars().count() > REASON_CHARS_MAX) {
        let message = format!("a reason has 1 to {REASON_CHARS_MAX} characters");
        return Err(invalid("/reason", "bad_reason", message));
    }
    Ok(())
}

fn check_unique_key(key: &str) -> Result<(), Rejection> {
    let chars = key.chars().count();
    if chars == 0 || chars > UNIQUE_KEY_CHARS_MAX {
        let message = format!("a unique key has 1 to {UNIQUE_KEY_CHARS_MAX} characters");
        return Err(invalid("/unique_key", "bad_unique_key", message));
    }
    Ok(())
}

fn check_raw_attributes(attributes: &RawValue) -> Result<(), Rejection> {
    check_attributes_size(attributes.get().len())?;
    let value: Value = serde_json::from_str(attributes.get())
        .map_err(|error| invalid("/attributes", "bad_json", format!("not a JSON value: {error}")))?;
    check_attributes(&value)
}
