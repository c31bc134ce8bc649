//! From what was heard to the log, in the order in which it was heard.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use redis::Msg;
use sally_protocol::id::parse_channel;
use sally_protocol::{Event, Tenant};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::interval::{Cover, Marker, Step, cover};
use super::nodes::Nodes;
use super::{Ingest, Lost};
use crate::health::RedisUp;
use crate::log::Log;
use crate::metrics::Metrics;

/// The most publishes that are appended at once.
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
}

impl Appender {
    /// Appends what one subscription has heard. What still waits when this future is dropped is
    /// discarded: it belongs to a subscription that is lost.
    pub(super) async fn run(&self, mut queue: mpsc::Receiver<Heard>) -> Result<std::convert::Infallible, Lost> {
        let mut group = Vec::with_capacity(GROUP);
        loop {
            if queue.recv_many(&mut group, GROUP).await == 0 {
                return Err(Lost::Closed);
            }
            let (mut events, mut oldest) = (Vec::new(), None);
            for heard in group.drain(..) {
                match heard {
                    Heard::Publish(message, id, at) => {
                        oldest.get_or_insert(at);
                        events.extend(self.check(&message, id));
                    }
                    Heard::Marker(step) => {
                        self.append(std::mem::take(&mut events), oldest.take()).await?;
                        self.step(step).await?;
                    }
                }
            }
            self.append(events, oldest).await?;
        }
    }

    /// Appends, however often it takes: the ids make a repeat after a doubtful answer harmless.
    async fn append(&self, events: Vec<(Tenant, Event)>, oldest: Option<Instant>) -> Result<(), Lost> {
        if events.is_empty() {
            return Ok(());
        }
        loop {
            // Asked before each attempt: this process may have been stopped since it heard them.
            if oldest.is_some_and(|at| at.elapsed() > MAX_AGE) {
                return Err(Lost::Old);
            }
            match self.ingest.append("redis", events.clone()).await {
                Ok(_) => {
                    self.up.set_publishes(true);
                    return Ok(());
                }
                Err(error) => {
                    self.up.set_publishes(false);
                    tracing::error!(%error, "published events wait for the log");
                    tokio::time::sleep(RETRY).await;
                }
            }
        }
    }

    async fn step(&self, step: Step) -> Result<(), Lost> {
        match step {
            Step::Join(marker) => {
                self.join(&marker).await?;
                self.up.set_publishes(true);
                // What was published before is taken care of, by a seal or by a gap.
                self.seal(&marker).await;
            }
            Step::Seal(marker) => self.seal(&marker).await,
        }
        Ok(())
    }

    async fn join(&self, marker: &Marker) -> Result<(), Lost> {
        let began = Instant::now();
        loop {
            let sealed = self.nodes.has_sealed(marker).await?;
            match cover(sealed, self.nodes.are_alone().await?, began.elapsed()) {
                Cover::Sealed => return Ok(()),
                Cover::Gap => {
                    tracing::warn!("publishes may have been missed; a gap is noted");
                    return Ok(self.log.mark_gap().await?);
                }
                Cover::Wait => tokio::time::sleep(SEAL_POLL).await,
            }
        }
    }

    /// A seal that fails costs a node that joins a gap for nothing.
    async fn seal(&self, marker: &Marker) {
        if let Err(error) = self.nodes.seal(marker).await {
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
