//! From what was heard to the log, each tenant's in the order in which it was heard.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use redis::Msg;
use sally_protocol::id::parse_channel;
use sally_protocol::{Event, Tenant};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::Instant;

use super::interval::{Cover, Marker, Step, cover};
use super::lanes::{Content, Lanes, Lot};
use super::nodes::Nodes;
use super::{Ingest, Lost};
use crate::health::RedisUp;
use crate::log::Log;
use crate::metrics::Metrics;

/// The most publishes that are taken at once.
const GROUP: usize = 256;

/// How many gaps are noted at once.
const GAPS: usize = 256;

/// The wait before the log is tried again.
const RETRY: Duration = Duration::from_millis(500);

/// The wait before a seal is looked for again.
const SEAL_POLL: Duration = Duration::from_millis(100);

/// What goes on and on is logged once in this time at most.
const LOG_PERIOD: Duration = Duration::from_secs(60);

/// What a subscription has heard.
pub(super) enum Heard {
    /// A publish, the id it has unless it has one of its own, and when it was heard.
    Publish(Msg, String, Instant),
    /// A marker.
    Marker(Step),
}

/// Appends what was heard.
pub(super) struct Appender {
    ingest: Ingest,
    log: Arc<dyn Log>,
    nodes: Arc<Nodes>,
    metrics: Metrics,
    up: RedisUp,
    refusals: Recurring,
    failures: Recurring,
    /// Held by those that note a gap.
    gaps: Semaphore,
    /// How many attempts have succeeded.
    succeeded: AtomicU64,
}

/// Something that goes on and on, and isn't logged each time.
#[derive(Default)]
struct Recurring(Mutex<Option<Instant>>);

impl Recurring {
    /// Whether it hasn't been logged for a while; then it has been now.
    fn are_to_be_logged(&self) -> bool {
        let mut logged = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let due = logged.is_none_or(|at| at.elapsed() > LOG_PERIOD);
        if due {
            *logged = Some(Instant::now());
        }
        due
    }
}

impl Appender {
    pub(super) fn new(ingest: Ingest, log: Arc<dyn Log>, nodes: Arc<Nodes>, metrics: Metrics, up: RedisUp) -> Self {
        let (refusals, failures) = (Recurring::default(), Recurring::default());
        Self {
            ingest,
            log,
            nodes,
            metrics,
            up,
            refusals,
            failures,
            gaps: Semaphore::new(GAPS),
            succeeded: AtomicU64::new(0),
        }
    }

    /// Appends what one subscription has heard. What still waits when this future is dropped is
    /// discarded: it belongs to a subscription that is lost.
    pub(super) async fn run(&self, mut queue: mpsc::Receiver<Heard>) -> Result<Infallible, Lost> {
        let mut lanes = Lanes::default();
        let (mut attempts, mut seals) = (FuturesUnordered::new(), FuturesUnordered::new());
        let mut lists = FuturesUnordered::new();
        let mut group = Vec::with_capacity(GROUP);
        loop {
            // The tenants whose lanes may have something to begin with.
            let mut changed = BTreeSet::new();
            tokio::select! {
                taken = queue.recv_many(&mut group, GROUP), if lanes.have_room() => {
                    if taken == 0 {
                        return Err(Lost::Closed);
                    }
                    for heard in group.drain(..) {
                        match heard {
                            Heard::Publish(message, id, at) => {
                                if let Some((tenant, event)) = self.check(&message, id) {
                                    lanes.publish(&tenant, event, at);
                                    changed.insert(tenant);
                                }
                            }
                            // It is the first thing that a subscription hears.
                            Heard::Marker(Step::Join(marker)) => {
                                if self.must_cover(&marker).await? {
                                    lanes.gap_for_everyone();
                                    lists.push(self.list());
                                }
                                lanes.marker(marker);
                            }
                            Heard::Marker(Step::Seal(marker)) => lanes.marker(marker),
                        }
                    }
                }
                Some(()) = seals.next() => {}
                Some(tenants) = lists.next() => {
                    lanes.tenants(&tenants);
                    changed.extend(tenants);
                }
                Some(attempted) = attempts.next() => drop(changed.insert(settle(&mut lanes, attempted))),
            }
            // Whether a publish is too old is asked right before each attempt: this process may have
            // been stopped since it heard it.
            let now = Instant::now();
            attempts
                .extend(changed.iter().filter_map(|tenant| lanes.next_lot(tenant, now)).map(|lot| self.attempt(lot)));
            seals.extend(std::iter::from_fn(|| lanes.next_seal()).map(|marker| self.seal(marker)));
        }
    }

    /// Tries to append a lot; gives it back some time after that has failed. The ids make a repeat
    /// after a doubtful answer harmless.
    async fn attempt(&self, lot: Lot) -> Result<Tenant, Lot> {
        let succeeded = self.succeeded.load(Ordering::Relaxed);
        let appended = match &lot.content {
            Content::Gap => {
                // Never closed, so that there is always a permit to come.
                let _permit = self.gaps.acquire().await;
                self.log.mark_gap(&lot.tenant).await
            }
            Content::Publishes(publishes) => {
                let events = publishes.iter().map(|publish| (lot.tenant.clone(), publish.event.clone()));
                self.ingest.append("redis", events.collect()).await.map(drop)
            }
        };
        let Err(error) = appended else {
            self.succeeded.fetch_add(1, Ordering::Relaxed);
            self.up.set_publishes(true);
            return Ok(lot.tenant);
        };
        // As long as others' can be appended, it isn't for this node to be taken out; nor is it for a
        // gap that has to wait.
        let none_succeeded = self.succeeded.load(Ordering::Relaxed) == succeeded;
        if none_succeeded && matches!(lot.content, Content::Publishes(_)) {
            self.up.set_publishes(false);
        }
        if self.failures.are_to_be_logged() {
            tracing::error!(%error, tenant = lot.tenant.as_str(), "published events wait for the log; others' may, too");
        }
        tokio::time::sleep(RETRY).await;
        Err(lot)
    }

    /// Whether what was published before this node's first marker has to be covered by a gap, since no
    /// other node has taken care of it.
    async fn must_cover(&self, marker: &Marker) -> Result<bool, Lost> {
        let began = Instant::now();
        loop {
            let sealed = self.nodes.has_sealed(marker).await?;
            match cover(sealed, self.nodes.are_alone().await?, began.elapsed()) {
                Cover::Sealed => {
                    self.up.set_publishes(true);
                    return Ok(false);
                }
                Cover::Gap => {
                    tracing::warn!("publishes may have been missed; a gap is noted for every tenant");
                    return Ok(true);
                }
                Cover::Wait => tokio::time::sleep(SEAL_POLL).await,
            }
        }
    }

    /// All tenants that there are, however often they have to be asked for.
    async fn list(&self) -> Vec<Tenant> {
        loop {
            match self.log.tenants().await {
                Ok(tenants) => {
                    // Else it is up once the first gap is noted.
                    if tenants.is_empty() {
                        self.up.set_publishes(true);
                    }
                    return tenants;
                }
                Err(error) => {
                    if self.failures.are_to_be_logged() {
                        tracing::error!(%error, "the tenants that have a log can't be asked for");
                    }
                    tokio::time::sleep(RETRY).await;
                }
            }
        }
    }

    /// A seal that fails costs a node that joins a gap for nothing.
    async fn seal(&self, marker: Marker) {
        if let Err(error) = self.nodes.seal(&marker).await {
            tracing::debug!(%error, "a marker could not be sealed");
        }
    }

    fn check(&self, message: &Msg, id: String) -> Option<(Tenant, Event)> {
        let channel = message.get_channel_name();
        let Some((tenant, _)) = parse_channel(channel) else {
            self.metrics.rejected("bad_channel");
            self.complain(channel, "not a channel tenant:{id}:{topic}");
            return None;
        };
        match self.ingest.check(&tenant, message.get_payload_bytes(), Some(id)) {
            Ok(event) => Some((tenant, event)),
            Err(rejection) => {
                self.complain(channel, &rejection.to_string());
                None
            }
        }
    }

    fn complain(&self, channel: &str, reason: &str) {
        if self.refusals.are_to_be_logged() {
            tracing::warn!(channel, reason, "a published event was refused; more may be counted silently");
        }
    }
}

/// Takes note of what a tenant's lot came to.
fn settle(lanes: &mut Lanes, attempted: Result<Tenant, Lot>) -> Tenant {
    attempted.inspect(|tenant| lanes.done(tenant)).unwrap_or_else(|lot| {
        let tenant = lot.tenant.clone();
        lanes.failed(lot);
        tenant
    })
}
