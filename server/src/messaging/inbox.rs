//! The one task that stores messages and hands them out in stored order.
//!
//! It takes whatever waits, stores it as one transaction, and only then emits and answers. While it
//! does, the next group is being stored already. A socket joins its rooms here too, between two groups:
//! so the cursor it is told and the messages it receives meet without a gap and without an overlap.
//!
//! Other nodes store messages of the same tenants. Everything that this node hands out it hands
//! out in the order of the store: what lies between the last message shown here and a new one is
//! read first. That an inbox has grown elsewhere is heard from the other nodes, and found out by
//! comparing every two seconds, so that a lost word costs latency and never a message.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use sally_protocol::fleet::Side;
use sally_protocol::message::{Sent, SessionInfo};
use sally_protocol::{Cursor, Message, Tenant};
use tokio::sync::{mpsc, oneshot};
use tokio::time::MissedTickBehavior;
use tokio_util::task::TaskTracker;

use super::audience::Audience;
use super::badges::{Badge, Badges};
use super::peers::{Notice, Peers};
use super::presence::{Presences, person};
use super::rooms::Rooms;
use super::socket::{Socket, event};
use crate::auth::Member;
use crate::engine::Sid;
use crate::metrics::Metrics;
use crate::store::messages::{InboxHead, Outgoing, Recipients, Stored};
use crate::store::{Database, StoreError};

/// How many requests may wait for the task; more wait outside.
const QUEUE: usize = 1_024;

/// The most requests that one transaction takes.
const GROUP: usize = 256;

/// How many messages of other nodes are read at once.
const PAGE: usize = 200;

/// How often what is shown here is compared with the store.
const COMPARE_PERIOD: Duration = Duration::from_secs(2);

/// Why a message wasn't stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum SendError {
    /// The store failed.
    #[error("the store can't be reached")]
    Unavailable,
    /// A recipient is no driver of the tenant.
    #[error("unknown recipient")]
    UnknownRecipient,
}

/// Where an answer goes.
type Reply<T> = oneshot::Sender<Result<T, SendError>>;

enum Request {
    Send { outgoing: Outgoing, from: Sid, reply: Reply<Sent> },
    Join { member: Box<Member>, socket: Arc<Socket>, reply: Reply<()> },
    Grown { tenant: Tenant, head: InboxHead },
}

/// A message, the socket that sent it, and where its answer goes.
type Send = (Outgoing, Sid, Reply<Sent>);

/// Sends with what became of them in the store.
struct Group {
    sends: Vec<Send>,
    stored: Vec<Stored>,
}

/// What the task works with.
pub(super) struct Parts {
    pub(super) database: Database,
    pub(super) rooms: Rooms,
    pub(super) badges: Badges,
    pub(super) metrics: Metrics,
    pub(super) peers: Peers,
    pub(super) presences: Presences,
}

/// Stores and hands out messages; a cheap clone.
#[derive(Clone)]
pub(super) struct Inbox {
    requests: mpsc::Sender<Request>,
}

impl Inbox {
    /// Starts the task on `tasks`. It ends when the last clone is dropped.
    pub(super) fn start(parts: Parts, tasks: &TaskTracker) -> Self {
        let (requests, queue) = mpsc::channel(QUEUE);
        tasks.spawn(Worker { parts, shown: HashMap::new(), senders: HashMap::new() }.run(queue));
        Self { requests }
    }

    /// Stores a message and hands it to everybody but the socket it came `from`.
    pub(super) async fn send(&self, outgoing: Outgoing, from: Sid) -> Result<Sent, SendError> {
        self.ask(|reply| Request::Send { outgoing, from, reply }).await
    }

    /// Tells a socket where the tenant stands and lets it into its rooms.
    pub(super) async fn join(&self, member: &Member, socket: &Arc<Socket>) -> Result<(), SendError> {
        let (member, socket) = (Box::new(member.clone()), Arc::clone(socket));
        self.ask(|reply| Request::Join { member, socket, reply }).await
    }

    /// Takes note that another node has stored messages.
    pub(super) fn grown(&self, tenant: Tenant, head: InboxHead) {
        // Should there be no room, the next comparison finds it.
        let _ = self.requests.try_send(Request::Grown { tenant, head });
    }

    async fn ask<T>(&self, request: impl FnOnce(Reply<T>) -> Request) -> Result<T, SendError> {
        let (reply, answer) = oneshot::channel();
        self.requests.send(request(reply)).await.map_err(|_| SendError::Unavailable)?;
        answer.await.map_err(|_| SendError::Unavailable)?
    }
}

struct Worker {
    parts: Parts,
    /// Up to where each tenant's messages have been handed out, of the tenants with sockets here.
    shown: HashMap<Tenant, InboxHead>,
    /// The sockets that sent what is stored and not handed out yet, by offset.
    senders: HashMap<(Tenant, u64), Sid>,
}

impl Worker {
    async fn run(mut self, mut queue: mpsc::Receiver<Request>) {
        let mut group = Vec::with_capacity(GROUP);
        let mut stored = None;
        let mut compare = tokio::time::interval(COMPARE_PERIOD);
        compare.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            if queue.is_empty() {
                self.finish(stored.take()).await;
            }
            tokio::select! {
                taken = queue.recv_many(&mut group, GROUP) => {
                    if taken == 0 {
                        return self.finish(stored).await;
                    }
                    stored = self.serve(group.drain(..), stored).await;
                }
                _ = compare.tick() => {
                    self.finish(stored.take()).await;
                    self.compare().await;
                }
            }
        }
    }

    /// Serves a group after the one that is stored; what of it is stored and not handed out yet.
    async fn serve(&mut self, group: impl Iterator<Item = Request>, stored: Option<Group>) -> Option<Group> {
        let (mut sends, mut joins, mut grown) = (Vec::new(), Vec::new(), HashMap::new());
        for request in group {
            match request {
                Request::Send { outgoing, from, reply } => sends.push((outgoing, from, reply)),
                Request::Join { member, socket, reply } => joins.push((member, socket, reply)),
                // The newest comes last.
                Request::Grown { tenant, head } => drop(grown.insert(tenant, head)),
            }
        }
        let storing = store(self.parts.database.clone(), sends);
        let stored = match stored {
            None => storing.await,
            // In a task of its own: a transaction that has begun must not wait for what is done here.
            Some(group) => {
                let storing = tokio::spawn(storing);
                self.finish(Some(group)).await;
                storing.await.unwrap_or_else(|error| {
                    tracing::error!(%error, "the storing of messages broke off");
                    None
                })
            }
        };
        if grown.is_empty() && joins.is_empty() {
            return stored;
        }
        // These look into the store, and what is there must have been handed out.
        self.finish(stored).await;
        for (tenant, head) in grown {
            self.show(&tenant, head).await;
        }
        for (member, socket, reply) in joins {
            let joined = self.join(&member, &socket).await.map_err(|error| {
                tracing::error!(%error, "a socket could not be told where the tenant stands");
                SendError::Unavailable
            });
            let _ = reply.send(joined);
        }
        None
    }

    /// Hands out what was stored, and answers those who have sent it.
    async fn finish(&mut self, group: Option<Group>) {
        let Some(Group { sends, stored }) = group else { return };
        let mut fresh: HashMap<Tenant, Vec<Message>> = HashMap::new();
        let mut badges = BTreeSet::new();
        let mut answers = Vec::with_capacity(sends.len());
        for ((outgoing, from, reply), stored) in sends.into_iter().zip(stored) {
            let answer = match stored {
                Stored::New(messages) => {
                    self.parts.metrics.messages.inc_by(messages.len() as u64);
                    let of_tenant = fresh.entry(outgoing.tenant.clone()).or_default();
                    for message in &messages {
                        if let Some(place) = place(message, &outgoing.tenant) {
                            self.senders.insert((outgoing.tenant.clone(), place.offset), from);
                        }
                        badges.insert(badge(&outgoing, message));
                        of_tenant.push(message.clone());
                    }
                    Ok(Sent { messages, duplicate: false })
                }
                Stored::Duplicate(messages) => Ok(Sent { messages, duplicate: true }),
                Stored::UnknownRecipient => Err(SendError::UnknownRecipient),
            };
            answers.push((reply, answer));
        }
        for (tenant, messages) in fresh {
            self.show_fresh(&tenant, &messages).await;
        }
        for (reply, answer) in answers {
            drop(reply.send(answer));
        }
        self.parts.badges.refresh(badges);
    }

    /// Hands out messages that this node has stored in one transaction, after what others had
    /// stored before it, and tells the other nodes.
    async fn show_fresh(&mut self, tenant: &Tenant, messages: &[Message]) {
        let places: Vec<InboxHead> = messages.iter().filter_map(|message| place(message, tenant)).collect();
        let (Some(first), Some(last)) = (places.first(), places.last()) else { return };
        self.show(tenant, InboxHead { offset: first.offset - 1, ..*first }).await;
        if let Some(shown) = self.shown.get_mut(tenant)
            && shown.offset + 1 == first.offset
        {
            *shown = *last;
            self.hand_out(tenant, messages);
        }
        self.parts.peers.tell(&Notice::grown(tenant, *last));
    }

    /// Hands out what is stored up to `head` and hasn't been handed out here.
    async fn show(&mut self, tenant: &Tenant, head: InboxHead) {
        if let Err(error) = self.try_show(tenant, head).await {
            // The next comparison tries again.
            tracing::warn!(%error, "stored messages could not be read to be handed out");
        }
    }

    async fn try_show(&mut self, tenant: &Tenant, head: InboxHead) -> Result<(), StoreError> {
        let Some(mut shown) = self.shown.get(tenant).copied() else {
            self.senders.retain(|(of, _), _| of != tenant);
            return Ok(());
        };
        if shown.epoch != head.epoch {
            // The database was replaced. Clients learn it when they resume.
            self.shown.insert(tenant.clone(), head);
            return Ok(());
        }
        while shown.offset < head.offset {
            let limit = PAGE.min(usize::try_from(head.offset - shown.offset).unwrap_or(PAGE));
            let mut page = self.parts.database.messages_after(tenant, shown.epoch, shown.offset, None, limit).await?;
            // Where old ones are gone there may be newer ones instead. What this node is storing meanwhile is
            // handed out when it is known who has sent it.
            page.retain(|message| place(message, tenant).is_some_and(|place| place.offset <= head.offset));
            // Where nothing is left any more, it was too old to be kept.
            let end = page.last().and_then(|last| place(last, tenant)).unwrap_or(head);
            self.hand_out(tenant, &page);
            shown = end;
            self.shown.insert(tenant.clone(), shown);
        }
        Ok(())
    }

    /// Hands out what other nodes have stored without a word that came through, and forgets the
    /// tenants whose last socket is gone.
    async fn compare(&mut self) {
        let here = self.parts.presences.are_here(self.shown.keys());
        self.shown.retain(|tenant, _| here.contains(tenant));
        self.senders.retain(|(tenant, _), _| here.contains(tenant));
        match self.parts.database.inbox_heads(&here).await {
            Ok(heads) => {
                for (tenant, head) in heads {
                    self.show(&tenant, head).await;
                }
            }
            Err(error) => tracing::warn!(%error, "the inboxes could not be compared with the store"),
        }
    }

    /// Emits messages to the dispatch team and to their drivers' devices, but none to the socket that
    /// sent it. What a socket is to have of them goes out in one write.
    fn hand_out(&mut self, tenant: &Tenant, messages: &[Message]) {
        let mut written = Vec::new();
        for message in messages {
            let Some(place) = place(message, tenant) else { continue };
            let from = self.senders.remove(&(tenant.clone(), place.offset));
            let Some(frame) = event("new_message", message) else { continue };
            let audience = Audience::Conversation(message.conversation_id.clone());
            for room in self.parts.rooms.of(tenant, &audience) {
                for socket in room.iter().filter(|socket| Some(socket.id) != from && socket.is_in()) {
                    if messages.len() == 1 {
                        socket.connection.send(&frame);
                    } else if socket.connection.push(&frame) {
                        written.push(Arc::clone(socket));
                    }
                }
            }
        }
        for socket in written {
            socket.connection.flush();
        }
    }

    async fn join(&mut self, member: &Member, socket: &Arc<Socket>) -> Result<(), StoreError> {
        let Member { tenant, user, .. } = member;
        let head = self.parts.database.inbox_head(tenant).await?;
        // Those who are here already are shown what the newcomer is told to have.
        self.try_show(tenant, head).await?;
        let shown = *self.shown.entry(tenant.clone()).or_insert(head);
        let session = SessionInfo {
            user_id: user.clone(),
            tenant_id: tenant.to_string(),
            role: member.role,
            cursor: standing_at(&self.parts.database, member, shown).await?.to_string(),
            expires_at: member.expires_at,
        };
        socket.emit("session", &session);
        self.parts.rooms.join(tenant, &person(member), socket);
        Ok(())
    }
}

/// Stores a group of sends as one transaction; what was stored. Those of a group that could not be are told.
async fn store(database: Database, sends: Vec<Send>) -> Option<Group> {
    if sends.is_empty() {
        return None;
    }
    let group: Vec<&Outgoing> = sends.iter().map(|(outgoing, ..)| outgoing).collect();
    match database.send(&group, Timestamp::now()).await {
        Ok(stored) => Some(Group { sends, stored }),
        Err(error) => {
            tracing::error!(%error, "messages could not be stored");
            for (_, _, reply) in sends {
                drop(reply.send(Err(SendError::Unavailable)));
            }
            None
        }
    }
}

/// The cursor of the newest message that a member may see.
pub(super) async fn standing(database: &Database, member: &Member) -> Result<Cursor, StoreError> {
    standing_at(database, member, database.inbox_head(&member.tenant).await?).await
}

/// The cursor of the newest message up to `head` that a member may see.
async fn standing_at(database: &Database, member: &Member, head: InboxHead) -> Result<Cursor, StoreError> {
    let offset = match member.role.is_dispatch() {
        true => head.offset,
        false => database.newest_in(&member.tenant, &member.user, head.offset).await?,
    };
    Ok(Cursor::new(&member.tenant, head.epoch, offset))
}

/// A message's place in its tenant's inbox. The store writes cursors that can be read.
fn place(message: &Message, tenant: &Tenant) -> Option<InboxHead> {
    Cursor::parse(&message.cursor, tenant).map(|cursor| InboxHead { epoch: cursor.epoch, offset: cursor.offset })
}

/// The badge that a message changes: the other side's.
fn badge(outgoing: &Outgoing, message: &Message) -> Badge {
    let side = match outgoing.to {
        Recipients::Dispatch => Side::Dispatch,
        Recipients::Drivers(_) | Recipients::EveryDriver => Side::Driver,
    };
    (outgoing.tenant.clone(), message.conversation_id.clone(), side)
}
