//! The `/messaging` namespace: who may connect, and what a socket's handlers are.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use sally_protocol::Id;
use sally_protocol::fleet::Side;
use sally_protocol::message::{Conversation, DISPATCH, NAMESPACE, Presence, code};
use serde_json::Value;
use socketioxide::SocketIo;
use socketioxide::extract::{AckSender, Event, SocketRef, TryData};
use socketioxide::handler::ConnectHandler as _;
use socketioxide::layer::SocketIoLayer;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::Room;
use super::badges::Badges;
use super::inbox::Inbox;
use super::limit::SendLimit;
use super::presence::{Changed, Presences};
use super::requests::side;
use super::session::{self, Request, Session};
use crate::auth::{AuthError, Member, Verifier, cookie};
use crate::drain::Drain;
use crate::ingest::Ingest;
use crate::known::Known;
use crate::metrics::Metrics;
use crate::store::Database;

/// The largest packet a client may send, in bytes: 2,500 code points of four bytes, escaped, and
/// a thousand recipients fit.
const MAX_PACKET_BYTES: usize = 128 * 1024;

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
    /// Sockets a user may hold.
    pub max_sockets_per_user: usize,
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
    presences: Presences,
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
    requests: mpsc::Receiver<Request>,
    changed: Changed,
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
        let Member { tenant, user, role, .. } = &self.member;
        let changed = self.gateway.presences.go(tenant, user, side(*role));
        let (gateway, member) = (self.gateway.clone(), self.member.clone());
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move { gateway.announce(&member, changed, false).await });
        }
    }
}

impl Gateway {
    /// The layer that serves `/socket.io/`, and the gateway behind it. Its tasks run on `tasks`
    /// and end when the last clone is dropped.
    pub fn start(dependencies: Dependencies, tasks: &TaskTracker) -> (SocketIoLayer, Self) {
        let Dependencies { verifier, database, known, ingest, metrics, drain, max_sockets_per_user } = dependencies;
        let (layer, io) = SocketIo::builder()
            .max_payload(MAX_PACKET_BYTES as u64)
            .ws_max_message_size(MAX_PACKET_BYTES)
            .ws_max_frame_size(MAX_PACKET_BYTES)
            .connect_timeout(CONNECT_TIMEOUT)
            .build_layer();
        let badges = Badges::start(database.clone(), ingest, tasks);
        let inbox = Inbox::start(database.clone(), io.clone(), badges.clone(), metrics.clone(), tasks);
        let gateway = Self {
            io: io.clone(),
            verifier,
            database,
            inbox,
            badges,
            limit: SendLimit::default(),
            drain,
            presences: Presences::default(),
            known,
            metrics,
            max_sockets_per_user,
        };
        let (checking, connecting) = (gateway.clone(), gateway.clone());
        let check =
            async move |socket: SocketRef, TryData(auth): TryData<Value>| checking.check(&socket, auth.ok()).await;
        let connect = async move |socket: SocketRef| connecting.connect(socket).await;
        io.ns(NAMESPACE, connect.with(check));
        (layer, gateway)
    }

    /// Closes every connection.
    pub async fn close(&self) {
        self.io.close().await;
    }

    /// Says of conversations whether the other side is connected.
    pub(super) fn mark_online(&self, member: &Member, conversations: &mut [Conversation]) {
        for conversation in conversations {
            conversation.online = match side(member.role) {
                Side::Dispatch => self.presences.is_online(&member.tenant, &conversation.conversation_id, Side::Driver),
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
        let principal = self.verifier.verify(&token, Timestamp::now()).map_err(|error| match error {
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
        let changed = self
            .presences
            .come(&member.tenant, &member.user, side(member.role), self.max_sockets_per_user)
            .ok_or(Refused(code::TOO_MANY_CONNECTIONS))?;

        self.metrics.messaging_connections.inc();
        let seat = Seat { gateway: self.clone(), member: member.clone() };
        let (queue, requests) = mpsc::channel(session::QUEUE);
        let gone = CancellationToken::new();
        socket.on_fallback(
            move |Event(event): Event, TryData(data): TryData<Value>, socket: SocketRef, ack: AckSender| {
                // This runs where packets are read, in their order; only the future it returns is
                // spawned, and that does nothing.
                if queue.try_send(Request { event, data: data.ok(), ack }).is_err() {
                    drop(socket.disconnect());
                }
                std::future::ready(())
            },
        );
        let cancelled = gone.clone();
        socket.on_disconnect(async move || cancelled.cancel());
        socket.extensions.insert(Arc::new(Mutex::new(Some(Admitted { member, requests, changed, seat }))));
        socket.extensions.insert(gone);
        Ok(())
    }

    async fn connect(&self, socket: SocketRef) {
        let admitted = socket.extensions.remove::<Arc<Mutex<Option<Admitted>>>>();
        let admitted = admitted.and_then(|slot| slot.lock().unwrap_or_else(PoisonError::into_inner).take());
        let gone = socket.extensions.remove::<CancellationToken>();
        let (Some(Admitted { member, requests, changed, seat }), Some(gone)) = (admitted, gone) else {
            // `check` has put both there.
            drop(socket.disconnect());
            return;
        };
        if self.inbox.join(&member, &socket).await.is_err() {
            drop(socket.disconnect());
            return;
        }
        self.announce(&member, changed, true).await;
        Session { gateway: self.clone(), member, socket, requests, gone, _seat: seat }.run().await;
    }

    /// Tells who cares that somebody has come or gone.
    async fn announce(&self, member: &Member, changed: Changed, online: bool) {
        let Some(namespace) = self.io.of(NAMESPACE) else { return };
        let notice = |user_id: Id| Presence { user_id, online, last_seen_at: (!online).then(Timestamp::now) };
        if changed.user {
            let own = Room::user(&member.tenant, &member.user);
            let to_dispatch = namespace.to(Room::dispatch(&member.tenant)).except(own);
            let _ = to_dispatch.emit("presence", &notice(member.user.clone())).await;
        }
        if changed.side
            && side(member.role) == Side::Dispatch
            && let (Some(namespace), Ok(team)) = (self.io.of(NAMESPACE), Id::parse(DISPATCH))
        {
            // Everybody of the tenant but the dispatch team: its drivers.
            let to_drivers = namespace.to(Room::tenant(&member.tenant)).except(Room::dispatch(&member.tenant));
            let _ = to_drivers.emit("presence", &notice(team)).await;
        }
    }
}
