//! Which of the other side's messages reached a device here, and haven't been told yet.

use std::collections::BTreeMap;

use sally_protocol::message::Mark;
use sally_protocol::{Id, Message, Role};

/// Marks on their way, one at a time: what arrives meanwhile is marked together.
#[derive(Debug, Default)]
pub(super) struct Deliveries {
    newest: BTreeMap<Id, u64>,
    is_marking: bool,
}

impl Deliveries {
    /// Notes a message that arrived. One from our own side is none of ours to mark.
    pub(super) fn note(&mut self, message: &Message, own_role: Role) {
        if own_role.is_dispatch() != message.sender_role.is_dispatch() {
            let newest = self.newest.entry(message.conversation_id.clone()).or_default();
            *newest = message.seq.max(*newest);
        }
    }

    /// The next mark to send, unless one is on its way.
    pub(super) fn begin(&mut self) -> Option<Mark> {
        if self.is_marking {
            return None;
        }
        let (conversation_id, seq) = self.newest.pop_first()?;
        self.is_marking = true;
        Some(Mark { conversation_id, seq })
    }

    /// The mark on its way was answered.
    pub(super) fn end(&mut self) {
        self.is_marking = false;
    }
}
