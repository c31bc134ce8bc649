//! Whatever a publisher sends, clients read one message with the same JSON, or nothing.

#![expect(clippy::expect_used, reason = "a test that can't go on fails")]

mod event_source;

use event_source::{Message, assert_one_message, read};
use proptest::prelude::*;
use serde_json::{Value, json};

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::hash_map(any::<String>(), inner, 0..6)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

#[test]
fn streams_are_read_by_the_standards_own_example() {
    // HTML, section 9.2.6: two messages, an end of line in the second's data, and a third that has no end.
    let messages = read("\u{feff}: a comment\n\ndata: first\rid: 1\r\rdata:second\r\ndata\nid\n\ndata: third");
    let message = |id: &str, data: &str| Message { id: id.into(), event: String::new(), data: data.into() };
    assert_eq!(messages, [message("1", "first"), message("", "second\n")]);
}

#[test]
fn what_has_no_value_in_rust_passes_through() {
    for odd in [r#""\ud800""#, "1e400", "-0", "[1,\r\n2]", "\"\u{2028}\u{85}\""] {
        assert_one_message(format!("{{\"type\":\"a\",\"x\":{odd}}}").as_bytes());
    }
}

proptest! {
    #[test]
    fn any_bytes_are_one_message_or_none(payload: Vec<u8>) {
        assert_one_message(&payload);
    }

    #[test]
    fn any_object_is_one_message(mut fields in prop::collection::hash_map("[a-zA-Z\\PC]{0,12}", any_json(), 0..8), pretty: bool) {
        fields.insert("type".into(), json!("new_alert"));
        let payload = if pretty { serde_json::to_vec_pretty(&fields) } else { serde_json::to_vec(&fields) };
        assert_one_message(&payload.expect("JSON"));
    }

    /// Text that looks like JSON, with line ends and other white space in all places.
    #[test]
    fn nearly_json_is_one_message_or_none(inside in r#"([\[\]{},: \t\r\n]|"x"|"\\u[0-9a-f]{4}"|[0-9.eE+-]|null){0,24}"#) {
        assert_one_message(format!("{{\"type\":\"a\",\"x\":{inside}}}").as_bytes());
    }
}
