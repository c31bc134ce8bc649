//! Removing messages that are too old.
//!
//! A tenant's messages go in the order of its inbox, up to the first that is to stay: so what stays
//! has no holes, whatever the clocks of several nodes said. `seq` and the inbox go on as if nothing
//! had gone.

use jiff::Timestamp;
use sally_protocol::Tenant;
use sqlx::Row as _;

use super::messages::{signed, unsigned};
use super::{Database, StoreError, within_limit};

impl Database {
    /// The tenants whose oldest message was sent before `before`.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn tenants_with_messages_before(&self, before: Timestamp) -> Result<Vec<Tenant>, StoreError> {
        let rows = sqlx::query(
            "SELECT i.tenant FROM inbox i
             JOIN message m ON m.tenant = i.tenant AND m.inbox_offset =
                 (SELECT MIN(o.inbox_offset) FROM message o WHERE o.tenant = i.tenant)
             WHERE m.sent_at < $1 ORDER BY i.tenant",
        )
        .bind(before.as_millisecond())
        .fetch_all(self.reader())
        .await?;
        rows.iter().map(|row| Tenant::parse(&row.try_get::<String, _>("tenant")?).map_err(StoreError::row)).collect()
    }

    /// Removes at most `limit` of a tenant's messages that were sent before `before`, the oldest
    /// first, with their acknowledgements, the team's notes from before then, and the receipts of conversations in which nothing is
    /// left; whether there may be more.
    ///
    /// # Errors
    ///
    /// When the database fails; then nothing has gone.
    pub async fn remove_messages_before(
        &self,
        tenant: &Tenant,
        before: Timestamp,
        limit: usize,
    ) -> Result<bool, StoreError> {
        within_limit(async {
            let mut turn = self.turn_to_write().await?;
            let mut transaction = turn.begin().await?;
            let oldest = sqlx::query(
                "SELECT inbox_offset, sent_at FROM message WHERE tenant = $1 ORDER BY inbox_offset LIMIT $2",
            )
            .bind(tenant.as_str())
            .bind(signed(limit as u64))
            .fetch_all(&mut *transaction)
            .await?;
            let (mut edge, mut count) = (0, 0);
            for row in &oldest {
                if row.try_get::<i64, _>("sent_at")? >= before.as_millisecond() {
                    break;
                }
                edge = unsigned(row, "inbox_offset")?;
                count += 1;
            }
            if count == 0 {
                return Ok(false);
            }
            for statement in [
                "DELETE FROM acknowledgement WHERE tenant = $1 AND message_id IN
                     (SELECT message_id FROM message WHERE tenant = $1 AND inbox_offset <= $2)",
                "DELETE FROM receipt WHERE tenant = $1 AND conversation_id IN
                     (SELECT conversation_id FROM message WHERE tenant = $1 AND inbox_offset <= $2)
                 AND NOT EXISTS (SELECT 1 FROM message m WHERE m.tenant = $1
                     AND m.conversation_id = receipt.conversation_id AND +m.inbox_offset > $2)",
                "DELETE FROM message WHERE tenant = $1 AND inbox_offset <= $2",
            ] {
                sqlx::query(statement).bind(tenant.as_str()).bind(signed(edge)).execute(&mut *transaction).await?;
            }
            sqlx::query("DELETE FROM note WHERE tenant = $1 AND noted_at < $2")
                .bind(tenant.as_str())
                .bind(before.as_millisecond())
                .execute(&mut *transaction)
                .await?;
            transaction.commit().await?;
            Ok(count == limit)
        })
        .await
    }
}
