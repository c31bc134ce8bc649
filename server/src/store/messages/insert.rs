//! Messages as they are written.

use sally_protocol::{Id, Message, Tenant};
use sqlx::any::AnyArguments;
use sqlx::query::Query;
use sqlx::{Any, AnyConnection, AssertSqlSafe};

use super::signed;
use crate::store::rows::places;
use crate::store::words::Indexing;
use crate::store::{Kind, StoreError};

/// What a message says, wherever it stands; [`bind`] gives the values.
pub(super) const SAID: &str = "message_id, sender_id, sender_role, sender_name, recipient_id, content, priority, requires_ack, \
    sent_at, client_message_id, alert_id, route_plan_id, words";

/// How many columns these are.
pub(super) const SAID_COLUMNS: usize = 13;

/// Writes messages at places that were taken for them, with their tenants and offsets.
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
pub(super) fn bind<'q>(
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
