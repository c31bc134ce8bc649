//! What a side of a conversation hasn't read.

use std::collections::HashMap;

use sally_protocol::cursor::Epoch;
use sally_protocol::fleet::Side;
use sally_protocol::{Id, Message, Tenant};
use sqlx::{AssertSqlSafe, Row as _};

use super::{COLUMNS, id, message, unsigned};
use crate::store::rows::{parts, places};
use crate::store::{Database, StoreError};

/// A conversation's unread count on one side.
#[derive(Debug, Clone)]
pub struct Unread {
    /// How many messages that side hasn't read.
    pub count: u64,
    /// The newest message.
    pub last: Message,
}

/// A side of a conversation of a tenant.
pub type Asked = (Tenant, Id, Side);

/// The messages of the conversation `c` that a side hasn't read. The roles are named one by one, so
/// that each is a range of an index.
const OF_DRIVER: &str = "SELECT COUNT(*) FROM message u WHERE u.tenant = c.tenant
    AND u.conversation_id = c.conversation_id AND u.seq > c.driver_read_seq
    AND u.sender_role IN ('dispatcher', 'admin', 'owner')";
const OF_DISPATCH: &str = "SELECT COUNT(*) FROM message u WHERE u.tenant = c.tenant
    AND u.conversation_id = c.conversation_id AND u.seq > c.dispatch_read_seq AND u.sender_role = 'driver'";

impl Database {
    /// How many messages one side of a conversation hasn't read, and the newest message, of each
    /// conversation that was asked for and has a message.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn unread_of(&self, asked: &[&Asked]) -> Result<HashMap<Asked, Unread>, StoreError> {
        let mut unread = HashMap::with_capacity(asked.len());
        for part in parts(asked) {
            // SQLite joins in the order of a CROSS JOIN: it looks up what was asked for, one by one.
            let statement = format!(
                "WITH asked (tenant, conversation_id, side) AS (VALUES {})
                 SELECT c.tenant, asked.side, i.epoch, {COLUMNS},
                     CASE WHEN asked.side = 'driver' THEN ({OF_DRIVER}) ELSE ({OF_DISPATCH}) END AS unread
                 FROM asked CROSS JOIN conversation c
                 JOIN inbox i ON i.tenant = c.tenant
                 JOIN message m ON m.tenant = c.tenant AND m.conversation_id = c.conversation_id AND m.seq = c.last_seq
                 WHERE c.tenant = asked.tenant AND c.conversation_id = asked.conversation_id",
                places(self.kind(), part.len(), 3)
            );
            let mut query = sqlx::query(AssertSqlSafe(statement));
            for (tenant, conversation, side) in part {
                query = query.bind(tenant.as_str()).bind(conversation.as_str()).bind(side.as_str());
            }
            for row in query.fetch_all(self.reader()).await? {
                let tenant = Tenant::parse(&row.try_get::<String, _>("tenant")?).map_err(StoreError::row)?;
                let last = message(&row, &tenant, Epoch(unsigned(&row, "epoch")?))?;
                let side = Side::parse(&row.try_get::<String, _>("side")?);
                let key = (tenant, last.conversation_id.clone(), side);
                unread.insert(key, Unread { count: unsigned(&row, "unread")?, last });
            }
        }
        Ok(unread)
    }

    /// How many messages one side hasn't read, of one of a tenant's conversations or of all.
    pub(super) async fn unread_counts(
        &self,
        tenant: &Tenant,
        side: Side,
        only: Option<&str>,
    ) -> Result<HashMap<Id, u64>, StoreError> {
        let count = match side {
            Side::Driver => OF_DRIVER,
            Side::Dispatch => OF_DISPATCH,
        };
        let statement = format!(
            "SELECT c.conversation_id, ({count}) AS unread FROM conversation c
             WHERE c.tenant = $1 AND ($2 IS NULL OR c.conversation_id = $2)"
        );
        let rows = sqlx::query(AssertSqlSafe(statement)).bind(tenant.as_str()).bind(only).fetch_all(self.reader());
        rows.await?.iter().map(|row| Ok((id(row, "conversation_id")?, unsigned(row, "unread")?))).collect()
    }
}
