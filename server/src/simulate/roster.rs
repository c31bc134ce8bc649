//! Who drives what: the names and numbers of a fleet.

use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::{IndexedRandom, SliceRandom};
use sally_protocol::Id;

use super::place::CITIES;

/// A driver and the equipment that goes with them.
#[derive(Debug, Clone)]
pub(super) struct Crew {
    pub(super) driver: Id,
    pub(super) name: String,
    pub(super) vehicle: Id,
    /// The number painted on the truck.
    pub(super) unit: String,
    pub(super) trailer: String,
    /// What a refrigerated trailer is set to, in °F; `None` for a dry van.
    pub(super) setpoint: Option<i32>,
    /// Where the driver is at home, as an index into the cities.
    pub(super) home: usize,
}

const FIRST: [&str; 48] = [
    "James", "Maria", "Robert", "Darnell", "Linda", "Miguel", "Terrence", "Susan", "Gurpreet", "William", "Angela",
    "Hector", "Dwayne", "Patricia", "Tomasz", "Kevin", "Latoya", "Curtis", "Olena", "Ray", "Brenda", "Mohamed",
    "Travis", "Denise", "Luis", "Earl", "Priya", "Wesley", "Carla", "Andre", "Shannon", "Viktor", "Rosa", "Clyde",
    "Monique", "Jesse", "Harjit", "Donna", "Marcus", "Elena", "Gary", "Yolanda", "Nathan", "Ivan", "Sheila", "Omar",
    "Walter", "Bethany",
];

const LAST: [&str; 53] = [
    "Whitfield",
    "Alvarez",
    "Kowalski",
    "Jefferson",
    "Singh",
    "Boone",
    "Castillo",
    "Nguyen",
    "Harlan",
    "Okafor",
    "Ramirez",
    "Tillman",
    "Petrov",
    "Gallagher",
    "Washington",
    "Delgado",
    "Crowe",
    "Mbeki",
    "Sandoval",
    "Pruitt",
    "Dhillon",
    "Vasquez",
    "Holloway",
    "Brandt",
    "Espinoza",
    "Gaines",
    "Kuznetsov",
    "Landry",
    "McBride",
    "Ortega",
    "Hutchins",
    "Begum",
    "Salazar",
    "Tucker",
    "Yates",
    "Ferreira",
    "Coleman",
    "Schroeder",
    "Gill",
    "Navarro",
    "Pike",
    "Robles",
    "Stanton",
    "Abdi",
    "Lindqvist",
    "Mercer",
    "Romero",
    "Vance",
    "Weaver",
    "Zamora",
    "Beaumont",
    "Sterling",
    "Duarte",
];

/// Terminals of the carrier: cities where several drivers are at home.
const TERMINALS: [&str; 8] =
    ["Dallas", "Memphis", "Atlanta", "Indianapolis", "Kansas City", "Charlotte", "Phoenix", "Oklahoma City"];

/// The crews of a fleet of `count`, the same ones for a `tag` each time. A larger fleet begins
/// with the smaller one's ids.
pub(super) fn crews(tag: u32, count: usize, rng: &mut StdRng) -> Vec<Crew> {
    // With two lists whose lengths have no common factor, walking both gives every pair once
    // before the first returns.
    let (mut first, mut last) = (FIRST, LAST);
    first.shuffle(rng);
    last.shuffle(rng);
    (0..count).map(|index| crew(tag, index, &first, &last, rng)).collect()
}

fn crew(tag: u32, index: usize, first: &[&str], last: &[&str], rng: &mut StdRng) -> Crew {
    let unit = format!("{}", 1_200 + tag as usize + index * 7);
    let home = TERMINALS.choose(rng).and_then(|name| CITIES.iter().position(|city| city.name == *name));
    Crew {
        driver: id(&format!("drv-{tag}{index:02}")),
        name: format!("{} {}", first[index % first.len()], last[index % last.len()]),
        vehicle: id(&format!("veh-{unit}")),
        unit,
        trailer: format!("{}", 53_000 + tag as usize * 10 + index * 3),
        // A good third of the fleet pulls reefers: produce, dairy and meat, or frozen.
        setpoint: rng.random_bool(0.4).then(|| *[38, 36, 34, -10, 0].choose(rng).unwrap_or(&36)),
        home: home.unwrap_or_default(),
    }
}

/// An id made of what the simulation itself writes: digits, lowercase letters and hyphens.
pub(super) fn id(text: &str) -> Id {
    #[expect(clippy::expect_used, reason = "the callers' formats yield nothing that an id may not hold")]
    Id::parse(text).expect("an id")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use rand::SeedableRng;

    use super::*;

    #[test]
    fn everybody_is_somebody_else() {
        let crews = crews(47, 1_000, &mut StdRng::seed_from_u64(1));
        let distinct = |of: fn(&Crew) -> String| crews.iter().map(of).collect::<BTreeSet<_>>().len();
        assert_eq!(distinct(|crew| crew.driver.to_string()), 1_000);
        assert_eq!(distinct(|crew| crew.name.clone()), 1_000);
        assert_eq!(distinct(|crew| crew.unit.clone()), 1_000);
        assert_eq!(distinct(|crew| crew.trailer.clone()), 1_000);
    }

    #[test]
    fn a_larger_fleet_begins_with_the_smaller_one() {
        let names = |count| {
            crews(12, count, &mut StdRng::seed_from_u64(5)).into_iter().map(|crew| crew.name).collect::<Vec<_>>()
        };
        assert_eq!(names(50)[..24], names(24));
    }
}
