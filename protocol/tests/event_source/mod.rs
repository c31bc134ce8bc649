//! A published event on its way: checked, framed, and read back by the letter of the HTML standard,
//! sections 9.2.5 and 9.2.6, as a browser's `EventSource` does.
//!
//! The fuzz target `event_check` compiles this file by itself.

use jiff::Timestamp;
use sally_protocol::cursor::Epoch;
use sally_protocol::{Cursor, Event, Tenant, stream};
use serde_json::Value;

/// What an `EventSource` hands to its page.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Message {
    /// `lastEventId`.
    pub id: String,
    /// The event's type.
    pub event: String,
    /// The lines of data, an end of line between them.
    pub data: String,
}

/// Reads a whole stream.
pub(crate) fn read(text: &str) -> Vec<Message> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text).replace("\r\n", "\n").replace('\r', "\n");
    let (mut messages, mut next, mut last_id) = (Vec::new(), Message::default(), String::new());
    // What follows the last end of a line is no line yet.
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    for line in whole.split('\n') {
        if line.is_empty() {
            let mut message = std::mem::take(&mut next);
            if message.data.pop().is_some() {
                messages.push(Message { id: last_id.clone(), ..message });
            }
            continue;
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "data" => next.data += &format!("{value}\n"),
            "event" => value.clone_into(&mut next.event),
            "id" if !value.contains('\0') => value.clone_into(&mut last_id),
            _ => {}
        }
    }
    messages
}

/// What holds for every payload: it is refused, or it becomes one message with the same JSON.
///
/// # Panics
///
/// When that doesn't hold.
pub(crate) fn assert_one_message(payload: &[u8]) {
    let tenant = Tenant::parse("acme").expect("a tenant");
    let Ok(event) = Event::check(payload, &tenant, Timestamp::UNIX_EPOCH, || "fresh".into()) else { return };
    let cursor = Cursor::new(&tenant, Epoch(7), 9);
    let frame = stream::frame(&cursor, &event.kind, &event.json);
    assert_eq!(frame.matches("\ndata: ").count(), 1, "one line of data: {frame:?}");
    // A frame between two others disturbs neither.
    let other = stream::frame(&cursor, "other", "{}");
    let messages = read(&format!("{other}{frame}{other}"));
    assert_eq!(messages.len(), 3, "{messages:?}");
    assert_eq!((messages[1].id.as_str(), messages[1].event.as_str()), (cursor.to_string().as_str(), &*event.kind));
    assert_eq!(messages[1].data, event.json);
    assert_eq!(messages[0], messages[2]);
    // JSON by its grammar may be none that Rust has values for: a number beyond any float, half a pair of
    // surrogates. It passes through, as far as anybody can tell.
    let Ok(Value::Object(sent)) = serde_json::from_slice(payload) else { return };
    let got: Value = serde_json::from_str(&messages[1].data).expect("JSON that was readable still is");
    for (name, value) in &sent {
        let completed = matches!(name.as_str(), "eventId" | "tenantId" | "occurredAt") && value.is_null();
        assert!(completed || got[name] == *value, "{name}: {value} became {}", got[name]);
    }
    for name in ["type", "eventId", "tenantId", "occurredAt"] {
        assert!(!got[name].is_null(), "{name} is missing in {got}");
    }
}
