//! `cargo xtask ci`: what a change must pass. Cheap checks come first.

use anyhow::Result;

use crate::setup::{self, Purpose};
use crate::steps::Steps;
use crate::{interface, shell, test, tool};

const DENY_WARNINGS: [&str; 3] = ["--", "-D", "warnings"];

/// Runs the command.
pub(crate) fn run() -> Result<()> {
    let mut steps = Steps::new();
    steps.run("format", || shell::run(shell::cargo().args(["fmt", "--all", "--check"])))?;
    setup::prepare(&mut steps, Purpose::Test)?;
    steps.run("lints of the user interface for wasm", || {
        clippy(&["--package", "sally-ui", "--package", "sally-protocol", "--target", tool::WASM])
    })?;
    // The desktop app compiles it in, so nothing about the app can be checked before.
    steps.run("user interface", interface::build)?;
    steps.run("lints of the headless server alone", || clippy(&["--package", "sally-server"]))?;
    steps.run("lints of everything", || clippy(&["--workspace", "--all-targets"]))?;
    steps.run("documentation", || {
        let mut doc = shell::cargo();
        doc.args(["doc", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings");
        shell::run(&mut doc)
    })?;
    steps.run("licences and sources of dependencies", || {
        tool::install(&[tool::cargo_deny()])?;
        shell::run(shell::cargo().args(["deny", "check", "licenses", "bans", "sources"]))
    })?;
    let tally = test::all(&mut steps)?;
    steps.print();
    tally.print();
    Ok(())
}

fn clippy(selection: &[&str]) -> Result<()> {
    shell::run(shell::cargo().arg("clippy").args(selection).args(DENY_WARNINGS))
}
