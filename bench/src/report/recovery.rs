//! How long it took until all streams that were cut at once had come back.

use std::time::Duration;

use serde::Serialize;

use crate::load::Faults;
use crate::options::Size;
use crate::peer::Peer;

/// The table's head.
pub(super) const HEAD: &str = "| peer | s until live | s until caught up | events missed by each | server CPU s | \
    lost, twice, late, resync |\n|---|--:|--:|--:|--:|--:|";

/// One peer's result.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Recovery {
    pub(super) peer: String,
    pub(super) streams: u32,
    pub(super) tenants: u32,
    /// Until every stream was open again.
    seconds_until_live: f64,
    /// Until every stream had every event, those published meanwhile too.
    seconds_until_caught_up: f64,
    /// Events published to each stream between the cut and the last stream's return.
    events_missed: u64,
    /// CPU time of the server's processes.
    server_cpu_seconds: f64,
    pub(super) faults: Faults,
    pub(super) command: String,
}

/// What was measured of a recovery.
pub(crate) struct Measured {
    /// Until every stream was open again.
    pub(crate) live: Duration,
    /// Until every stream had every event.
    pub(crate) caught_up: Duration,
    /// Events published meanwhile.
    pub(crate) events: u64,
    /// CPU time of the server.
    pub(crate) server: Duration,
    /// What must not be.
    pub(crate) faults: Faults,
}

impl Recovery {
    pub(crate) fn new(peer: Peer, size: Size, measured: &Measured, command: String) -> Self {
        Self {
            peer: peer.to_string(),
            streams: size.streams,
            tenants: size.tenants,
            seconds_until_live: measured.live.as_secs_f64(),
            seconds_until_caught_up: measured.caught_up.as_secs_f64(),
            events_missed: measured.events,
            server_cpu_seconds: measured.server.as_secs_f64(),
            faults: measured.faults,
            command,
        }
    }

    pub(super) fn row(&self) -> String {
        format!(
            "| {} | {:.2} | {:.2} | {} | {:.2} | {} |",
            self.peer,
            self.seconds_until_live,
            self.seconds_until_caught_up,
            self.events_missed,
            self.server_cpu_seconds,
            self.faults
        )
    }
}
