//! The client against servers that misbehave on purpose.
//!
//! # Layout
//!
//! - `unruly`: an HTTP server that answers by a script; `gateway`: the other end of a Socket.IO
//!   connection, played packet by packet.
//! - `session`, `team`, `alerts`, `events`, `messaging`: what the client makes of it.

#![expect(clippy::expect_used, reason = "a test that can't go on fails")]

mod alerts;
mod events;
#[cfg(feature = "messaging")]
mod gateway;
#[cfg(feature = "messaging")]
mod messaging;
mod session;
mod team;
mod unruly;
