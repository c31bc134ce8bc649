//! A messaging client that comes and goes: it resumes where it was and drops what it has seen.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use sally_client::bare::{Connection, Error, Incoming};
use sally_protocol::message::{NAMESPACE, Resume, Resumed, SessionInfo};
use sally_protocol::{Id, Message};
use serde_json::json;
use tokio::time::{Instant, sleep, timeout_at};
use tokio_util::sync::CancellationToken;

/// Before it tries again to connect.
const PAUSE: Duration = Duration::from_millis(50);

/// See the module.
pub(crate) struct Listener {
    pub url: String,
    pub token: String,
    /// Every message it was shown, as it was shown, once.
    pub seen: Vec<Message>,
    /// How often it has come back.
    pub resumed: usize,
    /// How often a message came that it had seen.
    pub repeats: usize,
    cursor: Option<String>,
    newest: BTreeMap<Id, u64>,
}

impl Listener {
    pub(crate) fn new(url: String, token: String) -> Self {
        Self { url, token, seen: Vec::new(), resumed: 0, repeats: 0, cursor: None, newest: BTreeMap::new() }
    }

    /// Listens until `over`, and then until it has everything. `begun` counts those that have been
    /// connected.
    pub(crate) async fn listen(
        mut self,
        first_stay: Duration,
        stay: Duration,
        away: Duration,
        begun: Arc<AtomicUsize>,
        over: CancellationToken,
    ) -> Self {
        let mut until = Instant::now() + first_stay;
        loop {
            let last = over.is_cancelled();
            let connected = self.connect().await;
            match connected {
                Ok(mut connection) if last => {
                    // What was sent has been acknowledged, so that resuming has brought all of it.
                    let _ = connection.call("resume", &json!({})).await;
                    return self;
                }
                Ok(connection) => {
                    begun.fetch_add(usize::from(self.resumed == 0), Ordering::Relaxed);
                    self.resumed += 1;
                    self.follow(connection, until, &over).await;
                }
                Err(_) => sleep(PAUSE).await,
            }
            tokio::select! {
                () = sleep(away) => {}
                () = over.cancelled() => {}
            }
            until = Instant::now() + stay;
        }
    }

    /// Connects, and resumes all that it hasn't seen.
    pub(crate) async fn connect(&mut self) -> Result<Connection, Error> {
        let mut connection = Connection::open(&self.url, NAMESPACE, &json!({ "token": self.token })).await?;
        let first = connection.next().await?;
        let Incoming::Event(event) = &first else { panic!("{first:?} came first") };
        assert_eq!(event.name, "session");
        let session: SessionInfo = event.read().expect("a session");
        let mut cursor = self.cursor.clone().unwrap_or(session.cursor);
        loop {
            let resume = Resume { cursor: Some(cursor), limit: None };
            let page: Resumed = connection.request("resume", &resume).await?;
            for message in page.messages {
                self.take(message, false);
            }
            cursor = page.cursor;
            self.cursor = Some(cursor.clone());
            if !page.more {
                return Ok(connection);
            }
        }
    }

    /// Takes what comes until it is time to go or the connection breaks; then drops it as it is.
    async fn follow(&mut self, mut connection: Connection, until: Instant, over: &CancellationToken) {
        loop {
            let next = tokio::select! {
                next = timeout_at(until, connection.next()) => next,
                () = over.cancelled() => return,
            };
            match next {
                Ok(Ok(Incoming::Event(event))) if event.name == "new_message" => {
                    self.take(event.read().expect("a message"), true);
                }
                Ok(Ok(_)) => {}
                Ok(Err(_)) | Err(_) => return,
            }
        }
    }

    /// Takes in a message: the next of its conversation, or one that it has seen.
    pub(crate) fn take(&mut self, message: Message, pushed: bool) {
        let newest = self.newest.entry(message.conversation_id.clone()).or_default();
        if message.seq <= *newest {
            self.repeats += 1;
            return;
        }
        assert_eq!(message.seq, *newest + 1, "a hole in {}, pushed: {pushed}", message.conversation_id);
        *newest = message.seq;
        if pushed {
            self.cursor = Some(message.cursor.clone());
        }
        self.seen.push(message);
    }
}
