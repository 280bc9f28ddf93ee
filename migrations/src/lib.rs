//! The schema of the store, one migration per change; the same set makes SQLite and PostgreSQL databases.

pub use sea_orm_migration::prelude::*;

mod m0001_work;
mod m0002_deliveries;
mod m0003_statistics;
mod tables;

pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m0001_work::Migration),
            Box::new(m0002_deliveries::Migration),
            Box::new(m0003_statistics::Migration),
        ]
    }
}
