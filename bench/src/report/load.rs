//! What a load brought and cost.

use serde::Serialize;

use crate::load::{Faults, Span};
use crate::options::{Mode, Size};
use crate::peer::Peer;

/// The table's head.
pub(super) const HEAD: &str = "| peer | events/s | deliveries/s | per CPU s | sally ÷ peer | p50 ms | p99 ms | \
    sally ÷ peer | p99.9 ms | server CPUs | Redis CPUs | generator CPUs | lost, twice, late, resync |\n\
    |---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|";

/// One peer's result.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Load {
    pub(super) peer: String,
    pub(super) mode: &'static str,
    pub(super) streams: u32,
    pub(super) tenants: u32,
    events_per_second: f64,
    deliveries_per_second: f64,
    /// Per second of CPU time of the server's processes.
    deliveries_per_cpu_second: f64,
    /// Processors that the server kept busy.
    server_cpus: f64,
    /// Processors that the Redis beside it kept busy.
    redis_cpus: Option<f64>,
    /// Processors that the load generator kept busy; near 1 it is what was measured.
    generator_cpus: f64,
    p50_ms: f64,
    p99_ms: f64,
    p999_ms: f64,
    pub(super) faults: Faults,
    pub(super) command: String,
}

impl Load {
    pub(crate) fn new(peer: Peer, mode: Mode, size: Size, span: &Span, faults: Faults, command: String) -> Self {
        let seconds = span.length.as_secs_f64();
        let deliveries: u64 = span.tallies.iter().map(|tally| tally.deliveries).sum();
        let ms = |quantile| span.tallies[0].latency_ms(quantile);
        Self {
            peer: peer.to_string(),
            mode: mode.name(),
            streams: size.streams,
            tenants: size.tenants,
            events_per_second: span.events as f64 / seconds,
            deliveries_per_second: deliveries as f64 / seconds,
            // Nothing is cheaper than one step of the kernel's clock.
            deliveries_per_cpu_second: deliveries as f64 / span.server.as_secs_f64().max(0.01),
            server_cpus: span.server.as_secs_f64() / seconds,
            redis_cpus: span.redis.map(|redis| redis.as_secs_f64() / seconds),
            generator_cpus: span.generator.as_secs_f64() / seconds,
            p50_ms: ms(0.5),
            p99_ms: ms(0.99),
            p999_ms: ms(0.999),
            faults,
            command,
        }
    }

    /// One line of the table. Ratios are those of sally, with events coming in the same way where
    /// `loads`, the table's, have both.
    pub(super) fn row(&self, loads: &[&Self]) -> String {
        let sally = self.counterpart(loads);
        let ratio =
            |of: fn(&Self) -> f64| sally.map_or("–".to_owned(), |sally| format!("{:.2}", of(sally) / of(self)));
        format!(
            "| {} | {:.1} | {:.0} | {:.0} | {} | {:.2} | {:.2} | {} | {:.2} | {:.2} | {} | {:.2} | {} |",
            self.peer,
            self.events_per_second,
            self.deliveries_per_second,
            self.deliveries_per_cpu_second,
            ratio(|load| load.deliveries_per_cpu_second),
            self.p50_ms,
            self.p99_ms,
            ratio(|load| load.p99_ms),
            self.p999_ms,
            self.server_cpus,
            self.redis_cpus.map_or("–".to_owned(), |cpus| format!("{cpus:.2}")),
            self.generator_cpus,
            self.faults,
        )
    }

    fn counterpart<'a>(&self, loads: &[&'a Self]) -> Option<&'a Self> {
        let find = |name: &str| loads.iter().copied().find(|other| other.peer == name);
        match self.redis_cpus {
            Some(_) => find("sally-redis").or_else(|| find("sally")),
            None => find("sally").or_else(|| find("sally-redis")),
        }
    }
}
