//! The schema of the store, as numbered migrations that run alike on SQLite and PostgreSQL.
//! It must not know the domain: columns and tables only.
