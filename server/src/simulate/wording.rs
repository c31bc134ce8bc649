//! How alerts are worded.

use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use sally_protocol::alert::Priority;
use serde_json::{Value, json};

use super::cause::Cause;
use super::place;
use super::truck::{ROAD_FACTOR, Truck, until};
use super::weather::Storm;

/// Everything that an alert says about its cause.
#[derive(Debug)]
pub(super) struct Wording {
    pub(super) kind: &'static str,
    pub(super) category: &'static str,
    pub(super) priority: Priority,
    pub(super) title: String,
    pub(super) message: String,
    pub(super) action: &'static str,
    pub(super) group: String,
    pub(super) metadata: Option<Value>,
    /// How it ends when it ends by itself.
    pub(super) resolution: &'static str,
}

/// A span on the road as a person would say it: `40 min`, `2 h 05`.
pub(super) fn span(minutes: f64) -> String {
    let minutes = minutes.max(0.0).round() as u64;
    if minutes < 90 { format!("{minutes} min") } else { format!("{} h {:02}", minutes / 60, minutes % 60) }
}

/// Words an alert about a truck.
pub(super) fn word(
    cause: Cause,
    truck: &mut Truck,
    now: jiff::Timestamp,
    eta_minutes: f64,
    storm: Option<&Storm>,
) -> Wording {
    let name = truck.crew.name.clone();
    let unit = truck.crew.unit.clone();
    let here = place::describe(truck.position());
    let load = truck.plan.id.to_string();
    let index = truck.plan.segment_now().map_or(truck.plan.stops.len() - 1, |segment| segment.stop);
    let index = if cause == Cause::Detention { index } else { truck.plan.next_stop().unwrap_or(index) };
    let stop = truck.plan.stops[index].clone();
    // Everything that is said about appointments is said in minutes of the wall clock.
    let past_window = (eta_minutes - until(now, stop.window.1)) / ROAD_FACTOR;
    let (driver_key, vehicle_key) =
        (format!("driver:{}", truck.crew.driver), format!("vehicle:{}", truck.crew.vehicle));
    let plan_key = format!("plan:{load}");
    let drive_left = truck.clocks.drive_left().min(truck.clocks.shift_left());
    let setpoint = truck.crew.setpoint;
    let (dwell, fuel) = (truck.dwell(), truck.fuel);
    let trailer = truck.crew.trailer.clone();
    let commodity = truck.plan.commodity;
    let standstill = truck.standstill;
    let rng = &mut truck.rng;

    match cause {
        Cause::HoursShort => Wording {
            kind: "hos_running_out",
            category: "hos",
            priority: Priority::High,
            title: format!("{} of drive time left", span(drive_left)),
            message: format!(
                "{name} is {here} with {} left on the clock; {} is still ahead.",
                span(drive_left),
                stop.facility
            ),
            action: "Find parking within reach now, and move the appointment or plan a relay.",
            group: driver_key,
            metadata: Some(json!({"minutesLeft": drive_left.round(), "rule": "395.3(a)"})),
            resolution: "The driver went off duty within the limit.",
        },
        Cause::HoursExceeded => Wording {
            kind: "hos_violation",
            category: "hos",
            priority: Priority::Critical,
            title: "Driving past the HOS limit".into(),
            message: format!(
                "{name} is still driving {here}, {} past the limit. Unit {unit} must park.",
                span(-drive_left)
            ),
            action: "Call the driver and get the truck parked; record the reason for the log review.",
            group: driver_key,
            metadata: Some(json!({"rule": "395.3(a)"})),
            resolution: "The truck is parked and the driver is off duty.",
        },
        Cause::EtaAtRisk => Wording {
            kind: "eta_at_risk",
            category: "eta",
            priority: Priority::Medium,
            title: format!("Tight for {}", stop.facility),
            message: format!(
                "{load}: the ETA at {} leaves {:.0} min of its window. Unit {unit} is {here}.",
                stop.name,
                (-past_window).max(0.0)
            ),
            action: "Watch it; ask the receiver whether they would work the truck in late.",
            group: plan_key,
            metadata: None,
            resolution: "The ETA is settled.",
        },
        Cause::EtaLate => Wording {
            kind: "eta_late",
            category: "eta",
            priority: if past_window > 25.0 { Priority::High } else { Priority::Medium },
            title: format!("Will be late at {}", stop.facility),
            message: format!(
                "{load}: unit {unit} is {here} and will reach {} about {:.0} min after its window closes.",
                stop.name,
                past_window.max(1.0)
            ),
            action: "Call the receiver, ask for a later appointment, and tell the customer.",
            group: plan_key,
            metadata: Some(json!({"minutesLate": past_window.max(1.0).round()})),
            resolution: "The truck has reached the stop.",
        },
        Cause::AppointmentMissed => Wording {
            kind: "appointment_missed",
            category: "eta",
            priority: Priority::High,
            title: format!("Appointment missed at {}", stop.facility),
            message: format!("{load}: the window at {} has closed and unit {unit} is still {here}.", stop.name),
            action: "Get a new appointment and update the order; note the reason for the service failure.",
            group: plan_key,
            metadata: None,
            resolution: "The stop was worked in.",
        },
        Cause::Detention => Wording {
            kind: "detention",
            category: "detention",
            priority: Priority::Medium,
            title: format!("At the dock for {}", span(dwell)),
            message: format!(
                "Unit {unit} has been at {} for {} since its appointment ({load}). Free time is over.",
                stop.name,
                span(dwell)
            ),
            action: "Notify the broker that detention has started and get the in and out times on the BOL.",
            group: plan_key,
            metadata: Some(json!({"dwellMinutes": dwell.round()})),
            resolution: "The truck has left the dock.",
        },
        Cause::FuelLow => Wording {
            kind: "low_fuel",
            category: "maintenance",
            priority: if fuel < 0.12 { Priority::High } else { Priority::Medium },
            title: format!("Fuel at {:.0} %", fuel * 100.0),
            message: format!("Unit {unit} is {here} with {:.0} % in the tanks.", fuel * 100.0),
            action: "Send the driver the next in-network fuel stop.",
            group: vehicle_key,
            metadata: Some(json!({"fuelPercent": (fuel * 100.0).round()})),
            resolution: "Fuelled.",
        },
        Cause::Weather => {
            let (what, city, severe, advice, number) = match storm {
                Some(storm) => (storm.kind.name, storm.city, storm.kind.severe, storm.kind.advice, storm.number),
                None => ("Heavy rain", stop.facility, false, "Allow for a slower leg.", 0),
            };
            Wording {
                kind: "weather",
                category: "weather",
                priority: if severe { Priority::High } else { Priority::Medium },
                title: format!("{what} near {city}"),
                message: format!("Unit {unit} ({name}) is {here}, inside the area of the {}.", what.to_lowercase()),
                action: advice,
                group: format!("weather:{number}"),
                metadata: None,
                resolution: "The truck is out of the area.",
            }
        }
        Cause::Breakdown => {
            let (what, detail) = *[
                ("Breakdown: no start", "won't restart after a stop; battery or starter"),
                ("Breakdown: blown trailer tire", "lost a trailer tire and is on the shoulder"),
                ("Breakdown: coolant leak", "shut down on high coolant temperature"),
                ("Breakdown: air leak", "can't build air pressure above 60 psi"),
            ]
            .choose(rng)
            .unwrap_or(&("Breakdown", "has stopped"));
            Wording {
                kind: "breakdown",
                category: "maintenance",
                priority: if setpoint.is_some() { Priority::Critical } else { Priority::High },
                title: what.into(),
                message: format!("Unit {unit} {detail}, {here}. Roadside estimates {}.", span(standstill)),
                action: "Dispatch roadside assistance, check the driver is safe, and look for a truck to repower the load.",
                group: vehicle_key,
                metadata: Some(json!({"estimateMinutes": standstill.round()})),
                resolution: "Repaired; the truck is rolling again.",
            }
        }
        Cause::HardBraking => {
            let (from, to) = (rng.random_range(52..68), rng.random_range(8..30));
            let severe = rng.random_bool(0.2);
            Wording {
                kind: "hard_braking",
                category: "safety",
                priority: if severe { Priority::High } else { Priority::Medium },
                title: if severe { "Hard braking, close following".into() } else { "Hard braking".into() },
                message: format!(
                    "Unit {unit} slowed from {from} to {to} mph {here}. {name} is driving; video is available."
                ),
                action: "Review the clip and call the driver once parked.",
                group: driver_key,
                metadata: Some(json!({"fromMph": from, "toMph": to})),
                resolution: "Reviewed by safety: no coaching needed.",
            }
        }
        Cause::Speeding => {
            let (speed, limit) = (rng.random_range(74..82), *[60, 65].choose(rng).unwrap_or(&65));
            Wording {
                kind: "speeding",
                category: "safety",
                priority: if speed - limit > 15 { Priority::Medium } else { Priority::Low },
                title: format!("{speed} mph in a {limit} zone"),
                message: format!("Unit {unit} held {speed} mph for two minutes {here} (truck limit {limit})."),
                action: "Remind the driver; repeated events go to the safety manager.",
                group: driver_key,
                metadata: Some(json!({"speedMph": speed, "limitMph": limit})),
                resolution: "No repeat within the review period.",
            }
        }
        Cause::OffRoute => {
            let miles = rng.random_range(3..14);
            Wording {
                kind: "geofence_exit",
                category: "compliance",
                priority: Priority::Low,
                title: format!("{miles} miles off route"),
                message: format!("Unit {unit} left the planned corridor of {load} {here}."),
                action: "Ask the driver whether a detour or a stop is planned.",
                group: plan_key,
                metadata: Some(json!({"milesOff": miles})),
                resolution: "Back on the planned route.",
            }
        }
        Cause::CheckCallMissed => Wording {
            kind: "missed_check_call",
            category: "compliance",
            priority: Priority::Low,
            title: "Check call missed".into(),
            message: format!("No check call from {name} on {load}; the last position is {here}."),
            action: "Message the driver; the broker expects an update every four hours.",
            group: plan_key,
            metadata: None,
            resolution: "The driver has checked in.",
        },
        Cause::EldDisconnected => Wording {
            kind: "eld_disconnected",
            category: "hos",
            priority: Priority::Medium,
            title: "ELD disconnected".into(),
            message: format!(
                "Unit {unit}'s ELD is not connected to the engine; {name}'s hours are not being recorded."
            ),
            action: "Ask the driver to reseat the cable at the next stop; paper logs after 8 days (395.34).",
            group: vehicle_key,
            metadata: None,
            resolution: "The ELD is connected again.",
        },
        Cause::ReeferTemperature => {
            let target = setpoint.unwrap_or(36);
            let off = rng.random_range(6..15);
            Wording {
                kind: "reefer_temperature",
                category: "cargo",
                priority: if off > 12 {
                    Priority::Critical
                } else if target <= 0 || off > 9 {
                    Priority::High
                } else {
                    Priority::Medium
                },
                title: format!("Reefer at {} °F, set to {target} °F", target + off),
                message: format!(
                    "Trailer {trailer} with {commodity} ({load}) has been {off} °F too warm for 15 min, {here}."
                ),
                action: "Have the driver check the doors, the chute and the unit's fuel; call the customer above 10 °F.",
                group: plan_key,
                metadata: Some(json!({"setpointF": target, "returnAirF": target + off})),
                resolution: "The temperature is back within range.",
            }
        }
        Cause::TrailerDoor => Wording {
            kind: "trailer_door_open",
            category: "cargo",
            priority: Priority::High,
            title: "Trailer door opened in transit".into(),
            message: format!("The rear door of trailer {trailer} opened {here}, away from any stop of {load}."),
            action: "Call the driver, check the seal, and note its number.",
            group: plan_key,
            metadata: None,
            resolution: "The door is closed and the seal was checked.",
        },
        Cause::EngineFault => {
            let (spn, fmi, what, derate) = *[
                (1761, 18, "DEF tank level low", false),
                (3251, 0, "DPF differential pressure high, regeneration needed", false),
                (4364, 18, "SCR conversion efficiency low, derate in 4 h", true),
                (110, 16, "Coolant temperature moderately high", false),
                (100, 18, "Engine oil pressure low", true),
            ]
            .choose(rng)
            .unwrap_or(&(1761, 18, "DEF tank level low", false));
            Wording {
                kind: "engine_fault",
                category: "maintenance",
                priority: if derate { Priority::High } else { Priority::Medium },
                title: format!("Fault SPN {spn} FMI {fmi}"),
                message: format!("Unit {unit} reports: {what}. It is {here}."),
                action: "Check with maintenance whether the truck can finish the load.",
                group: vehicle_key,
                metadata: Some(json!({"spn": spn, "fmi": fmi})),
                resolution: "The fault has cleared.",
            }
        }
        Cause::TirePressure => {
            let (psi, wheel) = (
                rng.random_range(72..88),
                *["left steer", "right drive, outer", "left trailer, inner", "right trailer, outer"]
                    .choose(rng)
                    .unwrap_or(&"left steer"),
            );
            Wording {
                kind: "tire_pressure",
                category: "maintenance",
                priority: if wheel.contains("steer") { Priority::High } else { Priority::Medium },
                title: format!("Tire at {psi} psi"),
                message: format!("Unit {unit}, {wheel}: {psi} psi, target 105. It is {here}."),
                action: "Have it aired up or changed at the next truck stop.",
                group: vehicle_key,
                metadata: Some(json!({"psi": psi})),
                resolution: "Pressure is back to normal.",
            }
        }
        Cause::ServiceDue => {
            let miles = rng.random_range(2..19) * 100;
            Wording {
                kind: "service_due",
                category: "maintenance",
                priority: Priority::Low,
                title: format!("PM service due in {miles} miles"),
                message: format!("Unit {unit} is due for its B service in {miles} miles."),
                action: "Book the shop for the next pass through a terminal.",
                group: vehicle_key,
                metadata: None,
                resolution: "The service is booked.",
            }
        }
        Cause::DocumentMissing => Wording {
            kind: "document_missing",
            category: "compliance",
            priority: Priority::Low,
            title: if stop.is_pickup { "BOL missing".into() } else { "Proof of delivery missing".into() },
            message: format!("{load} has left a stop and the signed paperwork is not uploaded."),
            action: "Ask the driver for a photo; billing waits for it.",
            group: plan_key,
            metadata: None,
            resolution: "The document was uploaded.",
        },
        Cause::InspectionMissing => Wording {
            kind: "dvir_missing",
            category: "compliance",
            priority: Priority::Low,
            title: "No pre-trip inspection".into(),
            message: format!("{name} started the day in unit {unit} without a DVIR (396.13)."),
            action: "Ask the driver to complete the inspection at the next stop.",
            group: driver_key,
            metadata: None,
            resolution: "The inspection was submitted.",
        },
        Cause::MedicalCard => {
            let days = rng.random_range(4..28);
            Wording {
                kind: "medical_card_expiring",
                category: "compliance",
                priority: if days < 10 { Priority::Medium } else { Priority::Low },
                title: format!("Medical card expires in {days} days"),
                message: format!("{name}'s medical examiner's certificate expires in {days} days (391.45)."),
                action: "Schedule the exam and route the driver past home.",
                group: driver_key,
                metadata: None,
                resolution: "The exam is scheduled.",
            }
        }
    }
}

/// Words an alert about an integration.
pub(super) fn sync_failed(integration: &str, name: &str, error: &str) -> Wording {
    Wording {
        kind: "sync_failed",
        category: "integration",
        priority: Priority::Medium,
        title: format!("{name} sync failed"),
        message: error.to_owned(),
        action: "The next run is automatic; if it fails too, check the credentials in the integration's settings.",
        group: format!("integration:{integration}"),
        metadata: None,
        resolution: "The next run succeeded.",
    }
}

/// What a night dispatcher noted on an alert that was taken up before the morning shift came in.
pub(super) fn handover_note(rng: &mut StdRng) -> (&'static str, &'static str) {
    let who = ["m.ortega", "d.whitlock", "j.sorensen"].choose(rng).unwrap_or(&"m.ortega");
    let note = [
        "Left a voicemail, waiting for the driver to call back.",
        "Talked to the driver, all good, keep an eye on it.",
        "Broker informed by e-mail, no answer yet.",
        "Handed over to the day shift.",
    ]
    .choose(rng)
    .unwrap_or(&"Handed over to the day shift.");
    (who, note)
}
