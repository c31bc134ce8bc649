//! What the store promises, whatever database it is in, to several nodes at once.
//!
//! # Layout
//!
//! - [`suite`]: the table of all cases, from which [`table`] makes tests; [`backend`]: the
//!   databases, with a line for each below; [`postgres`]: a PostgreSQL server of the tests' own.
//! - [`users`], [`sessions`], [`messages`], [`sends`], [`search`], [`retention`], [`receipts`],
//!   [`acknowledgements`], [`team`], [`answers`]: the cases, as in the store.
//! - [`nodes`]: several nodes that write at once; [`recovery`]: a database that failed; [`upgrade`]: files that
//!   older servers have left.

#![expect(clippy::expect_used, clippy::unwrap_used, reason = "a test that can't go on fails")]

mod acknowledgements;
mod answers;
mod backend;
mod messages;
mod nodes;
#[path = "../support/postgres.rs"]
mod postgres;
mod receipts;
mod recovery;
mod retention;
mod search;
mod sends;
mod sessions;
#[macro_use]
#[path = "../support/table.rs"]
mod table;
#[macro_use]
mod suite;
mod team;
mod upgrade;
mod users;

suite!(on_sqlite: crate::backend::Sqlite);
suite!(on_postgres: crate::backend::Postgres);
