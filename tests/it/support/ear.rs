//! Listens to an account's events, as they are committed.

use cordboard::runtime::Runtime;
use cordboard::runtime::feed::Committed;
use cordboard_domain::id::AccountId;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::broadcast;

/// What takes longer has gone wrong; only a test that fails waits for it.
const PATIENCE: Duration = Duration::from_secs(30);

pub struct Ear(broadcast::Receiver<Arc<Committed>>);

impl Ear {
    pub fn new(runtime: &Runtime, account: AccountId) -> Self {
        Self(runtime.subscribe(account).expect("the account is there"))
    }

    /// The data of the next event of a type; what comes before it in its commit and those before is passed over.
    pub async fn hears(&mut self, wanted: &str) -> Value {
        let heard = async {
            loop {
                let committed = self.0.recv().await.expect("events come");
                if let Some(event) = committed.events.iter().find(|event| event.event_type == wanted) {
                    return serde_json::from_str(event.data.get()).expect("JSON");
                }
            }
        };
        tokio::time::timeout(PATIENCE, heard).await.unwrap_or_else(|_| panic!("no {wanted}"))
    }
}
