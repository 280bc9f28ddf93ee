//! Statistics of the past: how far the events are counted, what is remembered of workers meanwhile, the cells by group
//! and hour, and when there are cells of which group.

use crate::tables::{clustered, table, word};
use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, big_integer_null, binary, text, text_null};
use sea_orm_migration::sea_orm::DbBackend;

#[derive(DeriveMigrationName)]
pub struct Migration;

const TABLES: [&str; 4] = ["statistics_positions", "statistics_workers", "statistics_groups", "statistics_hours"];

fn tables(backend: DbBackend) -> Vec<TableCreateStatement> {
    let word = |name| word(name, backend);
    vec![
        // `revision` rises with every write and fences off a second writer.
        table(
            "statistics_positions",
            &["account"],
            vec![
                word("account"),
                big_integer("revision"),
                big_integer("sequence"),
                big_integer("time"),
                big_integer_null("complete_from"),
            ],
        ),
        // `counts_from`: up to when the time of a worker is counted that goes on being counted.
        table(
            "statistics_workers",
            &["account", "worker"],
            vec![word("account"), word("worker"), big_integer_null("counts_from"), text("body")],
        ),
        table(
            "statistics_groups",
            &["account", "dimension", "grp"],
            vec![
                word("account"),
                word("dimension"),
                word("grp"),
                text_null("name"),
                big_integer("first_hour"),
                big_integer("last_hour"),
            ],
        ),
        clustered(
            table(
                "statistics_hours",
                &["account", "dimension", "grp", "hour"],
                vec![word("account"), word("dimension"), word("grp"), big_integer("hour"), binary("body")],
            ),
            backend,
        ),
    ]
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for statement in tables(manager.get_database_backend()) {
            manager.create_table(statement).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for name in TABLES {
            manager.drop_table(Table::drop().table(Alias::new(name)).if_exists().to_owned()).await?;
        }
        Ok(())
    }
}
