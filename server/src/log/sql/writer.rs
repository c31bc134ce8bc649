//! The task that writes the log.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use sally_protocol::{Event, Tenant};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, MissedTickBehavior};

use super::lot::{Heads, Lot, Written};
use super::{pruning, stored_position};
use crate::hub::Hub;
use crate::log::{Appended, LogError, Position, Retention};
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
    /// See [`crate::log::Log::append`]. With `after`, [`crate::log::Log::append_after`]: answered with nothing
    /// where the entity of an event doesn't stand there.
    Append { events: Vec<(Tenant, Event)>, after: Option<u64>, reply: Reply<Vec<Appended>> },
    /// See [`crate::log::Log::mark_gap`].
    Gap { tenant: Tenant, reply: Reply<()> },
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

    /// The events that it appends.
    fn appends(&self) -> &[(Tenant, Event)] {
        match self {
            Self::Append { events, .. } => events,
            Self::Gap { .. } | Self::Begin { .. } | Self::Trim { .. } => &[],
        }
    }

    /// The entities whose place decides whether it is done.
    fn entities(&self) -> impl Iterator<Item = (&Tenant, &str)> {
        let decides = matches!(self, Self::Append { after: Some(_), .. });
        self.appends()
            .iter()
            .filter(move |_| decides)
            .filter_map(|(tenant, event)| Some((tenant, event.subject.entity()?)))
    }

    /// The tenant whose log it is about, beside those of its events.
    fn tenant(&self) -> Option<&Tenant> {
        match self {
            Self::Gap { tenant, .. } | Self::Begin { tenant, .. } => Some(tenant),
            Self::Append { .. } | Self::Trim { .. } => None,
        }
    }

    /// Whether the caller has stopped waiting, and so must not find it done later.
    fn is_abandoned(&self) -> bool {
        match self {
            Self::Append { reply, .. } => reply.is_closed(),
            Self::Gap { reply, .. } | Self::Trim { reply } => reply.is_closed(),
            Self::Begin { reply, .. } => reply.is_closed(),
        }
    }

    /// Tells the outcome. A caller who has stopped waiting doesn't care.
    fn answer(self, outcome: Result<Outcome, LogError>) {
        match (self, outcome) {
            (Self::Append { reply, .. }, Ok(Outcome::Appended(appended))) => drop(reply.send(Ok(appended))),
            (Self::Gap { reply, .. } | Self::Trim { reply }, Ok(_)) => drop(reply.send(Ok(()))),
            (Self::Begin { reply, .. }, Ok(Outcome::Begun(position))) => drop(reply.send(Ok(position))),
            (Self::Append { reply, .. }, Err(error)) => drop(reply.send(Err(error))),
            (Self::Gap { reply, .. } | Self::Trim { reply }, Err(error)) => drop(reply.send(Err(error))),
            (Self::Begin { reply, .. }, Err(error)) => drop(reply.send(Err(error))),
            // `Writer::apply` answers each kind of request with its own kind of outcome; dropping
            // the reply tells the caller that the log failed.
            (Self::Append { .. } | Self::Begin { .. }, Ok(_)) => {}
        }
    }
}

/// The writer's state.
pub(super) struct Writer {
    database: Database,
    hub: Arc<Hub>,
    retention: Retention,
    /// Where each tenant's log stands. This task is the only one that moves it.
    heads: Heads,
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
        let (heads, grown) = (Heads::new(), BTreeSet::new());
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
        let database = self.database.clone();
        let mut turn = database.turn_to_write().await?;
        let mut transaction = turn.begin().await?;
        let events: Vec<&(Tenant, Event)> = group.iter().flat_map(Request::appends).collect();
        let tenants = group.iter().filter_map(Request::tenant);
        let entities = group.iter().flat_map(Request::entities);
        let mut lot =
            Lot::begin(&mut transaction, &mut self.heads, &events, tenants, entities, Timestamp::now()).await?;
        let mut outcomes = Vec::with_capacity(group.len());
        for request in group {
            outcomes.push(match request {
                Request::Append { events, after, .. } => {
                    let holds = after.is_none_or(|after| events.iter().all(|event| lot.is_at(event, after)));
                    let events = if holds { events.as_slice() } else { &[] };
                    Outcome::Appended(events.iter().map(|event| lot.append(event)).collect::<Result<_, _>>()?)
                }
                Request::Gap { tenant, .. } => {
                    lot.gap(tenant)?;
                    Outcome::Done
                }
                // Taken out of the group before: it is a transaction of its own.
                Request::Trim { .. } => Outcome::Done,
                Request::Begin { tenant, .. } => Outcome::Begun(lot.head(tenant)?),
            });
        }
        let written = lot.write(&mut transaction).await?;
        transaction.commit().await?;
        Ok((outcomes, written))
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
