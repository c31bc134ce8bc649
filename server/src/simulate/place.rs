//! Where things are: cities, the miles between them, and how a driver would name a spot.

use sally_protocol::fleet::Location;

/// A city that freight goes to. The coordinates are those of its centre, to a hundredth of a
/// degree, which is about half a mile.
#[derive(Debug, PartialEq)]
pub(super) struct City {
    pub(super) name: &'static str,
    pub(super) state: &'static str,
    lat: f64,
    lon: f64,
}

/// Roads are longer than the great circle; across the US network by about this much.
const DETOUR: f64 = 1.18;

const EARTH_RADIUS_MILES: f64 = 3_958.8;

const fn city(name: &'static str, state: &'static str, lat: f64, lon: f64) -> City {
    City { name, state, lat, lon }
}

/// Every city has at least three others within a day's drive.
pub(super) const CITIES: [City; 44] = [
    city("Dallas", "TX", 32.78, -96.80),
    city("Houston", "TX", 29.76, -95.37),
    city("San Antonio", "TX", 29.42, -98.49),
    city("Laredo", "TX", 27.51, -99.51),
    city("El Paso", "TX", 31.76, -106.49),
    city("Amarillo", "TX", 35.22, -101.83),
    city("Oklahoma City", "OK", 35.47, -97.52),
    city("Tulsa", "OK", 36.15, -95.99),
    city("Little Rock", "AR", 34.75, -92.29),
    city("Memphis", "TN", 35.15, -90.05),
    city("Nashville", "TN", 36.16, -86.78),
    city("Knoxville", "TN", 35.96, -83.92),
    city("Birmingham", "AL", 33.52, -86.80),
    city("Jackson", "MS", 32.30, -90.18),
    city("New Orleans", "LA", 29.95, -90.07),
    city("Atlanta", "GA", 33.75, -84.39),
    city("Savannah", "GA", 32.08, -81.09),
    city("Jacksonville", "FL", 30.33, -81.66),
    city("Tampa", "FL", 27.95, -82.46),
    city("Charlotte", "NC", 35.23, -80.84),
    city("Richmond", "VA", 37.54, -77.44),
    city("Harrisburg", "PA", 40.27, -76.88),
    city("Pittsburgh", "PA", 40.44, -80.00),
    city("Columbus", "OH", 39.96, -83.00),
    city("Cleveland", "OH", 41.50, -81.69),
    city("Detroit", "MI", 42.33, -83.05),
    city("Indianapolis", "IN", 39.77, -86.16),
    city("Louisville", "KY", 38.25, -85.76),
    city("Chicago", "IL", 41.88, -87.63),
    city("Milwaukee", "WI", 43.04, -87.91),
    city("St. Louis", "MO", 38.63, -90.20),
    city("Kansas City", "MO", 39.10, -94.58),
    city("Des Moines", "IA", 41.59, -93.62),
    city("Omaha", "NE", 41.26, -95.93),
    city("Minneapolis", "MN", 44.98, -93.27),
    city("Wichita", "KS", 37.69, -97.34),
    city("Denver", "CO", 39.74, -104.99),
    city("Albuquerque", "NM", 35.08, -106.65),
    city("Phoenix", "AZ", 33.45, -112.07),
    city("Flagstaff", "AZ", 35.20, -111.65),
    city("Las Vegas", "NV", 36.17, -115.14),
    city("Los Angeles", "CA", 34.05, -118.24),
    city("Fresno", "CA", 36.74, -119.79),
    city("Salt Lake City", "UT", 40.76, -111.89),
];

impl City {
    pub(super) fn location(&self) -> Location {
        Location { lat: self.lat, lon: self.lon }
    }

    /// The city as it stands in an address, `Tulsa, OK`.
    pub(super) fn label(&self) -> String {
        format!("{}, {}", self.name, self.state)
    }
}

/// The great-circle distance in miles.
pub(super) fn miles(a: Location, b: Location) -> f64 {
    let (from, to) = (a.lat.to_radians(), b.lat.to_radians());
    let (dlat, dlon) = ((b.lat - a.lat).to_radians(), (b.lon - a.lon).to_radians());
    let chord = (dlat / 2.0).sin().powi(2) + from.cos() * to.cos() * (dlon / 2.0).sin().powi(2);
    2.0 * EARTH_RADIUS_MILES * chord.sqrt().min(1.0).asin()
}

/// The miles to drive.
pub(super) fn road_miles(a: Location, b: Location) -> f64 {
    miles(a, b) * DETOUR
}

/// The spot a `share` of the way from `a` to `b`, to a ten-thousandth of a degree. Over a day's
/// drive a straight line on the map is as good as the great circle.
pub(super) fn between(a: Location, b: Location, share: f64) -> Location {
    let share = share.clamp(0.0, 1.0);
    let mix = |from: f64, to: f64| ((from + (to - from) * share) * 10_000.0).round() / 10_000.0;
    Location { lat: mix(a.lat, b.lat), lon: mix(a.lon, b.lon) }
}

/// The city that is closest to a spot.
pub(super) fn nearest(spot: Location) -> &'static City {
    let mut best = &CITIES[0];
    for city in &CITIES[1..] {
        if miles(spot, city.location()) < miles(spot, best.location()) {
            best = city;
        }
    }
    best
}

/// A spot as a driver names it: `in Tulsa`, `about 40 miles west of Amarillo`.
pub(super) fn describe(spot: Location) -> String {
    let city = nearest(spot);
    let away = miles(spot, city.location());
    if away < 8.0 {
        return format!("in {}", city.name);
    }
    let north = spot.lat - city.lat;
    let east = (spot.lon - city.lon) * spot.lat.to_radians().cos();
    let direction = match (north.abs() > east.abs(), north > 0.0, east > 0.0) {
        (true, true, _) => "north",
        (true, false, _) => "south",
        (false, _, true) => "east",
        (false, _, false) => "west",
    };
    format!("about {:.0} miles {direction} of {}", (away / 5.0).ceil() * 5.0, city.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(name: &str) -> Location {
        CITIES.iter().find(|city| city.name == name).expect("a city").location()
    }

    #[test]
    fn distances_are_those_of_the_map() {
        for (a, b, expected) in
            [("Dallas", "Houston", 225.0), ("Chicago", "Milwaukee", 82.0), ("Los Angeles", "Phoenix", 357.0)]
        {
            let found = miles(at(a), at(b));
            assert!((found - expected).abs() < 8.0, "{a} to {b}: {found}");
        }
    }

    #[test]
    fn every_city_has_neighbours_within_a_days_drive() {
        for city in &CITIES {
            let near = CITIES.iter().filter(|other| {
                let miles = road_miles(city.location(), other.location());
                miles > 1.0 && miles < 560.0
            });
            assert!(near.count() >= 3, "{}", city.name);
        }
    }

    #[test]
    fn spots_are_named_by_the_nearest_city() {
        assert_eq!(describe(at("Tulsa")), "in Tulsa");
        assert_eq!(describe(between(at("Amarillo"), at("Albuquerque"), 0.15)), "about 45 miles west of Amarillo");
        assert_eq!(between(at("Dallas"), at("Houston"), 2.0), at("Houston"));
    }
}
