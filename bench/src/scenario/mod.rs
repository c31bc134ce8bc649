//! What is measured, one file a scenario.
//!
//! # Layout
//!
//! - [`throughput`]: connect rate, memory per idle stream, deliveries and latency; also of scenarios
//!   that are nothing else in other sizes.
//! - [`reconnect`]: all streams are cut at once and come back.
//! - [`neighbour`]: a quiet tenant beside one that is flooded.

mod neighbour;
mod reconnect;
mod throughput;

use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::options::{Options, Scenario, Size};
use crate::peer::{Peer, Setting};
use crate::report::Report;

/// Deliveries a second in all in mode `rate`.
const RATE: f64 = 20_000.0;

/// Outstanding events in mode `flood`.
const WINDOW: u64 = 8;

/// How long opening all streams may take.
const OPEN_LIMIT: Duration = Duration::from_secs(120);

/// Runs the scenario of `options` with every size and peer, and adds what it finds to `report`.
///
/// # Errors
///
/// When a peer can't be started or doesn't behave. What was found before stays in `report`.
pub(crate) fn run(options: &Options, setting: &Setting, report: &mut Report) -> Result<()> {
    for size in options.sizes() {
        for peer in &options.peers {
            measure(options, setting, *peer, size, report).with_context(|| format!("{peer} with {size}"))?;
        }
    }
    Ok(())
}

fn measure(options: &Options, setting: &Setting, peer: Peer, size: Size, report: &mut Report) -> Result<()> {
    match options.scenario {
        Scenario::Throughput | Scenario::Scale => throughput::run(options, setting, peer, size, &options.modes, report),
        Scenario::Connect => throughput::run(options, setting, peer, size, &[], report),
        Scenario::Reconnect => reconnect::run(options, setting, peer, size, report),
        Scenario::Neighbour => neighbour::run(options, setting, peer, size, report),
    }
}
