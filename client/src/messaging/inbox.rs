//! What has been seen of the tenant's messages, and what a message that comes means by that.

use std::collections::BTreeMap;

use sally_protocol::{Id, Message};

/// The order of what comes out: each message once, in `seq` order within its conversation.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    /// Everything up to here has been seen.
    cursor: Option<String>,
    /// The newest `seq` of each conversation that anything came of.
    newest: BTreeMap<Id, u64>,
    /// A head that was asked about already: where a driver's newest message stands never equals
    /// where the tenant stands.
    settled_head: Option<String>,
}

/// What a message means.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Arrival {
    /// It is the next one.
    Next,
    /// It has been seen.
    Repeat,
    /// Something before it is missing; resume brings both.
    Gap,
}

impl Inbox {
    /// Where to resume. `None` before the first `session`.
    pub(super) fn cursor(&self) -> Option<&str> {
        self.cursor.as_deref()
    }

    /// The first connection starts where the tenant stands; what is older comes by HTTP.
    pub(super) fn begin(&mut self, cursor: &str) {
        self.cursor.get_or_insert_with(|| cursor.to_owned());
    }

    /// A `new_message`. The server sends them in the order of their cursors, so that the first of
    /// a conversation has nothing before it that is still to come.
    pub(super) fn pushed(&mut self, message: &Message) -> Arrival {
        let arrival = match self.newest.get(&message.conversation_id) {
            Some(newest) if message.seq <= *newest => Arrival::Repeat,
            Some(newest) if message.seq > newest + 1 => Arrival::Gap,
            _ => Arrival::Next,
        };
        if arrival != Arrival::Gap {
            self.cursor = Some(message.cursor.clone());
        }
        self.take(message, arrival)
    }

    /// A message of our own that was acknowledged. What others wrote before it may still be on
    /// its way, so it says nothing about the cursor, and nothing in a conversation not yet seen.
    pub(super) fn sent(&mut self, message: &Message) -> Arrival {
        let newest = self.newest.get(&message.conversation_id).copied();
        let arrival = match newest {
            Some(newest) if message.seq <= newest => Arrival::Repeat,
            _ if message.seq == newest.unwrap_or(0) + 1 => Arrival::Next,
            _ => Arrival::Gap,
        };
        self.take(message, arrival)
    }

    /// A message from an answer to `resume`, which is complete by definition.
    pub(super) fn resumed(&mut self, message: &Message) -> Arrival {
        let arrival = match self.newest.get(&message.conversation_id) {
            Some(newest) if message.seq <= *newest => Arrival::Repeat,
            _ => Arrival::Next,
        };
        self.take(message, arrival)
    }

    /// The end of an answer to `resume`.
    pub(super) fn resumed_to(&mut self, cursor: &str) {
        self.cursor = Some(cursor.to_owned());
    }

    /// A `head`. Whether there is something we haven't seen.
    pub(super) fn is_behind(&mut self, head: &str) -> bool {
        if self.cursor.as_deref() == Some(head) || self.settled_head.as_deref() == Some(head) {
            return false;
        }
        self.settled_head = Some(head.to_owned());
        true
    }

    fn take(&mut self, message: &Message, arrival: Arrival) -> Arrival {
        if arrival == Arrival::Next {
            self.newest.insert(message.conversation_id.clone(), message.seq);
        }
        arrival
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn message(conversation: &str, seq: u64, cursor: &str) -> Message {
        serde_json::from_value(json!({
            "messageId": format!("{conversation}-{seq}"), "conversationId": conversation, "seq": seq, "cursor": cursor,
            "senderId": conversation, "senderRole": "driver", "recipientId": "dispatch", "content": "hi",
            "priority": "normal", "requiresAck": false, "timestamp": "2026-01-01T00:00:00Z", "clientMessageId": "x",
        }))
        .expect("a message")
    }

    #[test]
    fn pushed_messages_come_once_and_without_a_gap() {
        let mut inbox = Inbox::default();
        inbox.begin("c0");
        assert_eq!(inbox.pushed(&message("dan", 7, "c1")), Arrival::Next, "the first one seen begins the thread");
        assert_eq!(inbox.pushed(&message("dan", 7, "c1")), Arrival::Repeat);
        assert_eq!(inbox.pushed(&message("eve", 1, "c2")), Arrival::Next, "threads are numbered on their own");
        assert_eq!(inbox.pushed(&message("dan", 9, "c4")), Arrival::Gap);
        assert_eq!(inbox.cursor(), Some("c2"), "a gap is resumed from before it");
        assert_eq!(inbox.resumed(&message("dan", 8, "c3")), Arrival::Next);
        assert_eq!(inbox.resumed(&message("dan", 9, "c4")), Arrival::Next);
        inbox.resumed_to("c4");
        assert_eq!(inbox.pushed(&message("dan", 10, "c5")), Arrival::Next);
    }

    #[test]
    fn an_own_message_leaves_the_cursor_alone() {
        let mut inbox = Inbox::default();
        inbox.begin("c0");
        assert_eq!(inbox.sent(&message("dan", 4, "c9")), Arrival::Gap, "what came before it is unknown");
        assert_eq!(inbox.resumed(&message("dan", 3, "c8")), Arrival::Next);
        assert_eq!(inbox.resumed(&message("dan", 4, "c9")), Arrival::Next);
        inbox.resumed_to("c9");
        assert_eq!(inbox.sent(&message("dan", 5, "c11")), Arrival::Next);
        assert_eq!(inbox.cursor(), Some("c9"), "c10 may still be on its way");
        assert_eq!(inbox.sent(&message("dan", 5, "c11")), Arrival::Repeat, "a resend was answered");
        assert_eq!(inbox.sent(&message("eve", 1, "c12")), Arrival::Next, "a thread's first has nothing before it");
    }

    #[test]
    fn a_head_is_asked_about_once() {
        let mut inbox = Inbox::default();
        inbox.begin("c5");
        assert!(!inbox.is_behind("c5"));
        assert!(inbox.is_behind("c6"));
        assert!(!inbox.is_behind("c6"), "the answer to the first question settled it");
        assert!(inbox.is_behind("c7"));
    }

    #[test]
    fn a_reconnect_keeps_the_cursor() {
        let mut inbox = Inbox::default();
        inbox.begin("c1");
        inbox.begin("c9");
        assert_eq!(inbox.cursor(), Some("c1"));
    }
}
