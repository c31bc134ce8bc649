//! The world: a carrier's trucks on a morning, stepped from outside.
//!
//! Everything follows from the seed, the size of the fleet and the times that [`World::new`] and
//! [`World::step`] are given; no clock, no input and no output, so that tests can hold it still.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use sally_protocol::fleet::PlanStatus;
use serde_json::Value;

use super::docket::{About, Docket};
use super::event::event;
use super::facts::Facts;
use super::forecast::Arrival;
use super::integration::Integration;
use super::plan::SegmentKind;
use super::remark::Occasion;
use super::roster::{self, Crew};
use super::truck::{Happening, ROAD_FACTOR, Truck, after, until};
use super::weather::Weather;

/// The longest step that is taken at once: a minute on the road.
const SLICE: Duration = Duration::from_secs(60 / ROAD_FACTOR as u64);

/// The world runs this long before anybody looks, so that the board opens in the middle of a
/// morning: loads under way, alerts of all ages. Six hours on the road.
const WARM_UP: Duration = Duration::from_secs(3_600);

/// For so many minutes (on the wall) before the morning opens, what it lacks is added.
const STAGING: u64 = 14;

/// Forecasts are made anew this often, in minutes on the road, and after every happening.
const FORECAST_MINUTES: f64 = 3.0;

/// Something that a driver would write about without being asked.
#[derive(Debug, Clone)]
pub(super) struct Remark {
    /// Whose, by the index of the truck.
    pub(super) truck: usize,
    pub(super) occasion: Occasion,
    /// The alert it belongs to.
    pub(super) alert: Option<sally_protocol::Id>,
}

/// A truck and what is known about its next hours.
#[derive(Debug)]
pub(super) struct Unit {
    pub(super) truck: Truck,
    /// Arrivals at the stops ahead, as of `seen`.
    pub(super) arrivals: Vec<Arrival>,
    pub(super) seen: Timestamp,
}

/// The simulated world.
#[derive(Debug)]
pub(super) struct World {
    pub(super) now: Timestamp,
    pub(super) units: Vec<Unit>,
    pub(super) docket: Docket,
    pub(super) weather: Weather,
    pub(super) events: Vec<Value>,
    pub(super) remarks: Vec<Remark>,
    pub(super) rng: StdRng,
    pub(super) integrations: Vec<Integration>,
    /// Whose turn it is to report.
    pub(super) turn: usize,
}

impl World {
    /// A world of `drivers` trucks, in the middle of a morning at `now`.
    pub(super) fn new(seed: u64, drivers: usize, now: Timestamp) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        // Two digits that tell the ids of two seeds apart, mostly.
        let tag = rng.random_range(10..100);
        let begin = now.checked_sub(SignedDuration::try_from(WARM_UP).unwrap_or_default()).unwrap_or(now);
        let mut units = Vec::with_capacity(drivers);
        for (index, crew) in roster::crews(tag, drivers, &mut rng).into_iter().enumerate() {
            // Each truck has its own source of chance: a larger fleet has the smaller one in it.
            let seed = seed ^ (index as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
            let mut chance = StdRng::seed_from_u64(seed.rotate_left(17));
            // Most drivers come on duty early in the morning; the others are spread over the day.
            let rested_in = if chance.random_bool(0.65) {
                chance.random_range(5.0..240.0)
            } else {
                chance.random_range(-500.0..420.0)
            };
            let truck = Truck::new(crew, format!("LD-{tag}{index:02}"), seed, begin, rested_in);
            units.push(Unit { truck, arrivals: Vec::new(), seen: begin });
        }
        let mut world = Self {
            now: begin,
            units,
            docket: Docket::new(format!("alr-{tag}")),
            weather: Weather::default(),
            events: Vec::new(),
            remarks: Vec::new(),
            integrations: Integration::all(&mut rng),
            rng,
            turn: 0,
        };
        let minutes = WARM_UP.as_secs() / 60;
        for minute in 0..minutes {
            // What drivers wanted to say long ago is stale.
            if minute + STAGING < minutes {
                world.remarks.clear();
            }
            world.step(Duration::from_secs(60));
            if minute + STAGING >= minutes && minute + 2 < minutes {
                world.stage(minute + 5 >= minutes);
            }
        }
        world.events.clear();
        world.docket.hand_over(now, &mut world.rng);
        world
    }

    /// The crews, in the order of their indexes.
    pub(super) fn crews(&self) -> impl Iterator<Item = &Crew> {
        self.units.iter().map(|unit| &unit.truck.crew)
    }

    /// What fills an empty board: every route with its ETAs, every integration, every open alert.
    pub(super) fn opening(&mut self) -> Vec<Value> {
        let mut events = Vec::new();
        for index in 0..self.units.len() {
            events.push(self.status(index, "planner"));
            self.forecast(index);
            for arrival in self.units[index].arrivals.clone() {
                self.units[index].truck.plan.stops[arrival.stop].published = None;
                events.extend(self.eta(index, arrival, None));
            }
        }
        for integration in &self.integrations {
            events.extend(integration.latest(self.now).map(|sync| event("sync_progress", self.now, &sync)));
        }
        let plans = self.units.iter().map(|unit| unit.truck.plan.id.clone()).collect();
        events.extend(self.docket.opening(&plans, self.now));
        events
    }

    /// Lets `passed` go by on the wall clock and returns what happened, in order.
    pub(super) fn step(&mut self, passed: Duration) -> Vec<Value> {
        let mut left = passed;
        while !left.is_zero() {
            let slice = left.min(SLICE);
            left -= slice;
            self.pass(slice);
        }
        std::mem::take(&mut self.events)
    }

    /// Takes in what people did on the board.
    pub(super) fn hear(&mut self, event: &Value) {
        self.docket.hear(event);
    }

    /// What drivers want to say, since this was last asked.
    pub(super) fn remarks(&mut self) -> Vec<Remark> {
        std::mem::take(&mut self.remarks)
    }

    /// What a driver knows about themselves.
    pub(super) fn facts(&self, index: usize) -> Option<Facts> {
        let unit = self.units.get(index)?;
        let arrival = unit.arrivals.first();
        let next = arrival.map(|arrival| &unit.truck.plan.stops[arrival.stop]);
        let eta = arrival.map(|arrival| after(unit.seen, arrival.minutes));
        Some(Facts::of(&unit.truck, next, eta, self.now, self.weather.at(unit.truck.position())))
    }

    fn pass(&mut self, slice: Duration) {
        let seconds = slice.as_secs_f64();
        let minutes = seconds / 60.0 * ROAD_FACTOR;
        self.now = self.now.checked_add(SignedDuration::try_from(slice).unwrap_or_default()).unwrap_or(self.now);
        self.weather.pass(minutes, self.now, &mut self.rng);
        for index in 0..self.units.len() {
            self.drive(index, minutes);
            self.incidents(index, minutes);
        }
        for index in 0..self.integrations.len() {
            self.sync(index, seconds);
        }
        let grown = self.docket.pass(minutes, self.now);
        self.events.extend(grown);
    }

    fn drive(&mut self, index: usize, minutes: f64) {
        let unit = &mut self.units[index];
        let storm = self.weather.at(unit.truck.position());
        let pace = storm.map_or(1.0, |storm| storm.kind.pace);
        let happenings = unit.truck.advance(minutes, self.now, pace);
        let stale = until(unit.seen, self.now) >= FORECAST_MINUTES;
        if happenings.is_empty() && !stale {
            return;
        }
        let finished = happenings.contains(&Happening::Finished);
        for happening in happenings {
            self.tell(index, happening, finished);
        }
        self.forecast(index);
        for arrival in self.units[index].arrivals.clone() {
            if self.is_news(index, arrival) {
                let reason = self.reason(index, arrival);
                let update = self.eta(index, arrival, reason);
                self.events.extend(update);
            }
        }
    }

    /// Publishes a happening, and ends the alerts that it settles. Where the plan is `finished`,
    /// the end of its last segment is the end of the plan.
    fn tell(&mut self, index: usize, happening: Happening, finished: bool) {
        match happening {
            Happening::Ended(segment) => {
                let plan = if finished { PlanStatus::Completed } else { PlanStatus::Active };
                let update = self.segment_status(index, segment, "completed", plan);
                self.events.push(update);
                let plan = &self.units[index].truck.plan;
                if plan.segments[segment].kind == SegmentKind::Dock {
                    self.left_dock(index);
                }
            }
            Happening::Began(segment) => {
                let update = self.segment_status(index, segment, "in_progress", PlanStatus::Active);
                self.events.push(update);
                let plan = &self.units[index].truck.plan;
                if plan.segments[segment].kind == SegmentKind::Dock {
                    self.reached_stop(index);
                }
            }
            Happening::Finished => {
                self.units[index].truck.take_next_load(self.now);
                let update = self.status(index, "planner");
                self.events.push(update);
            }
        }
    }

    pub(super) fn forecast(&mut self, index: usize) {
        let unit = &mut self.units[index];
        unit.arrivals = unit.truck.outlook().arrivals(self.now);
        unit.seen = self.now;
    }

    fn sync(&mut self, index: usize, seconds: f64) {
        let about = About::Sync(index);
        let Some(sync) = self.integrations[index].pass(seconds, self.now, &mut self.rng) else { return };
        self.events.push(event("sync_progress", self.now, &sync));
        let integration = &self.integrations[index];
        if sync.completed_at.is_none() {
            return;
        }
        if !integration.failing {
            let end = self.docket.end(about, self.now);
            self.events.extend(end);
        } else if !self.docket.holds(about) {
            let error = sync.error.unwrap_or_default();
            let wording = super::wording::sync_failed(&integration.id(), integration.name(), &error);
            let raised = self.docket.raise(about, wording, None, None, None, self.now);
            self.events.push(raised);
        }
    }
}

#[cfg(test)]
mod tests;
