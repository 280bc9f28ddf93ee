//! The event log: an account's events in blocks, each a compressed JSON array of events that were committed together.
//!
//! Events of one change share nearly all of their text, and a row each would cost more to write than everything else
//! of a commit. A block is found by the sequence number of its last event; beside it stand the subjects of its events.

use super::SqlStore;
use super::codec::encode;
use super::load::select;
use super::packed::{pack, unpack};
use super::statement::{Rows, Table};
use crate::runtime::store::{EventFilter, EventPage, StoreError, StoredEvent};
use cordboard_domain::event::Event;
use cordboard_domain::id::{AccountId, EventId, WorkerId};
use cordboard_domain::time::Timestamp;
use sea_orm::sea_query::{Alias, Expr, ExprTrait, JoinType, Order};
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, Statement};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::BTreeSet;

/// Events of one block, and bytes of text after which it takes no further one: the compression looks 64 KiB back.
const BLOCK_EVENTS_MAX: usize = 64;
const BLOCK_TEXT_BYTES_FULL: usize = 64 * 1_024;
/// Blocks read with one query, and for one page.
const STRETCH_BLOCKS: u64 = 16;
const PAGE_BLOCKS_MAX: u64 = 320;

static EVENTS: Table = Table {
    name: "events",
    key: &["account", "last_sequence"],
    fixed: &["first_sequence", "last_time", "body"],
    changing: &[],
};
static SUBJECTS: Table =
    Table { name: "event_subjects", key: &["subject", "last_sequence"], fixed: &[], changing: &[] };

/// An event as it stands in a block.
#[derive(Serialize)]
struct Written<'a> {
    sequence: u64,
    id: EventId,
    r#type: &'a str,
    subject: &'a str,
    time: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    worker: Option<WorkerId>,
    data: &'a RawValue,
}

#[derive(Deserialize)]
struct Read<'a> {
    sequence: u64,
    id: &'a str,
    r#type: &'a str,
    /// Names of new kinds of subjects may need escapes.
    #[serde(borrow)]
    subject: Cow<'a, str>,
    time: Timestamp,
    #[serde(default)]
    worker: Option<WorkerId>,
    #[serde(borrow)]
    data: &'a RawValue,
}

/// The rows of a batch's events.
pub(super) struct EventRows {
    events: Rows,
    subjects: Rows,
}

impl EventRows {
    pub fn of(account: &str, events: &[Event]) -> Result<Self, StoreError> {
        let mut rows = Self { events: Rows::of(&EVENTS), subjects: Rows::of(&SUBJECTS) };
        let mut left = events;
        while !left.is_empty() {
            let (text, taken) = text_of(left)?;
            let (block, rest) = left.split_at(taken);
            rows.push(account, block, &text);
            left = rest;
        }
        Ok(rows)
    }

    fn push(&mut self, account: &str, block: &[Event], text: &str) {
        let (Some(first), Some(last)) = (block.first(), block.last()) else { return };
        let (first, last, time) = (first.sequence as i64, last.sequence as i64, last.time.millis());
        self.events.push([account.into(), last.into(), first.into(), time.into(), pack(text).into()]);
        let subjects: BTreeSet<&str> = block.iter().map(|event| event.subject.as_str()).collect();
        for subject in subjects {
            self.subjects.push([subject.into(), last.into()]);
        }
    }

    /// Writes the blocks; one that is there already fails the transaction.
    pub async fn append(self, transaction: &DatabaseTransaction) -> Result<(), StoreError> {
        self.events.append(transaction).await?;
        self.subjects.append(transaction).await
    }
}

/// The text of a block that begins with the first of `events`, and how many of them it took.
fn text_of(events: &[Event]) -> Result<(String, usize), StoreError> {
    let (mut text, mut taken) = (String::from("["), 0);
    for event in events.iter().take(BLOCK_EVENTS_MAX) {
        if text.len() >= BLOCK_TEXT_BYTES_FULL {
            break;
        }
        if taken > 0 {
            text.push(',');
        }
        let Event { id, sequence, event_type, subject, time, worker, data } = event;
        let (sequence, time, worker) = (*sequence, *time, *worker);
        let written = Written { sequence, id: *id, r#type: event_type, subject, time, worker, data };
        text.push_str(&encode(&written)?);
        taken += 1;
    }
    text.push(']');
    Ok((text, taken))
}

fn unreadable(why: impl ToString) -> StoreError {
    StoreError::Unreadable { what: "block of events".to_owned(), why: why.to_string() }
}

fn text_in(body: &[u8]) -> Result<String, StoreError> {
    unpack(body).map_err(unreadable)
}

/// What the events of a block are about, each once.
pub(super) fn subjects_in(body: &[u8]) -> Result<BTreeSet<String>, StoreError> {
    let text = text_in(body)?;
    let events: Vec<Read<'_>> = serde_json::from_str(&text).map_err(unreadable)?;
    Ok(events.into_iter().map(|event| event.subject.into_owned()).collect())
}

/// A page being filled from one block after the other.
struct Page<'a> {
    filter: &'a EventFilter,
    events: Vec<StoredEvent>,
    /// There is at least one event more than the page may hold.
    full: bool,
}

impl Page<'_> {
    fn add(&mut self, body: &[u8]) -> Result<(), StoreError> {
        let text = text_in(body)?;
        let events: Vec<Read<'_>> = serde_json::from_str(&text).map_err(unreadable)?;
        for event in events {
            if self.full {
                break;
            }
            if self.is_wanted(&event) {
                self.take(event);
            }
        }
        Ok(())
    }

    fn is_wanted(&self, event: &Read<'_>) -> bool {
        let types = &self.filter.types;
        event.sequence > self.filter.after_sequence
            && (types.is_empty() || types.iter().any(|wanted| wanted == event.r#type))
            && self.filter.subject.as_ref().is_none_or(|subject| *subject == event.subject)
    }

    fn take(&mut self, event: Read<'_>) {
        if self.events.len() as u64 == self.filter.limit {
            self.full = true;
            return;
        }
        self.events.push(StoredEvent {
            sequence: event.sequence,
            id: event.id.to_owned(),
            event_type: event.r#type.to_owned(),
            subject: event.subject.into_owned(),
            time: event.time,
            worker: event.worker,
            data: event.data.to_owned(),
        });
    }
}

impl SqlStore {
    pub(super) async fn read_events(&self, account: AccountId, filter: &EventFilter) -> Result<EventPage, StoreError> {
        let mut page = Page { filter, events: Vec::new(), full: false };
        let mut read_to = filter.after_sequence;
        for _ in 0..PAGE_BLOCKS_MAX / STRETCH_BLOCKS {
            let blocks = self.blocks_after(account, read_to, filter.subject.as_deref()).await?;
            for (_, body) in &blocks {
                page.add(body)?;
            }
            if page.full {
                // What follows the last one is at most on the next page.
                read_to = page.events.last().map_or(read_to, |event| event.sequence);
                break;
            }
            read_to = blocks.last().map_or(read_to, |(last, _)| *last);
            if (blocks.len() as u64) < STRETCH_BLOCKS {
                return Ok(EventPage { events: page.events, read_to, more: false });
            }
        }
        Ok(EventPage { events: page.events, read_to, more: true })
    }

    /// The first event that is kept. An account that has none keeps what comes after its last.
    pub(super) async fn read_first_event(&self, account: AccountId) -> Result<u64, StoreError> {
        let backend = self.reader.get_database_backend();
        let mark = if backend == DbBackend::Postgres { "$1" } else { "?" };
        // In one statement: between two, the account's first events may be written.
        let first = format!(
            "SELECT COALESCE((SELECT first_sequence FROM events WHERE account = accounts.id \
             ORDER BY last_sequence LIMIT 1), sequence + 1) AS first FROM accounts WHERE id = {mark}"
        );
        let first = Statement::from_sql_and_values(backend, first, [account.to_string().into()]);
        let row = self.reader.query_one_raw(first).await?;
        Ok(row.map_or(Ok(1), |row| row.try_get::<i64>("", "first"))? as u64)
    }

    /// The next blocks with events after a sequence number, about a subject if one is given.
    async fn blocks_after(
        &self,
        account: AccountId,
        sequence: u64,
        subject: Option<&str>,
    ) -> Result<Vec<(u64, Vec<u8>)>, StoreError> {
        let of = |table: &'static str, column: &'static str| Expr::col((Alias::new(table), Alias::new(column)));
        let mut blocks = select("events", &[]);
        blocks.column((Alias::new("events"), Alias::new("last_sequence"))).column(Alias::new("body"));
        blocks.and_where(of("events", "account").eq(account.to_string()));
        let found_in = if let Some(subject) = subject {
            let same = of("event_subjects", "last_sequence").eq(of("events", "last_sequence"));
            blocks.join(JoinType::InnerJoin, Alias::new("event_subjects"), same);
            blocks.and_where(of("event_subjects", "subject").eq(subject));
            "event_subjects"
        } else {
            "events"
        };
        blocks
            .and_where(of(found_in, "last_sequence").gt(sequence as i64))
            .order_by((Alias::new(found_in), Alias::new("last_sequence")), Order::Asc)
            .limit(STRETCH_BLOCKS);
        let rows = self.reader.query_all(&blocks).await?;
        let block = |row: &sea_orm::QueryResult| {
            Ok((row.try_get::<i64>("", "last_sequence")? as u64, row.try_get::<Vec<u8>>("", "body")?))
        };
        rows.iter().map(block).collect()
    }
}
