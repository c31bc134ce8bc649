//! What the server counts, in Prometheus' text format at `GET /metrics`. No tenant is named.

use std::sync::Arc;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// Why an event was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Reason {
    reason: &'static str,
}

/// Where an event came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Origin {
    source: &'static str,
}

/// All metrics; a cheap clone.
#[derive(Clone)]
pub struct Metrics {
    registry: Arc<Registry>,
    events: Family<Origin, Counter>,
    rejected: Family<Reason, Counter>,
    /// Repeats that were not appended again.
    pub duplicates: Counter,
    /// Open event streams.
    pub streams: Gauge,
    /// `resync` frames sent.
    pub resyncs: Counter,
    /// Streams closed because the client took nothing.
    pub stalled: Counter,
    /// Open sockets in the messaging namespace.
    pub messaging_connections: Gauge,
    /// Messages stored.
    pub messages: Counter,
    /// 1 while the subscription to Redis is known to work.
    pub redis_up: Gauge,
}

impl Metrics {
    /// Metrics at zero.
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("sally");
        let mut metrics = Self {
            registry: Arc::default(),
            events: Family::default(),
            rejected: Family::default(),
            duplicates: Counter::default(),
            streams: Gauge::default(),
            resyncs: Counter::default(),
            stalled: Counter::default(),
            messaging_connections: Gauge::default(),
            messages: Counter::default(),
            redis_up: Gauge::default(),
        };
        registry.register("events", "Events taken into the log", metrics.events.clone());
        registry.register("events_rejected", "Events refused", metrics.rejected.clone());
        registry.register(
            "events_duplicate",
            "Repeated events that were not appended again",
            metrics.duplicates.clone(),
        );
        registry.register("sse_streams", "Open event streams", metrics.streams.clone());
        registry.register("sse_resyncs", "Streams told that what they hold is void", metrics.resyncs.clone());
        registry.register("sse_stalled", "Streams closed because the client took nothing", metrics.stalled.clone());
        registry.register("messaging_connections", "Open messaging sockets", metrics.messaging_connections.clone());
        registry.register("messages", "Messages stored", metrics.messages.clone());
        registry.register("redis_up", "Whether the Redis subscription works", metrics.redis_up.clone());
        metrics.registry = Arc::new(registry);
        metrics
    }

    /// Counts events taken into the log.
    pub fn taken(&self, source: &'static str, count: usize) {
        self.events.get_or_create(&Origin { source }).inc_by(count as u64);
    }

    /// Counts a refused event.
    pub fn rejected(&self, reason: &'static str) {
        self.rejected.get_or_create(&Reason { reason }).inc();
    }

    /// All metrics as text.
    ///
    /// # Errors
    ///
    /// Never; a `String` takes everything.
    pub fn encode(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}
