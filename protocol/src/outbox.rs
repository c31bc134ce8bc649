//! What has been written and isn't stored by the server yet. The desktop's core keeps it on disk.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::Id;
use crate::desktop::CommandError;
use crate::message::SendMessage;
use crate::team::NoteDraft;

/// A message on its way out. Its `clientMessageId` is its name for as long as it exists: every
/// attempt to send it is the same message to the server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Unsent {
    /// The conversation that it is shown in; none for a message to several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversation_id: Option<Id>,
    /// What is sent.
    pub message: SendMessage,
    /// When it was written.
    pub created_at: Timestamp,
    /// How it stands.
    #[serde(flatten)]
    pub state: UnsentState,
}

impl Unsent {
    /// The sender's own id for it.
    pub fn id(&self) -> &str {
        &self.message.client_message_id
    }
}

/// A note that the server hasn't been heard to store. Its `clientNoteId` is its name, as a message's
/// is. It is tried at once or by somebody's decision, so that there is no more to say of how it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UnsentNote {
    /// The conversation that it is left in.
    pub conversation_id: Id,
    /// What is left.
    pub note: NoteDraft,
    /// When it was written.
    pub created_at: Timestamp,
}

impl UnsentNote {
    /// The author's own id for it.
    pub fn id(&self) -> &str {
        &self.note.client_note_id
    }
}

/// How a message on its way out stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case", rename_all_fields = "camelCase")]
pub enum UnsentState {
    /// It waits for its turn, or for a connection.
    Waiting {
        /// What the server said when it put the message off, as a sentence for people.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// It has been sent, and not been answered yet.
    Sending,
    /// The server won't take it. It stays until somebody tries again or discards it.
    Failed {
        /// Why.
        error: CommandError,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_state_stands_beside_what_it_is_the_state_of() {
        let error = CommandError { code: "not_found".into(), message: "No such driver.".into(), retryable: false };
        let unsent = Unsent {
            conversation_id: None,
            message: SendMessage { client_message_id: "u1".into(), content: "hello".into(), ..SendMessage::default() },
            created_at: "2026-11-24T10:00:00Z".parse().expect("a time"),
            state: UnsentState::Failed { error },
        };
        let written = serde_json::to_value(&unsent).expect("JSON");
        assert_eq!(written["state"], json!("failed"));
        assert_eq!(written["error"]["code"], json!("not_found"));
        assert_eq!(serde_json::from_value::<Unsent>(written).expect("an unsent message"), unsent);
    }
}
