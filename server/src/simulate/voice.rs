//! How a driver writes: each the same way all day.

use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;

/// How somebody writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Voice {
    Plain,
    /// Everything in small letters, nothing at the end.
    Thumbs,
    /// With a word for the people in the office.
    Friendly,
}

impl Voice {
    pub(super) fn of(rng: &mut StdRng) -> Self {
        *[Self::Plain, Self::Plain, Self::Thumbs, Self::Thumbs, Self::Friendly].choose(rng).unwrap_or(&Self::Plain)
    }

    /// Puts a text into this voice.
    pub(super) fn say(self, text: String, rng: &mut StdRng) -> String {
        match self {
            Self::Plain => text,
            Self::Thumbs => {
                let small = match text.split_once(' ') {
                    // A name, a number and "I'm" keep their look.
                    Some((first, rest)) if is_word(first) && rest.starts_with(char::is_lowercase) => {
                        format!("{} {rest}", first.to_lowercase())
                    }
                    _ => text,
                };
                small.trim_end_matches('.').to_owned()
            }
            Self::Friendly => {
                let tail = ["", "", " Have a good one!", " Thanks!", " Y'all stay safe.", " Let me know."];
                format!("{text}{}", pick(rng, &tail))
            }
        }
    }
}

/// Whether something is a plain word, in capitals or not.
fn is_word(text: &str) -> bool {
    text.chars().skip(1).all(|c| c.is_lowercase() || c == ',')
}

/// One of several ways to say a thing.
pub(super) fn pick(rng: &mut StdRng, choices: &[impl AsRef<str>]) -> String {
    choices[rng.random_range(0..choices.len())].as_ref().to_owned()
}

/// The text with a capital first letter.
pub(super) fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}
