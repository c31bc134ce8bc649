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

use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::ingest::{Ingest, PublishError};
use crate::store::messages::{Asked, Unread};
use crate::store::{Database, StoreError};

/// The wait before badges that could not be published are tried again.
const BACKOFF: Duration = Duration::from_secs(1);

/// The pause after badges were published: what changes meanwhile is published together.
const PAUSE: Duration = Duration::from_millis(200);

/// The most badges that are published together: what changes in one pause, on a busy node, in one
/// transaction of the log. Whoever writes meanwhile waits for it, a few milliseconds.
const LOT: usize = 128;

/// How many characters of a message a badge shows.
const PREVIEW_CHARS: usize = 80;

/// One side's badge of one conversation.
pub(super) type Badge = Asked;

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
    fn add(&self, more: impl IntoIterator<Item = Badge>) {
        let mut badges = self.badges.lock().unwrap_or_else(PoisonError::into_inner);
        badges.extend(more);
        if !badges.is_empty() {
            self.more.notify_one();
        }
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
        while stop.run_until_cancelled(self.waiting.more.notified()).await.is_some() {
            let pause = if self.publish_all().await { PAUSE } else { BACKOFF };
            stop.run_until_cancelled(tokio::time::sleep(pause)).await;
        }
        self.publish_all().await;
    }

    /// Publishes what waits; whether all of it could be published. What could not be waits again.
    async fn publish_all(&self) -> bool {
        let badges: Vec<Badge> = self.waiting.take().into_iter().collect();
        for (place, lot) in badges.chunks(LOT).enumerate() {
            match self.publish(lot).await {
                Ok(()) => {}
                Err(error) if error.lasts() => tracing::error!(%error, "unread badges can't be published"),
                Err(error) => {
                    tracing::warn!(%error, "unread badges could not be published yet");
                    self.waiting.add(badges.into_iter().skip(place * LOT));
                    return false;
                }
            }
        }
        true
    }

    async fn publish(&self, lot: &[Badge]) -> Result<(), BadgeError> {
        let asked: Vec<&Badge> = lot.iter().collect();
        let unread = self.database.unread_of(&asked).await?;
        let events = unread.iter().map(|(badge, unread)| (badge.0.clone(), event(badge, unread)));
        self.ingest.publish_all(events).await?;
        if !self.alone {
            let now = self.database.unread_of(&asked).await?;
            let state = |unread: &Unread| (unread.last.seq, unread.count);
            let changed = now.into_iter().filter(|(badge, now)| unread.get(badge).map(state) != Some(state(now)));
            self.waiting.add(changed.map(|(badge, _)| badge));
        }
        Ok(())
    }
}

fn event((_, conversation, side): &Badge, unread: &Unread) -> Value {
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
