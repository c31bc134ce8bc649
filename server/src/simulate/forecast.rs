//! When a truck will be where, with the rests and the fuel that it needs on the way.

use jiff::Timestamp;

use super::clocks::{Clocks, Duty};
use super::plan::{Plan, SegmentKind};
use super::truck::{FUELING, until};

/// A truck's state, as far as it decides about its arrivals. Times are minutes on the road.
#[derive(Debug)]
pub(super) struct Outlook<'a> {
    pub(super) plan: &'a Plan,
    pub(super) clocks: Clocks,
    /// Driving until the next fuel stop.
    pub(super) fuel_minutes: f64,
    /// Driving between two fuel stops.
    pub(super) tank_minutes: f64,
    /// Standing before the drive goes on.
    pub(super) standstill: f64,
}

/// When a stop will be reached.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Arrival {
    pub(super) stop: usize,
    pub(super) minutes: f64,
    /// Whether a daily rest lies before it.
    pub(super) rests: bool,
}

/// Rests begin with this much left on the clock: nobody parks to the minute.
const RESERVE: f64 = 8.0;

/// What a planner allows for a dock. How long it really takes is known when it is over.
const USUAL_SERVICE: f64 = 70.0;

/// Stretches shorter than this don't count: rounding must not keep a truck from arriving.
const STEP: f64 = 0.01;

impl Outlook<'_> {
    /// The arrivals at the stops still ahead, in their order.
    pub(super) fn arrivals(mut self, now: Timestamp) -> Vec<Arrival> {
        let mut arrivals = Vec::new();
        let (mut minutes, mut rests) = (0.0, false);
        let segments = &self.plan.segments[self.plan.current.min(self.plan.segments.len())..];
        for (index, segment) in segments.iter().enumerate() {
            match segment.kind {
                SegmentKind::Drive => {
                    minutes += std::mem::take(&mut self.standstill);
                    let (passed, rested) = self.drive(segment.left());
                    minutes += passed;
                    rests |= rested;
                }
                SegmentKind::Rest => {
                    minutes += segment.left();
                    rests |= segment.left() > 60.0;
                    self.clocks.pass(Duty::Off, segment.left());
                }
                SegmentKind::Fuel => {
                    minutes += segment.left();
                    self.fuel_minutes = self.tank_minutes;
                    self.clocks.pass(Duty::Working, segment.left());
                }
                SegmentKind::Dock => {
                    let stay = if index == 0 {
                        (segment.wait + USUAL_SERVICE - segment.done).max(5.0)
                    } else {
                        arrivals.push(Arrival { stop: segment.stop, minutes, rests });
                        let stop = &self.plan.stops[segment.stop];
                        (until(now, stop.window.0) - minutes).max(0.0) + USUAL_SERVICE
                    };
                    minutes += stay;
                    self.clocks.pass(Duty::Working, stay);
                }
            }
        }
        arrivals
    }

    /// Drives for `left` minutes, and says how long that takes and whether a daily rest was needed.
    fn drive(&mut self, mut left: f64) -> (f64, bool) {
        let (mut passed, mut rested) = (0.0, false);
        while left > 0.0 {
            let (rule, limit) = self.clocks.next_limit();
            if limit <= RESERVE + STEP {
                let rest = Clocks::rest_for(rule);
                rested |= rest > 60.0;
                passed += rest;
                self.clocks.pass(Duty::Off, rest);
            } else if self.fuel_minutes <= STEP {
                passed += FUELING;
                self.fuel_minutes = self.tank_minutes;
                self.clocks.pass(Duty::Working, FUELING);
            } else {
                let stretch = left.min(limit - RESERVE).min(self.fuel_minutes).max(STEP);
                self.clocks.pass(Duty::Driving, stretch);
                self.fuel_minutes -= stretch;
                passed += stretch;
                left -= stretch;
            }
        }
        (passed, rested)
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::super::plan::Plan;
    use super::super::roster::crews;
    use super::*;

    /// A plan whose drives all take `drive` minutes, and whose appointments are long past.
    fn plan(drive: f64) -> Plan {
        let mut rng = StdRng::seed_from_u64(2);
        let crew = &crews(10, 1, &mut rng)[0];
        let mut plan = Plan::new("LD-1", crew, 0, 60.0, &mut rng);
        for segment in plan.segments.iter_mut().filter(|segment| segment.kind == SegmentKind::Drive) {
            segment.length = drive;
        }
        plan
    }

    fn arrivals(plan: &Plan, clocks: Clocks, fuel_minutes: f64) -> Vec<Arrival> {
        let outlook = Outlook { plan, clocks, fuel_minutes, tank_minutes: 900.0, standstill: 0.0 };
        outlook.arrivals("2026-03-02T15:00:00Z".parse().expect("a time"))
    }

    #[test]
    fn an_easy_day_is_driving_and_docking() {
        let found = arrivals(&plan(100.0), Clocks::rested(0.0), 900.0);
        assert!((found[0].minutes - 100.0).abs() < 0.1);
        assert!((found[1].minutes - (100.0 + USUAL_SERVICE + 100.0)).abs() < 0.1);
        assert!(found.iter().all(|arrival| !arrival.rests));
    }

    #[test]
    fn the_law_and_the_tank_cost_time() {
        let mut tired = Clocks::rested(0.0);
        tired.pass(Duty::Driving, 470.0);
        let found = arrivals(&plan(100.0), tired.clone(), 900.0)[0];
        assert!((found.minutes - 130.0).abs() < 0.1, "a break of half an hour: {found:?}");
        tired.pass(Duty::Working, 30.0);
        tired.pass(Duty::Driving, 180.0);
        let found = arrivals(&plan(100.0), tired, 900.0)[0];
        assert!((found.minutes - 700.0).abs() < 0.1 && found.rests, "ten hours off: {found:?}");
        let found = arrivals(&plan(100.0), Clocks::rested(0.0), 30.0)[0];
        assert!((found.minutes - (100.0 + FUELING)).abs() < 0.1, "a fuel stop: {found:?}");
    }
}
