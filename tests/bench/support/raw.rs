//! Raw SQLite: the rows of lifecycles written to the tables of the store with full durability, and nothing else: no
//! engine, no runtime, no answers.

use super::percentile;
use sea_orm::sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sea_orm::sqlx::{self, AssertSqlSafe, ConnectOptions, Connection, Row};
use std::path::Path;
use std::time::{Duration, Instant};

/// Events of each of the three changes of a lifecycle: created and offered, accepted, completed.
const EVENTS: [usize; 3] = [6, 2, 2];
/// Workers among whom the reservations are spread.
const WORKERS: usize = 512;
/// Events of a full block.
const BLOCK_EVENTS: usize = 64;
/// Rows of one statement.
const STATEMENT_ROWS: usize = 64;

/// Mean bytes of the rows that were really written.
#[derive(Debug, Clone, Copy)]
pub struct Sizes {
    pub item: usize,
    pub reservation: usize,
    /// The events of one change alone, and a full block of those of many.
    pub few_events: usize,
    pub full_block: usize,
}

pub struct Raw {
    connection: SqliteConnection,
    sizes: Sizes,
    sequence: usize,
    lifecycles: usize,
}

async fn connect(file: &Path) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(file).page_size(16_384).create_if_missing(true);
    let options = options.journal_mode(SqliteJournalMode::Wal).synchronous(SqliteSynchronous::Full);
    let options = options.pragma("wal_autocheckpoint", "4096").pragma("cache_size", "-65536");
    options.disable_statement_logging().connect().await.expect("the file opens")
}

/// Mean sizes of what a run has left behind.
pub async fn sizes(file: &Path) -> Sizes {
    let mut connection = connect(file).await;
    let mut mean = async |sql: &'static str| {
        let row = sqlx::query(sql).fetch_one(&mut connection).await.expect("it is read");
        row.get::<f64, _>(0) as usize
    };
    Sizes {
        item: mean("SELECT avg(length(body)) FROM (SELECT body FROM work_items LIMIT 1000)").await,
        reservation: mean("SELECT avg(length(body)) FROM (SELECT body FROM reservations LIMIT 1000)").await,
        few_events: mean("SELECT avg(length(body)) FROM events WHERE last_sequence - first_sequence < 10").await,
        full_block: mean("SELECT avg(length(body)) FROM events WHERE last_sequence - first_sequence = 63").await,
    }
}

/// `tables` is a database whose tables and indexes are made anew in `file`.
pub async fn open(tables: &Path, file: &Path, sizes: Sizes) -> Raw {
    let mut source = connect(tables).await;
    let made = "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' ORDER BY type DESC";
    let rows = sqlx::query(made).fetch_all(&mut source).await.expect("the tables are read");
    let mut connection = connect(file).await;
    for row in rows {
        let sql: String = row.get(0);
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.expect("the table is made");
    }
    source.close().await.expect("it closes");
    Raw { connection, sizes, sequence: 0, lifecycles: 0 }
}

type Values = Vec<String>;

impl Raw {
    /// Lifecycles per second with so many changes in each transaction.
    pub async fn run(&mut self, group: usize, length: Duration) -> (f64, f64) {
        let (started, before) = (Instant::now(), self.lifecycles);
        let mut times = Vec::new();
        while started.elapsed() < length {
            // The same step of a group of lifecycles, then the next step of the same ones.
            for step in 0..EVENTS.len() {
                let began = Instant::now();
                self.commit(group, step).await;
                times.push(began.elapsed());
            }
            self.lifecycles += group;
        }
        times.sort_unstable();
        ((self.lifecycles - before) as f64 / started.elapsed().as_secs_f64(), percentile(&times, 99))
    }

    async fn commit(&mut self, group: usize, step: usize) {
        let id = |prefix: &str, number: usize| format!("{prefix}_01ke6p4ym0dsw9w{number:011}");
        let account = id("acc", 1);
        let state = ["reserved", "assigned", "completed"][step].to_owned();
        let (mut items, mut reservations, mut subjects) = (Values::new(), Values::new(), Values::new());
        let bucket = "1".to_owned();
        for number in self.lifecycles..self.lifecycles + group {
            let (item, reservation) = (id("itm", number), id("res", number));
            let (workflow, queue, chat) = (id("wfl", 1), id("que", 1), "chat".to_owned());
            let (worker, body) = (id("wkr", number % WORKERS), "x".repeat(self.sizes.item));
            let row = [chat, bucket.clone(), state.clone(), workflow, queue, worker.clone(), body];
            items.extend([account.clone(), item.clone()].into_iter().chain(row));
            let body = "x".repeat(self.sizes.reservation);
            let row = [item.clone(), worker.clone(), bucket.clone(), state.clone(), body];
            reservations.extend([account.clone(), reservation.clone()].into_iter().chain(row));
            let block = (self.sequence + (number - self.lifecycles) * EVENTS[step]) / BLOCK_EVENTS;
            for subject in [item, reservation] {
                subjects.extend([subject, ((block + 1) * BLOCK_EVENTS).to_string()]);
            }
        }
        let events = self.blocks(&account, group * EVENTS[step]);
        sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut self.connection).await.expect("it begins");
        const ITEM: &str = "work_items (account, id, channel, bucket, state, workflow, queue, worker, body)";
        const CHANGED: &str = "state = excluded.state, body = excluded.body";
        let on_item = format!("ON CONFLICT (account, id) DO UPDATE SET worker = excluded.worker, {CHANGED}");
        let on_reservation = format!("ON CONFLICT (account, id) DO UPDATE SET {CHANGED}");
        const RESERVATION: &str = "reservations (account, id, work_item, worker, bucket, state, body)";
        self.insert(ITEM, 9, &on_item, items).await;
        self.insert(RESERVATION, 7, &on_reservation, reservations).await;
        self.insert("events (account, last_sequence, first_sequence, last_time, body)", 5, "", events).await;
        self.insert("event_subjects (subject, last_sequence)", 2, "ON CONFLICT DO NOTHING", subjects).await;
        sqlx::raw_sql("COMMIT").execute(&mut self.connection).await.expect("it commits");
    }

    /// The blocks of so many events.
    fn blocks(&mut self, account: &str, mut events: usize) -> Values {
        let mut blocks = Values::new();
        while events > 0 {
            let taken = events.min(BLOCK_EVENTS);
            let body = if taken < 10 { self.sizes.few_events } else { self.sizes.full_block * taken / BLOCK_EVENTS };
            let (first, last) = (self.sequence + 1, self.sequence + taken);
            let time = "1767603600000".to_owned();
            blocks.extend([account.to_owned(), last.to_string(), first.to_string(), time, "x".repeat(body)]);
            (self.sequence, events) = (last, events - taken);
        }
        blocks
    }

    async fn insert(&mut self, table: &str, width: usize, conflict: &str, values: Values) {
        let row = format!("({})", vec!["?"; width].join(", "));
        for values in values.chunks(width * STATEMENT_ROWS) {
            let rows = vec![row.as_str(); values.len() / width].join(", ");
            let sql = format!("INSERT INTO {table} VALUES {rows} {conflict}");
            let mut query = sqlx::query(AssertSqlSafe(sql));
            for value in values {
                query = query.bind(value.as_str());
            }
            query.execute(&mut self.connection).await.expect("rows are written");
        }
    }
}
