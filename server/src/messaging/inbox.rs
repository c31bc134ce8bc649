//! The one task that stores messages and hands them out in stored order.
//!
//! It takes whatever waits, stores it as one transaction, and only then emits and answers. A
//! socket joins its rooms here too, between two groups: so the cursor it is told and the messages
//! it receives meet without a gap and without an overlap.

use jiff::Timestamp;
use sally_protocol::fleet::Side;
use sally_protocol::message::{NAMESPACE, Sent, SessionInfo};
use sally_protocol::{Cursor, Message};
use socketioxide::SocketIo;
use socketioxide::extract::SocketRef;
use socketioxide::socket::Sid;
use tokio::sync::{mpsc, oneshot};
use tokio_util::task::TaskTracker;

use super::Room;
use super::badges::{Badge, Badges};
use crate::auth::Member;
use crate::metrics::Metrics;
use crate::store::messages::{Outgoing, Recipients, Stored};
use crate::store::{Database, StoreError};

/// How many requests may wait for the task; more wait outside.
const QUEUE: usize = 1_024;

/// The most requests that one transaction takes.
const GROUP: usize = 256;

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
    Join { member: Box<Member>, socket: SocketRef, reply: Reply<()> },
}

/// Stores and hands out messages; a cheap clone.
#[derive(Clone)]
pub(super) struct Inbox {
    requests: mpsc::Sender<Request>,
}

impl Inbox {
    /// Starts the task on `tasks`. It ends when the last clone is dropped.
    pub(super) fn start(
        database: Database,
        io: SocketIo,
        badges: Badges,
        metrics: Metrics,
        tasks: &TaskTracker,
    ) -> Self {
        let (requests, queue) = mpsc::channel(QUEUE);
        tasks.spawn(Worker { database, io, badges, metrics }.run(queue));
        Self { requests }
    }

    /// Stores a message and hands it to everybody but the socket it came `from`.
    pub(super) async fn send(&self, outgoing: Outgoing, from: Sid) -> Result<Sent, SendError> {
        self.ask(|reply| Request::Send { outgoing, from, reply }).await
    }

    /// Tells a socket where the tenant stands and lets it into its rooms.
    pub(super) async fn join(&self, member: &Member, socket: &SocketRef) -> Result<(), SendError> {
        let (member, socket) = (Box::new(member.clone()), socket.clone());
        self.ask(|reply| Request::Join { member, socket, reply }).await
    }

    async fn ask<T>(&self, request: impl FnOnce(Reply<T>) -> Request) -> Result<T, SendError> {
        let (reply, answer) = oneshot::channel();
        self.requests.send(request(reply)).await.map_err(|_| SendError::Unavailable)?;
        answer.await.map_err(|_| SendError::Unavailable)?
    }
}

struct Worker {
    database: Database,
    io: SocketIo,
    badges: Badges,
    metrics: Metrics,
}

impl Worker {
    async fn run(self, mut queue: mpsc::Receiver<Request>) {
        let mut group = Vec::with_capacity(GROUP);
        while queue.recv_many(&mut group, GROUP).await > 0 {
            let mut sends = Vec::with_capacity(group.len());
            let mut joins = Vec::new();
            for request in group.drain(..) {
                match request {
                    Request::Send { outgoing, from, reply } => sends.push((outgoing, from, reply)),
                    Request::Join { member, socket, reply } => joins.push((member, socket, reply)),
                }
            }
            if !sends.is_empty() {
                self.store(sends).await;
            }
            for (member, socket, reply) in joins {
                let joined = self.join(&member, &socket).await.map_err(|error| {
                    tracing::error!(%error, "a socket could not be told where the tenant stands");
                    SendError::Unavailable
                });
                let _ = reply.send(joined);
            }
        }
    }

    async fn store(&self, sends: Vec<(Outgoing, Sid, Reply<Sent>)>) {
        let group: Vec<&Outgoing> = sends.iter().map(|(outgoing, ..)| outgoing).collect();
        let stored = match self.database.send(&group, Timestamp::now()).await {
            Ok(stored) => stored,
            Err(error) => {
                tracing::error!(%error, "messages could not be stored");
                for (_, _, reply) in sends {
                    drop(reply.send(Err(SendError::Unavailable)));
                }
                return;
            }
        };
        for ((outgoing, from, reply), stored) in sends.into_iter().zip(stored) {
            let answer = match stored {
                Stored::New(messages) => {
                    self.metrics.messages.inc_by(messages.len() as u64);
                    for message in &messages {
                        self.hand_out(&outgoing, message, from);
                    }
                    for message in &messages {
                        self.badges.refresh(badge(&outgoing, message)).await;
                    }
                    Ok(Sent { messages, duplicate: false })
                }
                Stored::Duplicate(messages) => Ok(Sent { messages, duplicate: true }),
                Stored::UnknownRecipient => Err(SendError::UnknownRecipient),
            };
            drop(reply.send(answer));
        }
    }

    /// Emits a message to the dispatch team and to the driver's devices. A socket whose buffer is
    /// full is disconnected: it comes back, resumes, and has lost nothing.
    fn hand_out(&self, outgoing: &Outgoing, message: &Message, from: Sid) {
        let rooms = [Room::dispatch(&outgoing.tenant), Room::user(&outgoing.tenant, &message.conversation_id)];
        let Some(namespace) = self.io.of(NAMESPACE) else { return };
        for socket in namespace.within(rooms).sockets() {
            if socket.id != from && socket.emit("new_message", message).is_err() {
                drop(socket.disconnect());
            }
        }
    }

    async fn join(&self, member: &Member, socket: &SocketRef) -> Result<(), StoreError> {
        let standing = standing(&self.database, member).await?;
        let session = SessionInfo {
            user_id: member.user.clone(),
            tenant_id: member.tenant.to_string(),
            role: member.role,
            cursor: standing.to_string(),
            expires_at: member.expires_at,
        };
        if socket.emit("session", &session).is_err() {
            return Ok(());
        }
        socket.join([Room::tenant(&member.tenant), Room::user(&member.tenant, &member.user)]);
        if member.role.is_dispatch() {
            socket.join(Room::dispatch(&member.tenant));
        }
        Ok(())
    }
}

/// The cursor of the newest message that a member may see.
pub(super) async fn standing(database: &Database, member: &Member) -> Result<Cursor, StoreError> {
    let head = database.inbox_head(&member.tenant).await?;
    let offset = match member.role.is_dispatch() {
        true => head.offset,
        false => database.newest_in(&member.tenant, &member.user).await?,
    };
    Ok(Cursor::new(&member.tenant, head.epoch, offset))
}

/// The badge that a message changes: the other side's.
fn badge(outgoing: &Outgoing, message: &Message) -> Badge {
    let side = match outgoing.to {
        Recipients::Dispatch => Side::Dispatch,
        Recipients::Drivers(_) | Recipients::EveryDriver => Side::Driver,
    };
    Badge { tenant: outgoing.tenant.clone(), conversation: message.conversation_id.clone(), side }
}
