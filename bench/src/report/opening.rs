//! What opening streams cost.

use std::time::Duration;

use serde::Serialize;

use crate::options::Size;
use crate::peer::Peer;

/// The table's head.
pub(super) const HEAD: &str = "| peer | connects/s | per CPU s | KiB per idle stream |\n|---|--:|--:|--:|";

/// One peer's result.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Opening {
    pub(super) peer: String,
    pub(super) streams: u32,
    pub(super) tenants: u32,
    /// Streams that became live per second.
    connects_per_second: f64,
    /// Per second of CPU time of the server's processes.
    connects_per_cpu_second: f64,
    /// Memory that an open, idle stream takes in the server's processes (PSS).
    bytes_per_stream: f64,
    pub(super) command: String,
}

impl Opening {
    /// `cpu` is what the server needed for it, `grown_bytes` what its memory grew by.
    pub(crate) fn new(
        peer: Peer,
        size: Size,
        took: Duration,
        cpu: Duration,
        grown_bytes: u64,
        command: String,
    ) -> Self {
        let streams = f64::from(size.streams);
        Self {
            peer: peer.to_string(),
            streams: size.streams,
            tenants: size.tenants,
            connects_per_second: streams / took.as_secs_f64(),
            connects_per_cpu_second: streams / cpu.as_secs_f64().max(0.01),
            bytes_per_stream: grown_bytes as f64 / streams,
            command,
        }
    }

    pub(super) fn row(&self) -> String {
        format!(
            "| {} | {:.0} | {:.0} | {:.1} |",
            self.peer,
            self.connects_per_second,
            self.connects_per_cpu_second,
            self.bytes_per_stream / 1024.0
        )
    }
}
