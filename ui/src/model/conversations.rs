//! The list of conversations: who, what was last said, and how much of it is unread.

use std::collections::BTreeMap;

use jiff::Timestamp;
use sally_protocol::message::{Conversation, Message};
use sally_protocol::{Board, Id};

use super::assignment::{self, Heard, Whose};

/// Takes in a message: it becomes its conversation's last one unless that is newer. Returns false
/// when the list doesn't know the conversation.
pub(crate) fn receive(conversations: &mut [Conversation], message: &Message) -> bool {
    let Some(conversation) = conversations.iter_mut().find(|known| known.conversation_id == message.conversation_id)
    else {
        return false;
    };
    if conversation.last_message.as_ref().is_none_or(|last| last.seq < message.seq) {
        conversation.last_message = Some(message.clone());
    }
    true
}

/// Takes in the list as it was fetched. What came live since it was asked for is newer: the messages
/// that `list` has already, who came or went (`online`), and who looks after what (`assigned`).
pub(crate) fn renew(
    list: &mut Vec<Conversation>,
    fetched: Vec<Conversation>,
    online: &BTreeMap<Id, bool>,
    assigned: &Heard,
) {
    let before = std::mem::replace(list, fetched);
    for message in before.iter().filter_map(|known| known.last_message.as_ref()) {
        receive(list, message);
    }
    for conversation in list {
        if let Some(online) = online.get(&conversation.conversation_id) {
            conversation.online = *online;
        }
        if let Some(assignment) = assigned.get(&conversation.conversation_id) {
            assignment::apply(conversation, assignment);
        }
    }
}

/// Puts a conversation that doesn't exist yet into the list, so that somebody can be written to.
pub(crate) fn ensure(conversations: &mut Vec<Conversation>, id: &Id, name: Option<String>) {
    if !conversations.iter().any(|known| known.conversation_id == *id) {
        conversations.push(Conversation {
            conversation_id: id.clone(),
            name,
            unread: 0,
            read_seq: 0,
            last_message: None,
            online: false,
            disabled: false,
            assignee_id: None,
            assignee_name: None,
        });
    }
}

/// How many messages of a conversation wait. The board knows it as of now, the list as of when it was
/// fetched, so that the board is asked while it is current.
pub(crate) fn unread(board: &Board, conversation: &Conversation) -> u64 {
    match board.waiting.get(&conversation.conversation_id) {
        Some(waiting) => waiting.unread,
        None if board.current => 0,
        None => conversation.unread,
    }
}

/// The name to show for a conversation.
pub(crate) fn name(conversation: &Conversation) -> String {
    conversation.name.clone().unwrap_or_else(|| conversation.conversation_id.to_string())
}

/// What the list of conversations is narrowed to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Narrow {
    /// Words that all must occur.
    pub(crate) text: String,
    /// Whose they are.
    pub(crate) whose: Whose,
    /// Who looks at the list.
    pub(crate) viewer: Option<Id>,
    /// The open conversation, which stays in the list whoever it is given to.
    pub(crate) open: Option<Id>,
}

/// The conversations to show, newest activity first, those without a message last and by name.
pub(crate) fn order(conversations: &[Conversation], narrow: &Narrow) -> Vec<Id> {
    let Narrow { text, whose, viewer, open } = narrow;
    let words: Vec<String> = text.split_whitespace().map(str::to_lowercase).collect();
    let at = |conversation: &Conversation| {
        conversation.last_message.as_ref().map_or(Timestamp::MIN, |message| message.timestamp)
    };
    let mut shown: Vec<&Conversation> = conversations
        .iter()
        .filter(|known| open.as_ref() == Some(&known.conversation_id) || whose.admits(known, viewer.as_ref()))
        .filter(|conversation| words.iter().all(|word| mentions(conversation, word)))
        .collect();
    shown.sort_by(|a, b| {
        at(b).cmp(&at(a)).then_with(|| name(a).cmp(&name(b))).then_with(|| a.conversation_id.cmp(&b.conversation_id))
    });
    shown.into_iter().map(|conversation| conversation.conversation_id.clone()).collect()
}

fn mentions(conversation: &Conversation, word: &str) -> bool {
    let last = conversation.last_message.as_ref().map(|message| message.content.as_str());
    [Some(conversation.conversation_id.as_str()), conversation.name.as_deref(), last]
        .into_iter()
        .flatten()
        .any(|text| text.to_lowercase().contains(word))
}

/// Who types in which conversation, and since when it was last said.
pub(crate) type Typists = BTreeMap<Id, BTreeMap<Id, Timestamp>>;

/// How long a notice that somebody types holds without being repeated, in milliseconds. Whoever loses
/// the connection while typing never says that they have stopped.
const TYPING_HOLDS_MS: i64 = 8_000;

/// Those who type in a conversation at `now`, the viewer excepted.
pub(crate) fn typists(typists: &Typists, conversation: &Id, viewer: &Id, now: Timestamp) -> Vec<Id> {
    let typing = typists.get(conversation).into_iter().flatten();
    typing
        .filter(|(user, at)| *user != viewer && now.as_millisecond() - at.as_millisecond() < TYPING_HOLDS_MS)
        .map(|(user, _)| user.clone())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use sally_protocol::stream::Frame;
    use serde_json::json;

    fn id(text: &str) -> Id {
        Id::parse(text).expect("an id")
    }

    fn message(conversation: &str, seq: u64, minute: u32) -> Message {
        serde_json::from_value(json!({
            "messageId": format!("{conversation}-{seq}"), "conversationId": conversation, "seq": seq, "cursor": "c",
            "senderId": conversation, "senderRole": "driver", "recipientId": "dispatch", "content": format!("say {seq}"),
            "priority": "normal", "requiresAck": false, "clientMessageId": format!("u{seq}"),
            "timestamp": format!("2026-11-24T10:{minute:02}:00Z"),
        }))
        .expect("a message")
    }

    #[test]
    fn what_came_live_is_newer_than_a_list_that_was_asked_for_before() {
        let mut list = three();
        receive(&mut list, &message("d1", 2, 5));
        let mut fetched = three();
        receive(&mut fetched, &message("d1", 1, 4));
        receive(&mut fetched, &message("d2", 7, 4));
        let assignment: sally_protocol::team::Assignment = serde_json::from_value(json!({
            "conversationId": "d2", "assigneeId": "ada", "assignedBy": "ann", "at": "2026-11-24T10:00:00Z",
        }))
        .expect("an assignment");
        renew(&mut list, fetched, &BTreeMap::from([(id("d3"), true)]), &Heard::from([(id("d2"), assignment)]));
        assert_eq!(list[1].assignee_id, Some(id("ada")));
        let seq = |at: usize| list[at].last_message.as_ref().map(|message| message.seq);
        assert_eq!((seq(0), seq(1), seq(2)), (Some(2), Some(7), None));
        assert_eq!(list.iter().map(|known| known.online).collect::<Vec<_>>(), [false, false, true]);
    }

    fn three() -> Vec<Conversation> {
        let mut list = Vec::new();
        ensure(&mut list, &id("d1"), Some("Zoe".into()));
        ensure(&mut list, &id("d2"), Some("Bo".into()));
        ensure(&mut list, &id("d3"), None);
        ensure(&mut list, &id("d3"), Some("twice".into()));
        list
    }

    fn ordered(list: &[Conversation], text: &str) -> String {
        narrowed(list, &Narrow { text: text.into(), ..Narrow::default() })
    }

    fn narrowed(list: &[Conversation], narrow: &Narrow) -> String {
        order(list, narrow).iter().map(Id::to_string).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_narrowed_list_keeps_the_open_conversation() {
        let mut list = three();
        (list[0].assignee_id, list[1].assignee_id) = (Some(id("ann")), Some(id("ada")));
        let narrow = |whose, open: Option<&str>, text: &str| Narrow {
            text: text.into(),
            whose,
            viewer: Some(id("ann")),
            open: open.map(id),
        };
        assert_eq!(narrowed(&list, &narrow(Whose::Mine, None, "")), "d1");
        assert_eq!(narrowed(&list, &narrow(Whose::Unassigned, None, "")), "d3");
        assert_eq!(narrowed(&list, &narrow(Whose::Mine, Some("d2"), "")), "d2 d1");
        assert_eq!(narrowed(&list, &narrow(Whose::Mine, Some("d2"), "zoe")), "d1", "words leave it out, too");
    }

    #[test]
    fn the_newest_activity_comes_first() {
        let mut list = three();
        assert_eq!(ordered(&list, ""), "d2 d1 d3");
        assert!(receive(&mut list, &message("d1", 2, 5)));
        assert!(receive(&mut list, &message("d3", 1, 9)));
        assert!(receive(&mut list, &message("d1", 1, 30)), "an older one changes nothing");
        assert_eq!(ordered(&list, ""), "d3 d1 d2");
        assert!(!receive(&mut list, &message("d9", 1, 0)));
        assert_eq!(ordered(&list, "SAY 2"), "d1");
        assert_eq!(ordered(&list, "bo"), "d2");
    }

    #[test]
    fn the_board_knows_what_is_unread_while_it_is_current() {
        let mut list = three();
        list[0].unread = 4;
        let mut board = Board::default();
        assert_eq!(unread(&board, &list[0]), 4);
        let notice = json!({ "conversationId": "d1", "preview": "x", "unread": 2, "priority": "normal" });
        board.apply(&Frame::Event { kind: "message_waiting".into(), data: notice });
        assert_eq!(unread(&board, &list[0]), 2);
        board.waiting.clear();
        board.current = true;
        assert_eq!(unread(&board, &list[0]), 0);
    }

    #[test]
    fn a_typing_notice_ends_by_itself() {
        let since: Timestamp = "2026-11-24T10:00:00Z".parse().expect("a time");
        let known = Typists::from([(id("d1"), BTreeMap::from([(id("d1"), since), (id("ann"), since)]))]);
        let at = |seconds| typists(&known, &id("d1"), &id("ann"), since + jiff::SignedDuration::from_secs(seconds));
        assert_eq!(at(7), [id("d1")]);
        assert_eq!(at(8), []);
        assert_eq!(typists(&known, &id("d2"), &id("ann"), since), []);
    }
}
