//! What a page of history says beside its messages: how far everybody is, and who has acknowledged.
//!
//! A driver sees the dispatch team as one: as far as the furthest of them, since the first that was
//! there; what one has acknowledged, the team has.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;
use sally_protocol::fleet::Side;
use sally_protocol::message::{AcknowledgedBy, DISPATCH, HistoryMessage, Receipt, ReceiptKind};
use sally_protocol::{Id, Message};

use crate::store::receipts::{Acknowledgement, Position};

/// The last receipts of a conversation as one side sees them, in the order of users.
pub(super) fn receipts(conversation: &Id, positions: &[Position], side: Side) -> Vec<Receipt> {
    let mut receipts: Vec<Receipt> = Vec::new();
    for position in positions {
        let user = as_seen(&position.user, conversation, side);
        for (kind, seq, at) in [
            (ReceiptKind::Delivered, position.delivered_seq, position.delivered_at),
            (ReceiptKind::Read, position.read_seq, position.read_at),
        ] {
            if seq > 0 {
                note(&mut receipts, conversation, &user, kind, seq, at);
            }
        }
    }
    receipts
}

fn note(receipts: &mut Vec<Receipt>, conversation: &Id, user: &Id, kind: ReceiptKind, seq: u64, at: Timestamp) {
    match receipts.iter_mut().find(|known| known.user_id == *user && known.kind == kind) {
        Some(known) if Some(seq) > known.seq => (known.seq, known.at) = (Some(seq), at),
        Some(known) if Some(seq) == known.seq => known.at = known.at.min(at),
        Some(_) => {}
        None => receipts.push(Receipt {
            conversation_id: conversation.clone(),
            user_id: user.clone(),
            kind,
            seq: Some(seq),
            message_id: None,
            at,
        }),
    }
}

/// The messages of a conversation with their acknowledgements, which come in the order of time, as
/// one side sees them.
pub(super) fn acknowledged(
    conversation: &Id,
    messages: Vec<Message>,
    acknowledgements: Vec<Acknowledgement>,
    side: Side,
) -> Vec<HistoryMessage> {
    let mut seen = HashSet::new();
    let mut by_message: HashMap<String, Vec<AcknowledgedBy>> = HashMap::new();
    for Acknowledgement { message_id, user, at } in acknowledgements {
        let user_id = as_seen(&user, conversation, side);
        if seen.insert((message_id.clone(), user_id.clone())) {
            by_message.entry(message_id).or_default().push(AcknowledgedBy { user_id, at });
        }
    }
    messages
        .into_iter()
        .map(|message| HistoryMessage {
            acknowledged_by: by_message.remove(&message.message_id).unwrap_or_default(),
            message,
        })
        .collect()
}

/// Under which id one side of a conversation sees a user.
fn as_seen(user: &Id, conversation: &Id, side: Side) -> Id {
    match Id::parse(DISPATCH) {
        Ok(team) if side == Side::Driver && user != conversation => team,
        _ => user.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> Id {
        Id::parse(text).expect("an id")
    }

    fn second(n: i64) -> Timestamp {
        Timestamp::from_second(n).expect("a time")
    }

    fn position(user: &str, delivered: (u64, i64), read: (u64, i64)) -> Position {
        Position {
            user: id(user),
            delivered_seq: delivered.0,
            delivered_at: second(delivered.1),
            read_seq: read.0,
            read_at: second(read.1),
        }
    }

    fn seen(side: Side) -> Vec<(String, &'static str, u64, i64)> {
        let positions = [
            position("ann", (4, 40), (3, 35)),
            position("bob", (4, 30), (2, 20)),
            position("d1", (5, 50), (5, 55)),
            position("eve", (1, 10), (0, 0)),
        ];
        receipts(&id("d1"), &positions, side)
            .into_iter()
            .map(|of| (of.user_id.to_string(), of.kind.as_str(), of.seq.unwrap_or(0), of.at.as_second()))
            .collect()
    }

    #[test]
    fn a_driver_sees_the_team_where_its_furthest_is() {
        let expected = [
            ("dispatch", "delivered", 4, 30),
            ("dispatch", "read", 3, 35),
            ("d1", "delivered", 5, 50),
            ("d1", "read", 5, 55),
        ];
        assert_eq!(seen(Side::Driver), expected.map(|(user, kind, seq, at)| (user.to_owned(), kind, seq, at)));
    }

    #[test]
    fn a_dispatcher_sees_everybody_who_is_somewhere() {
        let users: Vec<(String, &str)> =
            seen(Side::Dispatch).into_iter().map(|(user, kind, ..)| (user, kind)).collect();
        let expected = [
            ("ann", "delivered"),
            ("ann", "read"),
            ("bob", "delivered"),
            ("bob", "read"),
            ("d1", "delivered"),
            ("d1", "read"),
            ("eve", "delivered"),
        ];
        assert_eq!(users, expected.map(|(user, kind)| (user.to_owned(), kind)));
    }
}
