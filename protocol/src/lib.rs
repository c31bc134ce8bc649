//! The words on the wire of SALLY Realtime, and the pure functions on them.
//!
//! Server, native client and user interface meet in this crate and nowhere else. It knows no
//! runtime, no HTTP library, no database and no window: everything here is data and arithmetic,
//! and it compiles to `wasm32-unknown-unknown`.
//!
//! # Layout
//!
//! In reading order:
//!
//! - [`id`]: [`Tenant`], [`Id`] and [`Topic`], the checked names everything else is keyed by.
//! - [`auth`]: [`Role`] and the [`Claims`] of an access token, and what a role may do.
//! - [`event`]: a published event, checked and completed: the only way into the log.
//! - [`entity`]: what an event is about, for compaction and for a driver's filter.
//! - [`cursor`]: the position in a tenant's log that travels as `id:` and `Last-Event-ID`.
//! - [`stream`]: the frames of `GET /sse/events` as a client reads them.
//! - [`alert`], [`fleet`]: the payloads of alerts, routes, ETAs and integration syncs.
//! - [`action`]: what a dispatcher does to alerts.
//! - [`board`]: the one reducer from frames to what a dispatcher sees.
//! - [`message`]: the requests, answers and events of the `/messaging` namespace.
//! - [`recipients`]: whom a message goes to.
//! - [`team`]: what the dispatch team shares: acknowledgements, quick replies, notes, assignments.
//! - [`template`]: the placeholders of a quick reply, and filling them in.
//! - [`search`]: the words of a text, by which messages are found.
//! - [`problem`]: an error as it travels over HTTP, RFC 9457.
//! - [`desktop`]: what the desktop's core and its user interface say to each other.
//! - [`outbox`]: what has been written and isn't stored by the server yet.

pub mod action;
pub mod alert;
pub mod auth;
pub mod board;
pub mod cursor;
pub mod desktop;
pub mod entity;
pub mod event;
pub mod fleet;
pub mod id;
pub mod message;
pub mod outbox;
pub mod problem;
pub mod recipients;
pub mod search;
pub mod stream;
pub mod team;
pub mod template;
mod text;

pub use auth::{Claims, Role};
pub use board::Board;
pub use cursor::Cursor;
pub use event::Event;
pub use id::{Id, Tenant, Topic};
pub use message::Message;
pub use problem::Problem;

/// The generation of the wire that this build speaks. A client and a server whose numbers differ
/// do not talk to each other; the server sends its own in the `Sally-Protocol` header of every
/// answer and in `GET /healthz`.
pub const PROTOCOL_VERSION: u32 = 1;

/// The header that carries [`PROTOCOL_VERSION`].
pub const PROTOCOL_HEADER: &str = "sally-protocol";
