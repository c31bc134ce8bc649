//! The `/messaging` namespace: what clients ask, what the server answers and sends.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::text::words;
use crate::{Id, Role};

/// The Socket.IO namespace.
pub const NAMESPACE: &str = "/messaging";

/// The longest message, in Unicode code points.
pub const MAX_CONTENT_CHARS: usize = 2_500;

/// The most messages in one answer to `resume` or one page of history.
pub const MAX_PAGE: usize = 200;

words!(
    /// How loudly a message arrives.
    MessagePriority {
        /// As usual.
        Normal = "normal",
        /// With a sound and a banner.
        Urgent = "urgent",
    } else Normal
);

#[expect(clippy::derivable_impls, reason = "the macro that writes the enum has no place for #[default]")]
impl Default for MessagePriority {
    fn default() -> Self {
        Self::Normal
    }
}

/// `send_message`. A dispatcher names exactly one of `recipient_id`, `recipient_ids` and
/// `broadcast`; a driver names none.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SendMessage {
    /// The driver it goes to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipient_id: Option<Id>,
    /// The drivers it goes to, each in their own thread.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipient_ids: Option<Vec<Id>>,
    /// To every driver of the tenant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub broadcast: Option<bool>,
    /// The text; see [`check_content`].
    pub content: String,
    /// A UUID of the sender's choice; a repeat is answered with the stored message.
    pub client_message_id: String,
    /// How loudly it arrives.
    #[serde(default)]
    pub priority: MessagePriority,
    /// Whether the reader is asked to acknowledge it.
    #[serde(default)]
    pub requires_ack: bool,
    /// The alert it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alert_id: Option<Id>,
    /// The route it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub route_plan_id: Option<Id>,
}

/// A stored message, as in `new_message` and in every answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Message {
    /// The message's id.
    pub message_id: String,
    /// The conversation, named by its driver's user id.
    pub conversation_id: Id,
    /// Its place in the conversation, from 1, without holes.
    pub seq: u64,
    /// Its place in the tenant, opaque.
    pub cursor: String,
    /// Who wrote it.
    pub sender_id: Id,
    /// As what.
    pub sender_role: Role,
    /// That person's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender_name: Option<String>,
    /// The driver it went to, or `dispatch`.
    pub recipient_id: Id,
    /// The text.
    pub content: String,
    /// How loudly it arrives.
    pub priority: MessagePriority,
    /// Whether the reader is asked to acknowledge it.
    pub requires_ack: bool,
    /// When the server stored it.
    pub timestamp: Timestamp,
    /// The sender's own id for it.
    pub client_message_id: String,
    /// The alert it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alert_id: Option<Id>,
    /// The route it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub route_plan_id: Option<Id>,
}

/// The recipient of a driver's message.
pub const DISPATCH: &str = "dispatch";

/// The answer to `send_message`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sent {
    /// The stored messages, one a recipient.
    pub messages: Vec<Message>,
    /// Whether this was a repeat.
    pub duplicate: bool,
}

/// `resume`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resume {
    /// What the caller has seen; without one the answer says only where the tenant stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// At most this many, 1 to [`MAX_PAGE`], which is the default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
}

/// The answer to `resume`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Resumed {
    /// What the caller may see after the cursor, in order.
    pub messages: Vec<Message>,
    /// Whether there is more after `cursor`.
    pub more: bool,
    /// Where to go on.
    pub cursor: String,
}

/// `mark_delivered` and `mark_read`: everything up to `seq`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Mark {
    /// The conversation.
    pub conversation_id: Id,
    /// The newest message meant.
    pub seq: u64,
}

/// `acknowledge_message`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Acknowledge {
    /// The message.
    pub message_id: String,
}

/// `typing` as a client sends it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SetTyping {
    /// The conversation.
    pub conversation_id: Id,
    /// Whether somebody is typing.
    pub typing: bool,
}

/// `refresh_auth`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefreshAuth {
    /// A newer token of the same user.
    pub token: String,
}

/// A failed request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{code}: {message}")]
#[serde(rename_all = "camelCase")]
pub struct RequestError {
    /// A stable word: see [`code`].
    pub code: String,
    /// What was wrong, for people.
    pub message: String,
    /// Whether the same request may succeed later.
    pub retryable: bool,
    /// With `rate_limited`: when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
}

/// The codes of [`RequestError`], and the words of a refused CONNECT.
pub mod code {
    /// The request has not the shape it needs.
    pub const INVALID: &str = "invalid";
    /// The content is longer than [`super::MAX_CONTENT_CHARS`].
    pub const TOO_LONG: &str = "too_long";
    /// The recipient, conversation or message is unknown to this tenant.
    pub const NOT_FOUND: &str = "not_found";
    /// The role may not do this.
    pub const FORBIDDEN: &str = "forbidden";
    /// Too many sends; `retryAfterMs` says when.
    pub const RATE_LIMITED: &str = "rate_limited";
    /// The store can't be reached.
    pub const UNAVAILABLE: &str = "unavailable";
    /// CONNECT: no token, or one that doesn't hold.
    pub const UNAUTHORIZED: &str = "unauthorized";
    /// CONNECT: the token has ended.
    pub const TOKEN_EXPIRED: &str = "token_expired";
    /// CONNECT: this user has too many sockets.
    pub const TOO_MANY_CONNECTIONS: &str = "too_many_connections";
}

/// `session`, the first event after connecting.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionInfo {
    /// Who the socket speaks for.
    pub user_id: Id,
    /// In which tenant.
    pub tenant_id: String,
    /// As what.
    pub role: Role,
    /// Where the tenant's messages stand.
    pub cursor: String,
    /// When the token ends.
    pub expires_at: Timestamp,
}

/// `receipt`: cumulative for `delivered` and `read`, for one message for `acknowledged`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Receipt {
    /// The conversation.
    pub conversation_id: Id,
    /// Who received, read or acknowledged.
    pub user_id: Id,
    /// Which of the three.
    pub kind: ReceiptKind,
    /// Everything up to here, for `delivered` and `read`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seq: Option<u64>,
    /// The message, for `acknowledged`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_id: Option<String>,
    /// When.
    pub at: Timestamp,
}

words!(
    /// What a receipt says.
    ReceiptKind {
        /// It has reached a device.
        Delivered = "delivered",
        /// Somebody has seen it.
        Read = "read",
        /// Somebody has confirmed it.
        Acknowledged = "acknowledged",
    } else Delivered
);

/// `typing` as the server sends it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Typing {
    /// The conversation.
    pub conversation_id: Id,
    /// Who types; a driver sees the dispatch team as one.
    pub user_id: Id,
    /// Whether they do.
    pub typing: bool,
}

/// `presence`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Presence {
    /// Who; a driver sees the dispatch team as one.
    pub user_id: Id,
    /// Whether they have a messaging connection.
    pub online: bool,
    /// When they were last seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_seen_at: Option<Timestamp>,
}

/// `head`, every 30 s.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The newest message that the receiver may see.
    pub cursor: String,
}

/// One line of `GET /api/conversations`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Conversation {
    /// The conversation's id, which is its driver's user id.
    pub conversation_id: Id,
    /// The driver's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// How many messages the caller's side hasn't read.
    pub unread: u64,
    /// Up to where the caller's side has read.
    pub read_seq: u64,
    /// The newest message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_message: Option<Message>,
    /// Whether the other side has a messaging connection.
    pub online: bool,
    /// Whether its driver's account is disabled: what was said stays, and nothing more can be sent.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub disabled: bool,
    /// Who of the dispatch team looks after it; for dispatchers only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assignee_id: Option<Id>,
    /// That person's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assignee_name: Option<String>,
}

/// `GET /api/conversations`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Conversations {
    /// Newest activity first.
    pub conversations: Vec<Conversation>,
}

/// `GET /api/conversations/{id}/messages`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct History {
    /// Ascending by `seq`.
    pub messages: Vec<HistoryMessage>,
    /// Whether there are older ones.
    pub more: bool,
    /// How far everybody has received and read the conversation, as the last `receipt` of each kind
    /// said; a driver sees the dispatch team as one.
    #[serde(default)]
    pub receipts: Vec<Receipt>,
}

/// A message of a page of history.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HistoryMessage {
    /// The message.
    #[serde(flatten)]
    pub message: Message,
    /// Who has acknowledged it, in the order of time; a driver sees the dispatch team as one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub acknowledged_by: Vec<AcknowledgedBy>,
}

/// An acknowledgement of a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AcknowledgedBy {
    /// Who.
    pub user_id: Id,
    /// When.
    pub at: Timestamp,
}

/// Why a text can't be a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ContentError {
    /// Nothing in it.
    #[error("a message needs some text")]
    Empty,
    /// More than [`MAX_CONTENT_CHARS`].
    #[error("a message may have at most {MAX_CONTENT_CHARS} characters")]
    TooLong,
    /// A control character other than newline and tab.
    #[error("a message may not contain control characters other than newline and tab")]
    ControlCharacter,
}

/// Checks a message's text: 1 to [`MAX_CONTENT_CHARS`] code points, no control characters but
/// newline and tab.
///
/// # Errors
///
/// A [`ContentError`] that names what is wrong.
pub fn check_content(content: &str) -> Result<(), ContentError> {
    if content.is_empty() {
        return Err(ContentError::Empty);
    }
    if content.chars().count() > MAX_CONTENT_CHARS {
        return Err(ContentError::TooLong);
    }
    if content.chars().any(|c| c.is_control() && c != '\n' && c != '\t') {
        return Err(ContentError::ControlCharacter);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn length_counts_code_points() {
        assert_eq!(check_content(&"🚚".repeat(MAX_CONTENT_CHARS)), Ok(()));
        assert_eq!(check_content(&"x".repeat(MAX_CONTENT_CHARS + 1)), Err(ContentError::TooLong));
        assert_eq!(check_content(""), Err(ContentError::Empty));
    }

    #[test]
    fn control_characters_are_refused_but_newline_and_tab() {
        assert_eq!(check_content("a\n\tb"), Ok(()));
        for bad in ["a\rb", "\0", "\u{7f}", "\u{85}", "\u{1b}[2J"] {
            assert_eq!(check_content(bad), Err(ContentError::ControlCharacter), "{bad:?}");
        }
    }
}
