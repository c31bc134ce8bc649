//! What the world says of its routes: where trucks are, and when they will be where.

use jiff::SignedDuration;
use rand::Rng;
use sally_protocol::fleet::{EtaStatus, EtaUpdate, PlanStatus, RouteStatus, Window};
use serde_json::Value;

use super::cause::Cause;
use super::docket::About;
use super::event::event;
use super::forecast::Arrival;
use super::place;
use super::truck::{after, until};
use super::world::World;

/// An ETA that moved by less (on the road) isn't published by itself.
const SHIFT_MINUTES: f64 = 12.0;

/// With less than this (on the road) between ETA and the end of its window a stop is at risk.
pub(super) const AT_RISK_MINUTES: f64 = 25.0;

impl World {
    /// One routine report: a position, an ETA that moved a little, a sync that got on. What
    /// happens is published by [`World::step`]; this fills the stream between.
    pub(super) fn report(&mut self) -> Option<Value> {
        let roll = self.rng.random_range(0..100);
        if roll < 15 {
            let running: Vec<_> = self.integrations.iter().filter_map(|one| one.progress(self.now)).collect();
            if !running.is_empty() {
                return Some(event("sync_progress", self.now, &running[self.rng.random_range(0..running.len())]));
            }
        }
        let index = self.next_to_report()?;
        if roll > 65 {
            self.forecast(index);
            if let Some(arrival) = self.units[index].arrivals.first().copied() {
                let eta = after(self.now, arrival.minutes);
                let known = self.units[index].truck.plan.stops[arrival.stop].published;
                if known.is_some_and(|(last, _)| eta.duration_since(last).abs() >= SignedDuration::from_mins(1)) {
                    let reason = self.reason(index, arrival);
                    return self.eta(index, arrival, reason);
                }
            }
        }
        Some(self.status(index, self.source(index)))
    }

    /// How the arrival at a stop stands to its appointment.
    pub(super) fn eta_status(&self, index: usize, arrival: Arrival) -> EtaStatus {
        let unit = &self.units[index];
        let margin = until(unit.seen, unit.truck.plan.stops[arrival.stop].window.1) - arrival.minutes;
        match margin {
            margin if margin < 0.0 => EtaStatus::Late,
            margin if margin < AT_RISK_MINUTES => EtaStatus::AtRisk,
            _ => EtaStatus::OnTime,
        }
    }

    pub(super) fn is_news(&self, index: usize, arrival: Arrival) -> bool {
        let unit = &self.units[index];
        match unit.truck.plan.stops[arrival.stop].published {
            None => true,
            Some((eta, status)) => {
                let shift = until(eta, after(unit.seen, arrival.minutes)).abs();
                shift >= SHIFT_MINUTES || shift >= 2.0 && status != self.eta_status(index, arrival)
            }
        }
    }

    pub(super) fn eta(&mut self, index: usize, arrival: Arrival, reason: Option<String>) -> Option<Value> {
        let status = self.eta_status(index, arrival);
        let unit = &mut self.units[index];
        let eta = after(unit.seen, arrival.minutes);
        let stop = unit.truck.plan.stops.get_mut(arrival.stop)?;
        let previous = stop.published.replace((eta, status)).map(|(previous, _)| previous);
        let update = EtaUpdate {
            plan_id: unit.truck.plan.id.clone(),
            driver_id: Some(unit.truck.crew.driver.clone()),
            stop_id: Some(stop.id.clone()),
            stop_name: Some(stop.name.clone()),
            previous_eta: previous,
            eta: Some(eta),
            eta_shift_minutes: previous
                .map_or(0.0, |previous| (eta.duration_since(previous).as_secs_f64() / 60.0).round()),
            eta_status: status,
            appointment_window: Some(Window { start: Some(stop.window.0), end: Some(stop.window.1) }),
            reason,
        };
        Some(event("eta_update", self.now, &update))
    }

    /// Why an ETA moved.
    pub(super) fn reason(&self, index: usize, arrival: Arrival) -> Option<String> {
        let unit = &self.units[index];
        let truck = &unit.truck;
        let (last, _) = truck.plan.stops[arrival.stop].published?;
        let reason = if after(unit.seen, arrival.minutes) < last {
            "Making good time".to_owned()
        } else if truck.standstill > 0.0 {
            "Mechanical breakdown".to_owned()
        } else if truck.dwell() > 70.0 {
            let here = truck.plan.segment_now().map_or(0, |segment| segment.stop);
            format!("Held at {}", truck.plan.stops[here].facility)
        } else if let Some(storm) = self.weather.at(truck.position()).filter(|_| truck.is_rolling()) {
            format!("{} near {}", storm.kind.name, storm.city)
        } else if truck.traffic.1 > 0.0 {
            format!("Slow traffic {}", place::describe(truck.position()))
        } else if arrival.rests {
            "Rest required before the stop (hours of service)".to_owned()
        } else {
            return None;
        };
        Some(reason)
    }

    /// Where a truck is and what it does.
    pub(super) fn status(&self, index: usize, source: &str) -> Value {
        let plan = &self.units[index].truck.plan;
        let segment = plan.current.min(plan.segments.len() - 1);
        let mut status = self.route_status(index, segment, "in_progress", PlanStatus::Active);
        status.source = source.to_owned();
        event("route_status", self.now, &status)
    }

    pub(super) fn segment_status(&self, index: usize, segment: usize, word: &str, plan: PlanStatus) -> Value {
        event("route_status", self.now, &self.route_status(index, segment, word, plan))
    }

    fn route_status(&self, index: usize, segment: usize, word: &str, status: PlanStatus) -> RouteStatus {
        let truck = &self.units[index].truck;
        let segment = &truck.plan.segments[segment];
        let held = self.docket.holds(About::Truck(index, Cause::Breakdown)) && status == PlanStatus::Active;
        RouteStatus {
            plan_id: truck.plan.id.clone(),
            status,
            driver_id: Some(truck.crew.driver.clone()),
            vehicle_id: Some(truck.crew.vehicle.clone()),
            segment_id: Some(segment.id.clone()),
            segment_type: Some(segment.kind.as_str().to_owned()),
            segment_status: Some(word.to_owned()),
            stop_name: Some(truck.plan.stops[segment.stop].name.clone()),
            location: Some(segment.position()),
            source: self.source(index).to_owned(),
            replan_recommended: held.then_some(true),
            replan_reason: held.then(|| "The truck has broken down; a relay would save the appointment.".to_owned()),
        }
    }

    /// Says that a truck needs a new plan.
    pub(super) fn recommend_replan(&mut self, index: usize) {
        let update = self.status(index, self.source(index));
        self.events.push(update);
    }

    pub(super) fn source(&self, index: usize) -> &'static str {
        match self.docket.holds(About::Truck(index, Cause::EldDisconnected)) {
            true => "driver_app",
            false => "eld",
        }
    }

    /// The next truck in turn, rolling ones first; `None` in a world without trucks.
    fn next_to_report(&mut self) -> Option<usize> {
        for _ in 0..self.units.len().min(12) {
            self.turn = (self.turn + 1) % self.units.len();
            if self.units[self.turn].truck.is_rolling() {
                return Some(self.turn);
            }
        }
        (!self.units.is_empty()).then_some(self.turn)
    }
}
