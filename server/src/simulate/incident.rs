//! What befalls a truck: the conditions that hold alerts open, and what comes by chance.

use rand::Rng;
use rand::seq::IndexedRandom;
use sally_protocol::Id;
use sally_protocol::alert::Priority;
use sally_protocol::fleet::EtaStatus;

use super::cause::{BREAKDOWN, CHANCES, Cause, Chance};
use super::docket::About;
use super::plan::SegmentKind;
use super::remark::Occasion;
use super::report::AT_RISK_MINUTES;
use super::truck::until;
use super::wording::word;
use super::world::{Remark, World};

/// With less than this left a dispatcher wants to know.
const HOURS_SHORT: f64 = 45.0;

/// Free time at a dock.
const FREE_TIME: f64 = 120.0;

/// The share of the tank that is low.
const FUEL_LOW: f64 = 0.18;

/// An ETA that got this much better than late or at risk (on the road) settles its alert; closer
/// than that it would come and go.
const SETTLED: f64 = 10.0;

/// Slow traffic, in a hundred hours of driving.
const TRAFFIC_PER_HUNDRED_HOURS: f64 = 18.0;

impl World {
    /// Lets `minutes` on the road bring what they bring to a truck.
    pub(super) fn incidents(&mut self, index: usize, minutes: f64) {
        self.chances(index, minutes);
        self.conditions(index);
    }

    /// The truck has come to a stop: whatever was said about reaching it is settled.
    pub(super) fn reached_stop(&mut self, index: usize) {
        for cause in [Cause::EtaAtRisk, Cause::EtaLate, Cause::AppointmentMissed] {
            self.end(index, cause);
        }
        self.remark(index, Occasion::Arrived, None, 0.2);
    }

    /// The truck has left a dock, now and then without its paperwork.
    pub(super) fn left_dock(&mut self, index: usize) {
        self.end(index, Cause::Detention);
        if self.units[index].truck.rng.random_bool(0.22) {
            let lasts = self.units[index].truck.rng.random_range(60.0..240.0);
            self.raise(index, Cause::DocumentMissing, None, Some(lasts));
        }
        self.remark(index, Occasion::Departed, None, 0.12);
    }

    /// Makes sure that the morning has something to show: an incident where fewer alerts are open
    /// than is usual and, to make it `complete`, a breakdown where nothing is critical or high.
    pub(super) fn stage(&mut self, complete: bool) {
        let rolling: Vec<usize> = (0..self.units.len()).filter(|&index| self.units[index].truck.is_rolling()).collect();
        if rolling.is_empty() {
            return;
        }
        if self.docket.len() < self.units.len().saturating_mul(4) / 5 {
            let index = rolling[self.rng.random_range(0..rolling.len())];
            if let Ok(chance) = CHANCES.choose_weighted(&mut self.rng, |chance| chance.per_hundred_hours) {
                self.befall(index, chance);
            }
        }
        if !complete {
            return;
        }
        for (priority, refrigerated) in [(Priority::Critical, true), (Priority::High, false)] {
            let fits = |index: &&usize| self.units[**index].truck.crew.setpoint.is_some() == refrigerated;
            if let Some(index) = rolling.iter().find(fits).copied().filter(|_| !self.docket.has(priority)) {
                self.befall(index, &BREAKDOWN);
            }
        }
    }

    fn chances(&mut self, index: usize, minutes: f64) {
        for chance in &CHANCES {
            let likelihood = (chance.per_hundred_hours * minutes / 6_000.0).min(1.0);
            if self.units[index].truck.rng.random_bool(likelihood) {
                self.befall(index, chance);
            }
        }
        let rolling = self.units[index].truck.is_rolling();
        let truck = &mut self.units[index].truck;
        if rolling
            && truck.traffic.1 <= 0.0
            && truck.rng.random_bool((TRAFFIC_PER_HUNDRED_HOURS * minutes / 6_000.0).min(1.0))
        {
            truck.traffic = (truck.rng.random_range(0.35..0.7), truck.rng.random_range(15.0..55.0));
            self.remark(index, Occasion::Traffic, None, 0.2);
        }
    }

    /// Lets a chance come true, where it can.
    fn befall(&mut self, index: usize, chance: &Chance) {
        let truck = &mut self.units[index].truck;
        if chance.rolling && !truck.is_rolling()
            || chance.cause == Cause::ReeferTemperature && truck.crew.setpoint.is_none()
            || self.docket.holds(About::Truck(index, chance.cause))
        {
            return;
        }
        let lasts = truck.rng.random_range(chance.lasts.clone());
        match chance.cause {
            Cause::Breakdown => {
                truck.standstill = lasts;
                let alert = self.raise(index, Cause::Breakdown, None, None);
                self.recommend_replan(index);
                self.remark(index, Occasion::Breakdown, alert, 1.0);
            }
            Cause::ReeferTemperature => {
                let alert = self.raise(index, chance.cause, None, Some(lasts));
                self.remark(index, Occasion::Reefer, alert, 0.5);
            }
            cause => {
                self.raise(index, cause, None, Some(lasts));
            }
        }
    }

    fn conditions(&mut self, index: usize) {
        let truck = &self.units[index].truck;
        // A truck that has broken down isn't driven, whatever the clock says.
        let driving = truck.is_rolling();
        let hours = truck.clocks.drive_left().min(truck.clocks.shift_left());
        let (fuel, dwell, standstill) = (truck.fuel, truck.dwell(), truck.standstill);
        let in_weather = truck.is_rolling() && self.weather.at(truck.position()).is_some();

        let out_of_reach = truck.plan.segment_now().is_some_and(|segment| segment.left() > hours);
        let short = driving && out_of_reach && (0.0..HOURS_SHORT).contains(&hours);
        let warned = self.docket.id_of(About::Truck(index, Cause::HoursShort));
        if self.hold(index, Cause::HoursExceeded, driving && hours < 0.0, warned) {
            self.remark(index, Occasion::HoursExceeded, None, 0.7);
        }
        if self.hold(index, Cause::HoursShort, short, None) {
            self.remark(index, Occasion::HoursShort, None, 0.35);
        }
        if self.hold(index, Cause::Detention, dwell > FREE_TIME, None) {
            self.remark(index, Occasion::Detained, None, 0.6);
        }
        self.hold(index, Cause::FuelLow, fuel < FUEL_LOW, None);
        if self.hold(index, Cause::Weather, in_weather, None) {
            self.remark(index, Occasion::Weather, None, 0.35);
        }
        if standstill <= 0.0 {
            self.end(index, Cause::Breakdown);
        }
        self.appointment(index);
    }

    /// Watches the appointment at the next stop. Of the three alerts about it one is open at a
    /// time, for the worst that is true.
    fn appointment(&mut self, index: usize) {
        let unit = &self.units[index];
        let Some(arrival) = unit.arrivals.first().copied() else { return };
        let end = unit.truck.plan.stops[arrival.stop].window.1;
        let margin = until(unit.seen, end) - arrival.minutes;
        let status = self.eta_status(index, arrival);
        if unit.truck.kind_now() == Some(SegmentKind::Dock) && unit.truck.dwell() < FREE_TIME {
            // While a truck is being loaded as usual, the next appointment is nobody's concern yet.
            return;
        }
        let open = |cause| self.docket.id_of(About::Truck(index, cause));
        let story =
            [Cause::Breakdown, Cause::HoursExceeded, Cause::Weather, Cause::Detention].into_iter().find_map(open);
        if self.now > end {
            let late = open(Cause::EtaLate);
            self.hold(index, Cause::AppointmentMissed, true, late.or(story));
            self.end(index, Cause::EtaLate);
            self.end(index, Cause::EtaAtRisk);
        } else if status == EtaStatus::Late {
            self.end(index, Cause::EtaAtRisk);
            if self.hold(index, Cause::EtaLate, true, story) {
                self.remark(index, Occasion::Late, None, 0.4);
            }
        } else if margin > SETTLED {
            self.end(index, Cause::EtaLate);
            if status == EtaStatus::AtRisk {
                self.hold(index, Cause::EtaAtRisk, true, story);
            } else if margin > AT_RISK_MINUTES + SETTLED {
                self.end(index, Cause::EtaAtRisk);
            }
        }
    }

    /// Opens or ends the alert of a condition. Returns whether it came up just now.
    fn hold(&mut self, index: usize, cause: Cause, holds: bool, parent: Option<Id>) -> bool {
        let open = self.docket.holds(About::Truck(index, cause));
        match (holds, open) {
            (true, false) => self.raise(index, cause, parent, None).is_some(),
            (false, true) => {
                self.end(index, cause);
                false
            }
            _ => false,
        }
    }

    fn raise(&mut self, index: usize, cause: Cause, parent: Option<Id>, lasts: Option<f64>) -> Option<Id> {
        let about = About::Truck(index, cause);
        if self.docket.holds(about) {
            return None;
        }
        let unit = &mut self.units[index];
        let eta = unit.arrivals.first().map_or(0.0, |arrival| arrival.minutes - until(unit.seen, self.now));
        let storm = self.weather.at(unit.truck.position());
        let wording = word(cause, &mut unit.truck, self.now, eta, storm);
        let crew = Some((&unit.truck.crew, &unit.truck.plan.id));
        let raised = self.docket.raise(about, wording, crew, parent, lasts, self.now);
        self.events.push(raised);
        self.docket.id_of(about)
    }

    fn end(&mut self, index: usize, cause: Cause) {
        let end = self.docket.end(About::Truck(index, cause), self.now);
        self.events.extend(end);
    }

    /// Lets a driver write about something, with a likelihood: not everybody always does.
    fn remark(&mut self, index: usize, occasion: Occasion, alert: Option<Id>, likelihood: f64) {
        if self.units[index].truck.rng.random_bool(likelihood) {
            self.remarks.push(Remark { truck: index, occasion, alert });
        }
    }
}
