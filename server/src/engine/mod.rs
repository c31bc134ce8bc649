//! Engine.IO, version 4: sessions of packets over long-polling and WebSocket.
//!
//! <https://socket.io/docs/v4/engine-io-protocol/>
//!
//! Whoever has something for a session writes it to the session's socket at once, as a frame that
//! all who are sent it share; only what the socket has no room for waits. A session costs two tasks:
//! one keeps it alive, and reads its WebSocket; one serves what has come. None writes, and there is no
//! channel: a task that is woken for each packet to each session costs more than the packet.
//!
//! This knows nothing of messages or tenants. What comes in is for whoever serves the session.
//!
//! # Layout
//!
//! - [`frame`]: a packet on its way out; [`packet`]: one that came in.
//! - [`connection`]: one session: what has come in, and the transport it has; [`outlet`]: what waits to go out.
//! - [`sid`]: its id; [`sessions`]: all of them.
//! - [`http`]: the requests: opening, polling, and what is refused.
//! - [`polling`]: a session that polls, kept alive; [`websocket`]: one that has a WebSocket.
//! - [`probe`]: moving from one to the other.
//! - [`heartbeat`]: when a ping is due.

mod connection;
mod frame;
mod heartbeat;
pub(crate) mod http;
mod outlet;
mod packet;
mod polling;
mod probe;
mod sessions;
mod sid;
mod websocket;

use std::time::Duration;

pub use connection::Connection;
pub use frame::Frame;
pub use packet::Incoming;
pub use sessions::{Engine, Opened};
pub use sid::Sid;

/// The largest packet, and payload of packets, that a client may send, in bytes: 2,500 code points
/// of four bytes, escaped, and a thousand recipients fit.
pub const MAX_PAYLOAD_BYTES: usize = 128 * 1024;

/// How sessions are kept alive.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// The time between two pings.
    pub ping_interval: Duration,
    /// How long the answer to one may take. Then the session is lost.
    pub ping_timeout: Duration,
}
