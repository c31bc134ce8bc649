//! Unread counts on the event stream, for whoever has no messaging connection.
//!
//! A badge is computed from the store when its turn comes, not when the message was sent: so many
//! changes of one conversation cost one event, and the newest badge is always right. Of two nodes
//! that change a conversation at the same time the one that has counted first may publish last: so
//! a node that isn't alone looks once more after it has published.

use std::collections::BTreeSet;

use sally_protocol::fleet::Side;
use sally_protocol::{Id, Tenant};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;

use crate::ingest::{Ingest, PublishError};
use crate::store::messages::Unread;
use crate::store::{Database, StoreError};

/// How many badges may wait; more wait with whoever caused them.
const QUEUE: usize = 4_096;

/// The most badges that are taken at once.
const GROUP: usize = 256;

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
#[derive(Clone)]
pub(super) struct Badges {
    queue: mpsc::Sender<Badge>,
}

#[derive(Debug, thiserror::Error)]
enum BadgeError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Publish(#[from] PublishError),
}

impl Badges {
    /// Starts the publishing task of a node, `alone` or one of several, on `tasks`. It ends when
    /// the last clone is dropped.
    pub(super) fn start(database: Database, ingest: Ingest, alone: bool, tasks: &TaskTracker) -> Self {
        let (queue, waiting) = mpsc::channel(QUEUE);
        tasks.spawn(Publisher { database, ingest, alone }.run(waiting));
        Self { queue }
    }

    /// Has a badge published with what the store says then.
    pub(super) async fn refresh(&self, badge: Badge) {
        // The task ends only after the last sender, which is here.
        let _ = self.queue.send(badge).await;
    }
}

struct Publisher {
    database: Database,
    ingest: Ingest,
    alone: bool,
}

impl Publisher {
    async fn run(self, mut waiting: mpsc::Receiver<Badge>) {
        let mut group = Vec::with_capacity(GROUP);
        while waiting.recv_many(&mut group, GROUP).await > 0 {
            let badges: BTreeSet<Badge> = group.drain(..).collect();
            for badge in badges {
                if let Err(error) = self.publish(&badge).await {
                    // The message itself is stored; the next one of the conversation brings the
                    // badge up to date.
                    tracing::warn!(%error, "an unread badge could not be published");
                }
            }
        }
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
