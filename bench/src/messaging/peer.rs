//! The servers of messaging that are measured.

use std::fmt;

use anyhow::{Context as _, Result};

use crate::peer::{Running, Setting, node, sally, version};

/// A server to measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Peer {
    /// `sally-server`: stores every message before it acknowledges it
    Sally,
    /// The official Socket.IO server on Node.js: stores nothing
    SocketIo,
}

impl Peer {
    /// Whether it stores messages.
    pub(super) fn stores(self) -> bool {
        self == Self::Sally
    }

    /// What it says of itself.
    pub(super) fn version(self, setting: &Setting) -> String {
        match self {
            Self::Sally => version::of_sally(setting),
            Self::SocketIo => version::on_node("socket.io"),
        }
    }

    /// Starts it, and waits until it takes connections.
    ///
    /// # Errors
    ///
    /// A sentence that says what is missing.
    pub(super) fn start(self, setting: &Setting) -> Result<Running> {
        let running = match self {
            Self::Sally => sally::start_messaging(setting),
            Self::SocketIo => node::start_messaging(setting, sally::SECRET),
        };
        running.with_context(|| format!("{self} can't be measured"))
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sally => "sally",
            Self::SocketIo => "socket-io",
        })
    }
}
