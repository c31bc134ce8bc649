//! What goes out: messages, and that they have been read or are being written.

use leptos::prelude::*;
use leptos::task::spawn_local;
use sally_protocol::Id;
use sally_protocol::message::{Acknowledge, Mark, MessagePriority, SendMessage, SetTyping};
use uuid::Uuid;

use super::inbox::{Draft, Inbox, Subject};
use crate::commands;
use crate::model::bubble::Viewer;

impl Inbox {
    /// Sends what is written in a conversation: the core keeps it, and sends it when it can.
    pub(crate) fn send(self, conversation: Id, draft: Draft, viewer: &Viewer) {
        let (alert_id, route_plan_id) = Subject::ids(draft.subject.as_ref());
        let message = SendMessage {
            // A driver's message goes to the dispatch team, which has no id.
            recipient_id: viewer.role.is_dispatch().then(|| conversation.clone()),
            content: draft.text.trim().to_owned(),
            client_message_id: Uuid::new_v4().to_string(),
            priority: if draft.urgent { MessagePriority::Urgent } else { MessagePriority::Normal },
            requires_ack: draft.requires_ack,
            alert_id,
            route_plan_id,
            ..SendMessage::default()
        };
        self.drafts.update(|drafts| {
            drafts.remove(&conversation);
        });
        self.not_taken.set(None);
        spawn_local(self.tray.pass_on(async move {
            if let Err(error) = commands::send_messages(&[message]).await {
                self.give_back(conversation, draft, error.message);
            }
        }));
    }

    /// What couldn't be taken is put back before what has been written since.
    fn give_back(self, conversation: Id, mut draft: Draft, reason: String) {
        self.drafts.update(|drafts| {
            let since = drafts.remove(&conversation).unwrap_or_default();
            // A note never becomes a message by itself.
            draft.is_note = since.is_note;
            if !since.text.is_empty() {
                draft.text = format!("{}\n{}", draft.text, since.text);
            }
            drafts.insert(conversation.clone(), draft);
        });
        self.not_taken.set(Some((conversation, reason)));
    }

    /// Tries again to send a message that failed. It is the same message to the server.
    pub(crate) fn retry(self, conversation: Id, key: &str, viewer: &Viewer) {
        let Some(id) = self.outgoing(&conversation, key, viewer) else { return };
        spawn_local(async move {
            if let Err(error) = commands::retry_message(&id).await {
                self.not_taken.set(Some((conversation, error.message)));
            }
        });
    }

    /// Gives up a message that failed.
    pub(crate) fn discard(self, conversation: Id, key: &str, viewer: &Viewer) {
        let Some(id) = self.outgoing(&conversation, key, viewer) else { return };
        spawn_local(async move {
            if let Err(error) = commands::discard_message(&id).await {
                self.not_taken.set(Some((conversation, error.message)));
            }
        });
    }

    /// The sender's own id of a message that isn't stored yet.
    fn outgoing(self, conversation: &Id, key: &str, viewer: &Viewer) -> Option<String> {
        self.threads.with_untracked(|threads| Some(threads.get(conversation)?.outgoing(key, viewer)?.id().to_owned()))
    }

    /// Says that everything in a conversation up to `seq` has been seen, unless that was said before.
    pub(crate) fn mark_read(self, conversation: Id, seq: u64) {
        let before = self.marked.with_value(|marked| marked.get(&conversation).copied());
        if before.is_some_and(|before| before >= seq) {
            return;
        }
        self.marked.update_value(|marked| {
            marked.insert(conversation.clone(), seq);
        });
        spawn_local(async move {
            let mark = Mark { conversation_id: conversation.clone(), seq };
            match commands::mark_read(&mark).await {
                Ok(()) => self.conversations.update(|list| {
                    let known = list.iter_mut().find(|known| known.conversation_id == conversation);
                    if let Some(known) = known.filter(|known| known.read_seq < seq) {
                        (known.read_seq, known.unread) = (seq, 0);
                    }
                }),
                // It is said again when the connection is back, or with the next message.
                Err(_) => self.marked.update_value(|marked| {
                    marked.remove(&conversation);
                }),
            }
        });
    }

    /// Acknowledges a message of the driver's that asks for it.
    pub(crate) fn acknowledge(self, conversation: Id, message_id: String) {
        spawn_local(async move {
            match commands::acknowledge_message(&Acknowledge { message_id: message_id.clone() }).await {
                Ok(()) => self.threads.update(|threads| {
                    threads.entry(conversation).or_default().answered(message_id);
                }),
                Err(error) => self.not_taken.set(Some((conversation, error.message))),
            }
        });
    }

    /// Says whether the user types in a conversation. A lost notice is worth no word.
    pub(crate) fn set_typing(self, conversation: Id, typing: bool) {
        if self.link.with_untracked(|link| link.state.is_live()) {
            let notice = SetTyping { conversation_id: conversation, typing };
            spawn_local(async move { drop(commands::set_typing(&notice).await) });
        }
    }

    /// Says that the user no longer types in the open conversation, if they did.
    pub(super) fn stop_typing(self) {
        let open = self.open.get_untracked();
        let writes = |id: &Id| self.drafts.with_untracked(|drafts| drafts.get(id).is_some_and(|d| !d.text.is_empty()));
        if let Some(open) = open.filter(writes) {
            self.set_typing(open, false);
        }
    }
}
