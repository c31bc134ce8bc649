//! The words of a text, by which messages are found: one rule for what is indexed, what is asked
//! for, and what is marked in a hit.
//!
//! A word is a run of letters and digits. It is folded: compatibility forms become plain ones
//! (NFKD), accents go, letters become lowercase. So `Zoë` is found as `zoe`, `ＡＢ－123` as `ab 123`.
//! Nothing is stemmed and no word is too common, since names and number plates are what people
//! look for. Scripts that write without spaces have one word between two marks, found from its
//! beginning.

use std::ops::Range;

use serde::{Deserialize, Serialize};
use unicode_normalization::char::{canonical_combining_class, decompose_compatible};

use crate::Message;

/// The longest query, in Unicode code points.
pub const MAX_QUERY_CHARS: usize = 256;

/// How much of a word counts, in code points after folding: longer ones are told apart by their
/// beginning alone, in the index and in a query alike.
pub const MAX_WORD_CHARS: usize = 64;

/// `GET /api/search`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SearchResults {
    /// The messages that hold every word, newest first.
    pub results: Vec<Message>,
    /// Whether there are older ones: ask again `before` the last one's cursor.
    pub more: bool,
}

/// A word of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// The word, folded.
    pub folded: String,
    /// Where it stands in the text, in bytes.
    pub place: Range<usize>,
}

/// The words of a text, in order.
pub fn words(text: &str) -> Vec<Word> {
    let mut words = Vec::new();
    let mut open: Option<Word> = None;
    for (start, c) in text.char_indices() {
        let end = start + c.len_utf8();
        // A mark that goes belongs to the word that it stands on.
        if canonical_combining_class(c) != 0 {
            if let Some(word) = &mut open {
                word.place.end = end;
            }
            continue;
        }
        decompose_compatible(c, |part| {
            if canonical_combining_class(part) != 0 {
                return;
            }
            if !part.is_alphanumeric() {
                words.extend(open.take());
                return;
            }
            let word = open.get_or_insert_with(|| Word { folded: String::new(), place: start..end });
            word.place.end = end;
            if word.folded.chars().count() < MAX_WORD_CHARS {
                word.folded.extend(part.to_lowercase());
            }
        });
    }
    words.extend(open);
    words
}

/// The places in a text that a query matches, in bytes, in order: its words, and what begins with
/// its last.
pub fn marks(text: &str, query: &str) -> Vec<Range<usize>> {
    let sought = words(query);
    let Some((last, whole)) = sought.split_last() else { return Vec::new() };
    let matches =
        |word: &Word| word.folded.starts_with(&last.folded) || whole.iter().any(|sought| sought.folded == word.folded);
    words(text).into_iter().filter(matches).map(|word| word.place).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn folded(text: &str) -> Vec<String> {
        words(text).into_iter().map(|word| word.folded).collect()
    }

    fn marked<'a>(text: &'a str, query: &str) -> Vec<&'a str> {
        marks(text, query).into_iter().map(|place| &text[place]).collect()
    }

    #[test]
    fn words_are_runs_of_letters_and_digits() {
        assert_eq!(
            folded("Dock 4, gate-B_12\n(O'Neill): 12.5t"),
            "dock 4 gate b 12 o neill 12 5t".split(' ').collect::<Vec<_>>()
        );
        assert!(folded(" \t\0\"*()-🚚\u{202e}").is_empty());
    }

    #[test]
    fn case_accents_and_widths_are_folded() {
        assert_eq!(
            folded("ZOË Zoe\u{308} Łódź ＡＢ－１２ İzmir ﬁx Αθήνα"),
            ["zoe", "zoe", "łodz", "ab", "12", "izmir", "fix", "αθηνα"]
        );
        assert_eq!(folded("Москва й 東京 Đà Nẵng"), ["москва", "и", "東京", "đa", "nang"]);
    }

    #[test]
    fn only_the_beginning_of_a_long_word_counts() {
        let long = folded(&"x".repeat(3_000));
        assert_eq!(long, ["x".repeat(MAX_WORD_CHARS)]);
        assert_eq!(words(&"x".repeat(3_000))[0].place, 0..3_000);
    }

    #[test]
    fn a_hit_is_marked_where_it_stands() {
        assert_eq!(marked("Zoe\u{308} is at the zoo, Zoes", "at zoe"), ["Zoe\u{308}", "at", "Zoes"]);
        assert_eq!(marked("attic at 12", "at 1"), ["at", "12"]);
        assert!(marked("anything", "…").is_empty());
    }

    proptest! {
        #[test]
        fn any_text_has_words_that_are_found_again(text in any::<String>()) {
            let words = words(&text);
            let joined = words.iter().map(|word| word.folded.as_str()).collect::<Vec<_>>().join(" ");
            prop_assert_eq!(folded(&joined), words.iter().map(|word| word.folded.clone()).collect::<Vec<_>>());
            for word in &words {
                prop_assert!(word.folded.chars().all(|c| c.is_alphanumeric()));
                prop_assert!(word.folded.chars().count() <= MAX_WORD_CHARS + 2);
                prop_assert!(!text[word.place.clone()].is_empty());
            }
            let ordered = words.windows(2).all(|pair| pair[0].place.end <= pair[1].place.end);
            prop_assert!(ordered);
        }
    }
}
