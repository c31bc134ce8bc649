//! What the server says by itself.

use std::time::Duration;

use sally_protocol::Message;
use sally_protocol::message::{Head, Presence, Receipt, SessionInfo, Typing};
use sally_protocol::team::{Assignment, Note, TemplatesChanged};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// An event of the server.
pub(super) enum ServerEvent {
    Session(SessionInfo),
    NewMessage(Message),
    Receipt(Receipt),
    Typing(Typing),
    Presence(Presence),
    Note(Note),
    Assignment(Assignment),
    TemplatesChanged,
    Head(Head),
    /// The server closes this connection after a while.
    Reconnect(Duration),
    AuthExpiring,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Reconnect {
    after_ms: u64,
}

impl ServerEvent {
    /// Reads an event by its name. `None` for one that is unknown or can't be read: `head` finds
    /// out if it mattered.
    pub(super) fn parse(name: &str, body: Value) -> Option<Self> {
        match name {
            "session" => read(name, body).map(Self::Session),
            "new_message" => read(name, body).map(Self::NewMessage),
            "receipt" => read(name, body).map(Self::Receipt),
            "typing" => read(name, body).map(Self::Typing),
            "presence" => read(name, body).map(Self::Presence),
            "note" => read(name, body).map(Self::Note),
            "assignment" => read(name, body).map(Self::Assignment),
            "templates_changed" => read(name, body).map(|TemplatesChanged { .. }| Self::TemplatesChanged),
            "head" => read(name, body).map(Self::Head),
            "reconnect" => {
                read(name, body).map(|Reconnect { after_ms }| Self::Reconnect(Duration::from_millis(after_ms)))
            }
            "auth_expiring" => Some(Self::AuthExpiring),
            _ => None,
        }
    }
}

/// Reads what came; what can't be read is logged.
pub(super) fn read<T: DeserializeOwned>(what: &str, value: Value) -> Option<T> {
    serde_json::from_value(value).map_err(|error| tracing::warn!(what, %error, "what came can't be read")).ok()
}
