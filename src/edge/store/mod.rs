//! The store on SQLite or PostgreSQL, by URL. SQLite is written by one connection in WAL mode with full durability and
//! read by a few others.

mod codec;
mod commit;
mod deliveries;
mod events;
mod forget;
mod list;
mod load;
mod packed;
mod read;
mod rows;
mod statement;
mod statistics;

use crate::runtime::store::StoreError;
use cordboard_migrations::{Migrator, MigratorTrait};
use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbErr};
use std::time::Duration;

/// Connections that read from SQLite.
const SQLITE_READERS_MAX: u32 = 4;
/// Connections to PostgreSQL that read, and that write.
const POSTGRES_CONNECTIONS_MAX: u32 = 10;
const POSTGRES_WRITERS_MAX: u32 = 5;
/// How long a writer waits for another process's lock on SQLite, and anybody for a connection.
const WAIT_MAX: Duration = Duration::from_secs(10);

/// Size of a page of a new SQLite database: rows are about a kilobyte, and several should fit.
const PAGE_BYTES: u32 = 16_384;
/// Pages in the write-ahead log after which a commit copies them into the database: 64 MiB. Fewer would copy the pages
/// that every commit touches again and again.
const CHECKPOINT_PAGES: &str = "4096";

pub struct SqlStore {
    pub(crate) writer: DatabaseConnection,
    pub(crate) reader: DatabaseConnection,
}

impl From<DbErr> for StoreError {
    fn from(error: DbErr) -> Self {
        Self::Database(error.to_string())
    }
}

impl SqlStore {
    /// Opens a database (`sqlite:///path/file.db` or `postgres://…`) and brings its schema up to date.
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        let store = Self::connect(url).await?;
        Migrator::up(&store.writer, None).await?;
        Ok(store)
    }

    async fn connect(url: &str) -> Result<Self, StoreError> {
        if url.starts_with("sqlite:") {
            let writer = Database::connect(sqlite(&format!("{url}?mode=rwc"), 1)).await?;
            // The file exists from here on, in WAL mode, so readers may open it.
            writer.execute_unprepared("PRAGMA journal_mode = WAL").await?;
            let reader = Database::connect(sqlite(&format!("{url}?mode=rw"), SQLITE_READERS_MAX)).await?;
            return Ok(Self { writer, reader });
        }
        let mut options = ConnectOptions::new(url.to_owned());
        options.max_connections(POSTGRES_CONNECTIONS_MAX).acquire_timeout(WAIT_MAX).sqlx_logging(false);
        // Apart, so that whoever reads much keeps no commit waiting.
        let mut writing = options.clone();
        writing.max_connections(POSTGRES_WRITERS_MAX);
        let (writer, reader) = (Database::connect(writing).await?, Database::connect(options).await?);
        Ok(Self { writer, reader })
    }
}

fn sqlite(url: &str, connections: u32) -> ConnectOptions {
    let mut options = ConnectOptions::new(url.to_owned());
    options.max_connections(connections).min_connections(1).acquire_timeout(WAIT_MAX).sqlx_logging(false);
    options.map_sqlx_sqlite_opts(|options| {
        options
            .page_size(PAGE_BYTES)
            .busy_timeout(WAIT_MAX)
            .pragma("synchronous", "FULL")
            .pragma("cache_size", "-65536")
            .pragma("wal_autocheckpoint", CHECKPOINT_PAGES)
    });
    options
}
