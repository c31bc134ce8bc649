//! One messaging connection, from CONNECT to its end.

use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use sally_protocol::Message;
use sally_protocol::desktop::Link;
use sally_protocol::message::{Head, Mark, Resume, Resumed, Sent, SessionInfo, code};
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Update;
use super::delivery::Deliveries;
use super::event::{ServerEvent, read};
use super::inbox::{Arrival, Inbox};
use super::request::{Failure, Request};
use super::socket::{Incoming, Socket};
use crate::Error;
use crate::end::{End, due};
use crate::session::Session;
use crate::token::AccessToken;

/// The limit until the server says `session`.
const SESSION_LIMIT: Duration = Duration::from_secs(15);

/// A `head` comes every 30 s. A connection that is silent for longer is dead, whatever the library
/// underneath believes.
const SILENCE: Duration = Duration::from_secs(75);

/// Messages that wait for the end of a catch-up.
const HELD: usize = 1_024;

/// An answer to `resume` that was asked for after a message came can't lack what was before it.
/// Should it all the same, what there is gets through after so many.
const RESUMES: u32 = 3;

/// When to come back after `too_many_connections`, which a closing window elsewhere resolves.
const CROWDED: Duration = Duration::from_secs(5);

/// What a request of our own, or one that was passed through, came to.
enum Answered {
    Resume(Result<Value, Failure>),
    Delivered(Mark, Result<Value, Failure>),
    Sent(Result<Value, Failure>, oneshot::Sender<Result<Value, Failure>>),
    Renewed(Result<AccessToken, Error>),
    Settled,
}

/// A message that waits for the end of a catch-up.
enum Held {
    Pushed(Message),
    Sent(Message),
}

/// One connection, and what it learned.
pub(super) struct Conversation<'a> {
    session: &'a Session,
    updates: &'a mpsc::Sender<Update>,
    inbox: &'a mut Inbox,
    token: AccessToken,
    /// Whether the token was renewed because the one before it was refused.
    renewed: bool,
    socket: Socket,
    me: Option<SessionInfo>,
    /// Since when everything is caught up for the first time.
    pub(super) live_since: Option<Instant>,
    /// While an answer to `resume` is due, what comes meanwhile.
    held: Option<Vec<Held>>,
    /// How many times in a row `resume` was asked.
    resumes: u32,
    deliveries: Deliveries,
    answers: FuturesUnordered<BoxFuture<'static, Answered>>,
    heard_by: Instant,
    /// When the server closes this connection, and the next one is due.
    move_at: Option<Instant>,
}

impl<'a> Conversation<'a> {
    pub(super) fn new(
        session: &'a Session,
        updates: &'a mpsc::Sender<Update>,
        inbox: &'a mut Inbox,
        token: AccessToken,
        renewed: bool,
        socket: Socket,
    ) -> Self {
        Self {
            session,
            updates,
            inbox,
            token,
            renewed,
            socket,
            me: None,
            live_since: None,
            held: None,
            resumes: 0,
            deliveries: Deliveries::default(),
            answers: FuturesUnordered::new(),
            heard_by: Instant::now() + SESSION_LIMIT,
            move_at: None,
        }
    }

    /// Passes on what comes in either direction. `None` when told to stop.
    pub(super) async fn hold(
        &mut self,
        requests: &mut mpsc::Receiver<Request>,
        stop: &CancellationToken,
    ) -> Option<End> {
        loop {
            let step = tokio::select! {
                () = stop.cancelled() => return None,
                incoming = self.socket.next() => self.incoming(incoming),
                Some(request) = requests.recv() => { self.pass_through(request); Ok(Vec::new()) }
                Some(answered) = self.answers.next() => self.answered(answered),
                () = due(Some(self.heard_by)) => Err(End::lost("Nothing was heard from the server for a while.")),
                () = due(self.move_at) => Err(self.moved()),
            };
            let updates = match step {
                Ok(updates) => updates,
                // What a refused token means takes a question to the server.
                Err(End::Renewed) => return Some(End::refused(self.session, &self.token, self.renewed).await),
                Err(end) => return Some(end),
            };
            for update in updates {
                tokio::select! {
                    () = stop.cancelled() => return None,
                    sent = self.updates.send(update) => if sent.is_err() { return Some(End::Unheard) },
                }
            }
        }
    }

    /// Says goodbye, and returns when the socket is closed.
    pub(super) async fn close(self) {
        self.socket.close().await;
    }

    fn incoming(&mut self, incoming: Option<Incoming>) -> Result<Vec<Update>, End> {
        match incoming {
            Some(Incoming::Event(name, body)) => {
                if self.me.is_some() {
                    self.heard_by = Instant::now() + SILENCE;
                }
                ServerEvent::parse(&name, body).map_or_else(|| Ok(Vec::new()), |event| self.event(event))
            }
            Some(Incoming::Refused(word)) => Err(self.refused(&word)),
            None if self.move_at.is_some() => Err(self.moved()),
            None if self.me.is_some() => Err(End::lost("The messaging connection was lost.")),
            None => Err(End::lost("The messaging connection can't be opened.")),
        }
    }

    fn refused(&self, word: &str) -> End {
        match word {
            code::UNAUTHORIZED | code::TOKEN_EXPIRED => End::Renewed,
            code::FORBIDDEN => End::Over(Link::SignedOut {
                reason: "This account may not use messaging. Sign in as a dispatcher.".into(),
            }),
            code::TOO_MANY_CONNECTIONS => {
                let reason = "This account is open in too many places. Close one of them.".into();
                End::Lost { reason, after: Some(CROWDED) }
            }
            other => End::lost(&format!("The server refuses the messaging connection ({other}).")),
        }
    }

    /// A planned end, unless the connection never got anywhere.
    fn moved(&self) -> End {
        match self.live_since {
            Some(_) => End::Moved,
            None => End::lost("The server is busy and sends its clients on."),
        }
    }

    fn event(&mut self, event: ServerEvent) -> Result<Vec<Update>, End> {
        match event {
            ServerEvent::Session(me) => return Ok(self.begin(me)),
            ServerEvent::NewMessage(message) => return self.take(Held::Pushed(message)),
            ServerEvent::Receipt(receipt) => return Ok(vec![Update::Receipt(receipt)]),
            ServerEvent::Typing(typing) => return Ok(vec![Update::Typing(typing)]),
            ServerEvent::Presence(presence) => return Ok(vec![Update::Presence(presence)]),
            ServerEvent::Note(note) => return Ok(vec![Update::Note(note)]),
            ServerEvent::Assignment(assignment) => return Ok(vec![Update::Assignment(assignment)]),
            ServerEvent::TemplatesChanged => return Ok(vec![Update::TemplatesChanged]),
            ServerEvent::Head(Head { cursor }) => {
                if self.held.is_none() && self.inbox.is_behind(&cursor) {
                    self.resume();
                }
            }
            ServerEvent::Reconnect(after) => self.move_at = Some(Instant::now() + after),
            ServerEvent::AuthExpiring => {
                let (session, token) = (self.session.clone(), self.token.clone());
                self.answers.push(async move { Answered::Renewed(session.renew(&token).await) }.boxed());
            }
        }
        Ok(Vec::new())
    }

    /// `session`: the first connection begins where the tenant stands, a later one catches up.
    fn begin(&mut self, me: SessionInfo) -> Vec<Update> {
        self.heard_by = Instant::now() + SILENCE;
        let cursor = me.cursor.clone();
        self.me = Some(me);
        if self.inbox.cursor().is_some() {
            self.resume();
            return Vec::new();
        }
        self.inbox.begin(&cursor);
        self.live()
    }

    fn live(&mut self) -> Vec<Update> {
        if self.live_since.is_some() {
            return Vec::new();
        }
        self.live_since = Some(Instant::now());
        vec![Update::Link(Link::Live)]
    }

    /// A message that came by itself or as an answer, in its place: now, or after a catch-up.
    fn take(&mut self, message: Held) -> Result<Vec<Update>, End> {
        if let Some(held) = &mut self.held {
            if held.len() == HELD {
                return Err(End::lost("More messages arrived than could be caught up with."));
            }
            held.push(message);
            return Ok(Vec::new());
        }
        let arrival = match &message {
            Held::Pushed(message) => self.inbox.pushed(message),
            Held::Sent(message) => self.inbox.sent(message),
        };
        let (Held::Pushed(inner) | Held::Sent(inner)) = &message;
        match arrival {
            Arrival::Next => Ok(vec![self.next(inner.clone())]),
            Arrival::Repeat => Ok(Vec::new()),
            Arrival::Gap if self.resumes < RESUMES => {
                self.resume();
                self.take(message)
            }
            Arrival::Gap => {
                tracing::warn!(conversation = %inner.conversation_id, seq = inner.seq, "what came before is missing");
                self.inbox.resumed(inner);
                Ok(vec![self.next(inner.clone())])
            }
        }
    }

    fn next(&mut self, message: Message) -> Update {
        if let Some(me) = &self.me {
            self.deliveries.note(&message, me.role);
            self.tell_delivered();
        }
        Update::Message(message)
    }

    /// Asks for what comes after the cursor, and holds back what comes until the answer.
    fn resume(&mut self) {
        self.held.get_or_insert_default();
        self.resumes += 1;
        let resume = Resume { cursor: self.inbox.cursor().map(str::to_owned), limit: None };
        let answer = self.ask("resume", json!(resume));
        self.answers.push(answer.map(Answered::Resume).boxed());
    }

    fn resumed(&mut self, answer: Value) -> Result<Vec<Update>, End> {
        let Some(Resumed { messages, more, cursor }) = read("resume", answer) else {
            return Err(End::lost("The server sent something that can't be read."));
        };
        let mut updates = Vec::new();
        for message in messages {
            if self.inbox.resumed(&message) == Arrival::Next {
                updates.push(self.next(message));
            }
        }
        let has_moved = self.inbox.cursor() != Some(&cursor);
        self.inbox.resumed_to(&cursor);
        if more && has_moved {
            self.resumes = 0;
            self.resume();
            return Ok(updates);
        }
        for message in self.held.take().unwrap_or_default() {
            updates.extend(self.take(message)?);
        }
        if self.held.is_none() {
            self.resumes = 0;
            updates.extend(self.live());
        }
        Ok(updates)
    }

    fn tell_delivered(&mut self) {
        let Some(mark) = self.deliveries.begin() else { return };
        let answer = self.ask("mark_delivered", json!(mark));
        self.answers.push(answer.map(|answer| Answered::Delivered(mark, answer)).boxed());
    }

    /// A request from outside. The answer to `send_message` is a message that isn't pushed to us.
    fn pass_through(&mut self, request: Request) {
        if self.live_since.is_none() {
            let _ = request.answer.send(Err(Failure::Offline));
            return;
        }
        let Request { event, body, answer } = request;
        let answered = self.ask(event, body);
        let is_send = event == "send_message";
        let passed = answered.map(move |result| match is_send {
            true => Answered::Sent(result, answer),
            false => {
                let _ = answer.send(result);
                Answered::Settled
            }
        });
        self.answers.push(passed.boxed());
    }

    fn answered(&mut self, answered: Answered) -> Result<Vec<Update>, End> {
        match answered {
            Answered::Resume(Ok(answer)) => self.resumed(answer),
            Answered::Resume(Err(failure)) => Err(End::lost(&failure.to_string())),
            Answered::Delivered(mark, result) => {
                self.deliveries.end();
                if let Err(failure) = result {
                    tracing::debug!(%failure, conversation = %mark.conversation_id, "a delivery wasn't marked");
                }
                self.tell_delivered();
                Ok(Vec::new())
            }
            Answered::Sent(result, answer) => {
                let mut updates = Vec::new();
                let sent = result.as_ref().ok().and_then(|value| read::<Sent>("send_message", value.clone()));
                let _ = answer.send(result);
                for message in sent.map(|sent| sent.messages).unwrap_or_default() {
                    updates.extend(self.take(Held::Sent(message))?);
                }
                Ok(updates)
            }
            Answered::Renewed(Ok(token)) => {
                let refresh = json!({ "token": token.reveal() });
                self.token = token;
                let answer = self.ask("refresh_auth", refresh);
                self.answers.push(answer.map(|_| Answered::Settled).boxed());
                Ok(Vec::new())
            }
            // The connection runs on until the old token ends; the next one asks again.
            Answered::Renewed(Err(error)) => {
                tracing::info!(%error, "the token can't be renewed");
                Ok(Vec::new())
            }
            Answered::Settled => Ok(Vec::new()),
        }
    }

    fn ask(&self, event: &'static str, body: Value) -> BoxFuture<'static, Result<Value, Failure>> {
        let (answer, answered) = oneshot::channel();
        self.socket.request(Request { event, body, answer });
        async { answered.await.unwrap_or(Err(Failure::NoAnswer)) }.boxed()
    }
}
