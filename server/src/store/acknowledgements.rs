//! Who has acknowledged the dispatch team's messages, and who still has to.
//!
//! A message to several drivers is one message in each thread, with one `clientMessageId` of one
//! sender; here they count as one.

use jiff::Timestamp;
use sally_protocol::team::{
    AcknowledgedMessage, Acknowledgements, AskedMessage, AwaitedAcknowledgement, AwaitedAcknowledgements,
};
use sally_protocol::{Message, Tenant};
use sqlx::Row as _;

use super::messages::{COLUMNS, id, message, signed, unsigned};
use super::{Database, StoreError};

impl Database {
    /// Which drivers have acknowledged a message of the dispatch team, over the whole broadcast that
    /// it is of.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn acknowledgements_of(&self, tenant: &Tenant, of: &Message) -> Result<Acknowledgements, StoreError> {
        let rows = sqlx::query(
            "SELECT m.message_id, m.conversation_id, u.name, a.acknowledged_at FROM message m
             LEFT JOIN app_user u ON u.tenant = m.tenant AND u.user_id = m.conversation_id
             LEFT JOIN acknowledgement a ON a.tenant = m.tenant AND a.message_id = m.message_id
               AND a.user_id = m.conversation_id
             WHERE m.tenant = $1 AND m.sender_id = $2 AND m.client_message_id = $3",
        )
        .bind(tenant.as_str())
        .bind(of.sender_id.as_str())
        .bind(&of.client_message_id)
        .fetch_all(self.reader())
        .await?;
        let (mut acknowledged, mut missing) = (Vec::new(), Vec::new());
        for row in &rows {
            let asked = AskedMessage {
                name: row.try_get("name")?,
                user_id: id(row, "conversation_id")?,
                message_id: row.try_get("message_id")?,
            };
            match row.try_get::<Option<i64>, _>("acknowledged_at")? {
                Some(at) => {
                    let at = Timestamp::from_millisecond(at).map_err(StoreError::row)?;
                    acknowledged.push(AcknowledgedMessage { asked, at });
                }
                None if of.requires_ack => missing.push(asked),
                None => {}
            }
        }
        acknowledged.sort_by(|a, b| (a.at, &a.asked).cmp(&(b.at, &b.asked)));
        missing.sort();
        let required = if of.requires_ack { rows.len() as u64 } else { 0 };
        Ok(Acknowledgements { required, acknowledged, missing })
    }

    /// The newest `limit` messages of the dispatch team that a driver still has to acknowledge.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn awaited_acknowledgements(
        &self,
        tenant: &Tenant,
        limit: usize,
    ) -> Result<AwaitedAcknowledgements, StoreError> {
        let epoch = self.inbox_head(tenant).await?.epoch;
        let rows = sqlx::query(sqlx::AssertSqlSafe(format!(
            "SELECT {COLUMNS}, g.required, g.acknowledged FROM (
                 SELECT MAX(o.inbox_offset) AS last, COUNT(*) AS required, COUNT(a.user_id) AS acknowledged
                 FROM message o LEFT JOIN acknowledgement a ON a.tenant = o.tenant
                   AND a.message_id = o.message_id AND a.user_id = o.conversation_id
                 WHERE o.tenant = $1 AND o.requires_ack = 1 AND o.sender_role <> 'driver'
                 GROUP BY o.sender_id, o.client_message_id HAVING COUNT(a.user_id) < COUNT(*)
                 ORDER BY MAX(o.inbox_offset) DESC LIMIT $2
             ) g JOIN message m ON m.tenant = $1 AND m.inbox_offset = g.last ORDER BY g.last DESC"
        )))
        .bind(tenant.as_str())
        .bind(signed(limit as u64 + 1))
        .fetch_all(self.reader())
        .await?;
        let mut awaited = rows
            .iter()
            .map(|row| {
                Ok(AwaitedAcknowledgement {
                    message: message(row, tenant, epoch)?,
                    required: unsigned(row, "required")?,
                    acknowledged: unsigned(row, "acknowledged")?,
                })
            })
            .collect::<Result<Vec<_>, StoreError>>()?;
        let more = awaited.len() > limit;
        awaited.truncate(limit);
        Ok(AwaitedAcknowledgements { awaited, more })
    }
}
