//! A store of its own for each test, on either database; it is gone when the test ends.

use super::postgres;
use cordboard::edge::store::SqlStore;
use std::sync::Arc;
use tempfile::TempDir;

pub struct Database {
    pub url: String,
    pub store: Arc<SqlStore>,
    /// Holds the file of a SQLite database.
    _directory: Option<TempDir>,
}

impl Database {
    pub async fn sqlite() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        let url = format!("sqlite://{}", directory.path().join("cordboard.db").display());
        Self::open(url, Some(directory)).await
    }

    pub async fn postgres() -> Self {
        Self::open(postgres::fresh_database().await, None).await
    }

    async fn open(url: String, directory: Option<TempDir>) -> Self {
        let store = Arc::new(SqlStore::open(&url).await.expect("the store opens"));
        Self { url, store, _directory: directory }
    }

    /// The same database through connections of its own, as another process would see it.
    pub async fn again(&self) -> Arc<SqlStore> {
        Arc::new(SqlStore::open(&self.url).await.expect("the store opens again"))
    }
}
