//! The log in Redis, shared by several nodes.
//!
//! A tenant's log is five keys in one hash slot: a stream, a hash that says where it stands, and the
//! compacted view with what it takes to expire it. Each question is one Lua script, so each is
//! answered at one moment; the one that appends also tells every node what it has appended, this
//! one too, and so entries reach all hubs in log order.
//!
//! # Layout
//!
//! - `redis/*.lua`: the scripts; `stand.lua` comes before each and decides which life of the log it is.
//! - [`script`]: calling them.
//! - [`writer`]: the task that appends.
//! - [`signals`]: from any node's append to this node's hub.

mod script;
mod signals;
mod writer;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use sally_protocol::{Event, Tenant};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{MissedTickBehavior, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::entry::{Entry, readers_from_text};
use super::{Appended, Compacted, CompactedEvent, Log, LogError, Page, Position, Retention};
use crate::hub::Hub;
use crate::link::{Link, LinkError};
use script::{Caller, Given};
use signals::Signals;
use writer::{Content, Request, Writer};

/// Where every append is told.
const SIGNAL_CHANNEL: &str = "sally:signal";

/// How many requests may wait for the writer; more wait outside.
const QUEUE: usize = 1_024;

/// How long anybody waits for the log.
const PATIENCE: Duration = Duration::from_secs(5);

/// How often old entries go.
const TRIM_PERIOD: Duration = Duration::from_secs(30);

/// How many tenants are worked on at once.
const CONCURRENCY: usize = 128;

impl From<LinkError> for LogError {
    fn from(error: LinkError) -> Self {
        Self::Backend(error.to_string())
    }
}

/// The log in Redis; see the module.
#[derive(Clone)]
pub struct RedisLog {
    caller: Arc<Caller>,
    requests: mpsc::Sender<Request>,
    retention: Retention,
    signals_up: Arc<AtomicBool>,
}

impl RedisLog {
    /// Starts the tasks of the log on `tasks`: the one that writes ends, having written what waits,
    /// when the log is dropped, the others at `stop`.
    pub fn start(
        link: Arc<Link>,
        hub: Arc<Hub>,
        retention: Retention,
        stop: CancellationToken,
        tasks: &TaskTracker,
    ) -> Self {
        let (requests, queue) = mpsc::channel(QUEUE);
        let caller = Arc::new(Caller::new(Arc::clone(&link)));
        let signals_up = Arc::new(AtomicBool::new(false));
        tasks.spawn(Writer::new(Arc::clone(&caller), retention).run(queue));
        let signals = Signals { link, caller: Arc::clone(&caller), hub, up: Arc::clone(&signals_up) };
        tasks.spawn(signals.run(stop.clone()));
        tasks.spawn(trim_from_time_to_time(Arc::clone(&caller), retention, stop));
        Self { caller, requests, retention, signals_up }
    }

    /// Whether this node hears what is appended.
    pub fn signals_up(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.signals_up)
    }

    async fn ask(&self, tenant: Tenant, content: Content) -> Result<Vec<Appended>, LogError> {
        let (reply, answer) = oneshot::channel();
        let closed = || LogError::Backend("the log is closed".into());
        self.requests.send(Request { tenant, content, reply }).await.map_err(|_| closed())?;
        answer.await.map_err(|_| closed())?
    }

    /// Appends tenant by tenant. They have no order among each other, and can't have: in a cluster
    /// they are on different servers.
    async fn append_by_tenant(&self, events: Vec<(Tenant, Event)>) -> Result<Vec<Appended>, LogError> {
        let mut lots: Vec<(Tenant, Vec<usize>, Vec<Event>)> = Vec::new();
        let count = events.len();
        for (index, (tenant, event)) in events.into_iter().enumerate() {
            match lots.iter_mut().find(|(of, ..)| *of == tenant) {
                Some((_, indices, lot)) => {
                    indices.push(index);
                    lot.push(event);
                }
                None => lots.push((tenant, vec![index], vec![event])),
            }
        }
        let asked = lots.into_iter().map(|(tenant, indices, lot)| async move {
            self.ask(tenant, Content::Events { events: lot, after: None }).await.map(|appended| (indices, appended))
        });
        let answers: Vec<_> = stream::iter(asked).buffer_unordered(CONCURRENCY).try_collect().await?;
        let mut appended: Vec<Option<Appended>> = (0..count).map(|_| None).collect();
        for (index, answer) in answers.into_iter().flat_map(|(indices, answers)| indices.into_iter().zip(answers)) {
            appended[index] = Some(answer);
        }
        appended.into_iter().collect::<Option<_>>().ok_or_else(|| LogError::Corrupt("too few answers".into()))
    }

    async fn view(&self, tenant: &Tenant, given: Given) -> Result<Compacted, LogError> {
        let call = self.caller.call::<Vec<String>>(tenant, &self.caller.scripts.compacted, &given);
        let (position, values) = in_time(call).await?;
        let mut events = values.iter().map(|value| slot(value)).collect::<Result<Vec<_>, _>>()?;
        // In log order, each once: an unread notice for both sides fills two slots.
        events.sort_by_key(|event| event.offset);
        events.dedup_by_key(|event| event.offset);
        Ok(Compacted { position, events })
    }
}

#[async_trait]
impl Log for RedisLog {
    fn is_reachable(&self) -> bool {
        self.signals_up.load(Ordering::Relaxed)
    }

    /// All or none of each tenant's events. A failure may follow some tenants' success, and what
    /// Redis was asked may be done although its answer was lost; appending events that carry an id
    /// again is harmless.
    async fn append(&self, events: Vec<(Tenant, Event)>) -> Result<Vec<Appended>, LogError> {
        in_time(self.append_by_tenant(events)).await
    }

    async fn append_after(&self, tenant: &Tenant, event: Event, newest: u64) -> Result<Option<Appended>, LogError> {
        in_time(self.ask(tenant.clone(), Content::Events { events: vec![event], after: Some(newest) }))
            .await
            .map(|mut appended| appended.pop())
    }

    async fn tenants(&self) -> Result<Vec<Tenant>, LogError> {
        in_time(self.caller.tenants()).await
    }

    async fn mark_gap(&self, tenant: &Tenant) -> Result<(), LogError> {
        in_time(self.ask(tenant.clone(), Content::Gap)).await.map(drop)
    }

    async fn trim(&self) -> Result<(), LogError> {
        trim(&self.caller, self.retention).await
    }

    async fn position(&self, tenant: &Tenant) -> Result<Position, LogError> {
        let given = Given::default();
        let call = self.caller.call::<redis::Value>(tenant, &self.caller.scripts.position, &given);
        in_time(call).await.map(|(position, _)| position)
    }

    async fn read(&self, tenant: &Tenant, after: Position, limit: usize) -> Result<Page, LogError> {
        let given = Given::arguments([after.offset.to_string(), limit.to_string()]);
        let call = self.caller.call::<Vec<(String, Vec<String>)>>(tenant, &self.caller.scripts.read, &given);
        let (head, rows) = in_time(call).await?;
        if head.epoch != after.epoch {
            return Ok(Page::EpochChanged);
        }
        if head.offset <= after.offset {
            return Ok(Page::Entries(Vec::new()));
        }
        let entries = rows.iter().map(|row| entry(tenant, head, row)).collect::<Result<Vec<_>, _>>()?;
        // Offsets have no holes, so a first entry that isn't the next one says that entries have gone.
        match entries.first() {
            Some(first) if first.offset == after.offset + 1 => Ok(Page::Entries(entries)),
            _ => Ok(Page::TooOld),
        }
    }

    async fn entity(&self, tenant: &Tenant, entity: &str) -> Result<Vec<CompactedEvent>, LogError> {
        self.view(tenant, Given::arguments([entity.to_owned()])).await.map(|compacted| compacted.events)
    }

    async fn compacted(&self, tenant: &Tenant) -> Result<Compacted, LogError> {
        self.view(tenant, Given::default()).await
    }
}

async fn in_time<T>(answer: impl Future<Output = Result<T, LogError>>) -> Result<T, LogError> {
    timeout(PATIENCE, answer).await.unwrap_or_else(|_| Err(LogError::Backend("Redis took too long".into())))
}

async fn trim_from_time_to_time(caller: Arc<Caller>, retention: Retention, stop: CancellationToken) {
    let mut period = tokio::time::interval_at(tokio::time::Instant::now() + TRIM_PERIOD, TRIM_PERIOD);
    period.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while stop.run_until_cancelled(period.tick()).await.is_some() {
        if let Err(error) = trim(&caller, retention).await {
            tracing::warn!(%error, "old events could not be removed from the log");
        }
    }
}

async fn trim(caller: &Caller, retention: Retention) -> Result<(), LogError> {
    let given = &Given::arguments([retention.events.to_string(), retention.age.as_millis().to_string()]);
    let tenants = in_time(caller.tenants()).await?;
    let trimmed = stream::iter(tenants).map(|tenant| async move {
        in_time(caller.call_existing::<redis::Value>(&tenant, &caller.scripts.trim, given)).await
    });
    // A server of a cluster that doesn't answer keeps no other's logs from being trimmed.
    let keep_first = async |first: Result<(), LogError>, next: Result<_, LogError>| first.and(next.map(drop));
    trimmed.buffer_unordered(CONCURRENCY).fold(Ok(()), keep_first).await
}

/// Reads an entry as `append.lua` writes it: the fields k, r, j, t.
fn entry(tenant: &Tenant, head: Position, (id, fields): &(String, Vec<String>)) -> Result<Entry, LogError> {
    let corrupt = || LogError::Corrupt(format!("the entry {id} of {}", tenant.as_str()));
    let offset = id.strip_suffix("-0").and_then(|offset| offset.parse().ok()).ok_or_else(corrupt)?;
    let [_, kind, _, readers, _, json, ..] = fields.as_slice() else { return Err(corrupt()) };
    Ok(Entry::read(tenant, Position { offset, ..head }, kind, readers, json))
}

/// Reads a value of the compacted view: offset, shared, entity, readers, json, a line each.
fn slot(value: &str) -> Result<CompactedEvent, LogError> {
    let corrupt = || LogError::Corrupt("a value of the compacted view".into());
    let lines: Vec<&str> = value.splitn(5, '\n').collect();
    let [offset, _shared, _entity, readers, json] = lines.as_slice() else { return Err(corrupt()) };
    let offset = offset.parse().map_err(|_| corrupt())?;
    Ok(CompactedEvent { offset, readers: readers_from_text(readers), json: (*json).to_owned() })
}
