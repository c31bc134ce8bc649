//! Raw `PUBLISH`es on `tenant:{id}:{topic}`.
//!
//! Redis forgets a publish that nobody hears, so the subscription is supervised: a loop of our own
//! reconnects, a canary that is published and must come back shows that the way is open, and a
//! time in which nobody listened is noted in the log as a gap.

use std::sync::Mutex;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use futures_util::StreamExt as _;
use redis::{AsyncCommands as _, Msg, RedisError};
use sally_protocol::id::parse_channel;
use sally_protocol::{Event, Tenant};
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use super::Ingest;
use crate::health::RedisUp;
use crate::link::{Link, LinkError};
use crate::log::{Log, LogError};
use crate::metrics::Metrics;

/// The channels of all tenants.
const PATTERN: &str = "tenant:*:*";

/// How often a canary is sent.
const CANARY_PERIOD: Duration = Duration::from_secs(2);

/// A canary that isn't back by then means that the subscription is dead.
const CANARY_LIMIT: Duration = Duration::from_secs(6);

/// The longest wait between two attempts.
const MAX_BACKOFF: Duration = Duration::from_secs(2);

/// The most publishes that are appended at once.
const GROUP: usize = 256;

/// A refusal is logged once in this time at most.
const LOG_PERIOD: Duration = Duration::from_secs(60);

/// Why a subscription ended.
#[derive(Debug, thiserror::Error)]
enum Lost {
    #[error(transparent)]
    Redis(#[from] RedisError),
    #[error(transparent)]
    Link(#[from] LinkError),
    #[error(transparent)]
    Log(#[from] LogError),
    #[error("the connection was closed")]
    Closed,
    #[error("a canary did not come back within {} s", CANARY_LIMIT.as_secs())]
    Silent,
}

/// The supervised subscription.
pub struct Subscriber {
    link: Arc<Link>,
    ingest: Ingest,
    log: Arc<dyn Log>,
    metrics: Metrics,
    canary: String,
    up: RedisUp,
    complained: Mutex<Option<Instant>>,
}

impl Subscriber {
    /// A subscriber that tells `up` whether the subscription is known to work.
    pub fn new(link: Arc<Link>, ingest: Ingest, log: Arc<dyn Log>, metrics: Metrics, up: RedisUp) -> Self {
        let canary = format!("sally:canary:{}", uuid::Uuid::new_v4());
        Self { link, ingest, log, metrics, canary, up, complained: Mutex::default() }
    }

    /// Subscribes, and again whenever the subscription is lost, until `stop`.
    pub async fn run(self, stop: CancellationToken) {
        let mut backoff = Duration::from_millis(100);
        loop {
            let began = Instant::now();
            let lost = tokio::select! {
                () = stop.cancelled() => return,
                lost = self.subscribe() => lost,
            };
            self.set_up(false);
            let Err(lost) = lost;
            tracing::warn!(error = %lost, "the Redis subscription is lost");
            if began.elapsed() > MAX_BACKOFF {
                backoff = Duration::from_millis(100);
            }
            let jitter = backoff.mul_f64(rand::random_range(0.5..1.0));
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(jitter) => {}
            }
            backoff = (backoff * 2).min(MAX_BACKOFF);
        }
    }

    async fn subscribe(&self) -> Result<std::convert::Infallible, Lost> {
        let mut commands = self.link.wire().await?;
        let mut subscription = self.link.subscriber().await?;
        subscription.psubscribe(PATTERN).await?;
        subscription.subscribe(&self.canary).await?;
        // Whatever was published while nobody listened came before this place in the log.
        self.log.mark_gap().await?;
        tracing::info!("subscribed to Redis");

        let mut messages = subscription.into_on_message().ready_chunks(GROUP);
        let mut canary = tokio::time::interval(CANARY_PERIOD);
        canary.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut heard = Instant::now();
        loop {
            tokio::select! {
                group = messages.next() => {
                    let group = group.ok_or(Lost::Closed)?;
                    if group.iter().any(|message| message.get_channel_name() == self.canary) {
                        heard = Instant::now();
                        self.set_up(true);
                    }
                    self.take(&group).await;
                }
                _ = canary.tick() => {
                    if heard.elapsed() > CANARY_LIMIT {
                        return Err(Lost::Silent);
                    }
                    let sent = commands.publish::<_, _, i64>(&self.canary, "");
                    tokio::time::timeout(CANARY_PERIOD, sent).await.map_err(|_| Lost::Silent)??;
                }
            }
        }
    }

    /// Appends what is fit. While the log can't be reached it waits, and Redis keeps what follows.
    async fn take(&self, group: &[Msg]) {
        let events: Vec<(Tenant, Event)> = group.iter().filter_map(|message| self.check(message)).collect();
        if events.is_empty() {
            return;
        }
        while let Err(error) = self.ingest.append("redis", events.clone()).await {
            self.set_up(false);
            tracing::error!(%error, "published events wait for the log");
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }

    fn check(&self, message: &Msg) -> Option<(Tenant, Event)> {
        let channel = message.get_channel_name();
        if channel == self.canary {
            return None;
        }
        let Some((tenant, _)) = parse_channel(channel) else {
            self.metrics.rejected("bad_channel");
            self.complain(channel, "not a channel tenant:{id}:{topic}");
            return None;
        };
        // An id that the log knows repeats by makes it safe to append again after a doubtful answer.
        let id = Some(uuid::Uuid::now_v7().to_string());
        match self.ingest.check(&tenant, message.get_payload_bytes(), id) {
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

    fn set_up(&self, up: bool) {
        self.up.set_publishes(up);
        self.metrics.redis_up.set(i64::from(up));
    }
}
