//! A message as it is shown.

use jiff::{SignedDuration, Timestamp};
use sally_protocol::desktop::{CommandError, Link};
use sally_protocol::message::{Message, MessagePriority};
use sally_protocol::outbox::UnsentState;
use sally_protocol::{Id, Role};

use super::thread::Thread;
use super::time::{Zone, day};

/// Messages of one sender within this time stand together under one name.
const TOGETHER: SignedDuration = SignedDuration::from_mins(5);

/// How far a message has come.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Progress {
    /// In the outbox; with what the server said when it put the message off.
    Waiting(Option<String>),
    /// On its way to the server.
    Sending,
    /// It could not be sent.
    Failed(CommandError),
    /// Stored by the server.
    Sent,
    /// On the other side's device.
    Delivered,
    /// Seen by the other side.
    Read,
    /// Acknowledged by the other side.
    Acknowledged,
}

impl Progress {
    /// How far a message has come that isn't stored yet.
    pub(crate) fn of(state: UnsentState) -> Self {
        match state {
            UnsentState::Waiting { reason } => Self::Waiting(reason),
            UnsentState::Sending => Self::Sending,
            UnsentState::Failed { error } => Self::Failed(error),
        }
    }

    /// One word for it.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::Waiting(_) => "Waiting",
            Self::Sending => "Sending",
            Self::Failed(_) => "Not sent",
            Self::Sent => "Sent",
            Self::Delivered => "Delivered",
            Self::Read => "Read",
            Self::Acknowledged => "Acknowledged",
        }
    }

    /// Why a message waits, while the messaging connection is in this state. `None` for one that
    /// doesn't wait, or only for its turn.
    pub(crate) fn why(&self, link: &Link) -> Option<String> {
        let Self::Waiting(reason) = self else { return None };
        match link {
            Link::Live => reason.clone(),
            Link::Connecting => Some("Connecting to the server.".to_owned()),
            Link::Retrying { .. } => Some("There is no connection to the server.".to_owned()),
            Link::Closed => Some("Messages are sent while this view is open.".to_owned()),
            Link::SignedOut { reason } | Link::Incompatible { reason } => Some(reason.clone()),
        }
    }
}

/// A message as it is shown.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Bubble {
    /// What stays the same from sending to reading.
    pub(crate) key: String,
    /// The server's id, once it is stored.
    pub(crate) message_id: Option<String>,
    /// The place in the conversation, once it is stored.
    pub(crate) seq: Option<u64>,
    /// Whether the viewer wrote it.
    pub(crate) mine: bool,
    /// Whether the viewer's side wrote it.
    pub(crate) ours: bool,
    /// Who wrote it, where that has to be said: on the first of several in a row.
    pub(crate) heading: Option<String>,
    /// The text. It comes from people and is nothing but text.
    pub(crate) content: String,
    /// Whether it is urgent.
    pub(crate) urgent: bool,
    /// Whether the reader is asked to acknowledge it.
    pub(crate) requires_ack: bool,
    /// Of the other side's message that asks to be acknowledged: whether somebody here has done so.
    pub(crate) answered: Option<bool>,
    /// The alert it is about.
    pub(crate) alert_id: Option<Id>,
    /// The route it is about.
    pub(crate) route_plan_id: Option<Id>,
    /// When it was stored, or written.
    pub(crate) at: Timestamp,
    /// How far it has come; only known of the viewer's side's messages.
    pub(crate) progress: Option<Progress>,
}

/// Who looks at the thread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Viewer {
    /// The user.
    pub(crate) user: Id,
    /// The user's role.
    pub(crate) role: Role,
}

impl Thread {
    /// The message with this key, as it is shown now.
    pub(crate) fn bubble(&self, key: &str, viewer: &Viewer, zone: Zone) -> Option<Bubble> {
        if let Some(message) = self.places.get(key).and_then(|seq| self.stored.get(seq)) {
            return Some(self.stored_bubble(key, message, viewer, zone));
        }
        let outgoing = self.outgoing(key, viewer)?;
        let request = &outgoing.message;
        Some(Bubble {
            key: key.to_owned(),
            message_id: None,
            seq: None,
            mine: true,
            ours: true,
            heading: None,
            content: request.content.clone(),
            urgent: request.priority == MessagePriority::Urgent,
            requires_ack: request.requires_ack,
            answered: None,
            alert_id: request.alert_id.clone(),
            route_plan_id: request.route_plan_id.clone(),
            at: outgoing.created_at,
            progress: Some(Progress::of(outgoing.state.clone())),
        })
    }

    fn stored_bubble(&self, key: &str, message: &Message, viewer: &Viewer, zone: Zone) -> Bubble {
        let mine = message.sender_id == viewer.user;
        let ours = mine || message.sender_role.is_dispatch() == viewer.role.is_dispatch();
        let continues = message.seq.checked_sub(1).and_then(|seq| self.stored.get(&seq)).is_some_and(|before| {
            before.sender_id == message.sender_id
                && day(before.timestamp, zone) == day(message.timestamp, zone)
                && message.timestamp.duration_since(before.timestamp) < TOGETHER
        });
        let name = || message.sender_name.clone().unwrap_or_else(|| message.sender_id.to_string());
        Bubble {
            key: key.to_owned(),
            message_id: Some(message.message_id.clone()),
            seq: Some(message.seq),
            mine,
            ours,
            heading: (!mine && !continues).then(name),
            content: message.content.clone(),
            urgent: message.priority == MessagePriority::Urgent,
            requires_ack: message.requires_ack,
            answered: (message.requires_ack && !ours).then(|| self.answered.contains(&message.message_id)),
            alert_id: message.alert_id.clone(),
            route_plan_id: message.route_plan_id.clone(),
            at: message.timestamp,
            progress: ours.then(|| self.progress(message)),
        }
    }

    fn progress(&self, message: &Message) -> Progress {
        if self.acknowledged.contains(&message.message_id) {
            Progress::Acknowledged
        } else if message.seq <= self.read {
            Progress::Read
        } else if message.seq <= self.delivered {
            Progress::Delivered
        } else {
            Progress::Sent
        }
    }
}
