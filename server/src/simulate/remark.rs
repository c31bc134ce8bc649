//! What drivers write without being asked.

use rand::rngs::StdRng;

use super::facts::{Doing, Facts};
use super::voice::{Voice, capital, pick};
use super::wording::span;

/// Why a driver writes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Occasion {
    Arrived,
    Departed,
    Detained,
    Breakdown,
    Reefer,
    Traffic,
    Weather,
    Late,
    HoursShort,
    HoursExceeded,
    /// The shift begins, and there is something to say.
    Morning,
}

/// What a driver writes without being asked.
pub(super) fn remark(occasion: Occasion, facts: &Facts, voice: Voice, rng: &mut StdRng) -> String {
    let Facts { place, here, unit, .. } = facts;
    let next = facts.next.as_ref().map_or(*here, |next| next.facility);
    let text = match occasion {
        Occasion::Arrived => pick(
            rng,
            &[
                format!("Checked in at {here}."),
                format!("At {here}, guard says it'll be a while."),
                format!("Arrived {here}. They want a pickup number, do you have it?"),
                format!("I'm at {here}, waiting on a door."),
            ],
        ),
        Occasion::Departed => pick(
            rng,
            &[
                "Out of the dock, rolling.".to_owned(),
                format!("Empty and clean. Headed to {next}."),
                format!("Done here. BOL says {} pieces, matches what I counted.", facts.pallets),
            ],
        ),
        Occasion::Detained => match facts.doing {
            Doing::Docked(minutes) => format!(
                "Been at {here} {} now and still not done. Can you call the broker about detention?",
                span(minutes)
            ),
            _ => format!("{here} held me up good. Please put in for detention."),
        },
        Occasion::Breakdown => pick(
            rng,
            &[
                format!("Truck {unit} is down {place}. I'm on the shoulder, triangles out. Need roadside."),
                format!("I've got a problem with {unit}, had to pull over {place}. Call me."),
            ],
        ),
        Occasion::Reefer => format!(
            "Reefer alarm on {}. Set {}, return air is climbing. Resetting the unit now.",
            facts.trailer,
            facts.setpoint.map_or_else(|| "point".into(), |setpoint| setpoint.to_string())
        ),
        Occasion::Traffic => pick(
            rng,
            &[
                format!("Dead stop {place}, looks like a wreck ahead."),
                format!("Construction {place}, one lane. Will lose some time."),
            ],
        ),
        Occasion::Weather => {
            format!("{} {place}. Slowing down, tell {next} I may be late.", facts.weather.unwrap_or("Bad weather"))
        }
        Occasion::Late => pick(
            rng,
            &[
                format!("I'm not going to make {next} on time. Can you move the appointment?"),
                format!("Behind schedule for {next}. Do they take late arrivals?"),
            ],
        ),
        Occasion::HoursShort => {
            format!("I've got {} left on my clock. Where do you want me to park?", span(facts.drive_left))
        }
        Occasion::HoursExceeded => "Couldn't find parking, all full. I'm over my hours but looking for a spot.".into(),
        Occasion::Morning => pick(
            rng,
            &[
                format!("Good morning, pre-trip is done on {unit}. Load {} has me at {next}, correct?", facts.plan),
                format!("Morning. Does {next} need a lumper, or do they unload?"),
                format!("Is the appointment at {next} firm? GPS shows an accident on the way."),
                format!(
                    "Fuel card was declined at the last stop, paid with my own. Who do I send the receipt to? {}",
                    facts.plan
                ),
                format!(
                    "Left marker light is out on trailer {}. Can I get it done at the terminal tonight?",
                    facts.trailer
                ),
                format!("Can you check my home time? I put in for Friday. {}", capital(&facts.doing())) + ".",
            ],
        ),
    };
    voice.say(text, rng)
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use sally_protocol::message::check_content;

    use super::super::world::World;
    use super::*;

    #[test]
    fn every_occasion_has_words() {
        let world = World::new(1, 24, "2026-03-02T15:00:00Z".parse().expect("a time"));
        let mut rng = StdRng::seed_from_u64(1);
        for occasion in [
            Occasion::Arrived,
            Occasion::Departed,
            Occasion::Detained,
            Occasion::Breakdown,
            Occasion::Reefer,
            Occasion::Traffic,
            Occasion::Weather,
            Occasion::Late,
            Occasion::HoursShort,
            Occasion::HoursExceeded,
            Occasion::Morning,
        ] {
            for facts in (0..24).filter_map(|index| world.facts(index)) {
                let text = remark(occasion, &facts, Voice::Plain, &mut rng);
                assert_eq!(check_content(&text), Ok(()));
            }
        }
    }
}
