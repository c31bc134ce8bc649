//! One connection of the event stream, from the request to its end.

use std::future::pending;
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::{FutureExt, StreamExt};
use reqwest::StatusCode;
use reqwest::header::{COOKIE, HeaderName, HeaderValue};
use reqwest_eventsource::retry::Never;
use reqwest_eventsource::{Event, EventSource};
use sally_protocol::desktop::Link;
use sally_protocol::stream::Frame;
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::position::Position;
use super::{Options, Update};
use crate::Error;
use crate::end::{End, due};
use crate::session::{Session, cookie_header};
use crate::token::AccessToken;

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// A live connection that is silent for this many heartbeats is dead.
const HEARTBEATS_MISSED: f64 = 2.5;

/// One connection, and what it learned.
pub(super) struct Connection<'a> {
    session: &'a Session,
    options: &'a Options,
    position: &'a mut Position,
    updates: &'a mpsc::Sender<Update>,
    token: AccessToken,
    /// Whether the token was renewed because the one before it was refused.
    renewed: bool,
    /// Since when everything is caught up.
    pub(super) live_since: Option<Instant>,
    /// How long a live connection may be silent.
    pub(super) silence: Duration,
    /// The parts of a snapshot that isn't complete.
    snapshot: Vec<Value>,
    /// The server's `retry:`.
    retry: Option<Duration>,
    /// When the server closes this connection, and the next one is due.
    move_at: Option<Instant>,
    /// The renewal of a token that is about to end.
    renewal: BoxFuture<'static, Result<AccessToken, Error>>,
}

impl<'a> Connection<'a> {
    pub(super) fn new(
        session: &'a Session,
        options: &'a Options,
        position: &'a mut Position,
        updates: &'a mpsc::Sender<Update>,
        token: AccessToken,
        renewed: bool,
        silence: Duration,
    ) -> Self {
        Self {
            session,
            options,
            position,
            updates,
            token,
            renewed,
            live_since: None,
            silence,
            snapshot: Vec::new(),
            retry: None,
            move_at: None,
            renewal: pending().boxed(),
        }
    }

    /// Opens the stream and passes on what comes, until it ends.
    pub(super) async fn follow(&mut self, http: &reqwest::Client) -> End {
        // A GET without a body can always be cloned, which is all that this needs.
        let Ok(mut source) = EventSource::new(self.request(http)) else {
            return End::lost("The request for the event stream can't be made.");
        };
        // The library would repeat the request as it was, with a token that has ended since.
        source.set_retry_policy(Box::new(Never));
        loop {
            // While catching up a single frame may be long; the client's read timeout watches then.
            let patience = self.live_since.map(|_| Instant::now() + self.silence);
            tokio::select! {
                item = source.next() => match item {
                    Some(Ok(Event::Open)) => {}
                    Some(Ok(Event::Message(message))) => {
                        self.retry = message.retry.or(self.retry);
                        if let Some(end) = self.receive(&message.id, &message.event, &message.data).await {
                            return end;
                        }
                    }
                    Some(Err(error)) => return self.ended(error).await,
                    None => return End::lost("The server closed the event stream."),
                },
                () = due(patience) => return End::lost("Nothing was heard from the server for a while."),
                () = due(self.move_at) => return self.moved(),
                renewed = &mut self.renewal => {
                    self.renewal = pending().boxed();
                    // Without a new token the stream runs on until the old one ends.
                    if renewed.is_ok() {
                        return End::Moved;
                    }
                }
            }
        }
    }

    fn request(&self, http: &reqwest::Client) -> reqwest::RequestBuilder {
        let mut request = http
            .get(self.session.server().address().at("sse/events"))
            .header(COOKIE, cookie_header(Some(&self.token), None));
        if self.options.snapshot {
            request = request.query(&[("snapshot", "true")]);
        }
        if let Some(tenant) = &self.options.tenant {
            request = request.query(&[("tenant", tenant.as_str())]);
        }
        match self.position.cursor().map(|cursor| HeaderValue::from_bytes(cursor.as_bytes())) {
            Some(Ok(cursor)) => request.header(LAST_EVENT_ID, cursor),
            _ => request,
        }
    }

    /// One frame. What can't be read costs the frame when it is a single event, and the
    /// connection when the board hangs on it.
    async fn receive(&mut self, cursor: &str, event: &str, data: &str) -> Option<End> {
        let frame = match Frame::parse(event, data) {
            Ok(frame) => frame,
            Err(error) => {
                tracing::warn!(event, cursor, %error, "a frame can't be read");
                return match event {
                    "snapshot" | "ready" | "resync" => {
                        self.position.clear();
                        Some(End::lost("The server sent something that can't be read."))
                    }
                    _ => None,
                };
            }
        };
        match frame {
            Frame::Event { .. } if !self.position.advance(cursor) => {
                tracing::debug!(event, cursor, "a repeated event is dropped");
                None
            }
            Frame::Event { .. } => self.pass_on(cursor, frame).await,
            Frame::Snapshot { events, last } => {
                self.snapshot.extend(events);
                if !last {
                    return None;
                }
                self.position.set(cursor);
                let events = std::mem::take(&mut self.snapshot);
                self.pass_on(cursor, Frame::Snapshot { events, last }).await
            }
            Frame::Resync { .. } => {
                self.position.clear();
                self.snapshot.clear();
                // Whoever takes snapshots from the stream gets the next one from a fresh start;
                // everybody else goes on from here.
                if !self.options.snapshot {
                    self.position.set(cursor);
                }
                self.pass_on(cursor, frame).await
            }
            Frame::Ready { heartbeat_seconds, .. } => {
                self.position.set(cursor);
                if let Ok(silence) = Duration::try_from_secs_f64(heartbeat_seconds * HEARTBEATS_MISSED) {
                    self.silence = silence.max(Duration::from_secs(1));
                }
                self.live_since = Some(Instant::now());
                match self.pass_on(cursor, frame).await {
                    None => self.send(Update::Link(Link::Live)).await,
                    end => end,
                }
            }
            Frame::Heartbeat => {
                self.position.set(cursor);
                self.pass_on(cursor, frame).await
            }
            Frame::AuthExpiring { .. } => {
                let (session, token) = (self.session.clone(), self.token.clone());
                self.renewal = async move { session.renew(&token).await }.boxed();
                self.pass_on(cursor, frame).await
            }
            Frame::Reconnect { after_ms } => {
                self.move_at = Some(Instant::now() + Duration::from_millis(after_ms));
                self.pass_on(cursor, frame).await
            }
        }
    }

    async fn pass_on(&mut self, cursor: &str, frame: Frame) -> Option<End> {
        self.send(Update::Frame { cursor: cursor.to_owned(), frame }).await
    }

    async fn send(&mut self, update: Update) -> Option<End> {
        self.updates.send(update).await.err().map(|_| End::Unheard)
    }

    /// A planned end, unless the connection never got anywhere: whoever is sent on at every door
    /// must not run from one to the next.
    fn moved(&self) -> End {
        match self.live_since {
            Some(_) => End::Moved,
            None => End::lost("The server is busy and sends its clients on."),
        }
    }

    async fn ended(&mut self, error: reqwest_eventsource::Error) -> End {
        use reqwest_eventsource::Error as Sse;
        let address = self.session.server().address();
        match error {
            Sse::StreamEnded if self.move_at.is_some() => self.moved(),
            Sse::StreamEnded => {
                let reason = match self.live_since {
                    Some(_) => "The server closed the event stream.",
                    None => "The server can't serve the event stream right now.",
                };
                End::Lost { reason: reason.into(), after: self.retry }
            }
            Sse::Transport(error) => match Error::from_transport(address, &error) {
                Error::TimedOut { .. } => End::lost("Nothing was heard from the server for a while."),
                error => End::Lost { reason: error.to_string(), after: self.retry },
            },
            Sse::InvalidStatusCode(StatusCode::UNAUTHORIZED, _) => {
                End::refused(self.session, &self.token, self.renewed).await
            }
            Sse::InvalidStatusCode(_, answer) => Error::from_answer(address, answer).await.into(),
            Sse::InvalidContentType(..) => {
                let hint = "what it sends is no event stream".into();
                Error::NotAServer { address: address.to_string(), hint }.into()
            }
            Sse::Utf8(_) | Sse::Parser(_) | Sse::InvalidLastEventId(_) => {
                End::lost("The server sent something that can't be read.")
            }
        }
    }
}
