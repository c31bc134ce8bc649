//! The transaction behind `send_message`.
//!
//! A conversation's `seq` and a tenant's inbox offset are taken in the transaction that stores the
//! message, so neither has holes and what is acknowledged is ordered.

use std::collections::BTreeSet;

use jiff::Timestamp;
use sally_protocol::cursor::Epoch;
use sally_protocol::message::{DISPATCH, MessagePriority};
use sally_protocol::{Cursor, Id, Message, Role, Tenant};
use sqlx::{Any, AnyConnection, Executor};

use super::{COLUMNS, InboxHead, id, inbox_head, message, signed, unsigned};
use crate::store::search::stored_words;
use crate::store::{Database, StoreError, within_limit};

/// A message on its way into the store.
#[derive(Debug, Clone)]
pub struct Outgoing {
    /// The tenant.
    pub tenant: Tenant,
    /// Who wrote it.
    pub sender: Id,
    /// As what.
    pub role: Role,
    /// That person's name.
    pub name: Option<String>,
    /// To whom.
    pub to: Recipients,
    /// The text, checked.
    pub content: String,
    /// The sender's own id for it.
    pub client_message_id: String,
    /// How loudly it arrives.
    pub priority: MessagePriority,
    /// Whether the reader is asked to acknowledge it.
    pub requires_ack: bool,
    /// The alert it is about.
    pub alert_id: Option<Id>,
    /// The route it is about.
    pub route_plan_id: Option<Id>,
}

/// To whom a message goes.
#[derive(Debug, Clone)]
pub enum Recipients {
    /// From a driver to the dispatch team, in the driver's own thread.
    Dispatch,
    /// From the dispatch team to these drivers, each in their own thread.
    Drivers(Vec<Id>),
    /// From the dispatch team to every driver.
    EveryDriver,
}

/// What became of a message.
#[derive(Debug, Clone)]
pub enum Stored {
    /// It is stored, once a recipient.
    New(Vec<Message>),
    /// It was stored before.
    Duplicate(Vec<Message>),
    /// A recipient is unknown; nothing was stored.
    UnknownRecipient,
}

impl Database {
    /// Stores a group of messages in one transaction; each is stored, known or refused by itself.
    ///
    /// # Errors
    ///
    /// When the database fails; then none of the group is stored.
    pub async fn send(&self, group: &[&Outgoing], now: Timestamp) -> Result<Vec<Stored>, StoreError> {
        within_limit(async {
            let mut transaction = self.transaction().await?;
            // Who holds a tenant's row of the inbox writes for that tenant alone, up to the commit:
            // so offsets become visible in their order, and a repeat finds what it repeats. Nodes
            // take the rows in one order, so that they don't wait for each other in a circle.
            for tenant in group.iter().map(|outgoing| &outgoing.tenant).collect::<BTreeSet<_>>() {
                advance_inbox(&mut *transaction, tenant, 0).await?;
            }
            let mut stored = Vec::with_capacity(group.len());
            for outgoing in group {
                stored.push(send_one(&mut transaction, outgoing, now).await?);
            }
            transaction.commit().await?;
            Ok(stored)
        })
        .await
    }
}

async fn send_one(transaction: &mut AnyConnection, outgoing: &Outgoing, now: Timestamp) -> Result<Stored, StoreError> {
    let tenant = &outgoing.tenant;
    let known = sqlx::query(sqlx::AssertSqlSafe(format!(
        "SELECT {COLUMNS}, i.epoch FROM message m JOIN inbox i ON i.tenant = m.tenant
         WHERE m.tenant = $1 AND m.sender_id = $2 AND m.client_message_id = $3 ORDER BY m.inbox_offset"
    )))
    .bind(tenant.as_str())
    .bind(outgoing.sender.as_str())
    .bind(&outgoing.client_message_id)
    .fetch_all(&mut *transaction)
    .await?;
    if let Some(first) = known.first() {
        let epoch = Epoch(unsigned(first, "epoch")?);
        let messages = known.iter().map(|row| message(row, tenant, epoch)).collect::<Result<_, _>>()?;
        return Ok(Stored::Duplicate(messages));
    }
    let Some(conversations) = conversations_of(transaction, outgoing).await? else {
        return Ok(Stored::UnknownRecipient);
    };
    let mut messages = Vec::with_capacity(conversations.len());
    for conversation_id in conversations {
        let row = sqlx::query(
            "INSERT INTO conversation (tenant, conversation_id, last_seq, driver_read_seq, dispatch_read_seq)
             VALUES ($1, $2, 1, 0, 0)
             ON CONFLICT (tenant, conversation_id) DO UPDATE SET last_seq = conversation.last_seq + 1
             RETURNING last_seq",
        )
        .bind(tenant.as_str())
        .bind(conversation_id.as_str())
        .fetch_one(&mut *transaction)
        .await?;
        let seq = unsigned(&row, "last_seq")?;
        let inbox = advance_inbox(&mut *transaction, tenant, 1).await?;
        let recipient_id = match outgoing.to {
            Recipients::Dispatch => Id::parse(DISPATCH).map_err(StoreError::row)?,
            Recipients::Drivers(_) | Recipients::EveryDriver => conversation_id.clone(),
        };
        let message = Message {
            message_id: uuid::Uuid::now_v7().to_string(),
            conversation_id,
            seq,
            cursor: Cursor::new(tenant, inbox.epoch, inbox.offset).to_string(),
            sender_id: outgoing.sender.clone(),
            sender_role: outgoing.role,
            sender_name: outgoing.name.clone(),
            recipient_id,
            content: outgoing.content.clone(),
            priority: outgoing.priority,
            requires_ack: outgoing.requires_ack,
            // The store keeps milliseconds, and a resend must be answered with the same time.
            timestamp: Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now),
            client_message_id: outgoing.client_message_id.clone(),
            alert_id: outgoing.alert_id.clone(),
            route_plan_id: outgoing.route_plan_id.clone(),
        };
        insert(transaction, tenant, inbox.offset, &message).await?;
        messages.push(message);
    }
    Ok(Stored::New(messages))
}

/// The conversations that a message goes into; `None` when a recipient is no driver of the tenant.
async fn conversations_of(transaction: &mut AnyConnection, outgoing: &Outgoing) -> Result<Option<Vec<Id>>, StoreError> {
    let tenant = outgoing.tenant.as_str();
    match &outgoing.to {
        Recipients::Dispatch => Ok(Some(vec![outgoing.sender.clone()])),
        Recipients::Drivers(drivers) => {
            for driver in drivers {
                let known = sqlx::query(
                    "SELECT user_id FROM app_user
                     WHERE tenant = $1 AND user_id = $2 AND role = 'driver' AND disabled = 0",
                )
                .bind(tenant)
                .bind(driver.as_str())
                .fetch_optional(&mut *transaction)
                .await?;
                if known.is_none() {
                    return Ok(None);
                }
            }
            Ok(Some(drivers.clone()))
        }
        Recipients::EveryDriver => {
            let rows = sqlx::query(
                "SELECT user_id FROM app_user WHERE tenant = $1 AND role = 'driver' AND disabled = 0 ORDER BY user_id",
            )
            .bind(tenant)
            .fetch_all(transaction)
            .await?;
            let drivers = rows.iter().map(|row| id(row, "user_id")).collect::<Result<Vec<_>, _>>()?;
            Ok((!drivers.is_empty()).then_some(drivers))
        }
    }
}

pub(in crate::store) async fn advance_inbox<'c>(
    connection: impl Executor<'c, Database = Any>,
    tenant: &Tenant,
    by: i64,
) -> Result<InboxHead, StoreError> {
    let row = sqlx::query(
        "INSERT INTO inbox (tenant, epoch, head) VALUES ($1, $2, $3)
         ON CONFLICT (tenant) DO UPDATE SET head = inbox.head + $3 RETURNING epoch, head",
    )
    .bind(tenant.as_str())
    .bind(signed(rand::random::<u64>() >> 1))
    .bind(by)
    .fetch_one(connection)
    .await?;
    inbox_head(&row)
}

async fn insert(
    transaction: &mut AnyConnection,
    tenant: &Tenant,
    offset: u64,
    message: &Message,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO message (tenant, inbox_offset, conversation_id, seq, message_id, sender_id, sender_role,
             sender_name, recipient_id, content, priority, requires_ack, sent_at, client_message_id, alert_id,
             route_plan_id, words)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)",
    )
    .bind(tenant.as_str())
    .bind(signed(offset))
    .bind(message.conversation_id.as_str())
    .bind(signed(message.seq))
    .bind(&message.message_id)
    .bind(message.sender_id.as_str())
    .bind(message.sender_role.as_str())
    .bind(message.sender_name.as_deref())
    .bind(message.recipient_id.as_str())
    .bind(&message.content)
    .bind(message.priority.as_str())
    .bind(i64::from(message.requires_ack))
    .bind(message.timestamp.as_millisecond())
    .bind(&message.client_message_id)
    .bind(message.alert_id.as_ref().map(Id::as_str))
    .bind(message.route_plan_id.as_ref().map(Id::as_str))
    .bind(stored_words(&message.content))
    .execute(transaction)
    .await?;
    Ok(())
}
