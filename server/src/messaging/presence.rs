//! Who is connected, at this node and at others.
//!
//! Dispatchers see each driver; a driver sees the dispatch team as one. Each node tells the others
//! the whole of a tenant's people whenever it changes and every few seconds. What isn't repeated
//! in time is forgotten: so a lost word, or a node that died, mends itself.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sally_protocol::fleet::Side;
use sally_protocol::{Id, Tenant};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use uuid::Uuid;

use super::requests::side;
use crate::auth::Member;

/// How often a node repeats who is connected to it.
pub(super) const REPEAT_PERIOD: Duration = Duration::from_secs(5);

/// How long what another node told is believed: it may lose two repeats.
const BELIEVED_FOR: Duration = Duration::from_secs(16);

/// Somebody on one side of conversations.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Person {
    pub(super) side: Side,
    pub(super) user: Id,
}

/// A member as one who is connected.
pub(super) fn person(member: &Member) -> Person {
    Person { side: side(member.role), user: member.user.clone() }
}

/// What has changed for those who watch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Changes {
    /// Who has come with their first socket anywhere, or gone with their last.
    pub(super) people: Vec<(Person, bool)>,
    /// Whether somebody of the dispatch team is there, where that changed.
    pub(super) dispatch: Option<bool>,
}

/// Who is connected; a cheap clone.
#[derive(Clone, Default)]
pub(super) struct Presences {
    tenants: Arc<Mutex<HashMap<Tenant, People>>>,
}

/// A tenant's people.
#[derive(Default)]
struct People {
    /// How many sockets each has at this node.
    here: HashMap<Person, usize>,
    /// Who is at other nodes, and when that was heard.
    elsewhere: HashMap<Uuid, (HashSet<Person>, Instant)>,
    /// Whether the other nodes have yet to be told who is here.
    untold: bool,
}

impl People {
    fn is_online(&self, person: &Person) -> bool {
        self.here.contains_key(person) || self.elsewhere.values().any(|(people, _)| people.contains(person))
    }

    fn has_side(&self, side: Side) -> bool {
        let elsewhere = self.elsewhere.values().flat_map(|(people, _)| people);
        self.here.keys().chain(elsewhere).any(|person| person.side == side)
    }

    /// Makes a change that touches these people at the most, and says what came of it.
    fn change(&mut self, touched: Vec<Person>, change: impl FnOnce(&mut Self)) -> Changes {
        let before: Vec<bool> = touched.iter().map(|person| self.is_online(person)).collect();
        let team_before = self.has_side(Side::Dispatch);
        change(self);
        let team = self.has_side(Side::Dispatch);
        let people = touched.into_iter().zip(before).filter_map(|(person, before)| {
            let online = self.is_online(&person);
            (online != before).then_some((person, online))
        });
        Changes { people: people.collect(), dispatch: (team != team_before).then_some(team) }
    }

    fn is_empty(&self) -> bool {
        self.here.is_empty() && self.elsewhere.is_empty() && !self.untold
    }
}

impl Presences {
    /// Counts a socket in, unless its user has `limit` at this node already.
    pub(super) fn come(&self, tenant: &Tenant, person: &Person, limit: usize) -> Option<Changes> {
        let mut tenants = self.locked();
        let people = tenants.entry(tenant.clone()).or_default();
        let sockets = people.here.get(person).copied().unwrap_or_default();
        if sockets >= limit {
            return None;
        }
        people.untold |= sockets == 0;
        Some(people.change(vec![person.clone()], |people| {
            people.here.insert(person.clone(), sockets + 1);
        }))
    }

    /// Counts a socket out.
    pub(super) fn go(&self, tenant: &Tenant, person: &Person) -> Changes {
        let mut tenants = self.locked();
        let Some(people) = tenants.get_mut(tenant) else { return Changes::default() };
        let Some(sockets) = people.here.get_mut(person) else { return Changes::default() };
        *sockets -= 1;
        if *sockets > 0 {
            return Changes::default();
        }
        people.untold = true;
        people.change(vec![person.clone()], |people| {
            people.here.remove(person);
        })
    }

    /// Takes note of who is at another node.
    pub(super) fn hear(&self, node: Uuid, tenant: &Tenant, told: Vec<Person>, now: Instant) -> Changes {
        let mut tenants = self.locked();
        let people = tenants.entry(tenant.clone()).or_default();
        let told: HashSet<Person> = told.into_iter().collect();
        let known = people.elsewhere.get(&node).map(|(known, _)| known);
        let touched = match known {
            Some(known) => told.symmetric_difference(known).cloned().collect(),
            None => told.iter().cloned().collect(),
        };
        let changes = people.change(touched, |people| {
            match told.is_empty() {
                true => drop(people.elsewhere.remove(&node)),
                false => drop(people.elsewhere.insert(node, (told, now))),
            };
        });
        if people.is_empty() {
            tenants.remove(tenant);
        }
        changes
    }

    /// Forgets what other nodes haven't repeated in time.
    pub(super) fn forget(&self, now: Instant) -> Vec<(Tenant, Changes)> {
        let mut tenants = self.locked();
        let mut changes = Vec::new();
        for (tenant, people) in tenants.iter_mut() {
            let is_old = |heard: Instant| now.saturating_duration_since(heard) > BELIEVED_FOR;
            let old = people.elsewhere.values().filter(|(_, heard)| is_old(*heard));
            let touched: Vec<Person> = old.flat_map(|(people, _)| people).cloned().collect();
            if !touched.is_empty() {
                let forget = |people: &mut People| people.elsewhere.retain(|_, (_, heard)| !is_old(*heard));
                changes.push((tenant.clone(), people.change(touched, forget)));
            }
        }
        tenants.retain(|_, people| !people.is_empty());
        changes
    }

    /// Has everybody who is here told again.
    pub(super) fn repeat(&self) {
        for people in self.locked().values_mut() {
            people.untold |= !people.here.is_empty();
        }
    }

    /// Who is here, of the tenants of which the other nodes have yet to be told.
    pub(super) fn take_untold(&self) -> Vec<(Tenant, Vec<Person>)> {
        let mut tenants = self.locked();
        let untold = tenants.iter_mut().filter_map(|(tenant, people)| {
            std::mem::take(&mut people.untold).then(|| (tenant.clone(), people.here.keys().cloned().collect()))
        });
        let untold = untold.collect();
        tenants.retain(|_, people| !people.is_empty());
        untold
    }

    /// Which of these tenants have sockets at this node.
    pub(super) fn are_here<'t>(&self, tenants: impl Iterator<Item = &'t Tenant>) -> BTreeSet<Tenant> {
        let known = self.locked();
        tenants.filter(|tenant| known.get(tenant).is_some_and(|people| !people.here.is_empty())).cloned().collect()
    }

    /// Whether somebody is connected anywhere.
    pub(super) fn is_online(&self, tenant: &Tenant, person: &Person) -> bool {
        self.locked().get(tenant).is_some_and(|people| people.is_online(person))
    }

    /// Whether anybody of a side is connected anywhere.
    pub(super) fn is_side_online(&self, tenant: &Tenant, side: Side) -> bool {
        self.locked().get(tenant).is_some_and(|people| people.has_side(side))
    }

    fn locked(&self) -> std::sync::MutexGuard<'_, HashMap<Tenant, People>> {
        // Nothing panics half-way through a change.
        self.tenants.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tenant() -> Tenant {
        Tenant::parse("t").expect("a tenant")
    }

    fn dispatcher(user: &str) -> Person {
        Person { side: Side::Dispatch, user: Id::parse(user).expect("an id") }
    }

    fn changes(people: &[(&str, bool)], dispatch: Option<bool>) -> Changes {
        Changes { people: people.iter().map(|(user, online)| (dispatcher(user), *online)).collect(), dispatch }
    }

    #[test]
    fn the_first_comes_and_the_last_goes() {
        let presences = Presences::default();
        let come = |user| presences.come(&tenant(), &dispatcher(user), 2);
        assert_eq!(come("ann"), Some(changes(&[("ann", true)], Some(true))));
        assert_eq!(come("bob"), Some(changes(&[("bob", true)], None)));
        assert_eq!(come("ann"), Some(changes(&[], None)));
        assert_eq!(come("ann"), None, "a third socket is too many");
        assert!(presences.is_online(&tenant(), &dispatcher("ann")));
        let driver = Person { side: Side::Driver, ..dispatcher("ann") };
        assert!(!presences.is_online(&tenant(), &driver));
        let go = |user| presences.go(&tenant(), &dispatcher(user));
        assert_eq!(go("ann"), changes(&[], None));
        assert_eq!(go("ann"), changes(&[("ann", false)], None));
        assert_eq!(go("bob"), changes(&[("bob", false)], Some(false)));
        assert!(!presences.is_side_online(&tenant(), Side::Dispatch));
    }

    #[test]
    fn who_is_at_two_nodes_goes_with_the_last_of_them() {
        let (presences, now) = (Presences::default(), Instant::now());
        let (one, two) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let hear = |node, users: &[&str], at| {
            presences.hear(node, &tenant(), users.iter().map(|user| dispatcher(user)).collect(), at)
        };
        assert_eq!(hear(one, &["ann"], now), changes(&[("ann", true)], Some(true)));
        assert_eq!(hear(two, &["ann"], now), changes(&[], None));
        assert_eq!(hear(one, &[], now), changes(&[], None));
        assert_eq!(presences.come(&tenant(), &dispatcher("ann"), 1), Some(changes(&[], None)));
        assert_eq!(presences.go(&tenant(), &dispatcher("ann")), changes(&[], None));
        assert_eq!(hear(two, &["bob"], now).people.len(), 2, "one comes and one goes");
    }

    #[test]
    fn a_node_that_died_is_forgotten_and_one_that_repeats_is_not() {
        let (presences, now) = (Presences::default(), Instant::now());
        let (dead, alive) = (Uuid::from_u128(1), Uuid::from_u128(2));
        presences.hear(dead, &tenant(), vec![dispatcher("ann")], now);
        presences.hear(alive, &tenant(), vec![dispatcher("bob")], now);
        assert_eq!(presences.forget(now + BELIEVED_FOR), []);
        presences.hear(alive, &tenant(), vec![dispatcher("bob")], now + REPEAT_PERIOD);
        let later = now + BELIEVED_FOR + REPEAT_PERIOD;
        assert_eq!(presences.forget(later), [(tenant(), changes(&[("ann", false)], None))]);
        assert!(presences.is_online(&tenant(), &dispatcher("bob")));
    }

    #[test]
    fn who_is_here_is_told_once_a_change_and_whenever_it_is_to_be_repeated() {
        let presences = Presences::default();
        presences.come(&tenant(), &dispatcher("ann"), 2);
        presences.come(&tenant(), &dispatcher("ann"), 2);
        assert_eq!(presences.take_untold(), [(tenant(), vec![dispatcher("ann")])]);
        assert_eq!(presences.take_untold(), []);
        presences.repeat();
        assert_eq!(presences.take_untold(), [(tenant(), vec![dispatcher("ann")])]);
        presences.go(&tenant(), &dispatcher("ann"));
        presences.go(&tenant(), &dispatcher("ann"));
        assert_eq!(presences.take_untold(), [(tenant(), vec![])], "that nobody is left is told, too");
        presences.repeat();
        assert_eq!(presences.take_untold(), []);
    }
}
