//! Messages between dispatchers and drivers, over Socket.IO.
//!
//! # Layout
//!
//! - [`gateway`]: the `/messaging` namespace: who may enter, and who of those within is told of an event.
//! - [`packet`]: Socket.IO's packets; [`packets`]: those of one connection, in the order they came.
//! - [`session`]: one socket: its requests in the order they came, its token's end, its drain.
//! - [`ask`]: what a client asks, read and checked; [`requests`]: doing it, and what it is answered.
//! - [`inbox`]: the one task that stores messages and hands them out in stored order.
//! - [`socket`]: somebody who is in the namespace: how they are told something.
//! - [`audience`]: who is told of an event; [`rooms`]: who of a tenant is connected here.
//! - [`peers`]: what nodes tell each other; [`attend`]: hearing it, and whatever comes with time.
//! - [`badges`]: unread counts on the event stream, for whoever has no messaging connection.
//! - [`presence`]: who is connected; [`typing`]: who is typing.
//! - [`limit`]: how fast somebody may send.
//! - [`history`]: receipts and acknowledgements as they stand beside old messages.
//! - [`acknowledgements`]: who still has to acknowledge.
//! - [`templates`], [`notes`], [`assignment`]: what the dispatch team shares.
//! - [`http`]: conversations, their history and the search in them over HTTP; [`page`]: how much of a
//!   list is answered at a time.

pub mod acknowledgements;
pub(crate) mod ask;
pub mod assignment;
mod attend;
mod audience;
mod badges;
mod gateway;
mod history;
pub mod http;
mod inbox;
mod limit;
pub mod notes;
mod packet;
mod packets;
mod page;
mod peers;
mod presence;
mod requests;
mod rooms;
mod session;
mod socket;
pub mod templates;
mod typing;

pub use gateway::{Dependencies, Gateway};
