//! What a quiet tenant has to bear when its neighbour is flooded.

use serde::Serialize;

use crate::load::{Faults, Tally};
use crate::options::Size;
use crate::peer::Peer;

/// The table's head.
pub(super) const HEAD: &str = "| peer | p50 alone ms | p99 alone ms | p50 beside ms | p99 beside ms | p99 ratio | \
    flood's deliveries/s | lost, twice, late, resync |\n|---|--:|--:|--:|--:|--:|--:|--:|";

/// One peer's result.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Neighbour {
    pub(super) peer: String,
    pub(super) streams: u32,
    pub(super) tenants: u32,
    /// The quiet tenant's latency while nobody else has events.
    alone_p50_ms: f64,
    alone_p99_ms: f64,
    /// And while the other is flooded.
    beside_p50_ms: f64,
    beside_p99_ms: f64,
    flood_deliveries_per_second: f64,
    pub(super) faults: Faults,
    pub(super) command: String,
}

impl Neighbour {
    /// `alone` and `beside` are the quiet tenant's; `flood` is the other's deliveries a second.
    pub(crate) fn new(
        peer: Peer,
        size: Size,
        alone: &Tally,
        beside: &Tally,
        flood: f64,
        faults: Faults,
        command: String,
    ) -> Self {
        Self {
            peer: peer.to_string(),
            streams: size.streams,
            tenants: size.tenants,
            alone_p50_ms: alone.latency_ms(0.5),
            alone_p99_ms: alone.latency_ms(0.99),
            beside_p50_ms: beside.latency_ms(0.5),
            beside_p99_ms: beside.latency_ms(0.99),
            flood_deliveries_per_second: flood,
            faults,
            command,
        }
    }

    pub(super) fn row(&self) -> String {
        format!(
            "| {} | {:.2} | {:.2} | {:.2} | {:.2} | {:.2} | {:.0} | {} |",
            self.peer,
            self.alone_p50_ms,
            self.alone_p99_ms,
            self.beside_p50_ms,
            self.beside_p99_ms,
            self.beside_p99_ms / self.alone_p99_ms,
            self.flood_deliveries_per_second,
            self.faults
        )
    }
}
