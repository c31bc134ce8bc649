//! Socket.IO's packets, version 5 of the protocol.
//!
//! <https://socket.io/docs/v4/socket-io-protocol/>
//!
//! Depends on nothing of this crate: the fuzz target `socket_packet` compiles this file by itself.

use serde_json::Value;
use serde_json::value::RawValue;

/// The most attachments that a packet may announce. No request has any.
const MAX_ATTACHMENTS: usize = 8;

/// The longest name of a namespace, in bytes. Whoever asks for one that isn't there is told so by its
/// name.
const MAX_NAMESPACE_BYTES: usize = 128;

/// A packet of a client's.
#[derive(Debug, PartialEq)]
pub(crate) struct Packet<'a> {
    /// The namespace it is for, `/` where it names none.
    pub(crate) namespace: &'a str,
    pub(crate) content: Content<'a>,
}

/// What a packet says.
#[derive(Debug, PartialEq)]
pub(crate) enum Content<'a> {
    /// The client wants to enter; the payload is JSON as it came, if it came.
    Connect(&'a str),
    /// The client leaves.
    Disconnect,
    /// An event.
    Event(Event),
    /// An event of which so many attachments follow.
    WithAttachments(Event, usize),
    /// An answer. Nobody waits for one.
    Ack,
}

/// An event.
#[derive(Debug, PartialEq)]
pub(crate) struct Event {
    pub(crate) name: String,
    /// The first argument; `None` where there is none, or one that isn't JSON to everybody: nested too
    /// deeply, out of range, or half of a character.
    pub(crate) argument: Option<Value>,
    /// What the answer goes by; `None` where none is wanted.
    pub(crate) id: Option<u64>,
}

impl<'a> Packet<'a> {
    /// Reads a packet; `None` where it is none, or not for a client to send.
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        let mut rest = text.chars();
        let kind = rest.next()?;
        let mut rest = rest.as_str();
        let attachments = match kind {
            '5' | '6' => {
                let (count, after) = rest.split_once('-')?;
                rest = after;
                number(count)?.try_into().ok().filter(|count| *count <= MAX_ATTACHMENTS)?
            }
            _ => 0,
        };
        let namespace = match rest.starts_with('/') {
            true => {
                let (namespace, after) = rest.split_once(',').unwrap_or((rest, ""));
                rest = after;
                namespace
            }
            false => "/",
        };
        if namespace.len() > MAX_NAMESPACE_BYTES {
            return None;
        }
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (id, data) = rest.split_at(digits);
        let id = if id.is_empty() { None } else { Some(number(id)?) };
        let content = match kind {
            // What begins with a digit is data here, and no payload that anybody would send.
            '0' => Content::Connect(rest),
            '1' => Content::Disconnect,
            '2' => Content::Event(event(id, data)?),
            '3' if id.is_some() && is_array(data) => Content::Ack,
            '5' if attachments > 0 => Content::WithAttachments(event(id, data)?, attachments),
            _ => return None,
        };
        Some(Self { namespace, content })
    }
}

/// A number in digits alone.
fn number(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

fn is_array(data: &str) -> bool {
    serde_json::from_str::<Vec<&RawValue>>(data).is_ok()
}

fn event(id: Option<u64>, data: &str) -> Option<Event> {
    let arguments: Vec<&RawValue> = serde_json::from_str(data).ok()?;
    let (name, arguments) = arguments.split_first()?;
    let name = serde_json::from_str(name.get()).ok()?;
    let argument = arguments.first().and_then(|argument| serde_json::from_str(argument.get()).ok());
    Some(Event { name, argument, id })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn content(text: &str) -> Content<'_> {
        Packet::parse(text).expect("a packet").content
    }

    #[test]
    fn the_protocol_has_these() {
        let event = |id, argument| Event { name: "typing".into(), argument, id };
        assert_eq!(
            content(r#"2/messaging,7["typing",{"a":1}]"#),
            Content::Event(event(Some(7), Some(json!({ "a": 1 }))))
        );
        assert_eq!(content(r#"2["typing"]"#), Content::Event(event(None, None)));
        assert_eq!(
            content(r#"52-/messaging,1["typing",2]"#),
            Content::WithAttachments(event(Some(1), Some(json!(2))), 2)
        );
        assert_eq!(content(r#"0/messaging,{"token":"t"}"#), Content::Connect(r#"{"token":"t"}"#));
        assert_eq!(content("0"), Content::Connect(""));
        assert_eq!(content("1/messaging,"), Content::Disconnect);
        assert_eq!(content("3/messaging,9[1]"), Content::Ack);
    }

    #[test]
    fn the_namespace_is_what_stands_there() {
        for (text, namespace) in [
            ("0", "/"),
            ("0{}", "/"),
            ("0/messaging", "/messaging"),
            ("0/messaging,", "/messaging"),
            ("1/a/b,", "/a/b"),
            (r#"2/x,1["a,b"]"#, "/x"),
            (r#"51-/x,1["a"]"#, "/x"),
        ] {
            assert_eq!(Packet::parse(text).map(|packet| packet.namespace), Some(namespace), "{text}");
        }
    }

    #[test]
    fn the_name_of_a_namespace_is_bounded() {
        let packet = |length: usize| format!("0/{},", "x".repeat(length - 1));
        assert!(Packet::parse(&packet(MAX_NAMESPACE_BYTES)).is_some());
        assert_eq!(Packet::parse(&packet(MAX_NAMESPACE_BYTES + 1)), None);
    }

    #[test]
    fn an_argument_that_is_json_to_nobody_is_none() {
        let deep = format!(r#"2["x",{}{}]"#, "[".repeat(5_000), "]".repeat(5_000));
        for text in [deep.as_str(), r#"2["x",1e999]"#, r#"2["x","\ud83d"]"#] {
            assert!(matches!(content(text), Content::Event(Event { argument: None, .. })), "{text:.40}");
        }
    }

    #[test]
    fn nothing_else_is_a_packet() {
        for text in [
            "",
            "x",
            "7/x,",
            "4/x,{}",
            "2",
            "2{}",
            "2[",
            "2[]",
            "2[7]",
            "2abc[]",
            "21",
            "2-1[\"a\"]",
            "3[]",
            "3x[]",
            "5[]",
            "5-[\"a\"]",
            "50-[\"a\"]",
            "59-[\"a\"]",
            "5+1-[\"a\"]",
            "61-/x,9[1]",
            "299999999999999999999[\"a\"]",
            "2[\"a\",]",
        ] {
            assert_eq!(Packet::parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn an_event_comes_out_as_it_went_in(name: String, id: Option<u64>, text: String, number: i64) {
            let argument = json!({ "text": text, "number": number });
            let id_text = id.map(|id| id.to_string()).unwrap_or_default();
            let packet = format!("2/messaging,{id_text}{}", json!([name, argument]));
            prop_assert_eq!(content(&packet), Content::Event(Event { name, argument: Some(argument), id }));
        }

        #[test]
        fn anything_is_read_or_none(text in "[0-9]?[0-9/a,-]{0,12}[\\[\\]{}\"a0-9,]{0,12}", rest: String) {
            let _ = Packet::parse(&text);
            let _ = Packet::parse(&rest);
        }
    }
}
