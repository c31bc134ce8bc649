//! `cargo xtask test`: every test there is.
//!
//! One `cargo test` for the whole workspace: with one set of features no dependency is compiled
//! twice. It builds the desktop app and the server beside it, which the end-to-end tests start as
//! real processes.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::setup::{self, Purpose};
use crate::steps::Steps;
use crate::{interface, shell};

/// Runs the command.
pub(crate) fn run() -> Result<()> {
    let mut steps = Steps::new();
    setup::prepare(&mut steps, Purpose::Test)?;
    // The desktop app compiles it in.
    steps.run("user interface", interface::build)?;
    let tally = all(&mut steps)?;
    steps.print();
    tally.print();
    Ok(())
}

/// Compiles and runs every test of the workspace. Everything must be set up and the user interface built.
///
/// # Errors
///
/// When one fails, or none ran.
pub(crate) fn all(steps: &mut Steps) -> Result<Tally> {
    steps.run("the official Socket.IO client, from npm", install_foreign_client)?;
    steps.run("compile the tests", || shell::run(shell::cargo().args(["test", "--workspace", "--no-run"])))?;
    let mut tally = Tally::default();
    steps.run("tests", || {
        let mut tests = shell::cargo();
        tests.args(["test", "--workspace"]);
        count(&mut tests, &mut tally)
    })?;
    // The same programs again: with the same packages nothing is compiled a second time.
    steps.run("the server's wire tests on PostgreSQL", || {
        let mut tests = shell::cargo();
        tests.args(["test", "--workspace", "--test", "wire"]).env("SALLY_TEST_DATABASE", "postgres");
        count(&mut tests, &mut tally)
    })?;
    Ok(tally)
}

/// Runs tests, shows what they print and adds their results to `tally`.
fn count(tests: &mut Command, tally: &mut Tally) -> Result<()> {
    let before = tally.passed;
    shell::show(tests);
    let mut running = tests.stdout(Stdio::piped()).spawn().context("cannot start cargo")?;
    let output = running.stdout.take().context("the tests have no output")?;
    for line in BufReader::new(output).lines() {
        let line = line.context("cannot read the tests' output")?;
        println!("{line}");
        tally.count(&line);
    }
    let status = running.wait().context("the tests have no end")?;
    if !status.success() {
        tally.print();
        bail!("a test failed ({status})");
    }
    if tally.passed == before {
        bail!("no test ran");
    }
    Ok(())
}

/// The client that the server's wire tests talk through beside their own.
///
/// # Errors
///
/// When npm can't install it.
pub(crate) fn install_foreign_client() -> Result<()> {
    println!("Installing socket.io-client from npm into server/tests/foreign: tests of the server run it.");
    let mut npm = shell::command("npm");
    npm.args(["ci", "--no-audit", "--no-fund", "--prefix", "server/tests/foreign"]);
    shell::run(&mut npm)
}

/// The sum of what test binaries reported.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    passed: u32,
    failed: u32,
    binaries: u32,
}

impl Tally {
    /// Adds a line such as `test result: ok. 3 passed; 0 failed; 0 ignored; …`; any other counts for nothing.
    fn count(&mut self, line: &str) {
        let Some(result) = line.strip_prefix("test result: ") else { return };
        let number_before = |word: &str| {
            let mut words = result.split([' ', ';']).filter(|word| !word.is_empty()).rev();
            words.find(|candidate| *candidate == word)?;
            words.next()?.parse::<u32>().ok()
        };
        self.passed += number_before("passed").unwrap_or(0);
        self.failed += number_before("failed").unwrap_or(0);
        self.binaries += 1;
    }

    /// Says in two lines what ran.
    pub(crate) fn print(&self) {
        println!("\nTests of protocol, client, server, user interface, desktop app, xtask, and end to end:");
        println!("{} passed, {} failed", self.passed, self.failed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn result_lines_add_up() {
        let mut tally = Tally::default();
        tally.count("running 3 tests");
        tally.count("test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.02s");
        tally.count("test result: FAILED. 10 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1s");
        assert_eq!(tally, Tally { passed: 13, failed: 2, binaries: 2 });
    }
}
