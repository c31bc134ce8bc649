//! What the dispatch team shares over HTTP, and drivers never see: who still has to acknowledge,
//! notes, and who looks after which conversation.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{Id, Message};

/// `GET /api/messages/{id}/acknowledgements`: one message of the team and, of a broadcast, its
/// likes in the other threads.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Acknowledgements {
    /// Of how many an acknowledgement was asked; 0 where the message doesn't ask for one.
    pub required: u64,
    /// Who has acknowledged, in the order of time.
    pub acknowledged: Vec<AcknowledgedMessage>,
    /// Who hasn't, by name; empty where the message doesn't ask for it.
    pub missing: Vec<AskedMessage>,
}

/// A driver who has acknowledged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AcknowledgedMessage {
    /// Which message in whose thread.
    #[serde(flatten)]
    pub asked: AskedMessage,
    /// When.
    pub at: Timestamp,
}

/// A message in one driver's thread.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AskedMessage {
    /// The driver's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The driver.
    pub user_id: Id,
    /// The message in their thread.
    pub message_id: String,
}

/// `GET /api/acknowledgements`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AwaitedAcknowledgements {
    /// The team's messages that somebody still has to acknowledge, newest first; a broadcast is one.
    pub awaited: Vec<AwaitedAcknowledgement>,
    /// Whether there are older ones.
    pub more: bool,
}

/// A message that somebody still has to acknowledge.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AwaitedAcknowledgement {
    /// The message; of a broadcast, the one in the last of its threads.
    pub message: Message,
    /// Of how many drivers an acknowledgement was asked.
    pub required: u64,
    /// How many have given it.
    pub acknowledged: u64,
}

/// The longest template's title, in Unicode code points.
pub const MAX_TITLE_CHARS: usize = 80;

/// The most templates of a tenant.
pub const MAX_TEMPLATES: usize = 200;

/// A quick reply of the tenant's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Template {
    /// Its id.
    pub template_id: Id,
    /// What it is found by.
    pub title: String,
    /// The text, with [placeholders](crate::template).
    pub text: String,
    /// From 1, one more with each change.
    pub version: u64,
    /// Who changed it last.
    pub updated_by: Id,
    /// When.
    pub updated_at: Timestamp,
}

/// `GET /api/templates`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Templates {
    /// All of the tenant's, by title.
    pub templates: Vec<Template>,
}

/// The event `templates_changed`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TemplatesChanged {
    /// The one that was added, changed or removed.
    pub template_id: Id,
}

/// The body of `POST /api/templates` and `PUT /api/templates/{id}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TemplateDraft {
    /// What it is found by: 1 to [`MAX_TITLE_CHARS`] code points on one line.
    pub title: String,
    /// The text; as a message's, and with known placeholders only.
    pub text: String,
    /// With `PUT`: the version that was edited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
}

/// A remark of the dispatch team in a conversation, which its driver never sees.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Note {
    /// Its id.
    pub note_id: Id,
    /// The conversation.
    pub conversation_id: Id,
    /// Who wrote it.
    pub author_id: Id,
    /// That person's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author_name: Option<String>,
    /// The text; as a message's.
    pub content: String,
    /// When the server stored it.
    pub at: Timestamp,
    /// The author's own id for it.
    pub client_note_id: String,
}

/// `GET /api/conversations/{id}/notes`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notes {
    /// In the order of time.
    pub notes: Vec<Note>,
    /// Whether there are older ones: ask again `before` the first one's id.
    pub more: bool,
}

/// The body of `POST /api/conversations/{id}/notes`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NoteDraft {
    /// The text.
    pub content: String,
    /// A UUID of the author's choice; a repeat is answered with the stored note.
    pub client_note_id: String,
}

/// The body of `POST /api/conversations/{id}/assign`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Assign {
    /// Who of the dispatch team looks after the conversation; nobody when absent or null.
    #[serde(default)]
    pub user_id: Option<Id>,
}

/// Who looks after a conversation: the answer to `assign`, and the event `assignment`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Assignment {
    /// The conversation.
    pub conversation_id: Id,
    /// Who; nobody when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assignee_id: Option<Id>,
    /// That person's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assignee_name: Option<String>,
    /// Who said so.
    pub assigned_by: Id,
    /// When.
    pub at: Timestamp,
}

/// `GET /api/team`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Team {
    /// The dispatch team, by name.
    pub members: Vec<TeamMember>,
}

/// One of the dispatch team.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TeamMember {
    /// Who.
    pub user_id: Id,
    /// That person's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}
