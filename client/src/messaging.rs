//! The supervised messaging connection, Socket.IO namespace `/messaging`.
//!
//! One task holds the connection for as long as it is wanted. What comes out of it is in order
//! and complete: every message once, in `seq` order within its conversation, across any number of
//! lost connections; the sender's own messages too.
//!
//! `rust_socketio` is contained in `socket`: one attempt is one thread with a runtime of its own,
//! which ends as a whole. In here the library's name doesn't occur.

mod conversation;
mod delivery;
mod event;
mod inbox;
mod request;
mod socket;
mod supervisor;

use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::Stream;
use sally_protocol::desktop::Link;
use sally_protocol::message::{Acknowledge, Mark, Message, Presence, Receipt, SendMessage, Sent, SetTyping, Typing};
use sally_protocol::team::{Assignment, Note};
use serde_json::Value;
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

pub use request::Failure;
use request::Request;

use crate::session::Session;

/// Updates that wait for a slow listener; beyond them the connection is given up and resumed.
const QUEUE: usize = 256;

/// Requests that wait for their turn.
const REQUESTS: usize = 64;

/// What happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Update {
    /// The connection stands differently.
    Link(Link),
    /// A message, new here.
    Message(Message),
    /// A receipt.
    Receipt(Receipt),
    /// Somebody types.
    Typing(Typing),
    /// Somebody came or went.
    Presence(Presence),
    /// Somebody of the dispatch team has left a note. Of notes, assignments and changed templates
    /// some may be missed, also while the connection lives: whoever needs them all asks over HTTP
    /// after each [`Link::Live`].
    Note(Note),
    /// Somebody else looks after a conversation.
    Assignment(Assignment),
    /// The quick replies are others than before.
    TemplatesChanged,
}

/// An open messaging connection. Dropping it closes the connection without waiting. It ends after
/// [`Link::SignedOut`], [`Link::Incompatible`] and [`Commands::close`].
#[derive(Debug)]
pub struct Messaging {
    updates: mpsc::Receiver<Update>,
    commands: Commands,
    _task: AbortOnDropHandle<()>,
}

/// What can be asked of an open connection. A cheap clone.
#[derive(Debug, Clone)]
pub struct Commands {
    requests: mpsc::Sender<Request>,
    stop: CancellationToken,
    closed: watch::Receiver<()>,
}

impl Messaging {
    /// Begins to hold a connection. Needs a Tokio runtime.
    pub fn open(session: Session) -> Self {
        let (update_sender, updates) = mpsc::channel(QUEUE);
        let (requests, request_receiver) = mpsc::channel(REQUESTS);
        let (alive, closed) = watch::channel(());
        let stop = CancellationToken::new();
        let supervisor = supervisor::run(session, update_sender, request_receiver, stop.clone());
        let task = tokio::spawn(async move {
            supervisor.await;
            drop(alive);
        });
        Self { updates, commands: Commands { requests, stop, closed }, _task: AbortOnDropHandle::new(task) }
    }

    /// What can be asked of it.
    pub fn commands(&self) -> Commands {
        self.commands.clone()
    }
}

impl Stream for Messaging {
    type Item = Update;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Update>> {
        self.updates.poll_recv(context)
    }
}

/// All requests fail with [`Failure::Offline`] when the connection isn't live, with
/// [`Failure::NoAnswer`] when it was lost meanwhile, and with [`Failure::Refused`] by the server.
impl Commands {
    /// Sends a message. The stored one also comes out of the stream, in its place.
    ///
    /// # Errors
    ///
    /// As any request. After [`Failure::NoAnswer`] it may be stored or not: sending it again with
    /// the same `clientMessageId` is harmless.
    pub async fn send(&self, message: &SendMessage) -> Result<Sent, Failure> {
        let answer = self.request("send_message", message).await?;
        serde_json::from_value(answer).map_err(|_| Failure::NoAnswer)
    }

    /// Marks everything up to a message as read.
    ///
    /// # Errors
    ///
    /// As any request.
    pub async fn mark_read(&self, mark: &Mark) -> Result<(), Failure> {
        self.request("mark_read", mark).await.map(drop)
    }

    /// Marks everything up to a message as delivered. What comes out of the stream is marked by
    /// itself; this is for what came otherwise.
    ///
    /// # Errors
    ///
    /// As any request.
    pub async fn mark_delivered(&self, mark: &Mark) -> Result<(), Failure> {
        self.request("mark_delivered", mark).await.map(drop)
    }

    /// Acknowledges a message of the other side that asks for it.
    ///
    /// # Errors
    ///
    /// As any request.
    pub async fn acknowledge(&self, request: &Acknowledge) -> Result<(), Failure> {
        self.request("acknowledge_message", request).await.map(drop)
    }

    /// Tells the others that somebody types, or no longer does.
    ///
    /// # Errors
    ///
    /// As any request.
    pub async fn set_typing(&self, typing: &SetTyping) -> Result<(), Failure> {
        self.request("typing", typing).await.map(drop)
    }

    /// Closes the connection. When this returns, its socket is closed.
    pub async fn close(&self) {
        self.stop.cancel();
        // Nothing is ever sent on the channel; it ends with the task that holds the connection.
        while self.closed.clone().changed().await.is_ok() {}
    }

    async fn request(&self, event: &'static str, body: &impl serde::Serialize) -> Result<Value, Failure> {
        let body = serde_json::to_value(body).map_err(|_| Failure::NoAnswer)?;
        let (answer, answered) = oneshot::channel();
        // A full queue means that many requests already wait for a connection that doesn't answer.
        self.requests.try_send(Request { event, body, answer }).map_err(|_| Failure::Offline)?;
        answered.await.unwrap_or(Err(Failure::NoAnswer))
    }
}
