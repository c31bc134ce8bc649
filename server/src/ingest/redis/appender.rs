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
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::interval::{Cover, Marker, Step, cover};
use super::lanes::{Lanes, Lot};
use super::nodes::Nodes;
use super::{Ingest, Lost};
use crate::health::RedisUp;
use crate::log::Log;
use crate::metrics::Metrics;

/// The most publishes that are taken at once.
const GROUP: usize = 256;

/// A publish that the log hasn't taken by then is lost, and the subscription with it: much later, and
/// its id would no longer be known as a repeat of what other nodes have appended.
const MAX_AGE: Duration = Duration::from_secs(60);

/// The wait before the log is tried again.
const RETRY: Duration = Duration::from_millis(500);

/// The wait before a seal is looked for again.
const SEAL_POLL: Duration = Duration::from_millis(100);

/// A refusal is logged once in this time at most.
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
    pub(super) ingest: Ingest,
    pub(super) log: Arc<dyn Log>,
    pub(super) nodes: Arc<Nodes>,
    pub(super) metrics: Metrics,
    pub(super) up: RedisUp,
    pub(super) complained: Mutex<Option<Instant>>,
    /// How many appends have succeeded.
    pub(super) succeeded: AtomicU64,
}

impl Appender {
    /// Appends what one subscription has heard. What still waits when this future is dropped is
    /// discarded: it belongs to a subscription that is lost.
    pub(super) async fn run(&self, mut queue: mpsc::Receiver<Heard>) -> Result<Infallible, Lost> {
        let mut lanes = Lanes::default();
        let (mut appends, mut seals) = (FuturesUnordered::new(), FuturesUnordered::new());
        let mut group = Vec::with_capacity(GROUP);
        loop {
            tokio::select! {
                taken = queue.recv_many(&mut group, GROUP), if lanes.have_room() => {
                    if taken == 0 {
                        return Err(Lost::Closed);
                    }
                    let mut idle = BTreeSet::new();
                    for heard in group.drain(..) {
                        match heard {
                            Heard::Publish(message, id, at) => {
                                if let Some((tenant, event)) = self.check(&message, id)
                                    && lanes.publish(&tenant, event, at)
                                {
                                    idle.insert(tenant);
                                }
                            }
                            // It is the first thing that a subscription hears.
                            Heard::Marker(Step::Join(marker)) => self.join(&marker).await?,
                            Heard::Marker(Step::Seal(marker)) => lanes.marker(marker),
                        }
                    }
                    appends.extend(idle.iter().filter_map(|tenant| lanes.next_lot(tenant)).map(|lot| self.append(lot)));
                }
                Some(()) = seals.next() => {}
                Some(done) = appends.next() => {
                    let tenant = done?;
                    lanes.done(&tenant);
                    appends.extend(lanes.next_lot(&tenant).map(|lot| self.append(lot)));
                }
            }
            seals.extend(std::iter::from_fn(|| lanes.next_seal()).map(|marker| self.seal(marker)));
        }
    }

    /// Appends, however often it takes: the ids make a repeat after a doubtful answer harmless.
    async fn append(&self, Lot { tenant, events, oldest }: Lot) -> Result<Tenant, Lost> {
        loop {
            // Asked before each attempt: this process may have been stopped since it heard them.
            if oldest.elapsed() > MAX_AGE {
                return Err(Lost::Old);
            }
            let succeeded = self.succeeded.load(Ordering::Relaxed);
            let events = events.iter().map(|event| (tenant.clone(), event.clone())).collect();
            match self.ingest.append("redis", events).await {
                Ok(_) => {
                    self.succeeded.fetch_add(1, Ordering::Relaxed);
                    self.up.set_publishes(true);
                    return Ok(tenant);
                }
                Err(error) => {
                    // As long as others' can be appended, it isn't for this node to be taken out.
                    if self.succeeded.load(Ordering::Relaxed) == succeeded {
                        self.up.set_publishes(false);
                    }
                    tracing::error!(%error, "published events wait for the log");
                    tokio::time::sleep(RETRY).await;
                }
            }
        }
    }

    /// Sees to it that what was published before this node's first marker is taken care of, by
    /// another node or by a gap.
    async fn join(&self, marker: &Marker) -> Result<(), Lost> {
        let began = Instant::now();
        loop {
            let sealed = self.nodes.has_sealed(marker).await?;
            match cover(sealed, self.nodes.are_alone().await?, began.elapsed()) {
                Cover::Sealed => break,
                Cover::Gap => {
                    tracing::warn!("publishes may have been missed; a gap is noted");
                    self.log.mark_gap().await?;
                    break;
                }
                Cover::Wait => tokio::time::sleep(SEAL_POLL).await,
            }
        }
        self.up.set_publishes(true);
        self.seal(marker.clone()).await;
        Ok(())
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
        let mut complained = self.complained.lock().unwrap_or_else(PoisonError::into_inner);
        if complained.is_none_or(|at| at.elapsed() > LOG_PERIOD) {
            *complained = Some(Instant::now());
            tracing::warn!(channel, reason, "a published event was refused; more may be counted silently");
        }
    }
}
