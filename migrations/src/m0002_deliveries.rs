//! How far each subscription is, and what was sent to it. Not part of an account's commits: a courier writes these.

use crate::tables::{clustered, table, word};
use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, big_integer_null, binary, integer, text};
use sea_orm_migration::sea_orm::ConnectionTrait;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let backend = manager.get_database_backend();
        let word = |name| word(name, backend);
        let positions = table(
            "delivery_positions",
            &["subscription"],
            vec![word("subscription"), word("account"), integer("starts"), big_integer("sequence")],
        );
        manager.create_table(clustered(positions, backend)).await?;
        let deliveries = table(
            "deliveries",
            &["subscription", "last_sequence"],
            vec![
                word("subscription"),
                big_integer("last_sequence"),
                word("account"),
                word("id"),
                big_integer("first_sequence"),
                text("kind"),
                integer("events"),
                binary("body"),
                big_integer("created_at"),
                word("state"),
                integer("tries"),
                text("attempts"),
                big_integer_null("next_attempt_at"),
                big_integer_null("resolved_at"),
            ],
        );
        manager.create_table(deliveries).await?;
        let connection = manager.get_connection();
        for index in [
            "deliveries_by_id ON deliveries (subscription, id)",
            "deliveries_by_state ON deliveries (subscription, state, last_sequence)",
            "deliveries_by_age ON deliveries (resolved_at) WHERE resolved_at IS NOT NULL",
            "delivery_positions_by_account ON delivery_positions (account)",
        ] {
            connection.execute_unprepared(&format!("CREATE INDEX IF NOT EXISTS {index}")).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for name in ["delivery_positions", "deliveries"] {
            manager.drop_table(Table::drop().table(Alias::new(name)).if_exists().to_owned()).await?;
        }
        Ok(())
    }
}
