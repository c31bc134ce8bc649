//! A message that was found, as it is shown: the words around the first match, with matches marked.

use std::ops::Range;

use sally_protocol::search::marks;

/// How much of a message is shown, in code points.
const SHOWN: usize = 160;

/// How much of it stands before the first match.
const BEFORE: usize = 40;

/// A stretch of a message's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Part {
    /// The text. It comes from people and is nothing but text.
    pub(crate) text: String,
    /// Whether it matches.
    pub(crate) marked: bool,
}

/// The part of a text that a query was found in, on one line. What is left out is an ellipsis.
pub(crate) fn excerpt(content: &str, query: &str) -> Vec<Part> {
    let marks = marks(content, query);
    let shown = window(content, marks.first().map_or(0, |mark| mark.start));
    let mut parts = Vec::new();
    let mut push = |text: &str, marked: bool| {
        if !text.is_empty() {
            parts.push(Part { text: text.replace(char::is_whitespace, " "), marked });
        }
    };
    if shown.start > 0 {
        push("…", false);
    }
    let mut at = shown.start;
    for mark in marks.into_iter().filter(|mark| mark.start >= shown.start && mark.end <= shown.end) {
        push(&content[at..mark.start], false);
        push(&content[mark.clone()], true);
        at = mark.end;
    }
    push(&content[at..shown.end], false);
    if shown.end < content.len() {
        push("…", false);
    }
    parts
}

/// Which bytes of a text are shown, so that `around` is among them.
fn window(content: &str, around: usize) -> Range<usize> {
    let before = content[..around].char_indices().rev().take(BEFORE).last().map_or(around, |(at, _)| at);
    let start = if content[..around].chars().count() <= BEFORE { 0 } else { before };
    let end = content[start..].char_indices().nth(SHOWN).map_or(content.len(), |(at, _)| start + at);
    start..end
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(content: &str, query: &str) -> String {
        excerpt(content, query)
            .into_iter()
            .map(|part| if part.marked { format!("[{}]", part.text) } else { part.text })
            .collect()
    }

    #[test]
    fn matches_are_marked_as_they_were_written() {
        assert_eq!(plain("Zoë is at\ndock 4", "zoe d"), "[Zoë] is at [dock] 4");
        assert_eq!(plain("<b>dock</b>\u{202e}4", "dock"), "<b>[dock]</b>\u{202e}4");
        assert_eq!(plain("nothing here", "dock"), "nothing here");
    }

    #[test]
    fn a_long_text_is_shown_around_the_first_match() {
        let content = format!("{} dock {}", "🚚é".repeat(300), "ü".repeat(300));
        let shown = plain(&content, "dock");
        assert!(shown.starts_with('…') && shown.ends_with("ü…") && shown.contains(" [dock] ü"), "{shown}");
        assert_eq!(shown.chars().count(), SHOWN + "…[]…".chars().count());
    }

    #[test]
    fn a_match_near_the_start_shows_the_start() {
        assert_eq!(plain(&"dock ".repeat(2), "dock"), "[dock] [dock] ");
        assert!(plain(&format!("at the {}", "dock ".repeat(80)), "dock").starts_with("at the [dock]"));
    }
}
