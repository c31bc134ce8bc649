//! Messages between dispatchers and drivers, over Socket.IO.
//!
//! # Layout
//!
//! - [`gateway`]: the `/messaging` namespace: who may connect, and what a socket's handlers are.
//! - [`session`]: one socket: its requests in the order they came, its token's end, its drain.
//! - [`requests`]: what a client may ask, checked, and what it is answered.
//! - [`inbox`]: the one task that stores messages and hands them out in stored order.
//! - [`badges`]: unread counts on the event stream, for whoever has no messaging connection.
//! - [`presence`]: who is connected.
//! - [`limit`]: how fast somebody may send.
//! - [`http`]: conversations and their history over HTTP.

mod badges;
mod gateway;
pub mod http;
mod inbox;
mod limit;
mod presence;
mod requests;
mod session;

pub use gateway::{Dependencies, Gateway};

use sally_protocol::{Id, Tenant};

/// The rooms of the namespace. They are made from verified tokens and stored rows only.
struct Room;

impl Room {
    /// Everybody of a tenant.
    fn tenant(tenant: &Tenant) -> String {
        format!("tenant:{tenant}")
    }

    /// A tenant's dispatch team.
    fn dispatch(tenant: &Tenant) -> String {
        format!("tenant:{tenant}:dispatch")
    }

    /// One user's sockets.
    fn user(tenant: &Tenant, user: &Id) -> String {
        format!("tenant:{tenant}:user:{user}")
    }
}
