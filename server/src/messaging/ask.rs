//! What a client asks: read from what it sent, and checked as far as that goes without the store.
//!
//! Depends on nothing of this crate: the fuzz target `socket_packet` compiles this file by itself.

use sally_protocol::message::{
    Acknowledge, ContentError, Mark, MessagePriority, ReceiptKind, RefreshAuth, RequestError, Resume, SendMessage,
    SetTyping, check_content, code,
};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// A request of the right shape.
#[derive(Debug)]
pub(crate) enum Ask {
    /// `send_message`. Its text and its `clientMessageId` hold.
    Send(SendMessage),
    /// `resume`.
    Resume(Resume),
    /// `mark_delivered` and `mark_read`.
    Mark(ReceiptKind, Mark),
    /// `acknowledge_message`.
    Acknowledge(Acknowledge),
    /// `typing`.
    Typing(SetTyping),
    /// `refresh_auth`.
    RefreshAuth(RefreshAuth),
}

impl Ask {
    /// Reads the event `name` with its first argument, null where it has none.
    ///
    /// # Errors
    ///
    /// `too_long` for a text that is, `invalid` for everything else.
    pub(crate) fn read(name: &str, argument: Value) -> Result<Self, RequestError> {
        Ok(match name {
            "send_message" => Self::Send(message(argument)?),
            "resume" => Self::Resume(read(argument)?),
            "mark_delivered" => Self::Mark(ReceiptKind::Delivered, read(argument)?),
            "mark_read" => Self::Mark(ReceiptKind::Read, read(argument)?),
            "acknowledge_message" => Self::Acknowledge(read(argument)?),
            "typing" => Self::Typing(read(argument)?),
            "refresh_auth" => Self::RefreshAuth(read(argument)?),
            _ => return Err(invalid("unknown event")),
        })
    }
}

/// An error that trying again doesn't mend.
pub(crate) fn error(code: &str, message: impl Into<String>) -> RequestError {
    RequestError { code: code.into(), message: message.into(), retryable: false, retry_after_ms: None }
}

/// A request that isn't as it should be.
pub(crate) fn invalid(message: impl Into<String>) -> RequestError {
    error(code::INVALID, message)
}

fn read<T: DeserializeOwned>(argument: Value) -> Result<T, RequestError> {
    if !argument.is_object() {
        return Err(invalid("the request needs one argument, an object"));
    }
    serde_json::from_value(argument).map_err(|cause| invalid(cause.to_string()))
}

fn message(argument: Value) -> Result<SendMessage, RequestError> {
    check_priority(&argument)?;
    let message: SendMessage = read(argument)?;
    check_content(&message.content).map_err(|cause| match cause {
        ContentError::TooLong => error(code::TOO_LONG, cause.to_string()),
        ContentError::Empty | ContentError::ControlCharacter => invalid(cause.to_string()),
    })?;
    if uuid::Uuid::parse_str(&message.client_message_id).is_err() {
        return Err(invalid("clientMessageId must be a UUID"));
    }
    Ok(message)
}

/// A word that reads leniently elsewhere is checked where a client chooses it.
fn check_priority(argument: &Value) -> Result<(), RequestError> {
    match argument.get("priority") {
        None | Some(Value::Null) => Ok(()),
        Some(Value::String(word)) if word.eq_ignore_ascii_case(MessagePriority::parse(word).as_str()) => Ok(()),
        Some(_) => Err(invalid("priority must be normal or urgent")),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    /// Values of every type, the ones that are nearly right more often than not.
    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
            "[A-Za-z0-9._:@-]{1,64}".prop_map(Value::from),
            Just(json!("1de2b1a2-8d5c-4b0c-9a58-0d5a3a2d6a8e")),
            "(normal|URGENT|asap)".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 32, 8, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
                prop::collection::hash_map(any::<String>(), inner, 0..8)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    const EVENTS: [&str; 8] = [
        "send_message",
        "resume",
        "mark_delivered",
        "mark_read",
        "acknowledge_message",
        "typing",
        "refresh_auth",
        "no_such_event",
    ];

    const FIELDS: [&str; 14] = [
        "recipientId",
        "recipientIds",
        "broadcast",
        "content",
        "clientMessageId",
        "priority",
        "requiresAck",
        "alertId",
        "routePlanId",
        "cursor",
        "limit",
        "conversationId",
        "seq",
        "messageId",
    ];

    fn assert_answered(name: &str, argument: Value) {
        match Ask::read(name, argument) {
            Ok(Ask::Send(message)) => {
                assert!((1..=2_500).contains(&message.content.chars().count()));
                assert!(!message.content.chars().any(|c| c.is_control() && c != '\n' && c != '\t'));
                assert!(message.client_message_id.len() <= 45, "{}", message.client_message_id);
            }
            Ok(_) => {}
            Err(refusal) => assert!(refusal.code == code::INVALID || refusal.code == code::TOO_LONG, "{refusal}"),
        }
    }

    #[test]
    fn what_the_contract_has_is_read() {
        let id = "1de2b1a2-8d5c-4b0c-9a58-0d5a3a2d6a8e";
        let send = json!({ "recipientId": "drv-1", "content": "x", "clientMessageId": id, "priority": "URGENT" });
        assert!(matches!(Ask::read("send_message", send), Ok(Ask::Send(message)) if message.content == "x"));
        assert!(matches!(Ask::read("resume", json!({})), Ok(Ask::Resume(_))));
        let mark = json!({ "conversationId": "drv-1", "seq": 1 });
        assert!(matches!(Ask::read("mark_delivered", mark.clone()), Ok(Ask::Mark(ReceiptKind::Delivered, _))));
        assert!(matches!(Ask::read("mark_read", mark), Ok(Ask::Mark(ReceiptKind::Read, _))));
        assert!(matches!(Ask::read("acknowledge_message", json!({ "messageId": "m" })), Ok(Ask::Acknowledge(_))));
        let typing = json!({ "conversationId": "drv-1", "typing": true });
        assert!(matches!(Ask::read("typing", typing), Ok(Ask::Typing(_))));
        assert!(matches!(Ask::read("refresh_auth", json!({ "token": "t" })), Ok(Ask::RefreshAuth(_))));
    }

    proptest! {
        #[test]
        fn anything_is_answered(name in prop::sample::select(&EVENTS), argument in any_value()) {
            assert_answered(name, argument);
        }

        #[test]
        fn what_is_nearly_right_is_answered(
            name in prop::sample::select(&EVENTS),
            fields in prop::collection::hash_map(prop::sample::select(&FIELDS), any_value(), 0..10),
        ) {
            assert_answered(name, fields.into_iter().map(|(field, value)| (field.to_owned(), value)).collect());
        }

        #[test]
        fn a_text_is_taken_as_it_is_or_refused(content: String) {
            let id = "1de2b1a2-8d5c-4b0c-9a58-0d5a3a2d6a8e";
            let read = Ask::read("send_message", json!({ "content": content, "clientMessageId": id }));
            match check_content(&content) {
                Ok(()) => prop_assert!(matches!(read, Ok(Ask::Send(message)) if message.content == content)),
                Err(_) => prop_assert!(read.is_err()),
            }
        }
    }
}
