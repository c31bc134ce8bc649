//! Who is connected: a tenth dispatchers, the rest drivers, evenly over the tenants.

use std::fmt;
use std::ops::Range;

/// How many clients, and how many tenants share them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Crowd {
    pub(super) clients: u32,
    /// At the most half as many as clients: each tenant has a dispatcher and a driver.
    pub(super) tenants: u32,
}

impl fmt::Display for Crowd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} clients of {} tenants", self.clients, self.tenants)
    }
}

/// One tenant's people; clients are numbered, a tenant's side by side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Team {
    pub(super) dispatchers: Range<usize>,
    pub(super) drivers: Range<usize>,
}

impl Team {
    /// How many clients get a message of one of its people, whoever that is: a dispatcher's goes
    /// to the driver and to the other dispatchers, a driver's to the dispatchers.
    pub(super) fn receivers(&self) -> usize {
        self.dispatchers.len()
    }
}

/// One client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Person {
    pub(super) tenant: usize,
    /// False: a driver.
    pub(super) dispatches: bool,
}

impl Crowd {
    /// The tenants' teams, in order.
    pub(super) fn teams(self) -> Vec<Team> {
        let (clients, tenants) = (self.clients as usize, self.tenants as usize);
        let team = |tenant: usize| {
            let (first, end) = (tenant * clients / tenants, (tenant + 1) * clients / tenants);
            let drivers = first + ((end - first) / 10).max(1);
            Team { dispatchers: first..drivers, drivers: drivers..end }
        };
        (0..tenants).map(team).collect()
    }

    /// Who each client is.
    pub(super) fn people(self) -> Vec<Person> {
        let mut people = Vec::with_capacity(self.clients as usize);
        for (tenant, team) in self.teams().iter().enumerate() {
            people.extend(team.dispatchers.clone().map(|_| Person { tenant, dispatches: true }));
            people.extend(team.drivers.clone().map(|_| Person { tenant, dispatches: false }));
        }
        people
    }

    /// The order in which clients send: tenants take turns, and in each its people.
    pub(super) fn turns(self) -> Vec<usize> {
        let teams = self.teams();
        let longest = teams.iter().map(|team| team.drivers.end - team.dispatchers.start).max().unwrap_or(0);
        let nth = |n: usize| teams.iter().map(move |team| (team, team.dispatchers.start + n));
        (0..longest)
            .flat_map(nth)
            .filter(|(team, client)| *client < team.drivers.end)
            .map(|(_, client)| client)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenth_dispatches_and_everybody_sends() {
        for (clients, tenants) in [(1_000, 10), (1_000, 100), (7, 3), (23, 2)] {
            let crowd = Crowd { clients, tenants };
            let people = crowd.people();
            assert_eq!(people.len(), clients as usize);
            for team in crowd.teams() {
                assert!(!team.dispatchers.is_empty() && !team.drivers.is_empty(), "{crowd}");
            }
            let mut turns = crowd.turns();
            turns.sort_unstable();
            assert_eq!(turns, (0..clients as usize).collect::<Vec<_>>());
        }
        let crowd = Crowd { clients: 1_000, tenants: 10 };
        assert_eq!(crowd.people().iter().filter(|person| person.dispatches).count(), 100);
        assert!(crowd.teams().iter().all(|team| team.receivers() == 10));
    }
}
