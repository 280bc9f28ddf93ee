//! Accounts and everything that the work engine keeps. A row holds its record as JSON, beside the columns by which it
//! is found; ids are text that sorts by creation.

use crate::tables::{clustered, table, word, word_or_none};
use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, binary, integer, text, text_null};
use sea_orm_migration::sea_orm::{ConnectionTrait, DbBackend};

#[derive(DeriveMigrationName)]
pub struct Migration;

fn tables(backend: DbBackend) -> Vec<TableCreateStatement> {
    let word = |name| word(name, backend);
    let word_or_none = |name| word_or_none(name, backend);
    vec![
        // `commits` rises with every commit and fences off a second writer; `sequence` is that of the last event.
        table(
            "accounts",
            &["id"],
            vec![word("id"), text("name"), text("body"), big_integer("sequence"), big_integer("commits")],
        ),
        table(
            "resources",
            &["account", "kind", "id"],
            vec![word("account"), word("kind"), word("id"), text("name"), text("body")],
        ),
        table(
            "workflow_versions",
            &["account", "workflow", "version"],
            vec![word("account"), word("workflow"), integer("version"), text("body")],
        ),
        table(
            "work_items",
            &["account", "id"],
            vec![
                word("account"),
                word("id"),
                text("channel"),
                big_integer("bucket"),
                word("state"),
                word("workflow"),
                word_or_none("queue"),
                word_or_none("worker"),
                text("body"),
            ],
        ),
        table(
            "reservations",
            &["account", "id"],
            vec![
                word("account"),
                word("id"),
                word("work_item"),
                word("worker"),
                big_integer("bucket"),
                word("state"),
                text("body"),
            ],
        ),
        // A block of events that were committed together, and what they are about.
        table(
            "events",
            &["account", "last_sequence"],
            vec![
                word("account"),
                big_integer("last_sequence"),
                big_integer("first_sequence"),
                big_integer("last_time"),
                binary("body"),
            ],
        ),
        clustered(
            table("event_subjects", &["subject", "last_sequence"], vec![word("subject"), big_integer("last_sequence")]),
            backend,
        ),
        table(
            "api_keys",
            &["id"],
            vec![
                word("id"),
                word("account"),
                text("name"),
                word("role"),
                word_or_none("worker"),
                binary("hash"),
                big_integer("created_at"),
                text_null("expires_at"),
            ],
        ),
        table(
            "answers",
            &["account", "key"],
            vec![
                word("account"),
                word("key"),
                binary("digest"),
                integer("status"),
                text("body"),
                big_integer("created_at"),
            ],
        ),
        table("secrets", &["name"], vec![word("name"), binary("value")]),
    ]
}

/// Every list is newest first by id within one value. Ids of queues, workers, workflows and items belong to one
/// account, so only states and channels need it in front. The indexes are few because each is written with every
/// change of an item. Workers are many: what is made about the same time has one `bucket`, and within it the rows of
/// all workers are neighbours, so that a commit does not write a page for each of them.
const INDEXES: [&str; 11] = [
    "resources_by_name ON resources (account, kind, name)",
    "work_items_by_state ON work_items (account, state, id)",
    "work_items_by_channel ON work_items (account, channel, id)",
    "work_items_by_workflow ON work_items (workflow, id)",
    "work_items_by_queue ON work_items (queue, id) WHERE queue IS NOT NULL",
    "work_items_by_worker ON work_items (account, bucket, worker, id) WHERE worker IS NOT NULL",
    "reservations_by_state ON reservations (account, state, id)",
    "reservations_by_item ON reservations (work_item, id)",
    "reservations_by_worker ON reservations (account, bucket, worker, id)",
    "api_keys_by_account ON api_keys (account, id)",
    "answers_by_age ON answers (created_at)",
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for statement in tables(manager.get_database_backend()) {
            manager.create_table(statement).await?;
        }
        let connection = manager.get_connection();
        for index in INDEXES {
            connection.execute_unprepared(&format!("CREATE INDEX IF NOT EXISTS {index}")).await?;
        }
        // Two keys with one hash would be one key with two accounts.
        let unique = "CREATE UNIQUE INDEX IF NOT EXISTS api_keys_by_hash ON api_keys (hash)";
        connection.execute_unprepared(unique).await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let tables = [
            "accounts",
            "resources",
            "workflow_versions",
            "work_items",
            "reservations",
            "events",
            "event_subjects",
            "api_keys",
            "answers",
            "secrets",
        ];
        for name in tables {
            manager.drop_table(Table::drop().table(Alias::new(name)).if_exists().to_owned()).await?;
        }
        Ok(())
    }
}
