//! Weather that trucks drive into.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use sally_protocol::fleet::Location;

use super::place::{self, CITIES};

/// A spell of weather around a city.
#[derive(Debug, Clone)]
pub(super) struct Storm {
    /// Tells it from the others, for grouping alerts.
    pub(super) number: u32,
    pub(super) kind: &'static Kind,
    /// The city at its centre.
    pub(super) city: &'static str,
    centre: Location,
    radius_miles: f64,
    /// Minutes on the road until it has passed.
    left: f64,
}

/// A kind of weather.
#[derive(Debug)]
pub(super) struct Kind {
    pub(super) name: &'static str,
    pub(super) severe: bool,
    /// The share of the usual pace that it allows.
    pub(super) pace: f64,
    pub(super) advice: &'static str,
    /// Months in which it comes.
    months: &'static [i8],
}

static KINDS: [Kind; 7] = [
    Kind {
        name: "Winter storm warning",
        severe: true,
        pace: 0.55,
        advice: "Confirm the driver is comfortable continuing; find parking before the pass or bridge closes.",
        months: &[11, 12, 1, 2, 3],
    },
    Kind {
        name: "Freezing rain advisory",
        severe: true,
        pace: 0.6,
        advice: "Ask the driver to slow down or park, and tell the receiver about the delay.",
        months: &[12, 1, 2],
    },
    Kind {
        name: "Severe thunderstorm warning",
        severe: true,
        pace: 0.7,
        advice: "Ask the driver to wait the cell out at a truck stop if visibility drops.",
        months: &[4, 5, 6, 7, 8, 9],
    },
    Kind {
        name: "High wind advisory",
        severe: false,
        pace: 0.8,
        advice: "Check the trailer's weight; an empty or light one should park above 45 mph gusts.",
        months: &[1, 2, 3, 4, 5, 10, 11, 12],
    },
    Kind {
        name: "Dense fog advisory",
        severe: false,
        pace: 0.75,
        advice: "Allow for a slower leg and update the next appointment if needed.",
        months: &[1, 2, 3, 9, 10, 11, 12],
    },
    Kind {
        name: "Flash flood watch",
        severe: false,
        pace: 0.75,
        advice: "Check the route for closed underpasses and low-water crossings.",
        months: &[4, 5, 6, 7, 8, 9],
    },
    Kind {
        name: "Heavy rain",
        severe: false,
        pace: 0.85,
        advice: "Allow for a slower leg and update the next appointment if needed.",
        months: &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12],
    },
];

/// Spells at one time.
const SPELLS: usize = 2;

/// The weather of the country.
#[derive(Debug, Default)]
pub(super) struct Weather {
    storms: Vec<Storm>,
    count: u32,
}

impl Weather {
    /// Lets spells pass and others come up.
    pub(super) fn pass(&mut self, minutes: f64, now: Timestamp, rng: &mut StdRng) {
        for storm in &mut self.storms {
            storm.left -= minutes;
        }
        self.storms.retain(|storm| storm.left > 0.0);
        while self.storms.len() < SPELLS {
            let storm = self.brew(now, rng);
            self.storms.push(storm);
        }
    }

    /// The spell that a spot is in.
    pub(super) fn at(&self, spot: Location) -> Option<&Storm> {
        self.storms.iter().find(|storm| place::miles(spot, storm.centre) < storm.radius_miles)
    }

    fn brew(&mut self, now: Timestamp, rng: &mut StdRng) -> Storm {
        let month = TimeZone::UTC.to_datetime(now).month();
        let fitting: Vec<&'static Kind> = KINDS.iter().filter(|kind| kind.months.contains(&month)).collect();
        let city = CITIES.choose(rng).unwrap_or(&CITIES[0]);
        self.count += 1;
        Storm {
            number: self.count,
            kind: fitting.choose(rng).copied().unwrap_or(&KINDS[KINDS.len() - 1]),
            city: city.name,
            centre: city.location(),
            radius_miles: rng.random_range(60.0..120.0),
            left: rng.random_range(180.0..480.0),
        }
    }
}
