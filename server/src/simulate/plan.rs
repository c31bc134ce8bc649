//! A route plan: the stops of a load, and the segments between and at them.

use jiff::Timestamp;
use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use sally_protocol::Id;
use sally_protocol::fleet::{EtaStatus, Location};

use super::place::{self, CITIES};
use super::roster::{Crew, id};

/// What a truck does for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SegmentKind {
    Drive,
    Dock,
    Rest,
    Fuel,
}

impl SegmentKind {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Drive => "drive",
            Self::Dock => "dock",
            Self::Rest => "rest",
            Self::Fuel => "fuel",
        }
    }
}

/// A part of a plan. Times are minutes on the road.
#[derive(Debug, Clone)]
pub(super) struct Segment {
    pub(super) id: Id,
    pub(super) kind: SegmentKind,
    /// The stop it leads to or stands at.
    pub(super) stop: usize,
    /// At the truck's usual pace.
    pub(super) length: f64,
    pub(super) done: f64,
    /// At a dock: how much of `length` is waiting for the appointment.
    pub(super) wait: f64,
    from: Location,
    to: Location,
}

impl Segment {
    pub(super) fn position(&self) -> Location {
        place::between(self.from, self.to, if self.length > 0.0 { self.done / self.length } else { 1.0 })
    }

    pub(super) fn left(&self) -> f64 {
        (self.length - self.done).max(0.0)
    }
}

/// Where freight is loaded or unloaded.
#[derive(Debug, Clone)]
pub(super) struct Stop {
    pub(super) id: Id,
    /// As on the board: `Bluegrass Dairy, Louisville, KY`.
    pub(super) name: String,
    /// As drivers call it: `Bluegrass Dairy`.
    pub(super) facility: &'static str,
    pub(super) city: usize,
    pub(super) is_pickup: bool,
    /// The appointment.
    pub(super) window: (Timestamp, Timestamp),
    /// Minutes at the dock.
    pub(super) service: f64,
    /// The ETA that was last published, and how it stood.
    pub(super) published: Option<(Timestamp, EtaStatus)>,
}

/// A load on its way.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    /// The load number.
    pub(super) id: Id,
    pub(super) commodity: &'static str,
    pub(super) pallets: u32,
    pub(super) pounds: u32,
    pub(super) stops: Vec<Stop>,
    pub(super) segments: Vec<Segment>,
    /// The segment in progress; past the end when the plan is done.
    pub(super) current: usize,
    /// Segments so far, for their ids.
    numbered: usize,
}

const CHILLED: [(&str, &str); 5] = [
    ("Bluegrass Dairy", "dairy"),
    ("Sunbelt Produce", "fresh produce"),
    ("High Plains Beef", "boxed beef"),
    ("Cumberland Poultry", "fresh poultry"),
    ("Valley Fresh Packing", "bagged salad"),
];
const FROZEN: [(&str, &str); 3] = [
    ("Northfield Frozen Foods", "frozen entrées"),
    ("Gulf Pride Seafood", "frozen shrimp"),
    ("Harvest Lane Bakery", "frozen dough"),
];
const DRY: [(&str, &str); 9] = [
    ("Delta Paper & Packaging", "corrugated board"),
    ("Ironwood Steel Supply", "fasteners"),
    ("Lakeshore Appliance", "dishwashers"),
    ("Lone Star Bottling", "soft drinks"),
    ("Prairie Gold Mills", "flour"),
    ("Gulf Coast Resins", "resin in gaylords"),
    ("Cascade Tissue", "paper towels"),
    ("Foothill Furniture", "flat-pack furniture"),
    ("Rockvale Tile", "ceramic tile"),
];
const COLD_RECEIVERS: [&str; 6] = [
    "Crossroads Cold Storage",
    "Heartland Foods DC",
    "Midway Grocers DC",
    "Tri-State Foodservice",
    "Redbud Market DC",
    "Polar Point Warehouse",
];
const DRY_RECEIVERS: [&str; 8] = [
    "Homeline Distribution",
    "Summit Auto Parts DC",
    "Parkway Building Supply",
    "Evergreen Wholesale DC",
    "Pinecrest Home Goods",
    "Heartland Foods DC",
    "Cornerstone Logistics Park",
    "Union Yard Warehouse",
];

/// Legs shorter or longer than this are rare in regional freight.
const LEG_MILES: std::ops::Range<f64> = 60.0..310.0;

impl Plan {
    /// A load that begins at or near the city `from`. Its appointments are still to be made: their
    /// windows are empty.
    pub(super) fn new(load: &str, crew: &Crew, from: usize, pace_mph: f64, rng: &mut StdRng) -> Self {
        let cities = route(from, rng);
        let (shippers, receivers): (&[(&str, &str)], &[&str]) = match crew.setpoint {
            Some(setpoint) if setpoint <= 0 => (&FROZEN, &COLD_RECEIVERS),
            Some(_) => (&CHILLED, &COLD_RECEIVERS),
            None => (&DRY, &DRY_RECEIVERS),
        };
        let (shipper, commodity) = *shippers.choose(rng).unwrap_or(&shippers[0]);
        let mut stops = Vec::with_capacity(cities.len());
        for (number, city) in cities.iter().copied().enumerate() {
            let is_pickup = number == 0;
            // A city has its own receivers: a load that comes again goes to the same door.
            let facility = if is_pickup { shipper } else { receivers[(city * 7 + number) % receivers.len()] };
            stops.push(Stop {
                id: id(&format!("{load}-s{}", number + 1)),
                name: format!("{facility}, {}", CITIES[city].label()),
                facility,
                city,
                is_pickup,
                window: (Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH),
                service: service(rng),
                published: None,
            });
        }
        let mut plan = Self {
            id: id(load),
            commodity,
            pallets: rng.random_range(14..=26),
            pounds: rng.random_range(180..=438) * 100,
            stops,
            segments: Vec::new(),
            current: 0,
            numbered: 0,
        };
        let mut at = from;
        for (number, city) in cities.into_iter().enumerate() {
            let (start, end) = (CITIES[at].location(), CITIES[city].location());
            // Even a pickup in the same city is across town.
            let miles = place::road_miles(start, end).max(9.0);
            let drive = plan.segment(SegmentKind::Drive, number, miles / pace_mph * 60.0, start, end);
            plan.segments.push(drive);
            let dock = plan.segment(SegmentKind::Dock, number, plan.stops[number].service, end, end);
            plan.segments.push(dock);
            at = city;
        }
        plan
    }

    /// The segment in progress; `None` when the plan is done.
    pub(super) fn segment_now(&self) -> Option<&Segment> {
        self.segments.get(self.current)
    }

    /// The next stop that hasn't been reached.
    pub(super) fn next_stop(&self) -> Option<usize> {
        let segment = self.segment_now()?;
        let next = if segment.kind == SegmentKind::Dock { segment.stop + 1 } else { segment.stop };
        (next < self.stops.len()).then_some(next)
    }

    /// Rests or fuels here: before the drive in progress when it has hardly begun, else in its
    /// midst. Returns whether a part of it was driven.
    pub(super) fn interrupt(&mut self, kind: SegmentKind, minutes: f64) -> bool {
        let Some(drive) = self.segments.get(self.current).cloned() else { return false };
        let here = drive.position();
        let stay = self.segment(kind, drive.stop, minutes, here, here);
        if drive.done < 1.0 {
            self.segments.insert(self.current, stay);
            return false;
        }
        let rest_of_way = self.segment(SegmentKind::Drive, drive.stop, drive.left(), here, drive.to);
        let driven = &mut self.segments[self.current];
        (driven.to, driven.length) = (here, driven.done);
        self.segments.splice(self.current + 1..self.current + 1, [stay, rest_of_way]);
        self.current += 1;
        true
    }

    fn segment(&mut self, kind: SegmentKind, stop: usize, length: f64, from: Location, to: Location) -> Segment {
        self.numbered += 1;
        let id = id(&format!("{}-g{}", self.id, self.numbered));
        Segment { id, kind, stop, length, done: 0.0, wait: 0.0, from, to }
    }
}

/// Two to five cities, each a leg from the one before, none twice.
fn route(from: usize, rng: &mut StdRng) -> Vec<usize> {
    let miles = |a: usize, b: usize| place::road_miles(CITIES[a].location(), CITIES[b].location());
    // Half of the loads are picked up where the truck stands.
    let near: Vec<usize> =
        (0..CITIES.len()).filter(|&city| city == from || miles(from, city) < 160.0 && rng.random_bool(0.5)).collect();
    let mut cities = vec![*near.choose(rng).unwrap_or(&from)];
    let stops = *[2, 2, 3, 3, 3, 4, 4, 5].choose(rng).unwrap_or(&3);
    while cities.len() < stops {
        let last = cities[cities.len() - 1];
        let free: Vec<usize> = (0..CITIES.len()).filter(|city| *city != from && !cities.contains(city)).collect();
        let legs: Vec<usize> = free.iter().copied().filter(|&city| LEG_MILES.contains(&miles(last, city))).collect();
        let closest = || free.iter().copied().min_by(|&a, &b| miles(last, a).total_cmp(&miles(last, b)));
        let Some(next) = legs.choose(rng).copied().or_else(closest) else { break };
        cities.push(next);
    }
    cities
}

/// Minutes at a dock: mostly the better part of an hour, at one dock in six far more.
fn service(rng: &mut StdRng) -> f64 {
    if rng.random_bool(0.16) { rng.random_range(140.0..280.0) } else { rng.random_range(35.0..85.0) }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::super::roster::crews;
    use super::*;

    fn plan(seed: u64) -> Plan {
        let mut rng = StdRng::seed_from_u64(seed);
        let crew = &crews(10, 1, &mut rng)[0];
        Plan::new("LD-1", crew, 0, 60.0, &mut rng)
    }

    #[test]
    fn a_plan_drives_to_each_stop_and_docks_there() {
        for seed in 0..50 {
            let plan = plan(seed);
            assert!((2..=5).contains(&plan.stops.len()));
            assert_eq!(plan.segments.len(), plan.stops.len() * 2);
            let cities: std::collections::BTreeSet<_> = plan.stops.iter().map(|stop| stop.city).collect();
            assert_eq!(cities.len(), plan.stops.len(), "no city twice");
            for (index, segment) in plan.segments.iter().enumerate() {
                assert_eq!(segment.stop, index / 2);
                assert!(segment.length > 0.0);
            }
        }
    }

    #[test]
    fn an_interruption_cuts_the_drive_and_keeps_its_length() {
        let mut plan = plan(3);
        let whole = plan.segments[0].length;
        assert!(!plan.interrupt(SegmentKind::Fuel, 20.0), "nothing driven yet");
        assert_eq!(plan.segment_now().map(|segment| segment.kind), Some(SegmentKind::Fuel));
        plan.current += 1;
        plan.segments[1].done = 4.0;
        assert!(plan.interrupt(SegmentKind::Rest, 30.0));
        let [driven, rest, onward] = &plan.segments[1..4] else { panic!("three segments") };
        assert_eq!((driven.left(), rest.kind, onward.kind), (0.0, SegmentKind::Rest, SegmentKind::Drive));
        assert!((driven.length + onward.length - whole).abs() < 1e-9);
        assert_eq!(onward.position(), driven.position());
        let ids: std::collections::BTreeSet<_> = plan.segments.iter().map(|segment| segment.id.clone()).collect();
        assert_eq!(ids.len(), plan.segments.len());
    }
}
