//! `cargo xtask soak`: long runs under faults.
//!
//! The same tests as among the ordinary ones, for a quarter of an hour and with thousands of
//! clients, on a server that is built as it is shipped.

use anyhow::Result;

use crate::steps::Steps;
use crate::{shell, system};

/// Runs the command.
pub(crate) fn run() -> Result<()> {
    let mut steps = Steps::new();
    steps.run("system packages", || system::install(&[system::REDIS, system::CLOCK]))?;
    steps.run("long runs under faults", || {
        let mut soak = shell::cargo();
        soak.args(["test", "--release", "--package", "sally-server", "--test", "soak", "--"]);
        // One after the other, so that each has the machine for itself, with what they found out.
        soak.args(["--test-threads", "1", "--nocapture"]).env("SALLY_SOAK", "full");
        shell::run(&mut soak)
    })?;
    steps.print();
    Ok(())
}
