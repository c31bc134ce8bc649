//! Finding messages by their words.
//!
//! What a word is, [`sally_protocol::search`] says; here both databases only hold terms and look
//! them up, SQLite in an FTS5 table, PostgreSQL in a GIN index. So a search finds the same in both,
//! whatever locale and tokenizer a database has, and nothing in a query is an operator.

use sally_protocol::search::words;
use sally_protocol::{Id, Message, Tenant};
use sqlx::AssertSqlSafe;

use super::database::Kind;
use super::messages::{COLUMNS, message, signed};
use super::{Database, StoreError};

/// How many messages a search gives their words in one transaction.
const LOT: usize = 256;

/// How many such lots a search takes upon itself. That many wait only after a flood, or where an
/// older server has stored messages.
const LOTS_BEFORE_SEARCH: usize = 8;

impl Database {
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
