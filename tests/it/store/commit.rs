//! One batch, one transaction: whole or not at all, and only by the one writer.

use super::sample::*;
use crate::support::clock::START;
use cordboard::runtime::store::*;
use cordboard_domain::event_channel::SubscriptionTarget;
use cordboard_domain::id::*;
use cordboard_domain::work::*;
use serde_json::value::RawValue;

pub async fn a_batch_is_stored_whole(store: &dyn Store) {
    let mut sample = Sample::new(store).await;
    let workflow = sample.workflow("support", 1);
    let (queue, worker) = (sample.queue("support"), sample.worker("Ann"));
    let mut item = sample.item(workflow.id, 0);
    item.transfer = Some(Box::new(Transfer {
        from_worker: worker.id,
        kept_reservation: None,
        to_worker: None,
        to_queue: Some(queue.id),
        former: None,
    }));
    item.declines.push(Decline { worker: worker.id, until: START, by_callback: false });
    let reservation = sample.reservation(item.id, worker.id, ReservationState::Offered);
    let channel = sample.event_channel("all");
    let webhook = SubscriptionTarget::Webhook { url: "https://crm.example/".to_owned() };
    let stream = SubscriptionTarget::RedisStream { stream: "events".to_owned(), length_max: 10 };
    let subscriptions = [webhook, stream].map(|target| sample.subscription(channel.id, target));
    let mut account = sample.account.clone();
    account.name = "Acme Ltd".to_owned();
    let mut records = vec![
        Record::Queue(queue),
        Record::WorkflowVersion(version(workflow.id, 1)),
        Record::Workflow(workflow),
        Record::EventChannel(channel),
        Record::Worker(worker),
        Record::Item(item),
        Record::Reservation(reservation),
    ];
    records.extend(subscriptions.map(Record::Subscription));
    let mut batch = sample.batch(records.clone());
    batch.records.push(Record::Account(account));
    batch.events = [sample.event(1, "queue.created", "que_1"), sample.event(2, "worker.created", "wkr_1")].into();
    batch.sequence = 2;
    sample.commit(store, batch).await;

    let loaded = crate::support::loaded::load(store, sample.id()).await.expect("it is read").expect("it is there");
    assert_eq!((loaded.commits, loaded.sequence), (1, 2));
    assert_eq!(loaded.account.name, "Acme Ltd");
    assert_eq!(all_shown(&loaded.records), all_shown(sample.founded.iter().chain(&records)));
    let events =
        store.events(sample.id(), &EventFilter { limit: 10, ..EventFilter::default() }).await.expect("read").events;
    assert_eq!(events.iter().map(|event| event.sequence).collect::<Vec<_>>(), [1, 2]);
}

pub async fn the_last_record_of_a_resource_counts(store: &dyn Store) {
    let mut sample = Sample::new(store).await;
    let mut item = sample.item(WorkflowId(1), 0);
    let mut records = Vec::new();
    for (state, priority) in [(ItemState::Pending, 1), (ItemState::Reserved, 2), (ItemState::Assigned, 3)] {
        (item.state, item.priority) = (state, priority);
        records.push(Record::Item(item.clone()));
    }
    sample.put(store, records).await;
    let stored = store.get(sample.id(), Kind::Item, &item.id.to_string()).await.expect("read").expect("there");
    assert_eq!(shown(&stored), shown(&Record::Item(item.clone())));
    // The columns that lists filter by follow the record.
    let filter = Filter { state: Some("assigned".to_owned()), limit: 10, ..Filter::default() };
    assert_eq!(store.list(sample.id(), Kind::Item, &filter).await.expect("read").len(), 1);
    item.state = ItemState::Completed;
    sample.put(store, vec![Record::Item(item)]).await;
    assert_eq!(store.list(sample.id(), Kind::Item, &filter).await.expect("read").len(), 0);
}

pub async fn a_batch_of_another_writer_is_fenced_off(store: &dyn Store) {
    let mut sample = Sample::new(store).await;
    let stale = {
        let queue = sample.queue("stale");
        let mut batch = sample.batch(vec![Record::Queue(queue)]);
        batch.events = [sample.event(1, "queue.created", "que_1")].into();
        batch.sequence = 1;
        batch
    };
    let queue = sample.queue("first");
    sample.put(store, vec![Record::Queue(queue)]).await;
    let before = loaded(store, sample.id()).await;
    let refused = store.commit(stale).await;
    assert!(matches!(refused, Err(StoreError::Fenced(id)) if id == sample.id()), "{refused:?}");
    assert_eq!(loaded(store, sample.id()).await, before);
    let events =
        store.events(sample.id(), &EventFilter { limit: 10, ..EventFilter::default() }).await.expect("read").events;
    assert!(events.is_empty());
}

pub async fn a_batch_that_fails_leaves_nothing(store: &dyn Store) {
    let mut sample = Sample::new(store).await;
    let mut batch = sample.batch(Vec::new());
    batch.events = [sample.event(1, "queue.created", "que_1")].into();
    batch.sequence = 1;
    sample.commit(store, batch).await;
    let before = loaded(store, sample.id()).await;
    // An event that is there already can never be written again: events are only ever appended.
    let queue = sample.queue("half");
    let mut batch = sample.batch(vec![Record::Queue(queue)]);
    batch.events = [sample.event(1, "queue.deleted", "que_2")].into();
    let failed = store.commit(batch).await;
    assert!(matches!(failed, Err(StoreError::Fenced(_))), "{failed:?}");
    assert_eq!(loaded(store, sample.id()).await, before);
    let events =
        store.events(sample.id(), &EventFilter { limit: 10, ..EventFilter::default() }).await.expect("read").events;
    assert_eq!(events[0].event_type, "queue.created");
    // And the store goes on.
    let queue = sample.queue("whole");
    sample.put(store, vec![Record::Queue(queue)]).await;
}

pub async fn a_batch_over_the_parameter_limits_is_stored(store: &dyn Store) {
    const ITEMS: usize = 4_001;
    const EVENTS: u64 = 10_003;
    let mut sample = Sample::new(store).await;
    let items = (0..ITEMS).map(|age| Record::Item(sample.item(WorkflowId(1), age as i64))).collect();
    let mut batch = sample.batch(items);
    batch.events = (1..=EVENTS).map(|sequence| sample.event(sequence, "work_item.created", "itm_1")).collect();
    batch.sequence = EVENTS;
    sample.commit(store, batch).await;
    let loaded = crate::support::loaded::load(store, sample.id()).await.expect("read").expect("there");
    assert_eq!(loaded.records.len(), sample.founded.len() + ITEMS);
    let filter = EventFilter { after_sequence: EVENTS - 2, limit: 10, ..EventFilter::default() };
    assert_eq!(store.events(sample.id(), &filter).await.expect("read").events.len(), 2);
}

pub async fn texts_come_back_as_they_were(store: &dyn Store) {
    let mut sample = Sample::new(store).await;
    let mut item = sample.item(WorkflowId(1), 0);
    let attributes = r#"{"b":1,"a":1.0,"text":"'; drop table \"work_items\" -- \u0000 ☎️ 𝄞"}"#;
    item.attributes = RawValue::from_string(attributes.to_owned()).expect("it is JSON");
    let mut queue = sample.queue("O'Brien \"☎️\" %_");
    queue.workers = serde_json::json!({"==": [{"var": "name"}, "\u{0}é"]});
    sample.put(store, vec![Record::Item(item.clone()), Record::Queue(queue.clone())]).await;
    let stored = store.get(sample.id(), Kind::Item, &item.id.to_string()).await.expect("read");
    let Some(Record::Item(stored)) = stored else { panic!("it is an item") };
    assert_eq!(stored.attributes.get(), attributes);
    let found = store.named(sample.id(), Kind::Queue, &queue.name).await.expect("read");
    assert_eq!(found, Some(queue.id.to_string()));
    let stored = store.get(sample.id(), Kind::Queue, &queue.id.to_string()).await.expect("read").expect("there");
    assert_eq!(shown(&stored), shown(&Record::Queue(queue)));
}
