//! Writing to several drivers, and what of it hasn't left yet.

use leptos::prelude::*;
use leptos::task::spawn_local;
use sally_protocol::desktop::CommandError;
use sally_protocol::message::{MessagePriority, SendMessage};
use sally_protocol::outbox::Unsent;
use sally_protocol::template::Facts;
use uuid::Uuid;

use super::clock::{now, zone};
use super::desk::Desk;
use super::inbox::Draft;
use crate::commands;
use crate::model::broadcast::{Choice, Driver, chosen, drivers, gaps, messages};
use crate::model::templates;

/// What is written to several drivers. A bundle of signals.
#[derive(Clone, Copy)]
pub(crate) struct Broadcast {
    /// Whether the sheet is open.
    pub(crate) open: RwSignal<bool>,
    /// What is being written. It stays until it is sent.
    pub(crate) draft: RwSignal<Draft>,
    /// Whom it goes to.
    pub(crate) choice: RwSignal<Choice>,
    /// Whether it is being asked if it may go out.
    pub(crate) confirming: RwSignal<bool>,
    /// Whether the core is taking it.
    pub(crate) busy: RwSignal<bool>,
    /// Why the core didn't take it.
    pub(crate) refused: RwSignal<Option<String>>,
    /// What waits to be sent to several, or for a decision, oldest first.
    pub(crate) unsent: RwSignal<Vec<Unsent>>,
    /// Why one of those couldn't be tried again or discarded.
    pub(crate) not_done: RwSignal<Option<String>>,
}

impl Broadcast {
    /// Nothing is written.
    pub(super) fn new() -> Self {
        Self {
            open: RwSignal::new(false),
            draft: RwSignal::default(),
            choice: RwSignal::default(),
            confirming: RwSignal::new(false),
            busy: RwSignal::new(false),
            refused: RwSignal::default(),
            unsent: RwSignal::default(),
            not_done: RwSignal::default(),
        }
    }

    /// Forgets everything, for the next user.
    pub(super) fn forget(self) {
        self.open.set(false);
        self.clear();
        self.unsent.set(Vec::new());
        self.not_done.set(None);
    }

    fn clear(self) {
        self.draft.set(Draft::default());
        self.choice.set(Choice::default());
        self.confirming.set(false);
        self.busy.set(false);
        self.refused.set(None);
    }

    /// Notes how a message to several stands that waits to be sent.
    pub(super) fn note(self, unsent: Unsent) {
        self.unsent.update(|list| match list.iter_mut().find(|known| known.id() == unsent.id()) {
            Some(known) => *known = unsent,
            None => list.push(unsent),
        });
    }

    /// Notes that a message no longer waits to be sent.
    pub(super) fn left(self, client_message_id: &str) {
        if self.unsent.with_untracked(|list| list.iter().any(|known| known.id() == client_message_id)) {
            self.unsent.update(|list| list.retain(|known| known.id() != client_message_id));
        }
    }

    /// Takes in whether the core has taken what is written. Where it hasn't, all of it stays.
    fn answered(self, answer: Result<(), CommandError>) {
        match answer {
            Ok(()) => {
                self.open.set(false);
                self.clear();
            }
            Err(error) => {
                self.busy.set(false);
                self.confirming.set(false);
                self.refused.set(Some(error.message));
            }
        }
    }

    /// Tries again to send a message that failed. It is the same message to the server.
    pub(crate) fn retry(self, client_message_id: String) {
        self.say(async move { commands::retry_message(&client_message_id).await });
    }

    /// Gives up a message that failed.
    pub(crate) fn discard(self, client_message_id: String) {
        self.say(async move { commands::discard_message(&client_message_id).await });
    }

    fn say(self, call: impl Future<Output = Result<(), CommandError>> + 'static) {
        self.not_done.set(None);
        spawn_local(async move {
            if let Err(error) = call.await {
                self.not_done.set(Some(error.message));
            }
        });
    }
}

impl Desk {
    /// What the placeholders of a message to a driver are filled with.
    pub(crate) fn facts_of(self, driver: &Driver) -> Facts {
        self.board.with_untracked(|board| templates::facts(board, &driver.id, Some(driver.name.clone()), now(), zone))
    }

    /// Sends what is written to those who were chosen: the core keeps it, and sends it when it can.
    pub(crate) fn send_broadcast(self) {
        let broadcast = self.inbox.broadcast;
        if broadcast.busy.get_untracked() {
            return;
        }
        let Draft { text, urgent, requires_ack, .. } = broadcast.draft.get_untracked();
        let choice = broadcast.choice.get_untracked();
        let message = SendMessage {
            content: text.trim().to_owned(),
            priority: if urgent { MessagePriority::Urgent } else { MessagePriority::Normal },
            requires_ack,
            ..SendMessage::default()
        };
        let known = self.inbox.listed.get_untracked();
        let to = self.inbox.conversations.with_untracked(|list| chosen(&drivers(list, &known), &choice));
        // The board may have changed since it was asked what can be filled in.
        if let Some(gap) = gaps(&message.content, &to, |driver| self.facts_of(driver)).first() {
            broadcast.confirming.set(false);
            broadcast.refused.set(Some(gap.words()));
            return;
        }
        let sent = messages(&message, &choice, &to, |driver| self.facts_of(driver), || Uuid::new_v4().to_string());
        broadcast.busy.set(true);
        broadcast.refused.set(None);
        spawn_local(self.inbox.tray.pass_on(async move {
            broadcast.answered(commands::send_messages(&sent).await);
        }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written() -> Broadcast {
        let broadcast = Broadcast::new();
        broadcast.open.set(true);
        broadcast.draft.set(Draft { text: "Ice on the I-40".into(), urgent: true, ..Draft::default() });
        broadcast.confirming.set(true);
        broadcast.busy.set(true);
        broadcast
    }

    #[test]
    fn what_was_not_taken_stays_as_it_was_written() {
        let broadcast = written();
        let draft = broadcast.draft.get_untracked();
        let message = "There is no room left on the disk.".to_owned();
        broadcast.answered(Err(CommandError { code: "outbox".into(), message: message.clone(), retryable: true }));
        assert_eq!(broadcast.draft.get_untracked(), draft);
        assert!(broadcast.open.get_untracked() && !broadcast.confirming.get_untracked());
        assert!(!broadcast.busy.get_untracked(), "it can be sent again");
        assert_eq!(broadcast.refused.get_untracked(), Some(message));
    }

    #[test]
    fn what_was_taken_is_written_no_more() {
        let broadcast = written();
        broadcast.answered(Ok(()));
        assert_eq!(broadcast.draft.get_untracked(), Draft::default());
        assert!(!broadcast.open.get_untracked() && !broadcast.busy.get_untracked());
    }
}
