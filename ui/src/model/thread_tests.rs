use jiff::Timestamp;
use jiff::tz::Offset;
use sally_protocol::Role;
use sally_protocol::desktop::{CommandError, Link};
use sally_protocol::message::{AcknowledgedBy, SendMessage};
use sally_protocol::outbox::UnsentState;
use serde_json::json;

use super::*;
use crate::model::bubble::Progress;
use crate::model::notebook::Notebook;

fn id(text: &str) -> Id {
    Id::parse(text).expect("an id")
}

fn utc(_: Timestamp) -> Offset {
    Offset::UTC
}

fn ann() -> Viewer {
    Viewer { user: id("ann"), role: Role::Dispatcher }
}

/// A message by `sender`, one a minute.
fn message(seq: u64, sender: &str) -> Message {
    let role = if sender == "driver" { "driver" } else { "dispatcher" };
    let minute = seq % 60;
    let hour = 10 + seq / 60;
    serde_json::from_value(json!({
        "messageId": format!("m{seq}"), "conversationId": "driver", "seq": seq, "cursor": format!("c{seq}"),
        "senderId": sender, "senderRole": role, "recipientId": "driver", "content": format!("text {seq}"),
        "priority": "normal", "requiresAck": false, "clientMessageId": format!("u{seq}"),
        "timestamp": format!("2026-11-24T{hour:02}:{minute:02}:00Z"),
    }))
    .expect("a message")
}

fn page(seqs: std::ops::RangeInclusive<u64>, more: bool) -> History {
    let messages = seqs.map(|seq| HistoryMessage { message: message(seq, "driver"), acknowledged_by: vec![] });
    History { messages: messages.collect(), more, receipts: vec![] }
}

fn seqs(thread: &Thread) -> Vec<u64> {
    thread.stored.keys().copied().collect()
}

fn unsent(client: &str, at: Timestamp, state: UnsentState) -> Unsent {
    let message = SendMessage { content: "hello".into(), client_message_id: client.into(), ..SendMessage::default() };
    Unsent { conversation_id: Some(id("driver")), message, created_at: at, state }
}

fn refusal() -> CommandError {
    CommandError { code: "offline".into(), message: "The server can't be reached.".into(), retryable: true }
}

#[test]
fn pages_and_pushes_make_one_thread_without_repeats() {
    let mut thread = Thread::default();
    assert!(!thread.is_loaded());
    thread.page(page(5..=8, true), true);
    thread.receive(message(8, "driver"));
    thread.receive(message(9, "driver"));
    thread.page(page(1..=5, false), false);
    assert_eq!(seqs(&thread), [1, 2, 3, 4, 5, 6, 7, 8, 9]);
    assert!(!thread.has_more());
    let messages = thread
        .entries(&Notebook::default(), &ann(), None, utc)
        .into_iter()
        .filter(|entry| matches!(entry, Entry::Message(_)));
    assert_eq!(messages.count(), 9);
}

#[test]
fn a_newest_page_fetched_again_does_not_forget_that_the_start_is_here() {
    let mut thread = Thread::default();
    thread.page(page(3..=6, true), true);
    thread.page(page(1..=2, false), false);
    thread.page(page(4..=7, true), true);
    assert_eq!(seqs(&thread), [1, 2, 3, 4, 5, 6, 7]);
    assert!(!thread.has_more());
}

#[test]
fn a_hole_is_never_shown_as_a_whole() {
    let mut thread = Thread::default();
    thread.page(page(1..=3, false), true);
    thread.receive(message(7, "driver"));
    assert!(thread.is_stale());
    assert_eq!(seqs(&thread), [1, 2, 3]);
    thread.page(page(6..=8, true), true);
    assert_eq!(seqs(&thread), [6, 7, 8]);
    assert!(thread.has_more() && !thread.is_stale());
    // An older page that was asked for before the hole was found no longer fits.
    thread.page(page(1..=2, false), false);
    assert_eq!(seqs(&thread), [6, 7, 8]);
}

#[test]
fn an_empty_conversation_is_loaded_and_complete() {
    let mut thread = Thread::default();
    thread.page(History { messages: vec![], more: false, receipts: vec![] }, true);
    assert!(thread.is_loaded() && !thread.has_more());
    assert_eq!(thread.entries(&Notebook::default(), &ann(), None, utc), []);
}

#[test]
fn a_message_keeps_its_key_from_sending_to_stored() {
    let mut thread = Thread::default();
    thread.page(page(1..=1, false), true);
    let at = message(2, "ann").timestamp;
    let waiting = UnsentState::Waiting { reason: None };
    thread.unsent(unsent("u2", at, waiting.clone()));
    let entries = thread.entries(&Notebook::default(), &ann(), None, utc);
    let key = match entries.last() {
        Some(Entry::Message(key)) => key.clone(),
        other => panic!("not a message: {other:?}"),
    };
    for (state, progress) in [
        (waiting.clone(), Progress::Waiting(None)),
        (UnsentState::Sending, Progress::Sending),
        (UnsentState::Failed { error: refusal() }, Progress::Failed(refusal())),
        (waiting.clone(), Progress::Waiting(None)),
    ] {
        thread.unsent(unsent("u2", at, state));
        assert_eq!(thread.bubble(&key, &ann(), utc).and_then(|bubble| bubble.progress), Some(progress));
    }
    assert_eq!(thread.outgoing_count(), 1, "a retry is the same message");

    // The push may come before the answer; either way it is there once.
    thread.receive(message(2, "ann"));
    thread.receive(message(2, "ann"));
    // What is heard of it late changes nothing.
    thread.unsent(unsent("u2", at, waiting));
    assert!(!thread.has_outgoing());
    assert_eq!(thread.entries(&Notebook::default(), &ann(), None, utc), entries);
    let bubble = thread.bubble(&key, &ann(), utc).expect("the message");
    assert_eq!((bubble.seq, bubble.mine, bubble.progress), (Some(2), true, Some(Progress::Sent)));
    assert_eq!(bubble.message_id.as_deref(), Some("m2"));
}

#[test]
fn what_waits_is_shown_in_order_until_it_leaves() {
    let mut thread = Thread::default();
    let at = message(1, "ann").timestamp;
    for client in ["u1", "u2", "u3"] {
        thread.unsent(unsent(client, at, UnsentState::Waiting { reason: None }));
    }
    thread.unsent(unsent("u1", at, UnsentState::Failed { error: refusal() }));
    thread.left("u2");
    let message = |client: &str| Entry::Message(format!("ann/{client}"));
    let day = Entry::Day("2026-11-24".parse().expect("a date"));
    assert_eq!(thread.entries(&Notebook::default(), &ann(), None, utc), [day, message("u1"), message("u3")]);
    thread.forget_outgoing();
    assert_eq!(thread.entries(&Notebook::default(), &ann(), None, utc), []);
}

#[test]
fn it_is_said_why_a_message_waits() {
    let retrying = Link::Retrying { in_ms: 1_000, reason: "Refused.".into() };
    assert!(Progress::Waiting(None).why(&retrying).is_some_and(|why| why.contains("no connection")));
    assert_eq!(Progress::Waiting(None).why(&Link::Live), None, "it is about to go");
    let put_off = Progress::Waiting(Some("Too many messages.".into()));
    assert_eq!(put_off.why(&Link::Live).as_deref(), Some("Too many messages."));
    assert_eq!(Progress::Sending.why(&retrying), None);
}

#[test]
fn receipts_of_the_other_side_only_go_forward() {
    let mut thread = Thread::default();
    thread.receive(message(1, "ann"));
    thread.receive(message(2, "ann"));
    let receipt = |user: &str, kind, seq: u64| Receipt {
        conversation_id: id("driver"),
        user_id: id(user),
        kind,
        seq: Some(seq),
        message_id: (kind == ReceiptKind::Acknowledged).then(|| "m1".to_owned()),
        at: message(1, "ann").timestamp,
    };
    let progress = |thread: &Thread, seq: u64| {
        thread.bubble(&key_of(&id("ann"), &format!("u{seq}")), &ann(), utc).and_then(|bubble| bubble.progress)
    };
    thread.receipt(&receipt("bob", ReceiptKind::Read, 2), &id("driver"));
    assert_eq!(progress(&thread, 1), Some(Progress::Sent), "a colleague's reading says nothing of the driver");
    thread.receipt(&receipt("driver", ReceiptKind::Delivered, 2), &id("driver"));
    thread.receipt(&receipt("driver", ReceiptKind::Read, 1), &id("driver"));
    thread.receipt(&receipt("driver", ReceiptKind::Delivered, 1), &id("driver"));
    assert_eq!((progress(&thread, 1), progress(&thread, 2)), (Some(Progress::Read), Some(Progress::Delivered)));
    thread.receipt(&receipt("driver", ReceiptKind::Acknowledged, 0), &id("driver"));
    assert_eq!(progress(&thread, 1), Some(Progress::Acknowledged));
}

#[test]
fn what_the_other_side_asks_for_is_open_until_somebody_here_has_acknowledged_it() {
    let asking = |seq| Message { requires_ack: true, ..message(seq, "driver") };
    let by = AcknowledgedBy { user_id: id("bob"), at: message(1, "ann").timestamp };
    let messages = (1..=4).map(|seq| HistoryMessage {
        message: if seq == 4 { message(4, "driver") } else { asking(seq) },
        acknowledged_by: if seq == 1 { vec![by.clone()] } else { vec![] },
    });
    let mut thread = Thread::default();
    thread.page(History { messages: messages.collect(), more: false, receipts: vec![] }, true);
    let answered = |thread: &Thread, seq: u64| {
        thread.bubble(&format!("driver/u{seq}"), &ann(), utc).and_then(|bubble| bubble.answered)
    };
    assert_eq!((answered(&thread, 1), answered(&thread, 2)), (Some(true), Some(false)));
    assert_eq!(answered(&thread, 4), None, "it doesn't ask");
    thread.answered("m2".into());
    assert_eq!(answered(&thread, 2), Some(true));
    let receipt = Receipt {
        conversation_id: id("driver"),
        user_id: id("bob"),
        kind: ReceiptKind::Acknowledged,
        seq: None,
        message_id: Some("m3".into()),
        at: message(1, "ann").timestamp,
    };
    thread.receipt(&receipt, &id("driver"));
    assert_eq!(answered(&thread, 3), Some(true), "a colleague has done it");
}

#[test]
fn days_and_the_unread_mark_stand_before_their_messages() {
    let mut thread = Thread::default();
    let mut before = message(1, "driver");
    before.timestamp = "2026-11-23T23:59:00Z".parse().expect("a time");
    thread.receive(before);
    thread.receive(message(2, "driver"));
    thread.receive(message(3, "driver"));
    let day = |date: &str| Entry::Day(date.parse().expect("a date"));
    let message = |seq: u64| Entry::Message(format!("driver/u{seq}"));
    assert_eq!(
        thread.entries(&Notebook::default(), &ann(), Some(3), utc),
        [day("2026-11-23"), message(1), day("2026-11-24"), message(2), Entry::Unread, message(3)]
    );
}

#[test]
fn names_head_the_first_of_several_in_a_row() {
    let mut thread = Thread::default();
    for (seq, sender) in [(1, "driver"), (2, "driver"), (3, "bob"), (4, "ann"), (5, "driver")] {
        thread.receive(message(seq, sender));
    }
    let bubble = |sender: &str, seq: u64| {
        thread.bubble(&format!("{sender}/u{seq}"), &ann(), utc).unwrap_or_else(|| panic!("message {seq}"))
    };
    let heading = |sender: &str, seq| bubble(sender, seq).heading;
    assert_eq!(heading("driver", 1).as_deref(), Some("driver"));
    assert_eq!(heading("driver", 2), None);
    assert_eq!(heading("bob", 3).as_deref(), Some("bob"));
    assert_eq!(heading("ann", 4), None, "one knows one's own name");
    assert_eq!(heading("driver", 5).as_deref(), Some("driver"));
    assert!(bubble("bob", 3).ours && !bubble("bob", 3).mine);
    assert_eq!(bubble("driver", 1).progress, None);
}

#[test]
fn a_page_says_how_far_its_messages_have_come() {
    let receipt = |user: &str, kind, seq| Receipt {
        conversation_id: id("driver"),
        user_id: id(user),
        kind,
        seq: Some(seq),
        message_id: None,
        at: message(1, "ann").timestamp,
    };
    let acknowledged_by = vec![AcknowledgedBy { user_id: id("driver"), at: message(1, "ann").timestamp }];
    let messages = (1..=4).map(|seq| HistoryMessage {
        message: message(seq, "ann"),
        acknowledged_by: if seq == 1 { acknowledged_by.clone() } else { vec![] },
    });
    let receipts = vec![
        receipt("bob", ReceiptKind::Read, 4),
        receipt("driver", ReceiptKind::Delivered, 3),
        receipt("driver", ReceiptKind::Read, 2),
    ];
    let mut thread = Thread::default();
    thread.page(History { messages: messages.collect(), more: false, receipts }, true);
    let progress = |seq: u64| thread.bubble(&format!("ann/u{seq}"), &ann(), utc).and_then(|bubble| bubble.progress);
    assert_eq!(progress(1), Some(Progress::Acknowledged));
    assert_eq!(progress(2), Some(Progress::Read));
    assert_eq!(progress(3), Some(Progress::Delivered));
    assert_eq!(progress(4), Some(Progress::Sent), "what a colleague has read, the driver needn't have");
}

#[test]
fn an_old_message_is_reached_page_by_page() {
    let mut thread = Thread::default();
    assert_eq!(thread.step_to(2), Step::Newest);
    thread.page(page(5..=8, true), true);
    assert_eq!((thread.step_to(6), thread.step_to(2)), (Step::There, Step::Older(5)));
    thread.page(page(3..=4, true), false);
    assert_eq!(thread.step_to(2), Step::Older(3));
    thread.page(page(2..=2, false), false);
    assert_eq!((thread.step_to(2), thread.step_to(1)), (Step::There, Step::There), "the first one has been removed");
    thread.receive(message(20, "driver"));
    assert_eq!(thread.step_to(2), Step::Newest, "what is missing at the end comes first");
}

/// A note, in the minute and the second.
fn note(minute: u32, second: u32) -> sally_protocol::team::Note {
    let name = format!("n{minute:02}{second:02}");
    serde_json::from_value(json!({
        "noteId": name, "conversationId": "driver", "authorId": "bob", "content": "slow", "clientNoteId": name,
        "at": format!("2026-11-24T10:{minute:02}:{second:02}Z"),
    }))
    .expect("a note")
}

/// The lines in short: a message by its place, a note by its time.
fn lines(thread: &Thread, notes: &Notebook) -> String {
    let lines = thread.entries(notes, &ann(), Some(4), utc).into_iter().map(|entry| match entry {
        Entry::Day(_) => "day".to_owned(),
        Entry::Unread => "new".to_owned(),
        Entry::Message(key) | Entry::Note(key) => key.split_once('/').expect("a key").1.to_owned(),
    });
    lines.collect::<Vec<_>>().join(" ")
}

#[test]
fn notes_stand_among_the_messages_at_their_time() {
    let mut thread = Thread::default();
    let mut notes = Notebook::default();
    let all = [note(2, 30), note(3, 0), note(3, 10), note(3, 20), note(5, 0)];
    notes.page(sally_protocol::team::Notes { notes: all.into(), more: false }, None);
    assert_eq!(lines(&thread, &notes), "", "nothing before the first page of messages");
    thread.page(page(3..=4, true), true);
    assert_eq!(lines(&thread, &notes), "day u3 n0300 n0310 n0320 new u4 n0500");
    let at = message(6, "ann").timestamp;
    thread.unsent(unsent("u9", at, UnsentState::Sending));
    let draft = |name: &str| sally_protocol::team::NoteDraft { content: "x".into(), client_note_id: name.into() };
    notes.sending(draft("before"), at - jiff::SignedDuration::from_secs(1));
    notes.sending(draft("after"), at + jiff::SignedDuration::from_secs(1));
    assert_eq!(lines(&thread, &notes), "day u3 n0300 n0310 n0320 new u4 n0500 before u9 after");
    thread.page(page(2..=2, false), false);
    assert!(lines(&thread, &notes).starts_with("day u2 n0230 u3 "), "an older note comes with older messages");
}

#[test]
fn notes_without_messages_are_shown_too() {
    let mut thread = Thread::default();
    thread.page(History { messages: vec![], more: false, receipts: vec![] }, true);
    let mut notes = Notebook::default();
    notes.receive(note(1, 0));
    assert_eq!(lines(&thread, &notes), "day n0100");
}
