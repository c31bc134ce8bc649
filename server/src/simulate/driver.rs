//! A driver's messaging connection: held, lost, found again, and used like a person would.

use std::time::Duration;

use rand::SeedableRng;
use rand::rngs::StdRng;
use sally_client::Session;
use sally_client::bare::{Connection, Error, Event, Incoming};
use sally_protocol::Id;
use sally_protocol::message::{
    Acknowledge, Mark, Message, NAMESPACE, RefreshAuth, Resume, Resumed, Sent, SessionInfo, SetTyping,
};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::json;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use super::backoff::Backoff;
use super::facts::Facts;
use super::phone::{Action, Phone};
use super::world::Remark;
use super::{Shared, TOKEN_TTL};
use crate::auth::{Identity, Issuer};

/// How many messages of an earlier run are looked at for one that waits for an answer.
const LOOK_BACK: usize = 10;

/// What failed for a passing reason is tried again after this long, or as long as the server says.
const AGAIN: Duration = Duration::from_secs(2);

/// One driver.
pub(super) struct Driver {
    index: usize,
    id: Id,
    session: Session,
    url: String,
    issuer: Issuer,
    identity: Identity,
    world: Shared,
    phone: Phone,
    /// Said when the conversation is empty.
    first_words: Option<Remark>,
    /// The newest message seen; `None` until the first connection.
    cursor: Option<String>,
    backoff: Backoff,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Reconnect {
    after_ms: u64,
}

impl Driver {
    pub(super) fn new(
        index: usize,
        seed: u64,
        session: Session,
        url: String,
        (issuer, identity): (Issuer, Identity),
        world: Shared,
        first_words: Option<Remark>,
    ) -> Self {
        let rng = StdRng::seed_from_u64(seed.wrapping_add(index as u64 + 1));
        let (phone, id) = (Phone::new(rng), identity.user.clone());
        let (cursor, backoff) = (None, Backoff::default());
        Self { index, id, session, url, issuer, identity, world, phone, first_words, cursor, backoff }
    }

    /// Comes in after `wait`, and stays until `stop`.
    pub(super) async fn run(mut self, remarks: mpsc::Receiver<Remark>, wait: Duration, stop: CancellationToken) {
        tokio::select! {
            () = stop.cancelled() => {}
            () = self.stay(remarks, wait, &stop) => {}
        }
    }

    async fn stay(&mut self, mut remarks: mpsc::Receiver<Remark>, wait: Duration, stop: &CancellationToken) {
        sleep(wait).await;
        loop {
            let lost = match self.connect().await {
                Ok(mut connection) => {
                    let served = tokio::select! {
                        () = stop.cancelled() => None,
                        lost = self.serve(&mut connection, &mut remarks) => Some(lost),
                    };
                    match served {
                        Some(Err(error)) => error,
                        Some(Ok(())) => Error::Closed,
                        None => return connection.close().await,
                    }
                }
                Err(error) => error,
            };
            let asked = match &lost {
                Error::Status { retry_after, .. } => *retry_after,
                // Whoever was refused doesn't come back at once: nothing will have changed.
                Error::Refused { .. } => Some(Duration::from_secs(20)),
                _ => None,
            };
            let wait = self.backoff.next(asked);
            tracing::debug!(driver = %self.id, error = %lost, wait_ms = wait.as_millis(), "a driver is offline");
            sleep(wait).await;
        }
    }

    async fn connect(&self) -> Result<Connection, Error> {
        Connection::open(&self.url, NAMESPACE, &json!({ "token": self.token() })).await
    }

    /// Serves a connection until it ends: by an error, or because the server asked to reconnect.
    async fn serve(&mut self, connection: &mut Connection, remarks: &mut mpsc::Receiver<Remark>) -> Result<(), Error> {
        let mut leave_at: Option<Instant> = None;
        loop {
            let wake = [self.phone.next_at(), leave_at].into_iter().flatten().min();
            let sleeping = async {
                match wake {
                    Some(at) => sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                incoming = connection.next() => match incoming? {
                    Incoming::Event(event) => {
                        if let Some(after) = self.hear(connection, &event).await? {
                            leave_at = Some(Instant::now() + after);
                        }
                    }
                    Incoming::Ack { .. } => {}
                },
                Some(remark) = remarks.recv() => {
                    if let Some(facts) = self.facts() {
                        self.phone.remark(&remark, &facts, Instant::now());
                    }
                }
                () = sleeping => {
                    let now = Instant::now();
                    if leave_at.is_some_and(|at| at <= now) {
                        return Ok(());
                    }
                    if let Some(action) = self.phone.take(now) {
                        self.act(connection, action).await?;
                    }
                }
            }
        }
    }

    /// Takes in an event; when the server drains, in how long to leave.
    async fn hear(&mut self, connection: &mut Connection, event: &Event) -> Result<Option<Duration>, Error> {
        match event.name.as_str() {
            "session" => {
                if let Some(info) = event.read::<SessionInfo>() {
                    self.backoff.reset();
                    self.catch_up(connection, info.cursor).await?;
                }
            }
            "new_message" => {
                if let Some(message) = event.read::<Message>() {
                    self.receive(&message);
                }
            }
            "auth_expiring" => {
                let refresh = RefreshAuth { token: self.token() };
                connection.request::<IgnoredAny>("refresh_auth", &refresh).await?;
            }
            "reconnect" => return Ok(event.read::<Reconnect>().map(|drain| Duration::from_millis(drain.after_ms))),
            _ => {}
        }
        Ok(None)
    }

    /// Fetches what came while the driver was away. The first time there is no knowing where that
    /// was, so the end of the conversation has to tell.
    async fn catch_up(&mut self, connection: &mut Connection, standing: String) -> Result<(), Error> {
        if let Some(mut cursor) = self.cursor.take() {
            loop {
                let resume = Resume { cursor: Some(cursor.clone()), limit: None };
                let resumed: Resumed = match connection.request("resume", &resume).await {
                    Ok(resumed) => resumed,
                    Err(error) => {
                        self.cursor = Some(cursor);
                        return Err(error);
                    }
                };
                for message in &resumed.messages {
                    self.receive(message);
                }
                cursor = resumed.cursor;
                if !resumed.more {
                    break;
                }
            }
            self.cursor = Some(cursor);
            return Ok(());
        }
        self.cursor = Some(standing);
        let history = match self.session.history(&self.id, None, LOOK_BACK).await {
            Ok(history) => history,
            Err(error) => {
                tracing::debug!(driver = %self.id, %error, "no history");
                return Ok(());
            }
        };
        let first_words = self.first_words.take().filter(|_| history.messages.is_empty());
        if let (Some(remark), Some(facts)) = (first_words, self.facts()) {
            self.phone.remark(&remark, &facts, Instant::now());
        }
        let unanswered = history.messages.iter().rev().take_while(|of| of.message.sender_id != self.id).count();
        for of in history.messages.iter().skip(history.messages.len() - unanswered) {
            self.receive(&of.message);
        }
        Ok(())
    }

    fn receive(&mut self, message: &Message) {
        self.cursor = Some(message.cursor.clone());
        if let Some(facts) = self.facts().filter(|_| message.sender_role.is_dispatch()) {
            self.phone.receive(message, &facts, Instant::now());
        }
    }

    async fn act(&mut self, connection: &mut Connection, action: Action) -> Result<(), Error> {
        let mark = |seq| Mark { conversation_id: self.id.clone(), seq };
        let typing = |typing| SetTyping { conversation_id: self.id.clone(), typing };
        let done = match &action {
            Action::Deliver(seq) => connection.request::<IgnoredAny>("mark_delivered", &mark(*seq)).await.map(drop),
            Action::Read(seq) => connection.request::<IgnoredAny>("mark_read", &mark(*seq)).await.map(drop),
            Action::Acknowledge(message) => {
                let acknowledge = Acknowledge { message_id: message.clone() };
                connection.request::<IgnoredAny>("acknowledge_message", &acknowledge).await.map(drop)
            }
            Action::Type => connection.request::<IgnoredAny>("typing", &typing(true)).await.map(drop),
            Action::Send(message) => {
                let sent = connection.request::<Sent>("send_message", message).await;
                let _ = connection.emit("typing", &typing(false)).await;
                sent.map(drop)
            }
        };
        match done {
            Ok(()) => {
                if let Some(facts) = self.facts().filter(|_| matches!(action, Action::Read(_))) {
                    self.phone.read(&facts, Instant::now());
                }
                Ok(())
            }
            Err(Error::Request(error)) if !error.retryable => {
                tracing::debug!(driver = %self.id, %error, ?action, "a driver's request was refused");
                Ok(())
            }
            Err(error) => {
                let after = match &error {
                    Error::Request(error) => error.retry_after_ms.map_or(AGAIN, Duration::from_millis),
                    _ => AGAIN,
                };
                // A message goes out again under its own id, so that it can't arrive twice.
                self.phone.put_back(action, Instant::now() + after);
                if matches!(error, Error::Request(_)) { Ok(()) } else { Err(error) }
            }
        }
    }

    fn facts(&self) -> Option<Facts> {
        self.world.lock().facts(self.index)
    }

    /// A fresh token; an empty one, which the server refuses, when it can't be made.
    fn token(&self) -> String {
        self.issuer.issue(&self.identity, TOKEN_TTL).unwrap_or_default()
    }
}
