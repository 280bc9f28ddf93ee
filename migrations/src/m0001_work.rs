//! Accounts and everything that the work engine keeps. A row holds its record as JSON, beside the columns by which it
//! is found; ids are text that sorts by creation.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, binary, boolean, integer, string, string_null, text, text_null};

#[derive(DeriveMigrationName)]
pub struct Migration;

fn index(name: &str, table: &str, columns: &[&str]) -> IndexCreateStatement {
    let mut index = Index::create();
    index.if_not_exists().name(name).table(Alias::new(table));
    for column in columns {
        index.col(Alias::new(*column));
    }
    index.to_owned()
}

fn table(name: &str, key: &[&str], columns: Vec<ColumnDef>) -> TableCreateStatement {
    let mut table = Table::create();
    table.table(Alias::new(name)).if_not_exists();
    for mut column in columns {
        table.col(&mut column);
    }
    let mut primary = Index::create();
    for column in key {
        primary.col(Alias::new(*column));
    }
    table.primary_key(&mut primary);
    table.to_owned()
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let tables = [
            // `commits` rises with every commit and fences off a second writer; `sequence` is that of the last event.
            table("accounts", &["id"], vec![
                string("id"), text("name"), text("body"), big_integer("sequence"), big_integer("commits"),
            ]),
            table("resources", &["account", "kind", "id"], vec![
                string("account"), string("kind"), string("id"), text("name"), text("body"),
            ]),
            table("workflow_versions", &["account", "workflow", "version"], vec![
                string("account"), string("workflow"), integer("version"), text("body"),
            ]),
            table("work_items", &["account", "id"], vec![
                string("account"), string("id"), string("state"), boolean("is_open"), string("workflow"),
                integer("workflow_version"), string("channel"), string_null("queue"), string_null("worker"),
                big_integer("created_at"), text("body"),
            ]),
            table("reservations", &["account", "id"], vec![
                string("account"), string("id"), string("state"), boolean("is_open"), string("work_item"),
                string("worker"), big_integer("created_at"), text("body"),
            ]),
            table("events", &["account", "sequence"], vec![
                string("account"), big_integer("sequence"), string("id"), string("type"), string("subject"),
                big_integer("time"), text("data"),
            ]),
            table("api_keys", &["id"], vec![
                string("id"), string("account"), text("name"), string("role"), string_null("worker"), binary("hash"),
                big_integer("created_at"), text_null("expires_at"),
            ]),
            table("answers", &["account", "key"], vec![
                string("account"), string("key"), binary("digest"), integer("status"), text("body"),
                big_integer("created_at"),
            ]),
            table("secrets", &["name"], vec![string("name"), binary("value")]),
        ];
        for statement in tables {
            manager.create_table(statement).await?;
        }
        let indexes = [
            index("resources_by_name", "resources", &["account", "kind", "name"]),
            index("work_items_open", "work_items", &["account", "is_open", "id"]),
            index("work_items_by_state", "work_items", &["account", "state", "id"]),
            index("work_items_by_queue", "work_items", &["account", "queue", "id"]),
            index("work_items_by_worker", "work_items", &["account", "worker", "id"]),
            index("work_items_by_workflow", "work_items", &["account", "workflow", "id"]),
            index("reservations_open", "reservations", &["account", "is_open", "id"]),
            index("reservations_by_item", "reservations", &["account", "work_item", "id"]),
            index("reservations_by_worker", "reservations", &["account", "worker", "id"]),
            index("events_by_subject", "events", &["account", "subject", "sequence"]),
            index("api_keys_by_hash", "api_keys", &["hash"]),
            index("api_keys_by_account", "api_keys", &["account", "id"]),
            index("answers_by_age", "answers", &["created_at"]),
        ];
        for statement in indexes {
            manager.create_index(statement).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let tables = [
            "accounts", "resources", "workflow_versions", "work_items", "reservations", "events", "api_keys", "answers",
            "secrets",
        ];
        for name in tables {
            manager.drop_table(Table::drop().table(Alias::new(name)).if_exists().to_owned()).await?;
        }
        Ok(())
    }
}
