//! Raw `PUBLISH`es on `tenant:{id}:{topic}`.
//!
//! Every node hears every publish, and however many hear it, it is one event: see [`interval`].
//! Redis forgets a publish that nobody hears, so the subscription is supervised: a loop of our own
//! reconnects, this node's own markers show that the way is open, and a time in which no node
//! listened is noted in the log as a gap.
//!
//! # Layout
//!
//! - [`Subscriber`]: one subscription after the other.
//! - [`interval`]: which publish is which, and what a marker asks for; pure.
//! - [`pulse`]: whether the subscription is alive; pure.
//! - [`appender`]: from what was heard to the log; [`lanes`]: what isn't there yet; pure.
//! - [`nodes`]: what the nodes tell each other.

mod appender;
mod interval;
mod lanes;
#[cfg(test)]
mod model;
mod nodes;
mod pulse;

use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::Stream;
use redis::{Msg, RedisError};
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, timeout, timeout_at};
use tokio_util::sync::CancellationToken;

use super::Ingest;
use crate::health::RedisUp;
use crate::link::{Link, LinkError};
use crate::log::Log;
use crate::metrics::Metrics;
use appender::{Appender, Heard};
use interval::{Interval, Marker};
use nodes::{MARKER_CHANNEL, Nodes};
use pulse::{LIMIT, PERIOD, Pulse};

/// The channels of all tenants.
const PATTERN: &str = "tenant:*:*";

/// How long subscribing may take.
const SUBSCRIBE_LIMIT: Duration = Duration::from_secs(2);

/// The longest wait between two attempts.
const MAX_BACKOFF: Duration = Duration::from_secs(2);

/// How many messages are taken from the connection at once.
const GROUP: usize = 256;

/// How much may wait for the log.
const QUEUE: usize = 1_024;

/// Why a subscription ended.
#[derive(Debug, thiserror::Error)]
enum Lost {
    #[error(transparent)]
    Redis(#[from] RedisError),
    #[error(transparent)]
    Link(#[from] LinkError),
    #[error("the connection was closed")]
    Closed,
    #[error("no answer in time")]
    Silent,
    #[error("no marker came back within {} s", LIMIT.as_secs())]
    Stale,
    #[error("the log takes publishes too slowly")]
    Slow,
    #[error("another server of the cluster gives the order now")]
    Moved,
}

/// The supervised subscription.
pub struct Subscriber {
    link: Arc<Link>,
    nodes: Arc<Nodes>,
    appender: Appender,
    metrics: Metrics,
    up: RedisUp,
}

impl Subscriber {
    /// A subscriber that tells `up` whether the subscription is known to work.
    pub fn new(link: Arc<Link>, ingest: Ingest, log: Arc<dyn Log>, metrics: Metrics, up: RedisUp) -> Self {
        let nodes = Arc::new(Nodes::new(Arc::clone(&link)));
        let appender = Appender::new(ingest, log, Arc::clone(&nodes), metrics.clone(), up.clone());
        Self { link, nodes, appender, metrics, up }
    }

    /// Subscribes, and again whenever the subscription is lost, until `stop`.
    pub async fn run(self, stop: CancellationToken) {
        let mut backoff = Duration::from_millis(100);
        loop {
            let began = Instant::now();
            let lost = tokio::select! {
                () = stop.cancelled() => break,
                lost = self.subscribe() => lost,
            };
            self.up.set_publishes(false);
            self.metrics.redis_up.set(0);
            let Err(lost) = lost;
            tracing::warn!(error = %lost, "the Redis subscription is lost");
            if began.elapsed() > MAX_BACKOFF {
                backoff = Duration::from_millis(100);
            }
            let jitter = backoff.mul_f64(rand::random_range(0.5..1.0));
            tokio::select! {
                () = stop.cancelled() => break,
                () = tokio::time::sleep(jitter) => {}
            }
            backoff = (backoff * 2).min(MAX_BACKOFF);
        }
        if let Err(error) = self.nodes.leave().await {
            tracing::debug!(%error, "the others find out by themselves that this node has left");
        }
    }

    async fn subscribe(&self) -> Result<Infallible, Lost> {
        let pulse = Mutex::new(Pulse::new(Instant::now()));
        let (mut subscription, address) = self.link.subscriber().await?;
        let subscribing = async {
            // The markers come second: who has heard one hears every publish after it.
            subscription.psubscribe(PATTERN).await?;
            subscription.subscribe(MARKER_CHANNEL).await
        };
        timeout(SUBSCRIBE_LIMIT, subscribing).await.map_err(|_| Lost::Silent)??;
        tracing::info!("subscribed to Redis");
        let (heard, queue) = mpsc::channel(QUEUE);
        tokio::select! {
            lost = self.listen(subscription.into_on_message(), &pulse, heard) => lost,
            lost = self.beat(&pulse, &address) => lost,
            lost = self.appender.run(queue) => lost,
        }
    }

    /// Hears, and passes on in order.
    async fn listen(
        &self,
        messages: impl Stream<Item = Msg>,
        pulse: &Mutex<Pulse>,
        heard: mpsc::Sender<Heard>,
    ) -> Result<Infallible, Lost> {
        let mut interval = Interval::default();
        let mut messages = std::pin::pin!(messages.ready_chunks(GROUP));
        loop {
            let fresh_until = lock(pulse).fresh_until();
            let group = timeout_at(fresh_until, messages.next()).await.map_err(|_| Lost::Stale)?;
            let group = group.ok_or(Lost::Closed)?;
            let now = Instant::now();
            for message in group {
                let passed_on = if message.get_channel_name() == MARKER_CHANNEL {
                    let marker = Marker(String::from_utf8_lossy(message.get_payload_bytes()).into_owned());
                    lock(pulse).hear(&marker);
                    Heard::Marker(interval.marker(marker))
                } else {
                    let id = interval.publish(message.get_channel_name().as_bytes(), message.get_payload_bytes());
                    // Another node's, or lost in the gap.
                    let Some(id) = id else { continue };
                    Heard::Publish(message, id, now)
                };
                if !lock(pulse).is_fresh(now) {
                    return Err(Lost::Stale);
                }
                timeout(LIMIT, heard.send(passed_on)).await.map_err(|_| Lost::Slow)?.map_err(|_| Lost::Closed)?;
            }
        }
    }

    /// Publishes this node's markers. One that can't be published is no loss yet: the subscription
    /// may be well.
    async fn beat(&self, pulse: &Mutex<Pulse>, address: &str) -> Result<Infallible, Lost> {
        let mut period = tokio::time::interval(PERIOD);
        period.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            period.tick().await;
            match self.mark(pulse, address).await {
                Ok(()) => {}
                Err(Lost::Moved) => return Err(Lost::Moved),
                Err(error) => tracing::warn!(%error, "no marker could be published"),
            }
            self.metrics.redis_up.set(i64::from(self.up.is_up()));
        }
    }

    async fn mark(&self, pulse: &Mutex<Pulse>, address: &str) -> Result<(), Lost> {
        if self.link.subscriber_address().await? != address {
            return Err(Lost::Moved);
        }
        self.nodes.are_alone().await?;
        let marker = Marker(uuid::Uuid::new_v4().simple().to_string());
        lock(pulse).send(marker.clone(), Instant::now());
        self.nodes.mark(&marker).await
    }
}

fn lock(pulse: &Mutex<Pulse>) -> std::sync::MutexGuard<'_, Pulse> {
    pulse.lock().unwrap_or_else(PoisonError::into_inner)
}
