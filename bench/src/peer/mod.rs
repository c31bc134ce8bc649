//! The servers that are measured, each started afresh with a home of its own.
//!
//! # Layout
//!
//! - here: which there are, and one that runs.
//! - [`dialect`]: how to open a stream of a server and how to publish through it.
//! - [`sally`], [`floor`], [`nchan`], [`node`]: one file a server.
//! - [`redis`]: a Redis beside those that take events from one.
//! - [`version`]: which version of each was measured.

mod dialect;
mod floor;
mod nchan;
pub(crate) mod node;
mod redis;
pub(crate) mod sally;
pub(crate) mod version;

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result};
use tempfile::TempDir;

pub(crate) use dialect::{Dialect, Seat};

use crate::load::Protocol;
use crate::process::Program;
use redis::Redis;

/// A server to measure, and how events come into it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Peer {
    /// `sally-server`, events by `POST /api/events`
    Sally,
    /// `sally-server`, events by Redis `PUBLISH`
    SallyRedis,
    /// The least that any server does: one thread, one write of a finished frame per socket and event
    Floor,
    /// The same, but frames that arrive together go out in one write
    FloorMerge,
    /// nginx with the module nchan and one worker, events by `POST`
    Nchan,
    /// Express with ioredis on Node.js, events by Redis `PUBLISH`
    Express,
    /// NestJS with ioredis on Node.js, events by Redis `PUBLISH`
    Nest,
}

/// What a server needs to be started with.
pub(crate) struct Setting {
    /// The binary of `sally-server`.
    pub(crate) server: PathBuf,
    /// The processor that a server may use, or all.
    pub(crate) core: Option<usize>,
}

impl Peer {
    /// Whether a stream can be resumed.
    pub(crate) fn resumes(self) -> bool {
        matches!(self, Self::Sally | Self::SallyRedis | Self::Nchan)
    }

    /// What it and the Redis beside it say of themselves; empty for the floor.
    pub(crate) fn version(self, setting: &Setting) -> String {
        version::of(self, setting)
    }

    /// Starts it, and waits until it takes connections.
    ///
    /// # Errors
    ///
    /// A sentence that says what is missing.
    pub(crate) fn start(self, setting: &Setting) -> Result<Running> {
        let running = match self {
            Self::Sally => sally::start(setting, None),
            Self::SallyRedis => sally::start(setting, Some(Redis::start()?)),
            Self::Floor => floor::start(setting, floor::Writes::Single),
            Self::FloorMerge => floor::start(setting, floor::Writes::Merged),
            Self::Nchan => nchan::start(setting),
            Self::Express => node::start(setting, "express.mjs"),
            Self::Nest => node::start(setting, "nest.mjs"),
        };
        running.with_context(|| format!("{self} can't be measured"))
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sally => "sally",
            Self::SallyRedis => "sally-redis",
            Self::Floor => "floor",
            Self::FloorMerge => "floor-merge",
            Self::Nchan => "nchan",
            Self::Express => "express",
            Self::Nest => "nest",
        })
    }
}

/// A server that runs; dropping it ends it.
pub(crate) struct Running {
    /// Where its streams are.
    pub(crate) address: SocketAddr,
    /// How to talk to it.
    pub(crate) dialect: Box<dyn Dialect>,
    program: Program,
    redis: Option<Redis>,
    _home: TempDir,
}

impl Running {
    /// Where events go, and in which protocol.
    pub(crate) fn publishing(&self) -> (Protocol, SocketAddr) {
        match &self.redis {
            Some(redis) => (Protocol::Redis, redis.address()),
            None => (Protocol::Http, self.address),
        }
    }

    /// CPU time of all its processes so far.
    ///
    /// # Errors
    ///
    /// When it has ended.
    pub(crate) fn server_cpu(&self) -> Result<Duration> {
        self.program.cpu()
    }

    /// CPU time of the Redis beside it so far, if there is one.
    ///
    /// # Errors
    ///
    /// When that has ended.
    pub(crate) fn redis_cpu(&self) -> Result<Option<Duration>> {
        self.redis.as_ref().map(Redis::cpu).transpose()
    }

    /// Memory of all its processes, in bytes.
    ///
    /// # Errors
    ///
    /// When it has ended.
    pub(crate) fn memory_bytes(&self) -> Result<u64> {
        self.program.memory_bytes()
    }
}

/// A folder for one server's data, gone with the server.
fn home() -> Result<TempDir> {
    tempfile::Builder::new().prefix("sally-bench-").tempdir().context("no temporary folder")
}
