//! What all migrations build tables from.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{string, string_null};
use sea_orm_migration::sea_orm::DbBackend;

/// An id or another word of the program's own: compared byte by byte, whatever the database's language.
pub(crate) fn word(name: &'static str, backend: DbBackend) -> ColumnDef {
    let mut column = string(name);
    if backend == DbBackend::Postgres {
        column.extra("COLLATE \"C\"");
    }
    column
}

pub(crate) fn word_or_none(name: &'static str, backend: DbBackend) -> ColumnDef {
    let mut column = string_null(name);
    if backend == DbBackend::Postgres {
        column.extra("COLLATE \"C\"");
    }
    column
}

pub(crate) fn table(name: &str, key: &[&str], columns: Vec<ColumnDef>) -> TableCreateStatement {
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

/// A table of keys alone: SQLite would otherwise keep it twice, as rows and as an index.
pub(crate) fn clustered(mut table: TableCreateStatement, backend: DbBackend) -> TableCreateStatement {
    if backend == DbBackend::Sqlite {
        table.extra("WITHOUT ROWID");
    }
    table
}
