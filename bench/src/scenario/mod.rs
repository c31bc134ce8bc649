//! What is measured, one file a scenario.
//!
//! # Layout
//!
//! - [`throughput`]: connect rate, memory per idle stream, deliveries and latency.

mod throughput;

use anyhow::Result;

use crate::options::{Options, Scenario};
use crate::report::Report;

/// Runs the scenario of `options`.
///
/// # Errors
///
/// When a peer can't be started or doesn't behave.
pub(crate) fn run(options: &Options) -> Result<Report> {
    match options.scenario {
        Scenario::Throughput => throughput::run(options),
    }
}
