//! Why alerts about trucks come up, and how often those do that come by chance.

/// Why an alert comes up. A truck has one alert at a time for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Cause {
    // These last as long as their condition holds.
    HoursShort,
    HoursExceeded,
    EtaAtRisk,
    EtaLate,
    AppointmentMissed,
    Detention,
    FuelLow,
    Weather,
    Breakdown,
    // These come by chance and are dealt with after a while.
    HardBraking,
    Speeding,
    OffRoute,
    CheckCallMissed,
    EldDisconnected,
    ReeferTemperature,
    TrailerDoor,
    EngineFault,
    TirePressure,
    ServiceDue,
    DocumentMissing,
    InspectionMissing,
    MedicalCard,
}

/// A cause that comes by chance.
#[derive(Debug)]
pub(super) struct Chance {
    pub(super) cause: Cause,
    /// How often it comes in a hundred hours on the road.
    pub(super) per_hundred_hours: f64,
    /// For how many minutes on the road it lasts.
    pub(super) lasts: std::ops::Range<f64>,
    /// Whether it comes only while the wheels turn.
    pub(super) rolling: bool,
}

const fn chance(cause: Cause, per_hundred_hours: f64, lasts: std::ops::Range<f64>, rolling: bool) -> Chance {
    Chance { cause, per_hundred_hours, lasts, rolling }
}

/// Rare, and the day's worst.
pub(super) const BREAKDOWN: Chance = chance(Cause::Breakdown, 0.9, 90.0..260.0, true);

/// Frequencies that fill a dispatcher's board without flooding it: of 24 trucks, about one alert
/// each is open at a time.
pub(super) static CHANCES: [Chance; 13] = [
    chance(Cause::HardBraking, 5.2, 60.0..200.0, true),
    chance(Cause::Speeding, 3.9, 40.0..120.0, true),
    chance(Cause::OffRoute, 2.9, 20.0..70.0, true),
    chance(Cause::CheckCallMissed, 3.9, 25.0..110.0, true),
    chance(Cause::EldDisconnected, 3.2, 30.0..150.0, true),
    chance(Cause::ReeferTemperature, 5.2, 40.0..140.0, false),
    chance(Cause::TrailerDoor, 0.7, 10.0..30.0, true),
    chance(Cause::EngineFault, 2.6, 120.0..420.0, true),
    chance(Cause::TirePressure, 2.1, 60.0..240.0, true),
    chance(Cause::ServiceDue, 1.3, 300.0..700.0, false),
    chance(Cause::InspectionMissing, 2.1, 60.0..240.0, false),
    chance(Cause::MedicalCard, 0.5, 400.0..900.0, false),
    BREAKDOWN,
];
