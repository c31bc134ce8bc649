//! The `/messaging` namespace: who may connect, and what a socket's handlers are.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use sally_protocol::fleet::Side;
use sally_protocol::message::{Conversation, DISPATCH, NAMESPACE, Presence, code};
use sally_protocol::{Id, Tenant};
use serde::Serialize;
use serde_json::Value;
use socketioxide::extract::{AckSender, Event, SocketRef, TryData};
use socketioxide::handler::ConnectHandler as _;
use socketioxide::layer::SocketIoLayer;
use socketioxide::{ParserConfig, SocketIo};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::attend::attend;
use super::audience::Audience;
use super::badges::Badges;
use super::inbox::{self, Inbox};
use super::limit::SendLimit;
use super::peers::{Notice, Peers};
use super::presence::{Changes, Person, Presences};
use super::requests::side;
use super::session::{self, PutOut, Request, Session};
use super::typing::Typists;
use crate::auth::{AuthError, Member, Verifier, cookie};
use crate::drain::Drain;
use crate::ingest::Ingest;
use crate::known::Known;
use crate::link::{Bus, Heard};
use crate::metrics::Metrics;
use crate::store::Database;

/// The largest packet a client may send, in bytes: 2,500 code points of four bytes, escaped, and
/// a thousand recipients fit.
const MAX_PACKET_BYTES: usize = 128 * 1024;

/// How many attachments a packet may announce. No request has any; they are kept until all have
/// come, from anybody who can connect, so their sum may be no larger than a packet, too.
const MAX_ATTACHMENTS: usize = 8;

/// How much is read from a WebSocket at a time, in bytes: most packets fit, and every idle socket
/// holds as much.
const READ_BUFFER_BYTES: usize = 1_024;

/// How many packets may wait for a socket to take them: a message to a thousand drivers shows the
/// whole team as many. Who lets more pile up is put out. The room is taken up as it is used.
const MAX_WAITING_PACKETS: usize = 1_024;

/// How long a connection may stay without entering the namespace, also after a refusal.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long the answer to a ping may take. Then the connection is lost.
const PONG_TIMEOUT: Duration = Duration::from_secs(20);

/// What the gateway stands on.
pub struct Dependencies {
    /// Verifies tokens.
    pub verifier: Verifier,
    /// Users, conversations, messages.
    pub database: Database,
    /// Whom the store already knows.
    pub known: Known,
    /// The way into the event log, for badges.
    pub ingest: Ingest,
    /// What is counted.
    pub metrics: Metrics,
    /// Shutting down.
    pub drain: Drain,
    /// The way to the other nodes.
    pub bus: Bus,
    /// Sockets a user may hold at this node.
    pub max_sockets_per_user: usize,
    /// The time between two pings of a connection.
    pub heartbeat: Duration,
}

/// The namespace; a cheap clone.
#[derive(Clone)]
pub struct Gateway {
    io: SocketIo,
    pub(super) verifier: Verifier,
    pub(super) database: Database,
    pub(super) inbox: Inbox,
    pub(super) badges: Badges,
    pub(super) limit: SendLimit,
    pub(super) drain: Drain,
    pub(super) presences: Presences,
    pub(super) typists: Typists,
    pub(super) peers: Peers,
    known: Known,
    metrics: Metrics,
    max_sockets_per_user: usize,
}

/// Why a socket may not connect; its text is the message of the `connect_error`.
struct Refused(&'static str);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// What the connect handler takes over from the check before it.
struct Admitted {
    member: Member,
    requests: mpsc::Receiver<Box<Request>>,
    changes: Changes,
    seat: Seat,
}

/// A socket's place among those of its user. It is given back when this is dropped: with the
/// session, or with a socket that was lost between the check and the connection.
pub(super) struct Seat {
    gateway: Gateway,
    member: Member,
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.gateway.metrics.messaging_connections.dec();
        let changes = self.gateway.presences.go(&self.member.tenant, &person(&self.member));
        let (gateway, tenant) = (self.gateway.clone(), self.member.tenant.clone());
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move { gateway.announce(&tenant, changes, None).await });
        }
    }
}

impl Gateway {
    /// The layer that serves `/socket.io/`, and the gateway behind it. Its tasks run on `tasks`:
    /// the one that stores ends when the last clone is dropped, the others at `stop`. What the other
    /// nodes tell is `heard`.
    pub fn start(
        dependencies: Dependencies,
        heard: mpsc::Receiver<Heard>,
        stop: CancellationToken,
        tasks: &TaskTracker,
    ) -> (SocketIoLayer, Self) {
        let Dependencies { verifier, database, known, ingest, metrics, drain, bus, max_sockets_per_user, heartbeat } =
            dependencies;
        let attachments = ParserConfig::common()
            .max_incoming_binaries(MAX_ATTACHMENTS)
            .max_incoming_binary_buf_size(MAX_PACKET_BYTES);
        let (layer, io) = SocketIo::builder()
            .max_payload(MAX_PACKET_BYTES as u64)
            .ws_max_message_size(MAX_PACKET_BYTES)
            .ws_max_frame_size(MAX_PACKET_BYTES)
            .with_parser(attachments)
            .max_buffer_size(MAX_WAITING_PACKETS)
            .ws_read_buffer_size(READ_BUFFER_BYTES)
            .connect_timeout(CONNECT_TIMEOUT)
            .ping_interval(heartbeat)
            .ping_timeout(PONG_TIMEOUT)
            .build_layer();
        let peers = Peers::new(bus);
        let presences = Presences::default();
        let badges = Badges::start(database.clone(), ingest, peers.are_none(), stop.clone(), tasks);
        let parts = inbox::Parts {
            database: database.clone(),
            io: io.clone(),
            badges: badges.clone(),
            metrics: metrics.clone(),
            peers: peers.clone(),
            presences: presences.clone(),
        };
        let inbox = Inbox::start(parts, tasks);
        let gateway = Self {
            io: io.clone(),
            verifier,
            database,
            inbox,
            badges,
            limit: SendLimit::default(),
            drain,
            presences,
            typists: Typists::default(),
            peers,
            known,
            metrics,
            max_sockets_per_user,
        };
        let (checking, connecting) = (gateway.clone(), gateway.clone());
        let check =
            async move |socket: SocketRef, TryData(auth): TryData<Value>| checking.check(&socket, auth.ok()).await;
        let connect = async move |socket: SocketRef| connecting.connect(socket).await;
        io.ns(NAMESPACE, connect.with(check));
        tasks.spawn(attend(gateway.clone(), heard, stop));
        (layer, gateway)
    }

    /// Closes every connection.
    pub async fn close(&self) {
        self.io.close().await;
    }

    /// Says of conversations whether the other side is connected.
    pub(super) fn mark_online(&self, member: &Member, conversations: &mut [Conversation]) {
        for conversation in conversations {
            let driver = Person { side: Side::Driver, user: conversation.conversation_id.clone() };
            conversation.online = match side(member.role) {
                Side::Dispatch => self.presences.is_online(&member.tenant, &driver),
                Side::Driver => self.presences.is_side_online(&member.tenant, Side::Dispatch),
            };
        }
    }

    /// Decides whether a socket may connect. Its handlers are set here, before it is told that it
    /// is connected: what it sends at once must not find them missing.
    async fn check(&self, socket: &SocketRef, auth: Option<Value>) -> Result<(), Refused> {
        if self.drain.has_begun() {
            return Err(Refused(code::UNAVAILABLE));
        }
        let payload = auth.as_ref().and_then(|auth| auth.get("token")).and_then(Value::as_str).map(str::to_owned);
        let token = payload.or_else(|| cookie(&socket.req_parts().headers, "access_token"));
        let token = token.ok_or(Refused(code::UNAUTHORIZED))?;
        let principal = self.verifier.verify(&token, Timestamp::now()).await.map_err(|error| match error {
            AuthError::Missing | AuthError::Invalid => Refused(code::UNAUTHORIZED),
            AuthError::Expired => Refused(code::TOKEN_EXPIRED),
        })?;
        let member = principal.member(None).map_err(|_| Refused(code::FORBIDDEN))?;
        if !member.role.may_message() {
            return Err(Refused(code::FORBIDDEN));
        }
        self.known.remember(&member).await.map_err(|error| {
            tracing::error!(%error, "a user could not be remembered");
            Refused(code::UNAVAILABLE)
        })?;
        let changes = self
            .presences
            .come(&member.tenant, &person(&member), self.max_sockets_per_user)
            .ok_or(Refused(code::TOO_MANY_CONNECTIONS))?;

        self.metrics.messaging_connections.inc();
        let seat = Seat { gateway: self.clone(), member: member.clone() };
        let (queue, requests) = mpsc::channel(session::QUEUE);
        let gone = CancellationToken::new();
        socket.on_fallback(
            move |Event(event): Event, TryData(data): TryData<Value>, socket: SocketRef, ack: AckSender| {
                // This runs where packets are read, in their order; only the future it returns is
                // spawned, and that does nothing.
                if queue.try_send(Box::new(Request { event, data: data.ok(), ack })).is_err() {
                    session::put_out(&socket);
                }
                std::future::ready(())
            },
        );
        let cancelled = gone.clone();
        socket.on_disconnect(async move || cancelled.cancel());
        socket.extensions.insert(Arc::new(Mutex::new(Some(Admitted { member, requests, changes, seat }))));
        socket.extensions.insert(gone);
        socket.extensions.insert(PutOut::default());
        Ok(())
    }

    async fn connect(&self, socket: SocketRef) {
        if let Some(session) = Box::pin(self.enter(socket)).await {
            session.run().await;
        }
    }

    /// Lets a socket in that was admitted, and tells of it.
    async fn enter(&self, socket: SocketRef) -> Option<Session> {
        let admitted = socket.extensions.remove::<Arc<Mutex<Option<Admitted>>>>();
        let admitted = admitted.and_then(|slot| slot.lock().unwrap_or_else(PoisonError::into_inner).take());
        let gone = socket.extensions.remove::<CancellationToken>();
        let (Some(Admitted { member, requests, changes, seat }), Some(gone)) = (admitted, gone) else {
            // `check` has put both there.
            drop(socket.disconnect());
            return None;
        };
        if self.inbox.join(&member, &socket).await.is_err() {
            drop(socket.disconnect());
            return None;
        }
        self.announce(&member.tenant, changes, Some(&socket)).await;
        Some(Session { gateway: self.clone(), member, socket, requests, gone, typing_in: None, _seat: seat })
    }

    /// Tells who is connected here, but for `except`, that somebody has come or gone.
    pub(super) async fn announce(&self, tenant: &Tenant, changes: Changes, except: Option<&SocketRef>) {
        let notice =
            |user_id: Id, online: bool| Presence { user_id, online, last_seen_at: (!online).then(Timestamp::now) };
        for (person, online) in changes.people {
            self.emit(tenant, &Audience::Dispatch, "presence", &notice(person.user, online), except).await;
        }
        if let (Some(online), Ok(team)) = (changes.dispatch, Id::parse(DISPATCH)) {
            self.emit(tenant, &Audience::Drivers, "presence", &notice(team, online), except).await;
        }
    }

    /// Emits an event to whoever of its audience is connected here or at another node, but for
    /// `except`. It is best effort: what a socket has no room for, it misses.
    pub(super) async fn tell<T: Serialize>(
        &self,
        tenant: &Tenant,
        to: Audience,
        event: &str,
        data: &T,
        except: Option<&SocketRef>,
    ) {
        self.emit(tenant, &to, event, data, except).await;
        if self.peers.are_none() {
            return;
        }
        match serde_json::to_value(data) {
            Ok(data) => self.peers.tell(&Notice::Event { tenant: tenant.clone(), to, event: event.into(), data }),
            Err(error) => tracing::error!(%error, "an event for the other nodes can't be written"),
        }
    }

    /// Tells a tenant's dispatch team of an event, at every node; best effort.
    pub(crate) async fn tell_dispatch<T: Serialize>(&self, tenant: &Tenant, event: &str, data: &T) {
        self.tell(tenant, Audience::Dispatch, event, data, None).await;
    }

    /// Emits an event to whoever of its audience is connected here, but for `except`.
    pub(super) async fn emit<T: Serialize + ?Sized>(
        &self,
        tenant: &Tenant,
        to: &Audience,
        event: &str,
        data: &T,
        except: Option<&SocketRef>,
    ) {
        let (rooms, others) = (to.rooms(tenant), to.others(tenant));
        let sockets = match (except, self.io.of(NAMESPACE)) {
            (Some(socket), _) => socket.to(rooms),
            (None, Some(namespace)) => namespace.within(rooms),
            (None, None) => return,
        };
        let _ = match others.is_empty() {
            true => sockets.emit(event, data).await,
            false => sockets.except(others).emit(event, data).await,
        };
    }
}

/// A member as one who is connected.
fn person(member: &Member) -> Person {
    Person { side: side(member.role), user: member.user.clone() }
}
