//! The database: users and their sessions, conversations and their messages.
//!
//! # Layout
//!
//! - [`Database`], opened and migrated; [`connections`]: whose turn it is to write.
//! - [`bounded`]: statements and transactions that end within a limit, answered or not.
//! - [`users`]: who may sign in, and who is known.
//! - [`sessions`]: refresh tokens and their families.
//! - [`messages`]: conversations and messages, and the transaction behind `send_message`.
//! - [`search`]: finding messages by their words; [`words`]: when they get theirs.
//! - [`retention`]: removing messages that are too old.
//! - [`receipts`]: how far everybody has received and read.
//! - [`acknowledgements`]: who still has to acknowledge.
//! - [`templates`], [`notes`], [`assignments`]: what the dispatch team shares.
//! - [`answers`]: remembered answers to publishes with an `Idempotency-Key`.
//! - `identity`: which database this is; `migrations`: its schema's history.
//!
//! Every function takes a [`Tenant`](sally_protocol::Tenant) made from a verified token, and every
//! statement names it.

pub mod acknowledgements;
pub mod answers;
pub mod assignments;
mod bounded;
mod connections;
mod database;
mod identity;
pub mod messages;
mod migrations;
pub mod notes;
pub mod receipts;
pub mod retention;
pub(crate) mod rows;
pub mod search;
pub mod sessions;
pub mod snoozes;
pub mod templates;
pub mod users;
mod words;

pub(crate) use bounded::within_limit;
pub use database::Database;
pub(crate) use database::Kind;
pub use users::Bearer;

/// Why the store couldn't do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database failed or can't be reached.
    #[error("database: {0}")]
    Database(#[from] sqlx::Error),
    /// The schema can't be brought up to date.
    #[error("migration: {0}")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// A row holds what can't have been written by this server.
    #[error("a row can't be read: {0}")]
    Row(String),
    /// The database failed for a whole group, or is closed.
    #[error("the database can't be reached")]
    Unreachable,
}

impl StoreError {
    /// A row that can't be read, with the reason.
    pub(crate) fn row(reason: impl std::fmt::Display) -> Self {
        Self::Row(reason.to_string())
    }
}

/// Whether a text can stand in a column: PostgreSQL has none with a NUL in it.
pub(crate) fn storable(text: &str) -> bool {
    !text.contains('\0')
}
