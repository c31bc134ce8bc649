//! A truck on its plan: a minute at a time it drives, docks, rests and fuels.

use jiff::Timestamp;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use sally_protocol::fleet::Location;

use super::clocks::{Clocks, Duty, Rule};
use super::forecast::Outlook;
use super::place::CITIES;
use super::plan::{Plan, SegmentKind};
use super::roster::Crew;

/// How much faster the road runs than the clock on the wall: an hour of driving takes ten minutes.
/// Fast enough that something reaches a dock every minute, slow enough that an ETA is still ahead
/// when it is read. Whatever is published carries times of the wall clock, so an ETA in 20 minutes
/// comes true in 20 minutes.
pub(super) const ROAD_FACTOR: f64 = 6.0;

/// How far a full tank goes.
pub(super) const RANGE_MILES: f64 = 950.0;

/// Minutes at the pump.
pub(super) const FUELING: f64 = 25.0;

/// A driver who has to stop begins to look for a place this early.
const PARKING: f64 = 8.0;

/// How far those overrun the clock who do.
const OVERRUN: f64 = 35.0;

/// It isn't worth setting off for less.
const WORTHWHILE: f64 = 20.0;

/// The wall-clock time `minutes` on the road after `now`, to a whole second.
pub(super) fn after(now: Timestamp, minutes: f64) -> Timestamp {
    let seconds = (minutes * 60.0 / ROAD_FACTOR).round() as i64;
    Timestamp::from_second(now.as_second().saturating_add(seconds)).unwrap_or(now)
}

/// The minutes on the road until `time`; negative when it has passed.
pub(super) fn until(now: Timestamp, time: Timestamp) -> f64 {
    time.duration_since(now).as_secs_f64() / 60.0 * ROAD_FACTOR
}

/// What a minute brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Happening {
    /// A segment, by its index, was completed.
    Ended(usize),
    /// A segment, by its index, began.
    Began(usize),
    /// The last stop is served.
    Finished,
}

/// A truck, its driver, and the load it carries.
#[derive(Debug, Clone)]
pub(super) struct Truck {
    pub(super) crew: Crew,
    pub(super) rng: StdRng,
    pub(super) clocks: Clocks,
    pub(super) plan: Plan,
    /// Share of a full tank.
    pub(super) fuel: f64,
    /// Broken down for so many more minutes.
    pub(super) standstill: f64,
    /// Slowed by traffic to this share of the usual pace, for so many more minutes.
    pub(super) traffic: (f64, f64),
    /// What the truck makes in an hour, lights and hills included.
    pace_mph: f64,
    /// The share of the tank at which the driver fuels. Some let it run low.
    refuel_at: f64,
    /// Whether the driver means to overrun the clock today rather than park early.
    pushes_on: bool,
    /// Begins load numbers.
    prefix: String,
    loads: usize,
}

impl Truck {
    /// A truck that comes on duty in `rested_in` minutes; a negative number is a shift under way.
    pub(super) fn new(crew: Crew, prefix: String, seed: u64, now: Timestamp, rested_in: f64) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let pace_mph = rng.random_range(54.0..62.0);
        let plan = Plan::new(&format!("{prefix}01"), &crew, crew.home, pace_mph, &mut rng);
        let clocks = Clocks::rested(rng.random_range(12.0..48.0) * 60.0);
        let mut truck = Self {
            fuel: rng.random_range(0.3..1.0),
            pushes_on: rng.random_bool(0.1),
            crew,
            clocks,
            plan,
            standstill: 0.0,
            traffic: (1.0, 0.0),
            pace_mph,
            refuel_at: 0.25,
            prefix,
            loads: 1,
            rng,
        };
        if rested_in > 0.0 {
            truck.plan.interrupt(SegmentKind::Rest, rested_in);
        } else {
            // Part of a shift has gone by at the wheel, part of it at docks.
            let driven = -rested_in * 0.7;
            truck.clocks.pass(Duty::Driving, driven / 2.0);
            truck.clocks.pass(Duty::Working, -rested_in * 0.3);
            truck.clocks.pass(Duty::Driving, driven / 2.0);
        }
        truck.make_appointments(now);
        truck
    }

    pub(super) fn position(&self) -> Location {
        match self.plan.segment_now().or(self.plan.segments.last()) {
            Some(segment) => segment.position(),
            None => CITIES[self.crew.home].location(),
        }
    }

    pub(super) fn kind_now(&self) -> Option<SegmentKind> {
        self.plan.segment_now().map(|segment| segment.kind)
    }

    /// Whether the wheels turn.
    pub(super) fn is_rolling(&self) -> bool {
        self.kind_now() == Some(SegmentKind::Drive) && self.standstill <= 0.0
    }

    /// How long the truck has been at a dock since its appointment; 0 elsewhere.
    pub(super) fn dwell(&self) -> f64 {
        match self.plan.segment_now() {
            Some(segment) if segment.kind == SegmentKind::Dock => (segment.done - segment.wait).max(0.0),
            _ => 0.0,
        }
    }

    /// What the truck would do from here on if nothing came in between.
    pub(super) fn outlook(&self) -> Outlook<'_> {
        Outlook {
            plan: &self.plan,
            clocks: self.clocks.clone(),
            fuel_minutes: ((self.fuel - self.refuel_at).max(0.0)) * RANGE_MILES / self.pace_mph * 60.0,
            tank_minutes: (1.0 - self.refuel_at) * RANGE_MILES / self.pace_mph * 60.0,
            standstill: self.standstill,
        }
    }

    /// Lets at most a minute pass; `weather` is the share of the usual pace that it allows.
    pub(super) fn advance(&mut self, minutes: f64, now: Timestamp, weather: f64) -> Vec<Happening> {
        let mut happenings = Vec::new();
        let Some(kind) = self.kind_now() else { return happenings };
        if kind == SegmentKind::Drive && self.standstill <= 0.0 {
            self.stop_if_due(&mut happenings);
        }
        let index = self.plan.current;
        let Some(segment) = self.plan.segments.get_mut(index) else { return happenings };
        match segment.kind {
            SegmentKind::Drive if self.standstill > 0.0 => {
                self.standstill -= minutes;
                self.clocks.pass(Duty::Working, minutes);
            }
            SegmentKind::Drive => {
                let slowed = if self.traffic.1 > 0.0 { self.traffic.0 } else { 1.0 };
                self.traffic.1 -= minutes;
                // A truck on a clear road is a little ahead of its plan.
                let share = weather * slowed * 1.02;
                segment.done += minutes * share;
                self.fuel -= minutes * share / 60.0 * self.pace_mph / RANGE_MILES;
                self.clocks.pass(Duty::Driving, minutes);
            }
            SegmentKind::Dock | SegmentKind::Fuel => {
                segment.done += minutes;
                self.clocks.pass(Duty::Working, minutes);
            }
            SegmentKind::Rest => {
                segment.done += minutes;
                self.clocks.pass(Duty::Off, minutes);
            }
        }
        if segment.left() <= 1e-9 {
            self.finish(index, now, &mut happenings);
        }
        happenings
    }

    /// Rests or fuels when the law or the tank asks for it.
    fn stop_if_due(&mut self, happenings: &mut Vec<Happening>) {
        let (rule, left) = self.clocks.next_limit();
        let may_overrun = self.pushes_on && matches!(rule, Rule::Drive | Rule::Shift);
        let setting_off = self.plan.segment_now().is_some_and(|segment| segment.done < 1.0);
        let enough = match (may_overrun, setting_off) {
            (true, _) => -OVERRUN,
            (false, true) => WORTHWHILE,
            (false, false) => PARKING,
        };
        let (kind, minutes) = if left <= enough {
            (SegmentKind::Rest, Clocks::rest_for(rule))
        } else if self.fuel <= self.refuel_at {
            (SegmentKind::Fuel, FUELING)
        } else {
            return;
        };
        let driving = self.plan.current;
        if self.plan.interrupt(kind, minutes) {
            happenings.push(Happening::Ended(driving));
        }
        happenings.push(Happening::Began(self.plan.current));
    }

    fn finish(&mut self, index: usize, now: Timestamp, happenings: &mut Vec<Happening>) {
        let segment = &self.plan.segments[index];
        match segment.kind {
            SegmentKind::Fuel => {
                self.fuel = 1.0;
                self.refuel_at = if self.rng.random_bool(0.25) { 0.08 } else { 0.25 };
            }
            SegmentKind::Rest if segment.length >= Clocks::rest_for(Rule::Drive) => {
                self.pushes_on = self.rng.random_bool(0.05);
            }
            _ => {}
        }
        happenings.push(Happening::Ended(index));
        self.plan.current = index + 1;
        let Some(next) = self.plan.segments.get_mut(index + 1) else {
            happenings.push(Happening::Finished);
            return;
        };
        if next.kind == SegmentKind::Dock {
            let stop = &self.plan.stops[next.stop];
            next.wait = until(now, stop.window.0).max(0.0);
            next.length = next.wait + stop.service;
        }
        happenings.push(Happening::Began(index + 1));
    }

    /// Takes the next load, from where the last one ended.
    pub(super) fn take_next_load(&mut self, now: Timestamp) {
        let here = self.plan.stops.last().map_or(self.crew.home, |stop| stop.city);
        self.loads += 1;
        let load = format!("{}{:02}", self.prefix, self.loads);
        self.plan = Plan::new(&load, &self.crew, here, self.pace_mph, &mut self.rng);
        self.make_appointments(now);
    }

    /// Makes an appointment for each stop, as a planner would: on the quarter hour, around the
    /// time the truck can be there.
    fn make_appointments(&mut self, now: Timestamp) {
        for stop in 0..self.plan.stops.len() {
            let Some(eta) = self.outlook().arrivals(now).into_iter().find(|arrival| arrival.stop == stop) else {
                continue;
            };
            let arrival = after(now, eta.minutes);
            let start = quarter(arrival, -self.rng.random_range(120..=900));
            let end = quarter(start, 60 * [30, 45, 60][self.rng.random_range(0..3)]);
            // A window that closes as the truck pulls in is no plan.
            let end = if until(arrival, end) < 50.0 { quarter(end, 900) } else { end };
            self.plan.stops[stop].window = (start, end);
        }
    }
}

/// The quarter hour at or before `seconds` after `time`.
fn quarter(time: Timestamp, seconds: i64) -> Timestamp {
    let second = time.as_second().saturating_add(seconds);
    Timestamp::from_second(second - second.rem_euclid(900)).unwrap_or(time)
}
