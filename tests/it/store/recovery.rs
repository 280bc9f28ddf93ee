//! What an engine is rebuilt from: all that is in force, and nothing that is over.

use super::sample::*;
use cordboard::runtime::store::*;
use cordboard_domain::event_channel::SubscriptionTarget;
use cordboard_domain::id::*;
use cordboard_domain::work::*;

pub async fn a_founded_account_is_loaded_as_it_began(store: &dyn Store) {
    let sample = Sample::new(store).await;
    let loaded = crate::support::loaded::load(store, sample.id()).await.expect("read").expect("there");
    assert_eq!(loaded.account, sample.account);
    assert_eq!((loaded.sequence, loaded.commits), (0, 0));
    assert_eq!(all_shown(&loaded.records), all_shown(&sample.founded));
    let second = Sample::seeded(store, 2).await;
    let accounts = store.accounts().await.expect("read");
    let mut founded = [sample.account, second.account];
    founded.sort_by_key(|account| account.id);
    assert_eq!(accounts, founded);
}

pub async fn an_unknown_account_is_not_loaded(store: &dyn Store) {
    assert!(crate::support::loaded::load(store, AccountId(7)).await.expect("read").is_none());
}

pub async fn what_is_over_is_not_loaded(store: &dyn Store) {
    let mut sample = Sample::new(store).await;
    let mut open = Vec::new();
    let mut over = Vec::new();
    let states = [
        ItemState::Pending,
        ItemState::Reserved,
        ItemState::Assigned,
        ItemState::Wrapping,
        ItemState::Completed,
        ItemState::Canceled,
    ];
    for state in states {
        let mut item = sample.item(WorkflowId(1), 0);
        item.state = state;
        if state.is_open() { &mut open } else { &mut over }.push(Record::Item(item));
    }
    let states = [
        ReservationState::Offered,
        ReservationState::Accepted,
        ReservationState::Wrapping,
        ReservationState::Completed,
        ReservationState::Rejected,
        ReservationState::TimedOut,
        ReservationState::Rescinded,
        ReservationState::Canceled,
    ];
    for state in states {
        let reservation = sample.reservation(ItemId(1), WorkerId(1), state);
        if state.is_live() { &mut open } else { &mut over }.push(Record::Reservation(reservation));
    }
    assert_eq!((open.len(), over.len()), (4 + 3, 2 + 5));
    let all = open.iter().chain(&over).cloned().collect();
    sample.put(store, all).await;
    assert_eq!(loaded(store, sample.id()).await, all_shown(sample.founded.iter().chain(&open)));
    // What is over can still be read.
    for record in over {
        let (kind, id) = match &record {
            Record::Item(item) => (Kind::Item, item.id.to_string()),
            Record::Reservation(reservation) => (Kind::Reservation, reservation.id.to_string()),
            _ => unreachable!("only these were made"),
        };
        let stored = store.get(sample.id(), kind, &id).await.expect("read").expect("there");
        assert_eq!(shown(&stored), shown(&record));
    }
}

pub async fn versions_are_loaded_when_newest_or_in_use(store: &dyn Store) {
    let mut sample = Sample::new(store).await;
    let (workflow, former) = (sample.workflow("support", 4), sample.workflow("sales", 3));
    let mut records: Vec<Record> =
        (1..=4).map(|number| Record::WorkflowVersion(version(workflow.id, number))).collect();
    records.extend((1..=3).map(|number| Record::WorkflowVersion(version(former.id, number))));
    let mut waiting = sample.item(workflow.id, 0);
    waiting.workflow_version = 2;
    let mut over = sample.item(workflow.id, 1);
    (over.workflow_version, over.state) = (3, ItemState::Completed);
    // A warm transfer that nobody accepts brings the item back to where it was.
    let mut transferred = sample.item(workflow.id, 2);
    transferred.workflow_version = 4;
    transferred.transfer = Some(Box::new(Transfer {
        from_worker: WorkerId(1),
        kept_reservation: None,
        to_worker: None,
        to_queue: None,
        former: Some(Box::new(Former {
            workflow: former.id,
            workflow_version: 1,
            place: Place::default(),
            rule: None,
            step: None,
            queue: None,
            entered_queue_at: None,
            waiting_since: None,
        })),
    }));
    records.extend([Record::Workflow(workflow.clone()), Record::Workflow(former.clone())]);
    records.extend([Record::Item(waiting), Record::Item(over), Record::Item(transferred)]);
    sample.put(store, records).await;
    let loaded = crate::support::loaded::load(store, sample.id()).await.expect("read").expect("there");
    let mut versions: Vec<_> = loaded
        .records
        .iter()
        .filter_map(|record| match record {
            Record::WorkflowVersion(version) => Some((version.workflow == workflow.id, version.version)),
            _ => None,
        })
        .collect();
    versions.sort_unstable();
    assert_eq!(versions, [(false, 1), (false, 3), (true, 2), (true, 4)]);
}

pub async fn what_is_gone_is_not_loaded(store: &dyn Store) {
    let mut sample = Sample::new(store).await;
    let (queue, worker, workflow) = (sample.queue("gone"), sample.worker("Gone"), sample.workflow("gone", 1));
    let (activity, channel) = match (&sample.founded[0], &sample.founded[3]) {
        (Record::Activity(activity), Record::Channel(channel)) => (activity.clone(), channel.clone()),
        other => panic!("{other:?}"),
    };
    let schedule = Schedule {
        id: ScheduleId(sample.ids.next(crate::support::clock::START)),
        name: "gone".to_owned(),
        hours: serde_json::json!({"time_zone": "UTC"}),
        stamp: queue.stamp,
    };
    let channel_of_events = sample.event_channel("gone");
    let target = SubscriptionTarget::Webhook { url: "https://crm.example/".to_owned() };
    let subscription = sample.subscription(channel_of_events.id, target);
    let gone = vec![
        Gone::Activity(activity.id),
        Gone::Channel(channel.id),
        Gone::Queue(queue.id),
        Gone::Schedule(schedule.id),
        Gone::Workflow(workflow.id),
        Gone::EventChannel(channel_of_events.id),
        Gone::Subscription(subscription.id),
        Gone::Worker(worker.id),
    ];
    let records = vec![
        Record::Queue(queue),
        Record::Worker(worker),
        Record::WorkflowVersion(version(workflow.id, 1)),
        Record::Workflow(workflow),
        Record::EventChannel(channel_of_events),
        Record::Subscription(subscription),
        Record::Schedule(schedule.clone()),
    ];
    let later = Record::Schedule(Schedule { name: "made and gone in one batch".to_owned(), ..schedule });
    sample.put(store, records).await;
    let mut batch = sample.batch(vec![later]);
    batch.gone = gone;
    sample.commit(store, batch).await;
    let left =
        sample.founded[1..].iter().filter(|record| !matches!(record, Record::Channel(it) if it.id == channel.id));
    assert_eq!(loaded(store, sample.id()).await, all_shown(left));
    assert_eq!(store.named(sample.id(), Kind::Queue, "gone").await.expect("read"), None);
}

/// More than one stretch of reading holds.
pub async fn many_open_items_are_loaded(store: &dyn Store) {
    const ITEMS: i64 = 25_000;
    let mut sample = Sample::new(store).await;
    let items: Vec<Record> = (0..ITEMS).map(|age| Record::Item(sample.item(WorkflowId(1), age % 7))).collect();
    sample.put(store, items.clone()).await;
    assert_eq!(loaded(store, sample.id()).await, all_shown(sample.founded.iter().chain(&items)));
}
