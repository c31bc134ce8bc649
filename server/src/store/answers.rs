//! Remembered answers to publishes with an `Idempotency-Key`.

use std::time::Duration;

use jiff::Timestamp;
use sqlx::Row as _;

use super::{Database, StoreError, within_limit};

/// How long an answer is remembered.
pub const REMEMBERED_FOR: Duration = Duration::from_secs(10 * 60);

/// An answer that was given before.
#[derive(Debug, PartialEq, Eq)]
pub struct Answer {
    /// A hash of the request's body.
    pub body_hash: String,
    /// The answer's body.
    pub body: String,
}

impl Database {
    /// The answer that this publisher's key was given within [`REMEMBERED_FOR`].
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn publish_answer(
        &self,
        publisher: &str,
        key: &str,
        now: Timestamp,
    ) -> Result<Option<Answer>, StoreError> {
        let row = sqlx::query(
            "SELECT body_hash, answer FROM publish_answer
             WHERE publisher = $1 AND idempotency_key = $2 AND answered_at > $3",
        )
        .bind(publisher)
        .bind(key)
        .bind(forgotten_before(now))
        .fetch_optional(self.reader())
        .await?;
        row.map(|row| Ok(Answer { body_hash: row.try_get("body_hash")?, body: row.try_get("answer")? })).transpose()
    }

    /// Remembers an answer and forgets the old ones.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn remember_answer(
        &self,
        publisher: &str,
        key: &str,
        answer: &Answer,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        within_limit(async {
            let mut turn = self.turn_to_write().await?;
            let mut transaction = turn.begin().await?;
            sqlx::query("DELETE FROM publish_answer WHERE answered_at <= $1")
                .bind(forgotten_before(now))
                .execute(&mut *transaction)
                .await?;
            sqlx::query(
                "INSERT INTO publish_answer (publisher, idempotency_key, body_hash, answer, answered_at)
                 VALUES ($1, $2, $3, $4, $5) ON CONFLICT (publisher, idempotency_key) DO NOTHING",
            )
            .bind(publisher)
            .bind(key)
            .bind(&answer.body_hash)
            .bind(&answer.body)
            .bind(now.as_millisecond())
            .execute(&mut *transaction)
            .await?;
            transaction.commit().await?;
            Ok(())
        })
        .await
    }
}

fn forgotten_before(now: Timestamp) -> i64 {
    now.as_millisecond() - i64::try_from(REMEMBERED_FOR.as_millis()).unwrap_or(i64::MAX)
}
