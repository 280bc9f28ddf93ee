//! Statistics in the store: written together with their position, found by group and time.

use super::sample::Sample;
use crate::support::clock::START;
use cordboard::runtime::statistics::store::*;
use cordboard::runtime::store::*;
use cordboard_domain::id::*;
use cordboard_domain::statistics::*;
use std::ops::Range;

const ALWAYS: Range<i64> = 0..1_000_000;

fn hour(group: &Group, hour: i64, created: u64) -> (HourKey, Vec<u8>) {
    let mut cells = Hour::default();
    cells.quarters[1].add(Count::Created, created);
    (HourKey { group: group.clone(), hour }, cells.encode())
}

/// A write of these hours, all of them new.
fn batch(account: AccountId, revision: u64, hours: Vec<(HourKey, Vec<u8>)>) -> StatisticsBatch {
    let time = START.plus_millis(revision as i64);
    StatisticsBatch {
        account,
        position: Position { revision, sequence: revision * 10, time, complete_from: None },
        new_hours: hours.iter().map(|(key, _)| key.clone()).collect(),
        hours,
        workers: Vec::new(),
        names: Vec::new(),
    }
}

fn presence(held: u32) -> Presence {
    Presence { activity: "Pause ☕".into(), activity_available: false, reachable: true, held, charged_to: START }
}

async fn groups(store: &dyn Store, account: AccountId, dimension: Dimension, hours: Range<i64>) -> Vec<NamedGroup> {
    let filter = GroupFilter { dimension, hours, open_before: None, after: None, limit: 100 };
    store.statistics_groups(account, &filter).await.expect("read")
}

async fn hours_of(store: &dyn Store, account: AccountId, group: &Group) -> Vec<(i64, Vec<u8>)> {
    let mut extract = store.statistics_extract(account, std::slice::from_ref(group), ALWAYS).await.expect("read");
    extract.hours.pop().expect("of one group")
}

pub async fn statistics_are_written_whole_or_not_at_all(store: &dyn Store) {
    let account = Sample::new(store).await.id();
    assert_eq!(store.statistics_position(account).await.expect("read"), Position::default());
    let complete_from = Some(START.plus_seconds(7));
    let mut first = batch(account, 1, vec![hour(&Group::All, 5, 1)]);
    first.position.complete_from = complete_from;
    store.write_statistics(first.clone()).await.expect("written");
    let position = store.statistics_position(account).await.expect("read");
    assert_eq!(position, first.position);
    // Another writer was there first: at the beginning, later, and with a revision that nobody has written.
    for revision in [1, 1, 3] {
        let mut late = batch(account, revision, vec![hour(&Group::All, 5, 99), hour(&Group::All, 6, 99)]);
        late.workers = vec![(WorkerId(1), Some(presence(1)))];
        let refused = store.write_statistics(late).await;
        assert!(matches!(refused, Err(StoreError::Fenced(of)) if of == account), "{refused:?}");
    }
    assert_eq!(store.statistics_position(account).await.expect("read"), position);
    assert_eq!(hours_of(store, account, &Group::All).await, [(5, hour(&Group::All, 5, 1).1)]);
    assert!(store.statistics_workers(account).await.expect("read").is_empty());
}

pub async fn what_is_written_is_replaced(store: &dyn Store) {
    let account = Sample::new(store).await.id();
    let (queue, channel) = (Group::Queue(QueueId(7)), Group::Channel("ünï-code".into()));
    let mut first = batch(account, 1, vec![hour(&queue, 5, 1), hour(&channel, 5, 2), hour(&queue, 6, 3)]);
    first.workers = vec![(WorkerId(1), Some(presence(0))), (WorkerId(2), Some(presence(2)))];
    store.write_statistics(first).await.expect("written");
    let mut second = batch(account, 2, vec![hour(&queue, 5, 10)]);
    second.workers = vec![(WorkerId(1), None), (WorkerId(2), Some(presence(3)))];
    store.write_statistics(second).await.expect("written");

    let keys = [(&queue, 5), (&channel, 5), (&queue, 6), (&queue, 7), (&Group::All, 5)]
        .map(|(group, hour)| HourKey { group: group.clone(), hour });
    let mut found = store.statistics_hours(account, &keys).await.expect("read");
    found.sort();
    assert_eq!(found, [hour(&queue, 5, 10), hour(&queue, 6, 3), hour(&channel, 5, 2)]);
    assert_eq!(store.statistics_workers(account).await.expect("read"), [(WorkerId(2), presence(3))]);
}

pub async fn groups_are_found_by_the_time_of_their_cells(store: &dyn Store) {
    let account = Sample::new(store).await.id();
    let queues: Vec<Group> = (1..=4).map(|id| Group::Queue(QueueId(id))).collect();
    let mut first = batch(account, 1, vec![hour(&queues[2], 30, 1), hour(&queues[0], 10, 1), hour(&queues[1], 20, 1)]);
    first.names = vec![(queues[0].clone(), "one".into()), (queues[3].clone(), "never".into())];
    store.write_statistics(first).await.expect("written");
    let mut second = batch(account, 2, vec![hour(&queues[0], 12, 1)]);
    second.names = vec![(queues[1].clone(), "two".into())];
    store.write_statistics(second).await.expect("written");
    let mut third = batch(account, 3, vec![hour(&queues[0], 11, 1)]);
    third.names = vec![(queues[1].clone(), "zwei".into())];
    store.write_statistics(third).await.expect("written");

    let named =
        |place: usize, name: Option<&str>| NamedGroup { group: queues[place].clone(), name: name.map(str::to_owned) };
    let (one, two, three) = (named(0, Some("one")), named(1, Some("zwei")), named(2, None));
    let found = async |hours| groups(store, account, Dimension::Queue, hours).await;
    assert_eq!(found(0..100).await, [one.clone(), two.clone(), three.clone()]);
    assert_eq!(found(12..20).await, std::slice::from_ref(&one));
    assert_eq!(found(12..21).await, [one.clone(), two.clone()]);
    assert!(found(13..20).await.is_empty() && found(31..40).await.is_empty() && found(0..10).await.is_empty());
    assert!(groups(store, account, Dimension::Worker, 0..100).await.is_empty());
    let after = Some(queues[0].key());
    let filter = GroupFilter { dimension: Dimension::Queue, hours: 0..100, open_before: None, after, limit: 1 };
    assert_eq!(store.statistics_groups(account, &filter).await.expect("read"), [two]);
    let one_by_one = async |group| store.statistics_group(account, group).await.expect("read");
    assert_eq!(one_by_one(&queues[3]).await, Some(named(3, Some("never"))));
    assert_eq!(one_by_one(&Group::Queue(QueueId(9))).await, None);
}

pub async fn an_extract_has_the_hours_of_its_groups_and_who_is_there(store: &dyn Store) {
    let account = Sample::new(store).await.id();
    let (ann, ben) = (Group::Worker(WorkerId(1)), Group::Worker(WorkerId(2)));
    let away = Presence { activity_available: false, ..presence(0) };
    let mut first = batch(account, 1, vec![hour(&ann, 5, 1), hour(&ann, 6, 2), hour(&ann, 7, 3), hour(&ben, 6, 4)]);
    first.workers = vec![(WorkerId(1), Some(presence(1))), (WorkerId(2), Some(away)), (WorkerId(3), Some(presence(2)))];
    store.write_statistics(first.clone()).await.expect("written");
    let of = async |groups: &[Group]| store.statistics_extract(account, groups, 5..7).await.expect("read");
    let both = of(&[ben.clone(), Group::All, ann.clone()]).await;
    assert_eq!(both.position, first.position);
    let ann_hours = vec![(5, hour(&ann, 5, 1).1), (6, hour(&ann, 6, 2).1)];
    assert_eq!(both.hours, [vec![(6, hour(&ben, 6, 4).1)], vec![], ann_hours]);
    let open = |extract: Extract| {
        let mut ids: Vec<u128> = extract.open.into_iter().map(|(id, _)| id.0).collect();
        ids.sort_unstable();
        ids
    };
    assert_eq!(open(both), [1, 3], "all whose time goes on");
    assert_eq!(open(of(&[ben, ann]).await), [1]);
    assert!(open(of(&[Group::Queue(QueueId(1))]).await).is_empty());
    // Ann's time goes on from `START`, though she has no cells in a later hour.
    let there = async |open_before| {
        let filter = GroupFilter { dimension: Dimension::Worker, hours: 50..60, open_before, after: None, limit: 9 };
        store.statistics_groups(account, &filter).await.expect("read").len()
    };
    assert_eq!((there(None).await, there(Some(START)).await, there(Some(START.plus_millis(1))).await), (0, 0, 1));
}

pub async fn old_statistics_are_forgotten_and_no_others(store: &dyn Store) {
    let account = Sample::new(store).await.id();
    let (old, long) = (Group::Queue(QueueId(1)), Group::Queue(QueueId(2)));
    let mut hours: Vec<_> = (0..2_500).map(|number| hour(&long, number, 1)).collect();
    hours.push(hour(&old, 3, 1));
    let mut first = batch(account, 1, hours);
    first.names = vec![(old.clone(), "old".into())];
    store.write_statistics(first).await.expect("written");
    while store.forget_statistics_before(account, 2_400).await.expect("forgotten") {}
    let left: Vec<i64> = hours_of(store, account, &long).await.into_iter().map(|(hour, _)| hour).collect();
    assert_eq!(left, (2_400..2_500).collect::<Vec<_>>());
    assert!(hours_of(store, account, &old).await.is_empty());
    let named = NamedGroup { group: long, name: None };
    assert_eq!(groups(store, account, Dimension::Queue, ALWAYS).await, [named]);
    // It comes back, and has its name.
    store.write_statistics(batch(account, 2, vec![hour(&old, 2_450, 1)])).await.expect("written");
    let back = groups(store, account, Dimension::Queue, 2_450..2_451).await;
    assert_eq!(back[0].name.as_deref(), Some("old"));
}

pub async fn statistics_do_not_cross_between_accounts(store: &dyn Store) {
    let (own, other) = (Sample::seeded(store, 1).await.id(), Sample::seeded(store, 2).await.id());
    let group = Group::Worker(WorkerId(1));
    let mut theirs = batch(other, 1, vec![hour(&group, 5, 9)]);
    theirs.workers = vec![(WorkerId(1), Some(presence(1)))];
    theirs.names = vec![(group.clone(), "theirs".into())];
    store.write_statistics(theirs).await.expect("written");
    assert_eq!(store.statistics_position(own).await.expect("read"), Position::default());
    assert!(store.statistics_workers(own).await.expect("read").is_empty());
    assert!(groups(store, own, Dimension::Worker, ALWAYS).await.is_empty());
    assert_eq!(store.statistics_group(own, &group).await.expect("read"), None);
    let extract = store.statistics_extract(own, std::slice::from_ref(&group), ALWAYS).await.expect("read");
    assert!(extract.hours[0].is_empty() && extract.open.is_empty());
    let key = HourKey { group, hour: 5 };
    assert!(store.statistics_hours(own, &[key]).await.expect("read").is_empty());
    assert!(!store.forget_statistics_before(own, 1_000).await.expect("forgotten"));
    assert_eq!(store.statistics_position(other).await.expect("read").revision, 1);
}
