//! An account read whole from a store, as recovery reads it.

use cordboard::runtime::store::{Store, StoreError};
use cordboard_domain::id::AccountId;
use cordboard_domain::work::{Account, Record};

#[derive(Debug)]
pub struct Loaded {
    pub account: Account,
    pub sequence: u64,
    pub commits: u64,
    pub records: Vec<Record>,
}

pub async fn load(store: &dyn Store, account: AccountId) -> Result<Option<Loaded>, StoreError> {
    let Some(mut loading) = store.load(account).await? else { return Ok(None) };
    let mut records = Vec::new();
    while let Some(stretch) = loading.next().await? {
        records.extend(stretch);
    }
    Ok(Some(Loaded { account: loading.account, sequence: loading.sequence, commits: loading.commits, records }))
}
