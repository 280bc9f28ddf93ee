//! Deliveries and positions in the store: what is written says how things are, and may be written twice.

use crate::support::clock::START;
use cordboard::runtime::delivery::record::*;
use cordboard_domain::event_channel::Message;
use cordboard_domain::id::*;

const ACCOUNT: AccountId = AccountId(1);
const ONE: SubscriptionId = SubscriptionId(7);
const OTHER: SubscriptionId = SubscriptionId(8);
const ALL: DeliveryFilter = DeliveryFilter { state: None, before: None, limit: 100 };

fn delivery(subscription: SubscriptionId, sequence: u64) -> Delivery {
    let message = Message {
        id: format!("evt_{sequence}"),
        first_sequence: sequence,
        last_sequence: sequence,
        events: 1,
        event_type: Some("queue.created".to_owned()),
        body: format!("{{\"sequence\":{sequence},\"text\":\"☎ 'quoted'\"}}"),
    };
    Delivery {
        account: ACCOUNT,
        subscription,
        message,
        state: DeliveryState::Pending,
        attempts: Vec::new(),
        tries: 0,
        next_attempt_at: None,
        created_at: START,
        resolved_at: None,
    }
}

fn planned(subscription: SubscriptionId, sequences: &[u64]) -> Entry {
    let deliveries: Vec<Delivery> = sequences.iter().map(|sequence| delivery(subscription, *sequence)).collect();
    let position = Position { starts: 0, sequence: sequences.last().copied().unwrap_or_default() };
    Entry::Planned { account: ACCOUNT, subscription, position, deliveries }
}

/// The delivery as it is after an attempt.
fn attempted(mut delivery: Delivery, state: DeliveryState) -> Entry {
    let error = AttemptError { code: "timeout".to_owned(), message: "there was no answer".to_owned() };
    let attempt = Attempt { at: START, latency_ms: 12, status: Some(500), answer: None, error: Some(error) };
    delivery.attempts.push(attempt);
    delivery.tries += 1;
    delivery.state = state;
    match state {
        DeliveryState::Pending => delivery.next_attempt_at = Some(START.plus_seconds(5)),
        _ => delivery.resolved_at = Some(START.plus_seconds(delivery.message.last_sequence as u32)),
    }
    Entry::Attempted(delivery)
}

async fn write(store: &dyn DeliveryStore, entries: &[Entry]) -> Vec<u64> {
    store.write_deliveries(entries).await.expect("written")
}

async fn listed(store: &dyn DeliveryStore, subscription: SubscriptionId) -> Vec<(u64, DeliveryState)> {
    let all = store.deliveries(subscription, &ALL).await.expect("read");
    all.into_iter().map(|delivery| (delivery.message.last_sequence, delivery.state)).collect()
}

async fn pending(store: &dyn DeliveryStore, subscription: SubscriptionId) -> Vec<u64> {
    let pending = store.pending_deliveries(subscription, 100).await.expect("read");
    pending.into_iter().map(|delivery| delivery.message.last_sequence).collect()
}

pub async fn deliveries_are_kept_as_they_were_written(store: &dyn DeliveryStore) {
    assert_eq!(store.delivery_position(ONE).await.expect("read"), None);
    let entries = [planned(ONE, &[3, 5, 9]), Entry::Barrier, planned(OTHER, &[4])];
    // Twice does no harm.
    for _ in 0..2 {
        assert_eq!(write(store, &entries).await, [3, 0, 1]);
    }
    let position = Position { starts: 0, sequence: 9 };
    assert_eq!(store.delivery_position(ONE).await.expect("read"), Some(position));
    assert_eq!(store.pending_deliveries(ONE, 2).await.expect("read"), [delivery(ONE, 3), delivery(ONE, 5)]);
    let Entry::Attempted(expected) = attempted(delivery(ONE, 5), DeliveryState::Delivered) else { unreachable!() };
    for _ in 0..2 {
        assert_eq!(write(store, &[Entry::Attempted(expected.clone())]).await, [1]);
    }
    assert_eq!(store.delivery(ONE, "evt_5").await.expect("read"), Some(expected));
    assert_eq!(store.delivery(OTHER, "evt_5").await.expect("read"), None);
    let batch = Message { event_type: None, events: 7, first_sequence: 10, ..delivery(ONE, 16).message };
    let batch = Delivery { message: batch, ..delivery(ONE, 16) };
    let position = Position { starts: 2, sequence: 20 };
    let entry = Entry::Planned { account: ACCOUNT, subscription: ONE, position, deliveries: vec![batch.clone()] };
    write(store, &[entry]).await;
    assert_eq!(store.delivery(ONE, "evt_16").await.expect("read"), Some(batch));
    assert_eq!(store.delivery_position(ONE).await.expect("read"), Some(position));
}

pub async fn deliveries_are_listed_newest_first_by_state_and_page(store: &dyn DeliveryStore) {
    write(store, &[planned(ONE, &[1, 2, 3, 4]), planned(OTHER, &[2])]).await;
    write(store, &[attempted(delivery(ONE, 2), DeliveryState::Failed)]).await;
    let of = async |filter: DeliveryFilter| {
        let found = store.deliveries(ONE, &filter).await.expect("read");
        found.into_iter().map(|delivery| delivery.message.last_sequence).collect::<Vec<_>>()
    };
    assert_eq!(of(ALL).await, [4, 3, 2, 1]);
    assert_eq!(of(DeliveryFilter { limit: 2, ..ALL }).await, [4, 3]);
    assert_eq!(of(DeliveryFilter { before: Some(3), ..ALL }).await, [2, 1]);
    assert_eq!(of(DeliveryFilter { state: Some(DeliveryState::Failed), ..ALL }).await, [2]);
    assert_eq!(of(DeliveryFilter { state: Some(DeliveryState::Pending), before: Some(4), ..ALL }).await, [3, 1]);
}

pub async fn a_new_start_skips_what_is_pending(store: &dyn DeliveryStore) {
    write(store, &[planned(ONE, &[1, 2, 3]), planned(OTHER, &[2])]).await;
    write(store, &[attempted(delivery(ONE, 1), DeliveryState::Delivered)]).await;
    let position = Position { starts: 1, sequence: 0 };
    let start = Entry::Started { account: ACCOUNT, subscription: ONE, position, at: START.plus_seconds(60) };
    assert_eq!(write(store, &[start]).await, [2]);
    use DeliveryState::*;
    assert_eq!(listed(store, ONE).await, [(3, Skipped), (2, Skipped), (1, Delivered)]);
    assert_eq!(listed(store, OTHER).await, [(2, Pending)]);
    assert_eq!(store.delivery_position(ONE).await.expect("read"), Some(position));
    // What is sent anew takes the place of what was skipped.
    write(store, &[planned(ONE, &[2])]).await;
    assert_eq!(listed(store, ONE).await, [(3, Skipped), (2, Pending), (1, Delivered)]);
}

pub async fn what_is_to_be_sent_again_is_pending_again(store: &dyn DeliveryStore) {
    use DeliveryState::*;
    write(store, &[planned(ONE, &[1, 2, 3, 4, 5]), planned(OTHER, &[2, 3])]).await;
    let outcomes = [(1, Delivered), (2, Failed), (3, Failed), (4, Delivered), (5, Pending)];
    let entries: Vec<Entry> =
        outcomes.into_iter().map(|(sequence, state)| attempted(delivery(ONE, sequence), state)).collect();
    write(store, &entries).await;
    write(store, &[attempted(delivery(OTHER, 2), Failed)]).await;
    let resent = async |which: Resend| write(store, &[Entry::Resent { subscription: ONE, which }]).await[0];
    assert_eq!(resent(Resend::Waiting).await, 1);
    let fifth = store.delivery(ONE, "evt_5").await.expect("read").expect("there");
    assert_eq!((fifth.next_attempt_at, fifth.tries), (None, 1), "the round goes on");
    assert_eq!(resent(Resend::Waiting).await, 0, "it does not wait any more");
    assert_eq!(resent(Resend::One("evt_9".to_owned())).await, 0);
    assert_eq!(resent(Resend::One("evt_1".to_owned())).await, 1);
    let range = |failed_only| Resend::Range { from_sequence: 3, to_sequence: 4, failed_only };
    assert_eq!(resent(range(true)).await, 1);
    assert_eq!(pending(store, ONE).await, [1, 3, 5]);
    assert_eq!(resent(range(false)).await, 2);
    assert_eq!(pending(store, ONE).await, [1, 3, 4, 5]);
    let third = store.delivery(ONE, "evt_3").await.expect("read").expect("there");
    assert_eq!((third.tries, third.resolved_at, third.attempts.len()), (0, None, 1), "a round of its own");
    assert_eq!(listed(store, OTHER).await, [(3, Pending), (2, Failed)]);
}

pub async fn no_more_are_sent_again_than_may_be(store: &dyn DeliveryStore) {
    let sequences: Vec<u64> = (1..=RESEND_MAX + 5).collect();
    write(store, &[planned(ONE, &sequences)]).await;
    let start = Position { starts: 1, sequence: 0 };
    write(store, &[Entry::Started { account: ACCOUNT, subscription: ONE, position: start, at: START }]).await;
    let which = Resend::Range { from_sequence: 0, to_sequence: i64::MAX as u64, failed_only: true };
    let again = Entry::Resent { subscription: ONE, which };
    assert_eq!(write(store, std::slice::from_ref(&again)).await, [RESEND_MAX]);
    // The oldest first; the rest with the next call.
    let first = store.pending_deliveries(ONE, 2_000).await.expect("read");
    assert_eq!(first.last().map(|delivery| delivery.message.last_sequence), Some(RESEND_MAX));
    assert_eq!(write(store, &[again]).await, [5]);
}

pub async fn what_is_over_is_forgotten_in_time_and_nothing_else(store: &dyn DeliveryStore) {
    use DeliveryState::*;
    write(store, &[planned(ONE, &[1, 2, 3]), planned(OTHER, &[1, 9])]).await;
    write(store, &[attempted(delivery(ONE, 1), Delivered), attempted(delivery(ONE, 3), Failed)]).await;
    write(store, &[attempted(delivery(OTHER, 1), Delivered), attempted(delivery(OTHER, 9), Delivered)]).await;
    // They were over after as many seconds as their sequence numbers.
    assert!(!store.forget_deliveries_before(START.plus_seconds(3)).await.expect("forgotten"));
    assert_eq!(listed(store, ONE).await, [(3, Failed), (2, Pending)]);
    assert_eq!(listed(store, OTHER).await, [(9, Delivered)]);
    // An outcome that comes late brings nothing back.
    assert_eq!(write(store, &[attempted(delivery(ONE, 1), Delivered)]).await, [0]);
    assert_eq!(store.delivered_subscriptions(ACCOUNT).await.expect("read").len(), 2);
    assert_eq!(store.delivered_subscriptions(AccountId(2)).await.expect("read"), []);
    write(store, &[Entry::Forgotten(ONE)]).await;
    assert_eq!(listed(store, ONE).await, []);
    assert_eq!(store.delivery_position(ONE).await.expect("read"), None);
    assert_eq!(store.delivered_subscriptions(ACCOUNT).await.expect("read"), [OTHER]);
    assert_eq!(listed(store, OTHER).await, [(9, Delivered)]);
}
