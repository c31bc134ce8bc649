//! The dispatch team's notes in a conversation.

use sally_protocol::team::Note;
use sally_protocol::{Id, Tenant};
use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::messages::{id, signed, time};
use super::{Database, StoreError};

const COLUMNS: &str = "note_id, conversation_id, author_id, author_name, content, noted_at, client_note_id";

impl Database {
    /// Stores a note, and says whether it is new: one that its author has stored before under the
    /// same `client_note_id` is answered as it was.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn add_note(&self, tenant: &Tenant, note: &Note) -> Result<(Note, bool), StoreError> {
        let done = sqlx::query(sqlx::AssertSqlSafe(format!(
            "INSERT INTO note (tenant, {COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
             ON CONFLICT (tenant, author_id, client_note_id) DO NOTHING"
        )))
        .bind(tenant.as_str())
        .bind(note.note_id.as_str())
        .bind(note.conversation_id.as_str())
        .bind(note.author_id.as_str())
        .bind(note.author_name.as_deref())
        .bind(&note.content)
        .bind(note.at.as_millisecond())
        .bind(&note.client_note_id)
        .execute(self.writer())
        .await?;
        let row = sqlx::query(sqlx::AssertSqlSafe(format!(
            "SELECT {COLUMNS} FROM note WHERE tenant = $1 AND author_id = $2 AND client_note_id = $3"
        )))
        .bind(tenant.as_str())
        .bind(note.author_id.as_str())
        .bind(&note.client_note_id)
        .fetch_one(self.writer())
        .await?;
        Ok((read(&row)?, done.rows_affected() == 1))
    }

    /// The newest `limit` notes of a conversation, or those before another, in the order of time.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn notes(
        &self,
        tenant: &Tenant,
        conversation: &Id,
        before: Option<&Id>,
        limit: usize,
    ) -> Result<Vec<Note>, StoreError> {
        let rows = sqlx::query(sqlx::AssertSqlSafe(format!(
            "SELECT {COLUMNS} FROM note n WHERE tenant = $1 AND conversation_id = $2
               AND (CAST($3 AS TEXT) IS NULL OR EXISTS (SELECT 1 FROM note b WHERE b.tenant = $1
                    AND b.conversation_id = $2 AND b.note_id = $3
                    AND (n.noted_at < b.noted_at OR (n.noted_at = b.noted_at AND n.note_id < b.note_id))))
             ORDER BY noted_at DESC, note_id DESC LIMIT $4"
        )))
        .bind(tenant.as_str())
        .bind(conversation.as_str())
        .bind(before.map(Id::as_str))
        .bind(signed(limit as u64))
        .fetch_all(self.reader())
        .await?;
        rows.iter().rev().map(read).collect()
    }
}

fn read(row: &AnyRow) -> Result<Note, StoreError> {
    Ok(Note {
        note_id: id(row, "note_id")?,
        conversation_id: id(row, "conversation_id")?,
        author_id: id(row, "author_id")?,
        author_name: row.try_get("author_name")?,
        content: row.try_get("content")?,
        at: time(row, "noted_at")?,
        client_note_id: row.try_get("client_note_id")?,
    })
}
