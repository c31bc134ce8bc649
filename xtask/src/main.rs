//! What the repository does with itself: `cargo xtask setup | demo | test | soak | ci | bench | bundle | vendor`.
//!
//! Every command sets up what it needs on a fresh Debian or Ubuntu machine that has Rust, says
//! what it installs and why before it does, and skips what is there. Depends on clap and anyhow
//! alone, so that it compiles in seconds.
//!
//! # Layout
//!
//! The commands, one file each:
//!
//! - [`setup`]: installs what the desktop app and its tests need, and nothing else.
//! - [`demo`]: the app with a server and a simulated fleet in it, or the same in a terminal.
//! - [`mod@test`]: every test there is.
//! - [`soak`]: long runs under faults.
//! - [`ci`]: what a change must pass.
//! - [`mod@bench`]: the server beside its peers, under the same load.
//! - [`bundle`]: the installable package.
//! - [`vendor`]: others' files that the server has compiled in, copied anew.
//!
//! What they stand on:
//!
//! - [`system`]: packages of the operating system.
//! - [`tool`]: the wasm target, and programs that cargo installs.
//! - [`interface`]: the user interface, built by Trunk.
//! - [`shell`], [`background`]: programs, run to their end or beside this one.
//! - [`steps`]: stages with their durations.
//! - [`workspace`]: where things are, and which versions `Cargo.lock` names.

mod background;
mod bench;
mod bundle;
mod ci;
mod demo;
mod interface;
mod setup;
mod shell;
mod soak;
mod steps;
mod system;
mod test;
mod tool;
mod vendor;
mod workspace;

use std::process::ExitCode;

use clap::Parser;

/// Sets up, shows, tests and packages SALLY Realtime.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
enum Command {
    /// Install everything that the desktop app and its tests need.
    Setup,
    /// Show the desktop app with a server and a simulated fleet inside it.
    Demo(demo::Options),
    /// Run every test there is.
    Test,
    /// Run the server under faults for a quarter of an hour, with thousands of clients.
    Soak,
    /// Run what a change must pass: format, lints, docs, licences, tests.
    Ci,
    /// Measure the server beside its peers, under the same load.
    #[command(disable_help_flag = true)]
    Bench(bench::Options),
    /// Build the installable package of the desktop app.
    Bundle,
    /// Copy what the server has compiled in of others' packages from npm again.
    Vendor,
}

fn main() -> ExitCode {
    let outcome = match Command::parse() {
        Command::Setup => setup::run(),
        Command::Demo(options) => demo::run(&options),
        Command::Test => test::run(),
        Command::Soak => soak::run(),
        Command::Ci => ci::run(),
        Command::Bench(options) => bench::run(&options),
        Command::Bundle => bundle::run(),
        Command::Vendor => vendor::run(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nxtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}
