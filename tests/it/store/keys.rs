//! API keys, kept answers and secrets.

use super::sample::*;
use crate::support::clock::START;
use cordboard::runtime::store::*;
use cordboard_domain::id::*;

fn key(sample: &mut Sample, number: u8) -> ApiKey {
    ApiKey {
        id: KeyId(sample.ids.next(START.plus_millis(i64::from(number)))),
        account: sample.account.id,
        name: format!("key {number}"),
        role: Role::Agent,
        worker: Some(WorkerId(9)),
        hash: [number; 32],
        created_at: START,
        expires_at: Some(START.plus_seconds(60)),
    }
}

pub async fn a_key_is_found_by_its_hash_until_deleted(store: &dyn Store) {
    let mut sample = Sample::new(store).await;
    let key = key(&mut sample, 1);
    let mut batch = sample.batch(Vec::new());
    batch.keys.push(KeyChange::Put(key.clone()));
    sample.commit(store, batch).await;
    assert_eq!(store.key_by_hash(&[1; 32]).await.expect("read"), Some(key.clone()));
    assert_eq!(store.key_by_hash(&[2; 32]).await.expect("read"), None);
    let renamed = ApiKey { name: "renamed".to_owned(), role: Role::Admin, worker: None, expires_at: None, ..key };
    let mut batch = sample.batch(Vec::new());
    batch.keys.push(KeyChange::Put(renamed.clone()));
    sample.commit(store, batch).await;
    assert_eq!(store.key_by_hash(&[1; 32]).await.expect("read"), Some(renamed.clone()));
    // Another account cannot delete it.
    let other = Sample::seeded(store, 2).await;
    let mut foreign = other.batch(Vec::new());
    foreign.keys.push(KeyChange::Delete(renamed.id));
    store.commit(foreign).await.expect("there is nothing to delete");
    assert!(store.key_by_hash(&[1; 32]).await.expect("read").is_some());
    let mut batch = sample.batch(Vec::new());
    batch.keys.push(KeyChange::Delete(renamed.id));
    sample.commit(store, batch).await;
    assert_eq!(store.key_by_hash(&[1; 32]).await.expect("read"), None);
}

pub async fn keys_are_listed_newest_first(store: &dyn Store) {
    let mut sample = Sample::new(store).await;
    let keys: Vec<ApiKey> = (0..5).map(|number| key(&mut sample, number)).collect();
    let mut batch = sample.batch(Vec::new());
    batch.keys = keys.iter().cloned().map(KeyChange::Put).collect();
    sample.commit(store, batch).await;
    let first = store.keys(sample.id(), None, 2).await.expect("read");
    assert_eq!(first, [keys[4].clone(), keys[3].clone()]);
    let next = store.keys(sample.id(), Some(&keys[3].id.to_string()), 10).await.expect("read");
    assert_eq!(next, [keys[2].clone(), keys[1].clone(), keys[0].clone()]);
    let other = Sample::seeded(store, 2).await;
    assert!(store.keys(other.id(), None, 10).await.expect("read").is_empty());
}

pub async fn an_answer_is_kept_until_forgotten(store: &dyn Store) {
    let mut sample = Sample::new(store).await;
    let kept = |status, at_s| KeptAnswer {
        key: "key-1".to_owned(),
        digest: [status as u8; 32],
        answer: StoredAnswer { status, body: format!("{{\"status\":{status}}}") },
        created_at: START.plus_seconds(at_s),
    };
    let same = |stored: Option<KeptAnswer>, expected: &KeptAnswer| {
        let stored = stored.expect("it is kept");
        assert_eq!(stored.key, expected.key);
        assert_eq!(stored.digest, expected.digest);
        assert_eq!(stored.answer, expected.answer);
        assert_eq!(stored.created_at, expected.created_at);
    };
    assert!(store.answer(sample.id(), "key-1").await.expect("read").is_none());
    for (status, at_s) in [(200, 10), (201, 20)] {
        let mut batch = sample.batch(Vec::new());
        batch.answers.push(kept(status, at_s));
        sample.commit(store, batch).await;
        same(store.answer(sample.id(), "key-1").await.expect("read"), &kept(status, at_s));
    }
    let other = Sample::seeded(store, 2).await;
    assert!(store.answer(other.id(), "key-1").await.expect("read").is_none());
    store.forget_answers_before(START.plus_seconds(20)).await.expect("done");
    assert!(store.answer(sample.id(), "key-1").await.expect("read").is_some());
    store.forget_answers_before(START.plus_seconds(21)).await.expect("done");
    assert!(store.answer(sample.id(), "key-1").await.expect("read").is_none());
}

pub async fn a_secret_is_made_once(store: &dyn Store) {
    assert_eq!(store.secret("tokens", [1; 32]).await.expect("made"), [1; 32]);
    assert_eq!(store.secret("tokens", [2; 32]).await.expect("read"), [1; 32]);
    assert_eq!(store.secret("others", [3; 32]).await.expect("made"), [3; 32]);
}

pub async fn the_store_answers(store: &dyn Store) {
    store.ping().await.expect("it answers");
}
