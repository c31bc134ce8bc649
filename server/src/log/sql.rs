//! The log in the database.
//!
//! One task writes. It takes whatever waits, commits it as one transaction, hands the entries to
//! the [`Hub`] and answers: so a commit's cost is shared by all that came while the one before it
//! ran, and entries reach the hub in log order.
//!
//! # Layout
//!
//! - [`writer`]: the task.
//! - [`lot`]: one transaction; [`compaction`]: what it does to the compacted view.
//! - [`pruning`]: what is too old or too much goes.

mod compaction;
mod lot;
mod pruning;
mod writer;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use sally_protocol::cursor::Epoch;
use sally_protocol::{Event, Tenant};
use sqlx::Row as _;
use sqlx::any::AnyRow;
use tokio::sync::{mpsc, oneshot};
use tokio_util::task::TaskTracker;

use super::entry::{Entry, readers_from_text};
use super::{Appended, Compacted, CompactedEvent, Log, LogError, Page, Position, Retention};
use crate::hub::Hub;
use crate::store::Database;
use writer::{Request, Writer};

/// How many requests may wait for the writer; more wait outside.
const QUEUE: usize = 1_024;

/// How long a publisher waits for its commit.
const APPEND_TIMEOUT: Duration = Duration::from_millis(4_500);

/// The log in the database; see the module.
pub struct SqlLog {
    database: Database,
    requests: mpsc::Sender<Request>,
    /// Whether the database answered when it was last asked.
    reachable: Arc<AtomicBool>,
}

impl SqlLog {
    /// Starts the writing task on `tasks`. It ends, having written what waits, when the log is
    /// dropped.
    pub fn start(database: Database, hub: Arc<Hub>, retention: Retention, tasks: &TaskTracker) -> Self {
        let (requests, queue) = mpsc::channel(QUEUE);
        let reachable = Arc::new(AtomicBool::new(true));
        tasks.spawn(Writer::new(database.clone(), hub, retention, Arc::clone(&reachable)).run(queue));
        Self { database, requests, reachable }
    }

    async fn ask<T>(&self, request: impl FnOnce(writer::Reply<T>) -> Request) -> Result<T, LogError> {
        let (reply, answer) = oneshot::channel();
        let waiting = async {
            self.requests.send(request(reply)).await.map_err(|_| LogError::Backend("the log is closed".into()))?;
            answer.await.map_err(|_| LogError::Backend("the log is closed".into()))?
        };
        tokio::time::timeout(APPEND_TIMEOUT, waiting)
            .await
            .unwrap_or_else(|_| Err(LogError::Backend("the commit took too long".into())))
    }
}

#[async_trait]
impl Log for SqlLog {
    fn is_reachable(&self) -> bool {
        self.reachable.load(Ordering::Relaxed)
    }

    async fn append(&self, events: Vec<(Tenant, Event)>) -> Result<Vec<Appended>, LogError> {
        self.ask(|reply| Request::Append { events, after: None, reply }).await
    }

    async fn append_after(&self, tenant: &Tenant, event: Event, newest: u64) -> Result<Option<Appended>, LogError> {
        let events = vec![(tenant.clone(), event)];
        self.ask(|reply| Request::Append { events, after: Some(newest), reply })
            .await
            .map(|mut appended| appended.pop())
    }

    async fn tenants(&self) -> Result<Vec<Tenant>, LogError> {
        let rows = sqlx::query("SELECT tenant FROM log_tenant").fetch_all(self.database.reader()).await?;
        rows.iter().map(|row| lot::tenant(row.try_get("tenant")?)).collect()
    }

    async fn mark_gap(&self, tenant: &Tenant) -> Result<(), LogError> {
        if stored_position(&self.database, tenant).await?.is_none() {
            return Ok(());
        }
        self.ask(|reply| Request::Gap { tenant: tenant.clone(), reply }).await
    }

    async fn trim(&self) -> Result<(), LogError> {
        self.ask(|reply| Request::Trim { reply }).await
    }

    async fn position(&self, tenant: &Tenant) -> Result<Position, LogError> {
        if let Some(position) = stored_position(&self.database, tenant).await? {
            return Ok(position);
        }
        self.ask(|reply| Request::Begin { tenant: tenant.clone(), reply }).await
    }

    async fn read(&self, tenant: &Tenant, after: Position, limit: usize) -> Result<Page, LogError> {
        let head = self.position(tenant).await?;
        if head.epoch != after.epoch {
            return Ok(Page::EpochChanged);
        }
        if head.offset <= after.offset {
            return Ok(Page::Entries(Vec::new()));
        }
        let rows = sqlx::query(
            "SELECT log_offset, kind, readers, json FROM log_event
             WHERE tenant = $1 AND log_offset > $2 ORDER BY log_offset LIMIT $3",
        )
        .bind(tenant.as_str())
        .bind(signed(after.offset))
        .bind(signed(limit as u64))
        .fetch_all(self.database.reader())
        .await?;
        let mut entries =
            rows.iter().map(|row| entry(row, tenant, head.epoch)).collect::<Result<Vec<_>, LogError>>()?;
        // Offsets have no holes, so a row that isn't the next one says that rows have gone. Were the
        // clock set back, age might take younger offsets before older ones: so every row is looked at.
        let dense = (after.offset + 1..).zip(&entries).take_while(|(next, entry)| *next == entry.offset).count();
        entries.truncate(dense);
        Ok(if entries.is_empty() { Page::TooOld } else { Page::Entries(entries) })
    }

    async fn entity(&self, tenant: &Tenant, entity: &str) -> Result<Vec<CompactedEvent>, LogError> {
        let rows = sqlx::query(
            "SELECT log_offset, readers, json FROM log_slot WHERE tenant = $1 AND entity = $2 ORDER BY log_offset",
        )
        .bind(tenant.as_str())
        .bind(entity)
        .fetch_all(self.database.reader())
        .await?;
        compacted_events(&rows)
    }

    async fn compacted(&self, tenant: &Tenant) -> Result<Compacted, LogError> {
        // The tenant's log must have begun, so that there is a position to go on from.
        self.position(tenant).await?;
        // One statement sees one state of the database, so the position and the events fit together.
        let rows = sqlx::query(
            "SELECT t.epoch, t.head, s.log_offset, s.readers, s.json
             FROM log_tenant t LEFT JOIN log_slot s ON s.tenant = t.tenant AND s.leaves_at > $2
             WHERE t.tenant = $1 ORDER BY s.log_offset",
        )
        .bind(tenant.as_str())
        .bind(Timestamp::now().as_millisecond())
        .fetch_all(self.database.reader())
        .await?;
        let first = rows.first().ok_or_else(|| LogError::Corrupt("a log that has begun is gone".into()))?;
        let is_empty = first.try_get::<Option<i64>, _>("log_offset")?.is_none();
        let events = if is_empty { Vec::new() } else { compacted_events(&rows)? };
        Ok(Compacted { position: position(first)?, events })
    }
}

/// The events of rows in log order, each once: an unread notice for both sides fills two slots.
fn compacted_events(rows: &[AnyRow]) -> Result<Vec<CompactedEvent>, LogError> {
    let mut events = Vec::with_capacity(rows.len());
    let mut newest = None;
    for row in rows {
        let offset = unsigned(row.try_get("log_offset")?)?;
        if newest.replace(offset) == Some(offset) {
            continue;
        }
        let readers: String = row.try_get("readers")?;
        events.push(CompactedEvent { offset, readers: readers_from_text(&readers), json: row.try_get("json")? });
    }
    Ok(events)
}

async fn stored_position(database: &Database, tenant: &Tenant) -> Result<Option<Position>, LogError> {
    let row = sqlx::query("SELECT epoch, head FROM log_tenant WHERE tenant = $1")
        .bind(tenant.as_str())
        .fetch_optional(database.reader())
        .await?;
    row.as_ref().map(position).transpose()
}

fn position(row: &AnyRow) -> Result<Position, LogError> {
    Ok(Position { epoch: Epoch(unsigned(row.try_get("epoch")?)?), offset: unsigned(row.try_get("head")?)? })
}

fn entry(row: &AnyRow, tenant: &Tenant, epoch: Epoch) -> Result<Entry, LogError> {
    let offset = unsigned(row.try_get("log_offset")?)?;
    let (kind, readers, json): (String, String, String) =
        (row.try_get("kind")?, row.try_get("readers")?, row.try_get("json")?);
    Ok(Entry::read(tenant, Position { epoch, offset }, &kind, &readers, &json))
}

/// Offsets and epochs stay below 2^63, which is what the column holds.
fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn unsigned(number: i64) -> Result<u64, LogError> {
    u64::try_from(number).map_err(|_| LogError::Corrupt(format!("a negative number: {number}")))
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
