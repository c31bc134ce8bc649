//! What drivers answer: it follows from the words of the message and from the driver's situation.

use rand::Rng;
use rand::rngs::StdRng;

use super::facts::{Doing, Facts};
use super::voice::{Voice, capital, pick};
use super::wording::span;

/// What a message is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Topic {
    Safety,
    Call,
    Eta,
    Location,
    Dock,
    Hours,
    Fuel,
    Paperwork,
    Temperature,
    Weather,
    Repair,
    Load,
    Home,
    Instruction,
    Thanks,
    Greeting,
}

/// Words and phrases by topic, in the order in which topics matter. A phrase of several words is
/// looked for as such, a single one as a whole word.
const TOPICS: [(Topic, &[&str]); 16] = [
    (Topic::Safety, &["are you ok", "you okay", "you ok", "accident", "crash", "safe", "hurt", "emergency"]),
    (
        Topic::Call,
        &["call me", "call us", "call the office", "give me a call", "call in", "phone", "ring", "call dispatch"],
    ),
    (
        Topic::Eta,
        &[
            "eta",
            "how long",
            "when will",
            "when do you",
            "what time",
            "arrive",
            "how far",
            "make it",
            "on time",
            "late",
            "running behind",
        ],
    ),
    (Topic::Location, &["where are you", "where you at", "location", "position", "whereabouts", "your 20", "where"]),
    (
        Topic::Dock,
        &[
            "dock",
            "detention",
            "loaded",
            "unloaded",
            "unloading",
            "loading",
            "door",
            "checked in",
            "check in",
            "lumper",
            "receiver",
            "shipper",
        ],
    ),
    (Topic::Hours, &["hours", "hos", "clock", "clocks", "drive time", "break", "reset", "violation", "eld", "logs"]),
    (Topic::Fuel, &["fuel", "diesel", "def", "pump"]),
    (
        Topic::Paperwork,
        &["bol", "pod", "paperwork", "document", "documents", "scan", "photo", "picture", "signed", "receipt"],
    ),
    (Topic::Temperature, &["reefer", "temp", "temperature", "degrees", "frozen"]),
    (Topic::Weather, &["weather", "snow", "ice", "fog", "wind", "rain", "storm", "roads"]),
    (
        Topic::Repair,
        &["breakdown", "broke down", "repair", "shop", "tire", "roadside", "mechanic", "fault", "check engine"],
    ),
    (
        Topic::Load,
        &["load", "weight", "weigh", "pallets", "commodity", "trailer", "seal", "truck number", "unit number"],
    ),
    (Topic::Home, &["home", "weekend", "time off", "day off", "vacation"]),
    (
        Topic::Instruction,
        &[
            "please",
            "can you",
            "could you",
            "need you to",
            "make sure",
            "head to",
            "go to",
            "take",
            "stop at",
            "reroute",
            "instead",
            "change of plan",
            "don't forget",
            "slow down",
            "park",
        ],
    ),
    (
        Topic::Thanks,
        &["thank", "thanks", "thx", "appreciate", "good job", "great job", "nice work", "perfect", "awesome"],
    ),
    (
        Topic::Greeting,
        &[
            "hi",
            "hello",
            "hey",
            "morning",
            "good morning",
            "good afternoon",
            "good evening",
            "how are you",
            "how's it going",
        ],
    ),
];

/// Finds what a message is about, the weightiest first.
fn topics(message: &str) -> Vec<Topic> {
    let text: String = message
        .to_lowercase()
        .chars()
        .map(|c| {
            if c.is_alphanumeric() || c == '\'' {
                c
            } else if c == '’' {
                '\''
            } else {
                ' '
            }
        })
        .collect();
    let text = format!(" {} ", text.split_whitespace().collect::<Vec<_>>().join(" "));
    let names = |phrase: &&str| text.contains(&format!(" {phrase} "));
    TOPICS.iter().filter(|(_, phrases)| phrases.iter().any(names)).map(|(topic, _)| *topic).collect()
}

/// A driver's answer; `None` where a driver would leave it at having read the message.
pub(super) fn answer(message: &str, facts: &Facts, voice: Voice, rng: &mut StdRng) -> Option<String> {
    let topics = topics(message);
    let is_question = message.contains('?');
    // What is asked matters more than how it is put: "please", "thanks" and "hi" count only alone.
    let mut asked: Vec<Topic> = topics
        .iter()
        .copied()
        .filter(|topic| !matches!(topic, Topic::Instruction | Topic::Thanks | Topic::Greeting))
        .take(2)
        .collect();
    // Whoever stands still says where when asked how long.
    if asked.contains(&Topic::Eta) && !facts.at_the_wheel() {
        asked.retain(|topic| *topic != Topic::Location);
    }
    let text = if !asked.is_empty() {
        let mut parts: Vec<String> = asked.into_iter().map(|topic| on(topic, facts, rng)).collect();
        parts.dedup();
        parts.join(" ")
    } else if let Some(topic) = topics.first() {
        if *topic == Topic::Thanks && rng.random_bool(0.4) {
            return None;
        }
        on(*topic, facts, rng)
    } else if is_question {
        pick(
            rng,
            &[
                "Not sure, let me check and get back to you.",
                "Give me a few, I'll find out.",
                "Couldn't tell you right now, will ask when I stop.",
                "Good question. I'll let you know once I'm parked.",
            ],
        )
    } else if rng.random_bool(0.85) {
        pick(rng, &["10-4.", "Copy.", "Copy that.", "Got it.", "Will do.", "Okay, sounds good.", "Roger."])
    } else {
        return None;
    };
    Some(voice.say(text, rng))
}

fn on(topic: Topic, facts: &Facts, rng: &mut StdRng) -> String {
    let Facts { place, here, .. } = facts;
    let (eta, doing) = (facts.eta(), facts.doing());
    match topic {
        Topic::Safety => match facts.doing {
            Doing::BrokenDown(_) => format!("I'm fine, triangles are out. Truck isn't. Standing {place}."),
            _ => pick(rng, &["All good here.", "Yes, I'm okay, thanks for asking.", "I'm good, no worries."]),
        },
        Topic::Call => match facts.doing {
            Doing::Driving => pick(
                rng,
                &[
                    "Driving right now, will call as soon as I can pull over.",
                    "Hands are full, give me 10 minutes and I'll call.",
                    "There's a rest area coming up, I'll call from there.",
                ],
            ),
            Doing::Resting(_) if facts.is_resting() => "Was about to lie down, but sure. Calling now.".into(),
            _ => pick(rng, &["Calling now.", "Sure, calling you in 2.", "Okay, which line?"]),
        },
        Topic::Eta => match (facts.doing, &facts.next) {
            (Doing::BrokenDown(left), _) => {
                format!("Depends on roadside. They say {}, then I can tell you more.", span(left))
            }
            (_, Some(next)) if next.late => pick(
                rng,
                &[
                    format!(
                        "Not going to make the window at {}, looking like {} from now.",
                        next.facility,
                        span(next.minutes)
                    ),
                    format!(
                        "Running behind. {} to {} if nothing else comes up, can you call them?",
                        span(next.minutes),
                        next.city
                    ),
                ],
            ),
            (Doing::Docked(_), Some(_)) => format!("Still {doing}. Once I'm out, {eta}."),
            (_, Some(next)) => pick(
                rng,
                &[
                    format!("About {} to {}.", span(next.minutes), next.city),
                    format!("GPS says {} to {}, should be good.", span(next.minutes), next.facility),
                    format!("{} to go.", capital(&span(next.minutes))),
                ],
            ),
            (_, None) => format!("I'm {doing}, and {eta}."),
        },
        Topic::Location => pick(rng, &[format!("I'm {doing}."), format!("{}.", capital(&doing))]),
        Topic::Dock => match facts.doing {
            Doing::Docked(minutes) if minutes > 100.0 => pick(
                rng,
                &[
                    format!(
                        "{} in the door at {here} and they haven't finished. Please start detention.",
                        capital(&span(minutes))
                    ),
                    format!(
                        "Still here. {} now. They say two more trucks ahead of me, detention for sure.",
                        span(minutes)
                    ),
                ],
            ),
            Doing::Docked(_) => pick(
                rng,
                &[
                    format!("Yes, {doing}."),
                    format!("Backed in at {here}, they're working on it."),
                    format!("They gave me a door at {here}. Will let you know when I'm out."),
                ],
            ),
            _ => format!("Not there yet, I'm {doing}, and {eta}."),
        },
        Topic::Hours => match facts.doing {
            Doing::Resting(left) => format!("{} left on this break, then I'm good to go.", capital(&span(left))),
            _ => pick(
                rng,
                &[
                    format!("I have {} of drive time and {} on my 14.", span(facts.drive_left), span(facts.shift_left)),
                    format!("{} left to drive today.", capital(&span(facts.drive_left))),
                ],
            ),
        },
        Topic::Fuel => match facts.fuel_percent {
            low if low < 25.0 => format!("Showing {low:.0} %, I'll need to fuel soon. Which stop do you want me at?"),
            fine => format!("Good on fuel, about {fine:.0} %."),
        },
        Topic::Paperwork => pick(
            rng,
            &[
                "Sending the BOL in a minute, need better light for the picture.",
                "Just uploaded it, let me know if you can read it.",
                "Got it signed. Will scan it at the next stop.",
                "They kept the original, I have a photo. Is that enough?",
            ],
        ),
        Topic::Temperature => match facts.setpoint {
            Some(setpoint) => pick(
                rng,
                &[
                    format!("Set at {setpoint}, display says {}. Running continuous.", setpoint + 1),
                    format!("Just checked: {} on the return air, set point {setpoint}.", setpoint + 2),
                ],
            ),
            None => "I'm pulling a dry van, no reefer on this one.".into(),
        },
        Topic::Weather => match facts.weather {
            Some(weather) => {
                format!("{weather} here, traffic is down to 40. Taking it easy, will park if it gets worse.")
            }
            None => pick(rng, &["Dry and clear here.", "Roads are fine so far.", "No problems, bit of wind."]),
        },
        Topic::Repair => match facts.doing {
            Doing::BrokenDown(left) => format!("Roadside says about {}. Unit {}, {place}.", span(left), facts.unit),
            _ => pick(
                rng,
                &[
                    "Truck's running fine.",
                    "No lights on right now. Will have the shop look at it.",
                    "Rode fine all morning, I'll keep an eye on it.",
                ],
            ),
        },
        Topic::Load => pick(
            rng,
            &[
                format!(
                    "{} pallets of {}, {} lbs, trailer {}.",
                    facts.pallets,
                    facts.commodity,
                    thousands(facts.pounds),
                    facts.trailer
                ),
                format!("Load {}, {} in trailer {}. Seal is intact.", facts.plan, facts.commodity, facts.trailer),
            ],
        ),
        Topic::Home => pick(
            rng,
            &[
                "Would like to be home by Friday if it works out.",
                "No rush, just keep me moving.",
                "My daughter has a game Saturday, anything going that way would be great.",
            ],
        ),
        Topic::Instruction => {
            pick(rng, &["Will do.", "10-4, will do.", "Copy, I'll take care of it.", "Okay, on it.", "Understood."])
        }
        Topic::Thanks => pick(rng, &["You bet.", "No problem.", "Anytime.", "👍"]),
        Topic::Greeting => {
            let hello = pick(rng, &["Morning!", "Hey!", "Hello."]);
            format!("{hello} I'm {doing}.")
        }
    }
}

fn thousands(number: u32) -> String {
    if number < 1_000 { number.to_string() } else { format!("{},{:03}", number / 1_000, number % 1_000) }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use sally_protocol::message::check_content;

    use super::super::world::World;
    use super::*;

    fn facts() -> Vec<Facts> {
        let world = World::new(1, 24, "2026-03-02T15:00:00Z".parse().expect("a time"));
        (0..24).filter_map(|index| world.facts(index)).collect()
    }

    #[test]
    fn topics_are_found_by_whole_words() {
        assert_eq!(topics("Where are you and what’s your ETA?"), [Topic::Eta, Topic::Location]);
        assert_eq!(topics("CALL ME, please!"), [Topic::Call, Topic::Instruction]);
        assert_eq!(topics("Hi, thanks for the BOL"), [Topic::Paperwork, Topic::Thanks, Topic::Greeting]);
        assert_eq!(topics("It's a beta, they say"), [], "neither ETA nor hi nor hey");
    }

    #[test]
    fn what_is_asked_is_answered() {
        let mut rng = StdRng::seed_from_u64(1);
        for facts in facts() {
            let mut ask = |text: &str| answer(text, &facts, Voice::Plain, &mut rng).unwrap_or_default();
            let load = ask("What are you hauling, how many pallets?");
            assert!(load.contains(&facts.trailer), "{load}");
            let temperature = ask("Is the reefer ok?");
            assert_eq!(temperature.contains("dry van"), facts.setpoint.is_none(), "{temperature}");
            let both = ask("Where are you? How is your fuel?");
            assert!(both.contains(&format!("{:.0} %", facts.fuel_percent)), "{both}");
        }
    }

    #[test]
    fn answers_vary_and_can_always_be_sent() {
        let mut rng = StdRng::seed_from_u64(2);
        let mut seen = std::collections::BTreeSet::new();
        let questions = TOPICS.iter().flat_map(|(_, phrases)| phrases.iter().copied()).chain(["", "?", "ok", "zz top"]);
        for question in questions.collect::<Vec<_>>() {
            for facts in facts() {
                for voice in [Voice::Plain, Voice::Thumbs, Voice::Friendly] {
                    if let Some(text) = answer(question, &facts, voice, &mut rng) {
                        assert_eq!(check_content(&text), Ok(()), "{text:?}");
                        seen.insert(text);
                    }
                }
            }
        }
        assert!(seen.len() > 500, "{} answers", seen.len());
    }
}
