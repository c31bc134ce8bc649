//! One conversation's messages: what is stored, what is on its way, and how both are shown as one.
//!
//! A message may arrive three times: as the answer to its sending, as a push and as a page of
//! history. It is stored once, under its place in the conversation.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::civil::Date;
use sally_protocol::Id;
use sally_protocol::message::{History, HistoryMessage, Message, Receipt, ReceiptKind};
use sally_protocol::outbox::Unsent;

use super::bubble::Viewer;
use super::notebook::Notebook;
use super::time::{Zone, day};

/// One conversation.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Thread {
    /// Stored messages by their place in the conversation, without a hole between them.
    pub(super) stored: BTreeMap<u64, Message>,
    /// Where a stored message stands, by [`key_of`].
    pub(super) places: BTreeMap<String, u64>,
    /// What waits to be sent or could not be, oldest first.
    outgoing: Vec<Unsent>,
    /// Whether the server has older messages than those here; `None` before the first page.
    more: Option<bool>,
    /// The other side's device has everything up to here.
    pub(super) delivered: u64,
    /// The other side has read everything up to here.
    pub(super) read: u64,
    /// Messages that the other side has acknowledged.
    pub(super) acknowledged: BTreeSet<String>,
    /// Messages of the other side that somebody here has acknowledged.
    pub(super) answered: BTreeSet<String>,
    /// Whether a push showed that messages are missing, so that the newest page must be fetched.
    stale: bool,
}

/// A line of the thread.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Entry {
    /// A new day begins.
    Day(Date),
    /// What follows had not been read when the conversation was opened.
    Unread,
    /// A message, by its key.
    Message(String),
    /// A note of the dispatch team, by its key.
    Note(String),
}

/// What is to be fetched next on the way to a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// Nothing: it is here, or the server no longer has it.
    There,
    /// The newest page.
    Newest,
    /// The page before this place.
    Older(u64),
}

/// What identifies a message from the moment it is written: its sender and the sender's own id for it.
pub(super) fn key_of(sender: &Id, client_message_id: &str) -> String {
    format!("{sender}/{client_message_id}")
}

impl Thread {
    /// Takes in a page of history. `newest` says whether it is the newest page or one before what is here.
    pub(crate) fn page(&mut self, page: History, newest: bool) {
        // The other side's user is the driver, after whom the conversation is named.
        for receipt in &page.receipts {
            self.receipt(receipt, &receipt.conversation_id);
        }
        let (first, last) = match (page.messages.first(), page.messages.last()) {
            (Some(first), Some(last)) => (first.message.seq, last.message.seq),
            _ => {
                self.more = Some(false);
                self.stale = false;
                return;
            }
        };
        let touches = self.oldest().is_none_or(|oldest| last + 1 >= oldest)
            && self.newest().is_none_or(|newest| first <= newest + 1);
        if !touches {
            if !newest {
                return;
            }
            // What lies between is unknown: the newest page is the truth, the rest comes by scrolling up.
            self.stored.clear();
            self.places.clear();
        }
        let extends = self.oldest().is_none_or(|oldest| first < oldest);
        if extends || self.more.is_none() {
            self.more = Some(page.more);
        }
        if newest {
            self.stale = false;
        }
        for HistoryMessage { message, acknowledged_by } in page.messages {
            for by in acknowledged_by {
                let is_other = by.user_id == message.conversation_id;
                let known = if is_other { &mut self.acknowledged } else { &mut self.answered };
                known.insert(message.message_id.clone());
            }
            self.store(message);
        }
    }

    /// Takes in a message that was pushed or that a sending was answered with.
    pub(crate) fn receive(&mut self, message: Message) {
        if self.newest().is_some_and(|newest| message.seq > newest + 1) {
            // Storing it would hide the hole. It comes with the newest page.
            self.stale = true;
            self.settle(&message);
            return;
        }
        if self.oldest().is_some_and(|oldest| message.seq + 1 < oldest) {
            self.settle(&message);
            return;
        }
        self.store(message);
    }

    fn store(&mut self, message: Message) {
        self.settle(&message);
        self.places.insert(key_of(&message.sender_id, &message.client_message_id), message.seq);
        self.stored.insert(message.seq, message);
    }

    /// A stored message is no longer on its way.
    fn settle(&mut self, message: &Message) {
        self.outgoing.retain(|outgoing| outgoing.id() != message.client_message_id);
    }

    /// Notes how a message stands that waits to be sent. One that is stored waits no longer, whatever
    /// is heard of it late.
    pub(crate) fn unsent(&mut self, unsent: Unsent) {
        if self.stored.values().any(|message| message.client_message_id == unsent.id()) {
            return;
        }
        match self.outgoing.iter_mut().find(|known| known.id() == unsent.id()) {
            Some(known) => *known = unsent,
            None => self.outgoing.push(unsent),
        }
    }

    /// Notes that a message no longer waits to be sent.
    pub(crate) fn left(&mut self, client_message_id: &str) {
        self.outgoing.retain(|known| known.id() != client_message_id);
    }

    /// Forgets all that waits to be sent, before it is told anew.
    pub(crate) fn forget_outgoing(&mut self) {
        self.outgoing.clear();
    }

    /// The message with this key, if it has not been stored yet.
    pub(crate) fn outgoing(&self, key: &str, viewer: &Viewer) -> Option<&Unsent> {
        self.outgoing.iter().find(|known| key_of(&viewer.user, known.id()) == key)
    }

    /// How many messages wait to be sent or for a decision.
    pub(crate) fn outgoing_count(&self) -> usize {
        self.outgoing.len()
    }

    /// Whether any does.
    pub(crate) fn has_outgoing(&self) -> bool {
        !self.outgoing.is_empty()
    }

    /// Notes a receipt of the other side, whose user is `other`. Receipts never go back.
    pub(crate) fn receipt(&mut self, receipt: &Receipt, other: &Id) {
        if receipt.user_id != *other {
            // What a colleague has read or received says nothing; what they have acknowledged is done.
            if let (ReceiptKind::Acknowledged, Some(message)) = (receipt.kind, receipt.message_id.clone()) {
                self.answered(message);
            }
            return;
        }
        let seq = receipt.seq.unwrap_or(0);
        match receipt.kind {
            ReceiptKind::Delivered => self.delivered = self.delivered.max(seq),
            ReceiptKind::Read => self.read = self.read.max(seq),
            ReceiptKind::Acknowledged => self.acknowledged.extend(receipt.message_id.clone()),
        }
    }

    /// Notes that somebody here has acknowledged a message of the other side.
    pub(crate) fn answered(&mut self, message_id: String) {
        self.answered.insert(message_id);
    }

    /// The place of the newest stored message.
    pub(crate) fn newest(&self) -> Option<u64> {
        self.stored.keys().next_back().copied()
    }

    /// The place of the oldest stored message.
    pub(crate) fn oldest(&self) -> Option<u64> {
        self.stored.keys().next().copied()
    }

    /// When the oldest stored message was stored.
    pub(crate) fn since(&self) -> Option<Timestamp> {
        self.stored.values().next().map(|message| message.timestamp)
    }

    /// Whether the message at a place is here.
    pub(crate) fn has(&self, seq: u64) -> bool {
        self.stored.contains_key(&seq)
    }

    /// What is to be fetched so that the message at a place is here.
    pub(crate) fn step_to(&self, seq: u64) -> Step {
        match self.oldest() {
            _ if self.more.is_none() || self.stale => Step::Newest,
            _ if self.newest().is_some_and(|newest| newest < seq) => Step::Newest,
            Some(oldest) if seq < oldest && self.has_more() => Step::Older(oldest),
            _ => Step::There,
        }
    }

    /// Whether a page has come in at all.
    pub(crate) fn is_loaded(&self) -> bool {
        self.more.is_some()
    }

    /// Whether the newest page must be fetched because messages are missing.
    pub(crate) fn is_stale(&self) -> bool {
        self.stale
    }

    /// Whether the server has older messages than those here.
    pub(crate) fn has_more(&self) -> bool {
        self.more == Some(true)
    }

    /// The lines of the thread, with the notes among the messages in the order of time. `unread_from` is
    /// the first place that had not been read at opening.
    pub(crate) fn entries(
        &self,
        notes: &Notebook,
        viewer: &Viewer,
        unread_from: Option<u64>,
        zone: Zone,
    ) -> Vec<Entry> {
        let mut entries = Vec::with_capacity(self.stored.len() + self.outgoing.len() + 4);
        let mut last = None;
        let mut open_day = |entries: &mut Vec<Entry>, at| {
            let date = day(at, zone);
            if last.replace(date) != Some(date) {
                entries.push(Entry::Day(date));
            }
        };
        // A note that is older than all messages here comes with older messages.
        let since = self.since().filter(|_| self.has_more());
        let is_shown = |at: Timestamp| self.is_loaded() && since.is_none_or(|since| at >= since);
        let mut notes_left = notes.lines().filter(|(at, _)| is_shown(*at)).peekable();
        for (seq, message) in &self.stored {
            while let Some((at, key)) = notes_left.next_if(|(at, _)| *at < message.timestamp) {
                open_day(&mut entries, at);
                entries.push(Entry::Note(key));
            }
            open_day(&mut entries, message.timestamp);
            if unread_from == Some(*seq) {
                entries.push(Entry::Unread);
            }
            entries.push(Entry::Message(key_of(&message.sender_id, &message.client_message_id)));
        }
        for (at, key) in notes_left {
            open_day(&mut entries, at);
            entries.push(Entry::Note(key));
        }
        let messages =
            self.outgoing.iter().map(|unsent| (unsent.created_at, Entry::Message(key_of(&viewer.user, unsent.id()))));
        let unsent_notes = notes.outgoing_lines(viewer).map(|(at, key)| (at, Entry::Note(key)));
        let mut outgoing: Vec<_> = messages.chain(unsent_notes).collect();
        outgoing.sort_by_key(|(at, _)| *at);
        for (at, entry) in outgoing {
            open_day(&mut entries, at);
            entries.push(entry);
        }
        entries
    }
}

#[cfg(test)]
#[path = "thread_tests.rs"]
mod tests;
