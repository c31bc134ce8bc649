//! The placeholders of a quick reply: `{driver}`, `{stop}` and `{eta}`.
//!
//! A word of lowercase letters in braces is a placeholder, and only these three are known; any
//! other brace is text. Whoever writes fills in what is known and sees the rest.

use crate::message::{ContentError, check_content};
use crate::team::MAX_TITLE_CHARS;

/// The placeholders that are known.
pub const PLACEHOLDERS: [&str; 3] = ["driver", "stop", "eta"];

/// What is known of a conversation's driver.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// The driver's name.
    pub driver: Option<String>,
    /// The next stop's name.
    pub stop: Option<String>,
    /// When the driver gets there, as the reader is to read it.
    pub eta: Option<String>,
}

/// Why a template can't be kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// The title is empty, too long, or more than a line.
    #[error("a title has 1 to {MAX_TITLE_CHARS} characters and no control characters")]
    Title,
    /// The text can't be a message.
    #[error(transparent)]
    Text(#[from] ContentError),
    /// The text has a placeholder that nobody fills in.
    #[error("{{{0}}} is not one of {{driver}}, {{stop}} and {{eta}}")]
    UnknownPlaceholder(String),
}

/// Checks a template's title and text.
///
/// # Errors
///
/// A [`TemplateError`] that names what is wrong.
pub fn check(title: &str, text: &str) -> Result<(), TemplateError> {
    if title.trim().is_empty() || title.chars().count() > MAX_TITLE_CHARS || title.chars().any(char::is_control) {
        return Err(TemplateError::Title);
    }
    check_content(text)?;
    let unknown = parts(text).into_iter().find_map(|part| match part {
        Part::Placeholder(name) if !PLACEHOLDERS.contains(&name) => Some(name.to_owned()),
        Part::Placeholder(_) | Part::Text(_) => None,
    });
    unknown.map_or(Ok(()), |name| Err(TemplateError::UnknownPlaceholder(name)))
}

/// The known placeholders that a text has, in the order of [`PLACEHOLDERS`].
pub fn placeholders(text: &str) -> Vec<&'static str> {
    let there = parts(text);
    PLACEHOLDERS.into_iter().filter(|name| there.contains(&Part::Placeholder(name))).collect()
}

impl Facts {
    /// What a known placeholder is filled with; nothing where that isn't known.
    pub fn get(&self, placeholder: &str) -> Option<&str> {
        match placeholder {
            "driver" => self.driver.as_deref(),
            "stop" => self.stop.as_deref(),
            "eta" => self.eta.as_deref(),
            _ => None,
        }
    }
}

/// A template's text with what is known filled in. What isn't stays as it is written, and so does
/// whatever looks like a placeholder in what was filled in.
pub fn fill(text: &str, facts: &Facts) -> String {
    let mut filled = String::with_capacity(text.len());
    for part in parts(text) {
        match part {
            Part::Text(text) => filled.push_str(text),
            Part::Placeholder(name) => match facts.get(name) {
                Some(known) => filled.push_str(known),
                None => filled.extend(["{", name, "}"]),
            },
        }
    }
    filled
}

/// A piece of a template's text.
#[derive(Debug, PartialEq, Eq)]
enum Part<'t> {
    Text(&'t str),
    /// The word between the braces.
    Placeholder(&'t str),
}

fn parts(text: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(open) = rest.find('{') {
        let word = &rest[open + 1..];
        let end = word.find(|c: char| !c.is_ascii_lowercase() && c != '_').unwrap_or(word.len());
        if end > 0 && word[end..].starts_with('}') {
            parts.push(Part::Text(&rest[..open]));
            parts.push(Part::Placeholder(&word[..end]));
            rest = &word[end + 1..];
        } else {
            parts.push(Part::Text(&rest[..=open]));
            rest = word;
        }
    }
    parts.push(Part::Text(rest));
    parts
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn facts() -> Facts {
        Facts { driver: Some("Zoë {eta}".into()), stop: Some("Dock 4".into()), eta: None }
    }

    #[test]
    fn what_is_known_is_filled_in_and_the_rest_stays_visible() {
        assert_eq!(fill("{driver}: {stop}, {eta}? {stop}", &facts()), "Zoë {eta}: Dock 4, {eta}? Dock 4");
        assert_eq!(fill("no braces", &facts()), "no braces");
        assert_eq!(fill("", &facts()), "");
    }

    #[test]
    fn other_braces_are_text() {
        for text in ["{", "}", "{}", "{ stop }", "{Stop}", "{sto", "🚚{é}{1}"] {
            assert_eq!(fill(text, &facts()), text);
            assert_eq!(check("title", text), Ok(()), "{text}");
        }
        assert_eq!(fill("{{stop}}", &facts()), "{Dock 4}");
    }

    #[test]
    fn the_placeholders_of_a_text_are_known_ones_and_named_once() {
        assert_eq!(placeholders("{eta} {stop} {x} {eta} {Driver} {"), ["stop", "eta"]);
        assert!(placeholders("no braces").is_empty());
    }

    #[test]
    fn an_unknown_placeholder_is_named() {
        let unknown = |name: &str| Err(TemplateError::UnknownPlaceholder(name.into()));
        assert_eq!(check("title", "{driver} {truck_no} {x}"), unknown("truck_no"));
        assert_eq!(check("title", "{driver} {stop} {eta}"), Ok(()));
    }

    #[test]
    fn a_title_is_one_short_line_and_a_text_is_a_message() {
        for title in ["", "  ", "a\nb", &"x".repeat(MAX_TITLE_CHARS + 1)] {
            assert_eq!(check(title, "text"), Err(TemplateError::Title), "{title:?}");
        }
        assert_eq!(check(&"é".repeat(MAX_TITLE_CHARS), "text"), Ok(()));
        assert_eq!(check("title", ""), Err(TemplateError::Text(ContentError::Empty)));
    }

    proptest! {
        #[test]
        fn with_nothing_known_a_text_stays_as_it_is(text in any::<String>()) {
            prop_assert_eq!(fill(&text, &Facts::default()), text);
        }
    }
}
