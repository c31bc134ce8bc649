//! The command line of `messaging`, and the command by which a result is had again.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;

use super::crowd::Crowd;
use super::drive::Rule;
use super::peer::Peer;
use crate::load::Timing;
use crate::options::setting;
use crate::peer::Setting;

/// Not measured, before every measured span.
const WARM_UP: Duration = Duration::from_secs(2);

/// Deliveries a second in all in mode `rate`.
const RATE: f64 = 20_000.0;

/// How messages go out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Mode {
    /// Not at all: connect rate and memory alone
    Open,
    /// 20,000 deliveries a second in all
    Rate,
    /// As fast as messages reach everybody, so many as --window says on their way at a time
    Flood,
    /// The same with one dispatcher to a tenant and 512 on their way: what can be stored
    Store,
}

impl Mode {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Rate => "rate",
            Self::Flood => "flood",
            Self::Store => "store",
        }
    }
}

/// Measures messaging of `sally-server` beside the official Socket.IO server, under the same load.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Options {
    /// Which servers, in this order
    #[arg(long, value_enum, value_delimiter = ',', default_values = ["sally", "socket-io"])]
    pub(super) peers: Vec<Peer>,
    /// How many clients; a tenth are dispatchers, the rest drivers
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(2..=10_000))]
    clients: u32,
    /// How many tenants share the clients
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=5_000))]
    tenants: u32,
    /// How messages go out
    #[arg(long, value_enum, value_delimiter = ',', default_values = ["rate", "flood", "store"])]
    pub(super) modes: Vec<Mode>,
    /// How many messages are on their way at a time in mode flood
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    window: u32,
    /// How long each measured span is, after two seconds of warm-up
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,
    /// The server on the first processor, the load generator on the second
    #[arg(long)]
    pub(super) pin: bool,
    /// Write the results to this file, too, as JSON
    #[arg(long, value_name = "FILE")]
    pub(super) json: Option<PathBuf>,
    /// The binary of the server [default: beside this one]
    #[arg(long, value_name = "FILE")]
    server: Option<PathBuf>,
    /// Print the peers that these options would measure, one a line, and measure nothing
    #[arg(long, hide = true)]
    pub(super) list_peers: bool,
}

impl Options {
    /// Who is connected in a mode.
    pub(super) fn crowd(&self, mode: Mode) -> Crowd {
        let tenants = if mode == Mode::Store { self.clients / 10 } else { self.tenants };
        // Each tenant has at least a dispatcher and a driver.
        Crowd { clients: self.clients, tenants: tenants.clamp(1, self.clients / 2) }
    }

    /// When messages go out in a mode; never in mode `open`.
    pub(super) fn rule(&self, mode: Mode) -> Option<Rule> {
        match mode {
            Mode::Open => None,
            Mode::Rate => Some(Rule::Rate(RATE)),
            Mode::Flood => Some(Rule::Flood(self.window as usize)),
            Mode::Store => Some(Rule::Flood(512)),
        }
    }

    pub(super) fn timing(&self) -> Timing {
        Timing { warm_up: WARM_UP, measured: Duration::from_secs(self.seconds) }
    }

    /// What servers are started with.
    ///
    /// # Errors
    ///
    /// When it isn't known where this binary is.
    pub(super) fn setting(&self) -> Result<Setting> {
        setting(self.server.as_ref(), self.pin)
    }

    /// The command that measures one peer in one mode again.
    pub(super) fn command(&self, peer: Peer, mode: Mode) -> String {
        let Self { clients, tenants, seconds, window, .. } = self;
        let mode_name = mode.name();
        let mut command = format!("cargo xtask bench messaging --peers {peer} --modes {mode_name} --clients {clients}");
        if mode != Mode::Store {
            command += &format!(" --tenants {tenants}");
        }
        if mode == Mode::Flood {
            command += &format!(" --window {window}");
        }
        if mode != Mode::Open {
            command += &format!(" --seconds {seconds}");
        }
        if self.pin {
            command += " --pin";
        }
        command
    }
}
