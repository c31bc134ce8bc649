//! How far everybody has received and read.

use jiff::Timestamp;
use sally_protocol::cursor::Epoch;
use sally_protocol::fleet::Side;
use sally_protocol::message::ReceiptKind;
use sally_protocol::{Id, Message, Tenant};
use sqlx::Row as _;

use super::messages::{id, message, signed, time, unsigned};
use super::{Database, StoreError, storable, within_limit};

/// What a user says of a conversation.
#[derive(Debug, Clone, Copy)]
pub struct Mark {
    /// Delivered or read.
    pub kind: ReceiptKind,
    /// Everything up to here.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
}

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

/// How far a user has received and read a conversation, and since when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    /// The user.
    pub user: Id,
    /// Everything up to here has reached a device of theirs.
    pub delivered_seq: u64,
    /// Since when.
    pub delivered_at: Timestamp,
    /// They have read everything up to here; 0 for nothing.
    pub read_seq: u64,
    /// Since when.
    pub read_at: Timestamp,
}

/// Who acknowledged a message, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acknowledgement {
    /// The message.
    pub message_id: String,
    /// Who.
    pub user: Id,
    /// When.
    pub at: Timestamp,
}

/// Both move a position forward and do nothing where it is there already: the statement itself
/// decides, so that of two nodes that mark the same at once one has moved it.
const READ: &str = "INSERT INTO receipt
         (tenant, conversation_id, user_id, delivered_seq, delivered_at, read_seq, read_at)
     VALUES ($1, $2, $3, $4, $5, $4, $5)
     ON CONFLICT (tenant, conversation_id, user_id) DO UPDATE SET
     delivered_at = CASE WHEN receipt.delivered_seq < $4 THEN $5 ELSE receipt.delivered_at END,
     delivered_seq = CASE WHEN receipt.delivered_seq < $4 THEN $4 ELSE receipt.delivered_seq END,
     read_seq = $4, read_at = $5
     WHERE receipt.read_seq < $4";
const DELIVERED: &str = "INSERT INTO receipt
         (tenant, conversation_id, user_id, delivered_seq, delivered_at, read_seq, read_at)
     VALUES ($1, $2, $3, $4, $5, 0, 0)
     ON CONFLICT (tenant, conversation_id, user_id) DO UPDATE SET delivered_seq = $4, delivered_at = $5
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
        Mark { kind, seq, at }: Mark,
    ) -> Result<Marked, StoreError> {
        within_limit(async {
            let mut turn = self.turn_to_write().await?;
            let mut transaction = turn.begin().await?;
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
            let statement = match kind {
                ReceiptKind::Read => READ,
                _ => DELIVERED,
            };
            let moved = sqlx::query(statement)
                .bind(tenant.as_str())
                .bind(conversation.as_str())
                .bind(user.as_str())
                .bind(signed(seq))
                .bind(at.as_millisecond())
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

    /// Notes that a user has acknowledged a message; whether they hadn't before. The time of the
    /// first time stays.
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

    /// How far everybody has received and read a conversation.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn positions(&self, tenant: &Tenant, conversation: &Id) -> Result<Vec<Position>, StoreError> {
        let rows = sqlx::query(
            "SELECT user_id, delivered_seq, delivered_at, read_seq, read_at FROM receipt
             WHERE tenant = $1 AND conversation_id = $2 ORDER BY user_id",
        )
        .bind(tenant.as_str())
        .bind(conversation.as_str())
        .fetch_all(self.reader())
        .await?;
        rows.iter()
            .map(|row| {
                Ok(Position {
                    user: id(row, "user_id")?,
                    delivered_seq: unsigned(row, "delivered_seq")?,
                    delivered_at: time(row, "delivered_at")?,
                    read_seq: unsigned(row, "read_seq")?,
                    read_at: time(row, "read_at")?,
                })
            })
            .collect()
    }

    /// Who has acknowledged a conversation's messages from `first` to `last`, in the order of time.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn acknowledgements(
        &self,
        tenant: &Tenant,
        conversation: &Id,
        first: u64,
        last: u64,
    ) -> Result<Vec<Acknowledgement>, StoreError> {
        let rows = sqlx::query(
            "SELECT a.message_id, a.user_id, a.acknowledged_at FROM message m
             JOIN acknowledgement a ON a.tenant = m.tenant AND a.message_id = m.message_id
             WHERE m.tenant = $1 AND m.conversation_id = $2 AND m.seq >= $3 AND m.seq <= $4
             ORDER BY a.acknowledged_at, a.user_id",
        )
        .bind(tenant.as_str())
        .bind(conversation.as_str())
        .bind(signed(first))
        .bind(signed(last))
        .fetch_all(self.reader())
        .await?;
        rows.iter()
            .map(|row| {
                Ok(Acknowledgement {
                    message_id: row.try_get("message_id")?,
                    user: id(row, "user_id")?,
                    at: time(row, "acknowledged_at")?,
                })
            })
            .collect()
    }
}
