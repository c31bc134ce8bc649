//! What was sent and what arrived: nothing may be lost, come twice, come late, or go astray.

use std::collections::HashMap;
use std::fmt;

use anyhow::Result;
use serde::Serialize;

use super::crowd::{Crowd, Person, Team};
use super::packet::{Arrived, Stamp};
use crate::load::Tally;

/// What a server must never do. All are 0 in a run that counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(super) struct Faults {
    /// Messages that a client never had, and acknowledgements.
    pub(super) lost: u64,
    /// Messages that a client had again.
    pub(super) duplicated: u64,
    /// Messages that a client had after a later one of the same conversation.
    pub(super) reordered: u64,
    /// Messages that a client must not see.
    pub(super) astray: u64,
    /// Requests that were refused.
    pub(super) refused: u64,
}

impl Faults {
    pub(super) fn none(self) -> bool {
        self == Self::default()
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { lost, duplicated, reordered, astray, refused } = self;
        write!(f, "{lost}, {duplicated}, {reordered}, {astray}, {refused}")
    }
}

/// Which messages of one conversation a client has had. What it sent itself isn't among them, so
/// numbers may be left out.
#[derive(Debug, Clone, Copy, Default)]
struct Order {
    newest: u64,
    /// The last 64 up to `newest`, which is in the lowest bit.
    seen: u64,
}

impl Order {
    /// Takes the message `seq`, and says whether it came for the first time.
    fn take(&mut self, seq: u64, faults: &mut Faults) -> bool {
        if seq > self.newest {
            let shift = u32::try_from(seq - self.newest).unwrap_or(u32::MAX);
            self.seen = self.seen.checked_shl(shift).unwrap_or(0) | 1;
            self.newest = seq;
            return true;
        }
        let back = self.newest - seq;
        let first = back < 64 && self.seen >> back & 1 == 0;
        if first {
            self.seen |= 1 << back;
            faults.reordered += 1;
        } else {
            faults.duplicated += 1;
        }
        first
    }
}

/// A message on its way.
#[derive(Debug, Clone, Copy, Default)]
struct Flight {
    sent_at: u64,
    conversation: usize,
    /// Who has still to get it; 0 also when no message has this place.
    receivers: usize,
    acknowledged: bool,
}

/// Messages and acknowledgements since the last [`restart`](Ledger::restart), and all faults so far.
pub(super) struct Ledger {
    people: Vec<Person>,
    pub(super) teams: Vec<Team>,
    /// By client; a driver has one conversation, a dispatcher as many as there are drivers.
    orders: Vec<HashMap<usize, Order>>,
    flights: Vec<Flight>,
    free: Vec<usize>,
    /// Messages that some receiver lacks or that aren't acknowledged.
    pub(super) in_flight: usize,
    /// From sending to the end of the read that brought the message to a receiver.
    pub(super) deliveries: Tally,
    /// From sending to the end of the read that brought the acknowledgement.
    pub(super) acks: Tally,
    pub(super) faults: Faults,
}

impl Ledger {
    pub(super) fn new(crowd: Crowd) -> Result<Self> {
        Ok(Self {
            people: crowd.people(),
            teams: crowd.teams(),
            orders: (0..crowd.clients).map(|_| HashMap::new()).collect(),
            flights: Vec::new(),
            free: Vec::new(),
            in_flight: 0,
            deliveries: Tally::new()?,
            acks: Tally::new()?,
            faults: Faults::default(),
        })
    }

    pub(super) fn person(&self, client: usize) -> Person {
        self.people[client]
    }

    /// Counts from here on.
    pub(super) fn restart(&mut self) {
        self.deliveries.restart();
        self.acks.restart();
    }

    /// Notes that `client` sends to the conversation of this driver now.
    pub(super) fn send(&mut self, client: usize, conversation: usize, now: u64) -> Stamp {
        let receivers = self.teams[self.people[client].tenant].receivers();
        let place = self.free.pop().unwrap_or_else(|| {
            self.flights.push(Flight::default());
            self.flights.len() - 1
        });
        self.flights[place] = Flight { sent_at: now, conversation, receivers, acknowledged: false };
        self.in_flight += 1;
        Stamp { flight: place, at: now }
    }

    /// Notes that `client` had a message.
    pub(super) fn receive(&mut self, client: usize, arrived: Arrived, now: u64) {
        let Arrived { conversation, seq, stamp } = arrived;
        let person = self.people[client];
        let theirs = self.people.get(conversation).is_some_and(|driver| driver.tenant == person.tenant);
        if !theirs || !(person.dispatches || conversation == client) {
            self.faults.astray += 1;
            return;
        }
        if !self.orders[client].entry(conversation).or_default().take(seq, &mut self.faults) {
            return;
        }
        self.deliveries.take(now.saturating_sub(stamp.at));
        match self.flights.get_mut(stamp.flight) {
            Some(flight)
                if flight.receivers > 0 && flight.sent_at == stamp.at && flight.conversation == conversation =>
            {
                flight.receivers -= 1;
                self.land(stamp.flight);
            }
            // One more than were meant to have it.
            _ => self.faults.astray += 1,
        }
    }

    /// Notes the answer to a message.
    pub(super) fn acknowledge(&mut self, place: usize, ok: bool, now: u64) {
        let Some(flight) = self.flights.get_mut(place) else { return };
        if flight.acknowledged {
            self.faults.duplicated += 1;
            return;
        }
        flight.acknowledged = true;
        if ok {
            self.acks.take(now.saturating_sub(flight.sent_at));
        } else {
            self.faults.refused += 1;
            flight.receivers = 0;
        }
        self.land(place);
    }

    fn land(&mut self, place: usize) {
        let Flight { receivers: 0, acknowledged: true, .. } = self.flights[place] else { return };
        self.in_flight -= 1;
        self.free.push(place);
    }

    /// Gives up whatever is still on its way.
    pub(super) fn settle(&mut self) {
        for place in 0..self.flights.len() {
            let flight = &mut self.flights[place];
            if flight.receivers > 0 || !flight.acknowledged {
                self.faults.lost += flight.receivers as u64 + u64::from(!flight.acknowledged);
                *flight = Flight { acknowledged: true, ..Flight::default() };
                self.land(place);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(seqs: &[u64]) -> Faults {
        let (mut order, mut faults) = (Order::default(), Faults::default());
        for seq in seqs {
            order.take(*seq, &mut faults);
        }
        faults
    }

    #[test]
    fn order_within_a_conversation() {
        assert!(faults(&[1, 2, 3]).none());
        assert!(faults(&[1, 3, 200]).none(), "one's own are left out");
        assert_eq!(faults(&[1, 1]), Faults { duplicated: 1, ..Faults::default() });
        assert_eq!(faults(&[1, 3, 2]), Faults { reordered: 1, ..Faults::default() });
        assert_eq!(faults(&[1, 3, 2, 2]), Faults { reordered: 1, duplicated: 1, ..Faults::default() });
    }

    #[test]
    fn a_message_lands_when_all_have_it_and_it_is_acknowledged() {
        // Two tenants of two dispatchers and 18 drivers.
        let mut ledger = Ledger::new(Crowd { clients: 40, tenants: 2 }).expect("a ledger");
        let stamp = ledger.send(5, 5, 10);
        let arrived = Arrived { conversation: 5, seq: 1, stamp };
        ledger.receive(0, arrived, 30);
        ledger.acknowledge(stamp.flight, true, 40);
        assert_eq!(ledger.in_flight, 1);
        ledger.receive(1, arrived, 50);
        assert_eq!((ledger.in_flight, ledger.deliveries.deliveries, ledger.acks.deliveries), (0, 2, 1));
        assert!(ledger.faults.none());
    }

    #[test]
    fn what_goes_wrong_is_counted() {
        let mut ledger = Ledger::new(Crowd { clients: 40, tenants: 2 }).expect("a ledger");
        let stamp = ledger.send(5, 5, 10);
        let arrived = Arrived { conversation: 5, seq: 1, stamp };
        ledger.receive(0, arrived, 20);
        ledger.receive(0, arrived, 20);
        ledger.receive(6, arrived, 20);
        ledger.receive(20, arrived, 20);
        let sender_too = Arrived { conversation: 5, seq: 1, stamp: Stamp { at: 11, ..stamp } };
        ledger.receive(5, sender_too, 20);
        assert_eq!(ledger.faults, Faults { duplicated: 1, astray: 3, ..Faults::default() });
        ledger.settle();
        assert_eq!(ledger.faults.lost, 2, "a receiver and the acknowledgement");
        assert_eq!(ledger.in_flight, 0);
        let refused = ledger.send(5, 5, 10);
        ledger.acknowledge(refused.flight, false, 20);
        assert_eq!((ledger.faults.refused, ledger.in_flight), (1, 0));
    }
}
