//! A message that comes alone, in SQLite: one statement, which is a transaction by itself.
//!
//! Every statement is a hand-over to the connection's thread and back, and so is every row that one
//! returns; both cost more than what is done there. So the message is given its place here, behind where
//! its inbox and its conversation were last seen to stand, and the statement writes it only if that is the
//! next place still. A trigger moves the inbox and the conversation.

use std::collections::HashMap;
use std::sync::{LazyLock, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use sally_protocol::{Message, Tenant};

use super::insert::{SAID, SAID_COLUMNS, bind};
use super::send::{Outgoing, Recipients, Thread, placed};
use super::{InboxHead, inbox_head, signed, unsigned};
use crate::store::rows::places;
use crate::store::{Database, Kind, StoreError};

/// Of how many conversations it is kept where they stand, some 200 bytes each.
const MOST_THREADS: usize = 65_536;

/// How long it may take to look where a conversation stands that isn't known.
const LOOK_LIMIT: Duration = Duration::from_millis(100);

/// Where inboxes and conversations stood when this process last saw them. Another may have written since: then
/// the statement writes nothing, and the group's transaction that follows tells where they stand.
#[derive(Debug, Default)]
pub(in crate::store) struct Places {
    heads: HashMap<Tenant, InboxHead>,
    /// The newest `seq` of each conversation, 0 before the first.
    last: HashMap<Thread, u64>,
}

/// A message's place: where its tenant's inbox stands with it, and its `seq`.
#[derive(Debug, Clone, Copy)]
struct Place {
    head: InboxHead,
    seq: u64,
}

impl Places {
    /// Takes note of where inboxes and conversations stand.
    pub(super) fn learn(
        &mut self,
        heads: impl IntoIterator<Item = (Tenant, InboxHead)>,
        last: impl IntoIterator<Item = (Thread, u64)>,
    ) {
        if self.last.len().max(self.heads.len()) >= MOST_THREADS {
            *self = Self::default();
        }
        self.heads.extend(heads);
        self.last.extend(last);
    }

    /// The next place in a conversation, if it is known where that and its tenant's inbox stand.
    fn next(&self, thread: &Thread) -> Option<Place> {
        let (head, last) = (self.heads.get(&thread.0)?, self.last.get(thread)?);
        Some(Place { head: InboxHead { offset: head.offset + 1, ..*head }, seq: last + 1 })
    }
}

/// Writes a message for the dispatch team, and for a driver that there is.
static TO_DISPATCH: LazyLock<String> = LazyLock::new(|| statement(""));
static TO_DRIVER: LazyLock<String> = LazyLock::new(|| {
    statement(
        "AND EXISTS (SELECT 1 FROM app_user u WHERE u.tenant = new.tenant AND u.user_id = new.conversation_id
             AND u.role = 'driver' AND u.disabled = 0)",
    )
});

fn statement(recipient: &str) -> String {
    format!(
        "WITH new (epoch, tenant, inbox_offset, conversation_id, seq, {SAID}) AS (VALUES {})
         INSERT INTO message (tenant, inbox_offset, conversation_id, seq, {SAID})
         SELECT tenant, inbox_offset, conversation_id, seq, {SAID} FROM new
         WHERE EXISTS (SELECT 1 FROM inbox i WHERE i.tenant = new.tenant AND i.epoch = new.epoch
                 AND i.head = new.inbox_offset - 1)
             AND new.seq - 1 = COALESCE((SELECT c.last_seq FROM conversation c
                 WHERE c.tenant = new.tenant AND c.conversation_id = new.conversation_id), 0)
             AND NOT EXISTS (SELECT 1 FROM message m WHERE m.tenant = new.tenant AND m.sender_id = new.sender_id
                 AND m.client_message_id = new.client_message_id) {recipient}",
        places(Kind::Sqlite, 1, 5 + SAID_COLUMNS)
    )
}

impl Database {
    /// Stores a message for one conversation, if it is new, its recipient is known, and nobody else has
    /// taken its place. `None`, and nothing is stored, when one of these isn't so or can't be told by one
    /// statement, or its place isn't known.
    pub(super) async fn send_alone(&self, outgoing: &Outgoing, now: Timestamp) -> Result<Option<Message>, StoreError> {
        let (conversation, statement) = match &outgoing.to {
            _ if self.kind() != Kind::Sqlite => return Ok(None),
            Recipients::Dispatch => (&outgoing.sender, &*TO_DISPATCH),
            Recipients::Drivers(drivers) => match drivers.as_slice() {
                [driver] => (driver, &*TO_DRIVER),
                _ => return Ok(None),
            },
            Recipients::EveryDriver => return Ok(None),
        };
        let thread = (outgoing.tenant.clone(), conversation.clone());
        let Some(place) = self.next_place(&thread).await else { return Ok(None) };
        let message = placed(outgoing.message(conversation.clone(), now)?, &outgoing.tenant, place.seq, place.head);
        let query = sqlx::query(statement.as_str())
            .bind(signed(place.head.epoch.0))
            .bind(outgoing.tenant.as_str())
            .bind(signed(place.head.offset))
            .bind(message.conversation_id.as_str())
            .bind(signed(place.seq));
        let result = bind(query, &message, self.indexing()).execute(self.writer()).await?;
        if result.rows_affected() == 0 {
            return Ok(None);
        }
        self.places().learn([(outgoing.tenant.clone(), place.head)], [(thread, place.seq)]);
        Ok(Some(message))
    }

    /// The next place in a conversation. `None` where the inbox hasn't begun, and where nobody could say soon:
    /// what writes must not wait for those who read.
    async fn next_place(&self, thread: &Thread) -> Option<Place> {
        if let Some(place) = self.places().next(thread) {
            return Some(place);
        }
        let (tenant, conversation) = thread;
        let standing = sqlx::query(
            "SELECT i.epoch, i.head, COALESCE(c.last_seq, 0) AS last_seq FROM inbox i
             LEFT JOIN conversation c ON c.tenant = i.tenant AND c.conversation_id = $2 WHERE i.tenant = $1",
        )
        .bind(tenant.as_str())
        .bind(conversation.as_str())
        .fetch_optional(self.reader());
        let row = tokio::time::timeout(LOOK_LIMIT, standing).await.ok()?.ok()??;
        let (head, last) = (inbox_head(&row).ok()?, unsigned(&row, "last_seq").ok()?);
        let mut places = self.places();
        places.learn([(tenant.clone(), head)], [(thread.clone(), last)]);
        places.next(thread)
    }

    pub(super) fn places(&self) -> MutexGuard<'_, Places> {
        // What is done under the lock can't be left half done.
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
