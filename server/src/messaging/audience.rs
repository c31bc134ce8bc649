//! Who is told of an event.

use sally_protocol::Id;
use serde::{Deserialize, Serialize};

/// Sockets of one tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Audience {
    /// The dispatch team.
    Dispatch,
    /// One driver's devices.
    Driver(Id),
    /// All drivers.
    Drivers,
    /// A conversation's driver and the dispatch team.
    Conversation(Id),
}
