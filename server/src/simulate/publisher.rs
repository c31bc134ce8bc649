//! From the world to the server: in order, and once.

use sally_client::{Server, Session};
use sally_protocol::stream::Snapshot;
use serde_json::Value;
use tokio::time::sleep;
use uuid::Uuid;

use super::Error;
use super::backoff::Backoff;

/// Events in one request. The server takes 500 and 1 MiB; an event has about 1 KiB.
const BATCH: usize = 200;

/// Publishes events, one request at a time. What can't be delivered yet is tried again until it
/// can be, under one idempotency key, so that order and number stay right.
#[derive(Debug)]
pub(super) struct Publisher {
    session: Session,
    backoff: Backoff,
}

impl Publisher {
    pub(super) fn new(session: Session) -> Self {
        Self { session, backoff: Backoff::default() }
    }

    /// The tenant's board as it is.
    ///
    /// # Errors
    ///
    /// When the server refuses; one that is away is waited for.
    pub(super) async fn snapshot(&mut self) -> Result<Snapshot, Error> {
        loop {
            match self.session.snapshot(None).await {
                Ok(snapshot) => return Ok(snapshot),
                Err(error) => wait(&mut self.backoff, error).await?,
            }
        }
    }

    /// Publishes `events` in their order.
    ///
    /// # Errors
    ///
    /// When the server refuses; one that is away is waited for.
    pub(super) async fn publish(&mut self, events: Vec<Value>) -> Result<(), Error> {
        for batch in events.chunks(BATCH) {
            let key = Uuid::new_v4().to_string();
            while let Err(error) = self.session.publish(batch, Some(&key)).await {
                wait(&mut self.backoff, error).await?;
            }
            self.backoff.reset();
        }
        Ok(())
    }
}

/// The server at `url`.
///
/// # Errors
///
/// When there is another kind of server; one that is away is waited for.
pub(super) async fn find(url: &str) -> Result<Server, Error> {
    let mut backoff = Backoff::default();
    loop {
        match Server::check(url).await {
            Ok(server) => return Ok(server),
            Err(error) => wait(&mut backoff, error).await?,
        }
    }
}

/// Waits where waiting helps, and hands back the error where it doesn't.
async fn wait(backoff: &mut Backoff, error: sally_client::Error) -> Result<(), Error> {
    if !error.is_retryable() {
        return Err(error.into());
    }
    let asked = match &error {
        sally_client::Error::Problem { retry_after, .. } => *retry_after,
        _ => None,
    };
    let wait = backoff.next(asked);
    tracing::debug!(%error, wait_ms = wait.as_millis(), "the server is away; the fleet waits");
    sleep(wait).await;
    Ok(())
}
