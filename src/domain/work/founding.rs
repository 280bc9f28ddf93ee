//! A new account: what it starts with, so that work can be distributed at once.

use super::record::*;
use crate::id::*;
use crate::limit::*;
use crate::signing::SigningSecret;
use crate::time::Timestamp;

/// Channels of a new account with the capacity of a worker that does not say.
const CHANNELS: [(&str, u32); 5] = [("default", 1), ("voice", 1), ("chat", 3), ("email", 5), ("ticket", 5)];

/// The records of a new account: itself, three activities and five channels. A worker starts in `Offline` and is moved
/// there when it misses an offer. `secret` is drawn by the caller.
pub fn found_account(name: &str, now: Timestamp, ids: &mut IdSource, secret: SigningSecret) -> (Account, Vec<Record>) {
    let stamp = Stamp::new(now);
    let mut activity = |name: &str, available| {
        let id = ActivityId(ids.next(now));
        Activity { id, name: name.to_owned(), available, stamp }
    };
    let activities = [activity("Available", true), activity("Break", false), activity("Offline", false)];
    let offline = activities[2].id;
    let account = Account {
        id: AccountId(ids.next(now)),
        name: name.to_owned(),
        settings: Settings {
            miss_limit: MISS_LIMIT_DEFAULT,
            miss_activity: offline,
            default_activity: offline,
            reoffer_after_s: REOFFER_AFTER_S_DEFAULT,
            presence_grace_s: PRESENCE_GRACE_S_DEFAULT,
            service_level_threshold_s: SERVICE_LEVEL_THRESHOLD_S_DEFAULT,
            exclusions: Vec::new(),
        },
        secrets: vec![secret],
        stamp,
    };
    let mut records: Vec<Record> = activities.into_iter().map(Record::Activity).collect();
    for (name, default_capacity) in CHANNELS {
        let id = ChannelId(ids.next(now));
        records.push(Record::Channel(Channel { id, name: name.to_owned(), default_capacity, stamp }));
    }
    (account, records)
}
