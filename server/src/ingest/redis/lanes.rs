//! What was heard and isn't in the log yet: each tenant's in a lane of its own.
//!
//! Of each lane one append is under way at a time, so a tenant's events keep their order, and a
//! tenant whose server of a cluster doesn't answer holds up nobody else. A marker is sealed when
//! everything that was heard before it has been appended, whichever lane it was in. Nothing in here
//! waits or reads a clock.

use std::collections::{HashMap, VecDeque};

use sally_protocol::{Event, Tenant};
use tokio::time::Instant;

use super::interval::Marker;

/// How many publishes may wait; more wait outside.
const MAX_WAITING: usize = 4_096;

/// The most publishes that one append takes.
const LOT: usize = 256;

/// How many markers may wait to be sealed. An older one isn't sealed any more: whoever has waited
/// for it has noted a gap long since.
const MAX_MARKERS: usize = 32;

/// Events of one tenant to be appended together.
#[derive(Debug)]
pub(super) struct Lot {
    pub(super) tenant: Tenant,
    pub(super) events: Vec<Event>,
    /// When the first of them was heard.
    pub(super) oldest: Instant,
}

/// A heard publish and its number.
struct Waiting {
    event: Event,
    heard_at: Instant,
    number: u64,
}

#[derive(Default)]
struct Lane {
    waiting: VecDeque<Waiting>,
    /// The number of the first event of the append that is under way.
    under_way: Option<u64>,
}

impl Lane {
    fn oldest(&self) -> Option<u64> {
        self.under_way.or_else(|| self.waiting.front().map(|waiting| waiting.number))
    }
}

/// All lanes.
#[derive(Default)]
pub(super) struct Lanes {
    lanes: HashMap<Tenant, Lane>,
    /// Markers to be sealed, each with how much was heard before it.
    markers: VecDeque<(Marker, u64)>,
    heard: u64,
    waiting: usize,
}

impl Lanes {
    /// Whether more may be taken.
    pub(super) fn have_room(&self) -> bool {
        self.waiting < MAX_WAITING
    }

    /// Takes a publish in. `true` when its tenant's lane has nothing under way, so that
    /// [`Lanes::next_lot`] has something.
    pub(super) fn publish(&mut self, tenant: &Tenant, event: Event, heard_at: Instant) -> bool {
        let lane = self.lanes.entry(tenant.clone()).or_default();
        lane.waiting.push_back(Waiting { event, heard_at, number: self.heard });
        self.heard += 1;
        self.waiting += 1;
        lane.under_way.is_none()
    }

    /// Takes a marker in, to be sealed when its time has come.
    pub(super) fn marker(&mut self, marker: Marker) {
        self.markers.push_back((marker, self.heard));
        if self.markers.len() > MAX_MARKERS {
            self.markers.pop_front();
        }
    }

    /// What a tenant's next append takes; `None` while one is under way or nothing waits.
    pub(super) fn next_lot(&mut self, tenant: &Tenant) -> Option<Lot> {
        let lane = self.lanes.get_mut(tenant).filter(|lane| lane.under_way.is_none())?;
        let Some(first) = lane.waiting.front() else {
            self.lanes.remove(tenant);
            return None;
        };
        let (number, oldest) = (first.number, first.heard_at);
        lane.under_way = Some(number);
        let taken = lane.waiting.len().min(LOT);
        self.waiting -= taken;
        let events = lane.waiting.drain(..taken).map(|waiting| waiting.event).collect();
        Some(Lot { tenant: tenant.clone(), events, oldest })
    }

    /// Notes that a tenant's append is done.
    pub(super) fn done(&mut self, tenant: &Tenant) {
        if let Some(lane) = self.lanes.get_mut(tenant) {
            lane.under_way = None;
        }
    }

    /// The next marker of which everything before has been appended.
    pub(super) fn next_seal(&mut self) -> Option<Marker> {
        let (_, before) = self.markers.front()?;
        let oldest = self.lanes.values().filter_map(Lane::oldest).min();
        if oldest.is_some_and(|oldest| oldest < *before) {
            return None;
        }
        self.markers.pop_front().map(|(marker, _)| marker)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tenant(name: &str) -> Tenant {
        Tenant::parse(name).expect("a tenant")
    }

    fn marker(id: &str) -> Marker {
        Marker(id.into())
    }

    /// An event, and takes it in.
    fn publish(lanes: &mut Lanes, of: &str) -> bool {
        let payload = br#"{"type":"zz_top"}"#;
        let event = Event::check(payload, &tenant(of), jiff::Timestamp::UNIX_EPOCH, || "e".into()).expect("an event");
        lanes.publish(&tenant(of), event, Instant::now())
    }

    #[test]
    fn a_tenant_that_waits_holds_up_its_own_and_the_markers_after_it() {
        let mut lanes = Lanes::default();
        assert!(publish(&mut lanes, "slow"));
        assert_eq!(lanes.next_lot(&tenant("slow")).expect("a lot").events.len(), 1);
        lanes.marker(marker("a"));
        assert!(publish(&mut lanes, "fast"));
        assert!(!publish(&mut lanes, "slow"), "one at a time");
        assert!(lanes.next_lot(&tenant("slow")).is_none());
        assert_eq!(lanes.next_lot(&tenant("fast")).expect("a lot").events.len(), 1);
        lanes.done(&tenant("fast"));
        assert!(lanes.next_lot(&tenant("fast")).is_none());
        lanes.marker(marker("b"));
        assert_eq!(lanes.next_seal(), None);
        lanes.done(&tenant("slow"));
        assert_eq!(lanes.next_seal(), Some(marker("a")), "the second event came after it");
        assert_eq!(lanes.next_seal(), None);
        assert_eq!(lanes.next_lot(&tenant("slow")).expect("a lot").events.len(), 1);
        assert_eq!(lanes.next_seal(), None, "under way isn't done");
        lanes.done(&tenant("slow"));
        assert_eq!(lanes.next_seal(), Some(marker("b")));
        assert_eq!(lanes.next_seal(), None);
    }

    #[test]
    fn nobody_remembers_markers_for_ever() {
        let mut lanes = Lanes::default();
        publish(&mut lanes, "slow");
        for n in 0..MAX_MARKERS + 1 {
            lanes.marker(marker(&n.to_string()));
        }
        assert!(lanes.next_lot(&tenant("slow")).is_some());
        lanes.done(&tenant("slow"));
        assert_eq!(lanes.next_seal(), Some(marker("1")));
    }

    #[test]
    fn a_lot_is_bounded_and_so_is_what_waits() {
        let mut lanes = Lanes::default();
        for _ in 0..MAX_WAITING {
            assert!(lanes.have_room());
            publish(&mut lanes, "busy");
        }
        assert!(!lanes.have_room());
        assert_eq!(lanes.next_lot(&tenant("busy")).expect("a lot").events.len(), LOT);
        assert!(lanes.have_room());
    }
}
