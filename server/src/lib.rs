//! The headless server of SALLY Realtime: event streams and messaging for dispatch.
//!
//! [`start`] serves a [`Config`] until [`Running::stop`]; the binary, the desktop's "this
//! computer" and the tests all go through it.
//!
//! # Layout
//!
//! In reading order:
//!
//! - [`config`]: every setting, from flags, environment and file.
//! - [`front`]: the listening socket, and who gets a connection.
//! - [`query`] and [`body`]: what a request asks for in its address, and what it carries.
//! - [`router`]: every route on one screen; [`app`]: what their handlers share; [`error`]: from an
//!   error to a status and a stable code.
//! - [`auth`]: who is calling, and what they may do.
//! - [`known`]: who has come with a valid token.
//! - [`ingest`]: from a publisher to the log.
//! - [`log`]: the event log, per tenant ordered, bounded, with a compacted view beside it.
//! - [`link`]: the way to Redis.
//! - [`hub`]: one ring of finished frames per tenant; a stream is a cursor into it.
//! - [`sse`]: from the log to the clients, `GET /sse/events`.
//! - [`alerts`]: what a dispatcher does with an alert.
//! - [`store`]: users, sessions, conversations, messages.
//! - [`upkeep`]: what is done with stored messages in the background.
//! - [`engine`]: Engine.IO: sessions over long-polling and WebSocket; [`messaging`]: Socket.IO between dispatchers and drivers.
//! - [`driver`]: the page on which drivers read and write.
//! - [`description`]: all of this described, for programs and people. [`asset`]: a file that is compiled in.
//! - [`drain`]: shutting down without cutting anybody off; [`health`] and [`metrics`]: what
//!   operators look at.
//! - [`simulate`]: a fleet that publishes and answers, for demos and loads.
//! - [`cli`]: the commands of the binary.
//!
//! `sse` and `messaging` never meet; both stand on `auth` and on what lies below.

pub mod alerts;
pub mod app;
mod asset;
pub mod auth;
pub mod body;
pub mod cli;
pub mod config;
pub mod description;
pub mod drain;
pub mod driver;
pub mod engine;
pub mod error;
mod front;
pub mod health;
pub mod hub;
pub mod ingest;
pub mod known;
pub mod link;
pub mod log;
pub mod messaging;
pub mod metrics;
pub mod query;
mod router;
mod running;
pub mod simulate;
pub mod sse;
pub mod store;
mod upkeep;

pub use config::Config;
pub use running::{Running, StartError, start};
