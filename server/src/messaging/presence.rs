//! Who is connected.
//!
//! Dispatchers see each driver; a driver sees the dispatch team as one.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use sally_protocol::fleet::Side;
use sally_protocol::{Id, Tenant};

/// How many sockets each user of each tenant has.
type Tenants = HashMap<Tenant, HashMap<(Side, Id), usize>>;

/// Who is connected on this node; a cheap clone.
#[derive(Clone, Default)]
pub(super) struct Presences {
    tenants: Arc<Mutex<Tenants>>,
}

/// What a coming or going changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Changed {
    /// The user has come with their first socket, or gone with their last.
    pub(super) user: bool,
    /// So has their side.
    pub(super) side: bool,
}

impl Presences {
    /// Counts a socket in, unless its user has `limit` already.
    pub(super) fn come(&self, tenant: &Tenant, user: &Id, side: Side, limit: usize) -> Option<Changed> {
        let mut tenants = self.tenants();
        let users = tenants.entry(tenant.clone()).or_default();
        let changed = Changed {
            user: !users.contains_key(&(side, user.clone())),
            side: !users.keys().any(|(known, _)| *known == side),
        };
        let sockets = users.entry((side, user.clone())).or_default();
        if *sockets >= limit {
            return None;
        }
        *sockets += 1;
        Some(changed)
    }

    /// Counts a socket out.
    pub(super) fn go(&self, tenant: &Tenant, user: &Id, side: Side) -> Changed {
        let mut tenants = self.tenants();
        let unchanged = Changed { user: false, side: false };
        let Some(users) = tenants.get_mut(tenant) else { return unchanged };
        let Some(sockets) = users.get_mut(&(side, user.clone())) else { return unchanged };
        *sockets -= 1;
        if *sockets > 0 {
            return unchanged;
        }
        users.remove(&(side, user.clone()));
        let changed = Changed { user: true, side: !users.keys().any(|(known, _)| *known == side) };
        if users.is_empty() {
            tenants.remove(tenant);
        }
        changed
    }

    /// Whether a user is connected.
    pub(super) fn is_online(&self, tenant: &Tenant, user: &Id, side: Side) -> bool {
        self.tenants().get(tenant).is_some_and(|users| users.contains_key(&(side, user.clone())))
    }

    /// Whether anybody of a side is connected.
    pub(super) fn is_side_online(&self, tenant: &Tenant, side: Side) -> bool {
        self.tenants().get(tenant).is_some_and(|users| users.keys().any(|(known, _)| *known == side))
    }

    fn tenants(&self) -> std::sync::MutexGuard<'_, Tenants> {
        self.tenants.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_comes_and_the_last_goes() {
        let presences = Presences::default();
        let tenant = Tenant::parse("t").expect("a tenant");
        let id = |text| Id::parse(text).expect("an id");
        let come = |user: &Id| presences.come(&tenant, user, Side::Dispatch, 2);
        assert_eq!(come(&id("ann")), Some(Changed { user: true, side: true }));
        assert_eq!(come(&id("bob")), Some(Changed { user: true, side: false }));
        assert_eq!(come(&id("ann")), Some(Changed { user: false, side: false }));
        assert_eq!(come(&id("ann")), None, "a third socket is too many");
        assert!(presences.is_online(&tenant, &id("ann"), Side::Dispatch));
        assert!(!presences.is_online(&tenant, &id("ann"), Side::Driver));
        let go = |user: &Id| presences.go(&tenant, user, Side::Dispatch);
        assert_eq!(go(&id("ann")), Changed { user: false, side: false });
        assert_eq!(go(&id("ann")), Changed { user: true, side: false });
        assert_eq!(go(&id("bob")), Changed { user: true, side: true });
        assert!(!presences.is_side_online(&tenant, Side::Dispatch));
    }
}
