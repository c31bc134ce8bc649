//! One socket: its requests in the order they came, its token's end, its drain.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use sally_protocol::Id;
use sally_protocol::message::{Head, NAMESPACE, RequestError, Resumed, Sent};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::ask::Ask;
use super::gateway::Seat;
use super::inbox::standing;
use super::packet::Event;
use super::packets::{Asked, Packets};
use super::requests::{Failure, Requests, side};
use super::typing::Typist;
use crate::auth::Member;

/// A client is told of the end of its token this long before.
const EXPIRY_NOTICE: Duration = Duration::from_secs(60);

/// How often a client is told where it should stand.
const HEAD_PERIOD: Duration = Duration::from_secs(30);

/// One socket.
pub(super) struct Session {
    pub(super) member: Member,
    /// The conversation in which its user was last said to type here.
    pub(super) typing_in: Option<Id>,
    pub(super) seat: Seat,
}

/// How a session ends.
enum End {
    /// The client has left the namespace, or is gone.
    Left,
    /// The server puts it out.
    PutOut,
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
    /// Serves the socket until it is out of the namespace.
    pub(super) async fn run(mut self, packets: &mut Packets) {
        let end = self.serve_all(packets).await;
        let Self { member, typing_in, seat } = self;
        let socket = Arc::clone(&seat.socket);
        if let Some(conversation) = typing_in {
            let Member { tenant, user, role, .. } = member;
            seat.gateway.note_typing(Typist { tenant, conversation, user, side: side(role) }, false, Some(&socket));
        }
        // Nothing is emitted to it any more when it is told.
        drop(seat);
        if matches!(end, End::PutOut) {
            socket.tell_disconnected();
        }
    }

    /// Sockets are idle most of the time. What is done for one now and then is boxed, so that its
    /// future takes room only then.
    async fn serve_all(&mut self, packets: &mut Packets) -> End {
        let mut expiry = Expiry::of(&self.member);
        let mut head_at = Instant::now() + HEAD_PERIOD;
        let mut closes_at: Option<Instant> = None;
        let mut draining = self.seat.gateway.drain.listen();
        loop {
            let due =
                [expiry.notice_at, closes_at].into_iter().flatten().fold(expiry.expires_at.min(head_at), Instant::min);
            tokio::select! {
                asked = packets.next() => match asked {
                    None => return End::Left,
                    Some(Asked::Disconnect { namespace }) if namespace == NAMESPACE => return End::Left,
                    Some(Asked::Event { namespace, event }) if namespace == NAMESPACE => {
                        if let Some(member) = Box::pin(self.serve(event)).await {
                            expiry = Expiry::of(&member);
                            self.member = member;
                        }
                    }
                    // Entering twice changes nothing.
                    Some(Asked::Connect { namespace, .. }) if namespace == NAMESPACE => {}
                    Some(Asked::Connect { namespace, .. }) => self.seat.gateway.refuse_unknown(&packets.connection, &namespace),
                    Some(Asked::Disconnect { .. } | Asked::Event { .. }) => {}
                },
                after = draining.told(), if closes_at.is_none() => {
                    closes_at = Some(Instant::now() + after);
                    self.seat.socket.emit("reconnect", &json!({ "afterMs": after.as_millis() as u64 }));
                }
                () = tokio::time::sleep_until(due) => {
                    let now = Instant::now();
                    if now >= expiry.expires_at || closes_at.is_some_and(|at| now >= at) {
                        return End::PutOut;
                    }
                    if expiry.notice_at.is_some_and(|at| now >= at) {
                        expiry.notice_at = None;
                        self.seat.socket.emit("auth_expiring", &json!({ "expiresAt": self.member.expires_at }));
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
    async fn serve(&mut self, event: Event) -> Option<Member> {
        let Event { name, argument, id } = event;
        let requests = Requests { gateway: &self.seat.gateway, member: &self.member, socket: &self.seat.socket };
        let argument = argument.unwrap_or(Value::Null);
        let mut refreshed = None;
        let asked = requests.admit(&name).and_then(|()| Ok(Ask::read(&name, argument)?));
        let answered = match asked {
            Ok(Ask::Send(message)) => requests.send_message(message).await.map(Answered::Sent),
            Ok(Ask::Resume(resume)) => requests.resume(resume).await.map(Answered::Resumed),
            Ok(Ask::Mark(kind, mark)) => requests.mark(kind, mark).await.map(done),
            Ok(Ask::Acknowledge(acknowledge)) => requests.acknowledge(acknowledge).await.map(done),
            Ok(Ask::Typing(typing)) => {
                let typing_in = typing.typing.then(|| typing.conversation_id.clone());
                let noted = requests.typing(typing).await;
                if noted.is_ok() {
                    self.typing_in = typing_in;
                }
                noted.map(done)
            }
            Ok(Ask::RefreshAuth(refresh)) => requests.refresh_auth(&refresh).await.map(|member| {
                refreshed = Some(member);
                Answered::Nothing {}
            }),
            Err(refused) => Err(refused),
        };
        let ok = answered.is_ok();
        let answered = answered.unwrap_or_else(|Failure(error)| Answered::Error { error });
        let answer = Answer { ok, answered };
        self.seat.socket.answer(id, &answer);
        refreshed
    }

    async fn tell_head(&self) {
        match standing(&self.seat.gateway.database, &self.member).await {
            Ok(cursor) => self.seat.socket.emit("head", &Head { cursor: cursor.to_string() }),
            Err(error) => tracing::warn!(%error, "a socket could not be told where the tenant stands"),
        }
    }
}

fn done(_: ()) -> Answered {
    Answered::Nothing {}
}

/// What a request is answered.
#[derive(Serialize)]
struct Answer {
    ok: bool,
    #[serde(flatten)]
    answered: Answered,
}

/// The fields of an answer beside `ok`.
#[derive(Serialize)]
#[serde(untagged)]
enum Answered {
    Nothing {},
    Sent(Sent),
    Resumed(Resumed),
    Error { error: RequestError },
}
