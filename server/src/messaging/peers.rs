//! What the nodes of one tenant's people tell each other.
//!
//! Messages are not among it: a node that hears that an inbox has grown reads them from the store,
//! and looks there from time to time anyway. Whatever else is lost on the way shows again with the
//! next of its kind: receipts are cumulative and come with the history, presence is told every few
//! seconds, and typing ends by itself.

use sally_protocol::cursor::Epoch;
use sally_protocol::fleet::Side;
use sally_protocol::{Id, Tenant};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::audience::Audience;
use super::presence::Person;
use crate::link::Bus;
use crate::store::messages::InboxHead;

/// What one node tells the others.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub(super) enum Notice {
    /// A tenant's inbox has grown up to here.
    Grown { tenant: Tenant, epoch: u64, offset: u64 },
    /// Sockets of this audience are to be told of an event.
    Event { tenant: Tenant, to: Audience, event: String, data: Value },
    /// These people of a tenant, and no others, have sockets at this node.
    Online { tenant: Tenant, people: Vec<Person> },
    /// Somebody has begun, or goes on, or has stopped to type.
    Typing { tenant: Tenant, conversation: Id, user: Id, side: Side, typing: bool },
    /// The node is new and asks who is online.
    Hello,
}

impl Notice {
    pub(super) fn grown(tenant: &Tenant, head: InboxHead) -> Self {
        Self::Grown { tenant: tenant.clone(), epoch: head.epoch.0, offset: head.offset }
    }

    /// The head that [`Notice::Grown`] tells of.
    pub(super) fn head(epoch: u64, offset: u64) -> InboxHead {
        InboxHead { epoch: Epoch(epoch), offset }
    }
}

/// A notice and who tells it.
#[derive(Debug, Serialize, Deserialize)]
struct Letter<N> {
    node: Uuid,
    notice: N,
}

/// The other nodes; a cheap clone.
#[derive(Debug, Clone)]
pub(super) struct Peers {
    node: Uuid,
    bus: Bus,
}

impl Peers {
    pub(super) fn new(bus: Bus) -> Self {
        Self { node: Uuid::new_v4(), bus }
    }

    /// Whether there can't be any.
    pub(super) fn are_none(&self) -> bool {
        self.bus.is_alone()
    }

    /// Tells all of them, unless the way to them is broken.
    pub(super) fn tell(&self, notice: &Notice) {
        if self.are_none() {
            return;
        }
        match serde_json::to_vec(&Letter { node: self.node, notice }) {
            Ok(letter) => self.bus.tell(letter),
            Err(error) => tracing::error!(%error, "a notice for the other nodes can't be written"),
        }
    }

    /// Reads what was heard: who told it, and what. `None` for this node's own.
    pub(super) fn read(&self, word: &[u8]) -> Option<(Uuid, Notice)> {
        match serde_json::from_slice::<Letter<Notice>>(word) {
            Ok(letter) => (letter.node != self.node).then_some((letter.node, letter.notice)),
            Err(error) => {
                // A node of another version may say more.
                tracing::warn!(%error, "a notice of another node can't be read");
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notice_survives_the_way_and_is_not_heard_by_its_own_node() {
        let (one, two) = (Peers::new(Bus::alone().0), Peers::new(Bus::alone().0));
        let tenant = Tenant::parse("acme").expect("a tenant");
        let head = InboxHead { epoch: Epoch(u64::MAX >> 1), offset: 7 };
        let notices = [
            Notice::grown(&tenant, head),
            Notice::Event {
                tenant: tenant.clone(),
                to: Audience::Conversation(Id::parse("d1").expect("an id")),
                event: "receipt".into(),
                data: serde_json::json!({ "seq": 3 }),
            },
            Notice::Online {
                tenant,
                people: vec![Person { side: Side::Driver, user: Id::parse("d1").expect("an id") }],
            },
            Notice::Hello,
        ];
        for notice in notices {
            let letter = serde_json::to_vec(&Letter { node: one.node, notice: &notice }).expect("JSON");
            assert_eq!(two.read(&letter), Some((one.node, notice)));
            assert_eq!(one.read(&letter), None);
        }
        assert_eq!(one.read(b"nonsense"), None);
    }
}
