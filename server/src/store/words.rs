//! When messages get their words, by which they are found.
//!
//! PostgreSQL's index is made of a message's row, which is stored with its words. SQLite would write a
//! message's terms anew with every transaction, and has one writer: one by one they would cost more than
//! the message. There they are found later, many at a time, and stand in the index alone; up to where
//! a tenant's messages have theirs, its inbox says.

use std::collections::BTreeMap;

use sally_protocol::Tenant;
use sally_protocol::search::words;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe, Row as _};

use super::database::Kind;
use super::messages::{signed, unsigned};
use super::rows::{parts, places};
use super::{Database, StoreError, within_limit};

/// The words of a text as they are stored.
fn stored_words(text: &str) -> String {
    words(text).into_iter().map(|word| word.folded).collect::<Vec<_>>().join(" ")
}

/// When a message's words are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Indexing {
    /// With the message.
    AtOnce,
    /// Later, many at a time.
    Later,
}

impl Indexing {
    /// The words that are stored with a text.
    pub(super) fn words(self, text: &str) -> Option<String> {
        (self == Self::AtOnce).then(|| stored_words(text))
    }
}

/// A message that waits for its words.
struct Wordless {
    tenant: String,
    offset: u64,
    conversation: String,
    content: String,
}

impl Wordless {
    fn read(row: &AnyRow) -> Result<Self, StoreError> {
        Ok(Self {
            tenant: row.try_get("tenant")?,
            offset: unsigned(row, "inbox_offset")?,
            conversation: row.try_get("conversation_id")?,
            content: row.try_get("content")?,
        })
    }

    /// Its terms in the index: its words, and what a search is limited by.
    fn terms(&self) -> String {
        format!("t:{} c:{} {}", self.tenant, self.conversation, stored_words(&self.content))
    }
}

impl Database {
    /// When this database's messages get their words.
    pub(super) fn indexing(&self) -> Indexing {
        match self.kind() {
            Kind::Sqlite => Indexing::Later,
            Kind::Postgres => Indexing::AtOnce,
        }
    }

    /// Finds the words of at most `limit` messages that have none yet, the oldest of a tenant first;
    /// whether there may be more.
    ///
    /// # Errors
    ///
    /// When the database fails; then none of them have theirs.
    pub async fn index_words(&self, limit: usize) -> Result<bool, StoreError> {
        self.index(None, limit).await
    }

    /// The same for one tenant or for all.
    pub(super) async fn index(&self, only: Option<&Tenant>, limit: usize) -> Result<bool, StoreError> {
        let waiting = self.wordless(only, limit).await?;
        if waiting.is_empty() {
            return Ok(false);
        }
        within_limit(async {
            let mut turn = self.turn_to_write().await?;
            let mut transaction = turn.begin().await?;
            let still_waited = match self.kind() {
                Kind::Sqlite => add_terms(&mut transaction, &waiting).await?,
                Kind::Postgres => {
                    add_words(&mut transaction, &waiting).await?;
                    true
                }
            };
            if still_waited {
                transaction.commit().await?;
            }
            Ok(!still_waited || waiting.len() == limit)
        })
        .await
    }

    /// Messages that wait for their words.
    async fn wordless(&self, only: Option<&Tenant>, limit: usize) -> Result<Vec<Wordless>, StoreError> {
        let of_tenant = only.map_or("", |_| "AND m.tenant = $2");
        let (waiting, order) = match self.kind() {
            // SQLite joins in the order of a CROSS JOIN, and sorts nothing: the inboxes in any order, each from
            // its oldest message on.
            Kind::Sqlite => (
                "inbox i CROSS JOIN message m WHERE i.worded < i.head AND m.tenant = i.tenant
                 AND m.inbox_offset > i.worded AND m.inbox_offset <= i.head",
                "i.rowid, m.inbox_offset",
            ),
            // An older server has stored them.
            Kind::Postgres => ("message m WHERE m.words IS NULL", "m.tenant, m.inbox_offset"),
        };
        let statement = format!(
            "SELECT m.tenant, m.inbox_offset, m.conversation_id, m.content FROM {waiting} {of_tenant}
             ORDER BY {order} LIMIT $1"
        );
        let mut query = sqlx::query(AssertSqlSafe(statement)).bind(signed(limit as u64));
        if let Some(tenant) = only {
            query = query.bind(tenant.as_str());
        }
        query.fetch_all(self.reader()).await?.iter().map(Wordless::read).collect()
    }
}

/// Gives SQLite's messages their terms; whether all of them still waited. If not, somebody else has given some of
/// them theirs meanwhile, and nothing may be committed.
async fn add_terms(transaction: &mut AnyConnection, waiting: &[Wordless]) -> Result<bool, StoreError> {
    let mut extents: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for Wordless { tenant, offset, .. } in waiting {
        extents.entry(tenant).or_insert((*offset, *offset)).1 = *offset;
    }
    let extents: Vec<_> = extents.into_iter().collect();
    for part in parts(&extents) {
        let statement = format!(
            "WITH asked (tenant, first, last) AS (VALUES {})
             UPDATE inbox SET worded = asked.last FROM asked
             WHERE inbox.tenant = asked.tenant AND inbox.worded < asked.first",
            places(Kind::Sqlite, part.len(), 3)
        );
        let mut query = sqlx::query(AssertSqlSafe(statement));
        for (tenant, (first, last)) in part {
            query = query.bind(*tenant).bind(signed(*first)).bind(signed(*last));
        }
        if query.execute(&mut *transaction).await?.rows_affected() != part.len() as u64 {
            return Ok(false);
        }
    }
    for part in parts(waiting) {
        // One that was removed meanwhile gets no number, and with it no terms.
        let statement = format!(
            "WITH asked (tenant, inbox_offset) AS (VALUES {})
             INSERT INTO message_document (tenant, inbox_offset) SELECT m.tenant, m.inbox_offset FROM asked
             CROSS JOIN message m ON m.tenant = asked.tenant AND m.inbox_offset = asked.inbox_offset",
            places(Kind::Sqlite, part.len(), 2)
        );
        let mut query = sqlx::query(AssertSqlSafe(statement));
        for message in part {
            query = query.bind(message.tenant.as_str()).bind(signed(message.offset));
        }
        query.execute(&mut *transaction).await?;
        let statement = format!(
            "WITH asked (tenant, inbox_offset, terms) AS (VALUES {})
             INSERT INTO message_search (rowid, terms) SELECT d.id, asked.terms FROM asked
             CROSS JOIN message_document d ON d.tenant = asked.tenant AND d.inbox_offset = asked.inbox_offset",
            places(Kind::Sqlite, part.len(), 3)
        );
        let mut query = sqlx::query(AssertSqlSafe(statement));
        for message in part {
            query = query.bind(message.tenant.as_str()).bind(signed(message.offset)).bind(message.terms());
        }
        query.execute(&mut *transaction).await?;
    }
    Ok(true)
}

/// Gives PostgreSQL's messages their words. Another node may be doing the same.
async fn add_words(transaction: &mut AnyConnection, waiting: &[Wordless]) -> Result<(), StoreError> {
    for part in parts(waiting) {
        let statement = format!(
            "WITH asked (tenant, inbox_offset, words) AS (VALUES {})
             UPDATE message SET words = asked.words FROM asked
             WHERE message.tenant = asked.tenant AND message.words IS NULL
               AND message.inbox_offset = CAST(asked.inbox_offset AS BIGINT)",
            places(Kind::Postgres, part.len(), 3)
        );
        let mut query = sqlx::query(AssertSqlSafe(statement));
        for message in part {
            query = query
                .bind(message.tenant.as_str())
                .bind(message.offset.to_string())
                .bind(stored_words(&message.content));
        }
        query.execute(&mut *transaction).await?;
    }
    Ok(())
}
