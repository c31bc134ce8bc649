//! The `/messaging` namespace: who may enter, and who of those within is told of an event.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use sally_protocol::fleet::Side;
use sally_protocol::message::{Conversation, DISPATCH, NAMESPACE, Presence, code};
use sally_protocol::{Id, Tenant};
use serde::Serialize;
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::attend::attend;
use super::audience::Audience;
use super::badges::Badges;
use super::inbox::{self, Inbox};
use super::limit::SendLimit;
use super::packets::{Asked, Packets};
use super::peers::{Notice, Peers};
use super::presence::{Changes, Person, Presences, person};
use super::requests::side;
use super::rooms::Rooms;
use super::session::Session;
use super::socket::{Socket, event, refusal};
use super::typing::Typists;
use crate::auth::{ACCESS_COOKIE, AuthError, Member, Verifier, cookie};
use crate::drain::Drain;
use crate::engine::{Connection, Opened};
use crate::ingest::Ingest;
use crate::known::Known;
use crate::link::{Bus, Heard};
use crate::metrics::Metrics;
use crate::store::Database;

/// How long a connection may stay without entering the namespace, also after a refusal.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

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
}

/// The namespace; a cheap clone. Its parts are [`Parts`].
#[derive(Clone)]
pub struct Gateway(Arc<Parts>);

impl Deref for Gateway {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

/// What the sockets of the namespace share.
pub struct Parts {
    pub(super) rooms: Rooms,
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

/// A socket's place in its rooms and among those of its user, until this is dropped.
pub(super) struct Seat {
    pub(super) gateway: Gateway,
    pub(super) socket: Arc<Socket>,
    tenant: Tenant,
    person: Person,
}

impl Drop for Seat {
    fn drop(&mut self) {
        let Self { gateway, tenant, person, socket } = self;
        gateway.rooms.leave(tenant, person, socket);
        gateway.metrics.messaging_connections.dec();
        let changes = gateway.presences.go(tenant, person);
        gateway.announce(tenant, changes, None);
    }
}

impl Gateway {
    /// A gateway. Its tasks run on `tasks`: the one that stores ends when the last clone is dropped, the
    /// others at `stop`. What the other nodes tell is `heard`.
    pub fn start(
        dependencies: Dependencies,
        heard: mpsc::Receiver<Heard>,
        stop: CancellationToken,
        tasks: &TaskTracker,
    ) -> Self {
        let Dependencies { verifier, database, known, ingest, metrics, drain, bus, max_sockets_per_user } =
            dependencies;
        let peers = Peers::new(bus);
        let (presences, rooms) = (Presences::default(), Rooms::default());
        let badges = Badges::start(database.clone(), ingest, peers.are_none(), stop.clone(), tasks);
        let parts = inbox::Parts {
            database: database.clone(),
            rooms: rooms.clone(),
            badges: badges.clone(),
            metrics: metrics.clone(),
            peers: peers.clone(),
            presences: presences.clone(),
        };
        let inbox = Inbox::start(parts, tasks);
        let gateway = Self(Arc::new(Parts {
            rooms,
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
        }));
        tasks.spawn(attend(gateway.clone(), heard, stop));
        gateway
    }

    /// Serves a connection until it is over.
    pub async fn serve(self, opened: Opened) {
        let Opened { connection, headers } = opened;
        let token = cookie(&headers, ACCESS_COOKIE);
        // They are slices of the buffer that the request was read into, all of which they keep.
        drop(headers);
        let mut packets = Packets::new(connection);
        let mut enter_by = Instant::now() + CONNECT_TIMEOUT;
        loop {
            let asked = tokio::select! {
                asked = packets.next() => asked,
                () = tokio::time::sleep_until(enter_by) => None,
            };
            let (namespace, payload) = match asked {
                Some(Asked::Connect { namespace, payload }) => (namespace, payload),
                // From somebody who was in, and didn't know yet that they no longer are.
                Some(Asked::Disconnect { .. } | Asked::Event { .. }) => continue,
                None => return,
            };
            if namespace != NAMESPACE {
                self.refuse_unknown(&packets.connection, &namespace);
                continue;
            }
            match Box::pin(self.enter(&packets.connection, &payload, token.as_deref())).await {
                Ok(session) => {
                    session.run(&mut packets).await;
                    enter_by = Instant::now() + CONNECT_TIMEOUT;
                }
                Err(Refused(why)) => packets.connection.send(&refusal(NAMESPACE, why)),
            }
        }
    }

    /// Tells that there is no such namespace.
    pub(super) fn refuse_unknown(&self, connection: &Connection, namespace: &str) {
        connection.send(&refusal(namespace, "Invalid namespace"));
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

    /// Lets a connection in, and tells of it.
    async fn enter(
        &self,
        connection: &Arc<Connection>,
        payload: &str,
        cookie: Option<&str>,
    ) -> Result<Session, Refused> {
        let member = self.check(payload, cookie).await?;
        let (tenant, person) = (member.tenant.clone(), person(&member));
        let changes = self
            .presences
            .come(&tenant, &person, self.max_sockets_per_user)
            .ok_or(Refused(code::TOO_MANY_CONNECTIONS))?;
        self.metrics.messaging_connections.inc();
        let socket = Arc::new(Socket::new(Arc::clone(connection)));
        let seat = Seat { gateway: self.clone(), socket: Arc::clone(&socket), tenant, person };
        socket.tell_connected();
        if self.inbox.join(&member, &socket).await.is_err() {
            connection.end();
            return Err(Refused(code::UNAVAILABLE));
        }
        self.announce(&member.tenant, changes, Some(&socket));
        Ok(Session { member, typing_in: None, seat })
    }

    /// Whose connection it is.
    async fn check(&self, payload: &str, cookie: Option<&str>) -> Result<Member, Refused> {
        if self.drain.has_begun() {
            return Err(Refused(code::UNAVAILABLE));
        }
        let payload: Option<Value> = serde_json::from_str(payload).ok();
        let payload = payload.as_ref().and_then(|payload| payload.get("token")).and_then(Value::as_str);
        let token = payload.or(cookie).ok_or(Refused(code::UNAUTHORIZED))?;
        let principal = self.verifier.verify(token, Timestamp::now()).await.map_err(|error| match error {
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
        Ok(member)
    }

    /// Tells who is connected here, but for `except`, that somebody has come or gone.
    pub(super) fn announce(&self, tenant: &Tenant, changes: Changes, except: Option<&Socket>) {
        let notice =
            |user_id: Id, online: bool| Presence { user_id, online, last_seen_at: (!online).then(Timestamp::now) };
        for (person, online) in changes.people {
            self.emit(tenant, &Audience::Dispatch, "presence", &notice(person.user, online), except);
        }
        if let (Some(online), Ok(team)) = (changes.dispatch, Id::parse(DISPATCH)) {
            self.emit(tenant, &Audience::Drivers, "presence", &notice(team, online), except);
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
        except: Option<&Socket>,
    ) {
        self.emit(tenant, &to, event, data, except);
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
    pub(super) fn emit<T: Serialize + ?Sized>(
        &self,
        tenant: &Tenant,
        to: &Audience,
        name: &str,
        data: &T,
        except: Option<&Socket>,
    ) {
        let Some(frame) = event(name, data) else { return };
        let except = except.map(|socket| socket.id);
        for room in self.rooms.of(tenant, to) {
            for socket in room.iter().filter(|socket| Some(socket.id) != except && socket.is_in()) {
                socket.connection.send_volatile(&frame);
            }
        }
    }
}
