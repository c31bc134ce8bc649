//! Conversations and messages; [`send`]: the transaction behind `send_message`, and [`insert`], its
//! last statement; [`alone`]: the same for a message that comes alone; [`unread`]: what a side hasn't read.

mod alone;
mod insert;
mod send;
mod unread;

use std::collections::{BTreeSet, HashMap};

use jiff::Timestamp;
use sally_protocol::cursor::Epoch;
use sally_protocol::fleet::Side;
use sally_protocol::message::{Conversation, MessagePriority};
use sally_protocol::{Cursor, Id, Message, Role, Tenant};
use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::rows::{parts, places};
use super::{Database, StoreError};
pub(super) use alone::Places;
pub(super) use send::hold_inbox;
pub use send::{Outgoing, Recipients, Stored};
pub use unread::{Asked, Unread};

/// Where a tenant's inbox stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InboxHead {
    /// The life of the inbox.
    pub epoch: Epoch,
    /// The newest message's offset; 0 before the first.
    pub offset: u64,
}

pub(super) const COLUMNS: &str = "m.inbox_offset, m.conversation_id, m.seq, m.message_id, m.sender_id, m.sender_role, \
    m.sender_name, m.recipient_id, m.content, m.priority, m.requires_ack, m.sent_at, m.client_message_id, \
    m.alert_id, m.route_plan_id";

/// Reads a conversation backwards. The sign keeps SQLite from going through the tenant's inbox instead.
const NEWEST_IN: &str = "SELECT inbox_offset FROM message
    WHERE tenant = $1 AND conversation_id = $2 AND +inbox_offset <= $3 ORDER BY seq DESC LIMIT 1";

impl Database {
    /// Where a tenant's inbox stands: every message up to there can be read. One that doesn't exist yet begins.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn inbox_head(&self, tenant: &Tenant) -> Result<InboxHead, StoreError> {
        let row = sqlx::query("SELECT epoch, head FROM inbox WHERE tenant = $1")
            .bind(tenant.as_str())
            .fetch_optional(self.reader())
            .await?;
        match row {
            Some(row) => inbox_head(&row),
            None => hold_inbox(self.writer(), tenant).await,
        }
    }

    /// Where the inboxes of these tenants stand, of those that have begun.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn inbox_heads(&self, tenants: &BTreeSet<Tenant>) -> Result<Vec<(Tenant, InboxHead)>, StoreError> {
        let tenants: Vec<&Tenant> = tenants.iter().collect();
        let mut heads = Vec::with_capacity(tenants.len());
        for lot in parts(&tenants) {
            let places = places(self.kind(), lot.len(), 1);
            let statement = format!("SELECT tenant, epoch, head FROM inbox WHERE tenant IN (VALUES {places})");
            let mut query = sqlx::query(sqlx::AssertSqlSafe(statement));
            for tenant in lot {
                query = query.bind(tenant.as_str());
            }
            for row in query.fetch_all(self.reader()).await? {
                let tenant = Tenant::parse(&row.try_get::<String, _>("tenant")?).map_err(StoreError::row)?;
                heads.push((tenant, inbox_head(&row)?));
            }
        }
        Ok(heads)
    }

    /// The offset of the newest message up to `end` that a conversation's driver may see; 0 when
    /// there is none.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn newest_in(&self, tenant: &Tenant, conversation: &Id, end: u64) -> Result<u64, StoreError> {
        let row = sqlx::query(NEWEST_IN)
            .bind(tenant.as_str())
            .bind(conversation.as_str())
            .bind(signed(end))
            .fetch_optional(self.reader())
            .await?;
        row.map_or(Ok(0), |row| unsigned(&row, "inbox_offset"))
    }

    /// At most `limit` messages after an offset, of one conversation or of all, in order.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn messages_after(
        &self,
        tenant: &Tenant,
        epoch: Epoch,
        offset: u64,
        conversation: Option<&Id>,
        limit: usize,
    ) -> Result<Vec<Message>, StoreError> {
        let rows = sqlx::query(sqlx::AssertSqlSafe(format!(
            "SELECT {COLUMNS} FROM message m WHERE m.tenant = $1 AND m.inbox_offset > $2
             AND ($3 IS NULL OR m.conversation_id = $3) ORDER BY m.inbox_offset LIMIT $4"
        )))
        .bind(tenant.as_str())
        .bind(signed(offset))
        .bind(conversation.map(Id::as_str))
        .bind(signed(limit as u64))
        .fetch_all(self.reader())
        .await?;
        rows.iter().map(|row| message(row, tenant, epoch)).collect()
    }

    /// At most `limit` messages of a conversation before a `seq`, ascending.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn history(
        &self,
        tenant: &Tenant,
        conversation: &Id,
        before_seq: Option<u64>,
        limit: usize,
    ) -> Result<Vec<Message>, StoreError> {
        let epoch = self.inbox_head(tenant).await?.epoch;
        let rows = sqlx::query(sqlx::AssertSqlSafe(format!(
            "SELECT {COLUMNS} FROM message m WHERE m.tenant = $1 AND m.conversation_id = $2 AND m.seq < $3
             ORDER BY m.seq DESC LIMIT $4"
        )))
        .bind(tenant.as_str())
        .bind(conversation.as_str())
        .bind(before_seq.map_or(i64::MAX, signed))
        .bind(signed(limit as u64))
        .fetch_all(self.reader())
        .await?;
        rows.iter().rev().map(|row| message(row, tenant, epoch)).collect()
    }

    /// The conversations of a tenant, or one of them, as one side sees them, newest activity
    /// first. Drivers without a message yet come last. Nobody is online here; that is for the
    /// gateway to say.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn conversations(
        &self,
        tenant: &Tenant,
        side: Side,
        only: Option<&Id>,
    ) -> Result<Vec<Conversation>, StoreError> {
        let epoch = self.inbox_head(tenant).await?.epoch;
        let only = only.map(Id::as_str);
        let drivers = sqlx::query(
            "SELECT u.user_id, u.name, u.disabled, COALESCE(c.driver_read_seq, 0) AS driver_read,
                    COALESCE(c.dispatch_read_seq, 0) AS dispatch_read
             FROM app_user u LEFT JOIN conversation c ON c.tenant = u.tenant AND c.conversation_id = u.user_id
             WHERE u.tenant = $1 AND u.role = 'driver' AND ($2 IS NULL OR u.user_id = $2)
               AND (u.disabled = 0 OR c.last_seq IS NOT NULL)
             ORDER BY u.name, u.user_id",
        )
        .bind(tenant.as_str())
        .bind(only)
        .fetch_all(self.reader())
        .await?;
        let newest = sqlx::query(sqlx::AssertSqlSafe(format!(
            "SELECT {COLUMNS} FROM conversation c
             JOIN message m ON m.tenant = c.tenant AND m.conversation_id = c.conversation_id AND m.seq = c.last_seq
             WHERE c.tenant = $1 AND ($2 IS NULL OR c.conversation_id = $2)"
        )))
        .bind(tenant.as_str())
        .bind(only)
        .fetch_all(self.reader())
        .await?;
        let mut newest: HashMap<Id, Message> = newest
            .iter()
            .map(|row| message(row, tenant, epoch).map(|message| (message.conversation_id.clone(), message)))
            .collect::<Result<_, _>>()?;
        let mut unread = self.unread_counts(tenant, side, only).await?;
        let mut conversations = Vec::with_capacity(drivers.len());
        for row in &drivers {
            let conversation_id = id(row, "user_id")?;
            let read = match side {
                Side::Driver => "driver_read",
                Side::Dispatch => "dispatch_read",
            };
            conversations.push(Conversation {
                name: row.try_get("name")?,
                unread: unread.remove(&conversation_id).unwrap_or_default(),
                read_seq: unsigned(row, read)?,
                last_message: newest.remove(&conversation_id),
                online: false,
                disabled: row.try_get::<i64, _>("disabled")? != 0,
                assignee_id: None,
                assignee_name: None,
                conversation_id,
            });
        }
        conversations.sort_by_key(|conversation| {
            std::cmp::Reverse(conversation.last_message.as_ref().map(|message| message.timestamp))
        });
        Ok(conversations)
    }
}

fn inbox_head(row: &AnyRow) -> Result<InboxHead, StoreError> {
    Ok(InboxHead { epoch: Epoch(unsigned(row, "epoch")?), offset: unsigned(row, "head")? })
}

pub(super) fn message(row: &AnyRow, tenant: &Tenant, epoch: Epoch) -> Result<Message, StoreError> {
    let role: String = row.try_get("sender_role")?;
    let optional_id = |column: &str| -> Result<Option<Id>, StoreError> {
        row.try_get::<Option<String>, _>(column)?.map(|text| Id::parse(&text)).transpose().map_err(StoreError::row)
    };
    Ok(Message {
        message_id: row.try_get("message_id")?,
        conversation_id: id(row, "conversation_id")?,
        seq: unsigned(row, "seq")?,
        cursor: Cursor::new(tenant, epoch, unsigned(row, "inbox_offset")?).to_string(),
        sender_id: id(row, "sender_id")?,
        sender_role: Role::parse(&role).ok_or_else(|| StoreError::row("sender_role"))?,
        sender_name: row.try_get("sender_name")?,
        recipient_id: id(row, "recipient_id")?,
        content: row.try_get("content")?,
        priority: MessagePriority::parse(&row.try_get::<String, _>("priority")?),
        requires_ack: row.try_get::<i64, _>("requires_ack")? != 0,
        timestamp: Timestamp::from_millisecond(row.try_get("sent_at")?).map_err(StoreError::row)?,
        client_message_id: row.try_get("client_message_id")?,
        alert_id: optional_id("alert_id")?,
        route_plan_id: optional_id("route_plan_id")?,
    })
}

pub(super) fn id(row: &AnyRow, column: &str) -> Result<Id, StoreError> {
    Id::parse(&row.try_get::<String, _>(column)?).map_err(StoreError::row)
}

pub(super) fn unsigned(row: &AnyRow, column: &str) -> Result<u64, StoreError> {
    u64::try_from(row.try_get::<i64, _>(column)?).map_err(StoreError::row)
}

/// Offsets, epochs and counts stay below 2^63, which is what the column holds.
pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub(super) fn time(row: &AnyRow, column: &str) -> Result<Timestamp, StoreError> {
    Timestamp::from_millisecond(row.try_get(column)?).map_err(StoreError::row)
}
