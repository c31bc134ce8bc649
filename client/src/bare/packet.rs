//! The packets of Engine.IO 4 and Socket.IO 5 as text: reading and writing, nothing else.
//!
//! <https://socket.io/docs/v4/engine-io-protocol/>, <https://socket.io/docs/v4/socket-io-protocol/>

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

/// What a server sends. The namespace of each is the root's, `/`, where the packet names none.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Packet {
    /// The transport is open.
    Open(Handshake),
    /// The server closes the transport.
    Close,
    /// To be answered by [`pong`] with the same text.
    Ping(String),
    /// A namespace was entered.
    Connected {
        /// Which.
        namespace: String,
        /// The server's payload, `{"sid": …}`.
        data: Value,
    },
    /// A namespace couldn't be entered.
    Refused {
        /// Which.
        namespace: String,
        /// The server's `message`; the whole payload as text where it has none.
        message: String,
    },
    /// The server put the client out of a namespace.
    Disconnected {
        /// Which.
        namespace: String,
    },
    /// An event.
    Event {
        /// Of which namespace.
        namespace: String,
        /// The id to acknowledge it by, where the server wants that.
        ack: Option<u64>,
        /// Its name.
        name: String,
        /// What came with it.
        args: Vec<Value>,
    },
    /// The answer to an event of the client's.
    Ack {
        /// Of which namespace.
        namespace: String,
        /// The id that the client gave its event.
        id: u64,
        /// What came with it.
        args: Vec<Value>,
    },
    /// Something valid that this client has no use for: a `noop`, a pong, a binary event.
    Ignored,
}

/// The first packet of a connection, times already read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Handshake {
    /// The transport's session id.
    pub(super) sid: String,
    /// The server pings this often.
    pub(super) ping_interval: Duration,
    /// After this much longer without a ping the connection is lost.
    pub(super) ping_timeout: Duration,
}

/// Why a text is no packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a Socket.IO packet: {0}")]
pub(super) struct Malformed(&'static str);

/// The longest period a handshake may set; a day. A server that says more means never.
const LONGEST_MS: u64 = 86_400_000;

impl Packet {
    /// Reads one text frame.
    ///
    /// # Errors
    ///
    /// [`Malformed`], whatever the text holds; it never panics.
    pub(super) fn parse(text: &str) -> Result<Self, Malformed> {
        let mut chars = text.chars();
        let kind = chars.next().ok_or(Malformed("empty"))?;
        let rest = chars.as_str();
        match kind {
            '0' => Ok(Self::Open(handshake(rest)?)),
            '1' => Ok(Self::Close),
            '2' => Ok(Self::Ping(rest.to_owned())),
            '3' | '6' => Ok(Self::Ignored),
            '4' => message(rest),
            _ => Err(Malformed("unknown transport packet")),
        }
    }
}

/// Asks to enter a namespace.
pub(super) fn connect(namespace: &str, auth: &Value) -> String {
    format!("40{}{auth}", prefix(namespace))
}

/// Leaves a namespace.
pub(super) fn disconnect(namespace: &str) -> String {
    format!("41{}", prefix(namespace))
}

/// An event with one argument, acknowledged under `id`.
pub(super) fn event(namespace: &str, id: u64, name: &str, payload: &Value) -> String {
    format!("42{}{id}[{},{payload}]", prefix(namespace), Value::from(name))
}

/// The acknowledgement of a server's event.
pub(super) fn ack(namespace: &str, id: u64, payload: &Value) -> String {
    format!("43{}{id}[{payload}]", prefix(namespace))
}

/// The answer to [`Packet::Ping`].
pub(super) fn pong(text: &str) -> String {
    format!("3{text}")
}

/// The root namespace is written by leaving it out.
fn prefix(namespace: &str) -> String {
    if namespace == "/" { String::new() } else { format!("{namespace},") }
}

fn handshake(text: &str) -> Result<Handshake, Malformed> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Fields {
        sid: String,
        ping_interval: u64,
        ping_timeout: u64,
    }
    let fields: Fields = serde_json::from_str(text).map_err(|_| Malformed("a handshake of another shape"))?;
    let period = |ms: u64| Duration::from_millis(ms.min(LONGEST_MS));
    Ok(Handshake {
        sid: fields.sid,
        ping_interval: period(fields.ping_interval),
        ping_timeout: period(fields.ping_timeout),
    })
}

fn message(text: &str) -> Result<Packet, Malformed> {
    let mut chars = text.chars();
    let kind = chars.next().ok_or(Malformed("a message without a type"))?;
    let rest = chars.as_str();
    if matches!(kind, '5' | '6') {
        return Ok(Packet::Ignored);
    }
    let (namespace, rest) = if rest.starts_with('/') {
        let (namespace, rest) = rest.split_once(',').unwrap_or((rest, ""));
        (namespace.to_owned(), rest)
    } else {
        ("/".to_owned(), rest)
    };
    let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (id, body) = rest.split_at(digits);
    let id = match id {
        "" => None,
        id => Some(id.parse::<u64>().map_err(|_| Malformed("an acknowledgement id out of range"))?),
    };
    match kind {
        '0' => Ok(Packet::Connected { namespace, data: value(body)? }),
        '1' => Ok(Packet::Disconnected { namespace }),
        '2' => {
            let mut args = list(body)?.into_iter();
            let Some(Value::String(name)) = args.next() else { return Err(Malformed("an event without a name")) };
            Ok(Packet::Event { namespace, ack: id, name, args: args.collect() })
        }
        '3' => {
            let id = id.ok_or(Malformed("an acknowledgement without an id"))?;
            Ok(Packet::Ack { namespace, id, args: list(body)? })
        }
        '4' => {
            let data = value(body)?;
            let message = data["message"].as_str().or(data.as_str()).map_or_else(|| data.to_string(), str::to_owned);
            Ok(Packet::Refused { namespace, message })
        }
        _ => Err(Malformed("unknown message packet")),
    }
}

fn value(text: &str) -> Result<Value, Malformed> {
    if text.is_empty() { Ok(Value::Null) } else { serde_json::from_str(text).map_err(|_| Malformed("not JSON")) }
}

fn list(text: &str) -> Result<Vec<Value>, Malformed> {
    serde_json::from_str(text).map_err(|_| Malformed("not a JSON array"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn parse(text: &str) -> Packet {
        Packet::parse(text).expect("a packet")
    }

    #[test]
    fn the_handshake_names_its_periods() {
        let open = parse(
            r#"0{"sid":"x","upgrades":[],"pingInterval":25000,"pingTimeout":18446744073709551615,"maxPayload":1}"#,
        );
        assert_eq!(
            open,
            Packet::Open(Handshake {
                sid: "x".into(),
                ping_interval: Duration::from_secs(25),
                ping_timeout: Duration::from_millis(LONGEST_MS),
            })
        );
    }

    #[test]
    fn packets_of_a_namespace_are_read() {
        let namespace = || "/messaging".to_owned();
        assert_eq!(
            parse(r#"40/messaging,{"sid":"s"}"#),
            Packet::Connected { namespace: namespace(), data: json!({"sid": "s"}) }
        );
        assert_eq!(
            parse(r#"44/messaging,{"message":"token_expired"}"#),
            Packet::Refused { namespace: namespace(), message: "token_expired".into() }
        );
        assert_eq!(parse("41/messaging"), Packet::Disconnected { namespace: namespace() });
        assert_eq!(
            parse(r#"42/messaging,7["head",{"cursor":"a,b"}]"#),
            Packet::Event {
                namespace: namespace(),
                ack: Some(7),
                name: "head".into(),
                args: vec![json!({"cursor": "a,b"})]
            }
        );
        assert_eq!(parse("43/messaging,12[]"), Packet::Ack { namespace: namespace(), id: 12, args: vec![] });
    }

    #[test]
    fn packets_of_the_root_need_no_name() {
        assert_eq!(parse("40"), Packet::Connected { namespace: "/".into(), data: Value::Null });
        assert_eq!(
            parse(r#"42["a"]"#),
            Packet::Event { namespace: "/".into(), ack: None, name: "a".into(), args: vec![] }
        );
        assert_eq!(connect("/", &json!({})), "40{}");
    }

    #[test]
    fn what_the_transport_says_is_read() {
        assert_eq!(parse("1"), Packet::Close);
        assert_eq!(parse("2probe"), Packet::Ping("probe".into()));
        assert_eq!(pong("probe"), "3probe");
        assert_eq!(parse("6"), Packet::Ignored);
        assert_eq!(parse(r#"451-/messaging,["a",{"_placeholder":true,"num":0}]"#), Packet::Ignored);
    }

    #[test]
    fn what_is_no_packet_is_refused() {
        for bad in ["", "4", "9", "0{}", "42", "42[]", "42[7]", "42{}", "43[]", "4399999999999999999999[]", "47", "ä"]
        {
            assert!(Packet::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn the_name_of_an_event_is_quoted() {
        assert_eq!(event("/messaging", 3, "a\"b", &json!({"x": 1})), r#"42/messaging,3["a\"b",{"x":1}]"#);
    }

    proptest! {
        #[test]
        fn nonsense_never_panics(text in "\\PC{0,60}") {
            let _ = Packet::parse(&text);
        }

        #[test]
        fn nearly_right_never_panics(text in r#"[0-6][0-9]{0,3}(/[a-z]{0,4})?,?[0-9]{0,22}[\[\{"a,:1\}\]]{0,12}"#) {
            let _ = Packet::parse(&text);
        }

        // A client's event reads, on the other side, as the event that was meant.
        #[test]
        fn an_event_survives_its_text(id: u64, name: String, text: String, namespace in "/[a-z]{0,8}") {
            let payload = json!({ "text": text });
            let read = parse(&event(&namespace, id, &name, &payload));
            prop_assert_eq!(read, Packet::Event { namespace, ack: Some(id), name, args: vec![payload] });
        }
    }
}
