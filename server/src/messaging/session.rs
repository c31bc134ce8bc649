//! One socket: its requests in the order they came, its token's end, its drain.
//!
//! The library runs every event in a task of its own, so two sends of one socket could overtake
//! each other. Its handlers therefore only put what came into this session's queue, which is
//! served in order.

use std::time::Duration;

use jiff::Timestamp;
use sally_protocol::Id;
use sally_protocol::message::{Head, RequestError, code};
use serde::Serialize;
use serde_json::{Value, json};
use socketioxide::extract::{AckSender, SocketRef};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::ask::Ask;
use super::gateway::{Gateway, Seat};
use super::inbox::standing;
use super::requests::{Failure, Requests, side};
use super::typing::Typist;
use crate::auth::Member;

/// How many requests of one socket may wait. A client that has more under way is disconnected.
pub(super) const QUEUE: usize = 64;

/// A client is told of the end of its token this long before.
const EXPIRY_NOTICE: Duration = Duration::from_secs(60);

/// How often a client is told where it should stand.
const HEAD_PERIOD: Duration = Duration::from_secs(30);

/// How long a socket that is put out may take to have room for the word that says so. By then a
/// heartbeat and the network have given up a peer that takes nothing.
const PARTING_LIMIT: Duration = Duration::from_secs(120);

/// How often it is tried.
const PARTING_PERIOD: Duration = Duration::from_millis(100);

/// Told when a socket is to be put out.
#[derive(Clone, Default)]
pub(super) struct PutOut(CancellationToken);

/// Puts a socket out that has no room for what it must not miss, or asks for too much at once.
/// Nothing is emitted to it from here on, so that what it has seen has no hole when it resumes.
///
/// The library can't do that by itself: its `disconnect` does nothing where the buffer is full.
pub(super) fn put_out(socket: &SocketRef) {
    socket.leave_all();
    if let Some(PutOut(told)) = socket.extensions.get() {
        told.cancel();
    }
}

/// One request.
pub(super) struct Request {
    pub(super) event: String,
    /// The first argument; `None` where there is none, or one that isn't JSON or nested too deeply.
    pub(super) data: Option<Value>,
    pub(super) ack: AckSender,
}

/// One socket.
pub(super) struct Session {
    pub(super) gateway: Gateway,
    pub(super) member: Member,
    pub(super) socket: SocketRef,
    pub(super) requests: mpsc::Receiver<Box<Request>>,
    /// Cancelled when the socket is gone.
    pub(super) gone: CancellationToken,
    /// The conversation in which its user was last said to type here.
    pub(super) typing_in: Option<Id>,
    pub(super) _seat: Seat,
}

/// The token's times on this process' clock.
struct Expiry {
    notice_at: Option<Instant>,
    expires_at: Instant,
}

impl Expiry {
    fn of(member: &Member) -> Self {
        let left = Duration::try_from(member.expires_at.duration_since(Timestamp::now())).unwrap_or_default();
        // A token may end in the next ice age, an `Instant` can't.
        let expires_at = Instant::now() + left.min(Duration::from_secs(10 * 365 * 24 * 60 * 60));
        let notice_at = Instant::now() + left.saturating_sub(EXPIRY_NOTICE);
        Self { notice_at: Some(notice_at), expires_at }
    }
}

impl Session {
    /// Serves the socket until it is gone.
    ///
    /// Sockets are idle most of the time. What is done for one now and then is boxed, so that its
    /// future takes room only then.
    pub(super) async fn run(mut self) {
        self.serve_all().await;
        self.part().await;
        if let Some(conversation) = self.typing_in.take() {
            let Member { tenant, user, role, .. } = self.member;
            let typist = Typist { tenant, conversation, user, side: side(role) };
            Box::pin(self.gateway.note_typing(typist, false, None)).await;
        }
    }

    /// Sees to it that the socket is gone from the namespace.
    async fn part(&self) {
        // A socket that was gone before it joined has left its rooms too early.
        self.socket.leave_all();
        let begun = Instant::now();
        while self.socket.connected() && self.socket.clone().disconnect().is_err() && begun.elapsed() < PARTING_LIMIT {
            tokio::time::sleep(PARTING_PERIOD).await;
        }
    }

    async fn serve_all(&mut self) {
        let mut expiry = Expiry::of(&self.member);
        let mut head_at = Instant::now() + HEAD_PERIOD;
        let mut closes_at: Option<Instant> = None;
        let mut draining = self.gateway.drain.listen();
        let gone = self.gone.clone();
        let PutOut(put_out) = self.socket.extensions.get().unwrap_or_default();
        loop {
            let due =
                [expiry.notice_at, closes_at].into_iter().flatten().fold(expiry.expires_at.min(head_at), Instant::min);
            tokio::select! {
                () = gone.cancelled() => return,
                () = put_out.cancelled() => return,
                request = self.requests.recv() => {
                    let Some(request) = request else { return };
                    if let Some(member) = Box::pin(self.serve(*request)).await {
                        expiry = Expiry::of(&member);
                        self.member = member;
                    }
                }
                after = draining.told(), if closes_at.is_none() => {
                    closes_at = Some(Instant::now() + after);
                    self.emit("reconnect", &json!({ "afterMs": after.as_millis() as u64 }));
                }
                () = tokio::time::sleep_until(due) => {
                    let now = Instant::now();
                    if now >= expiry.expires_at || closes_at.is_some_and(|at| now >= at) {
                        return;
                    }
                    if expiry.notice_at.is_some_and(|at| now >= at) {
                        expiry.notice_at = None;
                        self.emit("auth_expiring", &json!({ "expiresAt": self.member.expires_at }));
                    }
                    if now >= head_at {
                        head_at = now + HEAD_PERIOD;
                        Box::pin(self.tell_head()).await;
                    }
                }
            }
        }
    }

    /// Answers one request. A `refresh_auth` that holds gives the member to go on with.
    async fn serve(&mut self, request: Request) -> Option<Member> {
        let Request { event, data, ack } = request;
        let requests = Requests { gateway: &self.gateway, member: &self.member, socket: &self.socket };
        let data = data.unwrap_or(Value::Null);
        let mut refreshed = None;
        let asked = requests.admit(&event).and_then(|()| Ok(Ask::read(&event, data)?));
        let answered = match asked {
            Ok(Ask::Send(message)) => requests.send_message(message).await.and_then(ok_with),
            Ok(Ask::Resume(resume)) => requests.resume(resume).await.and_then(ok_with),
            Ok(Ask::Mark(kind, mark)) => requests.mark(kind, mark).await.map(ok),
            Ok(Ask::Acknowledge(acknowledge)) => requests.acknowledge(acknowledge).await.map(ok),
            Ok(Ask::Typing(typing)) => {
                let typing_in = typing.typing.then(|| typing.conversation_id.clone());
                let noted = requests.typing(typing).await;
                if noted.is_ok() {
                    self.typing_in = typing_in;
                }
                noted.map(ok)
            }
            Ok(Ask::RefreshAuth(refresh)) => requests.refresh_auth(&refresh).await.map(|member| {
                refreshed = Some(member);
                ok(())
            }),
            Err(refused) => Err(refused),
        };
        let answer = answered.unwrap_or_else(|Failure(error)| json!({ "ok": false, "error": error }));
        if ack.send(&answer).is_err() {
            // Its buffer is full: it comes back and resumes.
            put_out(&self.socket);
        }
        refreshed
    }

    async fn tell_head(&self) {
        match standing(&self.gateway.database, &self.member).await {
            Ok(cursor) => self.emit("head", &Head { cursor: cursor.to_string() }),
            Err(error) => tracing::warn!(%error, "a socket could not be told where the tenant stands"),
        }
    }

    fn emit<T: Serialize>(&self, event: &str, data: &T) {
        if self.socket.emit(event, data).is_err() {
            put_out(&self.socket);
        }
    }
}

fn ok(_: ()) -> Value {
    json!({ "ok": true })
}

/// The fields of an answer beside `ok`.
fn ok_with<T: Serialize>(answer: T) -> Result<Value, Failure> {
    let mut value = serde_json::to_value(answer).map_err(|cause| {
        tracing::error!(error = %cause, "an answer could not be written");
        Failure(RequestError {
            code: code::UNAVAILABLE.into(),
            message: "the answer could not be written".into(),
            retryable: true,
            retry_after_ms: None,
        })
    })?;
    if let Value::Object(fields) = &mut value {
        fields.insert("ok".into(), Value::Bool(true));
    }
    Ok(value)
}
