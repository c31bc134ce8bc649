//! Measures the event stream and the messaging of `sally-server` beside their peers, under the same load.
//!
//! `cargo xtask bench` builds and runs it; docs/PERFORMANCE.md says what each number means.
//!
//! # Layout
//!
//! - [`options`]: the command line, and the command by which a result is had again.
//! - [`scenario`]: what is measured.
//! - [`load`]: the load generator.
//! - [`peer`]: the servers that are measured.
//! - [`floor`]: the least that a server does, one of the peers.
//! - [`messaging`]: the same for messages over Socket.IO, with a load generator of its own.
//! - [`process`], [`limits`]: processes with their CPU time and memory; open files, processors.
//! - [`machine`]: what a run was on.
//! - [`report`]: results, as tables and as JSON.

mod floor;
mod limits;
mod load;
mod machine;
mod messaging;
mod options;
mod peer;
mod process;
mod report;
mod scenario;

use std::fs;
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use clap::Parser;

use options::Options;
use report::Report;

/// Measures the event stream of `sally-server` beside its peers, under the same load.
#[derive(Parser)]
#[command(name = "sally-bench", args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    options: Options,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Serve as the floor: the least that a server of event streams does
    Floor(floor::Options),
    /// Measure messaging beside the official Socket.IO server
    Messaging(messaging::Options),
}

fn main() -> ExitCode {
    let Cli { command, options } = Cli::parse();
    let outcome = match command {
        Some(Command::Floor(options)) => floor::run(&options),
        Some(Command::Messaging(options)) => messaging::run(&options),
        None => measure(options.resolve()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("sally-bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn measure(options: Options) -> Result<()> {
    if options.list_peers {
        for peer in &options.peers {
            println!("{peer}");
        }
        return Ok(());
    }
    if options.peers.is_empty() {
        bail!("none of these peers can resume a stream");
    }
    limits::raise_open_files()?;
    if options.pin {
        limits::pin_to(1)?;
    }
    let setting = options.setting()?;
    let mut report = Report::new(&options.peers, &setting);
    let outcome = scenario::run(&options, &setting, &mut report);
    // A run of many minutes that fails at the end has still found something.
    println!("{report}");
    if let Some(path) = &options.json {
        let json = serde_json::to_string_pretty(&report).context("the results are no JSON")?;
        fs::write(path, json + "\n").with_context(|| format!("cannot write {}", path.display()))?;
    }
    outcome?;
    let faults = report.faults();
    if !faults.is_empty() {
        bail!("events were lost, came twice or late, so the numbers don't count:\n{}", faults.join("\n"));
    }
    Ok(())
}
