//! What comes in over the messaging connection.

use leptos::prelude::*;
use sally_protocol::desktop;
use sally_protocol::message::{Message, Presence, Receipt, ReceiptKind, Typing};
use sally_protocol::outbox::{Unsent, UnsentNote};

use super::clock::now;
use super::desk::Load;
use super::inbox::Inbox;
use crate::model::conversations;
use crate::model::thread::Thread;

impl Inbox {
    /// Takes in the state of the connection.
    pub(super) fn link_changed(self, state: desktop::Link) {
        let returned = state.is_live() && !self.link.with_untracked(|link| link.state.is_live());
        self.link.update(|link| link.set(state, now()));
        if returned && self.door.is_open() {
            // What was said between the last fetch and the connection is in neither.
            self.refresh();
            self.notes.retry_all();
        }
    }

    /// Takes in a message.
    pub(super) fn receive(self, message: Message) {
        let conversation = message.conversation_id.clone();
        if message.requires_ack && message.sender_role.is_dispatch() {
            self.acknowledged.fetch_soon();
        }
        let known = self.conversations.try_update(|list| conversations::receive(list, &message)).unwrap_or(true);
        if !known {
            self.fetch_conversations();
        }
        self.typists.update(|typists| {
            if let Some(typing) = typists.get_mut(&conversation) {
                typing.remove(&message.sender_id);
            }
        });
        let stale = self.threads.try_update(|threads| {
            let thread = threads.entry(conversation.clone()).or_default();
            thread.receive(message);
            thread.is_stale()
        });
        let loading = self.pages.with_untracked(|pages| pages.get(&conversation) == Some(&Load::Loading));
        if stale == Some(true) && !loading && self.open.get_untracked().as_ref() == Some(&conversation) {
            self.fetch_newest(conversation);
        }
    }

    /// Takes in all that waits to be sent.
    pub(super) fn outbox(self, unsent: Vec<Unsent>) {
        self.threads.update(|threads| threads.values_mut().for_each(Thread::forget_outgoing));
        self.broadcast.unsent.set(Vec::new());
        unsent.into_iter().for_each(|unsent| self.unsent(unsent));
    }

    /// Takes in how a message stands that waits to be sent.
    pub(super) fn unsent(self, unsent: Unsent) {
        // One to several drivers is in no thread before it has arrived in each.
        let Some(conversation) = unsent.conversation_id.clone() else { return self.broadcast.note(unsent) };
        // A first message to a driver is written before the server knows of the conversation.
        self.conversations.update(|list| conversations::ensure(list, &conversation, None));
        self.threads.update(|threads| threads.entry(conversation).or_default().unsent(unsent));
    }

    /// Takes in that a message no longer waits to be sent.
    pub(super) fn left(self, client_message_id: &str, messages: Vec<Message>) {
        messages.into_iter().for_each(|message| self.receive(message));
        self.threads.update(|threads| threads.values_mut().for_each(|thread| thread.left(client_message_id)));
        self.broadcast.left(client_message_id);
    }

    /// Takes in notes that an earlier run of the app could not have stored.
    pub(super) fn unsent_notes(self, notes: Vec<UnsentNote>) {
        for UnsentNote { conversation_id, note, created_at } in notes {
            self.conversations.update(|list| conversations::ensure(list, &conversation_id, None));
            self.notes.restore(&conversation_id, note, created_at);
        }
        if self.door.is_open() && self.link.with_untracked(|link| link.state.is_live()) {
            self.notes.retry_all();
        }
    }

    /// Takes in a receipt.
    pub(super) fn receipt(self, receipt: &Receipt) {
        // A conversation is named by its driver's user id, which is the other side to a dispatcher.
        let other = receipt.conversation_id.clone();
        if receipt.kind == ReceiptKind::Acknowledged {
            self.acknowledged.fetch_soon();
        }
        self.threads.update(|threads| threads.entry(other.clone()).or_default().receipt(receipt, &other));
    }

    /// Takes in that somebody types, or has stopped.
    pub(super) fn typing(self, typing: &Typing) {
        self.typists.update(|typists| {
            let known = typists.entry(typing.conversation_id.clone()).or_default();
            match typing.typing {
                true => known.insert(typing.user_id.clone(), now()),
                false => known.remove(&typing.user_id),
            };
        });
    }

    /// Takes in that somebody came or went.
    pub(super) fn presence(self, presence: &Presence) {
        self.heard.update_value(|heard| {
            heard.insert(presence.user_id.clone(), presence.online);
        });
        self.conversations.update(|list| {
            if let Some(known) = list.iter_mut().find(|known| known.conversation_id == presence.user_id) {
                known.online = presence.online;
            }
        });
    }
}
