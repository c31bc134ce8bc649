//! The transaction behind `send_message`.
//!
//! A conversation's `seq` and a tenant's inbox offset are taken in the transaction that stores the
//! message, so neither has holes and what is acknowledged is ordered. A group is looked up, placed
//! in memory and written together: so it takes few statements, however large it is. A message that
//! comes [`alone`](super::alone) takes one in SQLite, and what that one can't decide goes the way of a
//! group.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use jiff::Timestamp;
use sally_protocol::message::{DISPATCH, MessagePriority};
use sally_protocol::{Cursor, Id, Message, Role, Tenant};
use sqlx::any::{AnyArguments, AnyRow};
use sqlx::query::Query;
use sqlx::{Any, AnyConnection, AssertSqlSafe, Executor, Row as _};

use super::insert::insert;
use super::{COLUMNS, InboxHead, id, inbox_head, message, signed, unsigned};
use crate::store::rows::{parts, places};
use crate::store::words::Indexing;
use crate::store::{Database, Kind, StoreError, within_limit};

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

/// A sender's message, which is stored once.
type Repeat = (Tenant, Id, String);

/// A tenant's conversation.
pub(super) type Thread = (Tenant, Id);

impl Database {
    /// Stores a group of messages in one transaction; each is stored, known or refused by itself.
    ///
    /// # Errors
    ///
    /// When the database fails; then none of the group is stored.
    pub async fn send(&self, group: &[&Outgoing], now: Timestamp) -> Result<Vec<Stored>, StoreError> {
        within_limit(async {
            if let [alone] = group
                && let Some(message) = self.send_alone(alone, now).await?
            {
                return Ok(vec![Stored::New(vec![message])]);
            }
            let mut turn = self.turn_to_write().await?;
            let mut transaction = turn.begin().await?;
            let mut sending = Sending::begin(&mut transaction, group).await?;
            let stored = group.iter().map(|outgoing| sending.send(outgoing, now)).collect::<Result<_, _>>()?;
            sending.write(&mut transaction, self.indexing()).await?;
            transaction.commit().await?;
            if self.kind() == Kind::Sqlite {
                self.places().learn(sending.heads, sending.last);
            }
            Ok(stored)
        })
        .await
    }
}

/// What a group needs of the database, looked up for all of it, and what is to be written.
struct Sending {
    heads: HashMap<Tenant, InboxHead>,
    /// Up to where each tenant's inbox was advanced: as far as it would go if every message of the
    /// group is new and names its recipients, which is the rule.
    reserved: HashMap<Tenant, u64>,
    known: HashMap<Repeat, Vec<Message>>,
    /// Who may be named as a driver.
    drivers: HashSet<Thread>,
    /// All drivers of the tenants of which all are written to, in the order of their ids.
    every_driver: HashMap<Tenant, Vec<Id>>,
    /// The newest `seq` of each conversation.
    last: HashMap<Thread, u64>,
    fresh: Vec<(Tenant, u64, Message)>,
}

impl Sending {
    async fn begin(transaction: &mut AnyConnection, group: &[&Outgoing]) -> Result<Self, StoreError> {
        // Who holds a tenant's row of the inbox writes for that tenant alone, up to the commit: so
        // offsets become visible in their order, and a repeat finds what it repeats. Nodes take the
        // rows in one order, so that they don't wait for each other in a circle.
        let mut expected: BTreeMap<&Tenant, u64> = BTreeMap::new();
        for outgoing in group {
            *expected.entry(&outgoing.tenant).or_default() += outgoing.expected();
        }
        let expected: Vec<(&Tenant, u64)> = expected.into_iter().collect();
        let mut heads = advance_inboxes(transaction, &expected).await?;
        let reserved = heads.iter().map(|(tenant, end)| (tenant.clone(), end.offset)).collect();
        for (tenant, count) in expected {
            let head = heads.get_mut(tenant).ok_or_else(|| StoreError::row("an inbox that wasn't advanced"))?;
            head.offset -= count;
        }
        let known = known(transaction, group, &heads).await?;
        let mut every_driver = HashMap::new();
        for outgoing in group.iter().filter(|outgoing| matches!(outgoing.to, Recipients::EveryDriver)) {
            if !every_driver.contains_key(&outgoing.tenant) {
                every_driver.insert(outgoing.tenant.clone(), all_drivers(transaction, &outgoing.tenant).await?);
            }
        }
        let of_all = every_driver
            .iter()
            .flat_map(|(tenant, drivers)| drivers.iter().map(move |driver| (tenant.clone(), driver.clone())));
        let own = group.iter().filter(|outgoing| matches!(outgoing.to, Recipients::Dispatch));
        let own = own.map(|outgoing| (outgoing.tenant.clone(), outgoing.sender.clone()));
        let named = group.iter().flat_map(|outgoing| outgoing.named());
        let threads: BTreeSet<Thread> = named.chain(of_all).chain(own).collect();
        let Threads { drivers, last } = look_up(transaction, &threads.iter().collect::<Vec<_>>()).await?;
        Ok(Self { heads, reserved, known, drivers, every_driver, last, fresh: Vec::new() })
    }

    fn send(&mut self, outgoing: &Outgoing, now: Timestamp) -> Result<Stored, StoreError> {
        let repeat = (outgoing.tenant.clone(), outgoing.sender.clone(), outgoing.client_message_id.clone());
        if let Some(messages) = self.known.get(&repeat) {
            return Ok(Stored::Duplicate(messages.clone()));
        }
        let Some(threads) = self.threads(outgoing) else { return Ok(Stored::UnknownRecipient) };
        let messages = threads.into_iter().map(|thread| self.place(outgoing, thread, now));
        let messages = messages.collect::<Result<Vec<_>, _>>()?;
        self.known.insert(repeat, messages.clone());
        Ok(Stored::New(messages))
    }

    /// The conversations that a message goes into; `None` when a recipient is no driver of the
    /// tenant.
    fn threads(&self, outgoing: &Outgoing) -> Option<Vec<Id>> {
        match &outgoing.to {
            Recipients::Dispatch => Some(vec![outgoing.sender.clone()]),
            Recipients::Drivers(drivers) => {
                let known = outgoing.named().all(|thread| self.drivers.contains(&thread));
                known.then(|| drivers.clone())
            }
            Recipients::EveryDriver => {
                self.every_driver.get(&outgoing.tenant).filter(|drivers| !drivers.is_empty()).cloned()
            }
        }
    }

    /// A message at the end of a conversation and of its tenant's inbox.
    fn place(&mut self, outgoing: &Outgoing, conversation: Id, now: Timestamp) -> Result<Message, StoreError> {
        let tenant = &outgoing.tenant;
        let head = self.heads.get_mut(tenant).ok_or_else(|| StoreError::row("an inbox that did not begin"))?;
        head.offset += 1;
        let seq = self.last.entry((tenant.clone(), conversation.clone())).or_default();
        *seq += 1;
        let message = placed(outgoing.message(conversation, now)?, tenant, *seq, *head);
        self.fresh.push((tenant.clone(), head.offset, message.clone()));
        Ok(message)
    }

    async fn write(&self, transaction: &mut AnyConnection, indexing: Indexing) -> Result<(), StoreError> {
        let threads = self.fresh.iter().map(|(tenant, _, message)| (tenant.clone(), message.conversation_id.clone()));
        let threads: BTreeSet<Thread> = threads.collect();
        let moved: Vec<(&Thread, u64)> =
            threads.iter().map(|thread| (thread, self.last.get(thread).copied().unwrap_or_default())).collect();
        for part in parts(&moved) {
            let statement = format!(
                "INSERT INTO conversation (tenant, conversation_id, last_seq, driver_read_seq, dispatch_read_seq)
                 VALUES {}
                 ON CONFLICT (tenant, conversation_id) DO UPDATE SET last_seq = excluded.last_seq",
                places(Kind::of(transaction), part.len(), 5)
            );
            let mut query = sqlx::query(AssertSqlSafe(statement));
            for ((tenant, conversation), seq) in part {
                query =
                    query.bind(tenant.as_str()).bind(conversation.as_str()).bind(signed(*seq)).bind(0_i64).bind(0_i64);
            }
            query.execute(&mut *transaction).await?;
        }
        for (tenant, head) in &self.heads {
            if self.reserved.get(tenant) != Some(&head.offset) {
                sqlx::query("UPDATE inbox SET head = $2 WHERE tenant = $1")
                    .bind(tenant.as_str())
                    .bind(signed(head.offset))
                    .execute(&mut *transaction)
                    .await?;
            }
        }
        for part in parts(&self.fresh) {
            insert(transaction, part, indexing).await?;
        }
        Ok(())
    }
}

/// A message at its place, which is where its tenant's inbox stands with it.
pub(super) fn placed(message: Message, tenant: &Tenant, seq: u64, head: InboxHead) -> Message {
    Message { seq, cursor: Cursor::new(tenant, head.epoch, head.offset).to_string(), ..message }
}

impl Outgoing {
    /// The message that it becomes in a conversation, without a place.
    pub(super) fn message(&self, conversation_id: Id, now: Timestamp) -> Result<Message, StoreError> {
        let recipient_id = match self.to {
            Recipients::Dispatch => Id::parse(DISPATCH).map_err(StoreError::row)?,
            Recipients::Drivers(_) | Recipients::EveryDriver => conversation_id.clone(),
        };
        Ok(Message {
            message_id: uuid::Uuid::now_v7().to_string(),
            conversation_id,
            seq: 0,
            cursor: String::new(),
            sender_id: self.sender.clone(),
            sender_role: self.role,
            sender_name: self.name.clone(),
            recipient_id,
            content: self.content.clone(),
            priority: self.priority,
            requires_ack: self.requires_ack,
            // The store keeps milliseconds, and a resend must be answered with the same time.
            timestamp: Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now),
            client_message_id: self.client_message_id.clone(),
            alert_id: self.alert_id.clone(),
            route_plan_id: self.route_plan_id.clone(),
        })
    }

    /// How many messages it becomes, as far as it says itself.
    fn expected(&self) -> u64 {
        match &self.to {
            Recipients::Dispatch => 1,
            Recipients::Drivers(drivers) => drivers.len() as u64,
            Recipients::EveryDriver => 0,
        }
    }

    /// The drivers that it names, as conversations.
    fn named(&self) -> impl Iterator<Item = Thread> {
        let named = match &self.to {
            Recipients::Drivers(drivers) => drivers.as_slice(),
            Recipients::Dispatch | Recipients::EveryDriver => &[],
        };
        named.iter().map(|driver| (self.tenant.clone(), driver.clone()))
    }
}

/// What of a group is stored already.
async fn known(
    transaction: &mut AnyConnection,
    group: &[&Outgoing],
    heads: &HashMap<Tenant, InboxHead>,
) -> Result<HashMap<Repeat, Vec<Message>>, StoreError> {
    let mut known: HashMap<Repeat, Vec<Message>> = HashMap::new();
    for part in parts(group) {
        // SQLite joins in the order of a CROSS JOIN: it looks up what was asked for, one by one.
        let statement = format!(
            "WITH asked (tenant, sender_id, client_message_id) AS (VALUES {})
             SELECT m.tenant, {COLUMNS} FROM asked CROSS JOIN message m WHERE m.tenant = asked.tenant
               AND m.sender_id = asked.sender_id AND m.client_message_id = asked.client_message_id
             ORDER BY m.tenant, m.inbox_offset",
            places(Kind::of(transaction), part.len(), 3)
        );
        let mut query = sqlx::query(AssertSqlSafe(statement));
        for outgoing in part {
            query = query.bind(outgoing.tenant.as_str()).bind(outgoing.sender.as_str());
            query = query.bind(outgoing.client_message_id.as_str());
        }
        for row in query.fetch_all(&mut *transaction).await? {
            let tenant = Tenant::parse(&row.try_get::<String, _>("tenant")?).map_err(StoreError::row)?;
            let head = heads.get(&tenant).ok_or_else(|| StoreError::row("a tenant that nobody asked for"))?;
            let message = message(&row, &tenant, head.epoch)?;
            let repeat = (tenant, message.sender_id.clone(), message.client_message_id.clone());
            let messages = known.entry(repeat).or_default();
            // A group may hold the same message twice, and is answered as often.
            if messages.last().is_none_or(|last| last.message_id != message.message_id) {
                messages.push(message);
            }
        }
    }
    Ok(known)
}

async fn all_drivers(transaction: &mut AnyConnection, tenant: &Tenant) -> Result<Vec<Id>, StoreError> {
    let rows = sqlx::query(
        "SELECT user_id FROM app_user WHERE tenant = $1 AND role = 'driver' AND disabled = 0 ORDER BY user_id",
    )
    .bind(tenant.as_str())
    .fetch_all(transaction)
    .await?;
    rows.iter().map(|row| id(row, "user_id")).collect()
}

/// What there is of some conversations before a group is placed.
#[derive(Default)]
struct Threads {
    /// Those whose user may be named as a driver.
    drivers: HashSet<Thread>,
    /// The newest `seq` of each that has begun.
    last: HashMap<Thread, u64>,
}

async fn look_up(transaction: &mut AnyConnection, threads: &[&Thread]) -> Result<Threads, StoreError> {
    let mut found = Threads::default();
    for part in parts(threads) {
        let statement = format!(
            "WITH asked (tenant, thread) AS (VALUES {})
             SELECT asked.tenant, asked.thread, u.user_id AS driver, c.last_seq FROM asked
             LEFT JOIN app_user u ON u.tenant = asked.tenant AND u.user_id = asked.thread
               AND u.role = 'driver' AND u.disabled = 0
             LEFT JOIN conversation c ON c.tenant = asked.tenant AND c.conversation_id = asked.thread",
            places(Kind::of(transaction), part.len(), 2)
        );
        for row in of_threads(statement, part).fetch_all(&mut *transaction).await? {
            let thread = thread(&row)?;
            if row.try_get::<Option<String>, _>("driver")?.is_some() {
                found.drivers.insert(thread.clone());
            }
            if row.try_get::<Option<i64>, _>("last_seq")?.is_some() {
                found.last.insert(thread, unsigned(&row, "last_seq")?);
            }
        }
    }
    Ok(found)
}

/// A query whose places are those of tenants and ids.
fn of_threads<'q>(statement: String, threads: &[&'q Thread]) -> Query<'q, Any, AnyArguments> {
    threads.iter().fold(sqlx::query(AssertSqlSafe(statement)), |query, (tenant, id)| {
        query.bind(tenant.as_str()).bind(id.as_str())
    })
}

fn thread(row: &AnyRow) -> Result<Thread, StoreError> {
    Ok((Tenant::parse(&row.try_get::<String, _>("tenant")?).map_err(StoreError::row)?, id(row, "thread")?))
}

/// Where a tenant's inbox stands; one that doesn't exist yet begins. Whoever asks in a transaction is
/// the only one to write for that tenant until its end.
pub(in crate::store) async fn hold_inbox<'c>(
    connection: impl Executor<'c, Database = Any>,
    tenant: &Tenant,
) -> Result<InboxHead, StoreError> {
    let row = sqlx::query(
        "INSERT INTO inbox (tenant, epoch, head) VALUES ($1, $2, 0)
         ON CONFLICT (tenant) DO UPDATE SET head = inbox.head RETURNING epoch, head",
    )
    .bind(tenant.as_str())
    .bind(new_epoch())
    .fetch_one(connection)
    .await?;
    inbox_head(&row)
}

/// [`hold_inbox`] of several tenants, each advanced by a number of messages; where they stand then.
async fn advance_inboxes(
    transaction: &mut AnyConnection,
    by: &[(&Tenant, u64)],
) -> Result<HashMap<Tenant, InboxHead>, StoreError> {
    let mut heads = HashMap::with_capacity(by.len());
    for part in parts(by) {
        let statement = format!(
            "INSERT INTO inbox (tenant, epoch, head) VALUES {}
             ON CONFLICT (tenant) DO UPDATE SET head = inbox.head + excluded.head RETURNING tenant, epoch, head",
            places(Kind::of(transaction), part.len(), 3)
        );
        let mut query = sqlx::query(AssertSqlSafe(statement));
        for (tenant, count) in part {
            query = query.bind(tenant.as_str()).bind(new_epoch()).bind(signed(*count));
        }
        for row in query.fetch_all(&mut *transaction).await? {
            let tenant = Tenant::parse(&row.try_get::<String, _>("tenant")?).map_err(StoreError::row)?;
            heads.insert(tenant, inbox_head(&row)?);
        }
    }
    Ok(heads)
}

/// The epoch of an inbox that begins.
fn new_epoch() -> i64 {
    signed(rand::random::<u64>() >> 1)
}
