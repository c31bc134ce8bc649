//! The command line, and the command by which a result is had again.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::ValueEnum as _;

use crate::load::{Course, Timing};
use crate::peer::{Peer, Setting};

/// Not measured, before every measured span.
const WARM_UP: Duration = Duration::from_secs(2);

/// What to measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Scenario {
    /// Events to all streams: connect rate, memory, deliveries, latency
    Throughput,
    /// Connect rate and memory alone, up to 10,000 streams
    Connect,
    /// All of 10,000 streams are cut at once and come back to what they missed
    Reconnect,
    /// The same as throughput, from 100 to 10,000 streams and from 1 to 1,000 tenants
    Scale,
    /// What a tenant has to bear when its neighbour is flooded
    Neighbour,
}

impl Scenario {
    fn name(self) -> &'static str {
        match self {
            // Scale's rows are throughput's.
            Self::Throughput | Self::Scale => "throughput",
            Self::Connect => "connect",
            Self::Reconnect => "reconnect",
            Self::Neighbour => "neighbour",
        }
    }
}

/// How events go out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Mode {
    /// 20,000 deliveries a second in all
    Rate,
    /// As fast as events reach everybody, eight of them on their way at a time
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
    /// How many tenants share the streams; several are measured one after the other
    #[arg(long, value_delimiter = ',', value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) tenants: Vec<u32>,
    /// How events go out
    #[arg(long, value_enum, value_delimiter = ',', default_values = ["rate", "flood"])]
    pub(crate) modes: Vec<Mode>,
    /// How long each measured span is, after two seconds of warm-up
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=600))]
    pub(crate) seconds: Option<u64>,
    /// A short run of sally and floor with 200 streams, whose only verdict is that nothing was lost
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
        self.peers.retain(|peer| self.scenario != Scenario::Reconnect || peer.resumes());
        self
    }

    /// The numbers of streams and tenants to measure, in this order.
    pub(crate) fn sizes(&self) -> Vec<Size> {
        let default: &[(u32, u32)] = match self.scenario {
            _ if self.quick => &[(200, 1)],
            Scenario::Throughput => &[(1_000, 1), (5_000, 1)],
            Scenario::Connect => &[(1_000, 1), (5_000, 1), (10_000, 1)],
            Scenario::Reconnect => &[(10_000, 1)],
            Scenario::Scale => &[(100, 1), (1_000, 1), (10_000, 1), (10_000, 100), (10_000, 1_000)],
            Scenario::Neighbour => &[(1_000, 2)],
        };
        if self.streams.is_empty() && self.tenants.is_empty() {
            return default.iter().map(|(streams, tenants)| Size { streams: *streams, tenants: *tenants }).collect();
        }
        let or_default = |given: &[u32], default: u32| if given.is_empty() { vec![default] } else { given.to_vec() };
        let tenants = or_default(&self.tenants, default[0].1);
        let sizes = or_default(&self.streams, default[0].0).into_iter().flat_map(|streams| {
            // A tenant without a stream would never have all of its events delivered.
            tenants.clone().into_iter().map(move |tenants| Size { streams, tenants: tenants.min(streams) })
        });
        sizes.collect()
    }

    /// How long a load is driven.
    pub(crate) fn timing(&self) -> Timing {
        Timing { warm_up: WARM_UP, measured: Duration::from_secs(self.seconds.unwrap_or(10)) }
    }

    /// What servers are started with.
    ///
    /// # Errors
    ///
    /// When it isn't known where this binary is.
    pub(crate) fn setting(&self) -> Result<Setting> {
        setting(self.server.as_ref(), self.pin)
    }

    /// The command that measures one peer in this way again.
    pub(crate) fn command(&self, scenario: Scenario, peer: Peer, size: Size, mode: Option<Mode>) -> String {
        let Size { streams, tenants } = size;
        let mut command = format!(
            "cargo xtask bench --scenario {} --peers {peer} --streams {streams} --tenants {tenants}",
            scenario.name()
        );
        if let Some(mode) = mode {
            command += &format!(" --modes {}", mode.name());
        }
        if !matches!(scenario, Scenario::Connect | Scenario::Reconnect) {
            command += &format!(" --seconds {}", self.timing().measured.as_secs());
        }
        if self.pin {
            command += " --pin";
        }
        command
    }
}

/// What servers are started with, from what the command line says.
///
/// # Errors
///
/// When it isn't known where this binary is.
pub(crate) fn setting(server: Option<&PathBuf>, pin: bool) -> Result<Setting> {
    let server = match server {
        Some(server) => server.clone(),
        None => std::env::current_exe().context("this program can't be found")?.with_file_name("sally-server"),
    };
    Ok(Setting { server, core: pin.then_some(0) })
}

/// How many streams, and how many tenants share them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) streams: u32,
    pub(crate) tenants: u32,
}

impl Size {
    /// The tenant of each stream, all of a tenant's side by side.
    pub(crate) fn seats(self) -> Vec<usize> {
        let (streams, tenants) = (self.streams as usize, self.tenants as usize);
        (0..streams).map(|stream| stream * tenants / streams).collect()
    }

    /// The tenants, with as many streams as [`seats`](Self::seats) gives them.
    pub(crate) fn courses(self) -> Vec<Course> {
        let mut streams = vec![0; self.tenants as usize];
        for seat in self.seats() {
            streams[seat] += 1;
        }
        streams.into_iter().map(|streams| Course::new(streams, 0)).collect()
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.tenants {
            1 => write!(f, "{} streams", self.streams),
            tenants => write!(f, "{} streams of {tenants} tenants", self.streams),
        }
    }
}
