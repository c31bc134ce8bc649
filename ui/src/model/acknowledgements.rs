//! Which of the team's messages are to be acknowledged, and how many have done so.

use std::collections::BTreeMap;

use sally_protocol::Message;
use sally_protocol::team::{Acknowledgements, AwaitedAcknowledgement, AwaitedAcknowledgements};

use super::label;
use super::thread::key_of;

/// Of how many drivers an acknowledgement was asked, and how many have given it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tally {
    /// How many were asked.
    pub(crate) required: u64,
    /// How many have acknowledged.
    pub(crate) acknowledged: u64,
}

impl Tally {
    /// `3 of 5 acknowledged`.
    pub(crate) fn words(self) -> String {
        let Self { required, acknowledged } = self;
        format!("{} of {} acknowledged", label::thousands(acknowledged), label::thousands(required))
    }

    /// Takes in another answer, which may be older: nobody takes back an acknowledgement.
    fn advance(&mut self, other: Self) {
        let acknowledged = self.acknowledged.max(other.acknowledged).min(other.required);
        *self = Self { acknowledged, ..other };
    }
}

/// What is known of acknowledgements. A message and, of a broadcast, all its likes have one key: their
/// sender and the sender's own id for it.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Ledger {
    /// What somebody still has to acknowledge, newest first.
    pub(crate) awaited: Vec<AwaitedAcknowledgement>,
    /// Whether there are older ones.
    pub(crate) more: bool,
    tallies: BTreeMap<String, Tally>,
}

/// What a message and its likes in other threads have in common.
pub(crate) fn key(message: &Message) -> String {
    key_of(&message.sender_id, &message.client_message_id)
}

impl Ledger {
    /// Takes in what is awaited now. What was awaited and is no longer has been acknowledged by all.
    pub(crate) fn renew(&mut self, fetched: AwaitedAcknowledgements) {
        let oldest = fetched.awaited.last().map(|last| last.message.timestamp).filter(|_| fetched.more);
        for before in std::mem::replace(&mut self.awaited, fetched.awaited) {
            let key = key(&before.message);
            let is_told = oldest.is_none_or(|oldest| before.message.timestamp > oldest);
            let is_awaited = self.awaited.iter().any(|awaited| self::key(&awaited.message) == key);
            if is_told
                && !is_awaited
                && let Some(tally) = self.tallies.get_mut(&key)
            {
                tally.acknowledged = tally.required;
            }
        }
        self.more = fetched.more;
        for awaited in &self.awaited {
            let AwaitedAcknowledgement { message, required, acknowledged } = awaited;
            let tally = Tally { required: *required, acknowledged: *acknowledged };
            self.tallies.entry(key(message)).or_insert(tally).advance(tally);
        }
    }

    /// Takes in who has acknowledged the message of a key.
    pub(crate) fn note(&mut self, key: &str, answer: &Acknowledgements) {
        let tally = Tally { required: answer.required, acknowledged: answer.acknowledged.len() as u64 };
        self.tallies.entry(key.to_owned()).or_insert(tally).advance(tally);
    }

    /// How many have acknowledged the message of a key, as far as that is known.
    pub(crate) fn tally(&self, key: &str) -> Option<Tally> {
        self.tallies.get(key).copied().filter(|tally| tally.required > 0)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json};

    use super::*;

    fn awaited(client: &str, minute: u32, required: u64, acknowledged: u64) -> AwaitedAcknowledgement {
        from_value(json!({ "required": required, "acknowledged": acknowledged, "message": {
            "messageId": format!("m-{client}"), "conversationId": "d1", "seq": 1, "cursor": "c", "senderId": "ann",
            "senderRole": "dispatcher", "recipientId": "d1", "content": "Go", "priority": "normal", "requiresAck": true,
            "clientMessageId": client, "timestamp": format!("2026-11-24T10:{minute:02}:00Z"),
        }}))
        .expect("an awaited message")
    }

    fn fetched(awaited: Vec<AwaitedAcknowledgement>, more: bool) -> AwaitedAcknowledgements {
        AwaitedAcknowledgements { awaited, more }
    }

    fn told(ledger: &Ledger, client: &str) -> Option<String> {
        ledger.tally(&format!("ann/{client}")).map(Tally::words)
    }

    #[test]
    fn what_is_no_longer_awaited_has_been_acknowledged_by_all() {
        let mut ledger = Ledger::default();
        ledger.renew(fetched(vec![awaited("b", 9, 5, 3), awaited("a", 8, 1, 0)], false));
        assert_eq!(told(&ledger, "b").as_deref(), Some("3 of 5 acknowledged"));
        ledger.renew(fetched(vec![awaited("a", 8, 1, 0)], false));
        assert_eq!(told(&ledger, "b").as_deref(), Some("5 of 5 acknowledged"));
        assert_eq!(told(&ledger, "a").as_deref(), Some("0 of 1 acknowledged"));
        assert_eq!(told(&ledger, "c"), None);
    }

    #[test]
    fn what_has_only_fallen_off_the_end_of_the_list_is_as_it_was() {
        let mut ledger = Ledger::default();
        ledger.renew(fetched(vec![awaited("b", 9, 2, 1), awaited("a", 8, 2, 1)], false));
        ledger.renew(fetched(vec![awaited("c", 10, 2, 0), awaited("b", 9, 2, 1)], true));
        assert_eq!(told(&ledger, "a").as_deref(), Some("1 of 2 acknowledged"));
    }

    #[test]
    fn an_older_answer_takes_nothing_back() {
        let mut ledger = Ledger::default();
        let drivers = |ids: &[&str]| {
            let known = |id: &&str| json!({ "userId": id, "messageId": "m", "at": "2026-11-24T10:10:00Z" });
            json!(ids.iter().map(known).collect::<Vec<_>>())
        };
        let looked_up = json!({ "required": 2, "acknowledged": drivers(&["d1"]), "missing": drivers(&["d2"]) });
        ledger.note("ann/x", &from_value(looked_up).expect("an answer"));
        ledger.renew(fetched(vec![awaited("x", 9, 2, 0)], false));
        assert_eq!(told(&ledger, "x").as_deref(), Some("1 of 2 acknowledged"));
    }

    #[test]
    fn who_was_looked_up_is_counted() {
        let mut ledger = Ledger::default();
        let nobody = Acknowledgements { required: 0, acknowledged: vec![], missing: vec![] };
        ledger.note("ann/x", &nobody);
        assert_eq!(told(&ledger, "x"), None, "it doesn't ask for any");
        let missing = from_value(json!([{ "userId": "d1", "messageId": "m" }])).expect("a driver");
        ledger.note("ann/x", &Acknowledgements { required: 1, acknowledged: vec![], missing });
        assert_eq!(told(&ledger, "x").as_deref(), Some("0 of 1 acknowledged"));
    }
}
