//! How far everybody has received and read.

use jiff::Timestamp;
use sally_protocol::fleet::Side;
use sally_protocol::message::ReceiptKind;
use sally_protocol::{Id, Message, Tenant};

use super::messages::{message, signed, unsigned};
use super::{Database, StoreError, storable, within_limit};
use sally_protocol::cursor::Epoch;
use sqlx::Row as _;

/// What a mark changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Marked {
    /// The user's position is now here.
    At(u64),
    /// It was there or beyond already.
    Unchanged,
    /// There is no such conversation.
    UnknownConversation,
}

/// Both move a position forward and do nothing where it is there already: the statement itself
/// decides, so that of two nodes that mark the same at once one has moved it.
const READ: &str = "INSERT INTO receipt (tenant, conversation_id, user_id, delivered_seq, read_seq)
     VALUES ($1, $2, $3, $4, $5)
     ON CONFLICT (tenant, conversation_id, user_id) DO UPDATE SET
     delivered_seq = CASE WHEN receipt.delivered_seq < $4 THEN $4 ELSE receipt.delivered_seq END, read_seq = $5
     WHERE receipt.read_seq < $5";
const DELIVERED: &str = "INSERT INTO receipt (tenant, conversation_id, user_id, delivered_seq, read_seq)
     VALUES ($1, $2, $3, $4, $5)
     ON CONFLICT (tenant, conversation_id, user_id) DO UPDATE SET delivered_seq = $4
     WHERE receipt.delivered_seq < $4";

impl Database {
    /// Moves a user's position in a conversation forward, at most to its newest message; `Read`
    /// moves the side's position too, and counts as delivered.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn mark(
        &self,
        tenant: &Tenant,
        conversation: &Id,
        user: &Id,
        side: Side,
        kind: ReceiptKind,
        seq: u64,
    ) -> Result<Marked, StoreError> {
        within_limit(async {
            let mut transaction = self.transaction().await?;
            let Some(row) = sqlx::query("SELECT last_seq FROM conversation WHERE tenant = $1 AND conversation_id = $2")
                .bind(tenant.as_str())
                .bind(conversation.as_str())
                .fetch_optional(&mut *transaction)
                .await?
            else {
                return Ok(Marked::UnknownConversation);
            };
            let seq = seq.min(unsigned(&row, "last_seq")?);
            if seq == 0 {
                return Ok(Marked::Unchanged);
            }
            let (read, statement) = match kind {
                ReceiptKind::Read => (seq, READ),
                _ => (0, DELIVERED),
            };
            let moved = sqlx::query(statement)
                .bind(tenant.as_str())
                .bind(conversation.as_str())
                .bind(user.as_str())
                .bind(signed(seq))
                .bind(signed(read))
                .execute(&mut *transaction)
                .await?;
            if moved.rows_affected() == 0 {
                return Ok(Marked::Unchanged);
            }
            if kind == ReceiptKind::Read {
                let statement = match side {
                    Side::Driver => {
                        "UPDATE conversation SET driver_read_seq = $3
                         WHERE tenant = $1 AND conversation_id = $2 AND driver_read_seq < $3"
                    }
                    Side::Dispatch => {
                        "UPDATE conversation SET dispatch_read_seq = $3
                         WHERE tenant = $1 AND conversation_id = $2 AND dispatch_read_seq < $3"
                    }
                };
                sqlx::query(statement)
                    .bind(tenant.as_str())
                    .bind(conversation.as_str())
                    .bind(signed(seq))
                    .execute(&mut *transaction)
                    .await?;
            }
            transaction.commit().await?;
            Ok(Marked::At(seq))
        })
        .await
    }

    /// A message by its id.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn message(&self, tenant: &Tenant, message_id: &str) -> Result<Option<Message>, StoreError> {
        if !storable(message_id) {
            return Ok(None);
        }
        let row = sqlx::query(
            "SELECT m.*, i.epoch FROM message m JOIN inbox i ON i.tenant = m.tenant
             WHERE m.tenant = $1 AND m.message_id = $2",
        )
        .bind(tenant.as_str())
        .bind(message_id)
        .fetch_optional(self.reader())
        .await?;
        row.map(|row| message(&row, tenant, Epoch(unsigned(&row, "epoch")?))).transpose()
    }

    /// Notes that a user has acknowledged a message; the time of the first acknowledgement, and
    /// whether this was it.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn acknowledge(
        &self,
        tenant: &Tenant,
        message_id: &str,
        user: &Id,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let done = sqlx::query(
            "INSERT INTO acknowledgement (tenant, message_id, user_id, acknowledged_at) VALUES ($1, $2, $3, $4)
             ON CONFLICT (tenant, message_id, user_id) DO NOTHING",
        )
        .bind(tenant.as_str())
        .bind(message_id)
        .bind(user.as_str())
        .bind(now.as_millisecond())
        .execute(self.writer())
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// The users of a conversation and how far each has received and read it.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn receipts(&self, tenant: &Tenant, conversation: &Id) -> Result<Vec<(Id, u64, u64)>, StoreError> {
        let rows = sqlx::query(
            "SELECT user_id, delivered_seq, read_seq FROM receipt WHERE tenant = $1 AND conversation_id = $2",
        )
        .bind(tenant.as_str())
        .bind(conversation.as_str())
        .fetch_all(self.reader())
        .await?;
        rows.iter()
            .map(|row| {
                let user = Id::parse(&row.try_get::<String, _>("user_id")?).map_err(StoreError::row)?;
                Ok((user, unsigned(row, "delivered_seq")?, unsigned(row, "read_seq")?))
            })
            .collect()
    }
}
