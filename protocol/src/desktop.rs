//! What the desktop's core and its user interface say to each other.
//!
//! The core holds the connections, the user interface draws. The interface calls commands; the
//! core answers them and pushes [`Push`]es through one channel, in order.

use serde::{Deserialize, Serialize};

use crate::auth::Me;
use crate::message::{Message, Presence, Receipt, Typing};
use crate::outbox::{Unsent, UnsentNote};
use crate::stream::Frame;
use crate::team::{Assignment, Note};

/// The state of a supervised connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case", rename_all_fields = "camelCase")]
pub enum Link {
    /// Not open, on purpose.
    Closed,
    /// Being opened.
    Connecting,
    /// Open, and caught up.
    Live,
    /// Lost; the next attempt follows.
    Retrying {
        /// In this long.
        in_ms: u64,
        /// Why it was lost, as a sentence for people.
        reason: String,
    },
    /// The session has ended; somebody must sign in.
    SignedOut {
        /// Why, as a sentence for people.
        reason: String,
    },
    /// The server speaks another generation of the protocol.
    Incompatible {
        /// A sentence that says what to do.
        reason: String,
    },
}

impl Link {
    /// Whether the connection is open and caught up.
    pub fn is_live(&self) -> bool {
        matches!(self, Self::Live)
    }
}

/// From the core to the user interface.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "push", content = "body", rename_all = "snake_case", rename_all_fields = "camelCase")]
pub enum Push {
    /// The state of the event stream.
    Events(Link),
    /// Frames of the event stream, in order.
    Frames(Vec<Frame>),
    /// The state of the messaging connection.
    Messaging(Link),
    /// A message, new here; at most once each, in `seq` order within a conversation.
    Message(Message),
    /// A receipt.
    Receipt(Receipt),
    /// Somebody types.
    Typing(Typing),
    /// Somebody came or went.
    Presence(Presence),
    /// A note of the dispatch team. Of these and the next two some may be missed.
    Note(Note),
    /// Who looks after a conversation now.
    Assignment(Assignment),
    /// The quick replies are others than before.
    TemplatesChanged,
    /// All that is in the outbox, oldest first, in the place of what was known of it.
    Outbox(Vec<Unsent>),
    /// A message is new in the outbox, or stands differently.
    Unsent(Unsent),
    /// A message has left the outbox.
    Left {
        /// Its sender's own id.
        client_message_id: String,
        /// What the server has stored; nothing when it was discarded.
        messages: Vec<Message>,
    },
    /// Notes that an earlier run of the app could not have stored; at the start, where there are any.
    UnsentNotes(Vec<UnsentNote>),
    /// Something that somebody should know, as a sentence.
    Notice(String),
}

/// Where a signed-in app stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Session {
    /// The server's address, such as `https://sally.example`.
    pub server: String,
    /// Whether that server runs inside the app.
    pub this_computer: bool,
    /// Who is signed in.
    pub me: Me,
}

/// The `sign_in` command's argument `request`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SignIn {
    /// The server's address; `https://` is assumed when no scheme is given.
    pub server: String,
    /// The user's address.
    pub email: String,
    /// The password.
    pub password: String,
    /// The tenant; needed only where the address is known to several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
}

/// A command's failure: a stable code for the interface, a sentence for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
#[serde(rename_all = "camelCase")]
pub struct CommandError {
    /// A stable word such as `unreachable`, `refused`, `incompatible`, `not_a_server`, or the
    /// server's own code.
    pub code: String,
    /// What happened and what to do.
    pub message: String,
    /// Whether the same call may succeed later.
    pub retryable: bool,
}
