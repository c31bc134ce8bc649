//! The loop that keeps a messaging connection going.

use sally_protocol::desktop::Link;
use tokio::sync::mpsc;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::Update;
use super::conversation::Conversation;
use super::inbox::Inbox;
use super::request::{Failure, Request};
use super::socket::Socket;
use crate::Error;
use crate::backoff::Backoff;
use crate::end::{End, retrying};
use crate::session::Session;

/// Holds the connection until it is over, told to stop, or nobody listens.
pub(super) async fn run(
    session: Session,
    updates: mpsc::Sender<Update>,
    requests: mpsc::Receiver<Request>,
    stop: CancellationToken,
) {
    let backoff = Backoff::default();
    let mut supervisor =
        Supervisor { session, updates, requests, stop, inbox: Inbox::default(), backoff, renewed: false };
    let last = supervisor.hold().await;
    // Whoever closed the connection may have stopped listening.
    let _ = supervisor.updates.try_send(Update::Link(last.unwrap_or(Link::Closed)));
}

struct Supervisor {
    session: Session,
    updates: mpsc::Sender<Update>,
    requests: mpsc::Receiver<Request>,
    stop: CancellationToken,
    inbox: Inbox,
    backoff: Backoff,
    /// Whether the last attempt ended with a refused token, which was renewed.
    renewed: bool,
}

impl Supervisor {
    /// Returns the state that the connection stays in; `None` when it was closed on purpose.
    async fn hold(&mut self) -> Option<Link> {
        loop {
            self.report(Link::Connecting).await?;
            let end = match self.attempt().await? {
                Ok(end) => end,
                Err(error) => error.into(),
            };
            self.renewed = end == End::Renewed;
            match end {
                End::Moved | End::Renewed => {}
                End::Lost { reason, after } => {
                    let wait = self.backoff.next(after, rand::random());
                    tracing::info!(%reason, ?wait, "the messaging connection was lost");
                    self.report(retrying(wait, reason)).await?;
                    self.offline(sleep(wait)).await?;
                }
                End::Over(link) => return Some(link),
                End::Unheard => return None,
            }
        }
    }

    /// One connection, from the first question to its end. `None` when told to stop.
    async fn attempt(&mut self) -> Option<Result<End, Error>> {
        let session = self.session.clone();
        let ready = self.offline(async {
            session.server().knock(session.server().http()).await?;
            session.token().await
        });
        let token = match ready.await? {
            Ok(token) => token,
            Err(error) => return Some(Err(error)),
        };
        let socket = match Socket::open(self.session.server().address(), &token) {
            Ok(socket) => socket,
            Err(error) => {
                tracing::error!(%error, "a thread for the messaging connection can't be started");
                return Some(Ok(End::lost("This computer has no room for another connection right now.")));
            }
        };
        let mut conversation =
            Conversation::new(&self.session, &self.updates, &mut self.inbox, token, self.renewed, socket);
        let end = conversation.hold(&mut self.requests, &self.stop).await;
        if let Some(since) = conversation.live_since {
            self.backoff.lived(since.elapsed());
        }
        conversation.close().await;
        end.map(Ok)
    }

    /// Waits for something while there is no connection: requests fail at once. `None` when told
    /// to stop.
    async fn offline<T>(&mut self, wait: impl Future<Output = T>) -> Option<T> {
        tokio::pin!(wait);
        loop {
            tokio::select! {
                () = self.stop.cancelled() => return None,
                done = &mut wait => return Some(done),
                Some(request) = self.requests.recv() => {
                    let _ = request.answer.send(Err(Failure::Offline));
                }
            }
        }
    }

    async fn report(&self, link: Link) -> Option<()> {
        tokio::select! {
            () = self.stop.cancelled() => None,
            sent = self.updates.send(Update::Link(link)) => sent.ok(),
        }
    }
}
