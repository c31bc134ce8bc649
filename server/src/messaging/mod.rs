//! Messages between dispatchers and drivers, over Socket.IO.
//!
//! # Layout
//!
//! - [`gateway`]: the `/messaging` namespace: who may connect, and what a socket's handlers are.
//! - [`handshake`]: the request that opens a connection.
//! - [`session`]: one socket: its requests in the order they came, its token's end, its drain.
//! - [`ask`]: what a client asks, read and checked; [`requests`]: doing it, and what it is answered.
//! - [`inbox`]: the one task that stores messages and hands them out in stored order.
//! - [`audience`]: who is told of an event.
//! - [`peers`]: what nodes tell each other; [`attend`]: hearing it, and whatever comes with time.
//! - [`badges`]: unread counts on the event stream, for whoever has no messaging connection.
//! - [`presence`]: who is connected; [`typing`]: who is typing.
//! - [`limit`]: how fast somebody may send.
//! - [`history`]: receipts and acknowledgements as they stand beside old messages.
//! - [`acknowledgements`]: who still has to acknowledge.
//! - [`templates`], [`notes`], [`assignment`]: what the dispatch team shares.
//! - [`http`]: conversations, their history and the search in them over HTTP.

pub mod acknowledgements;
pub(crate) mod ask;
pub mod assignment;
mod attend;
mod audience;
mod badges;
mod gateway;
pub(crate) mod handshake;
mod history;
pub mod http;
mod inbox;
mod limit;
pub mod notes;
mod peers;
mod presence;
mod requests;
mod session;
pub mod templates;
mod typing;

pub use gateway::{Dependencies, Gateway};
