//! What the API reads without the engine: by id, by name, in pages, filtered.

use super::sample::*;
use crate::support::clock::START;
use cordboard::runtime::store::*;
use cordboard_domain::event_channel::SubscriptionTarget;
use cordboard_domain::id::*;
use cordboard_domain::work::*;

fn ids(records: &[Record]) -> Vec<String> {
    let id = |record: &Record| match record {
        Record::Item(item) => item.id.to_string(),
        Record::Reservation(reservation) => reservation.id.to_string(),
        Record::Queue(queue) => queue.id.to_string(),
        other => panic!("not listed here: {other:?}"),
    };
    records.iter().map(id).collect()
}

pub async fn lists_are_newest_first_and_paged(store: &dyn Store) {
    let mut sample = Sample::new(store).await;
    let items: Vec<Item> = (0..25).map(|age| sample.item(WorkflowId(1), age * 1_000)).collect();
    sample.put(store, items.iter().cloned().map(Record::Item).collect()).await;
    let expected: Vec<String> = items.iter().rev().map(|item| item.id.to_string()).collect();
    let mut seen = Vec::new();
    let mut after = None;
    loop {
        let filter = Filter { after: after.clone(), limit: 10, ..Filter::default() };
        let page = ids(&store.list(sample.id(), Kind::Item, &filter).await.expect("read"));
        let Some(last) = page.last() else { break };
        after = Some(last.clone());
        assert!(page.len() <= 10);
        seen.extend(page);
    }
    assert_eq!(seen, expected);
}

pub async fn each_filter_of_items_holds(store: &dyn Store) {
    let mut sample = Sample::new(store).await;
    let plain = sample.item(WorkflowId(1), 0);
    let mut other = sample.item(WorkflowId(2), 5_000);
    other.state = ItemState::Assigned;
    other.channel = "voice".into();
    other.queue = Some(QueueId(3));
    other.worker = Some(WorkerId(4));
    sample.put(store, vec![Record::Item(plain.clone()), Record::Item(other.clone())]).await;
    let any = || Filter { limit: 10, ..Filter::default() };
    let only_other = [
        Filter { state: Some("assigned".to_owned()), ..any() },
        Filter { queue: Some(QueueId(3).to_string()), ..any() },
        Filter { workflow: Some(WorkflowId(2).to_string()), ..any() },
        Filter { channel: Some("voice".to_owned()), ..any() },
        Filter { worker: Some(WorkerId(4).to_string()), ..any() },
        Filter { created_from: Some(START.plus_millis(5_000)), ..any() },
        Filter { created_from: Some(START.plus_millis(1)), worker: Some(WorkerId(4).to_string()), ..any() },
    ];
    for filter in only_other {
        let found = store.list(sample.id(), Kind::Item, &filter).await.expect("read");
        assert_eq!(ids(&found), [other.id.to_string()], "{filter:?}");
    }
    let before = Filter { created_before: Some(START.plus_millis(5_000)), ..any() };
    assert_eq!(ids(&store.list(sample.id(), Kind::Item, &before).await.expect("read")), [plain.id.to_string()]);
    let neither = Filter { state: Some("pending".to_owned()), channel: Some("voice".to_owned()), ..any() };
    assert!(store.list(sample.id(), Kind::Item, &neither).await.expect("read").is_empty());
}

pub async fn each_filter_of_reservations_holds(store: &dyn Store) {
    let mut sample = Sample::new(store).await;
    let plain = sample.reservation(ItemId(1), WorkerId(1), ReservationState::Offered);
    let other = sample.reservation(ItemId(2), WorkerId(2), ReservationState::TimedOut);
    sample.put(store, vec![Record::Reservation(plain), Record::Reservation(other.clone())]).await;
    let any = || Filter { limit: 10, ..Filter::default() };
    let filters = [
        Filter { state: Some("timed_out".to_owned()), ..any() },
        Filter { worker: Some(WorkerId(2).to_string()), ..any() },
        Filter { work_item: Some(ItemId(2).to_string()), ..any() },
    ];
    for filter in filters {
        let found = store.list(sample.id(), Kind::Reservation, &filter).await.expect("read");
        assert_eq!(ids(&found), [other.id.to_string()], "{filter:?}");
    }
}

/// What a worker had is spread over many commits; its pages show each thing once and in order.
pub async fn the_items_of_a_worker_are_paged(store: &dyn Store) {
    const EVENTS_APART: u64 = 10_000;
    let mut sample = Sample::new(store).await;
    let (mut expected, mut age) = (Vec::new(), 0);
    for _ in 0..9 {
        let mut records = Vec::new();
        for worker in [4, 5, 4, 6] {
            let mut item = sample.item(WorkflowId(1), age);
            // Several in one millisecond, also across commits.
            age += i64::from(worker == 5) * 1_000;
            item.worker = Some(WorkerId(worker));
            item.state = ItemState::Completed;
            if worker == 4 {
                expected.push(item.id.to_string());
            }
            records.push(Record::Item(item));
        }
        let mut batch = sample.batch(records);
        let first = batch.sequence + 1;
        batch.sequence += EVENTS_APART;
        batch.events = (first..=batch.sequence).map(|at| sample.event(at, "work_item.created", "itm_1")).collect();
        sample.commit(store, batch).await;
    }
    for limit in [1, 4, 5, 100] {
        let (mut seen, mut after): (Vec<String>, _) = (Vec::new(), None);
        loop {
            let worker = Some(WorkerId(4).to_string());
            let filter = Filter { worker, after: after.clone(), limit, ..Filter::default() };
            let page = ids(&store.list(sample.id(), Kind::Item, &filter).await.expect("read"));
            let Some(last) = page.last() else { break };
            after = Some(last.clone());
            assert!(page.len() as u64 <= limit);
            seen.extend(page);
        }
        let sorted = |mut ids: Vec<String>| {
            ids.sort();
            ids
        };
        assert_eq!(sorted(seen.clone()), sorted(expected.clone()), "pages of {limit}");
        // Newest first; within one millisecond any order will do.
        let millis = |id: &String| id["itm_".len()..][..10].to_owned();
        assert!(seen.iter().map(millis).rev().is_sorted(), "pages of {limit}: {seen:?}");
    }
}

pub async fn configuration_is_found_by_id_and_name(store: &dyn Store) {
    let mut sample = Sample::new(store).await;
    let mut queue = sample.queue("support");
    let workflow = sample.workflow("support", 1);
    sample.put(store, vec![Record::Queue(queue.clone()), Record::Workflow(workflow.clone())]).await;
    let named = |kind, name: &'static str| store.named(sample.account.id, kind, name);
    assert_eq!(named(Kind::Queue, "support").await.expect("read"), Some(queue.id.to_string()));
    assert_eq!(named(Kind::Workflow, "support").await.expect("read"), Some(workflow.id.to_string()));
    assert_eq!(named(Kind::Queue, "Support").await.expect("read"), None, "names are told apart by case");
    assert_eq!(named(Kind::Schedule, "support").await.expect("read"), None);
    let channel = sample.event_channel("support");
    let target = SubscriptionTarget::RedisStream { stream: "support".to_owned(), length_max: 1 };
    let subscription = sample.subscription(channel.id, target);
    sample.put(store, vec![Record::EventChannel(channel.clone()), Record::Subscription(subscription)]).await;
    let stored = store.get(sample.id(), Kind::EventChannel, &channel.id.to_string()).await.expect("read");
    assert_eq!(shown(&stored.expect("there")), shown(&Record::EventChannel(channel.clone())));
    let found = store.named(sample.id(), Kind::EventChannel, "support").await.expect("read");
    assert_eq!(found, Some(channel.id.to_string()));
    queue.name = "sales".to_owned();
    sample.put(store, vec![Record::Queue(queue.clone())]).await;
    assert_eq!(store.named(sample.id(), Kind::Queue, "support").await.expect("read"), None);
    let filter = Filter { name: Some("sales".to_owned()), limit: 10, ..Filter::default() };
    assert_eq!(ids(&store.list(sample.id(), Kind::Queue, &filter).await.expect("read")), [queue.id.to_string()]);
    let stored = store.get(sample.id(), Kind::Queue, &queue.id.to_string()).await.expect("read").expect("there");
    assert_eq!(shown(&stored), shown(&Record::Queue(queue.clone())));
    assert!(store.get(sample.id(), Kind::Workflow, &queue.id.to_string()).await.expect("read").is_none());
}

pub async fn versions_are_listed_newest_first(store: &dyn Store) {
    let mut sample = Sample::new(store).await;
    let workflow = sample.workflow("support", 12);
    let versions = (1..=12).map(|number| Record::WorkflowVersion(version(workflow.id, number)));
    let records = versions.chain([Record::Workflow(workflow.clone())]).collect();
    sample.put(store, records).await;
    let numbers = |versions: Vec<WorkflowVersion>| versions.iter().map(|it| it.version).collect::<Vec<_>>();
    let first = store.versions(sample.id(), workflow.id, None, 3).await.expect("read");
    assert_eq!(numbers(first), [12, 11, 10]);
    let next = store.versions(sample.id(), workflow.id, Some(10), 100).await.expect("read");
    assert_eq!(numbers(next), (1..10).rev().collect::<Vec<_>>());
    let one = store.version(sample.id(), workflow.id, 7).await.expect("read");
    assert_eq!(one, Some(version(workflow.id, 7)));
    assert_eq!(store.version(sample.id(), workflow.id, 13).await.expect("read"), None);
}

pub async fn events_are_listed_oldest_first(store: &dyn Store) {
    let mut sample = Sample::new(store).await;
    let mut batch = sample.batch(Vec::new());
    let event = |sequence: u64| {
        let kind = if sequence.is_multiple_of(2) { "work_item.created" } else { "work_item.queued" };
        sample.event(sequence, kind, if sequence.is_multiple_of(5) { "itm_5" } else { "itm_1" })
    };
    batch.events = (1..=20).map(event).collect();
    batch.sequence = 20;
    let first = batch.events[0].clone();
    sample.commit(store, batch).await;
    let list = async |filter: EventFilter| {
        let page = store.events(sample.account.id, &filter).await.expect("read");
        page.events.iter().map(|event| event.sequence).collect::<Vec<_>>()
    };
    let any = || EventFilter { limit: 100, ..EventFilter::default() };
    assert_eq!(list(any()).await, (1..=20).collect::<Vec<_>>());
    assert_eq!(list(EventFilter { after_sequence: 17, ..any() }).await, [18, 19, 20]);
    assert_eq!(list(EventFilter { after_sequence: 20, ..any() }).await, [0u64; 0]);
    assert_eq!(list(EventFilter { limit: 2, after_sequence: 3, ..any() }).await, [4, 5]);
    assert_eq!(list(EventFilter { subject: Some("itm_5".to_owned()), ..any() }).await, [5, 10, 15, 20]);
    let types = vec!["work_item.created".to_owned(), "no.such".to_owned()];
    assert_eq!(list(EventFilter { types: types.clone(), limit: 3, ..any() }).await, [2, 4, 6]);
    let both = EventFilter { types, subject: Some("itm_5".to_owned()), after_sequence: 10, ..any() };
    assert_eq!(list(both).await, [20]);
    let stored = &store.events(sample.id(), &any()).await.expect("read").events[0];
    let shown = |event: &StoredEvent| serde_json::to_value(event.cloud_event(sample.account.id)).expect("it is JSON");
    let expected = serde_json::to_value(first.cloud_event(sample.account.id, &first.id.to_string()));
    assert_eq!(shown(stored), expected.expect("it is JSON"));
    assert_eq!(stored.worker, first.worker);
}

/// A page looks at a bounded number of events, and says where to read on.
pub async fn rare_events_are_found_page_by_page(store: &dyn Store) {
    const EVENTS: u64 = 30_000;
    let mut sample = Sample::new(store).await;
    let mut batch = sample.batch(Vec::new());
    let kind = |sequence| if sequence == EVENTS { "queue.deleted" } else { "work_item.queued" };
    batch.events = (1..=EVENTS).map(|sequence| sample.event(sequence, kind(sequence), "itm_1")).collect();
    batch.sequence = EVENTS;
    sample.commit(store, batch).await;
    let types = vec!["queue.deleted".to_owned()];
    let mut filter = EventFilter { types, limit: 10, ..EventFilter::default() };
    let mut pages = 0;
    let found = loop {
        let page = store.events(sample.id(), &filter).await.expect("read");
        pages += 1;
        if !page.more {
            break page.events;
        }
        assert!(page.events.is_empty() && page.read_to > filter.after_sequence);
        filter.after_sequence = page.read_to;
    };
    assert!(pages > 1, "a page may not look at all of them");
    assert_eq!(found.iter().map(|event| event.sequence).collect::<Vec<_>>(), [EVENTS]);
    let first = EventFilter { limit: 7, ..EventFilter::default() };
    let page = store.events(sample.id(), &first).await.expect("read");
    assert_eq!((page.events.len(), page.read_to, page.more), (7, 7, true));
}

pub async fn old_events_are_forgotten_and_no_others(store: &dyn Store) {
    const EVENTS: u64 = 5_000;
    let mut sample = Sample::new(store).await;
    assert_eq!(store.first_event(sample.id()).await.expect("read"), 1, "what the first event will have");
    let mut batch = sample.batch(Vec::new());
    let subject = |sequence: u64| format!("itm_{}", sequence % 7);
    // An event a millisecond, in blocks of 64.
    batch.events = (1..=EVENTS).map(|at| sample.event(at, "work_item.created", &subject(at))).collect();
    batch.sequence = EVENTS;
    sample.commit(store, batch).await;
    let at = START.plus_millis(3_000);
    while store.forget_events_before(sample.id(), START.plus_seconds(60), 64).await.expect("forgotten") {}
    assert_eq!(store.first_event(sample.id()).await.expect("read"), 65, "what comes after was to be kept");
    while store.forget_events_before(sample.id(), at, EVENTS).await.expect("forgotten") {}
    let first = store.first_event(sample.id()).await.expect("read");
    assert!(first <= 3_000 && first > 3_000 - 64, "{first}: whole blocks go, and only old ones");
    let seen = async |subject: Option<String>, after_sequence| {
        let filter = EventFilter { after_sequence, subject, limit: 10_000, ..EventFilter::default() };
        let page = store.events(sample.account.id, &filter).await.expect("read");
        page.events.iter().map(|event| event.sequence).collect::<Vec<_>>()
    };
    assert_eq!(seen(None, 0).await, (first..=EVENTS).collect::<Vec<_>>());
    let of_three = (first..=EVENTS).filter(|sequence| sequence % 7 == 3).collect::<Vec<_>>();
    assert_eq!(seen(Some(subject(3)), 0).await, of_three);
    while store.forget_events_before(sample.id(), START.plus_seconds(60), u64::MAX).await.expect("forgotten") {}
    assert_eq!(store.first_event(sample.id()).await.expect("read"), EVENTS + 1);
    assert!(seen(None, 0).await.is_empty());
}

pub async fn accounts_are_listed_newest_first_and_paged(store: &dyn Store) {
    let mut founded = Vec::new();
    for seed in 1..=5 {
        founded.push(Sample::seeded(store, seed).await.account);
    }
    founded.sort_by_key(|account| std::cmp::Reverse(account.id));
    let first = store.list_accounts(None, 2).await.expect("read");
    assert_eq!(first, founded[..2]);
    let rest = store.list_accounts(Some(&first[1].id.to_string()), 10).await.expect("read");
    assert_eq!(rest, founded[2..]);
    assert!(store.list_accounts(Some("acc_"), 10).await.expect("read").is_empty());
}

pub async fn nothing_crosses_between_accounts(store: &dyn Store) {
    let mut sample = Sample::new(store).await;
    let other = Sample::seeded(store, 2).await;
    let (queue, workflow) = (sample.queue("support"), sample.workflow("support", 1));
    let item = sample.item(workflow.id, 0);
    let reservation = sample.reservation(item.id, WorkerId(1), ReservationState::Offered);
    let records = vec![
        Record::Queue(queue.clone()),
        Record::WorkflowVersion(version(workflow.id, 1)),
        Record::Workflow(workflow.clone()),
        Record::Item(item.clone()),
        Record::Reservation(reservation.clone()),
    ];
    let mut batch = sample.batch(records);
    batch.events = [sample.event(1, "queue.created", "que_1")].into();
    batch.sequence = 1;
    sample.commit(store, batch).await;
    let reads = [
        (Kind::Queue, queue.id.to_string()),
        (Kind::Workflow, workflow.id.to_string()),
        (Kind::Item, item.id.to_string()),
        (Kind::Reservation, reservation.id.to_string()),
    ];
    for (kind, id) in reads {
        assert!(store.get(sample.id(), kind, &id).await.expect("read").is_some());
        assert!(store.get(other.id(), kind, &id).await.expect("read").is_none(), "{kind:?}");
        let filter = Filter { limit: 10, ..Filter::default() };
        assert!(store.list(other.id(), kind, &filter).await.expect("read").is_empty(), "{kind:?}");
    }
    assert_eq!(store.named(other.id(), Kind::Queue, "support").await.expect("read"), None);
    assert_eq!(store.version(other.id(), workflow.id, 1).await.expect("read"), None);
    assert!(store.versions(other.id(), workflow.id, None, 10).await.expect("read").is_empty());
    let events = store.events(other.id(), &EventFilter { limit: 10, ..EventFilter::default() }).await.expect("read");
    assert!(events.events.is_empty() && !events.more);
    assert_eq!(loaded(store, other.id()).await, all_shown(&other.founded));
    // Nor can one account's batch delete another's.
    let mut foreign = other.batch(Vec::new());
    foreign.gone.push(Gone::Queue(queue.id));
    store.commit(foreign).await.expect("there is nothing to delete");
    assert!(store.get(sample.id(), Kind::Queue, &queue.id.to_string()).await.expect("read").is_some());
}
