//! Unread counts on the event stream, for whoever has no messaging connection.
//!
//! A badge is computed from the store when its turn comes, not when the message was sent: so many
//! changes of one conversation cost one event, and the newest badge is always right. Of two nodes
//! that change a conversation at the same time the one that has counted first may publish last: so
//! a node that isn't alone looks once more after it has published.
//!
//! Whoever causes a badge never waits for it. While the log can't be reached, badges wait here; they
//! are as many as there are conversations at the most.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sally_protocol::fleet::Side;
use sally_protocol::{Id, Tenant};
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::ingest::{Ingest, PublishError};
use crate::store::messages::Unread;
use crate::store::{Database, StoreError};

/// The wait before badges that could not be published are tried again.
const BACKOFF: Duration = Duration::from_secs(1);

/// How many characters of a message a badge shows.
const PREVIEW_CHARS: usize = 80;

/// One side's badge of one conversation.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Badge {
    pub(super) tenant: Tenant,
    pub(super) conversation: Id,
    pub(super) side: Side,
}

/// Publishes badges; a cheap clone.
#[derive(Clone, Default)]
pub(super) struct Badges(Arc<Waiting>);

/// The badges to be published.
#[derive(Default)]
struct Waiting {
    badges: Mutex<BTreeSet<Badge>>,
    more: Notify,
}

impl Waiting {
    fn add(&self, badges: impl IntoIterator<Item = Badge>) {
        self.badges.lock().unwrap_or_else(PoisonError::into_inner).extend(badges);
        self.more.notify_one();
    }

    fn take(&self) -> BTreeSet<Badge> {
        std::mem::take(&mut self.badges.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[derive(Debug, thiserror::Error)]
enum BadgeError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Publish(#[from] PublishError),
}

impl BadgeError {
    /// Whether trying again would come to the same.
    fn lasts(&self) -> bool {
        matches!(self, Self::Store(StoreError::Row(_)) | Self::Publish(PublishError::Rejected { .. }))
    }
}

impl Badges {
    /// Starts the publishing task of a node, `alone` or one of several, on `tasks`. At `stop` it
    /// tries once to publish what waits, and ends.
    pub(super) fn start(
        database: Database,
        ingest: Ingest,
        alone: bool,
        stop: CancellationToken,
        tasks: &TaskTracker,
    ) -> Self {
        let badges = Self::default();
        let publisher = Publisher { database, ingest, alone, waiting: Arc::clone(&badges.0) };
        tasks.spawn(publisher.run(stop));
        badges
    }

    /// Has badges published with what the store says then.
    pub(super) fn refresh(&self, badges: impl IntoIterator<Item = Badge>) {
        self.0.add(badges);
    }
}

struct Publisher {
    database: Database,
    ingest: Ingest,
    alone: bool,
    waiting: Arc<Waiting>,
}

impl Publisher {
    async fn run(self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.waiting.more.notified() => {}
            }
            if !self.publish_all().await {
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = tokio::time::sleep(BACKOFF) => {}
                }
            }
        }
    }

    /// Publishes what waits; whether all of it could be published. What could not be waits again.
    async fn publish_all(&self) -> bool {
        let mut badges = self.waiting.take();
        while let Some(badge) = badges.pop_first() {
            match self.publish(&badge).await {
                Ok(()) => {}
                Err(error) if error.lasts() => tracing::error!(%error, "an unread badge can't be published"),
                Err(error) => {
                    tracing::warn!(%error, "an unread badge could not be published yet");
                    badges.insert(badge);
                    self.waiting.add(badges);
                    return false;
                }
            }
        }
        true
    }

    async fn publish(&self, badge: &Badge) -> Result<(), BadgeError> {
        let Badge { tenant, conversation, side } = badge;
        let mut published = None;
        while let Some(unread) = self.database.unread(tenant, conversation, *side).await? {
            let state = (unread.last.seq, unread.count);
            if published == Some(state) {
                break;
            }
            self.ingest.publish(tenant, &event(badge, &unread)).await?;
            if self.alone {
                break;
            }
            published = Some(state);
        }
        Ok(())
    }
}

fn event(Badge { conversation, side, .. }: &Badge, unread: &Unread) -> Value {
    let mut event = json!({
        "type": "message_waiting",
        "conversationId": conversation,
        "audience": side,
        "senderId": unread.last.sender_id,
        "preview": preview(&unread.last.content),
        "unread": unread.count,
        "priority": unread.last.priority,
    });
    if let Some(name) = &unread.last.sender_name {
        event["senderName"] = json!(name);
    }
    event
}

fn preview(content: &str) -> String {
    let line = content.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(PREVIEW_CHARS) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_preview_is_one_short_line() {
        assert_eq!(preview("at\n dock\t4"), "at dock 4");
        assert_eq!(preview(&"🚚".repeat(100)), format!("{}…", "🚚".repeat(PREVIEW_CHARS)));
    }
}
