//! What a page of history says beside its messages: how far everybody is, and who has acknowledged.

use std::collections::HashMap;

use sally_protocol::message::{AcknowledgedBy, HistoryMessage, Receipt, ReceiptKind};
use sally_protocol::{Id, Message};

use crate::store::receipts::{Acknowledgement, Position};

/// The last receipts of a conversation, in the order of users.
pub(super) fn receipts(conversation: &Id, positions: Vec<Position>) -> Vec<Receipt> {
    let of_user = |position: Position| {
        let receipt = |kind, seq, at| Receipt {
            conversation_id: conversation.clone(),
            user_id: position.user.clone(),
            kind,
            seq: Some(seq),
            message_id: None,
            at,
        };
        [
            receipt(ReceiptKind::Delivered, position.delivered_seq, position.delivered_at),
            receipt(ReceiptKind::Read, position.read_seq, position.read_at),
        ]
    };
    positions.into_iter().flat_map(of_user).filter(|receipt| receipt.seq != Some(0)).collect()
}

/// The messages of a conversation with their acknowledgements, which come in the order of time.
pub(super) fn acknowledged(messages: Vec<Message>, acknowledgements: Vec<Acknowledgement>) -> Vec<HistoryMessage> {
    let mut by_message: HashMap<String, Vec<AcknowledgedBy>> = HashMap::new();
    for Acknowledgement { message_id, user, at } in acknowledgements {
        by_message.entry(message_id).or_default().push(AcknowledgedBy { user_id: user, at });
    }
    messages
        .into_iter()
        .map(|message| HistoryMessage {
            acknowledged_by: by_message.remove(&message.message_id).unwrap_or_default(),
            message,
        })
        .collect()
}
