//! Multi-row statements. Their texts come in a few sizes only, so that each is prepared once and found again: preparing
//! a statement of a hundred rows costs more than running it.

use super::StoreError;
use sea_orm::{ConnectionTrait, DbBackend, Statement, Value};
use std::fmt::Write;

/// Rows of one statement, the largest first; what is left over goes into the next smaller. 64 rows of twelve columns
/// are far below the 32,766 parameters that SQLite takes.
const STATEMENT_ROWS: [usize; 4] = [64, 16, 4, 1];

/// A table with its columns in the order in which rows give their values.
pub(super) struct Table {
    pub name: &'static str,
    pub key: &'static [&'static str],
    /// Columns that never change once a row is written; their indexes are left alone by a replacement.
    pub fixed: &'static [&'static str],
    pub changing: &'static [&'static str],
}

impl Table {
    pub fn columns(&self) -> impl Iterator<Item = &'static str> {
        self.key.iter().chain(self.fixed).chain(self.changing).copied()
    }
}

/// Rows of one table, one after the other in one list.
pub(super) struct Rows {
    table: &'static Table,
    values: Vec<Value>,
}

impl Rows {
    pub fn of(table: &'static Table) -> Self {
        Self { table, values: Vec::new() }
    }

    /// Adds a row: its values in the order of the table's columns.
    pub fn push<const WIDTH: usize>(&mut self, row: [Value; WIDTH]) {
        debug_assert_eq!(WIDTH, self.table.columns().count(), "a row of {}", self.table.name);
        self.values.extend(row);
    }

    /// Writes the rows; one that is there already is replaced.
    pub async fn put(self, db: &impl ConnectionTrait) -> Result<(), StoreError> {
        self.write(db, true).await
    }

    /// Writes rows that must not be there yet: one that is fails the transaction.
    pub async fn append(self, db: &impl ConnectionTrait) -> Result<(), StoreError> {
        self.write(db, false).await
    }

    async fn write(self, db: &impl ConnectionTrait, replace: bool) -> Result<(), StoreError> {
        let (backend, width) = (db.get_database_backend(), self.table.columns().count());
        let mut left = self.values.len() / width;
        let mut values = self.values.into_iter();
        for rows in STATEMENT_ROWS {
            if left < rows {
                continue;
            }
            let text = insert(self.table, backend, rows, replace);
            while left >= rows {
                let values = values.by_ref().take(rows * width);
                db.execute_raw(Statement::from_sql_and_values(backend, text.as_str(), values)).await?;
                left -= rows;
            }
        }
        Ok(())
    }
}

/// The text of an insertion of so many rows.
fn insert(table: &Table, backend: DbBackend, rows: usize, replace: bool) -> String {
    let columns: Vec<&str> = table.columns().collect();
    let mut text = format!("INSERT INTO {} ({}) VALUES ", table.name, columns.join(", "));
    let mut number = 0;
    for row in 0..rows {
        text.push_str(if row == 0 { "(" } else { ", (" });
        for column in 0..columns.len() {
            number += 1;
            let comma = if column == 0 { "" } else { ", " };
            // Writing to a text cannot fail.
            let _ = match backend {
                DbBackend::Postgres => write!(text, "{comma}${number}"),
                _ => write!(text, "{comma}?"),
            };
        }
        text.push(')');
    }
    if replace {
        let set: Vec<String> = table.changing.iter().map(|column| format!("{column} = excluded.{column}")).collect();
        let _ = write!(text, " ON CONFLICT ({}) DO UPDATE SET {}", table.key.join(", "), set.join(", "));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: Table = Table { name: "t", key: &["a"], fixed: &["b"], changing: &["c", "d"] };

    #[test]
    fn a_replacement_leaves_fixed_columns_alone() {
        let expected = "INSERT INTO t (a, b, c, d) VALUES ($1, $2, $3, $4), ($5, $6, $7, $8) \
                        ON CONFLICT (a) DO UPDATE SET c = excluded.c, d = excluded.d";
        assert_eq!(insert(&TABLE, DbBackend::Postgres, 2, true), expected);
        assert_eq!(insert(&TABLE, DbBackend::Sqlite, 1, false), "INSERT INTO t (a, b, c, d) VALUES (?, ?, ?, ?)");
    }
}
