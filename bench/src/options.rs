//! The command line, and the command by which a result is had again.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use clap::ValueEnum as _;

use crate::load::Timing;
use crate::peer::{Peer, Setting};

/// Not measured, before every measured span.
const WARM_UP: Duration = Duration::from_secs(2);

/// What to measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Scenario {
    /// Events to all streams of one tenant: connect rate, memory, deliveries, latency
    Throughput,
}

/// How events go out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Mode {
    /// 20,000 deliveries a second in all
    Rate,
    /// As fast as all but eight events have reached everybody
    Flood,
}

impl Mode {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Rate => "rate",
            Self::Flood => "flood",
        }
    }
}

/// Measures the event stream of `sally-server` beside its peers, under the same load.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Options {
    /// What to measure
    #[arg(long, value_enum, default_value = "throughput")]
    pub(crate) scenario: Scenario,
    /// Which servers, in this order [default: all]
    #[arg(long, value_enum, value_delimiter = ',')]
    pub(crate) peers: Vec<Peer>,
    /// How many streams; several are measured one after the other
    #[arg(long, value_delimiter = ',', value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) streams: Vec<u32>,
    /// How events go out
    #[arg(long, value_enum, value_delimiter = ',', default_values = ["rate", "flood"])]
    pub(crate) modes: Vec<Mode>,
    /// How long each measured span is, after two seconds of warm-up
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=600))]
    pub(crate) seconds: Option<u64>,
    /// About a minute's run of sally and floor with 200 streams, whose only verdict is that nothing was lost
    #[arg(long)]
    pub(crate) quick: bool,
    /// The server on the first processor, the load generator on the second
    #[arg(long)]
    pub(crate) pin: bool,
    /// Write the results to this file, too, as JSON
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// The binary of the server [default: beside this one]
    #[arg(long, value_name = "FILE")]
    server: Option<PathBuf>,
    /// Print the peers that these options would measure, one a line, and measure nothing
    #[arg(long, hide = true)]
    pub(crate) list_peers: bool,
}

impl Options {
    /// Fills in what `--quick` and the scenario decide.
    pub(crate) fn resolve(mut self) -> Self {
        if self.quick {
            self.seconds = self.seconds.or(Some(3));
        }
        if self.peers.is_empty() {
            self.peers = if self.quick { vec![Peer::Sally, Peer::Floor] } else { Peer::value_variants().to_vec() };
        }
        if self.streams.is_empty() {
            self.streams = match self.scenario {
                _ if self.quick => vec![200],
                Scenario::Throughput => vec![1_000, 5_000],
            };
        }
        self
    }

    /// How long a load is driven.
    pub(crate) fn timing(&self) -> Timing {
        Timing { warm_up: WARM_UP, measured: Duration::from_secs(self.seconds.unwrap_or(10)) }
    }

    /// What servers are started with.
    ///
    /// # Errors
    ///
    /// When there is no `sally-server`.
    pub(crate) fn setting(&self) -> Result<Setting> {
        let server = match &self.server {
            Some(server) => server.clone(),
            None => std::env::current_exe().context("this program can't be found")?.with_file_name("sally-server"),
        };
        if !server.is_file() {
            bail!("there is no {}; `cargo xtask bench` builds it", server.display());
        }
        Ok(Setting { server, core: self.pin.then_some(0) })
    }

    /// The command that measures one peer in this way again.
    pub(crate) fn command(&self, scenario: &str, peer: Peer, streams: u32, mode: Option<Mode>) -> String {
        let mut command = format!("cargo xtask bench --scenario {scenario} --peers {peer} --streams {streams}");
        if let Some(mode) = mode {
            command += &format!(" --modes {} --seconds {}", mode.name(), self.timing().measured.as_secs());
        }
        if self.pin {
            command += " --pin";
        }
        command
    }
}
