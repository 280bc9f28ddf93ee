//! What follows when an offer ends unaccepted: who is kept from the item, for how long, and where the item goes.

use super::{Engine, Turn};
use crate::id::{ItemId, WorkerId};
use crate::work::timer::Timer;
use crate::work::*;
use serde_json::json;

/// So many workers must have declined before all of them may be asked again at once; one alone waits its time out, or
/// it would be offered the same item without end.
const DECLINERS_TO_LIFT_MIN: usize = 2;

impl Engine {
    /// Keeps a worker from an item for the account's `reoffer_after_s`.
    pub(super) fn exclude(&mut self, turn: &mut Turn<'_>, id: ItemId, worker: WorkerId) {
        if self.planted.has(Plant::DeclineForgotten) {
            return;
        }
        self.touch_item(turn, id);
        let until = turn.now.plus_seconds(self.account.settings.reoffer_after_s);
        let Some(entry) = self.items.get_mut(&id) else { return };
        for old in entry.item.declines.extract_if(.., |old| old.worker == worker || old.until <= turn.now) {
            self.timers.clear(Some(old.until), Timer::Reoffer(id));
        }
        entry.item.declines.push(Decline { worker, until, by_callback: *turn.actor == Actor::Callback });
        // Several declines may end in the same millisecond, and one of them may just have been struck.
        for decline in &entry.item.declines {
            self.timers.set(decline.until, Timer::Reoffer(id));
        }
    }

    /// Sends an item on its way after one of its offers was rejected or timed out.
    pub(super) fn after_decline(&mut self, turn: &mut Turn<'_>, id: ItemId) {
        let Some(entry) = self.items.get(&id) else { return };
        let open = self.open_offers(id);
        let (state, expired) = (entry.item.state, entry.item.place.expired);
        let direct = entry.item.transfer.as_ref().is_some_and(|transfer| transfer.to_worker.is_some());
        if self.planted.has(Plant::DeclineRestartsAge)
            && let Some(entry) = self.items.get_mut(&id)
        {
            entry.item.waiting_since = Some(turn.now);
        }
        if open == 0 && state == ItemState::Reserved {
            self.set_state(turn, id, ItemState::Pending);
        }
        if direct {
            self.leave_wait(turn, id);
            self.transfer_failed(turn, id);
            return;
        }
        // Asked before the declines may be lifted: with them would go the knowledge of who declined.
        let held_worker_declined = self.held_worker_declined(turn, id);
        self.lift_declines_if_all_declined(turn, id);
        if open == 0 && expired {
            self.next_step(turn, id);
            return;
        }
        if open == 0 && state == ItemState::Reserved {
            self.emit_item(turn, "work_item.queued", id, Some(json!({"again": true})));
        }
        if held_worker_declined {
            self.prefer_ended(turn, id);
        }
        self.relist(turn, id);
    }

    fn held_worker_declined(&self, turn: &Turn<'_>, id: ItemId) -> bool {
        let Some(entry) = self.items.get(&id) else { return false };
        let place = &entry.item.place;
        let declined = |decline: &Decline| Some(decline.worker) == place.preferred && decline.until > turn.now;
        place.prefer_until.is_some() && entry.item.declines.iter().any(declined)
    }

    /// Once every other eligible worker has declined too, all may be offered the item again.
    fn lift_declines_if_all_declined(&mut self, turn: &mut Turn<'_>, id: ItemId) {
        let Some(entry) = self.items.get(&id) else { return };
        let declines = || entry.item.declines.iter().filter(|decline| decline.until > turn.now);
        let by_callback = declines().any(|decline| decline.by_callback);
        if by_callback || declines().count() < DECLINERS_TO_LIFT_MIN || self.open_offers(id) > 0 {
            return;
        }
        let Some(mut left) = self.candidates(id) else { return };
        self.strike_barred(turn.now, id, &mut left);
        if left.is_empty() {
            self.touch_item(turn, id);
            self.clear_declines(id);
        }
    }

    /// A declined worker may be offered the item again.
    pub(super) fn reoffer_due(&mut self, turn: &mut Turn<'_>, id: ItemId) {
        turn.stirred.push(id);
    }

    /// Lets go of the items that wait for one worker alone, because it is being deleted.
    pub(super) fn release_personal(&mut self, turn: &mut Turn<'_>, worker: WorkerId) {
        let Some(slot) = self.floor.slot(worker) else { return };
        for id in self.waiting.personal_items(slot) {
            let Some(entry) = self.items.get(&id) else { continue };
            if entry.item.place.prefer_until.is_some() {
                self.prefer_ended(turn, id);
            } else {
                self.next_step(turn, id);
            }
        }
    }
}
