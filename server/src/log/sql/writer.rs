//! The task that writes the log.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use sally_protocol::cursor::Epoch;
use sally_protocol::{Event, Tenant};
use sqlx::{AnyConnection, Row as _};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, MissedTickBehavior};

use super::{compaction, millis, position, pruning, signed, stored_position, unsigned};
use crate::hub::Hub;
use crate::log::entry::{Entry, readers_to_text};
use crate::log::{Appended, LogError, Position, REPEAT_WINDOW, Retention};
use crate::store::{Database, within_limit};

/// The most requests that are taken from the queue at once.
const GROUP: usize = 256;

/// About how many events one transaction takes: it has to end within its limit, and a request is
/// never divided.
const LOT: usize = 256;

/// How often the database is looked at.
const LOOK_PERIOD: Duration = Duration::from_secs(2);

/// How often old rows go.
const PRUNE_PERIOD: Duration = Duration::from_secs(30);

/// Where a request's answer goes.
pub(super) type Reply<T> = oneshot::Sender<Result<T, LogError>>;

/// What the writer is asked.
pub(super) enum Request {
    /// See [`crate::log::Log::append`].
    Append { events: Vec<(Tenant, Event)>, reply: Reply<Vec<Appended>> },
    /// See [`crate::log::Log::mark_gap`].
    Gap { reply: Reply<()> },
    /// Begins a tenant's log.
    Begin { tenant: Tenant, reply: Reply<Position> },
    /// See [`crate::log::Log::trim`].
    Trim { reply: Reply<()> },
}

/// What a request came to, told once its transaction is committed.
enum Outcome {
    Appended(Vec<Appended>),
    Done,
    Begun(Position),
}

impl Request {
    /// How many events it is about.
    fn events(&self) -> usize {
        match self {
            Self::Append { events, .. } => events.len(),
            Self::Gap { .. } | Self::Begin { .. } | Self::Trim { .. } => 1,
        }
    }

    /// Whether the caller has stopped waiting, and so must not find it done later.
    fn is_abandoned(&self) -> bool {
        match self {
            Self::Append { reply, .. } => reply.is_closed(),
            Self::Gap { reply } | Self::Trim { reply } => reply.is_closed(),
            Self::Begin { reply, .. } => reply.is_closed(),
        }
    }

    /// Tells the outcome. A caller who has stopped waiting doesn't care.
    fn answer(self, outcome: Result<Outcome, LogError>) {
        match (self, outcome) {
            (Self::Append { reply, .. }, Ok(Outcome::Appended(appended))) => drop(reply.send(Ok(appended))),
            (Self::Gap { reply } | Self::Trim { reply }, Ok(_)) => drop(reply.send(Ok(()))),
            (Self::Begin { reply, .. }, Ok(Outcome::Begun(position))) => drop(reply.send(Ok(position))),
            (Self::Append { reply, .. }, Err(error)) => drop(reply.send(Err(error))),
            (Self::Gap { reply } | Self::Trim { reply }, Err(error)) => drop(reply.send(Err(error))),
            (Self::Begin { reply, .. }, Err(error)) => drop(reply.send(Err(error))),
            // `Writer::apply` answers each kind of request with its own kind of outcome; dropping
            // the reply tells the caller that the log failed.
            (Self::Append { .. } | Self::Begin { .. }, Ok(_)) => {}
        }
    }
}

/// The entries of one transaction, by tenant.
type Written = BTreeMap<Tenant, (Position, Vec<Entry>)>;

/// The writer's state.
pub(super) struct Writer {
    database: Database,
    hub: Arc<Hub>,
    retention: Retention,
    /// Where each tenant's log stands. This task is the only one that moves it.
    heads: HashMap<Tenant, Position>,
    /// Tenants that were written to since old rows last went.
    grown: BTreeSet<Tenant>,
    /// Whether the database answered when it was last asked.
    reachable: Arc<AtomicBool>,
    /// Whether a transaction ended without an answer: what it wrote may be there, and the hub
    /// doesn't know of it.
    doubtful: bool,
}

impl Writer {
    pub(super) fn new(database: Database, hub: Arc<Hub>, retention: Retention, reachable: Arc<AtomicBool>) -> Self {
        let (heads, grown) = (HashMap::new(), BTreeSet::new());
        Self { database, hub, retention, heads, grown, reachable, doubtful: false }
    }

    /// Serves requests until the last sender is gone.
    pub(super) async fn run(mut self, mut queue: mpsc::Receiver<Request>) {
        let mut group = Vec::with_capacity(GROUP);
        let mut prune = tokio::time::interval_at(Instant::now() + PRUNE_PERIOD, PRUNE_PERIOD);
        let mut look = tokio::time::interval_at(Instant::now() + LOOK_PERIOD, LOOK_PERIOD);
        for interval in [&mut prune, &mut look] {
            interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        }
        loop {
            tokio::select! {
                taken = queue.recv_many(&mut group, GROUP) => {
                    if taken == 0 {
                        return;
                    }
                    while !group.is_empty() {
                        let mut events = 0;
                        let fits = |request: &&Request| {
                            events += request.events();
                            events <= LOT
                        };
                        let lot = group.iter().take_while(fits).count().max(1);
                        self.serve(group.drain(..lot).collect()).await;
                    }
                }
                _ = look.tick() => self.look().await,
                _ = prune.tick() => {
                    match self.prune().await {
                        Ok(true) => prune.reset_immediately(),
                        Ok(false) => {}
                        Err(error) => tracing::warn!(%error, "old events could not be removed from the log"),
                    }
                }
            }
        }
    }

    /// Writes a group as one transaction, hands it to the hub, and answers.
    async fn serve(&mut self, mut group: Vec<Request>) {
        group.retain(|request| !request.is_abandoned());
        let trims: Vec<Request> = group.extract_if(.., |request| matches!(request, Request::Trim { .. })).collect();
        match within_limit(self.commit(&group)).await {
            Ok((outcomes, written)) => {
                for (tenant, (position, entries)) in written {
                    self.hub.advance(&tenant, position, entries);
                    self.grown.insert(tenant);
                }
                for (request, outcome) in group.into_iter().zip(outcomes) {
                    request.answer(Ok(outcome));
                }
            }
            Err(error) => {
                // What the transaction would have moved has not moved, or nobody knows.
                self.heads.clear();
                self.doubtful = true;
                self.reachable.store(false, Ordering::Relaxed);
                for request in group {
                    request.answer(Err(error.clone()));
                }
            }
        }
        for request in trims {
            request.answer(self.prune_all().await.map(|()| Outcome::Done));
        }
    }

    /// Looks whether the database answers. After a doubt, tells the hub where the logs stand: streams
    /// then read what it wasn't told.
    async fn look(&mut self) {
        let reachable = self.database.ping().await.is_ok();
        self.reachable.store(reachable, Ordering::Relaxed);
        if !reachable || !self.doubtful {
            return;
        }
        for (tenant, _) in self.hub.heads() {
            match stored_position(&self.database, &tenant).await {
                Ok(Some(position)) => self.hub.advance(&tenant, position, Vec::new()),
                Ok(None) => {}
                Err(_) => return,
            }
        }
        self.doubtful = false;
    }

    async fn commit(&mut self, group: &[Request]) -> Result<(Vec<Outcome>, Written), LogError> {
        let now = Timestamp::now();
        let mut written = Written::new();
        let mut outcomes = Vec::with_capacity(group.len());
        let database = self.database.clone();
        let mut transaction = database.transaction().await?;
        for request in group {
            outcomes.push(match request {
                Request::Append { events, .. } => {
                    let mut appended = Vec::with_capacity(events.len());
                    for (tenant, event) in events {
                        appended.push(self.append(&mut transaction, tenant, event, now, &mut written).await?);
                    }
                    Outcome::Appended(appended)
                }
                Request::Gap { .. } => {
                    self.gap(&mut transaction, now, &mut written).await?;
                    Outcome::Done
                }
                // Taken out of the group before: it is a transaction of its own.
                Request::Trim { .. } => Outcome::Done,
                Request::Begin { tenant, .. } => Outcome::Begun(self.head(&mut transaction, tenant).await?),
            });
        }
        for (tenant, (position, entries)) in &written {
            let moved = sqlx::query("UPDATE log_tenant SET head = $2 WHERE tenant = $1 AND head = $3")
                .bind(tenant.as_str())
                .bind(signed(position.offset))
                .bind(signed(position.offset - entries.len() as u64))
                .execute(&mut *transaction)
                .await?;
            if moved.rows_affected() == 0 {
                return Err(LogError::Backend("another server writes this log".into()));
            }
        }
        transaction.commit().await?;
        Ok((outcomes, written))
    }

    async fn append(
        &mut self,
        transaction: &mut AnyConnection,
        tenant: &Tenant,
        event: &Event,
        now: Timestamp,
        written: &mut Written,
    ) -> Result<Appended, LogError> {
        let head = self.head(transaction, tenant).await?;
        if event.id_given
            && let Some(offset) = repeated(transaction, tenant, &event.event_id, now).await?
        {
            let position = Position { offset, ..head };
            return Ok(Appended { event_id: event.event_id.clone(), position, duplicate: true });
        }
        let position = Position { offset: head.offset + 1, ..head };
        insert(transaction, tenant, position, &event.kind, &readers_to_text(&event.subject.readers), &event.json, now)
            .await?;
        if event.id_given {
            sqlx::query(
                "INSERT INTO log_repeat (tenant, event_id, log_offset, logged_at) VALUES ($1, $2, $3, $4)
                 ON CONFLICT (tenant, event_id) DO UPDATE SET log_offset = $3, logged_at = $4",
            )
            .bind(tenant.as_str())
            .bind(&event.event_id)
            .bind(signed(position.offset))
            .bind(now.as_millisecond())
            .execute(&mut *transaction)
            .await?;
        }
        compaction::compact(transaction, tenant, position, event, now).await?;
        self.heads.insert(tenant.clone(), position);
        let entry = Entry::event(tenant, position, &event.kind, &event.subject.readers, &event.json);
        push(written, tenant, position, entry);
        Ok(Appended { event_id: event.event_id.clone(), position, duplicate: false })
    }

    /// A gap takes an offset of its own, so that cursors from before it and after it differ.
    async fn gap(
        &mut self,
        transaction: &mut AnyConnection,
        now: Timestamp,
        written: &mut Written,
    ) -> Result<(), LogError> {
        let rows = sqlx::query("SELECT tenant FROM log_tenant").fetch_all(&mut *transaction).await?;
        for row in rows {
            let tenant = Tenant::parse(&row.try_get::<String, _>("tenant")?)
                .map_err(|error| LogError::Corrupt(error.to_string()))?;
            let head = self.head(transaction, &tenant).await?;
            let position = Position { offset: head.offset + 1, ..head };
            insert(transaction, &tenant, position, "", "", "", now).await?;
            self.heads.insert(tenant.clone(), position);
            push(written, &tenant, position, Entry::gap(position.offset));
        }
        Ok(())
    }

    /// Where a tenant's log stands; one that doesn't exist yet begins, with an epoch of its own.
    async fn head(&mut self, transaction: &mut AnyConnection, tenant: &Tenant) -> Result<Position, LogError> {
        if let Some(head) = self.heads.get(tenant) {
            return Ok(*head);
        }
        let row = sqlx::query("SELECT epoch, head FROM log_tenant WHERE tenant = $1")
            .bind(tenant.as_str())
            .fetch_optional(&mut *transaction)
            .await?;
        let head = match row {
            Some(row) => position(&row)?,
            None => {
                let epoch = Epoch(rand::random::<u64>() >> 1);
                sqlx::query("INSERT INTO log_tenant (tenant, epoch, head) VALUES ($1, $2, 0)")
                    .bind(tenant.as_str())
                    .bind(signed(epoch.0))
                    .execute(&mut *transaction)
                    .await?;
                Position { epoch, offset: 0 }
            }
        };
        self.heads.insert(tenant.clone(), head);
        Ok(head)
    }

    /// Removes everything that is too old or too much.
    async fn prune_all(&mut self) -> Result<(), LogError> {
        while self.prune().await? {}
        Ok(())
    }

    /// Removes a part of it; whether there may be more.
    async fn prune(&mut self) -> Result<bool, LogError> {
        let more = pruning::remove_old(&self.database, self.retention.age, Timestamp::now()).await?;
        while let Some(tenant) = self.grown.first().cloned() {
            if let Some(head) = self.heads.get(&tenant) {
                let end = head.offset.saturating_sub(self.retention.events);
                if pruning::remove_up_to(&self.database, &tenant, end).await? {
                    return Ok(true);
                }
            }
            self.grown.remove(&tenant);
        }
        Ok(more)
    }
}

fn push(written: &mut Written, tenant: &Tenant, position: Position, entry: Entry) {
    let (head, entries) = written.entry(tenant.clone()).or_insert_with(|| (position, Vec::new()));
    *head = position;
    entries.push(entry);
}

async fn insert(
    transaction: &mut AnyConnection,
    tenant: &Tenant,
    position: Position,
    kind: &str,
    readers: &str,
    json: &str,
    now: Timestamp,
) -> Result<(), LogError> {
    sqlx::query(
        "INSERT INTO log_event (tenant, log_offset, kind, readers, json, logged_at) VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(tenant.as_str())
    .bind(signed(position.offset))
    .bind(kind)
    .bind(readers)
    .bind(json)
    .bind(now.as_millisecond())
    .execute(transaction)
    .await?;
    Ok(())
}

/// The offset of an event with this id that is recent enough to make a new one its repeat.
async fn repeated(
    transaction: &mut AnyConnection,
    tenant: &Tenant,
    event_id: &str,
    now: Timestamp,
) -> Result<Option<u64>, LogError> {
    let row = sqlx::query("SELECT log_offset FROM log_repeat WHERE tenant = $1 AND event_id = $2 AND logged_at > $3")
        .bind(tenant.as_str())
        .bind(event_id)
        .bind(now.as_millisecond() - millis(REPEAT_WINDOW))
        .fetch_optional(transaction)
        .await?;
    row.map(|row| unsigned(row.try_get("log_offset")?)).transpose()
}
