//! The event log: per tenant ordered, bounded, with a compacted view beside it.
//!
//! Streams are fed from here only, never straight from a publish: the log is what turns "at most
//! once" into a promise.
//!
//! # Layout
//!
//! - [`Log`]: what a backend does.
//! - [`entry`]: one place in the log, its frame built once and shared by every stream.
//! - [`sql`]: the log in the database, group-committed: the default, and all a single node needs.
//! - [`redis`]: the log in Redis, shared by several nodes.

mod entry;
mod redis;
mod sql;

use std::time::Duration;

use async_trait::async_trait;
use sally_protocol::cursor::Epoch;
use sally_protocol::entity::Reader;
use sally_protocol::{Cursor, Event, Tenant};

pub use self::redis::RedisLog;
pub use entry::{Content, Entry};
pub use sql::SqlLog;

/// How far back streams can resume.
#[derive(Debug, Clone, Copy)]
pub struct Retention {
    /// Older entries go.
    pub age: Duration,
    /// At most this many entries a tenant stay.
    pub events: u64,
}

/// How long an event id makes a repeat count once.
const REPEAT_WINDOW: Duration = Duration::from_secs(10 * 60);

/// What nothing has touched for this long leaves the compacted log.
const UNTOUCHED_STAYS: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// What has ended stays in it this long.
const ENDED_STAYS: Duration = Duration::from_secs(24 * 60 * 60);

/// Why the log couldn't do what was asked.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LogError {
    /// The backend failed or can't be reached.
    #[error("the log can't be reached: {0}")]
    Backend(String),
    /// The backend holds what can't have been written by this server.
    #[error("the log can't be read: {0}")]
    Corrupt(String),
}

impl From<sqlx::Error> for LogError {
    fn from(error: sqlx::Error) -> Self {
        Self::Backend(error.to_string())
    }
}

/// Where a tenant's log stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// The life of the log.
    pub epoch: Epoch,
    /// The newest offset; 0 before the first event.
    pub offset: u64,
}

impl Position {
    /// This position as a client's cursor.
    pub fn cursor(&self, tenant: &Tenant) -> Cursor {
        Cursor::new(tenant, self.epoch, self.offset)
    }
}

/// What became of an appended event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Appended {
    /// The event's id.
    pub event_id: String,
    /// Where it stands.
    pub position: Position,
    /// Whether it was there already, so that nothing was appended.
    pub duplicate: bool,
}

/// What [`Log::read`] found.
#[derive(Debug)]
pub enum Page {
    /// The entries right after the offset, without a hole; empty when there are none yet.
    Entries(Vec<Entry>),
    /// The log no longer reaches back that far.
    TooOld,
    /// The log has begun anew since.
    EpochChanged,
}

/// The compacted log.
#[derive(Debug)]
pub struct Compacted {
    /// The log stood here when it was read.
    pub position: Position,
    /// The newest event of each slot, in log order, each once.
    pub events: Vec<CompactedEvent>,
}

/// One event of the compacted log.
#[derive(Debug)]
pub struct CompactedEvent {
    /// Its offset.
    pub offset: u64,
    /// Which drivers may see it.
    pub readers: Vec<Reader>,
    /// The event, one JSON object on one line.
    pub json: String,
}

/// A log of every tenant's events.
#[async_trait]
pub trait Log: Send + Sync {
    /// Appends events in order and returns once they are durable: all or none of each tenant's, and
    /// where the backend is one database, all or none. An event whose publisher-given id was
    /// appended within ten minutes is not appended again.
    ///
    /// # Errors
    ///
    /// [`LogError`], within five seconds; whether any of them will be seen is then the backend's to
    /// say, and appending events that carry an id again is harmless.
    async fn append(&self, events: Vec<(Tenant, Event)>) -> Result<Vec<Appended>, LogError>;

    /// [`append`](Self::append) of one event, if the newest event of its entity still stands at `newest`.
    /// `None`, and nothing is appended, if another has come: what was read of the entity isn't so any more.
    ///
    /// # Errors
    ///
    /// [`LogError`], as of [`append`](Self::append).
    async fn append_after(&self, tenant: &Tenant, event: Event, newest: u64) -> Result<Option<Appended>, LogError>;

    /// The tenants that have a log.
    ///
    /// # Errors
    ///
    /// [`LogError`], within five seconds.
    async fn tenants(&self) -> Result<Vec<Tenant>, LogError>;

    /// Notes in a tenant's log that events may have been missed before now. Where the tenant has no
    /// log, nobody can have missed anything, and nothing is noted.
    ///
    /// # Errors
    ///
    /// [`LogError`]; whether the gap is there is then the backend's to say, and noting it again costs
    /// clients a snapshot and nothing else.
    async fn mark_gap(&self, tenant: &Tenant) -> Result<(), LogError>;

    /// Removes what is too old or too much now. The log does so by itself from time to time; tests
    /// don't wait for that.
    ///
    /// # Errors
    ///
    /// [`LogError`], of the first tenant whose log couldn't be reached; the others' have been
    /// trimmed all the same.
    async fn trim(&self) -> Result<(), LogError>;

    /// Whether the log can be reached, as far as is known without asking.
    fn is_reachable(&self) -> bool {
        true
    }

    /// Where a tenant's log stands. A log that doesn't exist yet begins.
    ///
    /// # Errors
    ///
    /// [`LogError`].
    async fn position(&self, tenant: &Tenant) -> Result<Position, LogError>;

    /// At most `limit` entries right after `after`.
    ///
    /// # Errors
    ///
    /// [`LogError`].
    async fn read(&self, tenant: &Tenant, after: Position, limit: usize) -> Result<Page, LogError>;

    /// One entity's events in the compacted log, in log order.
    ///
    /// # Errors
    ///
    /// [`LogError`].
    async fn entity(&self, tenant: &Tenant, entity: &str) -> Result<Vec<CompactedEvent>, LogError>;

    /// The compacted log, consistent with the position in it.
    ///
    /// # Errors
    ///
    /// [`LogError`].
    async fn compacted(&self, tenant: &Tenant) -> Result<Compacted, LogError>;
}
