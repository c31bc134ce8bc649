//! Finding messages by their words.
//!
//! What a word is, [`sally_protocol::search`] says; here both databases only hold terms and look
//! them up, SQLite in an FTS5 table, PostgreSQL in a GIN index. So a search finds the same in both,
//! whatever locale and tokenizer a database has, and nothing in a query is an operator.

use sally_protocol::search::words;
use sally_protocol::{Id, Message, Tenant};
use sqlx::{AssertSqlSafe, Row as _};

use super::database::Kind;
use super::messages::{COLUMNS, message, signed, unsigned};
use super::rows::{parts, places};
use super::{Database, StoreError, within_limit};

/// How many messages a search gives their words in one transaction.
const LOT: usize = 256;

/// How many such lots a search takes upon itself. That many wait only after a flood, or where an
/// older server has stored messages without words.
const LOTS_BEFORE_SEARCH: usize = 8;

/// The words of a text as they are stored.
fn stored_words(text: &str) -> String {
    words(text).into_iter().map(|word| word.folded).collect::<Vec<_>>().join(" ")
}

/// When a message's words are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Indexing {
    /// With the message.
    AtOnce,
    /// Later, many at a time. SQLite writes a message's terms anew with every transaction, and has
    /// one writer: one by one they cost more than the message.
    Later,
}

impl Indexing {
    /// The words that are stored with a text.
    pub(super) fn words(self, text: &str) -> Option<String> {
        (self == Self::AtOnce).then(|| stored_words(text))
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

    /// At most `limit` messages that have every word of `query`, the last as a prefix: of a tenant
    /// or of one conversation, before an inbox offset, newest first. A query without a word finds
    /// nothing. The tenant's messages that wait for their words are given them first, up to some thousands.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn search(
        &self,
        tenant: &Tenant,
        conversation: Option<&Id>,
        query: &str,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<Message>, StoreError> {
        let words: Vec<String> = words(query).into_iter().map(|word| word.folded).collect();
        if words.is_empty() {
            return Ok(Vec::new());
        }
        for _ in 0..LOTS_BEFORE_SEARCH {
            match self.index(Some(tenant), LOT).await {
                Ok(true) => {}
                Ok(false) => break,
                // What has its words is found without.
                Err(error) => {
                    tracing::warn!(%error, "the words of messages could not be found for a search");
                    break;
                }
            }
        }
        let mut scope = vec![format!("t:{tenant}")];
        scope.extend(conversation.map(|conversation| format!("c:{conversation}")));
        let epoch = self.inbox_head(tenant).await?.epoch;
        let (statement, terms) = match self.kind() {
            Kind::Sqlite => (fts5_statement(), fts5(&scope, &words)),
            Kind::Postgres => (tsquery_statement(), tsquery(&scope, &words)),
        };
        let rows = sqlx::query(AssertSqlSafe(statement))
            .bind(terms)
            .bind(tenant.as_str())
            .bind(conversation.map(Id::as_str))
            .bind(before.map_or(i64::MAX, signed))
            .bind(signed(limit as u64))
            .fetch_all(self.reader())
            .await?;
        rows.iter().map(|row| message(row, tenant, epoch)).collect()
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
    async fn index(&self, only: Option<&Tenant>, limit: usize) -> Result<bool, StoreError> {
        let of_tenant = only.map_or("", |_| "AND tenant = $2");
        let statement = format!(
            "SELECT tenant, inbox_offset, content FROM message WHERE words IS NULL {of_tenant}
             ORDER BY tenant, inbox_offset LIMIT $1"
        );
        let mut query = sqlx::query(AssertSqlSafe(statement)).bind(signed(limit as u64));
        if let Some(tenant) = only {
            query = query.bind(tenant.as_str());
        }
        let rows = query.fetch_all(self.reader()).await?;
        if rows.is_empty() {
            return Ok(false);
        }
        within_limit(async {
            let mut turn = self.turn_to_write().await?;
            let mut transaction = turn.begin().await?;
            for part in parts(&rows) {
                // SQLite updates in the order of the table's rows, which is that of a tenant's offsets.
                let statement = format!(
                    "WITH asked (tenant, inbox_offset, words) AS (VALUES {})
                     UPDATE message SET words = asked.words FROM asked
                     WHERE message.tenant = asked.tenant AND message.words IS NULL
                       AND message.inbox_offset = CAST(asked.inbox_offset AS BIGINT)",
                    places(self.kind(), part.len(), 3)
                );
                let mut query = sqlx::query(AssertSqlSafe(statement));
                for row in part {
                    query = query
                        .bind(row.try_get::<String, _>("tenant")?)
                        .bind(unsigned(row, "inbox_offset")?.to_string())
                        .bind(stored_words(&row.try_get::<String, _>("content")?));
                }
                query.execute(&mut *transaction).await?;
            }
            transaction.commit().await?;
            Ok(rows.len() == limit)
        })
        .await
    }
}

/// The terms are looked up from the newest on, so that a page of a common word is read without all
/// the rest. The index names rows; which tenant's they are, the row itself says.
fn fts5_statement() -> String {
    format!(
        "SELECT {COLUMNS} FROM message_search s
         CROSS JOIN message_document d ON d.id = s.rowid
         CROSS JOIN message m ON m.tenant = d.tenant AND m.inbox_offset = d.inbox_offset
         WHERE s.message_search MATCH $1 AND d.tenant = $2 AND ($3 IS NULL OR m.conversation_id = $3)
           AND s.rowid < COALESCE((SELECT b.id FROM message_document b WHERE b.tenant = $2 AND b.inbox_offset >= $4
                                   ORDER BY b.inbox_offset LIMIT 1), 9223372036854775807)
         ORDER BY s.rowid DESC LIMIT $5"
    )
}

fn tsquery_statement() -> String {
    format!(
        "SELECT {COLUMNS} FROM message m
         WHERE array_to_tsvector(string_to_array(
                   rtrim('t:' || tenant || ' c:' || conversation_id || ' ' || words), ' ')) @@ CAST(CAST($1 AS TEXT) AS tsquery)
           AND m.tenant = $2 AND (CAST($3 AS TEXT) IS NULL OR m.conversation_id = $3) AND m.inbox_offset < $4
         ORDER BY m.inbox_offset DESC LIMIT $5"
    )
}

/// `"t:acme" AND "dock" AND "fou"*`. Words are letters and digits, and ids have no quotation marks.
fn fts5(scope: &[String], words: &[String]) -> String {
    let terms: Vec<String> = scope.iter().chain(words).map(|term| format!("\"{term}\"")).collect();
    format!("{}*", terms.join(" AND "))
}

/// `'t:acme' & 'dock' & 'fou':*`, likewise.
fn tsquery(scope: &[String], words: &[String]) -> String {
    let terms: Vec<String> = scope.iter().chain(words).map(|term| format!("'{term}'")).collect();
    format!("{}:*", terms.join(" & "))
}
