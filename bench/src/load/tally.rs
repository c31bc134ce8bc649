//! What arrived: how much, and how late.

use anyhow::{Context as _, Result};
use hdrhistogram::Histogram;

/// The longest latency that is told apart, in nanoseconds.
const LONGEST_NS: u64 = 60_000_000_000;

/// Deliveries since the last [`restart`](Self::restart).
pub(crate) struct Tally {
    /// Events taken by streams: one event that reaches 100 streams counts 100.
    pub(crate) deliveries: u64,
    /// From the publisher's write to the end of the read that brought it, in nanoseconds.
    latency: Histogram<u64>,
}

impl Tally {
    pub(crate) fn new() -> Result<Self> {
        let latency = Histogram::new_with_bounds(1_000, LONGEST_NS, 3).context("no histogram")?;
        Ok(Self { deliveries: 0, latency })
    }

    pub(crate) fn restart(&mut self) {
        self.deliveries = 0;
        self.latency.reset();
    }

    pub(crate) fn take(&mut self, latency_ns: u64) {
        self.deliveries += 1;
        self.latency.saturating_record(latency_ns);
    }

    /// The latency that so large a part of deliveries, from 0 to 1, didn't exceed; in milliseconds.
    pub(crate) fn latency_ms(&self, quantile: f64) -> f64 {
        self.latency.value_at_quantile(quantile) as f64 / 1e6
    }
}
