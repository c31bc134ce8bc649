//! What a driver knows about themselves, for what they write.

use jiff::Timestamp;
use sally_protocol::Id;

use super::place::{self, CITIES};
use super::plan::{SegmentKind, Stop};
use super::truck::Truck;
use super::weather::Storm;
use super::wording::span;

/// What a driver is doing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Doing {
    Driving,
    /// For so many minutes since the appointment.
    Docked(f64),
    /// For so many more minutes.
    Resting(f64),
    Fueling,
    /// For so many more minutes.
    BrokenDown(f64),
}

/// What a driver knows about themselves.
#[derive(Debug, Clone)]
pub(super) struct Facts {
    pub(super) plan: Id,
    pub(super) doing: Doing,
    /// Where they are, `in Tulsa`.
    pub(super) place: String,
    /// The dock they stand at, else the next one.
    pub(super) here: &'static str,
    pub(super) next: Option<Next>,
    pub(super) drive_left: f64,
    pub(super) shift_left: f64,
    pub(super) commodity: &'static str,
    pub(super) pallets: u32,
    pub(super) pounds: u32,
    pub(super) trailer: String,
    pub(super) unit: String,
    pub(super) setpoint: Option<i32>,
    pub(super) fuel_percent: f64,
    pub(super) weather: Option<&'static str>,
}

#[derive(Debug, Clone)]
pub(super) struct Next {
    pub(super) facility: &'static str,
    pub(super) city: &'static str,
    /// Minutes on the wall clock.
    pub(super) minutes: f64,
    pub(super) late: bool,
}

impl Facts {
    pub(super) fn of(
        truck: &Truck,
        next: Option<&Stop>,
        eta: Option<Timestamp>,
        now: Timestamp,
        storm: Option<&Storm>,
    ) -> Self {
        let segment = truck.plan.segment_now();
        let left = segment.map_or(0.0, |segment| segment.left());
        let doing = match truck.kind_now() {
            Some(SegmentKind::Drive) if truck.standstill > 0.0 => Doing::BrokenDown(truck.standstill),
            Some(SegmentKind::Drive) | None => Doing::Driving,
            Some(SegmentKind::Dock) => Doing::Docked(truck.dwell()),
            Some(SegmentKind::Rest) => Doing::Resting(left),
            Some(SegmentKind::Fuel) => Doing::Fueling,
        };
        Self {
            plan: truck.plan.id.clone(),
            doing,
            place: place::describe(truck.position()),
            here: segment.map_or("the yard", |segment| truck.plan.stops[segment.stop].facility),
            next: next.zip(eta).map(|(stop, eta)| Next {
                facility: stop.facility,
                city: CITIES[stop.city].name,
                minutes: (eta.duration_since(now).as_secs_f64() / 60.0).max(1.0),
                late: eta > stop.window.1,
            }),
            drive_left: truck.clocks.drive_left().min(truck.clocks.shift_left()).max(0.0),
            shift_left: truck.clocks.shift_left().max(0.0),
            commodity: truck.plan.commodity,
            pallets: truck.plan.pallets,
            pounds: truck.plan.pounds,
            trailer: truck.crew.trailer.clone(),
            unit: truck.crew.unit.clone(),
            setpoint: truck.crew.setpoint,
            fuel_percent: (truck.fuel * 100.0).round(),
            weather: storm.map(|storm| storm.kind.name),
        }
    }

    /// Whether the driver can look at a phone: at the wheel an answer waits for a stop light.
    pub(super) fn at_the_wheel(&self) -> bool {
        self.doing == Doing::Driving
    }

    pub(super) fn is_resting(&self) -> bool {
        matches!(self.doing, Doing::Resting(left) if left > 60.0)
    }

    /// When the next stop will be reached.
    pub(super) fn eta(&self) -> String {
        match &self.next {
            None => "this is my last stop, empty after this one".into(),
            Some(next) => format!("{} should be about {} out", next.facility, span(next.minutes)),
        }
    }

    /// What they do, as they would say it.
    pub(super) fn doing(&self) -> String {
        match self.doing {
            Doing::Driving => format!("rolling, {}", self.place),
            Doing::Docked(minutes) if minutes < 2.0 => format!("checked in at {}, waiting on a door", self.here),
            Doing::Docked(minutes) => format!("in the door at {}, {} now", self.here, span(minutes)),
            Doing::Resting(left) if left > 60.0 => format!("on my 10 {}, {} to go", self.place, span(left)),
            Doing::Resting(left) => format!("on my 30 {}, {} left", self.place, span(left)),
            Doing::Fueling => format!("at the pump {}", self.place),
            Doing::BrokenDown(_) => format!("still on the shoulder {}", self.place),
        }
    }
}
