//! A Redis of its own, that keeps nothing.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use tempfile::TempDir;

use super::home;
use crate::process::Program;

/// How long a server may take until it takes connections.
const START: Duration = Duration::from_secs(10);

/// A Redis that runs; dropping it ends it.
pub(super) struct Redis {
    address: SocketAddr,
    program: Program,
    _home: TempDir,
}

impl Redis {
    /// Starts one on a free port.
    ///
    /// # Errors
    ///
    /// When there is no `redis-server`, or it doesn't take connections.
    pub(super) fn start() -> Result<Self> {
        let home = home()?;
        let address = free_address()?;
        let mut command = Command::new("redis-server");
        command.args(["--bind", "127.0.0.1", "--port", &address.port().to_string()]);
        command.args(["--save", "", "--appendonly", "no", "--dir"]).arg(home.path());
        let mut program = Program::start(&mut command, None)
            .context("a Redis is needed (Debian's package redis-server), or other --peers")?;
        wait_for(address, &mut program)?;
        Ok(Self { address, program, _home: home })
    }

    /// Where it listens.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its CPU time so far.
    pub(super) fn cpu(&self) -> Result<Duration> {
        self.program.cpu()
    }
}

/// An address that was free a moment ago, for servers that can't choose one themselves.
pub(super) fn free_address() -> Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|socket| socket.local_addr()).context("no free port")
}

/// Waits until `program` takes connections at `address`.
pub(super) fn wait_for(address: SocketAddr, program: &mut Program) -> Result<()> {
    let end = Instant::now() + START;
    while TcpStream::connect(address).is_err() {
        program.check()?;
        if Instant::now() >= end {
            bail!("nothing takes connections at {address} after {START:?}");
        }
        thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}
