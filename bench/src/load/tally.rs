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
    pub(crate) latency: Histogram<u64>,
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
}
