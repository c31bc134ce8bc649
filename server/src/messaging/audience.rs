//! Who is told of an event.

use sally_protocol::{Id, Tenant};
use serde::{Deserialize, Serialize};

/// Sockets of one tenant. Its rooms are made from verified tokens and stored rows only.
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

impl Audience {
    /// The rooms that it sits in.
    pub(super) fn rooms(&self, tenant: &Tenant) -> Vec<String> {
        match self {
            Self::Dispatch => vec![room::dispatch(tenant)],
            Self::Driver(user) => vec![room::user(tenant, user)],
            Self::Drivers => vec![room::tenant(tenant)],
            Self::Conversation(driver) => vec![room::dispatch(tenant), room::user(tenant, driver)],
        }
    }

    /// Whoever sits in those rooms and isn't meant.
    pub(super) fn others(&self, tenant: &Tenant) -> Vec<String> {
        match self {
            Self::Drivers => vec![room::dispatch(tenant)],
            Self::Dispatch | Self::Driver(_) | Self::Conversation(_) => Vec::new(),
        }
    }
}

/// The rooms of the namespace, as the contract names them.
pub(super) mod room {
    use super::{Id, Tenant};

    /// Everybody of a tenant.
    pub(in crate::messaging) fn tenant(tenant: &Tenant) -> String {
        format!("tenant:{tenant}")
    }

    /// A tenant's dispatch team.
    pub(in crate::messaging) fn dispatch(tenant: &Tenant) -> String {
        format!("tenant:{tenant}:dispatch")
    }

    /// One user's sockets.
    pub(in crate::messaging) fn user(tenant: &Tenant, user: &Id) -> String {
        format!("tenant:{tenant}:user:{user}")
    }
}
