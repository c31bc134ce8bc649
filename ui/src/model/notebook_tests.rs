use std::ops::RangeInclusive;

use sally_protocol::Role;
use sally_protocol::desktop::CommandError;
use sally_protocol::team::{Note, NoteDraft, Notes};
use serde_json::json;

use super::*;

fn id(text: &str) -> Id {
    Id::parse(text).expect("an id")
}

fn ann() -> Viewer {
    Viewer { user: id("ann"), role: Role::Dispatcher }
}

/// A note by `author` with the author's own id `u{n}`, one a minute.
fn note(n: u32, author: &str) -> Note {
    serde_json::from_value(json!({
        "noteId": format!("n{n:02}"), "conversationId": "driver", "authorId": author, "authorName": "Bob",
        "content": format!("remark {n}"), "at": format!("2026-11-24T10:{n:02}:00Z"), "clientNoteId": format!("u{n}"),
    }))
    .expect("a note")
}

fn page(numbers: RangeInclusive<u32>, more: bool) -> Notes {
    Notes { notes: numbers.map(|n| note(n, "bob")).collect(), more }
}

fn numbers(book: &Notebook) -> Vec<u32> {
    book.stored.values().map(|note| note.note_id.as_str()[1..].parse().expect("a number")).collect()
}

fn draft(client_note_id: &str) -> NoteDraft {
    NoteDraft { content: "slow".into(), client_note_id: client_note_id.into() }
}

fn refusal() -> CommandError {
    CommandError { code: "unreachable".into(), message: "The server can't be reached.".into(), retryable: true }
}

#[test]
fn pages_and_pushes_make_one_book_without_repeats() {
    let mut book = Notebook::default();
    assert!(book.more.is_none() && !book.has_more());
    // It is pushed while the first page is on its way.
    book.receive(note(8, "bob"));
    book.page(page(5..=8, true), None);
    book.receive(note(9, "bob"));
    assert_eq!((numbers(&book), book.has_more()), (vec![5, 6, 7, 8, 9], true));
    book.page(page(1..=4, false), Some(&id("n05")));
    assert_eq!((numbers(&book), book.has_more()), ((1..=9).collect(), false));
    book.page(page(8..=10, true), None);
    assert_eq!(numbers(&book), (1..=10).collect::<Vec<_>>());
    assert!(!book.has_more(), "a newest page fetched again does not forget that the start is here");
}

#[test]
fn a_hole_is_never_shown_as_a_whole() {
    let mut book = Notebook::default();
    book.page(page(1..=3, false), None);
    book.page(page(6..=8, true), None);
    assert_eq!((numbers(&book), book.has_more()), (vec![6, 7, 8], true));
    book.page(page(1..=2, false), Some(&id("n03")));
    assert_eq!(numbers(&book), [6, 7, 8], "an older page that no longer fits");
    book.receive(note(4, "bob"));
    assert_eq!(numbers(&book), [6, 7, 8], "one that is older than all comes with its page");
    book.page(Notes { notes: vec![], more: false }, Some(&id("n06")));
    assert!(!book.has_more());
}

#[test]
fn an_empty_book_is_loaded_and_complete() {
    let mut book = Notebook::default();
    book.page(Notes { notes: vec![], more: false }, None);
    assert!(book.more == Some(false));
    assert_eq!(book.lacks(Timestamp::MIN), None);
}

#[test]
fn older_notes_are_lacking_until_they_reach_as_far_back_as_the_messages() {
    let mut book = Notebook::default();
    book.page(page(5..=8, true), None);
    assert_eq!(book.lacks(note(4, "bob").at), Some(id("n05")));
    assert_eq!(book.lacks(note(5, "bob").at), Some(id("n05")), "others may have been noted at that moment");
    assert_eq!(book.lacks(note(6, "bob").at), None);
    book.page(page(1..=4, false), Some(&id("n05")));
    assert_eq!(book.lacks(Timestamp::MIN), None);
}

#[test]
fn a_note_keeps_its_key_from_writing_to_stored() {
    let mut book = Notebook::default();
    book.page(page(1..=1, false), None);
    let written_at = note(2, "ann").at;
    book.sending(draft("u2"), written_at);
    let key = book.outgoing_lines(&ann()).next().expect("a line").1;
    let stand = |book: &Notebook| book.shown(&key, &ann()).map(|shown| shown.stand);
    assert_eq!(stand(&book), Some(Stand::Sending));
    assert_eq!(book.again(&key, &ann()), None, "it is on its way already");
    book.failed("u2", refusal());
    assert_eq!(stand(&book), Some(Stand::Failed(refusal())));
    assert_eq!(book.again(&key, &ann()), Some(draft("u2")), "the same note to the server");
    assert_eq!(stand(&book), Some(Stand::Sending));

    // The push may come before the answer; either way it is there once.
    book.receive(note(2, "ann"));
    book.receive(note(2, "ann"));
    book.failed("u2", refusal());
    assert_eq!(stand(&book), Some(Stand::Stored));
    assert_eq!(book.outgoing_lines(&ann()).count(), 0);
    assert_eq!(book.lines().map(|(_, key)| key).collect::<Vec<_>>(), ["bob/u1", "ann/u2"]);
    let author = |key: &str| book.shown(key, &ann()).expect("a note").author;
    assert_eq!((author("bob/u1"), author("ann/u2")), (Some("Bob".into()), None));
}

#[test]
fn what_may_succeed_now_is_tried_again_once() {
    let mut book = Notebook::default();
    for (name, failure) in [
        ("u1", Some(refusal())),
        ("u2", None),
        ("u3", Some(CommandError { retryable: false, ..refusal() })),
        ("u4", Some(refusal())),
    ] {
        book.sending(draft(name), Timestamp::UNIX_EPOCH);
        failure.into_iter().for_each(|failure| book.failed(name, failure));
    }
    assert_eq!(book.again_all(), [draft("u1"), draft("u4")]);
    assert_eq!(book.again_all(), []);
}

#[test]
fn what_an_earlier_run_could_not_store_waits_to_be_tried_again() {
    let mut book = Notebook::default();
    book.sending(draft("u2"), Timestamp::UNIX_EPOCH);
    for name in ["u1", "u2", "u1"] {
        book.restore(draft(name), Timestamp::UNIX_EPOCH);
    }
    assert_eq!(book.failed_count(), 1, "what is known already is no news");
    assert_eq!(book.failed_draft("ann/u2", &ann()), None, "it is on its way");
    assert!(matches!(book.shown("ann/u1", &ann()).map(|shown| shown.stand), Some(Stand::Failed(_))));
    assert_eq!(book.again_all(), [draft("u1")]);
    // It was stored after all, and only the answer was lost.
    book.page(page(1..=1, false), None);
    book.receive(note(1, "ann"));
    assert_eq!((book.failed_count(), book.outgoing_lines(&ann()).count()), (0, 1));
}

#[test]
fn only_what_is_kept_is_said_to_be() {
    let said = |code: &str, retryable| {
        failure_sentence(&CommandError { code: code.into(), message: "The reason.".into(), retryable })
    };
    assert!(said("refused", true).contains("kept on this computer"));
    for (code, retryable) in [("disk", true), ("outbox", true), ("too_long", false), ("signed_out", false)] {
        assert_eq!(said(code, retryable), "Not saved. The reason.");
    }
}

#[test]
fn a_discarded_note_is_gone() {
    let mut book = Notebook::default();
    book.sending(draft("u1"), Timestamp::UNIX_EPOCH);
    book.failed("u1", refusal());
    assert_eq!(book.failed_draft("ann/u1", &ann()), Some(&draft("u1")));
    book.discard("u1");
    assert_eq!(book.shown("ann/u1", &ann()), None);
    assert_eq!(book.again("ann/u1", &ann()), None);
}
