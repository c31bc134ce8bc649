//! Messages as they are written: a group's at places that were taken for them before, or one at the
//! next place, in a statement that is a transaction by itself.

use sally_protocol::cursor::Epoch;
use sally_protocol::{Id, Message, Tenant};
use sqlx::any::AnyArguments;
use sqlx::query::Query;
use sqlx::{Any, AnyConnection, AssertSqlSafe};

use super::{InboxHead, signed, unsigned};
use crate::store::rows::places;
use crate::store::search::Indexing;
use crate::store::{Database, Kind, StoreError};

/// What a message says, wherever it stands; [`bind`] gives the values.
const SAID: &str = "message_id, sender_id, sender_role, sender_name, recipient_id, content, priority, requires_ack, \
    sent_at, client_message_id, alert_id, route_plan_id, words";

/// How many columns these are.
const SAID_COLUMNS: usize = 13;

/// Writes messages with their tenants and offsets.
pub(super) async fn insert(
    transaction: &mut AnyConnection,
    messages: &[(Tenant, u64, Message)],
    indexing: Indexing,
) -> Result<(), StoreError> {
    let statement = format!(
        "INSERT INTO message (tenant, inbox_offset, conversation_id, seq, {SAID}) VALUES {}",
        places(Kind::of(transaction), messages.len(), 4 + SAID_COLUMNS)
    );
    let mut query = sqlx::query(AssertSqlSafe(statement));
    for (tenant, offset, message) in messages {
        query = query.bind(tenant.as_str()).bind(signed(*offset));
        query = query.bind(message.conversation_id.as_str()).bind(signed(message.seq));
        query = bind(query, message, indexing);
    }
    query.execute(transaction).await?;
    Ok(())
}

/// A message's values of the columns [`SAID`].
fn bind<'q>(
    query: Query<'q, Any, AnyArguments>,
    message: &'q Message,
    indexing: Indexing,
) -> Query<'q, Any, AnyArguments> {
    query
        .bind(message.message_id.as_str())
        .bind(message.sender_id.as_str())
        .bind(message.sender_role.as_str())
        .bind(message.sender_name.as_deref())
        .bind(message.recipient_id.as_str())
        .bind(message.content.as_str())
        .bind(message.priority.as_str())
        .bind(i64::from(message.requires_ack))
        .bind(message.timestamp.as_millisecond())
        .bind(message.client_message_id.as_str())
        .bind(message.alert_id.as_ref().map(Id::as_str))
        .bind(message.route_plan_id.as_ref().map(Id::as_str))
        .bind(indexing.words(&message.content))
}

impl Database {
    /// Writes a message at the next place of its conversation and its tenant's inbox, and says where
    /// that is: its `seq`, and where the inbox stands then. `None`, and nothing is written, when its
    /// sender has sent it before, when it goes to `driver` and there is no such driver, or when the
    /// inbox hasn't begun.
    ///
    /// For SQLite, where a statement alone is a transaction that takes its lock before it reads, and
    /// a trigger moves the inbox and the conversation. Every other statement would be a hand-over to
    /// the connection's thread and back, which costs more than what is done there.
    pub(super) async fn insert_next(
        &self,
        tenant: &Tenant,
        message: &Message,
        driver: Option<&Id>,
    ) -> Result<Option<(u64, InboxHead)>, StoreError> {
        let recipient = match driver {
            Some(_) => {
                "AND EXISTS (SELECT 1 FROM app_user u WHERE u.tenant = new.tenant AND u.user_id = new.conversation_id
                     AND u.role = 'driver' AND u.disabled = 0)"
            }
            None => "",
        };
        let statement = format!(
            "WITH new (tenant, conversation_id, {SAID}) AS (VALUES {})
             INSERT INTO message (tenant, inbox_offset, conversation_id, seq, {SAID})
             SELECT new.tenant, i.head + 1, new.conversation_id, COALESCE(c.last_seq, 0) + 1, {SAID}
             FROM new CROSS JOIN inbox i ON i.tenant = new.tenant
             LEFT JOIN conversation c ON c.tenant = new.tenant AND c.conversation_id = new.conversation_id
             WHERE NOT EXISTS (SELECT 1 FROM message m WHERE m.tenant = new.tenant AND m.sender_id = new.sender_id
                 AND m.client_message_id = new.client_message_id) {recipient}
             RETURNING seq, inbox_offset, (SELECT i.epoch FROM inbox i WHERE i.tenant = message.tenant) AS epoch",
            places(self.kind(), 1, 2 + SAID_COLUMNS)
        );
        let query = sqlx::query(AssertSqlSafe(statement)).bind(tenant.as_str()).bind(message.conversation_id.as_str());
        // It must be run to its end, past the row: only then is it known to be committed.
        let rows = bind(query, message, self.indexing()).fetch_all(self.writer()).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let head = InboxHead { epoch: Epoch(unsigned(row, "epoch")?), offset: unsigned(row, "inbox_offset")? };
        Ok(Some((unsigned(row, "seq")?, head)))
    }
}
