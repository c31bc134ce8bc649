//! The native client of SALLY Realtime: a session, and the supervised connections that hang on it.
//!
//! The desktop, `sally-server tail` and `simulate`, and the tests that hold a server to its
//! contract all talk through this crate. A connection here is a stream of what came and of how
//! the connection stands; losing and finding the server again is not its user's business.
//!
//! # Layout
//!
//! In reading order:
//!
//! - [`error`]: every way a call can go wrong, as a sentence that says what to do.
//! - [`address`], [`server`]: where the server is, and whether one answers there.
//! - [`token`], [`session`]: who is signed in; tokens are renewed here and nowhere else.
//! - [`api`]: the ordinary HTTP calls, one method a route.
//! - `end`, `backoff`: how an attempt ended, and how long to wait before the next.
//! - [`events`]: the supervised event stream, `GET /sse/events`.
//! - [`messaging`] (feature `messaging`): the supervised Socket.IO connection.
//! - [`outbox`]: what has been written, until the server has stored it; on disk meanwhile.
//! - [`bare`]: a Socket.IO connection without supervision, cheap enough for thousands.

pub mod address;
pub mod api;
mod backoff;
pub mod bare;
mod end;
pub mod error;
pub mod events;
#[cfg(feature = "messaging")]
pub mod messaging;
pub mod outbox;
pub mod server;
pub mod session;
pub mod token;

pub use address::Address;
pub use error::Error;
pub use server::Server;
pub use session::Session;
