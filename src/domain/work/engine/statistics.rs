//! The numbers of the moment, per queue and per activity.

use super::Engine;
use crate::id::{ActivityId, QueueId};
use crate::time::Timestamp;
use crate::work::matching::predicate::PredicateId;
use roaring::RoaringBitmap;
use serde::Serialize;
use std::collections::HashMap;

#[derive(Debug, Clone, Serialize)]
pub struct Statistics {
    pub time: Timestamp,
    pub queues: Vec<QueueStatistics>,
    pub activities: Vec<ActivityStatistics>,
}

#[derive(Debug, Clone, Serialize)]
pub struct QueueStatistics {
    pub queue: QueueId,
    pub name: String,
    /// Items waiting without an open offer.
    pub waiting: u32,
    /// Seconds since the longest waiting of them entered the queue.
    pub longest_wait_s: f64,
    /// Items with an open offer.
    pub offered: u32,
    /// Items that came by this queue and that a worker holds, after-call work included.
    pub assigned: u32,
    pub workers: WorkerStatistics,
}

/// Members of a queue.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct WorkerStatistics {
    /// In an available activity and reachable.
    pub available: u64,
    /// Holding accepted work or after-call work, of whatever queue.
    pub busy: u64,
    /// Available, with capacity left on at least one channel.
    pub eligible: u64,
}

#[derive(Debug, Clone, Serialize)]
pub struct ActivityStatistics {
    pub activity: ActivityId,
    pub name: String,
    pub available: bool,
    pub workers: u32,
}

impl Engine {
    pub fn statistics(&self, now: Timestamp) -> Statistics {
        let mut by_activity: HashMap<ActivityId, u32> = HashMap::new();
        let mut busy = RoaringBitmap::new();
        for (slot, seat) in self.floor.iter() {
            *by_activity.entry(seat.worker.activity).or_default() += 1;
            if seat.held > 0 {
                busy.insert(slot);
            }
        }
        let free = self.floor.free_anywhere();
        let queues = self.config.queues.values().map(|entry| QueueStatistics {
            queue: entry.queue.id,
            name: entry.queue.name.clone(),
            waiting: entry.pending_count,
            longest_wait_s: entry.pending.keys().next().map_or(0.0, |at| now.seconds_since(*at)),
            offered: entry.reserved_count,
            assigned: entry.assigned_count,
            workers: self.member_statistics(entry.members, &busy, &free),
        });
        let activities = self.config.activities.values().map(|activity| ActivityStatistics {
            activity: activity.id,
            name: activity.name.clone(),
            available: activity.available,
            workers: by_activity.get(&activity.id).copied().unwrap_or(0),
        });
        Statistics { time: now, queues: queues.collect(), activities: activities.collect() }
    }

    fn member_statistics(&self, members: PredicateId, busy: &RoaringBitmap, free: &RoaringBitmap) -> WorkerStatistics {
        let of = |set: &RoaringBitmap| {
            self.floor.predicates.selected(members).map_or(0, |members| members.intersection_len(set))
        };
        WorkerStatistics { available: of(self.floor.available()), busy: of(busy), eligible: of(free) }
    }
}
